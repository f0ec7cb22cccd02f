package reading_test

import (
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// FuzzDecimal holds numbers of any size that the table may hold, and what is computed with them, against exact fractions.
func FuzzDecimal(f *testing.F) {
	for _, pair := range [][2]string{
		{"0.1", "0.2"}, {"-0", "0e5"}, {"1e20", "1e-20"}, {"1e129", "-1e-130"}, {"99999999999999999999999999999999999999", "1"},
		{"-0.5", "0.5"}, {"1e130", "1"}, {"1E+2", "1e02"}, {"999999999999999999", "999999999999999999"}, {"-9999999999999999999", "0.1"},
		{"0.000000000000000001", "-999999999999999999"}, {"99999999999999999.9", "0.1"}, {"0.05", "-0.04"}, {"12.5", "-2.5"},
	} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, x, y string) {
		a, p := exactly(t, x)
		b, q := exactly(t, y)
		if p == nil || q == nil {
			return
		}
		for name, c := range map[string]struct {
			got  reading.Decimal
			want *big.Rat
		}{
			"add": {a.Add(b), new(big.Rat).Add(p, q)}, "sub": {a.Sub(b), new(big.Rat).Sub(p, q)}, "neg": {a.Neg(), new(big.Rat).Neg(p)},
			"total":          {reading.TotalOf(a).Add(reading.TotalOf(b)).Sum(), new(big.Rat).Add(p, q)},
			"total and back": {reading.TotalOf(a).Add(reading.TotalOf(b)).Sub(reading.TotalOf(b)).Sum(), p},
		} {
			if text := c.got.String(); !canonical(text) || rat(t, text).Cmp(c.want) != 0 {
				t.Errorf("%s of %q and %q: got %s, want %s", name, x, y, text, c.want.RatString())
			}
		}
		if a.Cmp(b) != p.Cmp(q) || (a == b) != (p.Cmp(q) == 0) || a.IsZero() != (p.Sign() == 0) {
			t.Errorf("%q and %q are compared as %d", x, y, a.Cmp(b))
		}
		if reading.TotalOf(a).Sub(reading.TotalOf(a)) != (reading.Total{}) {
			t.Errorf("%q less itself leaves something", x)
		}
	})
}

// exactly parses a number in both ways; the fraction is nil where the text is none that is taken.
func exactly(t *testing.T, text string) (reading.Decimal, *big.Rat) {
	t.Helper()
	d, err := reading.ParseDecimal(text)
	if err != nil {
		return d, nil
	}
	if !canonical(d.String()) {
		t.Fatalf("%q: got %s", text, d)
	}
	mantissa, exponent, has := strings.Cut(strings.ToLower(text), "e")
	if n, err := strconv.Atoi(exponent); has && (err != nil || n < -1000 || n > 1000) {
		if strings.Trim(mantissa, "-0.") == "" { // zero, however it is written; big.Rat would write it out
			return d, new(big.Rat)
		}
		return d, rat(t, d.String()) // as many zeros before as behind
	}
	want := rat(t, text)
	if rat(t, d.String()).Cmp(want) != 0 {
		t.Fatalf("%q: got %s", text, d)
	}
	return d, want
}
