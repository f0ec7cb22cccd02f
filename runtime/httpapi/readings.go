package httpapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

type savedAnswer struct {
	Message string `json:"message"`
	ID      string `json:"id"`
}

// postReading stores one reading and answers once it is durable.
func (s *Server) postReading(w http.ResponseWriter, r *http.Request) error {
	var b readingBody
	shape, err := s.readObject(w, r, readingMembers, &b)
	if err != nil {
		return err
	}
	now := s.Now()
	parsed, faults := b.reading(s.limits(now), shape)
	if len(faults) > 0 {
		return invalidFields(faults)
	}
	ctx, cancel := calling(r)
	defer cancel()
	if err := s.Saver.Save(ctx, reading.Write{Reading: parsed, Version: reading.VersionAt(now)}); err != nil {
		return fmt.Errorf("save a reading: %w", err)
	}
	return answer(w, http.StatusCreated, savedAnswer{"Data saved successfully", parsed.ID()})
}

func (s *Server) limits(now time.Time) reading.Limits {
	return reading.Limits{Now: now, Retention: s.options.Retention}
}

// rejected is one reading of a batch that was not stored.
type rejected struct {
	Index  int                `json:"index"`
	Errors []fault.FieldError `json:"errors"`
}

type batchAnswer struct {
	Accepted int        `json:"accepted"`
	Rejected []rejected `json:"rejected"`
}

// batch gathers the readings of a batch as they are decoded.
type batch struct {
	accepted []reading.Write
	rejected []rejected
	length   int
}

// postBatch stores the valid readings of a batch. After an answer of 503 any part of them may be stored.
func (s *Server) postBatch(w http.ResponseWriter, r *http.Request) error {
	media, _, err := mediaType(r, mediaJSON, mediaNDJSON)
	if err != nil {
		return err
	}
	in, release, err := openBody(w, r, s.bodies, contract.BatchBodyBytesMax, contract.BatchBodyBytesMax)
	if err != nil {
		return err
	}
	defer release()
	b := &batch{rejected: []rejected{}}
	take := s.taker(b)
	if media == mediaNDJSON {
		err = decodeLines(in, take)
	} else {
		err = decodeArray(in, take)
	}
	if in.err != nil {
		return bodyError(in.err)
	}
	if err != nil {
		return err
	}
	if b.length == 0 {
		return malformed("The batch is empty; it must hold 1 to %d readings.", contract.BatchReadingsMax)
	}
	if len(b.accepted) == 0 {
		return noneValid(b)
	}
	ctx, cancel := calling(r)
	defer cancel()
	if err := s.Batches.Write(ctx, b.accepted); err != nil {
		return fmt.Errorf("save a batch: %w", err)
	}
	return answer(w, http.StatusCreated, batchAnswer{len(b.accepted), b.rejected})
}

// taker returns what decodes and judges one element of a batch.
func (s *Server) taker(b *batch) func(element []byte, unreadable error) error {
	now := s.Now()
	limits, version := s.limits(now), reading.VersionAt(now)
	return func(element []byte, unreadable error) error {
		index := b.length
		if b.length++; b.length > contract.BatchReadingsMax {
			return malformed("The batch holds more than %d readings; send several batches or a CSV file.", contract.BatchReadingsMax)
		}
		parsed, faults := readElement(element, unreadable, limits)
		if len(faults) > 0 {
			b.rejected = append(b.rejected, rejected{index, faults})
			return nil
		}
		b.accepted = append(b.accepted, reading.Write{Reading: parsed, Version: version})
		return nil
	}
}

// readElement makes a reading of one element of a batch, or tells what is wrong with it: with its fields, or with all of it.
func readElement(element []byte, unreadable error, limits reading.Limits) (reading.Reading, []fault.FieldError) {
	var b readingBody
	var shape []fault.FieldError
	if unreadable == nil {
		shape, unreadable = decodeObject(element, readingMembers, &b)
	}
	if unreadable != nil {
		return reading.Reading{}, []fault.FieldError{{Field: "", Reason: unreadable.Error()}}
	}
	return b.reading(limits, shape)
}

// noneValid is the answer to a batch of which nothing was stored.
func noneValid(b *batch) error {
	const faultsShownMax = 100
	var faults []fault.FieldError
	for _, r := range b.rejected {
		if len(faults) >= faultsShownMax {
			break
		}
		faults = append(faults, at(r.Index, r.Errors)...)
	}
	return &problem{
		kind: problemInvalid, message: fmt.Sprintf("None of the %d readings is valid; nothing was stored.", b.length), fields: faults,
	}
}

