package storagesuite

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

var morning = time.Date(2026, 3, 1, 8, 30, 0, 5, time.UTC)

const region = "eu-west-1"

// written is a write of a reading, so many nanoseconds after the morning.
func written(t T, id string, when time.Time, value string, after time.Duration) reading.Write {
	t.Helper()
	v, err := reading.ParseValue(value)
	if err != nil {
		t.Fatal(err)
	}
	return reading.Write{
		Reading: reading.Reading{EquipmentID: reading.EquipmentID(id), Timestamp: when, Value: v}, Version: reading.VersionAt(morning.Add(after)),
	}
}

// writer makes writes through the service's own code, without pauses.
func writer(client Client, table string, retention time.Duration) *ingest.Writer {
	return ingest.NewWriter(dynamo.NewReadings(client, table, region, retention), 1, pacing.Pacer{
		Sleep: func(context.Context, time.Duration) error { return nil }, Jitter: func() float64 { return 0 },
	})
}

func (s *subject) wantReadings(t T, table *dynamo.Readings, id string, want ...string) {
	t.Helper()
	rs, next, err := table.Page(t.Context(), reading.EquipmentID(id), time.Time{}, time.Time{}, contract.ReadingsPageMax, nil)
	var got []string
	for _, r := range rs {
		got = append(got, r.Value.String())
	}
	if diff := cmp.Diff(want, got); diff != "" || !next.IsZero() || err != nil {
		t.Errorf("%s: next %v, error %v, values (-want +got):\n%s", id, next, err, diff)
	}
}

func testReadings(t T, s *subject) {
	table, w := dynamo.NewReadings(s.Client, s.table, region, 0), writer(s.Client, s.table, 0)
	write := func(ws ...reading.Write) {
		t.Helper()
		if err := w.Write(t.Context(), ws); err != nil {
			t.Error(err)
		}
	}
	nines := "999999999999999999999999999.99999999999"
	write(written(t, "E", morning, "10", 0), written(t, "E", morning.Add(1), nines, 0), written(t, "F", morning, "-1e-27", 0))
	write(written(t, "E", morning, "12", 2)) // the correction
	late := written(t, "E", morning, "10", 1)
	late.Yields = true
	write(late) // an older write, late
	s.wantReadings(t, table, "E", nines, "12")
	s.wantReadings(t, table, "F", "-0.000000000000000000000000001")
	write(written(t, "E", morning, "14", 0)) // by a task whose clock is behind
	s.wantReadings(t, table, "E", nines, "14")
	key := keyOf("E", reading.FormatTimestamp(morning))
	item := func(value string, after time.Duration) Item {
		w := written(t, "E", morning, value, after)
		return with(key, Item{
			contract.AttrValue: number(value), contract.AttrRegion: text(region), contract.AttrID: text(w.ID()), contract.AttrRegisterTime: text(string(w.Version)),
		})
	}
	wantChanges(t, s.records(t)[show(key)], chain(item("10", 0), item("12", 2), item("14", 3))...)
}

// testOwnStatements holds what becomes of the very statements that the service sends, in both kinds of tables: with and without an
// expiry. Each states the whole item.
func testOwnStatements(t T, s *subject) {
	for _, retention := range []time.Duration{0, 24 * time.Hour} {
		table := dynamo.NewReadings(s.Client, s.table, region, retention)
		id, when := "E"+retention.String(), time.Now().UTC().Truncate(time.Hour)
		attempt := func(after time.Duration, over, deleted bool) ingest.Attempt {
			w := written(t, id, when, fmt.Sprint(int(after)), after)
			w.Deleted = deleted
			return ingest.Attempt{Write: w, Over: over}
		}
		value := []string{contract.AttrEquipmentID, contract.AttrID, contract.AttrRegion, contract.AttrRegisterTime, contract.AttrTimestamp, contract.AttrValue}
		if retention > 0 {
			value = append([]string{contract.AttrExpiresAt}, value...)
			slices.Sort(value)
		}
		tombstone := []string{
			contract.AttrDeleted, contract.AttrEquipmentID, contract.AttrExpiresAt, contract.AttrID, contract.AttrRegion, contract.AttrRegisterTime,
			contract.AttrTimestamp,
		}
		for _, step := range []struct {
			what    string
			attempt ingest.Attempt
			want    ingest.Result
			left    []string // the item's attributes; nil where it stays as it was
		}{
			{"an update of nothing", attempt(1, true, false), ingest.Refused, nil},
			{"a tombstone for nothing, as an update", attempt(1, true, true), ingest.Refused, nil},
			{"an insertion", attempt(2, false, false), ingest.Made, value},
			{"an insertion of what is there", attempt(3, false, false), ingest.Refused, nil},
			{"a tombstone inserted where something is", attempt(3, false, true), ingest.Refused, nil},
			{"an older value", attempt(1, true, false), ingest.Refused, nil},
			{"the same version", attempt(2, true, false), ingest.Refused, nil},
			{"a newer value", attempt(4, true, false), ingest.Made, value},
			{"a newer tombstone", attempt(5, true, true), ingest.Made, tombstone},
			{"an older value over a tombstone", attempt(4, true, false), ingest.Refused, nil},
			{"a value over a tombstone", attempt(6, true, false), ingest.Made, value},
		} {
			s.attempt(t, table, step.what, step.attempt, step.want, step.left)
		}
		other := attempt(1, false, true)
		other.EquipmentID += "-other"
		s.attempt(t, table, "a tombstone inserted for nothing", other, ingest.Made, tombstone)
		stranger := attempt(1, true, false)
		stranger.EquipmentID += "-stranger"
		s.put(t, with(keyOf(string(stranger.EquipmentID), reading.FormatTimestamp(when)), Item{contract.AttrDeleted: yes(), contract.AttrExpiresAt: number("1")}))
		s.attempt(t, table, "a value over what has no version", stranger, ingest.Made, value)
	}
}

