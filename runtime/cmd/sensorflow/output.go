package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// cell is a value that is printed: a number as it is, or a text.
type cell struct {
	text   string
	number bool
	none   bool
}

func text(t string) cell { return cell{text: t} }

// exact is a decimal or a whole number; nil is none.
func exact(n fmt.Stringer) cell { return cell{text: n.String(), number: true} }

func whole(n int64) cell { return cell{text: fmt.Sprint(n), number: true} }

func none() cell { return cell{none: true} }

func moment(t time.Time) cell { return cell{text: t.UTC().Format(time.RFC3339Nano)} }

// output prints rows as a table, as CSV, or as a JSON array.
type output struct {
	format string
	out    *bufio.Writer
	table  *tabwriter.Writer
	csv    *csv.Writer
	names  []string
	rows   int
	// live prints each row at once.
	live bool
	// broken says that rows are missing at the end.
	broken bool
}

// The forms of what is printed.
const (
	formatTable = "table"
	formatCSV   = "csv"
	formatJSON  = "json"
)

func newOutput(to io.Writer, format string) (*output, error) {
	o := &output{format: format, out: bufio.NewWriter(to)}
	switch format {
	case formatTable:
		o.table = tabwriter.NewWriter(o.out, 0, 0, 2, ' ', 0)
	case formatCSV:
		o.csv = csv.NewWriter(o.out)
	case formatJSON:
	default:
		return nil, usagef("-o must be table, json or csv, not %q", format)
	}
	return o, nil
}

// columns names the columns. They are printed with the first row, or in the end: where nothing came of a call, nothing is printed.
func (o *output) columns(names ...string) { o.names = names }

// head prints the names of the columns.
func (o *output) head() {
	switch o.format {
	case formatTable:
		printf(o.table, "%s\n", strings.ToUpper(strings.Join(o.names, "\t"))) // end tells whether something failed
	case formatCSV:
		_ = o.csv.Write(o.names) // likewise
	}
}

// row prints a row.
func (o *output) row(cells ...cell) error {
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = c.text
	}
	if o.rows++; o.rows == 1 {
		o.head()
	}
	switch o.format {
	case formatTable:
		printf(o.table, "%s\n", strings.Join(texts, "\t"))
	case formatCSV:
		_ = o.csv.Write(texts) // end tells
	case formatJSON:
		o.object(cells)
	}
	const together = 1000 // so that a long table is printed while it comes
	if !o.live && o.rows%together != 0 {
		return nil
	}
	return o.flush()
}

// object prints a row as a member of the array; live rows are an object a line.
func (o *output) object(cells []cell) {
	var b strings.Builder
	for i, c := range cells {
		value := c.text
		switch {
		case c.none:
			value = "null"
		case !c.number:
			quoted, _ := json.Marshal(c.text) // a text can always be encoded
			value = string(quoted)
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", o.names[i], value)
	}
	switch {
	case o.live:
		printf(o.out, "{%s}\n", &b)
	case o.rows == 1:
		printf(o.out, "[{%s}", &b)
	default:
		printf(o.out, ",\n {%s}", &b)
	}
}

func (o *output) flush() error {
	var err error
	switch o.format {
	case formatTable:
		err = o.table.Flush()
	case formatCSV:
		o.csv.Flush()
		err = o.csv.Error()
	}
	if err = errors.Join(err, o.out.Flush()); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// end prints what is left. Where no row came and the command failed, that is nothing, and an array that broke off stays open: it must
// not pass for one that is whole.
func (o *output) end(done bool) error {
	array := o.format == formatJSON && !o.live
	switch {
	case o.names == nil || o.rows == 0 && !done:
	case o.rows == 0 && array:
		printf(o.out, "[]\n")
	case o.rows == 0:
		o.head()
	case array && o.broken:
		printf(o.out, "\n")
	case array:
		printf(o.out, "]\n")
	}
	return o.flush()
}

// counted is a number of things, whose plural ends with s.
func counted[N int | int64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// progress tells a person what is going on: on a terminal in one line that is written over, elsewhere with now and then a line.
type progress struct {
	to       io.Writer
	terminal bool
	now      func() time.Time

	mu   sync.Mutex
	line bool
	last time.Time
}

// How often progress is shown, on a terminal and elsewhere.
const (
	shownEvery  = 100 * time.Millisecond
	loggedEvery = 5 * time.Second
)

func newProgress(to io.Writer) *progress {
	file, isFile := to.(*os.File)
	return &progress{to: to, terminal: isFile && isTerminal(file), now: time.Now}
}

// isTerminal tells whether somebody looks.
func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// update shows how far something is, unless that was shown a moment ago.
func (p *progress) update(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	every := loggedEvery
	if p.terminal {
		every = shownEvery
	}
	now := p.now()
	if p.last.IsZero() {
		p.last = now.Add(shownEvery - every)
	}
	if now.Sub(p.last) < every {
		return
	}
	p.last = now
	if p.terminal {
		printf(p.to, "\r\033[K"+format, args...)
		p.line = true
		return
	}
	printf(p.to, format+"\n", args...)
}

// say prints a sentence.
func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.line {
		printf(p.to, "\r\033[K")
		p.line = false
	}
	printf(p.to, format+"\n", args...)
}

// ask prints a question.
func (p *progress) ask(question string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	printf(p.to, "%s", question)
}
