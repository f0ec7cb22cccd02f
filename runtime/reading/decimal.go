package reading

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Decimal is an exact, immutable decimal number. It is held as its canonical text: plain digits without exponent,
// superfluous zeros, plus sign or negative zero. Equal numbers are therefore equal with ==, and the text is what
// DynamoDB's N and JSON take. The zero value is 0.
type Decimal struct{ text string }

// storedDigitsMax bounds what ParseDecimal accepts on either side of the point: DynamoDB's N spans 1e-130 to 1e126.
const storedDigitsMax = 130

// averageDigits is the number of significant digits of an average (API contract, section Aggregates).
const averageDigits = 15

// ParseValue parses the value of a reading: a JSON number (RFC 8259, section 6) with at most
// contract.ValueIntegerDigitsMax digits before and contract.ValueFractionDigitsMax after the point and
// contract.ValueDigitsMax significant ones; zeros at the ends do not count. The error states the rule that is broken. The
// value may share the memory of the text.
func ParseValue(text string) (Decimal, error) {
	if d, ok := parseShort(text); ok {
		return d, nil
	}
	n, err := scanNumber(text)
	if err != nil {
		return Decimal{}, withHint(err, NumberHint(text))
	}
	switch {
	case n.integerDigits() > contract.ValueIntegerDigitsMax:
		return Decimal{}, fmt.Errorf("must have at most %d digits before the decimal point", contract.ValueIntegerDigitsMax)
	case n.fractionDigits() > contract.ValueFractionDigitsMax:
		return Decimal{}, fmt.Errorf("must have at most %d digits after the decimal point", contract.ValueFractionDigitsMax)
	case len(n.digits) > contract.ValueDigitsMax:
		return Decimal{}, fmt.Errorf("must have at most %d significant digits", contract.ValueDigitsMax)
	}
	return n.decimal(), nil
}

var errComma = errors.New("must be a number with a decimal comma, such as 21,5 or -3, without any mark between groups of digits")

// ParseCommaValue is ParseValue for numbers whose decimal mark is a comma. A point is refused: it would be a mark between groups of
// digits to some and a decimal mark to others.
func ParseCommaValue(text string) (Decimal, error) {
	if strings.IndexByte(text, '.') >= 0 {
		return Decimal{}, withHint(errComma, numberHint(text, ","))
	}
	value, err := ParseValue(strings.Replace(text, ",", ".", 1))
	if errors.Is(err, errNotNumber) {
		return Decimal{}, withHint(errComma, numberHint(text, ","))
	}
	return value, err
}

// ParseDecimal parses a number that the service stored itself, such as a total. It accepts the grammar of ParseValue
// and up to 130 digits on either side of the point. The number may share the memory of the text.
func ParseDecimal(text string) (Decimal, error) {
	if d, ok := parseShort(text); ok {
		return d, nil
	}
	n, err := scanNumber(text)
	if err != nil {
		return Decimal{}, fmt.Errorf("number %.40q: %w", text, err)
	}
	if n.integerDigits() > storedDigitsMax || n.fractionDigits() > storedDigitsMax {
		return Decimal{}, fmt.Errorf("number %.40q: out of range", text)
	}
	return n.decimal(), nil
}

// String returns the canonical text.
func (d Decimal) String() string {
	if d.text == "" {
		return "0"
	}
	return d.text
}

// MarshalJSON writes the canonical text as a JSON number.
func (d Decimal) MarshalJSON() ([]byte, error) { return []byte(d.String()), nil }

// IsZero tells whether d is 0.
func (d Decimal) IsZero() bool { return d.text == "" }

// Neg returns -d.
func (d Decimal) Neg() Decimal {
	switch {
	case d.text == "":
		return d
	case d.text[0] == '-':
		return Decimal{d.text[1:]}
	default:
		return Decimal{"-" + d.text}
	}
}

// Add returns d + e, exactly.
func (d Decimal) Add(e Decimal) Decimal {
	if d.IsZero() {
		return e
	}
	if e.IsZero() {
		return d
	}
	if sum, ok := addShort(d, e); ok {
		return sum
	}
	var sum apd.Decimal
	// BaseContext has no precision limit, so the sum is exact; its exponent range exceeds every Decimal's.
	if _, err := apd.BaseContext.Add(&sum, d.apd(), e.apd()); err != nil {
		panic(fmt.Sprintf("reading: add %s and %s: %v", d, e, err)) // unreachable: both operands are finite
	}
	return fromAPD(&sum)
}

