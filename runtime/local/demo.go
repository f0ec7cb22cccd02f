package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
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
		return demonstrate(ctx, info, out)
	}
	if !errors.Is(err, localsystem.ErrNone) {
		return err
	}
	return serve(ctx, s, out, func(ctx context.Context, info stack.Info) error {
		if err := demonstrate(ctx, info, out); err != nil {
			return err
		}
		out.printf("\nSensorFlow keeps running; look at %s. Ctrl-C ends it.\n", info.ConsoleURL)
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

// demonstrate sends the readings, waits until the aggregates hold them, and prints what they say.
func demonstrate(ctx context.Context, info stack.Info, out printer) error {
	ctx, cancel := context.WithTimeout(ctx, demoWithin)
	defer cancel()
	c, err := newClient(info)
	if err != nil {
		return err
	}
	plan := planMonth(time.Now())
	began := time.Now()
	if err := send(ctx, c, plan, &progress{out: out, total: plan.total(), terminal: isTerminal(out)}); err != nil {
		return err
	}
	sent := time.Since(began)
	out.printf("sent %d readings of %d equipments in %.0f s: %d in batches, the others as %d CSV files\n",
		plan.total(), demoEquipments, sent.Seconds(), len(plan.recent), len(plan.files))
	if err := waitAggregated(ctx, c, plan.total()); err != nil {
		return err
	}
	out.printf("the aggregates hold them %.0f s later\n\n", (time.Since(began) - sent).Seconds())
	return printFigures(ctx, c, out)
}

// send puts the last day through a sender of batches and everything older through CSV files.
func send(ctx context.Context, c *client.Client, plan month, sent *progress) error {
	defer sent.clear()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(demoSenders)
	group.Go(func() error { return sendRecent(ctx, c, plan.recent, sent) })
	for i, file := range plan.files {
		group.Go(func() error {
			name, content := fmt.Sprintf("month-%02d.csv", i+1), csvOf(file)
			told := 0
			done, err := c.Upload(ctx, name, bytes.NewReader(content), int64(len(content)), client.UploadOptions{Progress: func(p client.Progress) {
				rows := int(int64(len(file)) * p.Processed / p.Bytes)
				sent.add(rows - told)
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
func sendRecent(ctx context.Context, c *client.Client, readings []client.Reading, sent *progress) (err error) {
	s := c.NewSender(ctx, client.SenderOptions{BatchReadings: demoBatch, Requests: 1, Stored: sent.add})
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	for _, r := range readings {
		if err := s.Send(ctx, r); err != nil {
			return fmt.Errorf("send the last day: %w", err)
		}
	}
	return nil
}

// progress counts the readings sent: in one line of a terminal, and elsewhere in a line every few seconds.
type progress struct {
	out      printer
	total    int
	terminal bool

	mu   sync.Mutex
	sent int
	told time.Time
}

func (p *progress) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	const every = 5 * time.Second
	p.sent += n
	switch {
	case p.terminal:
		p.out.printf("\rsent %d of %d readings", p.sent, p.total)
	case time.Since(p.told) >= every:
		p.told = time.Now()
		p.out.printf("sent %d of %d readings\n", p.sent, p.total)
	}
}

// clear empties the line.
func (p *progress) clear() {
	if p.terminal {
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
func waitAggregated(ctx context.Context, c *client.Client, count int) error {
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
