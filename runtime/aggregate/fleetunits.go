package aggregate

import (
	"context"
	"fmt"
	"time"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// CompareUnits compares the fleet's row of a UTC day in a region with those of its hours, and these with those of their slices. It
// reads no equipment's row, so that it costs the same whatever the fleet. It finds what Compare finds, except an error that
// all units share, and names as mended what is missing from the larger unit.
func (f *FleetRestater) CompareUnits(ctx context.Context, region string, day time.Time) (r FleetRestated, err error) {
	day = reading.Day(day)
	var reads [2]shares
	for i := range reads {
		if reads[i], err = f.read(ctx, region, day); err != nil {
			return r, fmt.Errorf("compare the fleet of %s in %s with itself: %w", reading.FormatDay(day), region, err)
		}
	}
	difference, moving := map[FleetKey]Sum{}, map[FleetKey]bool{}
	note := func(unit Unit, key FleetKey, sign func(Sum, Sum) Sum) {
		whole := FleetKey{unit, key.Start.Truncate(unit.length()), region}
		moving[whole] = moving[whole] || !reads[0].unmoved(reads[1], key)
		for _, share := range reads[1][key] {
			difference[whole] = sign(difference[whole], share.Sum)
		}
	}
	for key := range reads[1] {
		if key.Unit > FiveMinutes {
			note(key.Unit, key, Sum.Sub)
		}
		if key.Unit < Day {
			note(key.Unit+1, key, Sum.Add)
		}
	}
	for _, key := range sortedKeys(difference) {
		switch {
		case moving[key]:
			r.Moving = append(r.Moving, key)
		case !difference[key].IsZero():
			r.Mended = append(r.Mended, FleetWrite{key, difference[key]})
		}
	}
	return r, nil
}
