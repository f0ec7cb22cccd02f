package deletion

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Status is how far a long deletion is (API contract, section Readings).
type Status string

// The statuses of a long deletion.
const (
	Running   Status = "running"
	Completed Status = "completed"
)

// Deletion is a long deletion.
type Deletion struct {
	ID string // a UUID
	Range
	// Version is that of the request, and of the tombstones that take a reading away.
	Version   reading.Version
	CreatedAt time.Time // UTC
	Status    Status
	Progress
}

// Progress is how far the work on a deletion is.
type Progress struct {
	// Place is as Part has it; all of the range up to it is done. It is empty before the first part.
	Place string
	// Deleted counts the readings that are gone.
	Deleted int64
}

// Answer is what a request to delete came to.
type Answer struct {
	Deleted int64
	// Running is the id of the deletion that goes on behind the answer; empty where it is done.
	Running string
}

const (
	// shortMax bounds the short deletions at work at the same time in one process. Each holds up to 5,001 identities, below
	// 1 MB, and one answer of the table.
	shortMax = 4
	// writersMax bounds the batches in flight, those of short deletions and those of long ones.
	writersMax = 4
	// callReadings bounds what one call to the table brings to a short deletion, about 1.5 MB once it is decoded.
	callReadings = 1000
	// shortCallsMax bounds how often a short deletion reads: a range may hold far more tombstones of newer versions than there is
	// to write. Beyond it the deletion is a long one.
	shortCallsMax = 100
)

