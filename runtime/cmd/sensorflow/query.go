package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

func windowFlags(s *settings, flags *flag.FlagSet) {
	flags.StringVar(&s.interval, "interval", "", "`window` that ends with this hour: 24h, 48h, 1w or 1m; 24h where nothing is said")
	flags.StringVar(&s.from, "from", "", "beginning of the window, as an RFC 3339 `time` such as 2026-03-01T08:30:00Z")
	flags.StringVar(&s.to, "to", "", "end of the window, which is not part of it; a `time`")
	flags.StringVar(&s.granularity, "granularity", "", "`length` of a step of -from and -to: 5m, 15m, 30m, 1h or 1d")
	flags.StringVar(&s.timezone, "timezone", "", "where hours and days begin, such as America/Sao_Paulo")
}

func queryFlags(s *settings, flags *flag.FlagSet) {
	windowFlags(s, flags)
	flags.BoolVar(&s.raw, "raw", false, "print the readings of one equipment, newest first")
	flags.IntVar(&s.limit, "limit", 0, "print at most this `number` of rows")
}

// window reads which aggregates are wanted.
func (s *session) window() (w client.Window, err error) {
	w = client.Window{Interval: s.interval, Granularity: s.granularity, Timezone: s.timezone}
	if w.From, w.To, err = s.span(); err != nil {
		return w, err
	}
	if s.interval == "" && s.from == "" && s.to == "" {
		w.Interval = "24h"
	}
	if s.from != "" && s.to == "" { // up to now
		const step = 5 * time.Minute
		w.To = time.Now().UTC().Truncate(step).Add(step)
	}
	for _, id := range s.args {
		w.Equipment = append(w.Equipment, client.EquipmentID(id))
	}
	return w, nil
}

