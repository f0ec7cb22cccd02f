package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/runtime/repair"
)

const (
	// rowsSampled and daysSampled are compared in each invocation, of the last windowSampled and the day that readings may be ahead.
	rowsSampled   = 200
	daysSampled   = 2
	windowSampled = 30 * 24 * time.Hour
	// settleTime is kept for second looks and the answer.
	settleTime = repair.LooksMaxDefault*repair.SettleDefault + time.Minute
)

// sampler is what does the work.
type sampler interface {
	Sample(ctx context.Context, of repair.Scope, units repair.FleetUnits, o repair.SampleOptions) (repair.Tally, error)
}

// handler answers invocations.
type handler struct {
	// regions are those whose rows this one keeps; each invocation looks at the rows of one of them.
	regions   []string
	draw      func(n int) int // uniformly, 0 to n-1
	sweep     func(report func(repair.Finding)) sampler
	fleet     repair.FleetUnits
	readUnits func() float64
	now       func() time.Time
	log       *slog.Logger
}

// handle compares a sample. Its error says that it could not: differences are no error, and have a metric of their own.
func (h *handler) handle(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
	began, units := h.now(), h.readUnits()
	s := h.sweep(func(f repair.Finding) {
		if f.Verdict != repair.Moving {
			// A person must act.
			h.log.ErrorContext(ctx, "aggregate differs", "finding", f.String())
		}
	})
	of := repair.Scope{
		Region: h.regions[h.draw(len(h.regions))],
		From:   reading.Hour(began.Add(-windowSampled)), Through: reading.Hour(began.Add(contract.FutureMax)), Fleet: true,
	}
	o := repair.SampleOptions{Rows: rowsSampled, Days: daysSampled}
	if deadline, limited := ctx.Deadline(); limited {
		o.Until = deadline.Add(-settleTime)
	}
	t, err := s.Sample(ctx, of, h.fleet, o)
	h.log.InfoContext(ctx, contract.AuditMessage,
		"rows", t.Rows, "fleet_days", t.FleetDays, contract.AuditDifferent, t.Different, "moving", t.Moving, "closed", t.Closed,
		"failed", t.Failed, "read_units", h.readUnits()-units, "took_ms", h.now().Sub(began).Milliseconds())
	if err == nil && t.Failed > 0 {
		err = fmt.Errorf("%d rows could not be compared", t.Failed)
	}
	if err != nil {
		h.log.ErrorContext(ctx, "audit could not be finished", "error", err.Error())
		return nil, fmt.Errorf("compare a sample of the aggregates: %w", err)
	}
	answer, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return answer, nil
}
