package regions_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/await"
)

const (
	// answerWithin is how long the client waits for an answer, returnAfter how long it leaves a region alone that gave none.
	answerWithin, returnAfter = 3 * time.Second, time.Second
	// goesOnWithin is generous: the machine may be busy. How long it took is printed.
	goesOnWithin = time.Minute
)

// traveller is a client that knows both regions, and what it does all the time.
type traveller struct {
	t    *testing.T
	c    *client.Client
	from time.Time // of its readings
	stop chan struct{}
	work sync.WaitGroup

	stored  atomic.Int64
	queries atomic.Int64
	pages   atomic.Int64 // of raw readings, over which it goes from the first to the last
}

func newTraveller(d *drill) *traveller {
	d.t.Helper()
	var at []client.Region
	for _, region := range d.Info.Regions {
		at = append(at, client.Region{URL: region.APIURL, TokenURL: region.TokenURL})
	}
	machine := client.Machine{ID: d.Info.ClientID, Secret: d.Info.ClientSecret}
	c, err := client.New(machine, at, client.Options{CallTimeout: answerWithin, ReturnAfter: returnAfter})
	if err != nil {
		d.t.Fatal(err)
	}
	return &traveller{t: d.t, c: c, from: time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour), stop: make(chan struct{})}
}

// ends tells whether it is to end.
func (v *traveller) ends() bool {
	select {
	case <-v.stop:
		return true
	default:
		return false
	}
}

// start sends and asks until stop is closed. given gets the number of readings that were sent, all of which the service has acknowledged.
func (v *traveller) start(ctx context.Context) (given <-chan int) {
	sent := make(chan int, 1)
	v.work.Go(func() { sent <- v.send(ctx) })
	v.work.Go(func() {
		for !v.ends() {
			if _, err := v.c.Summarize(ctx, client.Window{Interval: "24h"}); err != nil {
				v.t.Errorf("a query: %v", err)
				return
			}
			v.queries.Add(1)
			pause(ctx, 50*time.Millisecond)
		}
	})
	v.work.Go(func() {
		for !v.ends() {
			if err := v.read(ctx); err != nil {
				v.t.Errorf("reading all of an equipment: %v", err)
				return
			}
			pause(ctx, 50*time.Millisecond)
		}
	})
	return sent
}

// send sends readings, each with an identity of its own, until it ends.
func (v *traveller) send(ctx context.Context) (given int) {
	s := v.c.NewSender(ctx, client.SenderOptions{
		BatchReadings: 20, Linger: 20 * time.Millisecond, PendingReadings: 200,
		Stored: func(n int) { v.stored.Add(int64(n)) },
	})
	value, err := client.ParseValue("0.1")
	for ; err == nil && !v.ends(); given++ {
		err = s.Send(ctx, client.Reading{
			EquipmentID: client.EquipmentID(fmt.Sprint("traveller-", given%4)), Timestamp: v.from.Add(time.Duration(given) * time.Millisecond), Value: value,
		})
		pause(ctx, time.Millisecond)
	}
	if err != nil {
		v.t.Errorf("reading %d: %v", given, err)
	}
	if err := s.Close(ctx); err != nil {
		v.t.Errorf("the sender: %v", err)
	}
	return given
}

// read goes over all readings of an equipment, page by page, and expects each once.
func (v *traveller) read(ctx context.Context) error {
	const page = 1000
	count, last := 0, time.Now()
	for r, err := range v.c.Readings(ctx, client.Range{EquipmentID: "traveller-0"}) {
		switch {
		case err != nil:
			return err
		case !r.Timestamp.Before(last):
			return fmt.Errorf("%v comes after %v", r.Timestamp, last)
		}
		last, count = r.Timestamp, count+1
	}
	v.pages.Add(int64(1 + count/page))
	return nil
}

// goesOn waits until more readings than were held are stored, and more queries are answered.
func (v *traveller) goesOn(what string) {
	v.t.Helper()
	const more = 300
	began, stored, queries, pages := time.Now(), v.stored.Load(), v.queries.Load(), v.pages.Load()
	await.NoError(v.t, goesOnWithin, func() error {
		stored, queries, pages := v.stored.Load()-stored, v.queries.Load()-queries, v.pages.Load()-pages
		if stored < more || queries < 2 || pages < 2 {
			return fmt.Errorf("%s: %d readings stored, %d queries answered and %d pages read since", what, stored, queries, pages)
		}
		return nil
	})
	v.t.Logf("%s: it has gone on after %.1f s", what, time.Since(began).Seconds())
}

// TestRegions_TheClientGoesOnWithoutOne has one client of two regions, which sends and asks all the time. The API of the first region
// hangs, so that what was on its way there is sent to the second one and still lands in the first, comes back, and is killed for good.
func TestRegions_TheClientGoesOnWithoutOne(t *testing.T) {
	d := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	v := newTraveller(d)
	given := v.start(ctx)
	end := sync.OnceFunc(func() { close(v.stop); v.work.Wait() })
	defer end()
	api := func() int { return d.first.PIDs()[stack.PartAPI][0] }
	tell := func(signal syscall.Signal) {
		t.Helper()
		if err := syscall.Kill(api(), signal); err != nil {
			t.Fatal(err)
		}
	}
	v.goesOn("both answer")
	tell(syscall.SIGSTOP)
	defer func() { _ = syscall.Kill(api(), syscall.SIGCONT) }() // whatever happens: it must be able to end
	v.goesOn("the first one hangs")
	before := d.written(d.first)
	tell(syscall.SIGCONT)
	await.True(t, goesOnWithin, "the first one, which is back, is called again", func() bool { return d.written(d.first) > before+100 })
	v.goesOn("the first one is back")
	tell(syscall.SIGKILL)
	v.goesOn("the first one is gone")
	end()

	sent, acknowledged := <-given, v.stored.Load()
	if int64(sent) != acknowledged {
		t.Errorf("%d readings were sent and %d acknowledged", sent, acknowledged)
	}
	d.equal(equalWithin)
	stored := map[identity]bool{}
	for _, r := range d.readings(d.second) {
		stored[identity{r.EquipmentID, r.At.Format(time.RFC3339Nano)}] = true
	}
	for i := range sent {
		at := v.from.Add(time.Duration(i) * time.Millisecond)
		if id := (identity{fmt.Sprint("traveller-", i%4), at.Format(time.RFC3339Nano)}); !stored[id] {
			t.Errorf("%v was acknowledged and is lost", id)
		}
	}
	if len(stored) != sent {
		t.Errorf("%d readings are stored, want %d", len(stored), sent)
	}
	d.exact(d.second, equalWithin)
	all, err := v.c.Summarize(ctx, client.Window{Interval: "24h"})
	if err != nil || all.Count != int64(sent) || all.Average.String() != "0.1" {
		t.Errorf("the client is told of %+v, %v; want %d with the average 0.1", all, err, sent)
	}
	if first, second := d.written(d.first), d.written(d.second); first == 0 || second == 0 {
		t.Errorf("%d readings were written in the first and %d in the second region", first, second)
	} else {
		t.Logf("%d readings were written in the first and %d in the second region", first, second)
	}
}

// written is how many readings a region's table has of those that this region has written.
func (d *drill) written(m *member) (count int) {
	d.t.Helper()
	for _, item := range d.items(m, contract.ReadingsTable()) {
		if strings.Contains(item+" ", " "+contract.AttrRegion+"="+m.Region+" ") {
			count++
		}
	}
	return count
}
