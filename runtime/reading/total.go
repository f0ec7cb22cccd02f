package reading

// Total is an exact sum of values, kept as the sum of their integer parts and the sum of their fractional parts. A
// single number of 38 digits, which is what DynamoDB adds with, could not hold 1e20 + 1e-20; two of them hold the sum of
// 10^11 values in any order. Nothing is ever carried between the two, so that adding commutes. The zero value is 0.
type Total struct{ Integer, Fraction Decimal }

// TotalOf returns the total of one value.
func TotalOf(value Decimal) Total {
	integer, fraction := value.split()
	return Total{integer, fraction}
}

// Add returns t + u.
func (t Total) Add(u Total) Total {
	return Total{t.Integer.Add(u.Integer), t.Fraction.Add(u.Fraction)}
}

// Sub returns t - u.
func (t Total) Sub(u Total) Total {
	return Total{t.Integer.Sub(u.Integer), t.Fraction.Sub(u.Fraction)}
}

// IsZero tells whether both parts are 0.
func (t Total) IsZero() bool { return t.Integer.IsZero() && t.Fraction.IsZero() }

// Sum returns the total as one number.
func (t Total) Sum() Decimal { return t.Integer.Add(t.Fraction) }