// Options adjust a Service. The zero value of a field selects its default.
type Options struct {
	// Retention is how long raw readings are kept. Default: forever.
	Retention time.Duration
	// PartReadings is how many readings a long deletion deletes before it records how far it is. Default: 500.
	PartReadings int
	// Lease is how long a worker has a deletion to itself without recording anything. Default: 30 s.
	Lease time.Duration
	// Poll is how often a worker looks for deletions that nobody works on. Default: 5 s.
	Poll time.Duration
	// Turn is how long a worker stays with one deletion while others wait. Default: 5 s.
	Turn time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Pacer makes the pauses between attempts. Default: those of package pacing.
	Pacer pacing.Pacer
	// Log receives what happens behind the answers. Default: discarded.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	const part, lease, poll, turn = 500, 30 * time.Second, 5 * time.Second, 5 * time.Second
	o.PartReadings = cmp.Or(o.PartReadings, part)
	o.Lease, o.Poll, o.Turn = cmp.Or(o.Lease, lease), cmp.Or(o.Poll, poll), cmp.Or(o.Turn, turn)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Service deletes readings. It is safe for concurrent use.
type Service struct {
	readings Readings
	table    Table
	writer   *ingest.Writer // of short deletions
	long     *ingest.Writer // of long ones
	short    *semaphore.Weighted
	worker   string
	begun    chan string // ids of deletions that were just written down
	options  Options
}

// NewService returns a Service that writes tombstones to store. All collaborators are required.
func NewService(readings Readings, store ingest.Store, table Table, o Options) *Service {
	o = o.withDefaults()
	return &Service{
		readings: readings, table: table, options: o, short: semaphore.NewWeighted(shortMax),
		writer: ingest.NewWriter(store, writersMax, o.Pacer), long: ingest.NewWriter(store, writersMax, o.Pacer),
		worker: uuid.NewString(), begun: make(chan string, runningMax),
	}
}

// Delete deletes the readings of a range. The version is that of the moment at which the request came. It returns once they
// are gone, or once a longer deletion is sure to be completed. After an error any of them may be gone; the error is of kind
// fault.Unavailable where the same request may succeed later.
func (s *Service) Delete(ctx context.Context, r Range, version reading.Version) (Answer, error) {
	if !s.short.TryAcquire(1) {
		return Answer{}, &fault.Error{Kind: fault.Unavailable, Message: "other deletions are at work; try again shortly"}
	}
	defer s.short.Release(1)
	found, err := s.find(ctx, r, version)
	if err != nil {
		return Answer{}, err
	}
	if found.More {
		return s.begin(ctx, r, version)
	}
	// A newer write over a tombstone began after this request, and stays.
	writes := append(tombstones(found.Readings, version, false), tombstones(found.Tombstones, version, true)...)
	if err := s.writer.Write(ctx, writes); err != nil {
		return Answer{}, fmt.Errorf("delete %d readings, raise %d tombstones: %w", len(found.Readings), len(found.Tombstones), err)
	}
	return Answer{Deleted: int64(len(found.Readings))}, nil
}

// DeleteOne deletes one reading, as Delete does, also where it is still on its way to the table.
func (s *Service) DeleteOne(ctx context.Context, id reading.EquipmentID, at time.Time, version reading.Version) (Answer, error) {
	one := Found{Reading: reading.Reading{EquipmentID: id, Timestamp: at}}
	if expires, does := one.ExpiresAt(s.options.Retention); does && !s.options.Now().Before(expires) {
		return Answer{}, nil // DynamoDB deletes it, if it is still there; its aggregates stay
	}
	found, err := s.find(ctx, Range{EquipmentID: id, From: at, To: at.Add(1)}, version)
	if err != nil {
		return Answer{}, err
	}
	if err := s.writer.Write(ctx, tombstones([]Found{one}, version, false)); err != nil {
		return Answer{}, fmt.Errorf("delete a reading: %w", err)
	}
	return Answer{Deleted: int64(len(found.Readings))}, nil
}

// Get returns a long deletion; the error is of kind fault.NotFound where there is none.
func (s *Service) Get(ctx context.Context, id string) (Deletion, error) {
	if parsed, err := uuid.Parse(id); err != nil || parsed.String() != id {
		return Deletion{}, &fault.Error{Kind: fault.NotFound, Message: "there is no such deletion"}
	}
	d, err := s.table.ReadDeletion(ctx, id)
	if err != nil {
		return Deletion{}, fmt.Errorf("read deletion %s: %w", id, err)
	}
	return d, nil
}

// find returns the readings of a range and the tombstones there that are older than the version. More is set where these are
// not all: each of them costs a write, and a short deletion makes a bounded number.
func (s *Service) find(ctx context.Context, r Range, version reading.Version) (all Part, err error) {
	const most = contract.DeletionReadingsMax
	writes := 0
	for range shortCallsMax {
		part, err := s.readings.Deletable(ctx, r, all.Place, min(most+1-writes, callReadings))
		if err != nil {
			return Part{}, fmt.Errorf("read what is to be deleted: %w", err)
		}
		all.Readings = append(all.Readings, part.Readings...)
		all.Tombstones = append(all.Tombstones, olderThan(version, part.Tombstones)...)
		all.Place, all.More = part.Place, part.More
		if writes = len(all.Readings) + len(all.Tombstones); writes > most {
			all.More = true
		}
		if writes > most || !part.More {
			break
		}
	}
	return all, nil
}

// olderThan returns what has a version below the given one.
func olderThan(version reading.Version, found []Found) (older []Found) {
	for _, one := range found {
		if one.Version < version {
			older = append(older, one)
		}
	}
	return older
}

// begin writes a long deletion down, after which it is sure to be completed.
func (s *Service) begin(ctx context.Context, r Range, version reading.Version) (Answer, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return Answer{}, fmt.Errorf("make an id for a deletion: %w", err)
	}
	d := Deletion{ID: id.String(), Range: r, Version: version, CreatedAt: s.options.Now().UTC(), Status: Running}
	if err := s.table.CreateDeletion(ctx, d); err != nil {
		return Answer{}, fmt.Errorf("create deletion %s: %w", d.ID, err)
	}
	select {
	case s.begun <- d.ID:
	default: // it is found like those of other processes
	}
	return Answer{Running: d.ID}, nil
}

// tombstones are the writes that delete what was found.
func tombstones(found []Found, version reading.Version, yields bool) []reading.Write {
	writes := make([]reading.Write, len(found))
	for i, one := range found {
		writes[i] = reading.Write{Reading: one.Reading, Deleted: true, Version: version, Yields: yields}
	}
	return writes
}
