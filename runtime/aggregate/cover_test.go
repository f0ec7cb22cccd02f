package aggregate

import (
	"testing"
	"time"
)

// TestCover_TakesEachSliceOnceAndFewRows covers every span of some days, at every slice of the days at its edges.
func TestCover_TakesEachSliceOnceAndFewRows(t *testing.T) {
	const slicesPerDay = 24 * 12
	midnight := time.Date(2026, 2, 27, 0, 0, 0, 0, time.UTC)
	slice := func(i int) time.Time { return midnight.Add(time.Duration(i) * FiveMinutes.length()) }
	for from := 0; from < slicesPerDay; from += 7 {
		for to := from; to <= 5*slicesPerDay; to += 13 {
			next, rows := slice(from), 0
			for _, span := range cover(FiveMinutes, slice(from), slice(to)) {
				if !span.From.Equal(next) || span.Through.Before(span.From) || !span.From.Truncate(span.Unit.length()).Equal(span.From) {
					t.Fatalf("%v to %v: %+v after %v", slice(from), slice(to), span, next)
				}
				rows += int(span.Through.Sub(span.From)/span.Unit.length()) + 1
				next = span.Through.Add(span.Unit.length())
			}
			if !next.Equal(slice(to)) || rows > 2*11+2*23+5 {
				t.Fatalf("%v to %v: ends at %v with %d rows", slice(from), slice(to), next, rows)
			}
		}
	}
	month := cover(FiveMinutes, midnight.Add(10*time.Hour), midnight.Add(731*time.Hour))
	if len(month) != 3 || month[1].Unit != Day {
		t.Errorf("a month is covered by %+v", month)
	}
}
