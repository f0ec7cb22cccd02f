package probe

import (
	"fmt"
	"math/big"
	"slices"
	"time"
)

// Hour is one equipment's UTC hour.
type Hour struct {
	EquipmentID string
	Start       int64 // Unix seconds
}

// Sum is an exact count and total.
type Sum struct {
	Count int64
	Total *big.Rat
}

// Number reads a decimal number exactly.
func Number(text string) *big.Rat {
	n, ok := new(big.Rat).SetString(text)
	if !ok {
		panic(fmt.Sprintf("probe: %q is not a number", text)) // JSON and DynamoDB hold numbers only
	}
	return n
}

// HoursBy sums readings by equipment and hour.
func HoursBy(readings []Stored) map[Hour]Sum {
	sums := map[Hour]Sum{}
	for _, r := range readings {
		key := Hour{r.EquipmentID, r.At.Truncate(time.Hour).Unix()}
		s := sums[key]
		if s.Total == nil {
			s.Total = new(big.Rat)
		}
		s.Total.Add(s.Total, Number(r.Value))
		s.Count++
		sums[key] = s
	}
	return sums
}

// Within keeps the readings of a window of the given hours that ends with the full hour that holds now.
func Within(readings []Stored, now time.Time, hours int) []Stored {
	current := now.UTC().Truncate(time.Hour)
	from, end := current.Add(-time.Duration(hours)*time.Hour), current.Add(time.Hour)
	return slices.DeleteFunc(slices.Clone(readings), func(r Stored) bool { return r.At.Before(from) || !r.At.Before(end) })
}

// averageDigits is how many significant digits an average has.
const averageDigits = 15

// Average is total over count, rounded half to even to averageDigits significant digits.
func Average(s Sum) *big.Rat {
	if s.Count == 0 || s.Total == nil || s.Total.Sign() == 0 {
		return new(big.Rat)
	}
	quotient := new(big.Rat).Quo(s.Total, new(big.Rat).SetInt64(s.Count))
	magnitude := new(big.Rat).Abs(quotient)
	ten := big.NewRat(10, 1)
	low, high := power(averageDigits-1), power(averageDigits)
	scale := big.NewRat(1, 1)
	for magnitude.Cmp(high) >= 0 {
		magnitude.Quo(magnitude, ten)
		scale.Mul(scale, ten)
	}
	for magnitude.Cmp(low) < 0 {
		magnitude.Mul(magnitude, ten)
		scale.Quo(scale, ten)
	}
	whole, rest := new(big.Int).QuoRem(magnitude.Num(), magnitude.Denom(), new(big.Int))
	twice := rest.Lsh(rest, 1).Cmp(magnitude.Denom())
	if twice > 0 || twice == 0 && whole.Bit(0) == 1 {
		whole.Add(whole, big.NewInt(1))
	}
	rounded := new(big.Rat).Mul(new(big.Rat).SetInt(whole), scale)
	if quotient.Sign() < 0 {
		rounded.Neg(rounded)
	}
	return rounded
}

func power(n int64) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil))
}

// Differences tells how the pages of a window differ from the readings that the window should cover; empty means equal to
// the last digit. Every page must tell the same average and count.
func Differences(readings []Stored, pages []Page) []string {
	c := comparison{want: HoursBy(readings), all: Sum{Total: new(big.Rat)}, seen: map[Hour]bool{}}
	for _, s := range c.want {
		c.all.Count += s.Count
		c.all.Total.Add(c.all.Total, s.Total)
	}
	for i, page := range pages {
		c.totals(i, page)
		for _, item := range page.Items {
			c.item(i, item)
		}
	}
	for key, s := range c.want {
		if !c.seen[key] {
			c.differ("%v: %d stored readings are not counted", key, s.Count)
		}
	}
	return c.found
}

// comparison holds pages against readings.
type comparison struct {
	want  map[Hour]Sum
	all   Sum
	seen  map[Hour]bool
	last  Item
	found []string
}

func (c *comparison) differ(format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf(format, args...))
}

func (c *comparison) totals(n int, page Page) {
	if page.TotalCount != c.all.Count {
		c.differ("page %d: totalCount is %d, the readings are %d", n, page.TotalCount, c.all.Count)
	}
	if average := Average(c.all); Number(page.Average.String()).Cmp(average) != 0 {
		c.differ("page %d: average is %s, of the readings it is %s", n, page.Average, average.FloatString(30))
	}
}

func (c *comparison) item(n int, item Item) {
	if item.IntervalStart < c.last.IntervalStart || item.IntervalStart == c.last.IntervalStart && item.EquipmentID <= c.last.EquipmentID {
		c.differ("page %d: %s %d comes after %s %d", n, item.EquipmentID, item.IntervalStart, c.last.EquipmentID, c.last.IntervalStart)
	}
	c.last = item
	key := Hour{item.EquipmentID, item.IntervalStart}
	c.seen[key] = true
	s, exists := c.want[key]
	switch {
	case !exists:
		c.differ("%v: %d readings of total %s are counted, none is stored", key, item.SampleCount, item.TotalValue)
	case s.Count != item.SampleCount || s.Total.Cmp(Number(item.TotalValue.String())) != 0:
		c.differ("%v: counted %d of total %s, stored %d of total %s", key, item.SampleCount, item.TotalValue, s.Count, s.Total.FloatString(30))
	}
}
