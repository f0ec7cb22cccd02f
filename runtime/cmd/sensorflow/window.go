package main

import (
	"cmp"
	"errors"
	"flag"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones are checked where the machine has none, too

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/client"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

func windowFlags(s *settings, flags *flag.FlagSet) {
	flags.StringVar(&s.interval, "interval", "", "`window` that ends with this hour, by hours of UTC: 24h, 48h, 1w or 1m (default 24h, unless -from is given)")
	flags.StringVar(&s.from, "from", "", "beginning of the window, as an RFC 3339 `time` such as 2026-03-01T08:30:00Z")
	flags.StringVar(&s.to, "to", "", "end of the window, which is not part of it; a `time` (default now)")
	flags.StringVar(&s.granularity, "granularity", "", "`length` of a step of the window that begins at -from: 5m, 15m, 30m, 1h or 1d (default 1h)")
	flags.StringVar(&s.timezone, "timezone", "", "`zone` whose hours and days the steps of -from are, such as America/Sao_Paulo (default UTC)")
}

// window reads which aggregates are wanted, by the rules of the service.
func (s *session) window() (w client.Window, err error) {
	for _, id := range s.args {
		one, err := equipmentID(id)
		if err != nil {
			return w, err
		}
		w.Equipment = append(w.Equipment, one)
	}
	if len(w.Equipment) > contract.AggregatesEquipmentsMax {
		return w, usagef("name at most %d equipments, or none for all", contract.AggregatesEquipmentsMax)
	}
	if s.from == "" {
		return s.readInterval(w)
	}
	return s.readSpan(w)
}

// readInterval reads a window that ends with this hour.
func (s *session) readInterval(w client.Window) (client.Window, error) {
	for _, name := range []string{"to", "granularity", "timezone"} {
		if s.given[name] {
			return w, usagef("-%s needs -from: it is for a window that begins there", name)
		}
	}
	w.Interval = cmp.Or(s.interval, "24h")
	_, err := aggregate.ParseInterval(w.Interval)
	return w, asUsage(err)
}

// readSpan reads a window of one's own.
func (s *session) readSpan(w client.Window) (client.Window, error) {
	if s.interval != "" {
		return w, usagef("-interval and -from exclude each other: an interval ends with this hour")
	}
	var err error
	if w.From, w.To, err = s.span(); err != nil {
		return w, err
	}
	if s.to == "" { // up to now
		w.To = time.Now().UTC().Truncate(contract.SliceLength).Add(contract.SliceLength)
		if !w.From.Before(w.To) {
			return w, usagef("-from lies in the future; a window there needs -to")
		}
	}
	steps, err := aggregate.ParseGranularity(cmp.Or(s.granularity, "1h"))
	if err != nil {
		return w, asUsage(err)
	}
	zone := time.UTC
	if s.timezone != "" {
		if zone, err = reading.ParseZone(s.timezone); err != nil {
			return w, usagef("-timezone %w", err)
		}
	}
	w.Granularity, w.Timezone = s.granularity, s.timezone
	_, err = aggregate.NewSpan(w.From, w.To, steps, zone)
	return w, asUsage(err)
}

// asUsage names the flag of a parameter that breaks a rule of the service.
func asUsage(err error) error {
	var broken *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &broken) && len(broken.Fields) > 0:
		return usagef("-%s %s", broken.Fields[0].Field, broken.Fields[0].Reason)
	}
	return usageError{err}
}

// span reads -from and -to, zero where they are not given.
func (s *session) span() (from, to time.Time, err error) {
	if from, err = instant("-from", s.from); err != nil {
		return from, to, err
	}
	if to, err = instant("-to", s.to); err != nil {
		return from, to, err
	}
	if s.from != "" && s.to != "" && !from.Before(to) {
		return from, to, usagef("-to must be after -from")
	}
	return from, to, nil
}

func instant(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := reading.ParseTimestamp(text)
	if err != nil {
		return at, usagef("%s %w", name, err)
	}
	return at, nil
}

// readings reads which readings of one equipment are wanted.
func (s *session) readings() (r client.Range, err error) {
	if r.EquipmentID, err = s.oneEquipment(); err != nil {
		return r, err
	}
	r.From, r.To, err = s.span()
	return r, err
}

// without fails where one of some flags is given, and says why that does not do.
func (s *session) without(why string, names ...string) error {
	if i := slices.IndexFunc(names, func(name string) bool { return s.given[name] }); i >= 0 {
		return usagef("-%s does not do: %s", names[i], why)
	}
	return nil
}

// oneEquipment is the one that is named.
func (s *session) oneEquipment() (client.EquipmentID, error) {
	if len(s.args) != 1 {
		return "", usagef("name one equipment, not %d", len(s.args))
	}
	return equipmentID(s.args[0])
}

func equipmentID(text string) (client.EquipmentID, error) {
	id, err := reading.ParseEquipmentID(text)
	if err != nil {
		return id, usagef("the equipment %.140q %s", text, strings.TrimPrefix(err.Error(), reading.FieldEquipmentID+" "))
	}
	return id, nil
}
