package main_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/system"
)

// withoutWrites stands in front of DynamoDB and answers for batches of readings itself, so that what is measured is not the
// local database. Everything else passes.
func withoutWrites(t *testing.T) func(endpoint string) string {
	return func(endpoint string) string {
		target, err := url.Parse(endpoint)
		if err != nil {
			t.Fatal(err)
		}
		proxy := httputil.NewSingleHostReverseProxy(target)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchExecuteStatement") {
				proxy.ServeHTTP(w, r)
				return
			}
			body, _ := io.ReadAll(r.Body)
			time.Sleep(4 * time.Millisecond) // an answer of DynamoDB's
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			made := strings.Repeat(`,{"TableName":"r"}`, bytes.Count(body, []byte(`"Statement":`)))
			_, _ = io.WriteString(w, `{"Responses":[`+made[1:]+`]}`)
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
}

// TestFunction_Measure runs a large file of 36-byte rows through the binary and tells its throughput and memory. It
// takes minutes: MEASURE=1 asks for it.
func TestFunction_Measure(t *testing.T) {
	if os.Getenv("MEASURE") == "" {
		t.Skip("MEASURE is not set")
	}
	var cleanups []func()
	t.Cleanup(func() {
		for i := len(cleanups) - 1; i >= 0; i-- {
			cleanups[i]()
		}
	})
	s, err := newStack(t.Context(), t.TempDir(), settings{
		timeout: 10 * time.Minute, visibility: 11 * time.Minute, concurrency: 1, wrap: withoutWrites(t),
	}, func(f func()) { cleanups = append(cleanups, f) })
	if err != nil {
		t.Fatal(err)
	}
	s.ended(t, s.upload(t, strings.NewReader("equipmentId,timestamp,value\nE,2026-03-01T08:30:00Z,1\n"))) // warms it up
	pid := s.function.PIDs()[0]
	idle, _ := system.Memory(t, pid)

	var b bytes.Buffer
	b.WriteString("equipmentId,timestamp,value\n")
	rows := 0
	for ; b.Len() < 140<<20; rows++ {
		fmt.Fprintf(&b, "EQ%05d,2026-03-01T00:%02d:00Z,12.345\n", rows%100_000, rows/100_000)
	}
	id := s.upload(t, bytes.NewReader(b.Bytes()))
	began := time.Now()
	var u csvfile.Upload
	await.True(t, time.Hour, "the file is worked off", func() bool { u = s.read(t, id); return u.Status.Ended() })
	took := time.Since(began)
	if u.Status != csvfile.Completed || u.RowsAccepted != int64(rows) {
		t.Errorf("%+v", u)
	}
	_, peak := system.Memory(t, pid)
	t.Logf("%d rows in %d ranges in %v: %.0f rows/s; resident %.1f MiB idle, %.1f MiB at most", rows, u.Plan.Ranges,
		took.Round(time.Second), float64(rows)/took.Seconds(), system.Mebibytes(idle), system.Mebibytes(peak))
	if peak-idle > 64<<20 {
		t.Errorf("%.1f MiB above idle", system.Mebibytes(peak-idle))
	}
}
