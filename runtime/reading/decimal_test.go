package reading_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

func digits(n int) string { return strings.Repeat("9", n) }

func zeros(n int) string { return strings.Repeat("0", n) }

func TestParseValue_TakesJSONNumbersWithinTheLimits(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "-0.0": "0", "0e5": "0", "-0E-99999999999999999999": "0", "0.000": "0",
		"1": "1", "-1": "-1", "10": "10", "1.0": "1", "1.50": "1.5", "-12.340": "-12.34", "100e-2": "1", "0.10": "0.1",
		"1e-7": "0.0000001", "1E+2": "100", "1e2": "100", "-2.5e-3": "-0.0025", "1.5e0": "1.5", "1e00000000000000000002": "100",
		"0.1": "0.1", "123456789012345678.9": "123456789012345678.9",
		digits(27): digits(27), "1e26": "1" + zeros(26), "0.1e27": "1" + zeros(26), digits(27) + zeros(3) + "e-3": digits(27),
		"1e-27": "0." + zeros(26) + "1", "0." + digits(27): "0." + digits(27), "0." + digits(27) + zeros(40): "0." + digits(27),
		digits(11) + "." + digits(27): digits(11) + "." + digits(27), digits(27) + "." + digits(11): digits(27) + "." + digits(11),
	} {
		if got, err := reading.ParseValue(text); err != nil || got.String() != want {
			t.Errorf("%s: got %v, %v, want %s", text, got, err, want)
		}
	}
}

func TestParseValue_RejectsEverythingElse(t *testing.T) {
	const notNumber, integer, fraction, significant = "must be a JSON number", "27 digits before", "27 digits after", "38 significant"
	for text, reason := range map[string]string{
		"": notNumber, " 1": notNumber, "1 ": notNumber, "+1": notNumber, "01": notNumber, "-01": notNumber, "00": notNumber, ".5": notNumber,
		"1.": notNumber, "1.e5": notNumber, "-": notNumber, "--1": notNumber, "1e": notNumber, "1e+": notNumber, "1e1.5": notNumber, "1e-": notNumber,
		"0x10": notNumber, "1_000": notNumber, "1,5": notNumber, "NaN": notNumber, "Infinity": notNumber, "-Infinity": notNumber, "null": notNumber,
		"\"1\"": notNumber, "1\n": notNumber, "1\x00": notNumber, "١": notNumber, "１": notNumber, "true": notNumber, "1e5e5": notNumber,
		"1e27": integer, "1" + digits(27): integer, "1e300": integer, "1e99999999999999999999": integer, "-1e1073741824": integer,
		"1e-28": fraction, "0." + zeros(27) + "1": fraction, "1e-99999999999999999999": fraction,
		digits(12) + "." + digits(27): significant, digits(27) + "." + digits(12): significant,
	} {
		if got, err := reading.ParseValue(text); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: got %v, %v, want %q", text, got, err, reason)
		}
	}
}

func TestParseDecimal_TakesTotals(t *testing.T) {
	for text, want := range map[string]string{
		digits(38): digits(38), "1e129": "1" + zeros(129), "1E-130": "0." + zeros(129) + "1", "-0": "0", "12E+1": "120",
	} {
		if got, err := reading.ParseDecimal(text); err != nil || got.String() != want {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"1e130", "1e-131", "", "x", "1e999999999999"} {
		if got, err := reading.ParseDecimal(text); err == nil {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

func TestDecimal_TheZeroValueIsZero(t *testing.T) {
	var d reading.Decimal
	text, err := json.Marshal(struct{ V reading.Decimal }{d})
	if err != nil || string(text) != `{"V":0}` || d.String() != "0" || !d.IsZero() || d.Neg() != d {
		t.Errorf("got %s, %v, %v", text, d, err)
	}
}

func TestDecimal_ATenthAndTwoTenthsLessTwoTenthsIsATenth(t *testing.T) {
	a, b := parse(t, "0.1"), parse(t, "0.2")
	if got := a.Add(b).Sub(b); got != a {
		t.Errorf("got %v", got)
	}
}

type fataler interface {
	Helper()
	Fatal(...any)
}

func parse(t fataler, text string) reading.Decimal {
	t.Helper()
	d, err := reading.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func rat(t fataler, text string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatal(text + " is not a number")
	}
	return r
}

// values draws texts that obey the rules, written in many ways.
func values() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		whole := rapid.IntRange(0, contract.ValueIntegerDigitsMax).Draw(t, "integer digits")
		after := rapid.IntRange(0, min(contract.ValueFractionDigitsMax, contract.ValueDigitsMax-whole)).Draw(t, "fraction digits")
		number := rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), whole+after, whole+after, -1).Draw(t, "digits")
		text := strings.TrimLeft(number[:whole], "0")
		if text == "" {
			text = "0"
		}
		if after > 0 {
			text += "." + number[whole:]
		}
		if after > 0 && rapid.Bool().Draw(t, "with exponent") {
			text = "0." + number + "e" + rapid.SampledFrom([]string{"", "+"}).Draw(t, "plus") + big.NewInt(int64(whole)).String()
		}
		return rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign") + text
	})
}

