package pricing

import (
	"fmt"
	"io"
	"strings"
)

const labelWidth = 44

// Print writes an estimate, what saves, and what is not in it, in one screen.
func Print(w io.Writer, name string, e Estimate, savings []Saving) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s a month, in US dollars of %s; other regions ask for other prices, by how much is not known.\n",
		name, Region)
	what := "Nothing in it takes readings"
	if e.Serves {
		what = e.Usage.String()
	}
	fmt.Fprintf(&b, "%s. Free allowances are left out.\n\n", what)
	e.head(&b)
	e.block(&b, "at rest", e.AtRest, 0)
	e.block(&b, "with the readings", e.WithReadings, e.Usage.millions())
	e.row(&b, "all", sums(append(append([]Line{}, e.AtRest...), e.WithReadings...), len(e.Regions)), 0)
	for _, s := range e.Short {
		wrapped(&b, s.String())
	}
	if len(savings) > 0 {
		fmt.Fprintf(&b, "\n%-28s%-54s%12s\n", "what saves", "", "a month")
	}
	for _, s := range savings {
		fmt.Fprintf(&b, "  %-26s%-54s%12s\n", s.Setting, s.Change, difference(s))
	}
	b.WriteByte('\n')
	if e.Serves {
		wrapped(&b, e.compared())
		wrapped(&b, "Per million holds at this rate: the fewer readings a batch of the stream has, the more each costs the aggregates.")
		wrapped(&b, "Not counted: queries, CSV files, deletions, sign-ins, e-mails, late and corrected readings.")
	}
	if len(e.NotKnown) > 0 {
		wrapped(&b, "Not known, and not in it: "+strings.Join(e.NotKnown, "; ")+".")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wrapped writes a text in lines that a terminal shows whole.
func wrapped(b *strings.Builder, text string) {
	const width = 120
	column := 0
	for i, word := range strings.Fields(text) {
		switch length := len([]rune(word)); {
		case i == 0:
			column = length
		case column+1+length > width:
			b.WriteString("\n  ")
			column = 2 + length
		default:
			b.WriteByte(' ')
			column += 1 + length
		}
		b.WriteString(word)
	}
	b.WriteByte('\n')
}

// String tells what the estimate is for.
func (u Usage) String() string {
	return fmt.Sprintf("%s readings/s in all (%s million a month), %d a request, of %d equipments",
		plain(u.ReadingsPerSecond, 6), plain(u.millions(), 4), u.ReadingsPerRequest, u.Equipments)
}

// String tells that the scaling ends below what the readings need.
func (s Shortage) String() string {
	return fmt.Sprintf("%s: the scaling would need %d tasks for that, and tasksMax is %d. %d are in the bill; what they do not take is "+
		"answered with 503, and is in the other lines all the same.", s.Region, s.Needed, s.TasksMax, s.TasksMax)
}

func (e Estimate) head(b *strings.Builder) {
	fmt.Fprintf(b, "%-*s", labelWidth, "")
	for _, region := range e.Regions {
		fmt.Fprintf(b, "%15s", region)
	}
	fmt.Fprintf(b, "%15s%14s\n", "all", "per million")
}

func (e Estimate) block(b *strings.Builder, title string, lines []Line, millions float64) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintln(b, title)
	for _, l := range lines {
		l.What = "  " + l.What
		e.row(b, l.What, l, millions)
	}
	e.row(b, "  together", sums(lines, len(e.Regions)), millions)
}

func (e Estimate) row(b *strings.Builder, what string, l Line, millions float64) {
	fmt.Fprintf(b, "%-*s", labelWidth, what)
	for _, usd := range l.USD {
		fmt.Fprintf(b, "%15.2f", usd)
	}
	fmt.Fprintf(b, "%15.2f", l.All())
	if millions > 0 {
		fmt.Fprintf(b, "%14.3f", l.All()/millions)
	}
	b.WriteByte('\n')
}

func sums(lines []Line, regions int) Line {
	sum := Line{USD: make([]float64, regions)}
	for _, l := range lines {
		for i, usd := range l.USD {
			sum.USD[i] += usd
		}
	}
	return sum
}

// difference is what a setting saves, or what it adds.
func difference(s Saving) string {
	if s.USD < -0.005 {
		return fmt.Sprintf("+%.2f", -s.USD)
	}
	if s.USD < 0.005 {
		return "-"
	}
	return fmt.Sprintf("-%.2f", s.USD)
}

// compared sets the cost at rest beside what AWS publishes for its own sample.
func (e Estimate) compared() string {
	rest := total(e.AtRest)
	verdict := fmt.Sprintf("%.0f %% of that", 100*rest/SampleUSD)
	if rest > SampleUSD {
		verdict = "more than that; the largest lines above say why"
	}
	return fmt.Sprintf("AWS's multi-region sample is published at about %d a month. At rest this is %.2f, %s.", SampleUSD,
		rest, verdict)
}
