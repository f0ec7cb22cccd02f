package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/sensorflow/sensorflow/runtime/admission"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

const (
	// readingBytes is what a reading of a batch holds until it is stored, beside its text.
	readingBytes = 512
	// explainedBytesMax bounds what a batch's answer says about its faults. Further readings that are not stored are named by
	// their index alone.
	explainedBytesMax = 64 << 10
	// faultsShownMax bounds the faults of a batch of which nothing is valid.
	faultsShownMax = 100
)

// rejected is one reading of a batch that was not stored.
type rejected struct {
	Index  int                `json:"index"`
	Errors []fault.FieldError `json:"errors"`
}

// batch gathers the readings of a batch as they are decoded. What it holds is set aside as it grows.
type batch struct {
	version reading.Version
	limits  reading.Limits
	hold    *admission.Hold
	// elements are what is read, and accepted what of it is to be stored; the room of both is lent.
	elements *elements
	accepted []reading.Write

	length int
	// rejected are the members of the answer's array, as they will be sent.
	rejected bytes.Buffer
	// faults are those of the first readings that were rejected, with their place.
	faults   []fault.FieldError
	reserved int
}

// postBatch stores the valid readings of a batch. After an answer of 503 any part of them may be stored.
func (s *Server) postBatch(w http.ResponseWriter, r *http.Request) error {
	media, _, err := mediaType(r, mediaJSON, mediaNDJSON)
	if err != nil {
		return err
	}
	in, err := s.openBody(w, r, s.batches, contract.BatchBodyBytesMax, batchBytes)
	if err != nil {
		return err
	}
	defer in.hold.Leave()
	// Its body follows, and whether the sender is there is asked once more before anything is written.
	now, err := s.registered(r)
	if err != nil {
		return err
	}
	room := s.batchRooms.lend(in)
	b := &batch{version: reading.VersionAt(now), limits: s.limits(now), hold: in.hold, accepted: room.accepted}
	defer func() { s.batchRooms.back(room, b.accepted) }()
	b.elements = &elements{in: room.in, take: b.take}
	if media == mediaNDJSON {
		err = b.elements.lines()
	} else {
		err = b.elements.array()
	}
	switch {
	case in.err != nil:
		return bodyError(in.err)
	case err != nil:
		return err
	case b.length == 0:
		return malformed("The batch is empty; it must hold 1 to %d readings.", contract.BatchReadingsMax)
	case len(b.accepted) == 0:
		message := fmt.Sprintf("None of the %d readings is valid; nothing was stored.", b.length)
		return &problem{kind: problemInvalid, message: message, fields: b.faults}
	}
	if err := s.writeBatch(r, b); err != nil {
		return err
	}
	b.answer(w, r)
	return nil
}

// writeBatch stores the valid readings, each time that it is their turn.
func (s *Server) writeBatch(r *http.Request, b *batch) error {
	ctx, cancel := context.WithTimeout(r.Context(), writeQueueTimeout+callTimeout)
	defer cancel()
	turn := func(ctx context.Context, readings int) (func(), error) { return s.admitBatch(ctx, r, readings) }
	if err := s.Batches.WriteInTurn(ctx, turn, b.accepted); err != nil {
		return fmt.Errorf("save a batch: %w", err)
	}
	return nil
}

// take decodes and judges one element.
func (b *batch) take(one element) error {
	index := b.length
	if b.length++; b.length > contract.BatchReadingsMax {
		return malformed("The batch holds more than %d readings; send several batches or a CSV file.", contract.BatchReadingsMax)
	}
	b.accepted = append(b.accepted, reading.Write{Version: b.version})
	last := &b.accepted[len(b.accepted)-1]
	if faults := one.read(&last.Reading, b.limits); len(faults) > 0 {
		*last, b.accepted = reading.Write{}, b.accepted[:len(b.accepted)-1]
		b.reject(index, faults)
	}
	return b.reserve()
}

// fieldReading is what faults of a batch's element as a whole name in the answer.
const fieldReading = "reading"

// reject notes an element's faults, or its index alone once enough is explained.
func (b *batch) reject(index int, faults []fault.FieldError) {
	if len(b.faults) < faultsShownMax {
		b.faults = append(b.faults, at(index, faults)...)
	}
	for i, f := range faults {
		if f.Field == "" {
			faults[i].Field = fieldReading // its index names the element already
		}
	}
	separator := ","
	if b.rejected.Len() == 0 {
		separator = ""
	}
	b.rejected.WriteString(separator)
	if b.rejected.Len() < explainedBytesMax {
		encoder := json.NewEncoder(&b.rejected)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(rejected{index, faults}); err != nil {
			panic(fmt.Sprintf("httpapi: encode faults: %v", err)) // unreachable: strings and numbers only
		}
		b.rejected.Truncate(b.rejected.Len() - len("\n"))
		return
	}
	b.rejected.WriteString(`{"index":` + strconv.Itoa(index) + `,"errors":[]}`)
}

// reserve sets memory aside for what the batch holds now.
func (b *batch) reserve() error {
	held := len(b.accepted)*readingBytes + b.elements.held + 2*b.rejected.Len() // a buffer is at most twice what it holds
	if held <= b.reserved {
		return nil
	}
	step := max(held-b.reserved, reservedStep)
	if err := b.hold.Grow(int64(step)); err != nil {
		return refused(err)
	}
	b.reserved += step
	return nil
}

// answer tells how many readings are stored and which are not.
func (b *batch) answer(w http.ResponseWriter, r *http.Request) {
	out := newStream(w, r, http.StatusCreated)
	out.write([]byte(`{"accepted":` + strconv.Itoa(len(b.accepted)) + `,"rejected":[`))
	out.write(b.rejected.Bytes())
	out.write([]byte("]}\n"))
	out.end()
}

// batchRooms are the rooms that batches are read to, kept from one to the next.
type batchRooms struct{ free sync.Pool }

// batchRoom is what is read at a time, and the readings of a batch.
type batchRoom struct {
	in       *bufio.Reader
	accepted []reading.Write
}

// lend lends a room to read from in.
func (r *batchRooms) lend(in io.Reader) *batchRoom {
	room, _ := r.free.Get().(*batchRoom)
	if room == nil {
		room = &batchRoom{in: bufio.NewReaderSize(nil, batchBufferBytes)}
	}
	room.in.Reset(in)
	return room
}

// back takes a room back, with the readings in it, which are forgotten.
func (r *batchRooms) back(room *batchRoom, accepted []reading.Write) {
	clear(accepted)
	room.accepted = accepted[:0]
	room.in.Reset(nil)
	r.free.Put(room)
}
