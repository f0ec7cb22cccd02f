package replicator_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/replicator"
)

// lives are those of a history whose program ends again and again, in good order or killed in the middle of its calls.
type lives struct {
	*history
	t       *testing.T
	random  *rand.Rand
	dir     string
	end     context.CancelFunc
	work    sync.WaitGroup
	numbers int64
	killed  int
	rested  int
}

func (l *lives) begin(dir string) {
	l.dir = dir
	l.live(l.t, dir)
	ctx, end := context.WithCancel(l.t.Context())
	of := l.Replicator
	l.end = end
	l.work.Go(func() { of.Run(ctx) })
}

// kill ends the program at a moment at which its calls are on their way: none of those that have not arrived will. What it has
// written to its folder so far is what the next life finds.
func (l *lives) kill() {
	synctest.Wait()
	l.process.killed.Store(true)
	dir := l.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(l.dir)); err != nil {
		l.t.Fatal(err)
	}
	l.killed++
	l.end()
	l.begin(dir)
}

// stop ends the program in good order, which reads the streams once more, and begins the next life after some days.
func (l *lives) stop(days int) {
	was := l.failing(0)
	l.end()
	l.work.Wait()
	l.failing(was)
	if days > 0 {
		l.rested++
		l.rest(days > 1)
	}
	l.begin(l.dir)
}

// failing sets how many calls of a thousand fail, and returns how many it were.
func (l *lives) failing(perMille int) (before int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, l.perMille = l.perMille, perMille
	return before
}

// phase lets clients write while the program is killed, cut off regions come back and others go.
func (l *lives) phase() {
	var clients sync.WaitGroup
	for n, region := range l.regions {
		seed := l.random.Uint64()
		base := l.numbers
		clients.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(n)))
			for i := range int64(40) {
				l.write(region, fmt.Sprint("EQ-", random.IntN(6)), base+1000*i+100*int64(n)+random.Int64N(10))
				if random.IntN(3) == 0 {
					time.Sleep(time.Duration(random.Int64N(int64(400 * time.Millisecond))))
				}
			}
		})
	}
	l.numbers += 100_000
	for range l.random.IntN(4) {
		time.Sleep(time.Duration(l.random.Int64N(int64(3 * time.Second))))
		region := l.regions[l.random.IntN(len(l.regions))]
		switch l.random.IntN(4) {
		case 0:
			l.kill()
		case 1:
			_ = l.Heal(l.t.Context(), region)
		case 2:
			_ = l.Cut(l.t.Context(), region)
			l.kill()
		default:
			_ = l.Cut(l.t.Context(), region)
		}
	}
	clients.Wait()
}

func (l *lives) run() {
	l.begin(l.t.TempDir())
	for range 1 + l.random.IntN(4) {
		l.phase()
		cut := map[string]bool{}
		for _, region := range l.regions {
			cut[region] = l.IsCut(region)
		}
		if l.random.IntN(3) == 0 {
			l.kill()
		} else {
			l.stop(l.random.IntN(3))
		}
		for _, region := range l.regions {
			if l.IsCut(region) != cut[region] {
				l.t.Errorf("%s: cut off before the restart is %t, and after it %t", region, cut[region], l.IsCut(region))
			}
		}
	}
	for _, region := range l.regions {
		if err := l.Heal(l.t.Context(), region); err != nil {
			l.t.Fatal(err)
		}
	}
	l.failing(0)
	ctx, cancel := context.WithTimeout(l.t.Context(), 10*time.Minute)
	defer cancel()
	if err := l.Settled(ctx); err != nil {
		l.t.Fatal(err)
	}
}

// TestReplicator_ForgetsNothingOverARestart runs histories in which the program is killed in the middle of its calls and ends in good
// order, also for days, while regions are cut off: all replicas end as the simulation's model of a global table has them.
func TestReplicator_ForgetsNothingOverARestart(t *testing.T) {
	first, count := seeds(t, 100)
	var sum replicator.Counts
	killed, rested := 0, 0
	for seed := first; seed < first+count; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 2))
				l := &lives{t: t, random: rand.New(rand.NewPCG(seed, 3)), history: newHistory(t, random, 2+random.IntN(3), time.Duration(1+random.Int64N(int64(2*time.Second))))}
				if random.IntN(2) == 0 {
					l.perMille = 30
				}
				l.slow = time.Duration(random.Int64N(int64(40 * time.Millisecond)))
				l.run()
				l.end()
				l.work.Wait()
				want := l.settle(t)
				for _, region := range l.regions {
					if got := l.model.Items(physical(region)); !reflect.DeepEqual(got, want) {
						t.Errorf("%s has\n%s\nwant\n%s", region, text(got), text(want))
					}
				}
				c := l.Counts()
				sum.Written, sum.Outvoted, sum.Merged = sum.Written+c.Written, sum.Outvoted+c.Outvoted, sum.Merged+c.Merged
				killed, rested = killed+l.killed, rested+l.rested
			})
		})
		if t.Failed() {
			t.Fatalf("SEED=%d go test ./runtime/local/replicator -run Restart replays it", seed)
		}
	}
	t.Logf("%d histories, killed %d times, rested %d times: the last lives %+v", count, killed, rested, sum)
	if count > 1 && (killed == 0 || rested == 0 || sum.Written == 0 || sum.Outvoted == 0) {
		t.Error("a rule was never put to use")
	}
}

func TestNew_TakesUpAJournalWhoseLastLineIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lives{t: t, random: rand.New(rand.NewPCG(1, 1)), history: newHistory(t, rand.New(rand.NewPCG(1, 1)), 2, time.Second)}
		l.begin(t.TempDir())
		l.write("r1", "EQ-1", 1)
		time.Sleep(time.Minute)
		if err := l.Cut(t.Context(), "r2"); err != nil {
			t.Fatal(err)
		}
		l.write("r1", "EQ-2", 2)
		l.write("r2", "EQ-2", 3)
		time.Sleep(time.Minute)
		l.end()
		l.work.Wait()
		path := filepath.Join(l.dir, physical("r1")+".jsonl")
		content, err := os.ReadFile(path)
		if err != nil || !strings.HasSuffix(string(content), "\n") {
			t.Fatalf("the journal: %q, %v", content, err)
		}
		if err := os.WriteFile(path, append(content, `{"read":99,"ke`...), 0o600); err != nil {
			t.Fatal(err)
		}
		l.begin(l.dir)
		if err := l.Heal(t.Context(), "r2"); err != nil {
			t.Fatal(err)
		}
		if err := l.Settled(t.Context()); err != nil {
			t.Fatal(err)
		}
		if one, two := l.model.Items(physical("r1")), l.model.Items(physical("r2")); len(one) != 2 || !reflect.DeepEqual(one, two) {
			t.Errorf("the first region has\n%s\nthe second\n%s", text(one), text(two))
		}
		l.end()
		l.work.Wait()

		if err := os.WriteFile(path, append([]byte("no journal\n"), content...), 0o600); err != nil {
			t.Fatal(err)
		}
		o := replicator.Options{Dir: l.dir, Replicas: []replicator.Replica{{Region: "r1", Name: physical("r1")}}}
		if _, err := replicator.New(o); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("a journal that is none: %v", err)
		}
	})
}
