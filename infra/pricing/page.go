package pricing

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// What a page shows is rounded, so that it stays as long as nothing that matters changes: dollars a month to 5, dollars of a million
// readings to 0.1. Lines below a bound go into one for the rest.
const (
	monthStep, monthMin     = 5.0, 15.0
	millionStep, millionMin = 0.1, 0.5
)

// shown is a line of a page. Its figures are whole numbers of steps, so that sums of them are exact.
type shown struct {
	what  string
	steps []int
}

func (s shown) all() (sum int) {
	for _, n := range s.steps {
		sum += n
	}
	return sum
}

// together adds lines up.
func together(what string, lines ...shown) shown {
	sum := shown{what: what, steps: make([]int, len(lines[0].steps))}
	for _, l := range lines {
		for i, n := range l.steps {
			sum.steps[i] += n
		}
	}
	return sum
}

// rounded shows a line in steps.
func rounded(what string, usd []float64, step float64) shown {
	s := shown{what: what}
	for _, one := range usd {
		s.steps = append(s.steps, int(math.Round(one/step)))
	}
	return s
}

// addUp shows lines with their sum before them, and those below least as one line for the rest. The figures that are shown add up.
func addUp(what string, lines []Line, regions int, step, least float64) []shown {
	var parts, small []Line
	for _, l := range lines {
		if l.All() >= least {
			parts = append(parts, l)
		} else {
			small = append(small, l)
		}
	}
	rest := sums(small, regions)
	rest.What = "everything else"
	parts = append(parts, rest)
	table := []shown{rounded(what, sums(lines, regions).USD, step)}
	for _, l := range parts {
		table = append(table, shown{"… " + l.What, make([]int, regions)})
	}
	for region, sum := range table[0].steps {
		exact := make([]float64, len(parts))
		for i, l := range parts {
			exact[i] = l.USD[region] / step
		}
		for i, n := range apportion(exact, sum) {
			table[i+1].steps[region] = n
		}
	}
	return table
}

// apportion rounds parts to whole numbers that make up a sum. Each is rounded down, and those that lose the most are rounded up instead.
func apportion(exact []float64, sum int) []int {
	parts, order := make([]int, len(exact)), make([]int, len(exact))
	for i, one := range exact {
		parts[i], order[i] = int(one), i
		sum -= parts[i]
	}
	lost := func(i int) float64 { return exact[i] - float64(parts[i]) }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(lost(b), lost(a)) })
	for _, i := range order[:sum] {
		parts[i]++
	}
	return parts
}

// perMillionLines gives lines as what a million readings cost in all regions.
func (e Estimate) perMillionLines() (lines []Line) {
	for _, l := range e.WithReadings {
		lines = append(lines, Line{l.What, []float64{l.All() / e.Usage.millions()}})
	}
	return lines
}

// Table is what an estimate tells on a page: what is paid at rest, for a million readings, and in all at its load. What it shows adds up.
func Table(e Estimate) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| rounded to $5, and to $0.1 a million | %s | all |\n| ---%s | --- |\n",
		strings.Join(e.Regions, " | "), strings.Repeat(" | ---", len(e.Regions)))
	month := func(s shown) {
		fmt.Fprintf(&b, "| %s |", s.what)
		for _, n := range append(append([]int{}, s.steps...), s.all()) {
			fmt.Fprintf(&b, " $%s |", thousands(n*monthStep))
		}
		b.WriteByte('\n')
	}
	rest := addUp("at rest, a month", e.AtRest, len(e.Regions), monthStep, monthMin)
	for _, s := range rest {
		month(s)
	}
	for _, s := range addUp("per million readings", e.perMillionLines(), 1, millionStep, millionMin) {
		fmt.Fprintf(&b, "| %s |%s $%.1f |\n", s.what, strings.Repeat(" |", len(e.Regions)), float64(s.all())*millionStep)
	}
	readings := rounded(fmt.Sprintf("%s readings/s, which are %s million a month", plain(e.Usage.ReadingsPerSecond, 6), plain(e.Usage.millions(), 4)),
		sums(e.WithReadings, len(e.Regions)).USD, monthStep)
	month(readings)
	month(together("**in all, a month**", rest[0], readings))
	return b.String()
}

// SavingsTable tells on a page what settings save a month, but for what is next to nothing.
func SavingsTable(savings []Saving) string {
	var b strings.Builder
	b.WriteString("| what saves | | a month |\n| --- | --- | --- |\n")
	for _, s := range savings {
		steps, sign := int(math.Round(s.USD/monthStep)), "−"
		if steps < 0 {
			steps, sign = -steps, "+"
		}
		if steps > 0 {
			fmt.Fprintf(&b, "| `%s` | %s | %s$%s |\n", strings.Trim(s.Setting, "()"), s.Change, sign, thousands(steps*monthStep))
		}
	}
	return b.String()
}

// thousands writes whole dollars as people read them.
func thousands(usd int) string {
	if usd >= 1000 {
		return fmt.Sprintf("%d,%03d", usd/1000, usd%1000)
	}
	return fmt.Sprint(usd)
}
