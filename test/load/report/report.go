package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/test/load/users"
)

// Report is a run of a crowd, with what is known of the machine and of the programs that took part.
type Report struct {
	// Target says what was under load, such as "the API beside a stand-in that answers after 4 ms".
	Target string
	// Machine says on what.
	Machine string
	Result  *users.Result
	// Programs tell what took part cost in the measured time, the service first.
	Programs []Program
	// Found tells what was looked for afterwards; nil where nothing was.
	Found *Found
}

// Program is what a program cost.
type Program struct {
	Name string
	// CPU is its time on the processors in the measured time, MemoryMax the most that it held, in bytes.
	CPU       time.Duration
	MemoryMax int64
}

// Found is how many of the readings that were answered with 201 were found again.
type Found struct{ Stored, Found int }

// Lost is how many were not found.
func (f Found) Lost() int { return f.Stored - f.Found }

// percentiles are those that summaries show.
var percentiles = []float64{50, 90, 99, 99.9, 100}

// Milliseconds writes a duration as such, with three digits that count.
func Milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms >= 100:
		return thousands(strconv.FormatFloat(ms, 'f', 0, 64))
	case ms >= 10:
		return strconv.FormatFloat(ms, 'f', 1, 64)
	default:
		return strconv.FormatFloat(ms, 'f', 2, 64)
	}
}

// Latency writes a percentile of what was stored in milliseconds, and - where nothing was: that is no latency of 0.
func Latency(stored *users.Histogram, percent float64) string {
	if stored.Count() == 0 {
		return "-"
	}
	return Milliseconds(stored.Percentile(percent))
}

func count(n int) string { return thousands(strconv.Itoa(n)) }

func percentileName(p float64) string {
	if p == 100 {
		return "max"
	}
	return "p" + strconv.FormatFloat(p, 'f', -1, 64)
}

// failures lists why readings were not stored, the most frequent reason first.
func failures(failed map[string]int) []string {
	reasons := slices.SortedFunc(maps.Keys(failed), func(a, b string) int {
		if failed[a] != failed[b] {
			return failed[b] - failed[a]
		}
		return strings.Compare(a, b)
	})
	var list []string
	for _, reason := range reasons {
		list = append(list, fmt.Sprintf("%s %s", count(failed[reason]), reason))
	}
	return list
}

// share is the part of the offered readings that were not stored, in percent.
func (r *Report) share() float64 {
	return 100 * float64(r.Result.Total.Failures()) / float64(max(r.Result.Total.Offered, 1))
}

// perRequest is what a program spent on a request.
func (r *Report) perRequest(p Program) time.Duration {
	return p.CPU / time.Duration(max(r.Result.Total.Offered, 1))
}

// Summary writes what fits on a screen, and at its end the figures for programs, one "name value unit" a line.
func (r *Report) Summary(w io.Writer) error {
	var b strings.Builder
	total, pace := &r.Result.Total, r.Result.Pace
	fmt.Fprintf(&b, "\n%s users for %v after a ramp of %v: %s\n%s\n\n", count(pace.Users), pace.Measured, pace.Ramp, r.Target, r.Machine)
	fmt.Fprintf(&b, "  offered    %12s  %10.1f/s\n", count(total.Offered), r.Result.Offered())
	fmt.Fprintf(&b, "  stored     %12s  %10.1f/s\n", count(total.Accepted.Count()), r.Result.Rate())
	fmt.Fprintf(&b, "  failed     %12s  %10.2f %%  %s\n", count(total.Failures()), r.share(), strings.Join(failures(total.Failed), ", "))
	if n := r.Result.Ramp.Failures(); n > 0 {
		fmt.Fprintf(&b, "  in the ramp, which is not measured, %s of %s failed  %s\n", count(n), count(r.Result.Ramp.Offered),
			strings.Join(failures(r.Result.Ramp.Failed), ", "))
	}
	b.WriteString("\n" + latencies(&total.Accepted) + "\n")
	for _, p := range r.Programs {
		fmt.Fprintf(&b, "  %-10s %6.1f µs of CPU a request, %.0f MiB of memory at most\n", p.Name, float64(r.perRequest(p).Nanoseconds())/1e3,
			float64(p.MemoryMax)/(1<<20))
	}
	if r.Found != nil {
		fmt.Fprintf(&b, "  looked for %s readings that were answered with 201 and found %s\n", count(r.Found.Stored), count(r.Found.Found))
	}
	b.WriteString("\n" + r.figures())
	_, err := io.WriteString(w, b.String())
	return err
}

// latencies are those of what was stored, if anything was.
func latencies(stored *users.Histogram) string {
	if stored.Count() == 0 {
		return "  nothing was stored, so that there are no latencies\n"
	}
	var b strings.Builder
	b.WriteString("  latency of what was stored, from the moment at which it was to be sent, in ms\n   ")
	for _, p := range percentiles {
		fmt.Fprintf(&b, "  %s %s", percentileName(p), Milliseconds(stored.Percentile(p)))
	}
	fmt.Fprintf(&b, "  mean %s\n", Milliseconds(stored.Mean()))
	return b.String()
}

// Nothing says in a sentence that nothing was stored, and what became of it instead. It is empty where something was.
func (r *Report) Nothing() string {
	total := &r.Result.Total
	switch {
	case total.Accepted.Count() > 0:
		return ""
	case total.Offered == 0:
		return "nothing was to be sent in the measured time: take more USERS or a longer DURATION"
	default:
		return fmt.Sprintf("nothing was stored of %s readings that were offered: %s", count(total.Offered), strings.Join(failures(total.Failed), ", "))
	}
}

// figures are what programs read. There are no latencies where nothing was stored.
func (r *Report) figures() string {
	total := &r.Result.Total
	var b strings.Builder
	if r.Found != nil {
		fmt.Fprintf(&b, "load_lost %d readings\n", r.Found.Lost())
	}
	for _, p := range r.Programs {
		fmt.Fprintf(&b, "load_cpu_us_%s %.1f µs/request\n", p.Name, float64(r.perRequest(p).Nanoseconds())/1e3)
		fmt.Fprintf(&b, "load_memory_mib_%s %.0f MiB\n", p.Name, float64(p.MemoryMax)/(1<<20))
	}
	fmt.Fprintf(&b, "load_failed %d requests\n", total.Failures())
	fmt.Fprintf(&b, "load_rps %.1f requests/s\n", r.Result.Rate())
	if total.Accepted.Count() > 0 {
		fmt.Fprintf(&b, "load_p50_ms %s ms\n", plain(total.Accepted.Percentile(50)))
		fmt.Fprintf(&b, "load_p99_ms %s ms\n", plain(total.Accepted.Percentile(99)))
	}
	return b.String()
}

// plain is Milliseconds without commas.
func plain(d time.Duration) string { return strings.ReplaceAll(Milliseconds(d), ",", "") }
