package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sensorflow/sensorflow/runtime/client"
	"github.com/sensorflow/sensorflow/runtime/client/localsystem"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

const (
	// demoFiles is into how many CSV files the older readings are cut; demoSenders files and batches are on their way at a time.
	demoFiles, demoSenders = 24, 2
	// demoBatch readings go in one request.
	demoBatch = 1000
	// demoWithin bounds the whole demonstration on a slow machine.
	demoWithin = 10 * time.Minute
)

// newClient returns a machine's client of the system.
func newClient(info stack.Info) (*client.Client, error) {
	at := []client.Region{{URL: info.APIURL, TokenURL: info.TokenURL}}
	machine := client.Machine{ID: info.ClientID, Secret: info.ClientSecret, Scopes: info.Scopes}
	return client.New(machine, at, client.Options{Agent: "sensorflow-demo"})
}

// demo sends a month of readings to the stack that runs, or else to one that it starts and keeps until ctx ends.
func demo(ctx context.Context, s settings, out printer) error {
	info, err := localsystem.Find(s.state)
	if err == nil {
		if err := s.suits(info); err != nil {
			return err
		}
		out.printf("using the system that runs at %s\n", info.APIURL)
		if len(s.given) > 0 {
			out.printf("(it stays as it was started: %s says nothing to it; stop it to start another one)\n", strings.Join(s.given, ", "))
		}
		return demonstrate(ctx, info, planMonth(time.Now()), out)
	}
	if !errors.Is(err, localsystem.ErrNone) {
		return err
	}
	return serve(ctx, s, out, func(ctx context.Context, info stack.Info) error {
		if err := demonstrate(ctx, info, planMonth(time.Now()), out); err != nil {
			return err
		}
		out.printf("SensorFlow keeps running. Ctrl-C ends it.\n")
		return nil
	})
}

// suits tells whether a system that runs is the one that is asked for: PORT asks for one at that port.
func (s settings) suits(info stack.Info) error {
	api, err := url.Parse(info.APIURL)
	if err != nil {
		return fmt.Errorf("read the address of the system that runs: %w", err)
	}
	asked := slices.ContainsFunc(s.given, func(pair string) bool { return strings.HasPrefix(pair, "PORT=") })
	if !asked || s.port == 0 || api.Port() == strconv.Itoa(s.port) {
		return nil
	}
	return fmt.Errorf("SensorFlow runs here already, at %s and not at port %d; leave PORT out to use that one, or stop it first (Ctrl-C where it runs)",
		info.APIURL, s.port)
}

// demonstrate sends the readings, waits until the aggregates hold them, and prints what they say and where to look at them.
func demonstrate(ctx context.Context, info stack.Info, plan month, out printer) error {
	ctx, cancel := context.WithTimeout(ctx, demoWithin)
	defer cancel()
	c, err := newClient(info)
	if err != nil {
		return err
	}
	p := newProgress(out)
	defer p.begin(ctx)()
	if err := send(ctx, c, plan, p); err != nil {
		return err
	}
	sent := p.took()
	p.say("sent %d readings of %d equipments in %.0f s: %d in batches, the others as %d CSV files",
		plan.total(), demoEquipments, sent.Seconds(), len(plan.recent), len(plan.files))
	if err := waitAggregated(ctx, c, plan.total(), p); err != nil {
		return err
	}
	p.say("the aggregates hold them %.0f s later\n", (p.took() - sent).Seconds())
	if err := printFigures(ctx, c, out); err != nil {
		return err
	}
	out.printf("\nIt took %.0f s. Open %s to look at it; the user is %s, and the password %s\n",
		p.took().Seconds(), info.ConsoleURL, info.Username, info.Password)
	return nil
}

// send puts the last day through a sender of batches and everything older through CSV files.
func send(ctx context.Context, c *client.Client, plan month, p *progress) error {
	var sent atomic.Int64
	add := func(n int) { p.set("sent %d of %d readings", sent.Add(int64(n)), plan.total()) }
	add(0)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(demoSenders)
	group.Go(func() error { return sendRecent(ctx, c, plan.recent, add) })
	for i, file := range plan.files {
		group.Go(func() error {
			name, content := fmt.Sprintf("month-%02d.csv", i+1), csvOf(file)
			told := 0
			done, err := c.Upload(ctx, name, bytes.NewReader(content), int64(len(content)), client.UploadOptions{Progress: func(p client.Progress) {
				rows := int(int64(len(file)) * p.Processed / p.Bytes)
				add(rows - told)
				told = rows
			}})
			if err == nil && done.RowsAccepted != int64(len(file)) {
				err = fmt.Errorf("upload %s: %d of %d rows were accepted", name, done.RowsAccepted, len(file))
			}
			return err
		})
	}
	return group.Wait()
}

// sendRecent sends readings in batches.
func sendRecent(ctx context.Context, c *client.Client, readings []client.Reading, stored func(int)) (err error) {
	s := c.NewSender(ctx, client.SenderOptions{BatchReadings: demoBatch, Requests: 1, Stored: stored})
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	for _, r := range readings {
		if err := s.Send(ctx, r); err != nil {
			return fmt.Errorf("send the last day: %w", err)
		}
	}
	return nil
}

var errBehind = errors.New("the aggregates do not hold all readings yet")

// waitAggregated waits until the month's aggregates hold at least count readings and have come to rest: others may have
// sent some too.
func waitAggregated(ctx context.Context, c *client.Client, count int, p *progress) error {
	const pause, rest = 500 * time.Millisecond, 3 * time.Second
	var last int64
	var since time.Time
	for {
		all, err := c.Summarize(ctx, client.Window{Interval: "1m"})
		if err != nil {
			return err
		}
		if all.Count != last || since.IsZero() {
			last, since = all.Count, time.Now()
		}
		p.set("the aggregates hold %d of %d readings", last, count)
		if last >= int64(count) && time.Since(since) >= rest {
			return nil
		}
		if pacing.Sleep(ctx, pause) != nil {
			return fmt.Errorf("%w: %d of %d (%w)", errBehind, last, count, ctx.Err())
		}
	}
}

func printFigures(ctx context.Context, c *client.Client, out printer) error {
	aligned := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	table := printer{aligned}
	table.printf("interval\treadings\taverage\t\n")
	for _, interval := range []string{"24h", "1m"} {
		all, err := c.Summarize(ctx, client.Window{Interval: interval})
		if err != nil {
			return err
		}
		table.printf("%s\t%d\t%s\t\n", interval, all.Count, all.Average)
	}
	if err := aligned.Flush(); err != nil {
		return fmt.Errorf("print the figures: %w", err)
	}
	return nil
}
