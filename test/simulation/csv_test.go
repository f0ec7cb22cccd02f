package simulation_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// upload is a CSV file that was sent, with the rows that must be stored or rejected.
type upload struct {
	id         string
	region     *region
	rangeBytes int64
	rows       []csvRow
	working    map[string]int // how many workers are on each message
	begun      map[string]int
}

// csvRow is a data row of a file, as it was made.
type csvRow struct {
	valid bool // except for its timestamp, which may lie too far ahead
	key   dynamodel.Key
	when  time.Time
	at    int64 // where in the file it begins
	value string
	line  int
	text  string
}

// message is one of the region's queue.
type message struct {
	body    string
	upload  *upload
	visible time.Time
}

// workerTime is the CSV function's timeout, hiddenTime the queue's visibility timeout.
const (
	workerTime = time.Minute
	hiddenTime = workerTime + 10*time.Second
)

// drawFiles gives some histories long files, and lets many of the workers on them die. Another worker then takes the range over
// while a write of the dead one, perhaps of an older line, is still on its way.
func (w *world) drawFiles() {
	if w.quiet || w.random.IntN(20) > 0 {
		return
	}
	w.files = true
	w.count(countLongFiles, 1)
	for _, f := range []disruption{crashes, late, messages} {
		w.on[f], w.rarity[f] = true, 1
	}
}

