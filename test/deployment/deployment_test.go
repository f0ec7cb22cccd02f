package deployment_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/capture"
	"github.com/sensorflow/sensorflow/test/contract/probe"
	"github.com/sensorflow/sensorflow/test/permission"
)

// TestDeployment creates the stacks of two regions and uses what was created.
func TestDeployment(t *testing.T) {
	s := newStage(t, environment("", trial, other))
	w, err := s.try(t.Context(), s.stacks, regions)
	defer w.stop()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.deploy(t.Context(), s.trial, s.progress); err != nil {
		t.Fatal(err)
	}
	w.holdTable(t)
	for _, problem := range w.needlessAdaptations(t.Context(), s.progress) {
		t.Error(problem)
	}
	w.holdTheRights(t, s.others)
}

// stage is where deployments are tried: the templates, and an emulator.
type stage struct {
	root     string
	assembly string // the folder of the templates
	folder   string // for files of the test
	stacks   []stackTemplate
	trial    []stackTemplate // of an environment that is thrown away, which nobody uses
	others   []stackTemplate // of one that is not created
	emulator *emulator
	log      capture.Buffer
	patience time.Duration // bounds one flow
	progress func(format string, args ...any)
}

// newStage synthesizes the stacks of a configuration and starts an emulator, for as long as the test runs. A failed test prints what the
// programs printed.
func newStage(t *testing.T, configuration string) *stage {
	t.Helper()
	needPython(t)
	s := &stage{progress: stopwatch(t), patience: patience, assembly: t.TempDir(), folder: t.TempDir()}
	t.Cleanup(func() {
		if s.emulator != nil {
			s.emulator.stop()
		}
		if t.Failed() {
			t.Logf("the programs printed:\n%s", telling(s.log.String()))
		}
	})
	var err error
	if s.root, err = checkout.Root(); err != nil {
		t.Fatal(err)
	}
	all, err := synthesize(t.Context(), s.root, s.assembly, configuration)
	if err != nil {
		t.Fatal(err)
	}
	for _, stack := range all {
		switch strings.Split(stack.Name, "-")[1] {
		case "trial":
			s.trial = append(s.trial, stack)
		case "other":
			s.others = append(s.others, stack)
		default:
			s.stacks = append(s.stacks, stack)
		}
	}
	s.progress("%d stacks are synthesized", len(all))
	if s.emulator, err = startEmulator(t.Context(), s.root, &s.log); err != nil {
		t.Fatal(err)
	}
	s.progress("the emulator answers")
	return s
}

// try creates stacks, starts the programs of the regions and runs every flow in each. The world is to be stopped, also with an error.
func (s *stage) try(ctx context.Context, stacks []stackTemplate, serving []string) (*world, error) {
	w := &world{deployment: newDeployment(s.emulator), log: &s.log, folder: s.folder, recorder: permission.NewRecorder()}
	if err := w.bootstrap(ctx); err != nil {
		return w, err
	}
	if err := w.deploy(ctx, stacks, s.progress); err != nil {
		return w, err
	}
	if err := w.start(ctx, s.root); err != nil {
		return w, err
	}
	for _, region := range serving {
		if err := w.startRegion(ctx, region); err != nil {
			return w, fmt.Errorf("%s: %w", region, err)
		}
		s.progress("%s serves", region)
	}
	group, running := errgroup.WithContext(ctx)
	for _, service := range w.services {
		group.Go(func() error { return service.use(running, s) })
	}
	if err := group.Wait(); err != nil {
		return w, err
	}
	return w, w.agree(ctx, s.patience)
}

// use runs every flow.
func (s *service) use(ctx context.Context, on *stage) error {
	one := func(f flow) error {
		ctx, cancel := context.WithTimeout(ctx, on.patience)
		defer cancel()
		return f.run(ctx, s)
	}
	for _, f := range flows {
		if err := one(f); err != nil {
			return fmt.Errorf("%s: %s: %w", s.region, f.name, err)
		}
		on.progress("%s: %s", s.region, f.name)
	}
	return nil
}

// agree holds the aggregates of every region against the readings of all.
func (w *world) agree(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, s := range w.services {
		c, err := s.client(ctx)
		if err != nil {
			return err
		}
		table := envOf(s.environment, contract.EnvReadingsTable)
		err = await.Until(ctx, func() error {
			readings, err := probe.Readings(ctx, probe.NewDynamoDB(s.region, w.database.Endpoint), table)
			if err != nil {
				return err
			}
			pages, err := c.Aggregates(ctx, "24h", "", 0)
			if err != nil {
				return err
			}
			if different := probe.Differences(probe.Within(readings, time.Now(), 24), pages); len(different) > 0 {
				return fmt.Errorf("the aggregates of %s differ from the readings: %s", s.region, strings.Join(different, "; "))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// envOf is the value of a key of an environment.
func envOf(environ []string, key string) string {
	for _, pair := range environ {
		if value, ok := strings.CutPrefix(pair, key+"="); ok {
			return value
		}
	}
	return ""
}

// stopwatch returns what tells the progress of a test, with the seconds since the start.
func stopwatch(t *testing.T) func(format string, args ...any) {
	began := time.Now()
	var mu sync.Mutex
	return func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		t.Logf("%5.1f s  %s", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
}

// telling are the last lines of a log, without requests that went well.
func telling(log string) string {
	const linesMax = 60
	lines := slices.DeleteFunc(strings.Split(log, "\n"), func(line string) bool {
		return strings.Contains(line, `"msg":"request"`) && strings.Contains(line, `"status":2`)
	})
	return strings.Join(lines[max(0, len(lines)-linesMax):], "\n")
}
