package preflight

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Status is what is known of a point.
type Status string

// What a point can be. Only Fine and Note let a deployment begin.
const (
	Fine    Status = "ok"
	Note    Status = "note" // for information
	Missing Status = "MISSING"
	Unknown Status = "UNKNOWN"
)

// Finding is what was found out about a point, in one region or in all of the account.
type Finding struct {
	Point  string
	Status Status
	Region string // empty where none is meant
	Text   string
}

// Report are the findings of an environment.
type Report struct {
	Environment string
	Regions     []string
	Findings    []Finding
}

// Ready tells whether nothing is missing and everything could be looked at.
func (r Report) Ready() bool { return r.count(Missing)+r.count(Unknown) == 0 }

// line is a line of the report: regions of which the same is true share one.
type line struct {
	point   string
	status  Status
	text    string
	regions []string
}

// where names the regions before what is said of them.
func (l line) where() string {
	if len(l.regions) == 0 {
		return ""
	}
	return strings.Join(l.regions, ", ") + ": "
}

func (r Report) lines() []line {
	var all []line
	for _, f := range r.Findings {
		at := slices.IndexFunc(all, func(l line) bool { return l.point == f.Point && l.status == f.Status && l.text == f.Text })
		if at < 0 {
			at = len(all)
			all = append(all, line{f.Point, f.Status, f.Text, nil})
		}
		if f.Region != "" && !slices.Contains(all[at].regions, f.Region) {
			all[at].regions = append(all[at].regions, f.Region)
		}
	}
	return all
}

func (r Report) count(status Status) int {
	n := 0
	for _, l := range r.lines() {
		if l.status == status {
			n++
		}
	}
	return n
}

// Write prints the report, a line a point.
func (r Report) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Preflight of %s in %s\n\n", r.Environment, strings.Join(r.Regions, ", "))
	for _, l := range r.lines() {
		fmt.Fprintf(&b, "  %-8s %-12s %s%s\n", l.status, l.point, l.where(), l.text)
	}
	b.WriteString("\n" + r.verdict() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (r Report) verdict() string {
	if r.Ready() {
		return "Nothing is missing: make deploy ENV=" + r.Environment
	}
	return fmt.Sprintf("Not ready. Points that are missing: %d; that could not be looked at: %d.", r.count(Missing), r.count(Unknown))
}