// canonical texts have no exponent, superfluous zeros, plus sign or negative zero.
func canonical(text string) bool {
	whole, fraction, has := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	return !strings.ContainsAny(text, "eE+ ") && text != "-0" && whole != "" && (whole == "0" || whole[0] != '0') &&
		(!has || fraction != "" && fraction[len(fraction)-1] != '0') && (text[0] != '-' || strings.Trim(text, "-0.") != "")
}

func TestDecimal_ComputesAsExactFractionsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := values().Draw(t, "x"), values().Draw(t, "y")
		a, err := reading.ParseValue(x)
		if err != nil {
			t.Fatal(x, err)
		}
		b, err := reading.ParseValue(y)
		if err != nil {
			t.Fatal(y, err)
		}
		p, q := rat(t, x), rat(t, y)
		for name, c := range map[string]struct {
			got  reading.Decimal
			want *big.Rat
		}{
			"parse": {a, p}, "add": {a.Add(b), new(big.Rat).Add(p, q)}, "sub": {a.Sub(b), new(big.Rat).Sub(p, q)}, "neg": {a.Neg(), new(big.Rat).Neg(p)},
		} {
			if text := c.got.String(); !canonical(text) || rat(t, text).Cmp(c.want) != 0 {
				t.Fatalf("%s: got %s, want %s", name, text, c.want.RatString())
			}
			if c.got.IsZero() != (c.want.Sign() == 0) {
				t.Fatalf("%s: IsZero of %s", name, c.got)
			}
			if again := parse(t, c.got.String()); again != c.got {
				t.Fatalf("%s: %s comes back as %s", name, c.got, again)
			}
		}
		if a.Cmp(b) != p.Cmp(q) || (a == b) != (p.Cmp(q) == 0) {
			t.Fatalf("%s and %s compare wrongly", x, y)
		}
		if a.Add(b) != b.Add(a) || a.Add(b).Sub(b) != a || a.Sub(a) != (reading.Decimal{}) {
			t.Fatalf("%s and %s do not add up", x, y)
		}
	})
}

func TestTotal_IsTheSumInAnyOrderAndFitsTheTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(values(), 0, 40).Draw(t, "values")
		var forward, backward reading.Total
		want := new(big.Rat)
		for i := range texts {
			forward = forward.Add(reading.TotalOf(parse(t, texts[i])))
			backward = backward.Add(reading.TotalOf(parse(t, texts[len(texts)-1-i])))
			want.Add(want, rat(t, texts[i]))
		}
		if forward != backward || rat(t, forward.Sum().String()).Cmp(want) != 0 {
			t.Fatalf("got %v and %v, want %s", forward, backward, want.RatString())
		}
		if strings.Contains(forward.Integer.String(), ".") {
			t.Fatalf("the integer part is %v", forward.Integer)
		}
		for _, part := range []reading.Decimal{forward.Integer, forward.Fraction} {
			if n := len(strings.Trim(strings.ReplaceAll(part.String(), ".", ""), "-0")); n > contract.ValueDigitsMax {
				t.Fatalf("%v has %d digits", part, n)
			}
		}
		for _, text := range texts {
			backward = backward.Sub(reading.TotalOf(parse(t, text)))
		}
		if !backward.IsZero() || backward != (reading.Total{}) {
			t.Fatalf("%v is left", backward)
		}
	})
}

