package main

import (
	"cmp"
	"context"
	"flag"
	"iter"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

func queryFlags(s *settings, flags *flag.FlagSet) {
	windowFlags(s, flags)
	flags.BoolVar(&s.raw, "raw", false, "print the readings of one equipment, newest first, all of them where no -from is given")
	flags.IntVar(&s.limit, "limit", 0, "print at most this `number` of rows (default all)")
}

// query prints aggregates or readings.
func query(s *session) (work, error) {
	if s.given["limit"] && s.limit < 1 {
		return nil, usagef("-limit must be at least 1, got %d", s.limit)
	}
	if s.raw {
		return s.queryRaw()
	}
	w, err := s.window()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		c, err := s.connect()
		if err != nil {
			return err
		}
		s.out.columns("equipmentId", "start", "count", "total", "min", "max")
		err = printAll(s.out, c.Aggregates(ctx, w), s.limit, func(a client.Aggregate) error {
			return s.out.row(text(string(a.EquipmentID)), moment(a.Start), whole(a.Count), exact(a.Total), optional(a.Min), optional(a.Max))
		})
		if err != nil {
			return err
		}
		all, err := c.Summarize(ctx, w)
		if err == nil {
			s.progress.say("%s with the average %s", counted(all.Count, "reading"), all.Average)
		}
		return err
	}, nil
}

// printAll prints the rows of a list, up to a limit where that is not 0.
func printAll[T any](out *output, all iter.Seq2[T, error], limit int, row func(T) error) error {
	for one, err := range all {
		if err == nil {
			err = row(one)
		}
		if err != nil {
			out.broken = true
			return err
		}
		if out.rows == limit {
			return nil
		}
	}
	return nil
}

func optional(d *client.Decimal) cell {
	if d == nil {
		return none()
	}
	return exact(d)
}

func (s *session) queryRaw() (work, error) {
	if err := s.without("-raw prints readings, between -from and -to", "interval", "granularity", "timezone"); err != nil {
		return nil, err
	}
	wanted, err := s.readings()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		c, err := s.connect()
		if err != nil {
			return err
		}
		s.out.columns("equipmentId", "timestamp", "value", "registerTime")
		return printAll(s.out, c.Readings(ctx, wanted), s.limit, s.stored)
	}, nil
}

func (s *session) stored(r client.Stored) error {
	return s.out.row(text(string(r.EquipmentID)), moment(r.Timestamp), exact(r.Value), moment(r.RegisterTime))
}

// equipment lists equipments.
func equipment(s *session) (work, error) {
	prefix := strings.Join(s.args, "")
	if len(s.args) > 1 {
		return nil, usagef("equipment takes one PREFIX, or none")
	}
	if prefix != "" {
		if _, err := equipmentID(prefix); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) error {
		c, err := s.connect()
		if err != nil {
			return err
		}
		s.out.columns("equipmentId", "first", "last", "lastValue")
		return printAll(s.out, c.Equipments(ctx, prefix), 0, func(e client.Equipment) error {
			first, last, value := none(), none(), none()
			if e.First != nil {
				first = moment(e.First.Timestamp)
			}
			if e.Last != nil {
				last, value = moment(e.Last.Timestamp), exact(e.Last.Value)
			}
			return s.out.row(text(string(e.ID)), first, last, value)
		})
	}, nil
}

func watchFlags(s *settings, flags *flag.FlagSet) {
	flags.DurationVar(&s.every, "every", 2*time.Second, "how long to wait between two looks, 1s at least")
	flags.IntVar(&s.count, "n", 0, "end after this `number` of readings (default never)")
}

// watch prints the readings of equipments that are newer than those that there are, until it is interrupted.
func watch(s *session) (work, error) {
	switch {
	case len(s.args) == 0:
		return nil, usagef("name the equipments to watch")
	case s.every < time.Second:
		return nil, usagef("-every must be at least 1s, got %v", s.every)
	case s.given["n"] && s.count < 1:
		return nil, usagef("-n must be at least 1, got %d", s.count)
	}
	var ids []client.EquipmentID
	for _, text := range s.args {
		id, err := equipmentID(text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return func(ctx context.Context) error { return s.watch(ctx, ids) }, nil
}

func (s *session) watch(ctx context.Context, ids []client.EquipmentID) error {
	c, err := s.connect()
	if err != nil {
		return err
	}
	s.out.live = true
	s.out.columns("equipmentId", "timestamp", "value", "registerTime")
	since := map[client.EquipmentID]time.Time{}
	for _, id := range ids {
		if since[id], err = newest(ctx, c, id); err != nil {
			return err
		}
	}
	s.progress.say("watching %s; Ctrl-C ends it", strings.Join(s.args, ", "))
	for ; ctx.Err() == nil; _ = pacing.Sleep(ctx, s.every) {
		for _, id := range ids {
			err := s.showSince(ctx, c, id, since)
			if err != nil && ctx.Err() == nil {
				return err
			}
			if s.count > 0 && s.out.rows >= s.count {
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

// showSince prints the readings that are newer than the last ones, oldest first, up to the number that is wanted.
func (s *session) showSince(ctx context.Context, c *client.Client, id client.EquipmentID, since map[client.EquipmentID]time.Time) error {
	const heldMax = 10_000 // readings of one look; of more, the newest are shown
	from := since[id]
	if !from.IsZero() {
		from = from.Add(time.Nanosecond)
	}
	var fresh []client.Stored
	for r, err := range c.Readings(ctx, client.Range{EquipmentID: id, From: from}) {
		if err != nil {
			return err
		}
		if fresh = append(fresh, r); len(fresh) == heldMax {
			s.progress.say("%s has more than %d new readings; the older ones of them are not shown", id, heldMax)
			break
		}
	}
	for i := len(fresh) - 1; i >= 0 && (s.count == 0 || s.out.rows < s.count); i-- {
		since[id] = fresh[i].Timestamp
		if err := s.stored(fresh[i]); err != nil {
			return err
		}
	}
	return nil
}

func deleteFlags(s *settings, flags *flag.FlagSet) {
	flags.StringVar(&s.from, "from", "", "the first `time` of what goes, such as 2026-03-01T08:30:00Z")
	flags.StringVar(&s.to, "to", "", "the first `time` of what stays")
	flags.StringVar(&s.at, "at", "", "the `time` of the one reading that goes")
	flags.BoolVar(&s.yes, "yes", false, "really delete; without it nothing goes")
}

// checkDeletion fails unless it is said in one way what goes, and that it really does.
func (s *session) checkDeletion() error {
	switch {
	case s.at == "" == (s.from == "" && s.to == ""):
		return usagef("say what goes: either -at TIME, or -from TIME and -to TIME")
	case s.from == "" && s.to != "":
		return usagef("-to needs -from")
	case s.to == "" && s.from != "":
		return usagef("-from needs -to")
	case !s.yes:
		return usagef("nothing was deleted: readings that are deleted do not come back; give -yes")
	}
	return nil
}

// remove deletes readings.
func remove(s *session) (work, error) {
	wanted, err := s.readings()
	if err != nil {
		return nil, err
	}
	at, err := instant("-at", s.at)
	if err := cmp.Or(err, s.checkDeletion()); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		c, err := s.connect()
		if err != nil {
			return err
		}
		var deleted int64
		if s.at == "" {
			deleted, err = c.DeleteRange(ctx, wanted)
		} else {
			deleted, err = c.DeleteOne(ctx, wanted.EquipmentID, at)
		}
		if err != nil {
			return err
		}
		s.out.columns("equipmentId", "deleted")
		return s.out.row(text(string(wanted.EquipmentID)), whole(deleted))
	}, nil
}