// attempt makes an attempt and looks at what it leaves.
func (s *subject) attempt(t T, table *dynamo.Readings, what string, a ingest.Attempt, result ingest.Result, left []string) {
	t.Helper()
	key := keyOf(string(a.EquipmentID), reading.FormatTimestamp(a.Timestamp))
	before := s.get(t, s.table, key)
	got := table.Try(t.Context(), []ingest.Attempt{a})
	after := s.get(t, s.table, key)
	if len(got) != 1 || got[0].Result != result {
		t.Errorf("%s: got %v, want %v", what, got, result)
		return
	}
	if left == nil {
		if show(after) != show(before) {
			t.Errorf("%s: stored is %s, want %s as before", what, show(after), show(before))
		}
		if found := got[0].Found; found != nil && string(found.Version) != textOf(before[contract.AttrRegisterTime]) {
			t.Errorf("%s: told is version %s, stored is %s", what, found.Version, show(before))
		}
		return
	}
	if names := slices.Sorted(maps.Keys(after)); !slices.Equal(names, left) || textOf(after[contract.AttrRegisterTime]) != string(a.Version) {
		t.Errorf("%s: stored is %s, want %v", what, show(after), left)
	}
}

func testDeletion(t T, s *subject) {
	table, w := dynamo.NewReadings(s.Client, s.table, region, 0), writer(s.Client, s.table, 0)
	write := func(what string, one reading.Write) {
		t.Helper()
		if err := w.Write(t.Context(), []reading.Write{one}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	key := keyOf("E", reading.FormatTimestamp(morning))
	for _, first := range []bool{true, false} { // of a reading, and of none: a write may be on its way
		if first {
			write("a reading", written(t, "E", morning, "10", 0))
		}
		deletion := written(t, "E", morning, "0", 5)
		deletion.Deleted = true
		write("a deletion", deletion)
		late := written(t, "E", morning, "10", 4)
		late.Yields = true
		write("an older write", late)
		s.wantReadings(t, table, "E")
		if got := s.get(t, s.table, key); got[contract.AttrDeleted] == nil || got[contract.AttrValue] != nil || got[contract.AttrExpiresAt] == nil {
			t.Errorf("a tombstone is %s", show(got))
		}
		write("a newer write", written(t, "E", morning, "11", 6))
		s.wantReadings(t, table, "E", "11")
		if got := s.get(t, s.table, key); got[contract.AttrDeleted] != nil || got[contract.AttrExpiresAt] != nil {
			t.Errorf("over a tombstone is %s", show(got))
		}
		s.remove(t, key)
	}
}

// scarce is a table that takes no more than some writes of a batch at a time, the last ones first.
type scarce struct {
	Client
	most  int
	calls int
}

func (c *scarce) BatchExecuteStatement(ctx context.Context, in *dynamodb.BatchExecuteStatementInput, o ...option) (*dynamodb.BatchExecuteStatementOutput, error) {
	c.calls++
	refused := max(len(in.Statements)-c.most, 0)
	out := &dynamodb.BatchExecuteStatementOutput{}
	for range refused {
		out.Responses = append(out.Responses, types.BatchStatementResponse{
			Error: &types.BatchStatementError{Code: types.BatchStatementErrorCodeEnumProvisionedThroughputExceeded},
		})
	}
	taken, err := c.Client.BatchExecuteStatement(ctx, &dynamodb.BatchExecuteStatementInput{Statements: in.Statements[refused:]}, o...)
	if err != nil {
		return nil, err
	}
	out.Responses = append(out.Responses, taken.Responses...)
	return out, nil
}

func testThrottled(t T, s *subject) {
	table := &scarce{Client: s.Client, most: 3}
	var ws []reading.Write
	var want []string
	for i := range 10 {
		ws = append(ws, written(t, "E", morning.Add(time.Duration(i%8)), fmt.Sprint(i), 0))
	}
	for _, n := range []int{7, 6, 5, 4, 3, 2, 9, 8} { // newest first; two were corrected
		want = append(want, fmt.Sprint(n))
	}
	if err := writer(table, s.table, 0).Write(t.Context(), ws); err != nil {
		t.Fatal(err)
	}
	s.wantReadings(t, dynamo.NewReadings(s.Client, s.table, region, 0), "E", want...)
	if table.calls != 3 {
		t.Errorf("%d calls for 8 readings, 3 at a time", table.calls)
	}
	for key, records := range s.records(t) {
		if len(records) != 1 {
			t.Errorf("%s was written %d times", key, len(records))
		}
	}
}

func testExpiry(t T, s *subject) {
	const retention = 24 * time.Hour
	when := time.Now().UTC().Truncate(time.Hour).Add(5) // a little after a full second
	one := written(t, "E", when, "1", 0)
	if err := writer(s.Client, s.table, retention).Write(t.Context(), []reading.Write{one}); err != nil {
		t.Fatal(err)
	}
	key := keyOf("E", reading.FormatTimestamp(when))
	expires, _ := s.get(t, s.table, key)[contract.AttrExpiresAt].(*types.AttributeValueMemberN)
	at, _ := one.ExpiresAt(retention)
	if expires == nil || expires.Value != fmt.Sprint(at.Add(time.Second-1).Unix()) {
		t.Errorf("expires at %v, want the second after %s", expires, at)
	}
	records := s.records(t)[show(key)]
	if len(records) != 1 || records[0].New[contract.AttrExpiresAt] == nil {
		t.Errorf("the image does not say when it expires: %v", records)
	}
}
