package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// shot is what is sent to one address: requests with bodies that body appends to a buffer, by a number that is never the same.
type shot struct {
	url, path, token, mediaType string

	body func(into []byte, number int64) []byte
	sent *atomic.Int64
}

// request appends a whole request to a buffer, which body has been written to.
func (s shot) request(into, body []byte) []byte {
	into = append(into, "POST "...)
	into = append(into, s.path...)
	into = append(into, " HTTP/1.1\r\nHost: "...)
	into = append(into, strings.TrimPrefix(s.url, "http://")...)
	into = append(into, "\r\nAuthorization: Bearer "...)
	into = append(into, s.token...)
	into = append(into, "\r\nContent-Type: "...)
	into = append(into, s.mediaType...)
	into = append(into, "\r\nContent-Length: "...)
	into = strconv.AppendInt(into, int64(len(body)), 10)
	into = append(into, "\r\n\r\n"...)
	return append(into, body...)
}

// client is one connection. It speaks just enough HTTP to leave the processors to those that are measured.
type client struct {
	shot
	conn     net.Conn
	in       *bufio.Reader
	out, doc []byte
}

func (s shot) dial(ctx context.Context) (*client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &client{shot: s, conn: conn, in: bufio.NewReaderSize(conn, 1<<10)}, nil
}

// send sends one request and returns the status of its answer.
func (c *client) send() (status int, err error) {
	c.doc = c.body(c.doc[:0], c.sent.Add(1))
	c.out = c.request(c.out[:0], c.doc)
	if _, err := c.conn.Write(c.out); err != nil {
		return 0, fmt.Errorf("send: %w", err)
	}
	return c.answer()
}

var errAnswer = errors.New("the answer is not one that this client can read")

func (c *client) answer() (status int, err error) {
	length := -1
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, fmt.Errorf("read an answer: %w", err)
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case first:
			if len(line) < len("HTTP/1.1 200") {
				return 0, errAnswer
			}
			if status, err = strconv.Atoi(string(line[9:12])); err != nil {
				return 0, errAnswer
			}
		case len(line) == 0:
			if length < 0 {
				return 0, errAnswer
			}
			if _, err := c.in.Discard(length); err != nil {
				return 0, fmt.Errorf("read an answer: %w", err)
			}
			return status, nil
		default:
			if name, value, _ := bytes.Cut(line, []byte(": ")); bytes.EqualFold(name, []byte("Content-Length")) {
				if length, err = strconv.Atoi(string(value)); err != nil {
					return 0, errAnswer
				}
			}
		}
	}
}

// tally is what became of requests.
type tally struct {
	answered, failed int64 // of those that were due while it was measured; failed are those without 201
	// within are the answers that came while it was measured, whenever their requests were due: what the process has worked on then.
	within    int64
	latencies []time.Duration
	statuses  map[int]int64 // of the failed ones; 0 is a broken connection
}

func (t *tally) count(status int, took time.Duration) {
	t.answered++
	t.latencies = append(t.latencies, took)
	if status != 201 {
		if t.statuses == nil {
			t.statuses = map[int]int64{}
		}
		t.failed++
		t.statuses[status]++
	}
}

func sum(tallies []tally) (all tally) {
	for _, t := range tallies {
		all.answered, all.failed, all.within = all.answered+t.answered, all.failed+t.failed, all.within+t.within
		all.latencies = append(all.latencies, t.latencies...)
		for status, n := range t.statuses {
			if all.statuses == nil {
				all.statuses = map[int]int64{}
			}
			all.statuses[status] += n
		}
	}
	slices.Sort(all.latencies)
	return all
}

// quantile returns the latency that a share of the requests stayed below.
func (t tally) quantile(share float64) time.Duration {
	if len(t.latencies) == 0 {
		return 0
	}
	return t.latencies[min(int(share*float64(len(t.latencies))), len(t.latencies)-1)]
}

// pace says how requests are offered.
type pace struct {
	clients int
	// perSecond is how many requests all clients together offer in a second, whether or not they are answered in time: each
	// waits for a random time around its share, and a latency counts from the moment at which the request was due. 0 means that
	// each client sends as soon as it has its answer.
	perSecond   int
	warm, lasts time.Duration
}

// fire offers requests and returns what became of those after the warming up. begin and end are called around these.
func (p pace) fire(ctx context.Context, s shot, begin, end func() error) (tally, error) {
	clients := make([]*client, p.clients)
	defer func() {
		for _, c := range clients {
			if c != nil {
				_ = c.conn.Close()
			}
		}
	}()
	for i := range clients {
		var err error
		if clients[i], err = s.dial(ctx); err != nil {
			return tally{}, err
		}
	}
	start := time.Now()
	measured, stop := start.Add(p.warm), start.Add(p.warm+p.lasts)
	tallies := make([]tally, len(clients))
	var running sync.WaitGroup
	for i, c := range clients {
		running.Go(func() { p.run(ctx, c, i, start, measured, stop, &tallies[i]) })
	}
	err := pacing.Sleep(ctx, time.Until(measured))
	if err == nil {
		err = begin()
	}
	if err == nil {
		if err = pacing.Sleep(ctx, time.Until(stop)); err == nil {
			err = end()
		}
	}
	running.Wait()
	return sum(tallies), err
}

// part is a number of [0, 1) for a client's turn. The parts of all look like random ones and are the same in each run.
func part(client int, turn int64) float64 {
	_, fraction := math.Modf(float64(int64(client)*7919+turn*104_729) * math.Phi)
	return fraction
}

// run is one client.
func (p pace) run(ctx context.Context, c *client, number int, start, measured, stop time.Time, t *tally) {
	period := time.Duration(0)
	if p.perSecond > 0 {
		period = time.Duration(p.clients) * time.Second / time.Duration(p.perSecond)
	}
	for turn := int64(0); ctx.Err() == nil; turn++ {
		due := time.Now()
		if period > 0 {
			due = start.Add(time.Duration((float64(turn) + part(number, turn)) * float64(period)))
			if !due.Before(stop) || pacing.Sleep(ctx, time.Until(due)) != nil {
				return
			}
		}
		if !due.Before(stop) {
			return
		}
		status, err := c.send()
		now := time.Now()
		if !now.Before(measured) && now.Before(stop) {
			t.within++
		}
		if !due.Before(measured) {
			t.count(status, now.Sub(due))
		}
		if err != nil {
			return // its connection is broken; what it would have sent is missing in the tally and shows in the rate
		}
	}
}

// morning is when the readings of a run begin.
var morning = time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)

const equipments = 10_000

// single appends one reading as JSON.
func single(into []byte, number int64) []byte {
	into = append(into, `{"equipmentId":"EQ-`...)
	into = strconv.AppendInt(into, 10_000+number%equipments, 10)
	into = append(into, `","timestamp":"`...)
	into = append(into, reading.FormatTimestamp(morning.Add(time.Duration(number)*time.Microsecond))...)
	into = append(into, `","value":`...)
	into = strconv.AppendInt(into, 10+number%90, 10)
	into = append(into, '.')
	into = strconv.AppendInt(into, 10+number%89, 10)
	return append(into, '}')
}
