package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
)

var csvWanted = map[string]string{"Accept": "text/csv"}

// What an export of readings writes, an upload takes.
func TestExport_OfReadingsIsTheWholeRange(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	var batch, want []string
	for n := range 2500 {
		at := testNow.Add(-time.Duration(n) * time.Second).Format(time.RFC3339)
		batch = append(batch, body("EQ:1", at, fmt.Sprintf("%d.50", n)))
		want = append(want, fmt.Sprintf("EQ:1,%s,%d.5", at, n))
	}
	if got := f.do(call{method: "POST", path: "/sensor-data/batch", token: tokenWriter, body: "[" + strings.Join(batch, ",") + "]"}); got.status != http.StatusCreated {
		t.Fatal(got.body)
	}
	got := f.do(call{method: "GET", path: "/sensor-data?equipmentId=EQ:1", token: tokenReader, headers: csvWanted})
	if file := "equipmentId,timestamp,value\r\n" + strings.Join(want, "\r\n") + "\r\n"; got.status != http.StatusOK || got.body != file {
		t.Errorf("status %d, %d bytes, want %d: %.200s", got.status, len(got.body), len(file), got.body)
	}
	if got.header.Get("Content-Type") != "text/csv; charset=utf-8; header=present" || got.header.Get("Vary") == "" ||
		got.header.Get("Content-Disposition") != `attachment; filename="readings-EQ_1.csv"` {
		t.Errorf("headers %v", got.header)
	}
	if head := f.do(call{method: "HEAD", path: "/sensor-data?equipmentId=EQ:1", token: tokenReader, headers: csvWanted}); head.status != http.StatusOK || head.body != "" {
		t.Errorf("HEAD: %d, %q", head.status, head.body)
	}
	none := f.do(call{method: "GET", path: "/sensor-data?equipmentId=EQ-2", token: tokenReader, headers: csvWanted})
	if none.body != "equipmentId,timestamp,value\r\n" {
		t.Errorf("an empty export: %q", none.body)
	}
	for field, cut := range map[string]string{"limit": "limit=5", "cursor": "cursor=x"} {
		if p := f.problem(f.do(call{method: "GET", path: "/sensor-data?equipmentId=EQ-2&" + cut, token: tokenReader, headers: csvWanted})); p.fields() != field {
			t.Errorf("%s: %+v", cut, p)
		}
	}
	f.table.err = &fault.Error{Kind: fault.Unavailable, Message: "busy"}
	if got := f.do(call{method: "GET", path: "/sensor-data?equipmentId=EQ-1", token: tokenReader, headers: csvWanted}); got.status != http.StatusServiceUnavailable {
		t.Errorf("a busy table: status %d", got.status)
	}
}

func TestExport_OnlyWhereCSVIsWanted(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for accept, csv := range map[string]bool{
		"": false, "*/*": false, "application/json": false, "text/csv": true, "TEXT/CSV": true, "text/csv, */*;q=0.1": true, "application/json, text/csv": false,
		"text/csv, application/json": true, "application/json;q=0.5, text/csv": true, "text/csv;q=0": false, "text/html": false, "text/csv;q=x": false,
	} {
		got := f.do(call{method: "GET", path: "/sensor-data/aggregated?interval=24h", token: tokenReader, headers: map[string]string{"Accept": accept}})
		if strings.HasPrefix(got.header.Get("Content-Type"), "text/csv") != csv || got.status != http.StatusOK {
			t.Errorf("Accept: %s: status %d, %s", accept, got.status, got.header.Get("Content-Type"))
		}
	}
}

// brokenWindows answers one page and then nothing any more.
type brokenWindows struct {
	windows
	broken error
}

func (b *brokenWindows) Query(ctx context.Context, q aggregate.Query) (aggregate.Answer, error) {
	if q.After != (aggregate.Place{}) {
		return aggregate.Answer{}, b.broken
	}
	return b.windows.Query(ctx, q)
}

// An export that breaks off ends without its last chunk, and so as an error to its reader.
func TestExport_OfAggregatesIsWholeOrCut(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	item := aggregate.Item{
		EquipmentID: "EQ-1", IntervalStart: testNow.Truncate(time.Hour), TotalValue: decimal(t, "3.5"), SampleCount: 2,
		Extremes: aggregate.ExtremesOf(decimal(t, "1.5")).Union(aggregate.ExtremesOf(decimal(t, "2"))),
	}
	f.windows.answer = aggregate.Answer{Items: []aggregate.Item{item, {EquipmentID: "EQ-2", IntervalStart: item.IntervalStart, TotalValue: decimal(t, "-1"), SampleCount: 1}}}
	got := f.do(call{method: "GET", path: "/sensor-data/aggregated?interval=24h", token: tokenReader, headers: csvWanted})
	want := "equipmentId,intervalStart,totalValue,sampleCount,minValue,maxValue,intervalStartTime\r\n" +
		"EQ-1,1772352000,3.5,2,1.5,2,2026-03-01T08:00:00Z\r\nEQ-2,1772352000,-1,1,,,2026-03-01T08:00:00Z\r\n"
	if got.status != http.StatusOK || got.body != want {
		t.Errorf("status %d: %q, want %q", got.status, got.body, want)
	}
	// The time that people read is that of the zone that they asked for.
	local := f.do(call{
		method: "GET", token: tokenReader, headers: csvWanted,
		path: "/sensor-data/aggregated?from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z&timezone=America/Sao_Paulo",
	})
	if local.status != http.StatusOK || !strings.Contains(local.body, "EQ-1,1772352000,3.5,2,1.5,2,2026-03-01T05:00:00-03:00\r\n") {
		t.Errorf("in a zone: status %d: %q", local.status, local.body)
	}
	f.windows.answer.Next = aggregate.Place{From: testNow, After: aggregate.ItemKey{Start: testNow, EquipmentID: "EQ-1"}}
	f.api.Windows = &brokenWindows{windows: windows{answer: f.windows.answer}, broken: errors.New("broken")}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+"/sensor-data/aggregated?interval=24h", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/csv")
	r.Header.Set("Authorization", "Bearer "+tokenReader)
	answer, err := http.DefaultClient.Do(r)
	if err == nil {
		_, err = io.ReadAll(answer.Body)
		_ = answer.Body.Close()
	}
	if err == nil {
		t.Error("an export that broke off looks whole")
	}
}
