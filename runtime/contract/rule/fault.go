package rule

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is a rule that a value breaks. As an error it is one sentence: field, rule, the value received, what to do.
type Fault struct {
	// Field is the key that the person wrote; empty where Rule is a sentence of its own.
	Field string
	// Rule continues a sentence that begins with the key, such as "must be 1 to 256".
	Rule string
	// Got is the value received; nil where there is none to show.
	Got any
	// Advice is what to do about it; empty where the rule says enough.
	Advice string
}

// Error is the sentence.
func (f Fault) Error() string {
	var b strings.Builder
	b.WriteString(strings.TrimPrefix(f.Field+" "+f.Rule, " "))
	if f.Got != nil {
		b.WriteString(", got " + Show(f.Got))
	}
	if f.Advice != "" {
		b.WriteString("; " + f.Advice)
	}
	return b.String()
}

// If returns the fault where the rule is broken, and none where it is not.
func (f Fault) If(broken bool) Faults {
	if !broken {
		return nil
	}
	return Faults{f}
}

// Show writes a value as a person would: texts in quotes, durations without zeros at their end.
func Show(got any) string {
	switch v := got.(type) {
	case string:
		return strconv.Quote(v)
	case time.Duration:
		return duration(v)
	default:
		return fmt.Sprint(v)
	}
}

// duration writes 24h0m0s as 24h.
func duration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// Faults are the rules that a set of values breaks. None means that all is well.
type Faults []Fault

// All joins the faults of several checks. A check's fault on a field is left out where an earlier check found one on it, or on the
// list or object that it is in: the first says what is wrong, and the next often only follows from it.
func All(checks ...Faults) Faults {
	var all Faults
	for _, check := range checks {
		earlier := all
		for _, f := range check {
			if !slices.ContainsFunc(earlier, f.isWithin) {
				all = append(all, f)
			}
		}
	}
	return all
}

// isWithin tells whether the fault is about the other's field or about a part of it.
func (f Fault) isWithin(other Fault) bool {
	rest, ok := strings.CutPrefix(f.Field, other.Field)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Under returns the faults of a part of something larger, where each key has that prefix.
func (f Faults) Under(prefix string) Faults {
	all := slices.Clone(f)
	for i := range all {
		all[i].Field = prefix + all[i].Field
	}
	return all
}

// Advise returns the faults with advice for those that have none.
func (f Faults) Advise(advice string) Faults {
	all := slices.Clone(f)
	for i := range all {
		if all[i].Advice == "" {
			all[i].Advice = advice
		}
	}
	return all
}

// Error has a line for each fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, one := range f {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a Fault.
func (f Faults) Unwrap() []error {
	errs := make([]error, len(f))
	for i, one := range f {
		errs[i] = one
	}
	return errs
}

// Err returns the faults as an error, nil where there are none.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// Of returns the faults that Err made an error of.
func Of(err error) Faults {
	var faults Faults
	if err != nil && !errors.As(err, &faults) {
		return Faults{{Rule: err.Error()}} // no fault, and not to be lost
	}
	return faults
}
