package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// nobody is an id that no equipment and no upload can have.
const nobody = "#"

// Parts of readiness, as the API contract names them.
const (
	partTables = "tables"
	partBucket = "bucket"
	partKeys   = "keys"
)

// checks are the conditions of readiness. They make the calls that requests make, under the same rights and limits: calls that
// describe tables are limited to a few a second for a whole account, and work while the data cannot be reached.
func (a assembly) checks() []httpapi.Check {
	return []httpapi.Check{
		{Part: partTables, Needed: true, Run: a.probeReadings},
		{Part: partTables, Needed: true, Run: a.probeAggregates},
		{Part: partTables, Needed: true, Run: a.people.LogoutsKnown},
		{Part: partTables, Run: a.probeUploads},
		{Part: partBucket, Run: a.bucket.Ready},
		{Part: partKeys, Needed: true, Run: a.keys.Ready},
	}
}

// probeReadings reads, and tries to change an item that is not there, which the table refuses after it has looked at the right
// to do so and at the key that encrypts it.
func (a assembly) probeReadings(ctx context.Context) error {
	if _, _, err := a.readings.Page(ctx, nobody, time.Time{}, time.Time{}, 1, nil); err != nil {
		return wrap("readings table", err)
	}
	epoch := time.Unix(0, 0).UTC()
	change := ingest.Attempt{
		Write: reading.Write{Reading: reading.Reading{EquipmentID: nobody, Timestamp: epoch}, Version: reading.VersionAt(epoch)}, Over: true,
	}
	if outcome := a.readings.Try(ctx, []ingest.Attempt{change})[0]; outcome.Result != ingest.Refused {
		return wrap("readings table", errors.Join(errNotRefused, outcome.Err))
	}
	return nil
}

var errNotRefused = errors.New("the change of an item that is not there was not refused")

func (a assembly) probeAggregates(ctx context.Context) error {
	hours := aggregate.EquipmentHours{EquipmentID: nobody, From: time.Unix(0, 0), Through: time.Unix(0, 0)}
	return wrap("aggregates table", a.rows.EquipmentRows(ctx, hours, func(aggregate.RegionFigures) {}))
}

func (a assembly) probeUploads(ctx context.Context) error {
	_, err := a.uploads.ReadUpload(ctx, nobody)
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	return wrap("uploads table", err)
}

func (a assembly) refreshLogouts(ctx context.Context) error {
	return wrap("revocations table", a.people.RefreshLogouts(ctx))
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

const (
	// probeTimeout bounds one look at the tables when the program starts.
	probeTimeout = 3 * time.Second
	// rightsPatience is how long a refusal is asked again: rights that a deployment has just given take seconds to be known
	// everywhere.
	rightsPatience = 5 * time.Second
)

// awaitRights returns an error where a table refuses this program for good, because it is missing or the program may not use
// it: a deployment then fails and is rolled back, instead of replacing tasks that work by tasks that do not. A table that does
// not answer is another matter: new tasks start, and wait with all the others until it is back.
func awaitRights(ctx context.Context, probes []func(context.Context) error) error {
	for began := time.Now(); ; {
		refused := probeAll(ctx, probes)
		switch {
		case refused == nil || ctx.Err() != nil:
			return nil //nolint:nilerr // who is told to end was not refused
		case time.Since(began) >= rightsPatience:
			return refused
		}
		_ = pacing.Sleep(ctx, time.Second) // ctx is looked at above
	}
}

func probeAll(ctx context.Context, probes []func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var refused []error
	for _, probe := range probes {
		if err := probe(ctx); err != nil && fault.KindOf(err) == fault.Internal && ctx.Err() == nil {
			refused = append(refused, err)
		}
	}
	return errors.Join(refused...)
}
