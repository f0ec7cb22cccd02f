package client_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
)

// TestReadings_GoesOverAllPages holds that values keep every digit, that pages are asked for as they are needed, and that the loop may
// be left.
func TestReadings_GoesOverAllPages(t *testing.T) {
	const long = "123456789012345678901234567.00000000001"
	n := &network{}
	var asked []string
	n.set("a", n.service(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		item := `{"equipmentId":"EQ-1","timestamp":"2026-03-01T08:00:00Z","value":` + long + `,"registerTime":"2026-03-01T09:00:00.5Z"}`
		switch r.URL.Query().Get("cursor") {
		case "":
			answer(w, http.StatusOK, `{"items":[`+item+`],"nextCursor":"1"}`)
		case "1":
			answer(w, http.StatusOK, `{"items":[],"nextCursor":"2"}`)
		default:
			answer(w, http.StatusOK, `{"items":[`+item+`]}`)
		}
	}))
	c := newClient(t, n, client.Options{}, "a")
	from := time.Date(2026, 3, 1, 5, 0, 0, 0, time.FixedZone("", -3*3600))
	count := 0
	for got, err := range c.Readings(t.Context(), client.Range{EquipmentID: "EQ-1", From: from}) {
		if err != nil || got.Value.String() != long || got.Timestamp.Location() != time.UTC || got.RegisterTime.Nanosecond() != 5e8 {
			t.Errorf("got %v, %v", got, err)
		}
		count++
	}
	if count != 2 || len(asked) != 3 || asked[2] != "cursor=2&equipmentId=EQ-1&from=2026-03-01T08%3A00%3A00Z&limit=1000" {
		t.Errorf("%d readings by %q", count, asked)
	}
	asked = nil
	for range c.Readings(t.Context(), client.Range{EquipmentID: "EQ-1"}) {
		break
	}
	if len(asked) != 1 {
		t.Errorf("%d pages were asked for, want one", len(asked))
	}
}

func TestPages_EndWithTheirError(t *testing.T) {
	for _, test := range []struct{ name, body string }{
		{"rejects an answer that is cut off", `{"items":[`},
		{"rejects a value that is none", `{"items":[{"equipmentId":"EQ-1","intervalStart":0,"totalValue":"x","sampleCount":1}]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := &network{}
			n.set("a", n.service(func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, test.body) }))
			failures := 0
			for _, err := range newClient(t, n, client.Options{}, "a").Aggregates(t.Context(), client.Window{Interval: "24h"}) {
				if failures++; err == nil {
					t.Error("no error")
				}
			}
			if failures != 1 {
				t.Errorf("%d errors", failures)
			}
		})
	}
}

// TestExport_ThatBreaksOffFails has a service that cuts the connection in the middle, as ours does where it cannot go on.
func TestExport_ThatBreaksOffFails(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		if r.Header.Get("Accept") != "text/csv" {
			problem(w, http.StatusBadRequest, "No.")
			return
		}
		_, _ = io.WriteString(w, "equipmentId,timestamp,value\r\n")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	c, err := client.New(client.Signed{}, []client.Region{{URL: server.URL}}, client.Options{Token: client.Token{Value: "t", ExpiresAt: time.Now().Add(time.Hour)}})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	err = c.ExportReadings(t.Context(), client.Range{EquipmentID: "EQ-1"}, &file)
	if err == nil || calls != 1 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d calls: %v", calls, err)
	}
}