// decodeArray takes the elements of a JSON array one by one.
func decodeArray(in io.Reader, take func(element []byte, unreadable error) error) error {
	decoder := json.NewDecoder(in)
	start, err := decoder.Token()
	if err != nil {
		return notArray(err)
	}
	if start != json.Delim('[') {
		return notArray(nil)
	}
	for decoder.More() {
		var element json.RawMessage
		if err := decoder.Decode(&element); err != nil {
			return notArray(err)
		}
		if err := take(element, nil); err != nil {
			return err
		}
	}
	if _, err := decoder.Token(); err != nil {
		return notArray(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return malformed("The body %v.", errTrailing)
	}
	return nil
}

func notArray(err error) error {
	p := malformed("The body must be a JSON array of readings, or one reading a line as %s.", mediaNDJSON)
	p.cause = err
	return p
}

var errLineTooLong = fmt.Errorf("must be at most %s long", byteCount(contract.ReadingBodyBytesMax))

// decodeLines takes the lines of an NDJSON body one by one; empty lines do not count.
func decodeLines(in io.Reader, take func(element []byte, unreadable error) error) error {
	lines := bufio.NewReaderSize(in, contract.ReadingBodyBytesMax+len("\r\n"))
	for {
		line, err := lines.ReadSlice('\n')
		var unreadable error
		for errors.Is(err, bufio.ErrBufferFull) {
			unreadable = errLineTooLong
			_, err = lines.ReadSlice('\n')
		}
		ended := errors.Is(err, io.EOF)
		if err != nil && !ended {
			return bodyError(err)
		}
		if len(bytes.TrimRight(line, "\r\n")) > contract.ReadingBodyBytesMax {
			unreadable = errLineTooLong
		}
		if trimmed := bytes.TrimSpace(line); unreadable != nil || len(trimmed) > 0 {
			if refused := take(trimmed, unreadable); refused != nil {
				return refused
			}
		}
		if ended {
			return nil
		}
	}
}

// readingItem is a stored reading as clients see it.
type readingItem struct {
	EquipmentID  reading.EquipmentID `json:"equipmentId"`
	Timestamp    string              `json:"timestamp"`
	Value        reading.Decimal     `json:"value"`
	RegisterTime string              `json:"registerTime"`
}

type readingsAnswer struct {
	Items      []readingItem `json:"items"`
	NextCursor string        `json:"nextCursor,omitempty"`
}

// listing is what GET /sensor-data is asked for.
type listing struct {
	equipmentID reading.EquipmentID
	from, to    time.Time // from <= t < to; a zero time leaves that end open
	limit       int
	scope       []string // what is the same for all pages
}

// readingPlace is where a page of readings ended.
type readingPlace struct {
	Timestamp instant `json:"t"`
}

// readListing reads what GET /sensor-data is asked for.
func (s *Server) readListing(r *http.Request) (listing, error) {
	in, err := readQuery(r, paramEquipmentID, paramFrom, paramTo, paramLimit, paramCursor)
	if err != nil {
		return listing{}, err
	}
	l := listing{
		equipmentID: in.equipment(true), from: in.instant(paramFrom), to: in.instant(paramTo),
		limit: in.limit(contract.ReadingsPageDefault, contract.ReadingsPageMax),
	}
	if !l.from.IsZero() && !l.to.IsZero() && l.to.Before(l.from) {
		in.fault(paramTo, "must not be before from")
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
	ctx, cancel := calling(r)
	defer cancel()
	rs, more, err := s.Pager.Page(ctx, l.equipmentID, l.from, l.to, l.limit)
	if err != nil {
		return fmt.Errorf("read a page of readings: %w", err)
	}
	out := readingsAnswer{Items: make([]readingItem, len(rs))}
	for i, one := range rs {
		out.Items[i] = readingItem{
			one.EquipmentID, clientTime(one.Timestamp), one.Value, clientTime(one.RegisterTime),
		}
	}
	if more && len(rs) > 0 {
		out.NextCursor, err = s.cursors.seal(readingPlace{instant(rs[len(rs)-1].Timestamp)}, l.scope...)
		if err != nil {
			return err
		}
	}
	return answer(w, http.StatusOK, out)
}

// clientTime writes a time for clients: UTC, RFC 3339, no more fractional digits than it has.
func clientTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