// Sub returns d - e, exactly.
func (d Decimal) Sub(e Decimal) Decimal { return d.Add(e.Neg()) }

// Cmp returns -1, 0 or 1 as d is below, equal to or above e.
func (d Decimal) Cmp(e Decimal) int {
	if x, y, _, ok := aligned(d, e); ok {
		return cmp.Compare(x, y)
	}
	return d.apd().Cmp(e.apd())
}

// Average returns total / count rounded half to even to 15 significant digits, and 0 when count is 0.
func Average(total Decimal, count int64) Decimal {
	if count == 0 || total.IsZero() {
		return Decimal{}
	}
	ctx := apd.BaseContext.WithPrecision(averageDigits)
	ctx.Rounding = apd.RoundHalfEven
	var quotient apd.Decimal
	if _, err := ctx.Quo(&quotient, total.apd(), apd.New(count, 0)); err != nil {
		panic(fmt.Sprintf("reading: divide %s by %d: %v", total, count, err)) // unreachable: count is not 0
	}
	return fromAPD(&quotient)
}

// split returns the parts of d before and after the point, both with d's sign.
func (d Decimal) split() (integer, fraction Decimal) {
	whole, frac, found := strings.Cut(d.text, ".")
	if !found {
		return d, Decimal{}
	}
	switch whole {
	case "0":
		return Decimal{}, d
	case "-0":
		return Decimal{}, d
	}
	if whole[0] == '-' {
		return Decimal{whole}, Decimal{"-0." + frac}
	}
	return Decimal{whole}, Decimal{"0." + frac}
}

// wordDigitsMax is how many digits of any kind an int64 holds, with room for the sum of two such numbers.
const wordDigitsMax = 18

// word returns d as units × 10^-places, where it has few digits: then machine words do what apd does with big numbers.
func (d Decimal) word() (units int64, places int, ok bool) {
	if len(d.text) > wordDigitsMax+len("-.") {
		return 0, 0, false
	}
	negative, digits, point := false, 0, -1
	for i := range len(d.text) {
		switch c := d.text[i]; c {
		case '-':
			negative = true
		case '.':
			point = digits
		default:
			units = 10*units + int64(c-'0')
			digits++
		}
	}
	if point >= 0 {
		places = digits - point
	}
	if negative {
		units = -units
	}
	return units, places, digits <= wordDigitsMax
}

// powerOfTen returns 10^n, for an n of at most wordDigitsMax.
func powerOfTen(n int) int64 {
	power := int64(1)
	for range n {
		power *= 10
	}
	return power
}

// aligned returns both numbers in units of the same size, where they are small enough for that.
func aligned(d, e Decimal) (x, y int64, places int, ok bool) {
	x, xPlaces, okX := d.word()
	y, yPlaces, okY := e.word()
	if !okX || !okY {
		return 0, 0, 0, false
	}
	places = max(xPlaces, yPlaces)
	scale := func(units int64, by int) (int64, bool) {
		limit := powerOfTen(wordDigitsMax - by)
		return units * powerOfTen(by), -limit < units && units < limit
	}
	x, okX = scale(x, places-xPlaces)
	y, okY = scale(y, places-yPlaces)
	return x, y, places, okX && okY
}

// addShort is Add for numbers of few digits.
func addShort(d, e Decimal) (sum Decimal, ok bool) {
	x, y, places, ok := aligned(d, e)
	if !ok {
		return Decimal{}, false
	}
	units := x + y
	for places > 0 && units%10 == 0 {
		units, places = units/10, places-1
	}
	if units == 0 {
		return Decimal{}, true
	}
	var text, digits [wordDigitsMax + len("-0.0")]byte
	plain := strconv.AppendInt(digits[:0], units, 10)
	if places == 0 {
		return Decimal{string(plain)}, true
	}
	out := text[:0]
	if units < 0 {
		out, plain = append(out, '-'), plain[1:]
	}
	whole := len(plain) - places
	if whole <= 0 {
		out = append(out, "0."...)
		for range -whole {
			out = append(out, '0')
		}
		return Decimal{string(append(out, plain...))}, true
	}
	out = append(append(out, plain[:whole]...), '.')
	return Decimal{string(append(out, plain[whole:]...))}, true
}

func (d Decimal) apd() *apd.Decimal {
	x, _, err := apd.NewFromString(d.String())
	if err != nil {
		panic(fmt.Sprintf("reading: canonical text %q: %v", d.text, err)) // unreachable: the text was made by decimal()
	}
	return x
}

