package simulation_test

import (
	"context"
	"iter"
	"time"
)

// process is something that the regions' code does - a request, an invocation - as a coroutine that stops at every call that
// leaves it. Only one runs at a time, and only the scheduler says which.
type process struct {
	name   string
	region *region
	next   func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
	// wake is when it may go on, deadline when it is killed; a zero deadline is none.
	wake, deadline time.Time
	// onItsWay is a write that was sent and has not arrived.
	onItsWay func()
	// unknown counts the calls of which it does not know whether they took place.
	unknown int
	// leave lets its client leave, if it is a request that has one; died tells the client that no answer will come. offset is what
	// its task's clock is ahead.
	leave  func()
	died   func()
	offset time.Duration
	// ended is called once, at its end.
	ended func(dead bool)
	// invocation is set where it is one of the aggregator.
	invocation *invocation
	// worker tells that it works on a file.
	worker bool
}

// died unwinds a process that ends between two calls.
type died struct{}

// spawn makes a process that begins when the scheduler comes to it.
func (w *world) spawn(p *process, body func()) {
	p.next, p.stop = iter.Pull(func(yield func(struct{}) bool) {
		defer func() {
			if r := recover(); r != nil && r != any(died{}) {
				panic(r)
			}
		}()
		p.yield = yield
		body()
	})
	w.processes = append(w.processes, p)
}

// step lets others go on.
func (p *process) step() {
	if !p.yield(struct{}{}) {
		panic(died{})
	}
}

// sleep waits in virtual time, and no longer than to the deadline.
func (p *process) sleep(w *world, margin time.Duration) func(context.Context, time.Duration) error {
	return func(_ context.Context, d time.Duration) error {
		p.wake = w.now.Add(d)
		if limit := p.deadline.Add(-margin); !p.deadline.IsZero() && p.wake.After(limit) {
			p.wake = limit
			p.step()
			return context.DeadlineExceeded
		}
		p.step()
		return nil
	}
}

// resumeOne lets a process that is ready make its next call, or ends it.
func (w *world) resumeOne() bool {
	n := len(w.processes)
	if n == 0 {
		return false
	}
	first := w.random.IntN(n)
	for i := range n {
		at := (first + i) % n
		p := w.processes[at]
		switch {
		case !p.deadline.IsZero() && w.now.After(p.deadline):
			w.count(countTimeouts, 1)
			w.kill(at, "ran out of time")
		case p.wake.After(w.now):
			continue
		case w.chance(crashes, 50), w.files && p.worker && p.onItsWay != nil && w.chance(crashes, 8):
			w.kill(at, "crashed")
		default:
			if p.leave != nil && w.chance(leaves, 20) {
				p.leave()
			}
			w.running = p
			_, alive := p.next()
			w.running = nil
			if !alive {
				w.remove(at)
				p.ended(false)
			}
		}
		return true
	}
	return false
}

// kill ends a process. What it has sent may still arrive.
func (w *world) kill(at int, how string) {
	p := w.processes[at]
	w.tracef("%s %s", p.name, how)
	p.stop()
	if p.died != nil {
		p.died()
	}
	// What was sent before hours went by has arrived, or is lost.
	if p.onItsWay != nil && (p.deadline.IsZero() || w.now.Before(p.deadline.Add(lateMax))) {
		w.count(countCrashUnanswer, 1)
		switch choice := w.random.IntN(3); {
		case choice == 0 && (!w.files || !p.worker):
			p.onItsWay()
		case choice <= 1:
			if w.on[late] {
				from, within := w.lateAfter(p)
				w.landAfter(from, within, p.onItsWay)
			}
		}
	}
	w.remove(at)
	p.ended(true)
}

// lateAfter draws how much later than its death what a process has sent may arrive. A worker's may until a little after its
// deadline, when another one has taken over, and often does so at the very end.
func (w *world) lateAfter(p *process) (from, within time.Duration) {
	if !p.worker {
		return 0, lateMax
	}
	left := max(p.deadline.Sub(w.now), 0)
	if w.random.IntN(2) == 0 {
		return left, lateMax
	}
	return 0, left + lateMax
}

func (w *world) remove(at int) {
	last := len(w.processes) - 1
	w.processes[at] = w.processes[last]
	w.processes[last] = nil
	w.processes = w.processes[:last]
}

// lateMax is how much later than its caller gave up a call may take place: more than a call may take.
const lateMax = 4900 * time.Millisecond

// lateRows is the same for the aggregator, whose transactions may take place at any time: also when their tokens are forgotten.
const lateRows = 15 * time.Minute

// lateEffect is a call that was given up and is on its way still.
type lateEffect struct {
	at     time.Time
	effect func()
}

func (w *world) land(within time.Duration, effect func()) { w.landAfter(0, within, effect) }

func (w *world) landAfter(from, within time.Duration, effect func()) {
	w.late = append(w.late, lateEffect{w.now.Add(from + time.Duration(w.random.Int64N(int64(within)))), effect})
}

// advance moves the clock on. Late calls that are due on the way take place, each at its time.
func (w *world) advance(d time.Duration) {
	until := w.now.Add(d)
	for {
		first := -1
		for i, l := range w.late {
			if !l.at.After(until) && (first < 0 || l.at.Before(w.late[first].at)) {
				first = i
			}
		}
		if first < 0 {
			break
		}
		l := w.late[first]
		w.late = append(w.late[:first], w.late[first+1:]...)
		if l.at.After(w.now) {
			w.now = l.at
		}
		w.strike(late)
		l.effect()
	}
	if until.After(w.now) {
		w.now = until
	}
}
