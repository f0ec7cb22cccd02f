package users

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Options say what a crowd does.
type Options struct {
	Address Address
	Pace    Pace
	// Patience is how long a user waits for an answer, and how long after the end of the measured time answers still count.
	Patience time.Duration
	// Prefix begins the names of the equipments; each user sends those of one.
	Prefix string
	// Seed fixes all moments.
	Seed uint64
	// Remember keeps what was answered with 201, so that it can be looked for.
	Remember bool
	// Dial opens a user's connection. Default: to the host of the address.
	Dial func(context.Context) (net.Conn, error)
}

// Stored is a reading that was answered with 201.
type Stored struct {
	User, N int
	At      time.Time
}

// crowd is the users at work.
type crowd struct {
	Options
	began  time.Time
	giveUp time.Time
	head   []byte
	rooms  sync.Pool

	connected atomic.Int64
	tally     *tally
}

// Run lets the crowd do its work, and returns once all users have done theirs, at most Patience after the end of the measured time.
// tell is called every second with how it goes; it may be nil. When ctx ends, what was measured until then is returned with its error.
func Run(ctx context.Context, o Options, tell func(Progress)) (*Result, error) {
	if o.Dial == nil {
		o.Dial = o.Address.dial
	}
	c := &crowd{Options: o, began: time.Now(), head: o.Address.head(), tally: newTally(o.Pace)}
	c.giveUp = c.began.Add(o.Pace.Ramp + o.Pace.Measured + o.Patience)
	c.rooms.New = func() any { return &room{make([]byte, 0, requestBytes+len(c.head)), make([]byte, answerBytesMax)} }
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	var told sync.WaitGroup
	if tell != nil {
		told.Go(func() { c.tell(working, tell) })
	}
	stored := make([][]Stored, o.Pace.Users)
	var work sync.WaitGroup
	for n := range o.Pace.Users {
		work.Go(func() { stored[n] = c.user(ctx, n) })
	}
	work.Wait()
	cancel()
	told.Wait()
	result := c.tally.result(o.Pace, c.began)
	for _, some := range stored {
		result.Stored = append(result.Stored, some...)
	}
	return result, ctx.Err()
}

// room is what one exchange needs; only those under way have one.
type room struct{ request, answer []byte }

// user sends the readings of one user, and returns those that were stored where they are to be remembered.
func (c *crowd) user(ctx context.Context, n int) (stored []Stored) {
	schedule, equipment := newSchedule(c.Pace, n, c.Seed), EquipmentID(c.Prefix, n)
	var conn net.Conn
	defer func() {
		if conn != nil {
			c.connected.Add(-1)
			_ = conn.Close()
		}
	}()
	for i := 0; !schedule.over(); i++ {
		second, measured := schedule.second()
		intended := c.began.Add(schedule.at)
		if err := until(ctx, intended); err != nil {
			return stored
		}
		if now := time.Now(); !now.Before(c.giveUp) {
			c.tally.add(outcome{second: second, measured: measured, reason: reasonNotSent, took: now.Sub(intended)})
			schedule.next()
			continue
		}
		got, err := c.send(ctx, &conn, equipment, intended, Value(n, i))
		if ctx.Err() != nil {
			return stored
		}
		c.tally.add(outcome{second: second, measured: measured, answer: got, reason: reasonOf(err), took: time.Since(intended)})
		if c.Remember && got.status == http.StatusCreated {
			stored = append(stored, Stored{n, i, intended})
		}
		schedule.next()
	}
	_ = until(ctx, c.began.Add(c.Pace.Ramp+c.Pace.Measured)) // the connections are part of the load
	return stored
}

// send makes one exchange over the user's connection, which it opens where there is none and drops where it is of no use any more.
func (c *crowd) send(ctx context.Context, conn *net.Conn, equipment string, intended time.Time, value string) (answer, error) {
	deadline := time.Now().Add(c.Patience)
	if deadline.After(c.giveUp) {
		deadline = c.giveUp
	}
	if *conn == nil {
		dialing, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		opened, err := c.Dial(dialing)
		if err != nil {
			return answer{}, err
		}
		*conn = opened
		c.connected.Add(1)
	}
	room, _ := c.rooms.Get().(*room)
	defer c.rooms.Put(room)
	room.request = appendRequest(room.request[:0], c.head, equipment, intended, value)
	got, err := exchange(*conn, room.request, room.answer, deadline)
	if err != nil || got.closes {
		c.connected.Add(-1)
		_ = (*conn).Close()
		*conn = nil
	}
	return got, err
}

// The reasons for which a reading has no answer.
const (
	reasonNotSent = "not sent in time"
	reasonTimeout = "no answer in time"
	reasonRefused = "connection refused"
	reasonBroken  = "connection broken"
	reasonOther   = "answer not understood"
)

func reasonOf(err error) string {
	var timeout net.Error
	var dial *net.OpError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return reasonTimeout
	case errors.As(err, &dial) && dial.Op == "dial":
		return reasonRefused
	case errors.As(err, &dial), isEnd(err):
		return reasonBroken
	default:
		return reasonOther
	}
}

// reasonOfStatus names a failure by its status.
func reasonOfStatus(status int) string { return "status " + strconv.Itoa(status) }

// tell tells every second how it goes.
func (c *crowd) tell(ctx context.Context, tell func(Progress)) {
	for n := 1; ; n++ {
		if until(ctx, c.began.Add(time.Duration(n)*time.Second)) != nil {
			return
		}
		p := c.tally.progress()
		p.Elapsed, p.Connected = time.Since(c.began), int(c.connected.Load())
		tell(p)
	}
}

// until waits for a moment, or returns the error of ctx when that ends before.
func until(ctx context.Context, moment time.Time) error {
	timer := time.NewTimer(time.Until(moment))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
