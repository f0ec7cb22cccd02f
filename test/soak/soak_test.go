package soak_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/runtime/memory"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
	"github.com/sensorflow/sensorflow/test/load/users"
	"github.com/sensorflow/sensorflow/test/soak"
)

const (
	// soakKey lets it run. With settingsAlone it only judges what is asked for, before anything is fetched and built.
	soakKey       = "SOAK"
	settingsAlone = "settings"
	lookEvery     = 15 * time.Second
	// warmUpPart of the time, as a divisor, is not judged: what is remembered fills up.
	warmUpPart = 4
	risesMax   = 0.01 // of the memory, in an hour
	// residentRiseMax is how much of what a program holds of the machine's memory may be new at the end of a run of less than an hour. A
	// small program that has just begun grows to the size at which its collector keeps it, over tens of minutes.
	residentRiseMax = 0.5
	// leftMax is how many goroutines and files more than before may be there at the end: idle connections to what is called, which are
	// kept for a while.
	leftMax      = 10
	quietAfter   = 4 * time.Minute
	countedAfter = 10 * time.Minute // the aggregator may lag behind on a slow machine
)

// system is the local system with what is known of its programs.
type system struct {
	*stack.Stack
	programs *soak.Programs
	client   *probe.Client
}

// watched are the programs that are looked into.
var watched = []string{stack.PartAPI, stack.PartAggregator, stack.PartCSVProcessor}

// cushionOf is what an instance of a program holds for its collector and never uses.
func cushionOf(program string) int64 {
	if program == stack.PartAPI {
		return memory.CushionBytes
	}
	return 0
}

func startSystem(t *testing.T) *system {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	s := &system{programs: soak.NewPrograms()}
	var err error
	if s.Stack, err = stack.Start(ctx, stack.Options{Profiles: true, Logs: s.programs.Log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() }) // how a stack ends is for its own tests
	token, err := probe.MachineToken(ctx, s.Info.TokenURL, s.Info.ClientID, s.Info.ClientSecret)
	if err != nil {
		t.Fatal(err)
	}
	s.client = &probe.Client{Base: s.Info.APIURL, Token: token, HTTP: probe.NewHTTP()}
	return s
}

// history is what was seen of a program over time.
type history struct {
	at   []time.Duration
	seen []soak.Inspection
}

func (s *system) look(t *testing.T, program string) soak.Inspection {
	t.Helper()
	seen, err := s.programs.Inspect(t.Context(), program, s.PIDs()[program])
	if err != nil {
		t.Error(err)
	}
	return seen
}

// watch looks at the programs until ctx ends.
func (s *system) watch(ctx context.Context, t *testing.T) map[string]*history {
	t.Helper()
	began := time.Now()
	all := map[string]*history{}
	for _, program := range watched {
		all[program] = &history{}
	}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return all
		case <-ticker.C:
		}
		for _, program := range watched {
			h := all[program]
			h.at, h.seen = append(h.at, time.Since(began)), append(h.seen, s.look(t, program))
		}
		api := all[stack.PartAPI].seen[len(all[stack.PartAPI].seen)-1]
		t.Logf("after %v: the API uses %.1f MiB live and %.0f MiB resident, %d goroutines, %d files", time.Since(began).Round(time.Second),
			api.Live(cushionOf(stack.PartAPI))/(1<<20), float64(api.Resident)/(1<<20), api.Goroutines, api.Files)
	}
}

func figure(name string, value float64, unit string) { fmt.Printf("%s %.5g %s\n", name, value, unit) }