// wantAverage rounds a fraction half to even to 15 significant digits, with integers alone.
func wantAverage(sum *big.Rat, count int64) *big.Rat {
	if count == 0 || sum.Sign() == 0 {
		return new(big.Rat)
	}
	q := new(big.Rat).Quo(sum, new(big.Rat).SetInt64(count))
	ten, low, high := big.NewRat(10, 1), new(big.Rat), new(big.Rat)
	low.SetString("1e14")
	high.SetString("1e15")
	scale := big.NewRat(1, 1)
	scaled := new(big.Rat).Abs(q)
	for scaled.Cmp(low) < 0 {
		scaled.Mul(scaled, ten)
		scale.Mul(scale, ten)
	}
	for scaled.Cmp(high) >= 0 {
		scaled.Quo(scaled, ten)
		scale.Quo(scale, ten)
	}
	whole, rest := new(big.Int).QuoRem(scaled.Num(), scaled.Denom(), new(big.Int))
	switch rest.Lsh(rest, 1).Cmp(scaled.Denom()) {
	case 1:
		whole.Add(whole, big.NewInt(1))
	case 0:
		whole.Add(whole, new(big.Int).And(whole, big.NewInt(1)))
	}
	out := new(big.Rat).Quo(new(big.Rat).SetInt(whole), scale)
	if q.Sign() < 0 {
		out.Neg(out)
	}
	return out
}

func TestAverage_RoundsHalfToEven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(values(), 1, 5).Draw(t, "values")
		count := rapid.OneOf(rapid.Int64Range(1, 40), rapid.Int64Range(1, 100_000_000_000)).Draw(t, "count")
		var total reading.Decimal
		for _, text := range texts {
			total = total.Add(parse(t, text))
		}
		checkAverage(t, total, count)
	})
}

// Halves are rare by chance: count 2 and totals of one digit more than are kept.
func TestAverage_RoundsHalvesToEven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		odd := rapid.Int64Range(200_000_000_000_000, 999_999_999_999_999).Draw(t, "quotient")*2 + 1
		text := big.NewInt(odd).String() + rapid.SampledFrom([]string{"", "e11", "e-9", "e-27"}).Draw(t, "exponent")
		tail := rapid.SampledFrom([]string{"0", "1e-27", "-1e-27"}).Draw(t, "tail")
		checkAverage(t, parse(t, text).Add(parse(t, tail)), 2)
		checkAverage(t, parse(t, text).Add(parse(t, tail)).Neg(), 2)
	})
}

func checkAverage(t *rapid.T, total reading.Decimal, count int64) {
	t.Helper()
	got := reading.Average(total, count)
	if want := wantAverage(rat(t, total.String()), count); rat(t, got.String()).Cmp(want) != 0 || !canonical(got.String()) {
		t.Fatalf("%v over %d: got %v, want %s", total, count, got, want.FloatString(40))
	}
}

func TestAverage_OfNothingIsZero(t *testing.T) {
	if got := reading.Average(parse(t, "5"), 0); !got.IsZero() {
		t.Errorf("got %v", got)
	}
}

func FuzzValue(f *testing.F) {
	for _, text := range []string{"0", "-0", "21.5", "1e-7", "1E+2", "999999999999999999999999999", "0.000000000000000000000000001", "1e300", "01", "1.", "-", "1e99999999999999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := reading.ParseValue(text)
		if err != nil {
			return
		}
		if !json.Valid([]byte(text)) || !canonical(got.String()) {
			t.Fatalf("%q: got %s", text, got)
		}
		if again, err := reading.ParseValue(got.String()); err != nil || again != got {
			t.Fatalf("%q: %s comes back as %v, %v", text, got, again, err)
		}
		if len(text) < 100 && !strings.ContainsAny(text, "eE") && rat(t, text).Cmp(rat(t, got.String())) != 0 {
			t.Fatalf("%q: got %s", text, got)
		}
		whole, fraction, _ := strings.Cut(strings.TrimPrefix(got.String(), "-"), ".")
		if len(whole) > contract.ValueIntegerDigitsMax || len(fraction) > contract.ValueFractionDigitsMax ||
			len(strings.Trim(whole+fraction, "0")) > contract.ValueDigitsMax {
			t.Fatalf("%q: %s is beyond the limits", text, got)
		}
	})
}
