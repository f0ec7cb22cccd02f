package dynamodel

import (
	"errors"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// Limits of a number (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html).
const (
	numberDigitsMax   = 38
	numberExponentMax = 125
	numberExponentMin = -130
)

var (
	errNumber       = errors.New("the parameter cannot be converted to a numeric value")
	errNumberDigits = errors.New("attempting to store more than 38 significant digits in a number")
	errNumberLarge  = errors.New("number overflow: attempting to store a number with magnitude larger than supported range")
	errNumberSmall  = errors.New("number underflow: attempting to store a number with magnitude smaller than supported range")
)

// smallInteger returns the value of a canonical whole number that is far from overflowing; most numbers are.
func smallInteger(text string) (int64, bool) {
	const digitsMax = 17
	digits := strings.TrimPrefix(text, "-")
	if len(digits) == 0 || len(digits) > digitsMax || (digits[0] == '0' && (len(digits) > 1 || len(text) > 1)) {
		return 0, false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }

// canonicalNumber returns the number as DynamoDB gives it back.
func canonicalNumber(text string) (string, error) {
	if _, small := smallInteger(text); small {
		return text, nil
	}
	d, err := parseNumber(text)
	if err != nil {
		return "", err
	}
	return formatNumber(d)
}

func parseNumber(text string) (*apd.Decimal, error) {
	if text == "" || strings.ContainsAny(text, "nNiI_ ") { // apd takes NaN and Infinity
		return nil, errNumber
	}
	d, _, err := apd.NewFromString(text)
	if err != nil {
		return nil, errNumber
	}
	return d, nil
}

// formatNumber checks the limits and writes the number without exponent or superfluous zeros.
func formatNumber(d *apd.Decimal) (string, error) {
	var r apd.Decimal
	r.Reduce(d)
	if r.IsZero() {
		return "0", nil
	}
	magnitude := int64(r.Exponent) + r.NumDigits() - 1
	switch {
	case r.NumDigits() > numberDigitsMax:
		return "", errNumberDigits
	case magnitude > numberExponentMax:
		return "", errNumberLarge
	case magnitude < numberExponentMin:
		return "", errNumberSmall
	}
	return r.Text('f'), nil
}

// addNumbers adds canonical numbers. What needs more digits than a number has is refused.
func addNumbers(a, b string) (string, error) {
	x, smallX := smallInteger(a)
	y, smallY := smallInteger(b)
	if smallX && smallY {
		return formatInt(x + y), nil
	}
	p, err := parseNumber(a)
	if err != nil {
		return "", err
	}
	q, err := parseNumber(b)
	if err != nil {
		return "", err
	}
	var sum apd.Decimal
	if _, err := apd.BaseContext.Add(&sum, p, q); err != nil {
		return "", errNumberDigits
	}
	return formatNumber(&sum)
}

func negateNumber(a string) string {
	switch {
	case a == "0":
		return a
	case strings.HasPrefix(a, "-"):
		return a[1:]
	default:
		return "-" + a
	}
}

// compareNumbers compares canonical numbers.
func compareNumbers(a, b string) int {
	x, smallX := smallInteger(a)
	y, smallY := smallInteger(b)
	if smallX && smallY {
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	p, errP := parseNumber(a)
	q, errQ := parseNumber(b)
	if errP != nil || errQ != nil {
		return strings.Compare(a, b)
	}
	return p.Cmp(q)
}
