package simulation_test

import (
	"hash/fnv"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// record is a stream record that passed the filter of the region's event source.
type record struct {
	sequence string
	event    events.DynamoDBEventRecord
	poison   bool // its new image is no reading, so that it must end at the failure destination
}

// shard is the part of a region's stream that holds the items whose hashes lie in [low, high). It orders the records of each
// item, and no more is promised.
type shard struct {
	low, high uint64
	parent    *shard
	closed    bool
	lanes     []*lane
	last      int64 // sequence number
}

// lane is what of a shard is delivered in order, with its checkpoint.
type lane struct {
	shard   *shard
	records []*record
	next    int // everything before was processed
	busy    bool
	// attempts and size are those of the batch at the checkpoint; it is cut in half when it fails.
	attempts, size int
}

// sequenceStep leaves room between two numbers, as DynamoDB does.
const sequenceStep = 10

func hashOf(texts ...string) uint64 {
	h := fnv.New64a()
	for _, text := range texts {
		_, _ = h.Write([]byte(text)) // never fails
	}
	x := h.Sum64() // FNV's high bits hardly differ between short texts
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}

// openStream begins the stream of a region.
func (w *world) openStream(r *region) {
	parts := uint64(1)
	if w.on[shards] {
		parts = 2 + w.random.Uint64N(2)
		w.strike(shards)
	}
	r.laneCount = 1
	if w.on[lanes] {
		r.laneCount = 2 + w.random.IntN(2)
		w.strike(lanes)
	}
	width := ^uint64(0) / parts
	for i := range parts {
		high := (i + 1) * width
		if i == parts-1 {
			high = ^uint64(0)
		}
		r.shards = append(r.shards, w.newShard(r, i*width, high, nil))
	}
}

func (w *world) newShard(r *region, low, high uint64, parent *shard) *shard {
	s := &shard{low: low, high: high, parent: parent}
	if parent != nil {
		s.last = parent.last
	}
	for range r.laneCount {
		s.lanes = append(s.lanes, &lane{shard: s, size: w.batchMax})
	}
	return s
}

// split closes a shard; what is written from now on goes to two others.
func (w *world) split(r *region) bool {
	s := r.shards[w.random.IntN(len(r.shards))]
	if s.closed || len(r.shards) > 6 {
		return false
	}
	s.closed = true
	middle := s.low + (s.high-s.low)/2
	r.shards = append(r.shards, w.newShard(r, s.low, middle, s), w.newShard(r, middle, s.high, s))
	w.tracef("%s: a shard splits", r.name)
	return true
}

// readable tells whether the shard's turn has come: Lambda reads a shard after its parent.
func (s *shard) readable() bool {
	if s.parent == nil {
		return true
	}
	for _, l := range s.parent.lanes {
		if l.busy || l.next < len(l.records) {
			return false
		}
	}
	return s.parent.readable()
}

// emit adds a write of the readings to the region's stream.
func (w *world) emit(r *region, write dynamodel.Write) {
	if !write.Changed() || !w.passes(r, write) {
		return
	}
	hash := hashOf(write.Key.Partition, write.Key.Sort)
	var at *shard
	for _, s := range r.shards {
		if !s.closed && s.low <= hash && (hash < s.high || s.high == ^uint64(0)) {
			at = s
		}
	}
	rec := &record{sequence: w.sequence(r, at), poison: write.New != nil && !isReading(write.New) && !isTombstone(write.New)}
	rec.event = events.DynamoDBEventRecord{
		Change: events.DynamoDBStreamRecord{
			SequenceNumber: rec.sequence, OldImage: eventImage(write.Old), NewImage: eventImage(write.New),
			ApproximateCreationDateTime: events.SecondsEpochTime{Time: write.At.Truncate(time.Second)},
		},
	}
	if write.Origin == dynamodel.Expired {
		rec.event.UserIdentity = &events.DynamoDBUserIdentity{Type: "Service", PrincipalID: "dynamodb.amazonaws.com"}
		w.count(countIdentified, 1)
	} else if write.New == nil && write.Origin == dynamodel.Replicated && w.expired[write.Key] {
		w.count(countAnonymous, 1)
	}
	if write.Old != nil && write.New != nil && writtenBy(write.Old, r.name) != writtenBy(write.New, r.name) {
		w.count(countMoved, 1)
	}
	l := at.lanes[hash%uint64(len(at.lanes))]
	l.records = append(l.records, rec)
	if w.trace != nil {
		w.tracef("%s: record %s: %s -> %s", r.name, rec.sequence, describe(write.Old), describe(write.New))
	}
}

// sequence returns a number above all earlier ones of the shard and its parents. Between shards nothing is promised.
func (w *world) sequence(r *region, s *shard) string {
	r.sequence += sequenceStep
	n := r.sequence
	if w.on[shards] {
		n += sequenceStep * (w.random.Int64N(41) - 20)
	}
	n = max(n, s.last+sequenceStep)
	for r.used[n] {
		n += sequenceStep
	}
	r.used[n], s.last = true, n
	return strconv.FormatInt(n, 10)
}

func writtenBy(item dynamodel.Item, region string) bool {
	s, isText := item[contract.AttrRegion].(*types.AttributeValueMemberS)
	return isText && s.Value == region
}

// eventImage is an item as Lambda passes it to functions.
func eventImage(item dynamodel.Item) map[string]events.DynamoDBAttributeValue {
	if item == nil {
		return nil
	}
	image := make(map[string]events.DynamoDBAttributeValue, len(item))
	for name, value := range item {
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			image[name] = events.NewStringAttribute(v.Value)
		case *types.AttributeValueMemberN:
			image[name] = events.NewNumberAttribute(v.Value)
		case *types.AttributeValueMemberBOOL:
			image[name] = events.NewBooleanAttribute(v.Value)
		}
	}
	return image
}

