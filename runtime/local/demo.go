package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

const (
	// demoFiles is into how many CSV files the older readings are cut; demoSenders send at once.
	demoFiles, demoSenders = 24, 2
	// demoBatch readings go in one request.
	demoBatch = 1000
	// demoWithin bounds the whole demonstration on a slow machine.
	demoWithin = 10 * time.Minute
)

// demo sends a month of readings to the stack that runs, or else to one that it starts and keeps until ctx ends.
func demo(ctx context.Context, s settings, out printer) error {
	info, err := findRunning(s.state)
	if err == nil {
		out.printf("using the system that runs at %s\n", info.APIURL)
		if len(s.given) > 0 {
			out.printf("(it stays as it was started: %s says nothing to it; stop it to start another one)\n", strings.Join(s.given, ", "))
		}
		c, err := newClient(ctx, info)
		if err != nil {
			return err
		}
		return c.demonstrate(ctx, out)
	}
	if !errors.Is(err, errNothingRuns) {
		return err
	}
	return serve(ctx, s, out, func(ctx context.Context, info stack.Info) error {
		c, err := newClient(ctx, info)
		if err != nil {
			return err
		}
		if err := c.demonstrate(ctx, out); err != nil {
			return err
		}
		out.printf("\nSensorFlow keeps running; look at %s. Ctrl-C ends it.\n", info.ConsoleURL)
		return nil
	})
}

// demonstrate sends the readings, waits until the aggregates hold them, and prints what they say.
func (c *client) demonstrate(ctx context.Context, out printer) error {
	ctx, cancel := context.WithTimeout(ctx, demoWithin)
	defer cancel()
	plan := planMonth(time.Now())
	began := time.Now()
	if err := c.send(ctx, plan, &progress{out: out, total: plan.total(), shown: isTerminal(out)}); err != nil {
		return err
	}
	sent := time.Since(began)
	out.printf("sent %d readings of %d equipments in %.0f s: %d in batches, the others as %d CSV files\n",
		plan.total(), demoEquipments, sent.Seconds(), len(plan.recent), len(plan.files))
	if err := c.waitAggregated(ctx, plan.total()); err != nil {
		return err
	}
	out.printf("the aggregates hold them %.0f s later\n\n", (time.Since(began) - sent).Seconds())
	return c.printFigures(ctx, out)
}

// send puts the last day through the batch call and everything older through CSV files.
func (c *client) send(ctx context.Context, plan month, sent *progress) error {
	defer sent.clear()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(demoSenders)
	for i := range plan.files {
		group.Go(func() error {
			file := plan.files[i]
			if err := c.upload(ctx, fmt.Sprintf("month-%02d.csv", i+1), csvOf(file), len(file)); err != nil {
				return err
			}
			sent.add(len(file))
			return nil
		})
	}
	for first := 0; first < len(plan.recent); first += demoBatch {
		group.Go(func() error {
			batch := plan.recent[first:min(first+demoBatch, len(plan.recent))]
			if err := c.postBatch(ctx, batch); err != nil {
				return err
			}
			sent.add(len(batch))
			return nil
		})
	}
	return group.Wait()
}

// progress is a line on a terminal that counts the readings sent. Elsewhere nothing is shown.
type progress struct {
	out   printer
	total int
	shown bool

	mu   sync.Mutex
	sent int
}

func (p *progress) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent += n
	if p.shown {
		p.out.printf("\rsent %d of %d readings", p.sent, p.total)
	}
}

// clear empties the line.
func (p *progress) clear() {
	if p.shown {
		p.out.printf("\r\033[K")
	}
}

// isTerminal tells whether a line can be written over.
func isTerminal(out printer) bool {
	file, ok := out.Writer.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

var errBehind = errors.New("the aggregates do not hold all readings yet")

// waitAggregated waits until the month's aggregates hold at least count readings and have come to rest: others may have
// sent some too.
func (c *client) waitAggregated(ctx context.Context, count int) error {
	const pause, rest = 500 * time.Millisecond, 3 * time.Second
	var last int
	var since time.Time
	for {
		a, err := c.aggregates(ctx, "1m")
		if err != nil {
			return err
		}
		if a.TotalCount != last || since.IsZero() {
			last, since = a.TotalCount, time.Now()
		}
		if last >= count && time.Since(since) >= rest {
			return nil
		}
		if pacing.Sleep(ctx, pause) != nil {
			return fmt.Errorf("%w: %d of %d (%w)", errBehind, last, count, ctx.Err())
		}
	}
}

func (c *client) printFigures(ctx context.Context, out printer) error {
	aligned := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	table := printer{aligned}
	table.printf("interval\treadings\taverage\t\n")
	for _, interval := range []string{"24h", "1m"} {
		a, err := c.aggregates(ctx, interval)
		if err != nil {
			return err
		}
		table.printf("%s\t%d\t%s\t\n", interval, a.TotalCount, a.Average)
	}
	if err := aligned.Flush(); err != nil {
		return fmt.Errorf("print the figures: %w", err)
	}
	return nil
}