// span reads -from and -to, zero where they are not given.
func (s *session) span() (from, to time.Time, err error) {
	if from, err = instant("-from", s.from); err != nil {
		return from, to, err
	}
	to, err = instant("-to", s.to)
	return from, to, err
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

// oneEquipment is the one that is named.
func (s *session) oneEquipment() (client.EquipmentID, error) {
	if len(s.args) != 1 {
		return "", usagef("name one equipment")
	}
	return client.EquipmentID(s.args[0]), nil
}

// query prints aggregates or readings.
func query(ctx context.Context, s *session) error {
	c, err := s.connect()
	if err != nil {
		return err
	}
	if s.raw {
		return s.queryRaw(ctx, c)
	}
	w, err := s.window()
	if err != nil {
		return err
	}
	s.out.header("equipmentId", "start", "count", "total", "min", "max")
	rows := 0
	for a, err := range c.Aggregates(ctx, w) {
		if err != nil {
			return err
		}
		if err := s.out.row(text(string(a.EquipmentID)), moment(a.Start), whole(a.Count), exact(a.Total), optional(a.Min), optional(a.Max)); err != nil {
			return err
		}
		if rows++; rows == s.limit {
			break
		}
	}
	all, err := c.Summarize(ctx, w)
	if err == nil {
		s.progress.say("%d readings with the average %s", all.Count, all.Average)
	}
	return err
}

func optional(d *client.Decimal) cell {
	if d == nil {
		return none()
	}
	return exact(d)
}

func (s *session) queryRaw(ctx context.Context, c *client.Client) error {
	id, err := s.oneEquipment()
	if err != nil {
		return err
	}
	from, to, err := s.span()
	if err != nil {
		return err
	}
	s.out.header("equipmentId", "timestamp", "value", "registerTime")
	rows := 0
	for r, err := range c.Readings(ctx, client.Range{EquipmentID: id, From: from, To: to}) {
		if err != nil {
			return err
		}
		if err := s.stored(r); err != nil {
			return err
		}
		if rows++; rows == s.limit {
			break
		}
	}
	return nil
}

func (s *session) stored(r client.Stored) error {
	return s.out.row(text(string(r.EquipmentID)), moment(r.Timestamp), exact(r.Value), moment(r.RegisterTime))
}

// equipment lists equipments.
func equipment(ctx context.Context, s *session) error {
	if len(s.args) > 1 {
		return usagef("equipment takes one PREFIX, or none")
	}
	c, err := s.connect()
	if err != nil {
		return err
	}
	s.out.header("equipmentId", "first", "last", "lastValue")
	for e, err := range c.Equipments(ctx, strings.Join(s.args, "")) {
		if err != nil {
			return err
		}
		first, last, value := none(), none(), none()
		if e.First != nil {
			first = moment(e.First.Timestamp)
		}
		if e.Last != nil {
			last, value = moment(e.Last.Timestamp), exact(e.Last.Value)
		}
		if err := s.out.row(text(string(e.ID)), first, last, value); err != nil {
			return err
		}
	}
	return nil
}

func watchFlags(s *settings, flags *flag.FlagSet) {
	flags.DurationVar(&s.every, "every", 2*time.Second, "how long to wait between two looks, 1s at least")
	flags.IntVar(&s.count, "n", 0, "end after this `number` of readings")
}

// watch prints the readings of equipments that are newer than those that there are, until it is interrupted.
func watch(ctx context.Context, s *session) error {
	switch {
	case len(s.args) == 0:
		return usagef("name the equipments to watch")
	case s.every < time.Second:
		return usagef("-every must be at least 1s, got %v", s.every)
	}
	c, err := s.connect()
	if err != nil {
		return err
	}
	s.out.live = true
	s.out.header("equipmentId", "timestamp", "value", "registerTime")
	since := map[string]time.Time{}
	for _, id := range s.args {
		if since[id], err = newest(ctx, c, client.EquipmentID(id)); err != nil {
			return err
		}
	}
	s.progress.say("watching %s; Ctrl-C ends it", strings.Join(s.args, ", "))
	for shown := 0; ctx.Err() == nil; _ = pacing.Sleep(ctx, s.every) {
		for _, id := range s.args {
			more, err := s.showSince(ctx, c, client.EquipmentID(id), since)
			if err != nil && ctx.Err() == nil {
				return err
			}
			if shown += more; s.count > 0 && shown >= s.count {
				return nil
			}
		}
	}
	return nil // it was interrupted, which is how it ends
}

// newest is the time of an equipment's last reading, zero where it has none.
func newest(ctx context.Context, c *client.Client, id client.EquipmentID) (time.Time, error) {
	for r, err := range c.Readings(ctx, client.Range{EquipmentID: id}) {
		return r.Timestamp, err
	}
	return time.Time{}, nil
}

// showSince prints the readings that are newer than the last ones, oldest first.
func (s *session) showSince(ctx context.Context, c *client.Client, id client.EquipmentID, since map[string]time.Time) (shown int, err error) {
	const heldMax = 10_000 // readings of one look; of more, the newest are shown
	from := since[string(id)]
	if !from.IsZero() {
		from = from.Add(time.Nanosecond)
	}
	var fresh []client.Stored
	for r, err := range c.Readings(ctx, client.Range{EquipmentID: id, From: from}) {
		if err != nil {
			return 0, err
		}
		if fresh = append(fresh, r); len(fresh) == heldMax {
			s.progress.say("%s has more than %d new readings; the older ones of them are not shown", id, heldMax)
			break
		}
	}
	for i := len(fresh) - 1; i >= 0; i-- {
		since[string(id)] = fresh[i].Timestamp
		if err := s.stored(fresh[i]); err != nil {
			return 0, err
		}
	}
	return len(fresh), nil
}

func exportFlags(s *settings, flags *flag.FlagSet) {
	windowFlags(s, flags)
	flags.BoolVar(&s.aggregates, "aggregates", false, "export aggregates, not readings")
	flags.StringVar(&s.destination, "file", "", "`file` to write; standard output where none is named")
}

// export writes CSV.
func export(ctx context.Context, s *session) (err error) {
	if s.format == "json" {
		return usagef("export writes CSV; query prints JSON")
	}
	c, err := s.connect()
	if err != nil {
		return err
	}
	write, err := s.exporter(ctx, c)
	if err != nil {
		return err
	}
	if s.destination == "" {
		return write(s.out.out)
	}
	// A file that is not whole would pass for one that is: it gets its name at the end.
	partial := s.destination + ".partial"
	file, err := os.Create(partial)
	if err != nil {
		return fmt.Errorf("make the file: %w", err)
	}
	if err := cmp.Or(write(file), file.Close()); err != nil {
		_ = os.Remove(partial) // of no use to anybody
		return err
	}
	if err := os.Rename(partial, s.destination); err != nil {
		return fmt.Errorf("name the file: %w", err)
	}
	s.progress.say("wrote %s", s.destination)
	return nil
}

func (s *session) exporter(ctx context.Context, c *client.Client) (func(io.Writer) error, error) {
	if s.aggregates || s.interval != "" {
		w, err := s.window()
		return func(to io.Writer) error { return c.ExportAggregates(ctx, w, to) }, err
	}
	id, err := s.oneEquipment()
	if err != nil {
		return nil, err
	}
	from, to, err := s.span()
	return func(file io.Writer) error {
		return c.ExportReadings(ctx, client.Range{EquipmentID: id, From: from, To: to}, file)
	}, err
}

func deleteFlags(s *settings, flags *flag.FlagSet) {
	flags.StringVar(&s.from, "from", "", "the first `time` of what goes, such as 2026-03-01T08:30:00Z")
	flags.StringVar(&s.to, "to", "", "the first `time` of what stays")
	flags.StringVar(&s.at, "at", "", "the `time` of the one reading that goes")
	flags.BoolVar(&s.yes, "yes", false, "really delete; without it nothing goes")
}

// remove deletes readings.
func remove(ctx context.Context, s *session) error {
	id, err := s.oneEquipment()
	if err != nil {
		return err
	}
	from, to, err := s.span()
	if err != nil {
		return err
	}
	at, err := instant("-at", s.at)
	switch {
	case err != nil:
		return err
	case at.IsZero() == (from.IsZero() && to.IsZero()), from.IsZero() != to.IsZero():
		return usagef("give -from and -to, or -at")
	case !s.yes:
		return usagef("nothing was deleted: readings that are deleted do not come back; give -yes")
	}
	c, err := s.connect()
	if err != nil {
		return err
	}
	var deleted int64
	if at.IsZero() {
		deleted, err = c.DeleteRange(ctx, client.Range{EquipmentID: id, From: from, To: to})
	} else {
		deleted, err = c.DeleteOne(ctx, id, at)
	}
	if err != nil {
		return err
	}
	s.out.header("equipmentId", "deleted")
	return s.out.row(text(string(id)), whole(deleted))
}
