package rule_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

func TestFault_IsOneSentence(t *testing.T) {
	for want, f := range map[string]rule.Fault{
		"Key is required":                                {Field: "Key", Rule: "is required"},
		"Key is required; give one":                      {Field: "Key", Rule: "is required", Advice: "give one"},
		`Name must be short, got ""; cut it`:             {Field: "Name", Rule: "must be short", Got: "", Advice: "cut it"},
		"Retention must be long, got 1h30m":              {Field: "Retention", Rule: "must be long", Got: 90 * time.Minute},
		"Retention must be long, got 24h":                {Field: "Retention", Rule: "must be long", Got: 24 * time.Hour},
		"Retention must be long, got 10m":                {Field: "Retention", Rule: "must be long", Got: 10 * time.Minute},
		"Retention must be long, got 1h0m1s":             {Field: "Retention", Rule: "must be long", Got: time.Hour + time.Second},
		"Retention must be long, got 0s":                 {Field: "Retention", Rule: "must be long", Got: time.Duration(0)},
		"Month must be one of the year, got December":    {Field: "Month", Rule: "must be one of the year", Got: time.December},
		"Numbers must be few, got 3; leave out the last": {Field: "Numbers", Rule: "must be few", Got: 3, Advice: "leave out the last"},
	} {
		if got := f.Error(); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
}

// TestAll_SaysOneThingAboutAField lets the check that comes first speak, about a field and about what the field is part of.
func TestAll_SaysOneThingAboutAField(t *testing.T) {
	on := func(fields ...string) rule.Faults {
		var all rule.Faults
		for _, field := range fields {
			all = append(all, rule.Fault{Field: field, Rule: "is wrong"})
		}
		return all
	}
	got := rule.All(on("a", "b.c", "list[0]", "list[0]"), nil, on("a", "b", "ab", "a.b", "a[0]", "list[0].name", "list[1]"))
	want := "a is wrong\nb.c is wrong\nlist[0] is wrong\nlist[0] is wrong\nb is wrong\nab is wrong\nlist[1] is wrong"
	if got.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", got, want)
	}
}

func TestFaults_AreFoundInErrors(t *testing.T) {
	faults := rule.Faults{{Field: "A", Rule: "must be 1", Got: 2}, {Field: "B", Rule: "must be 2", Got: 3, Advice: "count"}}
	err := fmt.Errorf("Prod/SensorFlow: %w", faults.Under("Flow.").Advise("leave it out").Err())
	want := "Flow.A must be 1, got 2; leave it out\nFlow.B must be 2, got 3; count"
	if got := rule.Of(err); got.Error() != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if faults[0].Field != "A" || faults[0].Advice != "" {
		t.Errorf("the faults that others were made of have changed: %v", faults)
	}
	var fault rule.Fault
	if !errors.As(err, &fault) || fault.Field != "Flow.A" {
		t.Errorf("found %v", fault)
	}
	if got := rule.Of(errors.New("the disk is full")); len(got) != 1 || got[0].Error() != "the disk is full" {
		t.Errorf("an error of another kind became %q", got)
	}
	if rule.Of(nil) != nil || rule.Faults(nil).Err() != nil {
		t.Error("nothing wrong is an error")
	}
}
