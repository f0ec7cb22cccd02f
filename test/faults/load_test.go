package faults_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// identity names a reading.
type identity struct{ equipment, timestamp string }

// ledger remembers what was acknowledged last for each reading. One worker alone writes a reading, so that "last" is clear.
type ledger struct {
	mu     sync.Mutex
	values map[identity]string
}

func newLedger() *ledger { return &ledger{values: map[identity]string{}} }

func (l *ledger) acknowledge(of map[identity]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, value := range of {
		l.values[id] = value
	}
}

// differences tells which acknowledged readings are not stored with their last acknowledged value.
func (l *ledger) differences(readings []probe.Stored) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	stored := map[identity]string{}
	for _, r := range readings {
		stored[identity{r.EquipmentID, r.At.Format(time.RFC3339Nano)}] = r.Value
	}
	var found []string
	for id, value := range l.values {
		got, ok := stored[id]
		switch {
		case !ok:
			found = append(found, fmt.Sprintf("%v was acknowledged with %s and is not stored", id, value))
		case probe.Number(got).Cmp(probe.Number(value)) != 0:
			found = append(found, fmt.Sprintf("%v was acknowledged with %s last and is stored with %s", id, value, got))
		}
	}
	return found
}

// load is concurrent clients that send readings for a time, each answered before the next.
type load struct {
	client  *probe.Client
	dice    *dice
	ledger  *ledger
	workers int
	// hours are how many hours readings fall into. At any moment it is four of them, which move along, so that the aggregator
	// meets new rows to the end.
	hours int
	// crashes tells that requests may get no answer at all; they are sent again then.
	crashes bool
	// pause is what a worker waits between two requests.
	pause time.Duration

	began, end time.Time

	sent, unavailable, unanswered atomic.Int64

	mu     sync.Mutex
	faults []string
}

const (
	// hot is the equipment of which every worker writes the same hour.
	hot = "hot"
	// starved is the equipment that only the first worker writes, and that a table may refuse while it takes the others.
	starved = "starved"
)

func (l *load) fault(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.faults) < 20 {
		l.faults = append(l.faults, fmt.Sprintf(format, args...))
	}
}

// run sends until the time is over; what is in flight then is sent until it is acknowledged or ctx ends.
func (l *load) run(ctx context.Context, lasts time.Duration) {
	l.began = time.Now()
	l.end = l.began.Add(lasts)
	var workers sync.WaitGroup
	for n := range l.workers {
		workers.Go(func() { (&worker{load: l, number: n}).run(ctx) })
	}
	workers.Wait()
}

// pause lets time pass, until ctx ends: how fast clients send and how often processes die is what these tests are made of. What
// is only waited for has await.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// worker is one client.
type worker struct {
	*load
	number int
	count  int
	mine   []identity
}

func (w *worker) run(ctx context.Context) {
	for time.Now().Before(w.end) && ctx.Err() == nil {
		n := 1
		if w.dice.happens(300) {
			n = 2 + w.dice.below(90)
		}
		readings := map[identity]string{}
		var lines []string
		for range n {
			id, value := w.next(), w.dice.value()
			readings[id] = value
			lines = append(lines, fmt.Sprintf(`{"equipmentId":%q,"timestamp":%q,"value":%s}`, id.equipment, id.timestamp, value))
		}
		call := probe.Call{Path: "/sensor-data", Body: []byte(lines[0])}
		if n > 1 {
			call = probe.Call{Path: "/sensor-data/batch", Body: []byte("[" + strings.Join(lines, ",") + "]")}
		}
		if w.untilAcknowledged(ctx, call) {
			w.ledger.acknowledge(readings)
		}
		pause(ctx, w.pause)
	}
}

// next picks a reading: a new one, or, for a correction or a repetition, one that this worker has sent.
func (w *worker) next() identity {
	if len(w.mine) > 0 && w.dice.happens(200) {
		return w.mine[w.dice.below(len(w.mine))]
	}
	w.count++
	moved := int(time.Since(w.began) * time.Duration(w.hours) / w.end.Sub(w.began))
	hour := time.Now().UTC().Truncate(time.Hour).Add(-time.Duration(1+moved+w.dice.below(4)) * time.Hour)
	id := identity{equipment: fmt.Sprintf("eq-%d", w.dice.below(12))}
	switch {
	case w.number == 0:
		id.equipment = starved
	case w.dice.happens(300):
		id.equipment = hot
		hour = time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	}
	// The nanoseconds hold the worker, so that no two workers write one reading.
	at := hour.Add(time.Duration(w.count%3600)*time.Second + time.Duration(w.count/3600*1000+w.number))
	id.timestamp = at.Format(time.RFC3339Nano)
	w.mine = append(w.mine, id)
	return id
}

// untilAcknowledged sends a call until the answer is 201, and again after 503 as the answer asks.
func (w *worker) untilAcknowledged(ctx context.Context, call probe.Call) bool {
	for ctx.Err() == nil {
		w.sent.Add(1)
		got, err := w.client.Do(ctx, call)
		switch {
		case err != nil && w.crashes && ctx.Err() == nil:
			w.unanswered.Add(1)
		case err != nil:
			if !errors.Is(err, context.Canceled) {
				w.fault("no answer: %v", err)
			}
			return false
		case got.Status == http.StatusCreated:
			return true
		case got.Status == http.StatusServiceUnavailable && got.Header.Get("Retry-After") != "":
			w.unavailable.Add(1)
		default:
			w.fault("valid readings are answered with %d %q: %.300s", got.Status, got.Header.Get("Retry-After"), got.Body)
			return false
		}
		// Less than Retry-After asks for, so that a short test sends enough.
		pause(ctx, w.dice.between(50*time.Millisecond, 200*time.Millisecond))
	}
	return false
}

// file is a CSV with duplicates and bad rows, and what must come of it.
type file struct {
	content            []byte
	accepted, rejected int64
	readings           map[identity]string
}

// add appends a row.
func (f *file) add(id identity, value string) {
	f.content = fmt.Appendf(f.content, "%s,%s,%s\r\n", value, id.equipment, id.timestamp)
	f.readings[id] = value
	f.accepted++
}

// makeFile makes a CSV of n rows, some of them for the hot equipment's hour.
func makeFile(d *dice, name string, n int) file {
	var b strings.Builder
	f := file{readings: map[identity]string{}}
	b.WriteString("value,equipmentId,timestamp\r\n")
	last := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	var written []identity
	for i := range n {
		id := identity{equipment: fmt.Sprintf("%s-%d", name, d.below(8))}
		hour := last.Add(-time.Duration(d.below(5)) * time.Hour)
		if d.happens(200) {
			id.equipment, hour = hot, last
		}
		// A fraction that no worker's readings have, another one for each file.
		at := hour.Add(time.Duration(i%3600)*time.Second + time.Duration(500_000+1000*(i/3600)+int(name[len(name)-1])))
		id.timestamp = at.Format(time.RFC3339Nano)
		if len(written) > 0 && d.happens(80) {
			id = written[d.below(len(written))]
		}
		if d.happens(30) {
			b.WriteString([]string{"1,a b,2026-01-01T00:00:00Z\r\n", "x," + id.equipment + "," + id.timestamp + "\r\n", "1,2\r\n", "1," + id.equipment + ",2023-02-31T00:00:00Z\r\n"}[d.below(4)])
			f.rejected++
			continue
		}
		value := d.value()
		fmt.Fprintf(&b, "%s,%s,%s\r\n", value, id.equipment, id.timestamp)
		written = append(written, id)
		f.readings[id] = value
		f.accepted++
	}
	f.content = []byte(b.String())
	return f
}
