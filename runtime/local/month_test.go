package main

import (
	"regexp"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
)

func TestPlanMonth_FillsTheLongestWindowOnce(t *testing.T) {
	for _, now := range []time.Time{
		time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 1, 12, 44, 59, 0, time.UTC),
		time.Date(2026, 3, 1, 23, 59, 59, 0, time.FixedZone("", -5*60*60)),
	} {
		plan := planMonth(now)
		seen := map[string]string{}
		hours := map[string]bool{}
		for _, part := range append(plan.files, plan.recent) {
			for _, s := range part {
				key := string(s.EquipmentID) + " " + s.Timestamp.String()
				if _, twice := seen[key]; twice {
					t.Fatalf("%s is sent twice", key)
				}
				seen[key] = s.Value.String()
				at := s.Timestamp
				if at.After(now) || now.Sub(at) > demoHours*time.Hour {
					t.Fatalf("%s is outside of the window before %v", key, now)
				}
				hours[at.Truncate(time.Hour).String()] = true
			}
		}
		if len(hours) != demoHours || len(seen) != plan.total() || len(plan.recent) >= plan.total()/2 || len(plan.files) > demoFiles {
			t.Errorf("%v: %d hours, %d readings, %d of them in batches, %d files", now, len(hours), len(seen), len(plan.recent), len(plan.files))
		}
		for _, part := range planMonth(now.Add(time.Hour)).files[1:] { // another demonstration sends the same values
			for _, s := range part {
				if before, sent := seen[string(s.EquipmentID)+" "+s.Timestamp.String()]; sent && before != s.Value.String() {
					t.Fatalf("%v was %s", s, before)
				}
			}
		}
	}
}

func TestValueAt_HasTwoDigitsAndAPlausibleShape(t *testing.T) {
	form := regexp.MustCompile(`^[1-9]\d{1,2}\.\d{2}$`)
	values := map[string]bool{}
	for _, s := range samples(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 2, 23, 0, 0, 0, time.UTC)) {
		text := valueAt(string(s.EquipmentID), s.Timestamp)
		if !form.MatchString(text) {
			t.Fatalf("value %s", text)
		}
		values[text] = true
	}
	if len(values) < 1000 {
		t.Errorf("only %d different values", len(values))
	}
}

func TestCSVOf_WritesTheHeaderAndALineForEachReading(t *testing.T) {
	got := string(csvOf([]client.Reading{{EquipmentID: "EQ-1", Timestamp: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Value: decimal("1.50")}}))
	if want := "equipmentId,timestamp,value\nEQ-1,2026-03-01T00:00:00Z,1.5\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
