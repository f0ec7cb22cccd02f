package report

import (
	"fmt"
	"html/template"
	"io"

	"github.com/sensorflow/sensorflow/test/load/users"
)

// page needs no other file and no network.
var page = template.Must(template.New("page").Funcs(template.FuncMap{"count": count, "ms": Milliseconds}).Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>
body { font: 16px/1.5 sans-serif; color: #1f2933; background: #fff; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: 0 }
p.about { color: #52606d; margin-top: .25rem }
table { border-collapse: collapse; margin: 1.5rem 0 }
th, td { padding: .25rem 1.5rem .25rem 0; text-align: right; font-variant-numeric: tabular-nums }
th:first-child, td:first-child { text-align: left }
tr { border-bottom: 1px solid #e4e7eb }
svg { width: 100%; height: auto; margin: .75rem 0 }
</style>
<h1>{{.Title}}</h1>
<p class="about">{{.Report.Target}}. {{.Report.Machine}}. {{.Began}}.</p>
<p>Each user has a connection of its own, sends one reading, waits {{.Pace.PauseMin}} to {{.Pace.PauseMax}} and sends the next at a moment that was
fixed beforehand. Latency is counted from that moment, whenever the reading could be sent. Measured for {{.Pace.Measured}} after a ramp of {{.Pace.Ramp}}.</p>
<table>
{{range .Rows}}<tr><td>{{.Name}}</td><td>{{.Value}}</td></tr>
{{end}}</table>
{{range .Pictures}}{{.}}
{{end}}</html>
`))

// row is a line of the page's table.
type row struct{ Name, Value string }

// rows are the figures of a report as people read them.
func (r *Report) rows() []row {
	total := &r.Result.Total
	rows := []row{
		{"Readings offered", fmt.Sprintf("%s (%.1f/s)", count(total.Offered), r.Result.Offered())},
		{"Readings stored", fmt.Sprintf("%s (%.1f/s)", count(total.Accepted.Count()), r.Result.Rate())},
		{"Failed", fmt.Sprintf("%s (%.2f %%)", count(total.Failures()), r.share())},
	}
	for _, reason := range failures(total.Failed) {
		rows = append(rows, row{"of them", reason})
	}
	if n := r.Result.Ramp.Failures(); n > 0 {
		rows = append(rows, row{"Failed in the ramp, which is not measured", fmt.Sprintf("%s of %s", count(n), count(r.Result.Ramp.Offered))})
	}
	for _, p := range percentiles {
		rows = append(rows, row{"Latency " + percentileName(p), inUnits(&total.Accepted, p)})
	}
	for _, p := range r.Programs {
		rows = append(rows, row{"CPU a request, " + p.Name, fmt.Sprintf("%.1f µs", float64(r.perRequest(p).Nanoseconds())/1e3)},
			row{"Memory at most, " + p.Name, fmt.Sprintf("%.0f MiB", float64(p.MemoryMax)/(1<<20))})
	}
	if r.Found != nil {
		rows = append(rows, row{"Found again", fmt.Sprintf("%s of %s", count(r.Found.Found), count(r.Found.Stored))})
	}
	return rows
}

// inUnits is Latency with its unit.
func inUnits(stored *users.Histogram, percent float64) string {
	if stored.Count() == 0 {
		return Latency(stored, percent)
	}
	return Latency(stored, percent) + " ms"
}

func (r *Report) title() string { return count(r.Result.Pace.Users) + " users" }

// HTML writes the report as one page.
func (r *Report) HTML(w io.Writer) error {
	var pictures []template.HTML
	for _, p := range r.pictures() {
		pictures = append(pictures, template.HTML(p.svg)) //nolint:gosec // this package draws it, and escapes its texts
	}
	err := page.Execute(w, map[string]any{
		"Title": r.title(), "Report": r, "Pace": r.Result.Pace, "Rows": r.rows(), "Pictures": pictures,
		"Began": r.Result.Began.UTC().Format("2 January 2006, 15:04 UTC"),
	})
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}
