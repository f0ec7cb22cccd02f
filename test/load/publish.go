package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/sensorflow/sensorflow/test/load/report"
)

// publish runs the crowds that the reports are of, one after another, and writes them.
func publish(ctx context.Context, s settings, out, progress io.Writer) error {
	if err := writable(s.reports); err != nil {
		return err
	}
	var reports []*report.Report
	for _, size := range []int{500, 1000, 5000, 10000} {
		s.users = size
		r, err := one(ctx, s, out, progress)
		if err != nil {
			return err
		}
		reports = append(reports, r)
		rest(ctx)
	}
	if err := report.Markdown(s.reports, "make load-reports", reports); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "\nreports: %s\n", s.reports)
	return nil
}

// rest lets the machine close the connections of one run before the next.
func rest(ctx context.Context) {
	timer := time.NewTimer(5 * time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
