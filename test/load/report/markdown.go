package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// reference is what the reference implementation of this service publishes of its own load tests, with users of the same pace.
var reference = map[int]string{
	5000:  "937/s, p99 9.2 s",
	10000: "9.2 % failed",
}

// Markdown writes the reports into a folder, one page each with its pictures, and README.md, which sets them side by side. command is
// how they are made.
func Markdown(folder, command string, reports []*Report) error {
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // they are to be published
		return fmt.Errorf("write the reports: %w", err)
	}
	files := map[string]string{"README.md": overview(command, reports)}
	for _, r := range reports {
		files[r.fileName()+".md"] = r.markdown()
		for _, p := range r.pictures() {
			files[r.fileName()+"-"+p.name+".svg"] = p.svg
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("write the reports: %w", err)
		}
	}
	return nil
}

func (r *Report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s. %s. %s.\n\n", r.title(), r.Target, r.Machine, r.Result.Began.UTC().Format("2 January 2006, 15:04 UTC"))
	b.WriteString("| figure | |\n| --- | ---: |\n")
	for _, one := range r.rows() {
		fmt.Fprintf(&b, "| %s | %s |\n", one.Name, one.Value)
	}
	for _, p := range r.pictures() {
		fmt.Fprintf(&b, "\n![%s](%s-%s.svg)\n", p.about, r.fileName(), p.name)
	}
	return b.String()
}

func overview(command string, reports []*Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Load reports\n\nWritten by `%s`; do not edit.\n\n", command)
	if len(reports) > 0 {
		fmt.Fprintf(&b, "%s. %s. %s.\n\n", reports[0].Target, reports[0].Machine, reports[0].Result.Began.UTC().Format("2 January 2006"))
		p := reports[0].Result.Pace
		fmt.Fprintf(&b, "Each user has a connection of its own, sends one reading, waits %v to %v and sends the next at a moment that was fixed\n"+
			"beforehand. Latency is counted from that moment, whenever the reading could be sent. Each size is measured for %v after its ramp.\n"+
			"Users and service share the processors of one machine.\n\n", p.PauseMin, p.PauseMax, p.Measured)
	}
	b.WriteString("| users | offered | stored | failed | p50 | p99 | p99.9 | CPU a request | memory at most | the reference publishes of itself |\n")
	b.WriteString("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n")
	for _, r := range reports {
		total := &r.Result.Total
		cpu, memory := "", ""
		if len(r.Programs) > 0 {
			cpu = fmt.Sprintf("%.0f µs", float64(r.perRequest(r.Programs[0]).Nanoseconds())/1e3)
			memory = fmt.Sprintf("%.0f MiB", float64(r.Programs[0].MemoryMax)/(1<<20))
		}
		fmt.Fprintf(&b, "| [%s](%s.md) | %.0f/s | %.0f/s | %s | %s | %s | %s | %s | %s | %s |\n",
			count(r.Result.Pace.Users), r.fileName(), r.Result.Offered(), r.Result.Rate(), count(total.Failures()),
			inUnits(&total.Accepted, 50), inUnits(&total.Accepted, 99), inUnits(&total.Accepted, 99.9),
			cpu, memory, reference[r.Result.Pace.Users])
	}
	b.WriteString("\nThe reference was measured by its authors on machines of their own and with another client, so that its figures show the kind of load and no ratio.\n")
	return b.String()
}
