package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/runtime/repair"
)

const (
	// keepEvery is how often the place is written, tellEvery how often progress is shown.
	keepEvery = time.Second
	tellEvery = 5 * time.Second
)

// task is one run of the command.
type task struct {
	settings
	out, progress io.Writer
	readUnits     func() float64

	began, kept, told time.Time
}

func (t *task) sayf(format string, args ...any) { _, _ = fmt.Fprintf(t.progress, format, args...) }

// do works the scope off and tells what came of it.
func (t *task) do(ctx context.Context, sweep *repair.Sweep, units repair.FleetUnits) (status int, err error) {
	t.began = time.Now()
	t.told = t.began
	if t.sample > 0 {
		tally, err := sweep.Sample(ctx, t.scope, units, repair.SampleOptions{Rows: t.sample, Days: sampleDays, Exhaust: true})
		return t.finish(tally, err)
	}
	place, err := t.begin()
	if err != nil {
		return statusUsage, err
	}
	if t.repair {
		place, err = sweep.Repair(ctx, place)
	} else {
		place, err = sweep.Audit(ctx, place)
	}
	if err != nil {
		return statusUsage, errors.Join(err, t.write(place), t.hint())
	}
	status, err = t.finish(place.Tally, nil)
	if t.placeFile != "" {
		if removed := os.Remove(t.placeFile); !errors.Is(removed, os.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}
	return status, err
}

// finish tells what came of it.
func (t *task) finish(tally repair.Tally, err error) (status int, _ error) {
	verb := "compared"
	if t.repair {
		verb = "restated"
	}
	t.sayf("%s %d rows of %d equipments and %d days of the fleet in %s, with %.0f read units\n",
		verb, tally.Rows, tally.Equipments, tally.FleetDays, time.Since(t.began).Round(time.Second/10), t.readUnits())
	t.sayf("%d differ", tally.Different)
	if t.repair {
		t.sayf("ed, %d are mended", tally.Mended)
	}
	t.sayf("; %d were being written each time and can be judged once they come to rest; %d are closed; %d failed\n",
		tally.Moving, tally.Closed, tally.Failed)
	switch {
	case err != nil:
		return statusUsage, err
	case t.scope.EquipmentID != "" && tally.Rows+tally.Moving+tally.Closed+tally.Failed == 0:
		return statusUsage, fmt.Errorf("there are neither rows nor readings of %s: is its name right?", describe(t.scope))
	case tally.Failed > 0, tally.Different > tally.Mended, t.adopt && tally.Moving > 0:
		return statusWrong, nil
	default:
		return statusRight, nil
	}
}

// report prints a finding.
func (t *task) report(f repair.Finding) {
	if f.Verdict != repair.Moving || t.verbose {
		_, _ = fmt.Fprintln(t.out, f)
	}
}

// begin is the place that an earlier run has kept, or that of the beginning.
func (t *task) begin() (repair.Place, error) {
	beginning := repair.Begin(t.scope)
	if t.placeFile == "" {
		return beginning, nil
	}
	content, err := os.ReadFile(t.placeFile)
	if errors.Is(err, os.ErrNotExist) {
		return beginning, nil
	}
	if err != nil {
		return beginning, fmt.Errorf("read the place: %w", err)
	}
	var place repair.Place
	if err := json.Unmarshal(content, &place); err != nil {
		return beginning, fmt.Errorf("read the place in %s: %w", t.placeFile, err)
	}
	if place.Scope != t.scope {
		return beginning, fmt.Errorf("%s keeps the place of another run, of %s; finish that one, delete the file, or name another with -place",
			t.placeFile, describe(place.Scope))
	}
	t.sayf("going on from %s\n", where(place))
	return place, nil
}

// keep writes the place and shows progress, both not too often.
func (t *task) keep(place repair.Place) error {
	now := time.Now()
	if now.Sub(t.told) >= tellEvery {
		t.told = now
		t.sayf("%s: %d rows, %d differ, %.0f read units\n", where(place), place.Rows, place.Different, t.readUnits())
	}
	if now.Sub(t.kept) < keepEvery {
		return nil
	}
	t.kept = now
	return t.write(place)
}

// write replaces the place file at once, so that a crash leaves the old one or the new one.
func (t *task) write(place repair.Place) error {
	if t.placeFile == "" {
		return nil
	}
	content, err := json.Marshal(place)
	if err != nil {
		return fmt.Errorf("encode the place: %w", err)
	}
	next := filepath.Join(filepath.Dir(t.placeFile), "."+filepath.Base(t.placeFile)+".new")
	if err := os.WriteFile(next, append(content, '\n'), 0o600); err != nil {
		return fmt.Errorf("keep the place: %w", err)
	}
	if err := os.Rename(next, t.placeFile); err != nil {
		return fmt.Errorf("keep the place: %w", err)
	}
	return nil
}

func (t *task) hint() error {
	if t.placeFile == "" {
		return nil
	}
	return fmt.Errorf("the place is kept in %s: the same command goes on from there", t.placeFile)
}

// where tells how far a run has come.
func where(p repair.Place) string {
	begins := !p.Next.After(p.From) // then there is no hour and no day yet
	switch {
	case p.Phase == "fleet" && begins:
		return "the first day of the fleet"
	case p.Phase == "fleet":
		return "fleet, day " + reading.FormatDay(p.Next)
	case p.EquipmentID != "" && begins:
		return "the first hour of " + string(p.EquipmentID)
	case p.EquipmentID != "":
		return fmt.Sprintf("%s, hour %s", p.EquipmentID, reading.FormatHour(p.Next))
	case p.After == "":
		return fmt.Sprintf("the first equipment with %s", p.Phase)
	default:
		return fmt.Sprintf("after %s, of the equipments with %s", p.After, p.Phase)
	}
}

func describe(s repair.Scope) string {
	who := "all equipments"
	if s.EquipmentID != "" {
		who = string(s.EquipmentID)
	}
	when, all := "", repair.Everything(s.Region)
	if !s.From.Equal(all.From) {
		when = " from " + reading.FormatHour(s.From)
	}
	if !s.Through.Equal(all.Through) {
		when += " through " + reading.FormatHour(s.Through)
	}
	return fmt.Sprintf("%s in %s%s", who, s.Region, when)
}
