package aggregate

import (
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Sum is what a set of readings adds up to, exactly. A difference of two sums is a Sum as well. The zero value is empty.
type Sum struct {
	Count int64
	Total reading.Total
}

// Add returns s + t.
func (s Sum) Add(t Sum) Sum { return Sum{s.Count + t.Count, s.Total.Add(t.Total)} }

// Sub returns s - t.
func (s Sum) Sub(t Sum) Sum { return Sum{s.Count - t.Count, s.Total.Sub(t.Total)} }

// IsZero tells whether adding s changes nothing.
func (s Sum) IsZero() bool { return s.Count == 0 && s.Total.IsZero() }

// SumOf returns the sum of one reading's value.
func SumOf(value reading.Decimal) Sum { return Sum{1, reading.TotalOf(value)} }

// End is one of the two ends of a set of values.
type End int

// The ends.
const (
	Min End = iota
	Max
)

// Extreme is the smallest or the largest of a set of values. The zero value is that of no values.
type Extreme struct {
	Value reading.Decimal
	// Any tells whether there are values.
	Any bool
}

// ExtremeOf returns the extreme of one value.
func ExtremeOf(value reading.Decimal) Extreme { return Extreme{value, true} }

// beyond tells whether e lies further out than f at the given end. No value lies beyond none.
func (e Extreme) beyond(f Extreme, end End) bool {
	switch {
	case !e.Any || !f.Any:
		return e.Any
	case end == Min:
		return e.Value.Cmp(f.Value) < 0
	default:
		return e.Value.Cmp(f.Value) > 0
	}
}

// outer returns the one of the two that lies further out.
func (e Extreme) outer(f Extreme, end End) Extreme {
	if f.beyond(e, end) {
		return f
	}
	return e
}

// Extremes are the smallest and the largest of a set of values, by End. The zero value is that of no values.
type Extremes [2]Extreme

// ExtremesOf returns the extremes of one value.
func ExtremesOf(value reading.Decimal) Extremes { return Extremes{ExtremeOf(value), ExtremeOf(value)} }

// Union returns the extremes of both sets together.
func (e Extremes) Union(f Extremes) Extremes {
	return Extremes{e[Min].outer(f[Min], Min), e[Max].outer(f[Max], Max)}
}

// Figures are what is kept of a set of readings. The zero value is that of no readings.
type Figures struct {
	Sum
	Extremes
}

// FiguresOf returns the figures of one reading's value.
func FiguresOf(value reading.Decimal) Figures { return Figures{SumOf(value), ExtremesOf(value)} }

// Join returns the figures of two disjoint sets of readings together.
func (f Figures) Join(g Figures) Figures { return Figures{f.Add(g.Sum), f.Union(g.Extremes)} }
