package soak_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/contract/probe"
	"github.com/sensorflow/sensorflow/test/soak"
)

// worker does what is not single readings.
type worker struct {
	client *probe.Client
	books  soak.Books // of the readings beside the crowd's
}

const (
	rowsOfAFile = 5000
	fileEvery   = time.Minute
	changeEvery = time.Second
	deleteEvery = 10 // changes

	readingsAtATime = 10
)

// files uploads a file every minute.
func (w *worker) files(ctx context.Context, t testing.TB) {
	t.Helper()
	ticker := time.NewTicker(fileEvery)
	defer ticker.Stop()
	for n := 0; ; n++ {
		w.file(t, n)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// file uploads one file of a hundred equipments, in which every reading stands twice: the second time it is a correction.
func (w *worker) file(t testing.TB, n int) {
	t.Helper()
	at := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	var b strings.Builder
	b.WriteString("equipmentId,timestamp,value\n")
	for round := range 2 {
		for i := range rowsOfAFile / 2 {
			fmt.Fprintf(&b, "soak-file-%d,%s,%d.%d\n", i%100, at.Add(time.Duration(n+1)*time.Microsecond+time.Duration(i)*time.Millisecond).Format(time.RFC3339Nano), i, round)
		}
	}
	b.WriteString("soak-file-0,yesterday,1\n") // one row is refused
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Minute)
	defer cancel()
	var u probe.Upload
	id, err := w.client.UploadFile(ctx, fmt.Sprintf("soak-%d.csv", n), []byte(b.String()))
	if err == nil {
		u, err = w.client.WaitForUpload(ctx, id)
	}
	done := err == nil && u.RowsAccepted == rowsOfAFile && u.RowsRejected == 1
	if !done {
		t.Errorf("file %d: %+v, %v", n, u, err)
	}
	w.books.File(rowsOfAFile/2, done)
}

// correctionsAndDeletions sends ten readings at a time, corrects them all a second later, and deletes all of its equipment's now and then.
func (w *worker) correctionsAndDeletions(ctx context.Context, t testing.TB) {
	t.Helper()
	ticker := time.NewTicker(changeEvery)
	defer ticker.Stop()
	var from time.Time
	var kept, unknown int
	for n := 0; ; n++ {
		if n%deleteEvery == 0 {
			from, kept, unknown = time.Now().UTC(), 0, 0
		}
		at := time.Now().UTC()
		first, again := w.ten(t, at, n), w.ten(t, at, n+1)
		if w.books.Wrote(readingsAtATime, first, again) {
			kept += readingsAtATime
		} else {
			unknown += readingsAtATime
		}
		if n%deleteEvery == deleteEvery-1 {
			w.deletion(t, from, at.Add(time.Second), kept, unknown)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// ten sends the readings of a moment with a value, and tells whether they were all answered as stored.
func (w *worker) ten(t testing.TB, at time.Time, value int) bool {
	t.Helper()
	var b strings.Builder
	for i := range readingsAtATime {
		fmt.Fprintf(&b, "{\"equipmentId\":\"soak-corrected\",\"timestamp\":%q,\"value\":%d}\n", at.Add(time.Duration(i)).Format(time.RFC3339Nano), value)
	}
	var told struct{ Accepted int }
	batch := probe.Call{Path: "/sensor-data/batch", Body: []byte(b.String()), Header: map[string]string{"Content-Type": "application/x-ndjson"}}
	if !w.call(t, batch, http.StatusCreated, &told) {
		return false
	}
	if told.Accepted != readingsAtATime {
		t.Errorf("%d readings of %d were accepted", told.Accepted, readingsAtATime)
	}
	return told.Accepted == readingsAtATime
}

// deletion deletes the readings of a time, of which so many are known to be there, and so many may be.
func (w *worker) deletion(t testing.TB, from, to time.Time, kept, unknown int) {
	t.Helper()
	query := url.Values{"equipmentId": {"soak-corrected"}, "from": {from.Format(time.RFC3339Nano)}, "to": {to.Format(time.RFC3339Nano)}}
	var told struct{ Deleted int }
	done := w.call(t, probe.Call{Method: http.MethodDelete, Path: "/sensor-data?" + query.Encode()}, http.StatusOK, &told)
	if done && (told.Deleted < kept || told.Deleted > kept+unknown) {
		t.Errorf("deleted %d readings, %d were there, and perhaps %d more", told.Deleted, kept, unknown)
	}
	w.books.Deletion(kept, done)
}

// call tells whether the answer is the one that is wanted, and reads it.
func (w *worker) call(t testing.TB, call probe.Call, status int, into any) bool {
	t.Helper()
	answer, err := w.client.Do(context.WithoutCancel(t.Context()), call)
	if err == nil && answer.Status == status {
		err = answer.Decode(into)
	}
	if err != nil || answer.Status != status {
		t.Errorf("%s: status %d, %v: %.200s", call.Path, answer.Status, err, answer.Body)
		return false
	}
	return true
}
