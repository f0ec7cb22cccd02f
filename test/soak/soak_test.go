package soak_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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
	// soakKey lets it run. durationKey is how long it lasts, and usersKey how many users send, usersDefault where it is not set.
	soakKey      = "SOAK"
	durationKey  = "DURATION"
	usersKey     = "USERS"
	usersDefault = 1000
	lookEvery    = 15 * time.Second
	// warmUpPart of the time, as a divisor, is not judged: what is remembered fills up.
	warmUpPart = 4
	risesMax   = 0.01 // of the memory, in an hour
	// residentRiseMax is how much of what a program holds of the machine's memory may be new at the end of a run of less than an hour. A
	// small program that has just begun grows to the size at which its collector keeps it, over tens of minutes.
	residentRiseMax = 0.5
	// leftMax is how many goroutines and files more than before may be there at the end: idle connections to what is called, which are
	// kept for a while.
	leftMax    = 10
	quietAfter = 4 * time.Minute
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
	lasts, err := time.ParseDuration(os.Getenv(durationKey))
	if err != nil || lasts < time.Minute {
		t.Fatalf("%s must be a duration of at least 1m, got %q", durationKey, os.Getenv(durationKey))
	}
	count, err := strconv.Atoi(cmp.Or(os.Getenv(usersKey), strconv.Itoa(usersDefault)))
	if err != nil || count < 1 {
		t.Fatalf("%s must be a number of users, got %q", usersKey, os.Getenv(usersKey))
	}
	s := startSystem(t)
	work := &worker{client: s.client}
	work.file(t, -1) // so that every program has begun
	before := map[string]soak.Inspection{}
	for _, program := range watched {
		before[program] = s.look(t, program)
	}
	ctx, end := context.WithTimeout(t.Context(), lasts)
	defer end()
	var all sync.WaitGroup
	var seen map[string]*history
	all.Go(func() { seen = s.watch(ctx, t) })
	all.Go(func() { work.files(ctx, t) })
	all.Go(func() { work.correctionsAndDeletions(ctx, t) })
	crowd := s.crowd(t, count, lasts)
	all.Wait()
	figure("soak_rps", crowd.Rate(), "requests/s")
	figure("soak_failed", float64(crowd.Total.Failures()), "requests")
	figure("soak_p99_ms", float64(crowd.Total.Accepted.Percentile(99).Microseconds())/1000, "ms")
	figure("soak_files", float64(work.filesDone), "files")
	figure("soak_corrected", float64(work.corrected), "readings")
	figure("soak_deleted", float64(work.deleted), "readings")
	if crowd.Total.Failures() > 0 {
		t.Errorf("%d of %d readings failed: %v", crowd.Total.Failures(), crowd.Total.Offered, crowd.Total.Failed)
	}
	for _, program := range watched {
		judge(t, program, seen[program], lasts)
	}
	s.nothingIsLeft(t, before)
	// What was refused may be stored nevertheless.
	s.aggregatesAreExact(t, len(crowd.Stored)+work.stored, crowd.Total.Failures())
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

// aggregatesAreExact compares the aggregates with the readings, row by row, and their total with what was acknowledged.
func (s *system) aggregatesAreExact(t *testing.T, acknowledged, unknown int) {
	t.Helper()
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	environ, err := s.ProgramEnvironment(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	await.NoError(t, 10*time.Minute, func() error { // the aggregator may lag behind on a slow machine
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

// worker does what is not single readings.
type worker struct {
	client *probe.Client

	mu                            sync.Mutex
	stored                        int // readings that are there, beside the crowd's
	filesDone, corrected, deleted int
}

const (
	rowsOfAFile = 5000
	fileEvery   = time.Minute
	changeEvery = time.Second
	deleteEvery = 10 // changes
)

// files uploads a file every minute.
func (w *worker) files(ctx context.Context, t *testing.T) {
	t.Helper()
	ticker := time.NewTicker(fileEvery)
	defer ticker.Stop()
	for n := 0; ; n++ {
		w.file(t, n)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// file uploads one file of a hundred equipments, in which every reading stands twice: the second time it is a correction.
func (w *worker) file(t *testing.T, n int) {
	t.Helper()
	at := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	var b strings.Builder
	b.WriteString("equipmentId,timestamp,value\n")
	for round := range 2 {
		for i := range rowsOfAFile / 2 {
			fmt.Fprintf(&b, "soak-file-%d,%s,%d.%d\n", i%100, at.Add(time.Duration(n+1)*time.Microsecond+time.Duration(i)*time.Millisecond).Format(time.RFC3339Nano), i, round)
		}
	}
	b.WriteString("soak-file-0,yesterday,1\n") // one row is refused
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Minute)
	defer cancel()
	id, err := w.client.UploadFile(ctx, fmt.Sprintf("soak-%d.csv", n), []byte(b.String()))
	if err != nil {
		t.Errorf("file %d: %v", n, err)
		return
	}
	u, err := w.client.WaitForUpload(ctx, id)
	if err != nil || u.RowsAccepted != rowsOfAFile || u.RowsRejected != 1 {
		t.Errorf("file %d: %+v, %v", n, u, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stored += rowsOfAFile / 2
	w.filesDone++
}

// correctionsAndDeletions sends ten readings at a time, corrects them all a second later, and deletes all of its equipment's now and then.
func (w *worker) correctionsAndDeletions(ctx context.Context, t *testing.T) {
	t.Helper()
	ticker := time.NewTicker(changeEvery)
	defer ticker.Stop()
	var from time.Time
	kept := 0
	for n := 0; ; n++ {
		if n%deleteEvery == 0 {
			from, kept = time.Now().UTC(), 0
		}
		at := time.Now().UTC()
		for _, value := range []int{n, n + 1} {
			var b strings.Builder
			for i := range 10 {
				fmt.Fprintf(&b, "{\"equipmentId\":\"soak-corrected\",\"timestamp\":%q,\"value\":%d}\n", at.Add(time.Duration(i)).Format(time.RFC3339Nano), value)
			}
			w.call(t, probe.Call{Path: "/sensor-data/batch", Body: []byte(b.String()), Header: map[string]string{"Content-Type": "application/x-ndjson"}}, http.StatusCreated)
		}
		kept += 10
		w.note(10, 10, 0)
		if n%deleteEvery == deleteEvery-1 {
			query := url.Values{"equipmentId": {"soak-corrected"}, "from": {from.Format(time.RFC3339Nano)}, "to": {at.Add(time.Second).Format(time.RFC3339Nano)}}
			answer := w.call(t, probe.Call{Method: http.MethodDelete, Path: "/sensor-data?" + query.Encode()}, http.StatusOK)
			var told struct{ Deleted int }
			if err := answer.Decode(&told); err != nil || told.Deleted != kept {
				t.Errorf("deleted %d of %d: %v", told.Deleted, kept, err)
			}
			w.note(-kept, 0, kept)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (w *worker) note(stored, corrected, deleted int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stored += stored
	w.corrected += corrected
	w.deleted += deleted
}

func (w *worker) call(t *testing.T, call probe.Call, status int) probe.Answer {
	t.Helper()
	answer, err := w.client.Do(context.WithoutCancel(t.Context()), call)
	if err != nil || answer.Status != status {
		t.Errorf("%s: status %d, %v: %.200s", call.Path, answer.Status, err, answer.Body)
	}
	return answer
}