// parseShort parses a number without exponent that is so short that no limit of values can be exceeded, as most are. Its canonical
// text is a part of the text itself. ok is false for any other text.
func parseShort(text string) (d Decimal, ok bool) {
	const charsMax = min(contract.ValueIntegerDigitsMax, contract.ValueFractionDigitsMax)
	if len(text) > charsMax {
		return Decimal{}, false
	}
	first := 0 // digit
	if strings.HasPrefix(text, "-") {
		first = 1
	}
	point := first + len(leadingDigits(text[first:]))
	if point == first || text[first] == '0' && point > first+1 {
		return Decimal{}, false
	}
	end := point // of the canonical text
	if point < len(text) {
		if end, ok = shortFraction(text, point); !ok {
			return Decimal{}, false
		}
	}
	if text[first] == '0' && end == point {
		return Decimal{}, true
	}
	return Decimal{text[:end]}, true
}

// shortFraction reads a fraction, which is the rest of the text, and returns where it ends without the zeros at its end: at the point
// where there are no other digits.
func shortFraction(text string, point int) (end int, ok bool) {
	if text[point] != '.' || point == len(text)-1 {
		return 0, false
	}
	end = point
	for i := point + 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '0':
		case c > '0' && c <= '9':
			end = i + 1
		default:
			return 0, false
		}
	}
	return end, true
}

func fromAPD(x *apd.Decimal) Decimal {
	n, err := scanNumber(x.Text('f'))
	if err != nil {
		panic(fmt.Sprintf("reading: decimal text: %v", err)) // unreachable: 'f' yields plain digits
	}
	return n.decimal()
}

// number is a scanned JSON number: ±0.digits × 10^point, without zeros at the ends of digits.
type number struct {
	negative bool
	digits   string
	point    int
}

var errNotNumber = errors.New("must be a JSON number such as 21.5 or -3e-7")

// scanNumber reads a JSON number of any size without computing with it.
func scanNumber(text string) (number, error) {
	rest, negative := strings.CutPrefix(text, "-")
	whole := leadingDigits(rest)
	rest = rest[len(whole):]
	if whole == "" || (len(whole) > 1 && whole[0] == '0') {
		return number{}, errNotNumber
	}
	fraction := ""
	if after, found := strings.CutPrefix(rest, "."); found {
		if fraction = leadingDigits(after); fraction == "" {
			return number{}, errNotNumber
		}
		rest = after[len(fraction):]
	}
	exponent, err := scanExponent(rest)
	if err != nil {
		return number{}, err
	}

	n := number{negative: negative, point: len(whole) + exponent}
	if fraction == "" {
		n.digits = whole
	} else {
		n.digits = whole + fraction
	}
	trimmed := strings.TrimLeft(n.digits, "0")
	n.point -= len(n.digits) - len(trimmed)
	n.digits = strings.TrimRight(trimmed, "0")
	return n, nil
}

// exponentMax is beyond every accepted number, so that a longer exponent need not be represented.
const exponentMax = 1 << 30

func scanExponent(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	if text[0] != 'e' && text[0] != 'E' {
		return 0, errNotNumber
	}
	text = text[1:]
	sign := 1
	if text != "" && (text[0] == '+' || text[0] == '-') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	if text == "" || leadingDigits(text) != text {
		return 0, errNotNumber
	}
	exponent, err := strconv.Atoi(text)
	if err != nil || exponent > exponentMax {
		exponent = exponentMax
	}
	return sign * exponent, nil
}

func leadingDigits(text string) string {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return text[:i]
		}
	}
	return text
}

func (n number) integerDigits() int {
	if n.digits == "" {
		return 0
	}
	return max(n.point, 0)
}

func (n number) fractionDigits() int {
	if n.digits == "" {
		return 0
	}
	return max(len(n.digits)-n.point, 0)
}

// decimal writes n out; the caller has bounded the digits on both sides of the point.
func (n number) decimal() Decimal {
	if n.digits == "" {
		return Decimal{}
	}
	var b strings.Builder
	b.Grow(len(n.digits) + 3 + max(n.point-len(n.digits), -n.point, 0))
	if n.negative {
		b.WriteByte('-')
	}
	switch {
	case n.point <= 0:
		b.WriteString("0.")
		b.WriteString(strings.Repeat("0", -n.point))
		b.WriteString(n.digits)
	case n.point >= len(n.digits):
		b.WriteString(n.digits)
		b.WriteString(strings.Repeat("0", n.point-len(n.digits)))
	default:
		b.WriteString(n.digits[:n.point])
		b.WriteByte('.')
		b.WriteString(n.digits[n.point:])
	}
	return Decimal{b.String()}
}
