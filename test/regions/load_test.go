package regions_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// identity names a reading.
type identity struct{ equipment, timestamp string }

// acknowledged is what a client was told about a value of a reading.
type acknowledged struct {
	value           string
	began, answered time.Time
}

// ledger remembers the last acknowledged value of each reading in one region. There is one writer of it in each region.
type ledger struct {
	mu   sync.Mutex
	last map[identity]acknowledged
	// open are values that were sent after it and never answered, since the region ended. They may be stored.
	open map[identity][]string
}

func newLedger() *ledger {
	return &ledger{last: map[identity]acknowledged{}, open: map[identity][]string{}}
}

// load is clients of one region, until stop is closed.
type load struct {
	member  *member
	number  int // of the region
	life    int // makes readings of its own that no other load makes
	workers int
	ledger  *ledger
	stop    chan struct{}
	work    sync.WaitGroup
	// ends tells that the region goes away: no answer is no fault then.
	ends atomic.Bool

	sent, refused atomic.Int64
	mu            sync.Mutex
	faults        []string
}

// contested is how many readings of each worker are written in both regions; each region's worker of that number writes them.
const contested = 12

// isOwn tells whether the readings of an equipment are those that one client alone writes.
func isOwn(equipment string) bool { return strings.HasPrefix(equipment, "eq-") }

func newLoad(m *member, number int) *load {
	return &load{member: m, number: number, workers: 6, stop: make(chan struct{}), ledger: newLedger()}
}

func (l *load) start(ctx context.Context) {
	for n := range l.workers {
		l.work.Go(func() { l.run(ctx, n, newDice(uint64(100*l.number+n))) })
	}
}

func (l *load) end() {
	close(l.stop)
	l.work.Wait()
}

func (l *load) fault(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.faults) < 10 {
		l.faults = append(l.faults, fmt.Sprintf(format, args...))
	}
}

// run is one client: new readings, corrections of its own, and readings that the other region writes too.
func (l *load) run(ctx context.Context, worker int, dice *rand.Rand) {
	hour := time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour)
	var mine []identity
	for i := 0; ; i++ {
		pause(ctx, time.Duration(dice.IntN(20))*time.Millisecond)
		select {
		case <-l.stop:
			return
		case <-ctx.Done():
			return
		default:
		}
		readings := map[identity]string{}
		for range 1 + dice.IntN(8) {
			id := identity{fmt.Sprintf("both-%d", worker), hour.Add(time.Duration(dice.IntN(contested)) * time.Second).Format(time.RFC3339Nano)}
			switch {
			case dice.IntN(4) > 0:
				at := hour.Add(time.Duration(len(mine)%7200)*time.Second + time.Duration(1000*worker+10*l.life+l.number+1))
				id = identity{fmt.Sprintf("eq-%d", dice.IntN(8)), at.Format(time.RFC3339Nano)}
				mine = append(mine, id)
			case len(mine) > 0 && dice.IntN(2) == 0:
				id = mine[dice.IntN(len(mine))]
			}
			readings[id] = fmt.Sprintf("%d.%02d", dice.IntN(500), dice.IntN(100))
		}
		l.send(ctx, readings)
	}
}

// send sends readings until they are acknowledged.
func (l *load) send(ctx context.Context, readings map[identity]string) {
	var lines []string
	for id, value := range readings {
		lines = append(lines, fmt.Sprintf(`{"equipmentId":%q,"timestamp":%q,"value":%s}`, id.equipment, id.timestamp, value))
	}
	call := probe.Call{Path: "/sensor-data/batch", Body: []byte("[" + strings.Join(lines, ",") + "]")}
	if len(lines) == 1 {
		call = probe.Call{Path: "/sensor-data", Body: []byte(lines[0])}
	}
	began := time.Now()
	for ctx.Err() == nil {
		l.sent.Add(1)
		got, err := l.member.client.Do(ctx, call)
		switch {
		case err == nil && got.Status == http.StatusCreated:
			l.ledger.mu.Lock()
			defer l.ledger.mu.Unlock()
			for id, value := range readings {
				l.ledger.last[id] = acknowledged{value, began, time.Now()}
				delete(l.ledger.open, id)
			}
			return
		case l.ends.Load():
			l.ledger.mu.Lock()
			defer l.ledger.mu.Unlock()
			for id, value := range readings {
				l.ledger.open[id] = append(l.ledger.open[id], value)
			}
			return
		case err == nil && got.Status == http.StatusServiceUnavailable:
			l.refused.Add(1)
			pause(ctx, 100*time.Millisecond) // less than the answer asks for
		default:
			l.fault("%s: %d %.200s, %v", l.member.Region, got.Status, got.Body, err)
			return
		}
	}
}

// lost tells which acknowledged readings are not stored with the value that has to win: the last one of the region that alone has
// written it, or else that of the region whose last write began after the other's was answered.
func lost(stored []probe.Stored, ledgers ...*ledger) []string {
	values := map[identity]string{}
	for _, r := range stored {
		values[identity{r.EquipmentID, r.At.Format(time.RFC3339Nano)}] = r.Value
	}
	may, open := map[identity][]acknowledged{}, map[identity][]string{}
	for _, l := range ledgers {
		for id, a := range l.last {
			may[id] = append(may[id], a)
		}
		for id, values := range l.open {
			open[id] = append(open[id], values...)
		}
	}
	var found []string
	for id, all := range may {
		value, is := values[id]
		right := is && slices.ContainsFunc(open[id], func(v string) bool { return probe.Number(v).Cmp(probe.Number(value)) == 0 })
		for _, a := range all {
			late := false
			for _, other := range all {
				late = late || other.began.After(a.answered)
			}
			right = right || is && !late && probe.Number(a.value).Cmp(probe.Number(value)) == 0
		}
		if !right {
			found = append(found, fmt.Sprintf("%v: stored is %q, acknowledged %+v", id, value, all))
		}
	}
	return found
}

// pause lets time pass: how fast clients send and how long regions are parted is what these drills are made of.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
