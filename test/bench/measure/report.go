package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// goal is what a figure should come to.
type goal struct {
	figure float64
	atMost bool
}

func (g goal) String() string {
	sign := "≥"
	if g.atMost {
		sign = "≤"
	}
	return sign + " " + number(g.figure)
}

// met judges a figure as it is printed, so that a verdict never contradicts the number beside it.
func (g goal) met(figure float64) bool {
	figure = printed(figure)
	if g.atMost {
		return figure <= g.figure
	}
	return figure >= g.figure
}

// verdict tells the goal and whether a figure meets it.
func (g goal) verdict(figure float64) string {
	if g.met(figure) {
		return g.String() + ", met"
	}
	return g.String() + ", missed"
}

// goals are those of the figures that have one.
func goals() map[string]goal {
	atMost, atLeast := func(f float64) goal { return goal{f, true} }, func(f float64) goal { return goal{f, false} }
	return map[string]goal{
		"post_cpu_vs_bare": atMost(1.8), "post_cpu_vs_putitem": atMost(0.5), "post_rps_vs_putitem": atLeast(2.2),
		"batch_vs_single": atLeast(15), "ndjson_vs_single": atLeast(15),
		"csv_vs_encoding_csv": atLeast(1.5), "csv_row_cpu_vs_putitem": atMost(0.05), "csv_rows_per_core": atLeast(100_000),
		"csv_memory_10gb": atMost(96), "aggregate_records_per_core": atLeast(50_000), "aggregate_row_writes_per_10k": atMost(300),
		"aggregate_recounts": atMost(0), "month_totals_read_units": atMost(30), "page_read_overhead": atMost(1.3),
	}
}

// figure is one that was measured.
type figure struct {
	name, unit, what string
	value            float64
}

// section is figures that were taken in one way.
type section struct {
	how     string
	figures []figure
}

// report gathers the figures of a run.
type report struct {
	out, log io.Writer
	sections []section
}

func newReport(out, log io.Writer) *report { return &report{out: out, log: log} }

// progress tells what is going on.
func (r *report) progress(format string, arguments ...any) {
	_, _ = fmt.Fprintf(r.log, "bench: "+format+"\n", arguments...) // a terminal
}

// begin says how the figures that follow are taken.
func (r *report) begin(format string, arguments ...any) {
	r.sections = append(r.sections, section{how: fmt.Sprintf(format, arguments...)})
}

// add takes a figure in, after begin.
func (r *report) add(name string, value float64, unit, what string) {
	last := &r.sections[len(r.sections)-1]
	last.figures = append(last.figures, figure{name, unit, what, value})
	_, _ = fmt.Fprintln(r.out, name, number(value), unit) // a terminal or a file of the caller's
}

// summary is the figures that have a goal, as Markdown, with the reasons of those that miss it. It is empty where none has.
func (r *report) summary() string {
	var b strings.Builder
	all := goals()
	for _, s := range r.sections {
		for _, f := range s.figures {
			if g, has := all[f.name]; has {
				if b.Len() == 0 {
					b.WriteString("| figure | value | goal |\n| --- | --- | --- |\n")
				}
				fmt.Fprintf(&b, "| `%s` | %s %s | %s |\n", f.name, number(f.value), f.unit, g.verdict(f.value))
			}
		}
	}
	if why := r.missed("runtime/ingest/PERFORMANCE.md", r.sections...); why != "" {
		b.WriteString("\n" + why)
	}
	return b.String()
}

// table is all figures as Markdown.
func (r *report) table() string {
	var b strings.Builder
	all := goals()
	for _, s := range r.sections {
		fmt.Fprintf(&b, "%s\n\n| figure | value | unit | goal | what |\n| --- | --- | --- | --- | --- |\n", s.how)
		for _, f := range s.figures {
			wanted := ""
			if g, has := all[f.name]; has {
				wanted = g.verdict(f.value)
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.name, number(f.value), f.unit, wanted, f.what)
		}
		b.WriteString("\n")
		if why := r.missed("../../runtime/ingest/PERFORMANCE.md", s); why != "" {
			b.WriteString(why + "\n")
		}
	}
	return b.String()
}

// printed is a figure as a reader sees it.
func printed(value float64) float64 {
	seen, err := strconv.ParseFloat(number(value), 64)
	if err != nil {
		return value // it is no number
	}
	return seen
}

// number has three significant digits, or all of those before the point.
func number(value float64) string {
	if math.Abs(value) >= 100 || value == 0 {
		return strconv.FormatFloat(value, 'f', 0, 64)
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(value))))
	return strconv.FormatFloat(value, 'f', min(digits, 6), 64)
}
