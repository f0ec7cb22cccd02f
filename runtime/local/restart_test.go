package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
	"github.com/sensorflow/sensorflow/test/await"
)

const (
	// restartRows are so many that the worker has committed some of them and others are left; RESTART_ROWS takes their place.
	restartRows = 10_000
	// restartBad is how many more are rejected, all over the file.
	restartBad = 10
	// restartWithin is the contract's minute. That work goes on shows once more rows are counted.
	restartWithin = time.Minute
)

// TestLocal_AFileGoesOnWithinAMinuteOfTheNextStart kills everything in the middle of a file.
func TestLocal_AFileGoesOnWithinAMinuteOfTheNextStart(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	rows := restartRows
	if text := os.Getenv("RESTART_ROWS"); text != "" {
		var err error
		if rows, err = strconv.Atoi(text); err != nil {
			t.Fatalf("RESTART_ROWS must be a whole number, got %q", text)
		}
	}
	ctx := testContext(t, 8*time.Minute+time.Duration(rows)*10*time.Millisecond)
	data := t.TempDir()
	p := launch(t, t.TempDir(), "DATA_DIR="+data)
	c, err := newClient(p.ready())
	if err != nil {
		t.Fatal(err)
	}
	var sending sync.WaitGroup
	following, leave := context.WithCancel(ctx)
	defer sending.Wait()
	defer leave()
	sending.Go(func() {
		content := restartFile(rows)
		_, _ = c.Upload(following, "many.csv", bytes.NewReader(content), int64(len(content)), client.UploadOptions{}) // it is told of below
	})
	began := time.Now()
	killed := onlyUpload(ctx, t, c, 4*time.Minute, func(u client.Upload) bool { return u.RowsAccepted > 0 })
	counting := time.Since(began) // what this machine takes until it counts the first rows
	p.end(syscall.SIGKILL)
	leave()
	if killed.Status.Over() {
		t.Fatalf("killed too late: %+v", killed)
	}

	began = time.Now()
	p = launch(t, t.TempDir(), "DATA_DIR="+data)
	if c, err = newClient(p.ready()); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	moved := onlyUpload(ctx, t, c, restartWithin-took+counting, func(u client.Upload) bool { return u.RowsAccepted > killed.RowsAccepted })
	t.Logf("killed at %d rows of %d; ready after %v, and at %d rows %v after the start", killed.RowsAccepted, rows, took.Round(time.Millisecond),
		moved.RowsAccepted, time.Since(began).Round(time.Millisecond))

	done, err := c.WaitUpload(ctx, killed.ID)
	t.Logf("over %v after the start", time.Since(began).Round(time.Second))
	if err != nil || done.Status != client.UploadCompletedWithRejects || done.RowsAccepted != int64(rows) || done.RowsRejected != restartBad {
		t.Fatalf("%+v, %v\n%s", done, err, p.output)
	}
	var rejects bytes.Buffer
	if err := c.Rejects(ctx, done, &rejects); err != nil || bytes.Count(rejects.Bytes(), []byte("\n")) != 1+restartBad {
		t.Errorf("rejects %q, %v", rejects.String(), err)
	}
	await.NoError(t, time.Minute+time.Duration(rows)*time.Millisecond, func() error { // the aggregator follows the rows
		a, err := c.Summarize(ctx, client.Window{Interval: "24h"})
		if err == nil && (a.Count != int64(rows) || a.Average.String() != "0.1") {
			err = fmt.Errorf("aggregated %+v", a)
		}
		return err
	})
	t.Logf("aggregated %v after the start", time.Since(began).Round(time.Second))
	p.end(syscall.SIGTERM)
}

// restartFile names readings of fifty equipments, second by second.
func restartFile(rows int) []byte {
	const equipments = 50
	first := time.Now().UTC().Truncate(time.Hour).Add(-12 * time.Hour)
	var b bytes.Buffer
	b.WriteString("equipmentId,timestamp,value\n")
	for i := range rows {
		if i%(rows/restartBad) == 0 {
			b.WriteString("EQ-1,yesterday,0.1\n")
		}
		fmt.Fprintf(&b, "EQ-%d,%s,0.1\n", i%equipments, first.Add(time.Duration(i/equipments)*time.Second).Format(time.RFC3339))
	}
	return b.Bytes()
}

// onlyUpload waits until something holds of the only upload that there is.
func onlyUpload(ctx context.Context, t *testing.T, c *client.Client, within time.Duration, holds func(client.Upload) bool) (u client.Upload) {
	t.Helper()
	await.NoError(t, within, func() error {
		for one, err := range c.Uploads(ctx) {
			if err != nil {
				return err
			}
			if u = one; holds(u) {
				return nil
			}
			return fmt.Errorf("the upload is %+v", u)
		}
		return errors.New("there is no upload yet")
	})
	return u
}
