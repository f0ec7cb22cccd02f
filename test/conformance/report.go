package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/test/verdict"
)

const (
	// findingsMax and findingCharsMax bound what is shown of a case.
	findingsMax     = 4
	findingCharsMax = 400
)

// report writes what a person reads.
type report struct {
	out    io.Writer
	target *target
	known  map[string]string // why a case may differ, by its name

	began time.Time
	cases int
	told  int
}

func (r *report) printf(format string, args ...any) { _, _ = fmt.Fprintf(r.out, format, args...) }

func (r *report) begin(prefix string, cases int) {
	r.began, r.cases = time.Now(), cases
	r.printf("conformance: %s\n", r.target.name)
	r.printf("%d things that SensorFlow relies on. Tables are called %s* and are deleted at the end.\n", cases, prefix)
	if r.target.kind == kindAWS {
		r.printf("This makes about 10,000 calls with some 40,000 write and 15,000 read units, on demand, and short-lived tables:\n" +
			"less than 0.10 USD and ten minutes.\n")
	}
	r.printf("\n")
}

// word is what the table calls an outcome.
func (r *report) word(o outcome) string {
	switch {
	case !o.begun:
		return "not run"
	case o.Verdict == verdict.Holds:
		return "holds"
	case o.Verdict == verdict.Untried:
		return "untried"
	case r.known[o.name] != "":
		return "known"
	default:
		return "DIFFERS"
	}
}

func (r *report) progress(o outcome) {
	r.told++
	r.printf("%3d of %d  %-8s %6.1f s  %s\n", r.told, r.cases, r.word(o), o.took.Seconds(), o.name)
}

// end writes the table, and returns an error where something differs or was not run.
func (r *report) end(ctx context.Context, outcomes []outcome) error {
	r.printf("\n%-8s what SensorFlow relies on\n", "here")
	counts := map[string]int{}
	for _, o := range outcomes {
		word := r.word(o)
		counts[word]++
		r.printf("%-8s %s\n", word, o.name)
		if word == "known" {
			r.line(r.known[o.name])
		}
		if o.begun {
			r.findings(o.Findings)
		}
	}
	r.printf("\n%d hold, %d differ, %d are known to differ here, %d cannot be tried here, %d were not run; %d calls, %.1f s\n",
		counts["holds"], counts["DIFFERS"], counts["known"], counts["untried"], counts["not run"],
		r.target.calls.Load(), time.Since(r.began).Seconds())
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return errors.New("interrupted")
	case ctx.Err() != nil:
		return fmt.Errorf("not finished within %v", runWithin)
	case counts["DIFFERS"] > 0:
		return fmt.Errorf("%w: %d of %d cases", errDiffers, counts["DIFFERS"], len(outcomes))
	default:
		return nil
	}
}

func (r *report) findings(all []string) {
	for i, finding := range all {
		if i == findingsMax {
			r.line(fmt.Sprintf("and %d more", len(all)-i))
			return
		}
		r.line(finding)
	}
}

// line writes a remark below its case, on one line.
func (r *report) line(text string) {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > findingCharsMax {
		text = string(runes[:findingCharsMax]) + " …"
	}
	r.printf("         - %s\n", text)
}