// deliver begins an invocation of one of the region's lanes, if there is one to begin.
func (w *world) deliver(r *region) bool {
	s := r.shards[w.random.IntN(len(r.shards))]
	if !s.readable() {
		return false
	}
	l := s.lanes[w.random.IntN(len(s.lanes))]
	if rest := len(l.records) - l.next; rest > 0 && !l.busy && r.invocations < invocationsMax {
		w.invoke(r, l, l.next, 1+w.random.IntN(min(rest, l.size)), false)
		return true
	}
	if r.invocations >= invocationsMax+1 || len(l.records) == 0 {
		return false
	}
	// What was done already, or is being done, comes again, in another cut. It begins at the checkpoint or before: what lies
	// beyond it is delivered only together with what comes before, since order per item is kept.
	if l.busy && !w.chance(overlaps, 4) || !l.busy && !w.chance(repeats, 8) {
		return false
	}
	first := max(0, l.next-w.random.IntN(6))
	if first == len(l.records) {
		first--
	}
	w.invoke(r, l, first, 1+w.random.IntN(min(len(l.records)-first, w.batchMax)), true)
	return true
}

// invocationsMax is how many invocations a region has at a time, repeated ones not counted.
const invocationsMax = 4

// failed sets the checkpoint back to the first record that failed, and gives a record up that never can succeed.
func (w *world) checkpoint(r *region, l *lane, first int, batch []*record, failures map[string]bool) {
	done := len(batch)
	for i, rec := range batch {
		if failures[rec.sequence] {
			done = i
			break
		}
	}
	if done > 0 {
		l.next, l.attempts, l.size = first+done, 0, w.batchMax
	}
	if done == len(batch) {
		return
	}
	l.attempts++
	rec := l.records[l.next]
	if len(batch)-done > 1 {
		l.size = max(1, (len(batch)-done)/2) // bisected
		return
	}
	l.size = 1
	const attemptsMax, attemptsCalm = 3, 40
	switch {
	case rec.poison && l.attempts >= attemptsMax:
		w.tracef("%s: record %s goes to the failure destination", r.name, rec.sequence)
		w.count(countDestination, 1)
		l.next, l.attempts, l.size = l.next+1, 0, w.batchMax
	case !rec.poison && l.attempts > attemptsCalm:
		w.violate("%s: record %s of a reading cannot be processed", r.name, rec.sequence)
	}
}
