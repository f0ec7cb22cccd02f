package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/runtime/repair"
)

// scripted is a sampler that finds what it is told to, and remembers what it was asked for.
type scripted struct {
	findings []repair.Finding
	tally    repair.Tally
	err      error

	report func(repair.Finding)
	of     []repair.Scope
	asked  repair.SampleOptions
}

func (s *scripted) Sample(_ context.Context, of repair.Scope, _ repair.FleetUnits, o repair.SampleOptions) (repair.Tally, error) {
	s.of, s.asked = append(s.of, of), o
	for _, f := range s.findings {
		s.report(f)
	}
	return s.tally, s.err
}

// newScripted returns a handler whose samples are scripted. Its clock stands, and each call of readUnits says ten more.
func newScripted(s *scripted) (*handler, *bytes.Buffer) {
	logs, units := &bytes.Buffer{}, 0.0
	return &handler{
		regions: []string{here, left}, draw: func(int) int { return 0 },
		sweep: func(report func(repair.Finding)) sampler {
			s.report = report
			return s
		},
		readUnits: func() float64 { units += 10; return units }, now: func() time.Time { return now },
		log: slog.New(slog.NewJSONHandler(logs, nil)),
	}, logs
}

// lines are the log's, decoded.
func lines(t *testing.T, logs *bytes.Buffer) (all []map[string]any) {
	t.Helper()
	for _, text := range strings.Split(strings.TrimSpace(logs.String()), "\n") {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("the log holds %q: %v", text, err)
		}
		all = append(all, line)
	}
	return all
}

func differs(verdict repair.Verdict) repair.Finding {
	return repair.Finding{Verdict: verdict, Row: aggregate.RowKey{EquipmentID: "EQ-1", Hour: reading.Hour(now), Region: here}}
}

// The metric and the alarm read the line of the audit, by its message and the count of differences.
func TestHandle_TellsOfDifferencesAndIsDone(t *testing.T) {
	s := &scripted{
		findings: []repair.Finding{differs(repair.Different), differs(repair.Moving)},
		tally:    repair.Tally{Rows: 200, FleetDays: 2, Different: 1, Moving: 1, Closed: 3},
	}
	h, logs := newScripted(s)
	out, err := h.handle(t.Context(), json.RawMessage(`{"source":"aws.events"}`))
	if err != nil {
		t.Fatalf("differences fail the invocation, and Lambda would compare once more: %v", err)
	}
	var told repair.Tally
	if err := json.Unmarshal(out, &told); err != nil || told != s.tally {
		t.Errorf("answered %s, %v", out, err)
	}
	all := lines(t, logs)
	if len(all) != 2 || all[0]["level"] != "ERROR" || !strings.Contains(fmt.Sprint(all[0]["finding"]), "differs: row of EQ-1") {
		t.Fatalf("logged %v", all)
	}
	for name, want := range map[string]any{
		"level": "INFO", "msg": contract.AuditMessage, contract.AuditDifferent: 1.0, "rows": 200.0, "fleet_days": 2.0, "moving": 1.0, "closed": 3.0,
		"failed": 0.0, "read_units": 10.0,
	} {
		if all[1][name] != want {
			t.Errorf("%s is %v, want %v", name, all[1][name], want)
		}
	}
}

// The line stands in the log also where the audit could not be finished: the differences until then count.
func TestHandle_FailsWhereItCouldNotCompare(t *testing.T) {
	for name, c := range map[string]struct {
		tally repair.Tally
		err   error
		says  string
	}{
		"an error":    {repair.Tally{Rows: 3, Different: 2}, errors.New("throttled"), "throttled"},
		"rows failed": {repair.Tally{Rows: 9, Different: 2, Failed: 4}, nil, "4 rows could not be compared"},
	} {
		t.Run(name, func(t *testing.T) {
			h, logs := newScripted(&scripted{tally: c.tally, err: c.err})
			out, err := h.handle(t.Context(), nil)
			if err == nil || !strings.Contains(err.Error(), c.says) || out != nil || c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("answered %s, %v", out, err)
			}
			all := lines(t, logs)
			if len(all) != 2 || all[0]["msg"] != contract.AuditMessage || all[0][contract.AuditDifferent] != 2.0 ||
				all[1]["level"] != "ERROR" || !strings.Contains(fmt.Sprint(all[1]["error"]), c.says) {
				t.Errorf("logged %v", all)
			}
		})
	}
}

// Each invocation looks at one of the regions whose rows this one keeps, and leaves time for second looks and its answer.
func TestHandle_DrawsARegionAndKeepsToItsTime(t *testing.T) {
	s := &scripted{}
	h, _ := newScripted(s)
	drawn := 0
	h.draw = func(n int) int {
		if n != 2 {
			t.Errorf("drawn from %d regions", n)
		}
		drawn++
		return (drawn - 1) % n
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	end, _ := ctx.Deadline()
	for range 2 {
		if _, err := h.handle(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.of) != 2 || s.of[0].Region != here || s.of[1].Region != left {
		t.Errorf("regions of %+v", s.of)
	}
	first, last := reading.Hour(now.Add(-30*24*time.Hour)), reading.Hour(now.Add(contract.FutureMax))
	if of := s.of[0]; !of.From.Equal(first) || !of.Through.Equal(last) || !of.Fleet || of.EquipmentID != "" {
		t.Errorf("the scope is %+v", of)
	}
	if s.asked.Rows != rowsSampled || s.asked.Days != daysSampled || s.asked.Exhaust {
		t.Errorf("asked for %+v", s.asked)
	}
	// Each of the looks waits until what differs has settled.
	if left, least := end.Sub(s.asked.Until), 3*repair.SettleDefault; left <= least || left > 10*time.Minute {
		t.Errorf("%v are left after the last row is begun, want more than %v", left, least)
	}
	if _, err := h.handle(context.Background(), nil); err != nil || !s.asked.Until.IsZero() {
		t.Errorf("without a deadline: until %v, %v", s.asked.Until, err)
	}
}
