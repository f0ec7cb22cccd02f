package main

import (
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/repair"
)

// A run without bounds begins in the year 1: no text tells it.
func TestTask_NamesNoHourThatNobodyGave(t *testing.T) {
	everything := repair.Everything("eu-central-1")
	hour := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	bounded := everything
	bounded.From, bounded.Through = hour, hour.Add(time.Hour)
	one := everything
	one.EquipmentID = "EQ-1"
	at := func(scope repair.Scope, phase string, next time.Time) repair.Place {
		p := repair.Begin(scope)
		if phase == "fleet" {
			p.Phase = "fleet"
		}
		p.Next = next
		return p
	}
	for _, c := range []struct{ got, want string }{
		{describe(everything), "all equipments in eu-central-1"},
		{describe(bounded), "all equipments in eu-central-1 from 2026-03-01T08 through 2026-03-01T09"},
		{where(repair.Begin(everything)), "the first equipment with rows"},
		{where(at(everything, "fleet", everything.From)), "the first day of the fleet"},
		{where(at(everything, "fleet", hour)), "fleet, day 2026-03-01"},
		{where(at(one, "rows", everything.From)), "the first hour of EQ-1"},
		{where(at(one, "rows", hour)), "EQ-1, hour 2026-03-01T08"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
