package httpapi

import (
	"fmt"
	"net/http"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// savedBytes is about what the answer to a reading takes.
const savedBytes = 96

// appendSaved writes the answer to a reading, whose id needs no escapes.
func appendSaved(dst []byte, id string) []byte {
	return append(append(append(dst, `{"message":"Data saved successfully","id":"`...), id...), "\"}\n"...)
}

// postReading stores one reading and answers once it is durable.
func (s *Server) postReading(w http.ResponseWriter, r *http.Request) error {
	data, err := s.readSmall(w, r, contract.ReadingBodyBytesMax)
	if err != nil {
		return err
	}
	now := s.moment(r)
	parsed, faults, err := parseReading(string(data), s.limits(now))
	switch {
	case err != nil:
		return malformed("The body %v.", err)
	case len(faults) > 0:
		return invalidFields(faults)
	}
	if err := s.Saver.Save(r.Context(), reading.Write{Reading: parsed, Version: reading.VersionAt(now)}); err != nil {
		return fmt.Errorf("save a reading: %w", err)
	}
	// Its length is left to net/http, which takes less memory for it.
	w.Header()["Content-Type"] = s.headers.json
	w.WriteHeader(http.StatusCreated)
	//nolint:gosec // nothing of it was sent by a client
	_, _ = w.Write(appendSaved(make([]byte, 0, savedBytes), parsed.ID())) // a client that has left has no use for the error
	return nil
}

func (s *Server) limits(now time.Time) reading.Limits {
	return reading.Limits{Now: now, Retention: s.options.Retention}
}

// readingItem is a stored reading as clients see it.
type readingItem struct {
	EquipmentID  reading.EquipmentID `json:"equipmentId"`
	Timestamp    string              `json:"timestamp"`
	Value        number              `json:"value"`
	RegisterTime string              `json:"registerTime"`
}

// listing is what GET /sensor-data is asked for.
type listing struct {
	equipmentID reading.EquipmentID
	from, to    time.Time // from <= t < to; a zero time leaves that end open
	limit       int
	scope       []string // what is the same for all pages
	in          *query
}

// readingPlace is where a page of readings ended.
type readingPlace struct {
	Timestamp instant `json:"t"`
}

// readListing reads what GET /sensor-data is asked for.
func (s *Server) readListing(r *http.Request) (listing, error) {
	in, err := readQuery(r, paramEquipmentID, paramFrom, paramTo, paramLimit, paramCursor, paramNumbers)
	if err != nil {
		return listing{}, err
	}
	l := listing{
		equipmentID: in.equipment(true), from: in.instant(paramFrom), to: in.instant(paramTo),
		limit: in.limit(contract.ReadingsPageDefault, contract.ReadingsPageMax), in: in,
	}
	in.readNumbers()
	if !l.from.IsZero() && !l.to.IsZero() && l.to.Before(l.from) {
		in.fault(paramTo, "must not be before from")
	}
	if wantsCSV(r) {
		in.wholeRange()
	}
	l.scope = []string{"readings", string(l.equipmentID), bound(l.from), bound(l.to)}
	var ended readingPlace
	if in.cursor(s.cursors, &ended, l.scope...) {
		l.to = time.Time(ended.Timestamp)
	}
	return l, in.err()
}

// bound writes an end of a span as text, which is empty where the end is open.
func bound(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return reading.FormatTimestamp(t)
}

// getReadings lists raw readings of one equipment, newest first.
func (s *Server) getReadings(w http.ResponseWriter, r *http.Request) error {
	l, err := s.readListing(r)
	if err != nil {
		return err
	}
	w.Header().Add("Vary", "Accept")
	if wantsCSV(r) {
		return s.exportReadings(w, r, l)
	}
	hold, err := s.admitRead(r, l.limit, storedBytes)
	if err != nil {
		return err
	}
	defer hold.Leave()
	ctx, cancel := calling(r)
	defer cancel()
	room := func(items int) bool { return hold.Grow(int64(items)*storedBytes) == nil }
	rs, ended, err := s.Pager.Page(ctx, l.equipmentID, l.from, l.to, l.limit, room)
	if err != nil {
		return fmt.Errorf("read a page of readings: %w", err)
	}
	hold.Shrink(answerBytes + int64(len(rs))*readingBytes)
	next := ""
	if !ended.IsZero() {
		if next, err = s.cursors.seal(readingPlace{instant(ended)}, l.scope...); err != nil {
			return err
		}
	}
	return answerPage(w, r, nil, func(yield func(readingItem) bool) {
		for _, one := range rs {
			if !yield(readingItem{one.EquipmentID, clientTime(one.Timestamp), l.in.number(one.Value), clientTime(one.RegisterTime)}) {
				return
			}
		}
	}, next)
}

// storedBytes is what a reading holds while the table's answer is decoded.
const storedBytes = 4 << 10

// clientTime writes a time for clients: UTC, RFC 3339, no more fractional digits than it has.
func clientTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
