package repair

import (
	"fmt"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Verdict is what was found of a row.
type Verdict string

// The verdicts.
const (
	// Different is a row that is not what the readings give, or a fleet row that is not what the rows give.
	Different Verdict = "differs"
	// Mended is one that was.
	Mended Verdict = "mended"
	// Moving is one that was being written each time.
	Moving Verdict = "moving"
	// Failed is one that could not be looked at or mended.
	Failed Verdict = "failed"
)

// Finding is what was found of one row, slice, or fleet row. The fields say which; those that do not concern it are zero.
type Finding struct {
	Verdict Verdict
	// Row is the row of an equipment, Difference what of it differs.
	Row        aggregate.RowKey
	Difference aggregate.Difference
	// Fleet is the row of the fleet, with what is missing from its buckets together.
	Fleet aggregate.FleetWrite
	// Reason is why it failed.
	Reason error
}

// String describes the finding in one line, for people.
func (f Finding) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", f.Verdict)
	switch {
	case f.Fleet.Region != "":
		fmt.Fprintf(&b, "fleet's %s %s in %s", unitName(f.Fleet.Unit), startName(f.Fleet.Unit, f.Fleet.Start), f.Fleet.Region)
		if d := f.Fleet.Delta; f.Verdict != Moving && f.Reason == nil {
			fmt.Fprintf(&b, ": the rows of the equipments give %+d readings and a total that is %s more", d.Count, d.Total.Sum())
		}
	default:
		fmt.Fprintf(&b, "row of %s, %s in %s", f.Row.EquipmentID, f.span(), f.Row.Region)
		if f.Reason == nil {
			given := "its readings give"
			if f.Difference.Slice == aggregate.WholeHour {
				given = "its slices give"
			}
			fmt.Fprintf(&b, ": it holds %s; %s %s", figures(f.Difference.Stored), given, figures(f.Difference.Found))
		}
	}
	if f.Reason != nil {
		fmt.Fprintf(&b, ": %v", f.Reason)
	}
	return b.String()
}

// span names the hour or the slice.
func (f Finding) span() string {
	if f.Difference.Slice == aggregate.WholeHour || f.Reason != nil {
		return "hour " + reading.FormatHour(f.Row.Hour)
	}
	from := f.Row.SliceStart(f.Difference.Slice)
	return fmt.Sprintf("%s to %s", reading.FormatMinute(from), from.Add(contract.SliceLength).Format("15:04"))
}

func figures(f aggregate.Figures) string {
	text := fmt.Sprintf("%d readings, total %s", f.Count, f.Total.Sum())
	if f.Extremes[aggregate.Min].Any || f.Extremes[aggregate.Max].Any {
		text += fmt.Sprintf(", %s to %s", extreme(f.Extremes[aggregate.Min]), extreme(f.Extremes[aggregate.Max]))
	}
	return text
}

func extreme(e aggregate.Extreme) string {
	if !e.Any {
		return "none"
	}
	return e.Value.String()
}

func unitName(u aggregate.Unit) string {
	return [...]string{aggregate.FiveMinutes: "five minutes", aggregate.Hour: "hour", aggregate.Day: "day"}[u]
}

func startName(u aggregate.Unit, t time.Time) string {
	switch u {
	case aggregate.Day:
		return reading.FormatDay(t)
	case aggregate.Hour:
		return reading.FormatHour(t)
	default:
		return reading.FormatMinute(t)
	}
}