// uploadFile puts a CSV file into a region's bucket, as a client does with its upload address.
func (w *world) uploadFile() {
	r := w.home()
	u := &upload{
		id: fmt.Sprintf("%08x-0000-4000-8000-%012d", uint32(w.seed), len(w.uploads)), region: r,
		working: map[string]int{}, begun: map[string]int{},
	}
	file := w.makeFile(u)
	ranges := 1 + w.random.IntN(4)
	if w.files {
		ranges = 1 // one worker writes the whole file, in several parts
	}
	u.rangeBytes = int64(len(file))/int64(ranges) + 1 + w.random.Int64N(30)
	name, object := "a.csv", file
	if (w.seed+uint64(len(w.uploads)))%4 == 3 {
		name, object = "a.csv.gz", packed(file)
		w.count(countPackedFiles, 1)
	}
	w.uploads = append(w.uploads, u)
	w.count(countFiles, 1)
	err := dynamo.NewUploads(r.db, uploadsTable).CreateUpload(context.Background(), csvfile.Upload{
		ID: u.id, FileName: name, Status: csvfile.AwaitingUpload, Bytes: int64(len(object)), CreatedAt: r.clock(), UpdatedAt: r.clock(),
	})
	if err != nil {
		w.violate("create an upload: %v", err)
	}
	r.objects[csvfile.UploadKey(u.id)] = object
	w.tracef("%s: file %s, %s, %d rows, %d bytes in ranges of %d", r.name, name, u.id, len(u.rows), len(file), u.rangeBytes)
	for range 1 + w.duplicate() {
		r.queue = append(r.queue, &message{
			body:   fmt.Sprintf(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":{"key":%q}}}]}`, csvfile.UploadKey(u.id)),
			upload: u, visible: w.now,
		})
	}
}

// packed compresses a file.
func packed(file []byte) []byte {
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	_, _ = zip.Write(file) // a buffer takes everything
	_ = zip.Close()
	return b.Bytes()
}

// duplicate is how often a message comes once more.
func (w *world) duplicate() int {
	if w.chance(messages, 3) {
		return 1
	}
	return 0
}

func (w *world) makeFile(u *upload) []byte {
	eol := []string{"\n", "\r\n"}[w.random.IntN(2)]
	var b strings.Builder
	b.WriteString("value,equipmentId,timestamp" + eol)
	line := 1
	rows := 4 + w.random.IntN(14)
	if w.files || w.random.IntN(15) == 0 {
		rows = 210 + w.random.IntN(420) // more than a worker writes at a time
	}
	// Whether these are too far ahead is decided by the moment of the plan, and not by when a worker looks at them.
	ahead := w.now.Add(contract.FutureMax).Truncate(time.Second)
	// Repairs and adoptions go over the hours of w.identities alone.
	withEdges := !w.on[departs] && !w.on[planted]
	edges := []time.Time{ahead.Add(time.Second), ahead.Add(time.Duration(2+w.random.IntN(30)) * time.Second)}
	for range rows {
		one := w.someReading()
		if withEdges && w.random.IntN(12) == 0 {
			one.EquipmentID, one.Timestamp = w.identities[0].EquipmentID, edges[w.random.IntN(len(edges))]
		}
		at := reading.FormatTimestamp(one.Timestamp)
		row := csvRow{
			valid: true, key: dynamodel.Key{Partition: string(one.EquipmentID), Sort: at}, when: one.Timestamp, at: int64(b.Len()),
			value: one.Value.String(),
		}
		switch w.random.IntN(12) {
		case 0:
			row.valid, row.text = false, fmt.Sprintf("x%s,%s,%s", one.Value, one.EquipmentID, at)
		case 1:
			row.valid, row.text = false, fmt.Sprintf("%s,%s", one.Value, one.EquipmentID)
		case 2:
			b.WriteString(eol) // an empty line is no row
			row.at, line = int64(b.Len()), line+1
			fallthrough
		default:
			row.text = fmt.Sprintf("%s,%s,%q", one.Value, one.EquipmentID, one.Timestamp.In(time.FixedZone("", 3600)).Format(time.RFC3339Nano))
		}
		b.WriteString(row.text + eol)
		line++
		row.line = line
		u.rows = append(u.rows, row)
	}
	return []byte(strings.TrimSuffix(b.String(), []string{"", eol}[w.random.IntN(2)]))
}

// receive begins a worker on one of a region's messages.
func (w *world) receive() bool {
	r := w.someRegion()
	if len(r.queue) == 0 {
		return false
	}
	m := r.queue[w.random.IntN(len(r.queue))]
	if m.visible.After(w.now) && !w.chance(messages, 40) || r.workers >= 3 {
		return false
	}
	m.visible = w.now.Add(hiddenTime)
	w.requests++
	p := &process{name: fmt.Sprintf("%s/csv %d", r.name, w.requests), region: r, deadline: w.now.Add(workerTime), worker: true}
	w.tracef("%s begins: %s", p.name, m.body)
	w.countWorker(m, 1)
	r.workers++
	var err error
	p.ended = func(dead bool) {
		w.countWorker(m, -1)
		r.workers--
		w.tracef("%s ends: %v", p.name, err)
		if dead { // the message comes again, sometimes early: a queue may deliver a message twice
			if w.chance(messages, 2) {
				m.visible = p.deadline.Add(time.Duration(w.random.Int64N(int64(time.Second))))
			}
			return
		}
		if err == nil {
			for i, other := range r.queue {
				if other == m {
					r.queue = append(r.queue[:i], r.queue[i+1:]...)
					break
				}
			}
			return
		}
		if fault.KindOf(err) == fault.Invalid {
			w.violate("%s: %s: %v", p.name, m.body, err)
		}
	}
	w.spawn(p, func() { err = w.processor(p, m.upload).Process(context.Background(), m.body) })
	return true
}

func (w *world) countWorker(m *message, n int) {
	if m.upload.working[m.body] += n; n < 0 {
		return
	}
	w.count(countRanges, 1)
	if m.upload.working[m.body] > 1 {
		w.count(countRangesTwice, 1)
	}
	if m.upload.begun[m.body]++; m.upload.begun[m.body] > 1 {
		w.count(countRangesAgain, 1)
	}
}

func (w *world) processor(p *process, u *upload) *csvfile.Processor {
	w.assign(p)
	c := &client{w, p, lateMax}
	files := &bucket{c, u}
	writesMax := 0
	if len(u.rows)%2 == 0 {
		writesMax = 4 // and committed as often, so that workers on one range meet within it
	}
	return csvfile.NewProcessor(steps{dynamo.NewUploads(c, uploadsTable), w}, files, files, w.store(c), csvfile.ProcessorOptions{
		WritesMax: writesMax, CommitEvery: 1,
		Retention: w.retention, Concurrency: 1, RangeBytes: u.rangeBytes, Now: func() time.Time { return p.region.clock().Add(p.offset) },
		Pacer: pacing.Pacer{Sleep: p.sleep(w, 0), Jitter: w.random.Float64},
	})
}

// steps is the table of uploads. It counts the commits that move a range on.
type steps struct {
	*dynamo.Uploads
	w *world
}

func (s steps) CommitRange(ctx context.Context, r csvfile.RangeID, from, to csvfile.RangeResult, at time.Time) error {
	err := s.Uploads.CommitRange(ctx, r, from, to, at)
	switch {
	case err == nil && from.Bytes > 0:
		s.w.count(countRangeSteps, 1)
	case fault.KindOf(err) == fault.Conflict:
		s.w.count(countRangesMet, 1)
	}
	return err
}

// bucket is a region's objects and its queue as one process sees them.
type bucket struct {
	c      *client
	upload *upload
}

var errBusy = &fault.Error{Kind: fault.Unavailable, Message: "busy"}

func etagOf(content []byte) string {
	h := fnv.New64a()
	_, _ = h.Write(content) // never fails
	return fmt.Sprintf("%016x", h.Sum64())
}

// busy maps what the client's calls fail with to what the adapters of bucket and queue make of it.
func busy(err error) error {
	if errors.Is(err, errTimeout) || errors.Is(err, errThrottled) {
		return errBusy
	}
	return err
}

func (b *bucket) content(key string) ([]byte, error) {
	if err := b.c.read("read " + key); err != nil {
		return nil, errBusy
	}
	content, found := b.c.p.region.objects[key]
	if !found {
		return nil, &fault.Error{Kind: fault.NotFound, Message: "no object"}
	}
	return content, nil
}

func (b *bucket) Stat(_ context.Context, key string) (csvfile.Object, error) {
	content, err := b.content(key)
	return csvfile.Object{Size: int64(len(content)), ETag: etagOf(content)}, err
}

func (b *bucket) Open(_ context.Context, key, etag string, first, last int64) (io.ReadCloser, error) {
	content, err := b.content(key)
	switch {
	case err != nil:
		return nil, err
	case etagOf(content) != etag:
		return nil, &fault.Error{Kind: fault.Conflict, Message: "other content"}
	case first < 0 || last < first || last >= int64(len(content)):
		return nil, fmt.Errorf("bytes %d to %d of %d", first, last, len(content))
	}
	part := content[first : last+1]
	if len(part) > 1 && b.c.w.chance(lost, 20) { // the transfer breaks off
		return io.NopCloser(io.MultiReader(bytes.NewReader(part[:len(part)/2]), brokenOff{})), nil
	}
	return io.NopCloser(bytes.NewReader(part)), nil
}

// brokenOff is the end of a transfer that breaks off.
type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (b *bucket) Put(_ context.Context, key string, body io.Reader) error {
	content, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	objects := b.c.p.region.objects
	return busy(b.c.write("put "+key, func() error { objects[key] = content; return nil }))
}

func (b *bucket) Delete(_ context.Context, keys []string) error {
	objects := b.c.p.region.objects
	return busy(b.c.write("delete objects", func() error {
		for _, key := range keys {
			delete(objects, key)
		}
		return nil
	}))
}

// Send adds messages one by one; after an error any of them may have been added.
func (b *bucket) Send(_ context.Context, bodies []string) error {
	w, r := b.c.w, b.c.p.region
	for _, body := range bodies {
		if err := b.c.write("send a message", func() error {
			for range 1 + w.duplicate() {
				r.queue = append(r.queue, &message{body: body, upload: b.upload, visible: w.now})
			}
			return nil
		}); err != nil {
			return busy(err)
		}
	}
	return nil
}

// accepted tells whether the row is stored as a reading, where its file was planned at the given moment.
func (r csvRow) accepted(planned time.Time) bool {
	return r.valid && !r.when.After(planned.Add(contract.FutureMax))
}

// checkUpload holds an upload to its rows: each is stored or rejected, and counted once.
func (w *world) checkUpload(u *upload) {
	got, err := dynamo.NewUploads(u.region.db, uploadsTable).ReadUpload(context.Background(), u.id)
	if err != nil {
		w.violate("read upload %s: %v", u.id, err)
		return
	}
	var accepted int64
	var rejects []string
	last := map[dynamodel.Key]csvRow{}
	for _, row := range u.rows {
		if row.accepted(got.Plan.At) {
			accepted++
			last[row.key] = row
		} else {
			rejects = append(rejects, fmt.Sprintf("%d: %s", row.line, row.text))
		}
	}
	rejected := int64(len(rejects))
	status := csvfile.Completed
	if rejected > 0 {
		status = csvfile.CompletedWithRejects
	}
	if got.Status != status || got.RowsAccepted != accepted || got.RowsRejected != rejected {
		w.violate("upload %s: %s with %d rows accepted and %d rejected (%s), want %s with %d and %d", u.id, got.Status, got.RowsAccepted,
			got.RowsRejected, got.Reason, status, accepted, rejected)
	}
	if told := w.rejectsOf(u); !slices.Equal(told, rejects) {
		w.violate("upload %s: the rejects are %q, want %q", u.id, told, rejects)
	}
	for _, key := range sortedKeys(last) {
		w.checkRow(u, key, reading.VersionAt(got.Plan.At).Row(last[key].at), last[key].value)
	}
}

// checkMoments holds the versions of rows to the moments of the plans: a worker that took another one would let an earlier line of
// a file win over a later one.
func (w *world) checkMoments() {
	planned := map[string]bool{}
	for _, u := range w.uploads {
		got, err := dynamo.NewUploads(u.region.db, uploadsTable).ReadUpload(context.Background(), u.id)
		if err != nil {
			w.violate("read upload %s: %v", u.id, err)
			return
		}
		planned[string(reading.VersionAt(got.Plan.At))] = true
	}
	for _, r := range w.regions {
		for _, key := range sortedKeys(r.own.versions) {
			for _, write := range r.own.versions[key] {
				moment, _, ofRow := strings.Cut(string(versionOf(write.New)), "+")
				if ofRow && write.Origin == dynamodel.Local && !planned[moment] {
					w.violate("%s: %v was written with the version %s, which is of no plan", r.name, key, versionOf(write.New))
				}
			}
		}
	}
}

// rejectsOf reads the file of an upload's rejected rows: the line and the text of each.
func (w *world) rejectsOf(u *upload) (rejects []string) {
	content, found := u.region.objects[csvfile.RejectsKey(u.id)]
	if !found {
		return nil
	}
	records, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil || len(records) == 0 || strings.Join(records[0], ",") != "line,reason,row" {
		w.violate("upload %s: the rejects are %q: %v", u.id, content, err)
		return nil
	}
	for _, r := range records[1:] {
		if r[1] == "" {
			w.violate("upload %s: line %s has no reason", u.id, r[0])
		}
		rejects = append(rejects, r[0]+": "+r[2])
	}
	return rejects
}
