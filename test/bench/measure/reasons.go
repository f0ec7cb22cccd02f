package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/test/standin"
)

// figures are those of a report by their names, as they are printed, so that a reason says nothing else than the table beside it.
type figures map[string]float64

func (r *report) figures() figures {
	all := figures{}
	for _, s := range r.sections {
		for _, f := range s.figures {
			all[f.name] = printed(f.value)
		}
	}
	return all
}

// reasons say why a goal is missed, by the figures of the run.
func reasons() map[string]func(figures) string {
	return map[string]func(figures) string{
		"post_cpu_vs_bare":    whyBeyondBare,
		"post_rps_vs_putitem": whyNotTwice,
		"batch_vs_single":     func(f figures) string { return whyCallsCount(f, "batch") },
		"ndjson_vs_single": func(f figures) string {
			if goals()["batch_vs_single"].met(f["batch_vs_single"]) {
				return whyCallsCount(f, "ndjson")
			}
			return "for the same reason."
		},
	}
}

func whyBeyondBare(f figures) string {
	bare, service := f["post_cpu_bare"], f["post_cpu_service"]
	return fmt.Sprintf("the bare handler checks no token, reads no field and calls no table. That work takes the %s µs that the service needs "+
		"beyond the %s of the bare handler; the goal leaves %s.", number(service-bare), number(bare), number(bare*(goals()["post_cpu_vs_bare"].figure-1)))
}

func whyNotTwice(f figures) string {
	const latency = standin.LatencyDefault / time.Millisecond
	const most = closedClients * 1000 / float64(latency)
	plain, beyond := f["post_rps_putitem"], ""
	if most/plain < goals()["post_rps_vs_putitem"].figure {
		beyond = ", so nothing can reach the goal where that one is so fast"
	}
	return fmt.Sprintf("%d clients and a table that answers after %d ms allow at most %s requests/s, which is %s times the %s of the plain handler%s. "+
		"Beside the table's %d ms, a client of the service waits for %s ms of waking up and of work, on cores that service, clients and stand-in share.",
		closedClients, latency, number(most), number(most/plain), number(plain), beyond,
		latency, number(1000*closedClients/f["post_rps"]-float64(latency)))
}

func whyCallsCount(f figures, name string) string {
	return fmt.Sprintf("single readings share their calls of the table too, so a batch saves the request around a reading, and not its part of "+
		"a call. That part is most of the %s µs of a reading in a batch (a single one takes %s); the SDK's signature, retries and endpoints "+
		"are kept ([profiles](PROFILES)).", number(1e6/f[name+"_readings_per_core"]), number(1e6/f["single_readings_per_core"]))
}

// missed explains, as Markdown, the goals that figures of some sections miss. profiles is the way to the page with the profiles from the page
// that this is for.
func (r *report) missed(profiles string, sections ...section) string {
	var b strings.Builder
	all, why := goals(), reasons()
	for _, s := range sections {
		for _, f := range s.figures {
			if g, has := all[f.name]; has && !g.met(f.value) && why[f.name] != nil {
				fmt.Fprintf(&b, "- `%s` misses its goal: %s\n", f.name, strings.ReplaceAll(why[f.name](r.figures()), "PROFILES", profiles))
			}
		}
	}
	return b.String()
}
