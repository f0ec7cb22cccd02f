package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
)

func TestReport_PrintsEachFigureAndWhetherItMeetsItsGoal(t *testing.T) {
	var out bytes.Buffer
	r := newReport(&out, io.Discard)
	r.begin("How it was %s.", "measured")
	r.add("post_cpu_vs_bare", 1.8049, "ratio", "a") // a reader sees 1.80
	r.add("post_rps_vs_putitem", 2.19, "ratio", "b")
	r.add("csv_rows", 12_345.678, "rows/s", "c")
	if want := "post_cpu_vs_bare 1.80 ratio\npost_rps_vs_putitem 2.19 ratio\ncsv_rows 12346 rows/s\n"; out.String() != want {
		t.Errorf("lines %q", &out)
	}
	table := r.table()
	for _, want := range []string{
		"How it was measured.\n\n| figure |", "| `post_cpu_vs_bare` | 1.80 | ratio | ≤ 1.80, met | a |",
		"| `post_rps_vs_putitem` | 2.19 | ratio | ≥ 2.20, missed | b |", "| `csv_rows` | 12346 | rows/s |  | c |",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("%q is missing in\n%s", want, table)
		}
	}
	if summary := r.summary(); strings.Contains(summary, "csv_rows") || strings.Count(summary, "\n| `") != 2 {
		t.Errorf("summary\n%s", summary)
	}
}

func TestReport_HasNoSummaryWithoutGoals(t *testing.T) {
	r := newReport(io.Discard, io.Discard)
	r.begin("How.")
	r.add("csv_rows", 1, "rows/s", "")
	if summary := r.summary(); summary != "" {
		t.Errorf("summary\n%s", summary)
	}
}

func TestReport_TellsWhyAGoalIsMissedByTheFiguresThatItShows(t *testing.T) {
	r := newReport(io.Discard, io.Discard)
	r.begin("How.")
	for name, value := range map[string]float64{
		"post_cpu_vs_bare": 1.7, "post_rps_vs_putitem": 1.25, "post_rps": 10_000, "post_rps_putitem": 8000,
		"batch_vs_single": 10, "batch_readings_per_core": 250_000, "single_readings_per_core": 25_000, "ndjson_vs_single": 12, "ndjson_readings_per_core": 300_000,
	} {
		r.add(name, value, "", "")
	}
	summary := r.summary()
	for _, want := range []string{
		"\n- `post_rps_vs_putitem` misses its goal: 64 clients and a table that answers after 4 ms allow at most 16000 requests/s, which is 2.00 times " +
			"the 8000 of the plain handler, so nothing can reach the goal",
		"Beside the table's 4 ms, a client of the service waits for 2.40 ms", "most of the 4.00 µs of a reading in a batch (a single one takes 40.0)",
		"\n- `ndjson_vs_single` misses its goal: for the same reason.\n", "(runtime/ingest/PERFORMANCE.md)",
	} {
		if !strings.Contains(summary, want) {
			t.Errorf("%q is missing in\n%s", want, summary)
		}
	}
	if strings.Contains(summary, "`post_cpu_vs_bare` misses") || !strings.Contains(r.table(), "(../../runtime/ingest/PERFORMANCE.md)") {
		t.Errorf("summary\n%s\ntable\n%s", summary, r.table())
	}
}

// A slow plain handler leaves the goal within reach, and nothing is said of the ceiling then.
func TestReport_CallsNoGoalOutOfReachThatIsNot(t *testing.T) {
	if got := whyNotTwice(figures{"post_rps": 10_000, "post_rps_putitem": 6000}); strings.Contains(got, "nothing can") {
		t.Error(got)
	}
}

func TestNumber_HasThreeDigits(t *testing.T) {
	for value, want := range map[float64]string{0: "0", 0.0456789: "0.0457", 1.2: "1.20", 99.96: "100", 100_000: "100000", -3.14159: "-3.14"} {
		if got := number(value); got != want && got != want+".0" {
			t.Errorf("%v is printed as %s, want %s", value, got, want)
		}
	}
}

// A ratio is that of each round's two turns, so that what slows both down does not count.
func TestRatio_ComparesTheTurnsOfARound(t *testing.T) {
	turn := func(cpu time.Duration) round { return round{tally: tally{within: 10}, cpu: cpu} }
	a := &contender{rounds: []round{turn(10 * time.Millisecond), turn(200 * time.Millisecond), turn(30 * time.Millisecond)}}
	b := &contender{rounds: []round{turn(5 * time.Millisecond), turn(100 * time.Millisecond), turn(10 * time.Millisecond)}}
	if got := ratio(a, b, round.perRequest); got != 2 {
		t.Errorf("ratio %v", got)
	}
}

func TestBetween_ReplacesTheSummaryAlone(t *testing.T) {
	page := "a\n" + markBegin + "old\n" + markEnd + "b\n"
	got, err := between(page, "new\n")
	if want := "a\n" + markBegin + "\nnew\n\n" + markEnd + "b\n"; err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	if again, err := between(got, "new\n"); err != nil || again != got {
		t.Errorf("again %q, %v", again, err)
	}
	if _, err := between("a\n"+markBegin, "new"); err == nil {
		t.Error("a page without an end was taken")
	}
}

func TestSaturation_NamesThoseBehindTheLoad(t *testing.T) {
	took := func(d time.Duration) *contender {
		return &contender{name: d.String(), rounds: []round{{tally: tally{latencies: []time.Duration{d}}}}}
	}
	if got := saturation([]*contender{took(time.Millisecond), took(time.Second)}); !strings.Contains(got, "saturated: 1s.") {
		t.Error(got)
	}
	if got := saturation([]*contender{took(time.Millisecond)}); !strings.HasPrefix(got, "No process") {
		t.Error(got)
	}
}