func TestSoak(t *testing.T) {
	if os.Getenv(soakKey) == "" {
		t.Skip("make soak runs it")
	}
	asked, err := soak.ReadSettings(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv(soakKey) == settingsAlone {
		return
	}
	doing := tell(t)
	doing.now("the local system starts")
	s := startSystem(t)
	work := &worker{client: s.client}
	doing.now("a first file is worked off")
	work.file(t, -1) // so that every program has begun
	before := map[string]soak.Inspection{}
	for _, program := range watched {
		before[program] = s.look(t, program)
	}
	doing.now(fmt.Sprintf("%d users send, for %v", asked.Users, asked.Lasts))
	ctx, end := context.WithTimeout(t.Context(), asked.Lasts)
	defer end()
	var all sync.WaitGroup
	var seen map[string]*history
	all.Go(func() { seen = s.watch(ctx, t) })
	all.Go(func() { work.files(ctx, t) })
	all.Go(func() { work.correctionsAndDeletions(ctx, t) })
	crowd := s.crowd(t, asked.Users, asked.Lasts)
	doing.now("what is under way comes to its end")
	all.Wait()
	booked := work.books.Booked()
	figure("soak_rps", crowd.Rate(), "requests/s")
	figure("soak_failed", float64(crowd.Total.Failures()), "requests")
	figure("soak_p99_ms", float64(crowd.Total.Accepted.Percentile(99).Microseconds())/1000, "ms")
	figure("soak_files", float64(booked.Files), "files")
	figure("soak_corrected", float64(booked.Corrected), "readings")
	figure("soak_deleted", float64(booked.Deleted), "readings")
	if crowd.Total.Failures() > 0 {
		t.Errorf("%d of %d readings failed: %v", crowd.Total.Failures(), crowd.Total.Offered, crowd.Total.Failed)
	}
	for _, program := range watched {
		judge(t, program, seen[program], asked.Lasts)
	}
	doing.now("the programs become quiet, within " + quietAfter.String())
	s.nothingIsLeft(t, before)
	doing.now("the aggregates come to count all readings, within " + countedAfter.String())
	// What was refused may be stored nevertheless.
	s.aggregatesCount(t, len(crowd.Stored)+booked.Stored, crowd.Total.Failures()+booked.Unknown)
	doing.now("the audit compares the aggregates with the readings")
	s.auditFindsNothing(t)
	doing.now("the local system stops")
}

// crowd lets the users send.
func (s *system) crowd(t *testing.T, count int, lasts time.Duration) *users.Result {
	t.Helper()
	address, err := url.Parse(s.Info.APIURL)
	if err != nil {
		t.Fatal(err)
	}
	const ramp = 5 * time.Second
	r, err := users.Run(t.Context(), users.Options{
		Address: users.Address{URL: address, Token: s.client.Token, Path: "/sensor-data"}, Patience: 30 * time.Second, Prefix: "soak-", Seed: 1, Remember: true,
		Pace: users.Pace{Users: count, Ramp: ramp, Measured: lasts - ramp, PauseMin: time.Second, PauseMax: 3 * time.Second},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// judge holds the memory of a program to be flat.
func judge(t *testing.T, program string, h *history, lasts time.Duration) {
	t.Helper()
	from := slices.IndexFunc(h.at, func(at time.Duration) bool { return at >= lasts/warmUpPart })
	if from < 0 {
		t.Errorf("%s was not looked at", program)
		return
	}
	residentMost := risesMax
	if lasts < time.Hour {
		residentMost = residentRiseMax / (lasts - lasts/warmUpPart).Hours()
	}
	for kind, of := range map[string]struct {
		value func(soak.Inspection) float64
		most  float64
	}{
		"heap":     {func(i soak.Inspection) float64 { return i.Live(cushionOf(program)) }, risesMax},
		"resident": {soak.Inspection.ResidentEach, residentMost},
	} {
		var values []float64
		for _, one := range h.seen[from:] {
			values = append(values, of.value(one))
		}
		if slices.Min(values) < 0 {
			t.Errorf("%s lives on less than its cushion of %d bytes: has it one?", program, cushionOf(program))
		}
		trend := soak.TrendOf(h.at[from:], values)
		figure(fmt.Sprintf("soak_%s_%s_mib", program, kind), values[len(values)-1]/(1<<20), "MiB")
		figure(fmt.Sprintf("soak_%s_%s_slope", program, kind), 100*trend.PerHour, "%/h")
		figure(fmt.Sprintf("soak_%s_%s_slope_error", program, kind), 100*trend.Uncertain, "%/h")
		if trend.Rises(of.most) {
			t.Errorf("%s: the %s memory rises by %.1f %% an hour, give or take %.1f; %.1f are allowed", program, kind,
				100*trend.PerHour, 200*trend.Uncertain, 100*of.most)
		}
	}
}

// nothingIsLeft waits until no program has more goroutines or files than before.
func (s *system) nothingIsLeft(t *testing.T, before map[string]soak.Inspection) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), quietAfter)
	defer cancel()
	after := map[string]soak.Inspection{}
	err := await.Until(ctx, func() error {
		for _, program := range watched {
			after[program] = s.look(t, program)
			was := before[program]
			if after[program].Goroutines > was.Goroutines+leftMax || after[program].Files > was.Files+leftMax {
				return fmt.Errorf("%s has %d goroutines and %d files, before it had %d and %d", program, after[program].Goroutines, after[program].Files,
					was.Goroutines, was.Files)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, program := range watched {
		figure("soak_"+program+"_goroutines_left", float64(after[program].Goroutines-before[program].Goroutines), "goroutines")
		figure("soak_"+program+"_files_left", float64(after[program].Files-before[program].Files), "files")
	}
}

// aggregatesCount compares the total of the aggregates with what was acknowledged.
func (s *system) aggregatesCount(t *testing.T, acknowledged, unknown int) {
	t.Helper()
	await.NoError(t, countedAfter, func() error {
		pages, err := s.client.Aggregates(t.Context(), "24h", "", contract.AggregatesPageMax)
		if err != nil {
			return err
		}
		if counted := int(pages[0].TotalCount); counted < acknowledged || counted > acknowledged+unknown {
			err = fmt.Errorf("the aggregates count %d readings, %d were acknowledged, and of %d nothing is known", counted, acknowledged, unknown)
		}
		return err
	})
	figure("soak_readings", float64(acknowledged), "readings")
}

// auditFindsNothing compares the aggregates with the readings, row by row.
func (s *system) auditFindsNothing(t *testing.T) {
	t.Helper()
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	environ, err := s.ProgramEnvironment(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	audit := exec.CommandContext(t.Context(), filepath.Join(root, ".local", "bin", "aggregates"), "audit", "-settle", "5s")
	audit.Env = environ
	report, err := audit.CombinedOutput()
	t.Logf("%s", report)
	differ := 0.0
	if err != nil {
		differ = 1
		t.Errorf("the audit: %v", err)
	}
	figure("soak_aggregates_differ", differ, "0_or_1")
}
