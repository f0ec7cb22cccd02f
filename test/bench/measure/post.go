package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sensorflow/sensorflow/test/standin"
)

const (
	// offered is the load of 10,000 users, each of whom sends a reading every two seconds.
	offered      = 5000
	offeredUsers = 10_000
	// closedClients each send as soon as they have their answer.
	closedClients = 64

	rounds      = 3
	warm        = 2 * time.Second
	offeredFor  = 7 * time.Second
	closedFor   = 5 * time.Second
	standinNote = "The backend is a stand-in for DynamoDB that answers after 4 ms."
)

// contender is a server that is compared.
type contender struct {
	name string
	shot shot
	standin.Process
	rounds []round
}

// round is what one turn of a contender came to.
type round struct {
	tally
	cpu   time.Duration // of the server, while the tally was taken
	lasts time.Duration
}

// perRequest is the CPU time of a request in microseconds.
func (r round) perRequest() float64 { return float64(r.cpu.Microseconds()) / float64(r.within) }

// perSecond is how many requests were answered with 201 in a second.
func (r round) perSecond() float64 { return float64(r.answered-r.failed) / r.lasts.Seconds() }

// fire gives the contender its turn.
func (c *contender) fire(ctx context.Context, p pace, r *report) error {
	var before time.Duration
	one := round{lasts: p.lasts}
	tally, err := p.fire(ctx, c.shot, func() (err error) {
		before, err = c.CPU()
		return err
	}, func() error {
		after, err := c.CPU()
		one.cpu = after - before
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	if tally.within == 0 {
		return fmt.Errorf("%s answered nothing", c.name)
	}
	one.tally = tally
	c.rounds = append(c.rounds, one)
	r.progress("%s: %.0f/s, %.1f µs of CPU a request, p50 %.1f ms, p99 %.1f ms, %d of %d failed %v", c.name, one.perSecond(), one.perRequest(),
		ms(one.quantile(0.5)), ms(one.quantile(0.99)), one.failed, one.answered, one.statuses)
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// median returns that of a figure over the rounds.
func (c *contender) median(of func(round) float64) float64 {
	var values []float64
	for _, r := range c.rounds {
		values = append(values, of(r))
	}
	return middle(values)
}

func middle[T cmp.Ordered](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

// ratio is the median of the rounds' ratios: each round is a comparison of its own, of turns that follow one another.
func ratio(a, b *contender, of func(round) float64) float64 {
	var values []float64
	for i := range a.rounds {
		values = append(values, of(a.rounds[i])/of(b.rounds[i]))
	}
	return middle(values)
}

// failed counts over all rounds.
func (c *contender) failed() (n int64) {
	for _, r := range c.rounds {
		n += r.failed
	}
	return n
}

// failedPartMax is the part of requests that may fail without changing what one costs.
const failedPartMax = 0.01

func (c *contender) failedPart() float64 {
	var answered int64
	for _, r := range c.rounds {
		answered += r.answered
	}
	return float64(c.failed()) / float64(max(answered, 1))
}

// post compares single readings.
func post(ctx context.Context, r *report) error {
	backend, err := standin.Start(ctx, standin.Options{})
	if err != nil {
		return err
	}
	defer backend.Kill()
	contenders, err := startContenders(ctx, backend)
	defer func() {
		for _, c := range contenders {
			c.Kill()
		}
	}()
	if err != nil {
		return err
	}
	bare, putItem, ours := contenders[0], contenders[1], contenders[2]
	shared := &sharing{backend: backend}
	for range rounds {
		for _, c := range contenders {
			fire := func() error { return c.fire(ctx, pace{offeredUsers, offered, warm, offeredFor}, r) }
			if c == ours {
				fire = shared.during(ctx, fire)
			}
			if err := fire(); err != nil {
				return err
			}
		}
	}
	r.begin("`POST /sensor-data` at an equal load: %d/s offered in an open loop over %d connections. %s %s",
		offered, offeredUsers, saturation(contenders), standinNote)
	r.add("post_cpu_vs_bare", ratio(ours, bare, round.perRequest), "ratio", "CPU a request beside a bare handler")
	r.add("post_cpu_vs_putitem", ratio(ours, putItem, round.perRequest), "ratio",
		fmt.Sprintf("CPU a request beside one PutItem a request, at most %d in flight", rivalInFlight))
	for _, c := range contenders {
		r.add("post_cpu_"+c.name, c.median(round.perRequest), "µs/request", "CPU of the process")
		r.add("post_p50_"+c.name, c.median(func(r round) float64 { return ms(r.quantile(0.5)) }), "ms", "from the moment at which a request was due")
		r.add("post_p99_"+c.name, c.median(func(r round) float64 { return ms(r.quantile(0.99)) }), "ms", "")
		r.add("post_failed_"+c.name, float64(c.failed()), "requests", "not answered with 201")
	}
	r.add("post_readings_per_call", shared.perCall(), "readings", "of the service share a call to DynamoDB")
	return closed(ctx, r, putItem, ours)
}

// sharing counts how many readings share a call to the backend.
type sharing struct {
	backend         *standin.Backend
	readings, calls int64
}

// during counts while something runs.
func (s *sharing) during(ctx context.Context, run func() error) func() error {
	return func() error {
		before, err := s.backend.Counts(ctx)
		if err != nil {
			return err
		}
		if err := run(); err != nil {
			return err
		}
		after, err := s.backend.Counts(ctx)
		s.readings += after.Accepted - before.Accepted
		s.calls += after.Calls[callOfReadings] - before.Calls[callOfReadings]
		return err
	}
}

// callOfReadings is the operation by which the service writes readings.
const callOfReadings = "BatchExecuteStatement"

func (s *sharing) perCall() float64 { return float64(s.readings) / float64(s.calls) }

// saturation says who kept up with the load. Who did not works on many requests at a time, which makes each cheaper.
func saturation(contenders []*contender) string {
	const late = 0.1 // seconds
	var behind, refused []string
	for _, c := range contenders {
		if c.median(func(r round) float64 { return r.quantile(0.5).Seconds() }) > late {
			behind = append(behind, c.name)
		}
		if part := c.failedPart(); part > failedPartMax {
			refused = append(refused, fmt.Sprintf("%s %.0f %%", c.name, 100*part))
		}
	}
	said := "No process was saturated, and each pays for waking up."
	switch len(behind) {
	case 0:
	case len(contenders):
		said = "All were behind the load, and so saturated."
	default:
		said = "Behind the load, and so saturated: " + strings.Join(behind, ", ") + ". The others pay for waking up."
	}
	if len(refused) > 0 {
		said += " Requests that failed: " + strings.Join(refused, ", ") + ". To refuse one is cheap, so what a request of theirs costs says nothing."
	}
	return said
}

// closed compares what comes through in a closed loop.
func closed(ctx context.Context, r *report, putItem, ours *contender) error {
	putItem.rounds, ours.rounds = nil, nil
	for range rounds {
		for _, c := range []*contender{putItem, ours} {
			if err := c.fire(ctx, pace{clients: closedClients, warm: warm, lasts: closedFor}, r); err != nil {
				return err
			}
		}
	}
	r.begin("`POST /sensor-data` in a closed loop of %d clients. %s", closedClients, standinNote)
	r.add("post_rps_vs_putitem", ratio(ours, putItem, round.perSecond), "ratio", "requests/s beside one PutItem a request")
	r.add("post_rps", ours.median(round.perSecond), "requests/s", "")
	r.add("post_rps_putitem", putItem.median(round.perSecond), "requests/s", "")
	r.add("post_cpu_closed", ours.median(round.perRequest), "µs/request", "CPU of the service")
	return nil
}

// startContenders starts what is compared; those that run are returned with an error too.
func startContenders(ctx context.Context, backend *standin.Backend) (started []*contender, err error) {
	for _, name := range []string{"bare", "putitem"} {
		var args []string
		if name == "putitem" {
			args = []string{backend.URL}
		}
		url, p, err := startServer(ctx, name, args...)
		if err != nil {
			return started, err
		}
		started = append(started, &contender{name: name, Process: p, shot: shot{url: url}})
	}
	api, err := startAPI(ctx, backend)
	if err != nil {
		return started, err
	}
	started = append(started, &contender{name: "service", Process: api.Process, shot: shot{url: api.URL}})
	for _, c := range started {
		c.shot.path, c.shot.token, c.shot.mediaType, c.shot.body = "/sensor-data", api.Token, "application/json", single
		c.shot.sent = new(atomic.Int64)
	}
	return started, nil
}

func startAPI(ctx context.Context, backend *standin.Backend) (*standin.API, error) {
	var log bytes.Buffer
	api, err := standin.StartAPI(ctx, backend, standin.APIOptions{Env: []string{"LOG_LEVEL=warn"}, Log: &log})
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, &log)
	}
	return api, nil
}
