package dynamo_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/deletion"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

var (
	_ deletion.Readings = (*dynamo.Readings)(nil)
	_ deletion.Table    = (*dynamo.Deletions)(nil)
)

var deletionStart = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func aDeletion(id string, created time.Time) deletion.Deletion {
	return deletion.Deletion{
		ID: id, Range: deletion.Range{EquipmentID: "EQ-1", From: deletionStart, To: deletionStart.Add(time.Hour)},
		Version: reading.VersionAt(created.Add(-1)), CreatedAt: created, Status: deletion.Running,
	}
}

func TestDeletions_AreClaimedAdvancedAndCompleted(t *testing.T) {
	table := dynamo.NewDeletions(localClient, newTable(t, contract.UploadsTable()))
	now := deletionStart
	first, second := aDeletion("b", now), aDeletion("a", now.Add(time.Second))
	for _, d := range []deletion.Deletion{second, first} {
		if err := table.CreateDeletion(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	running := func(want ...string) {
		t.Helper()
		ids, err := table.RunningDeletions(t.Context(), 10)
		if err != nil || !cmp.Equal(ids, want) {
			t.Errorf("running are %v, %v, want %v", ids, err, want)
		}
	}
	running("b", "a")
	if ids, err := table.RunningDeletions(t.Context(), 1); err != nil || !cmp.Equal(ids, []string{"b"}) {
		t.Errorf("the oldest is %v, %v", ids, err)
	}
	claim := func(worker string, at time.Time, want bool) (d deletion.Deletion) {
		t.Helper()
		d, claimed, err := table.ClaimDeletion(t.Context(), "b", deletion.Lease{Worker: worker, Now: at, Until: at.Add(time.Minute)})
		if err != nil || claimed != want {
			t.Fatalf("%s at %v: claimed %t, %v", worker, at, claimed, err)
		}
		return d
	}
	if d := claim("one", now, true); !cmp.Equal(d, first) {
		t.Errorf("claimed %+v", d)
	}
	claim("two", now.Add(time.Minute-1), false)
	claim("one", now.Add(time.Second), true) // its own, and renewed
	claim("two", now.Add(time.Minute), false)
	claim("two", now.Add(time.Minute+time.Second), true)

	lease := deletion.Lease{Worker: "two", Now: now.Add(2 * time.Minute), Until: now.Add(3 * time.Minute)}
	advance := func(d deletion.Deletion, from string, want bool) {
		t.Helper()
		advanced, err := table.AdvanceDeletion(t.Context(), d, deletion.Progress{Place: from}, lease)
		if err != nil || advanced != want {
			t.Errorf("from %q to %+v: %t, %v", from, d.Progress, advanced, err)
		}
	}
	next := first
	next.Progress = deletion.Progress{Place: "p", Deleted: 500}
	advance(next, "", true)
	advance(next, "", false) // somebody else's, or the same again
	claim("one", now.Add(3*time.Minute-1), false)
	if d, err := table.ReadDeletion(t.Context(), "b"); err != nil || !cmp.Equal(d, next) {
		t.Errorf("%+v, %v", d, err)
	}
	done := next
	done.Status, done.Progress = deletion.Completed, deletion.Progress{Place: "q", Deleted: 700}
	advance(done, "o", false)
	advance(done, "p", true)
	advance(next, "q", false)
	claim("one", now.Add(time.Hour), false)
	running("a")
	if d, err := table.ReadDeletion(t.Context(), "b"); err != nil || !cmp.Equal(d, done) {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestDeletions_AreNoUploads(t *testing.T) {
	name := newTable(t, contract.UploadsTable())
	table, uploads := dynamo.NewDeletions(localClient, name), dynamo.NewUploads(localClient, name)
	if err := table.CreateDeletion(t.Context(), aDeletion("a", deletionStart)); err != nil {
		t.Fatal(err)
	}
	if _, err := uploads.ReadUpload(t.Context(), "a"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("read as an upload: %v", err)
	}
	if _, claimed, err := table.ClaimDeletion(t.Context(), "other", deletion.Lease{Worker: "w", Now: deletionStart, Until: deletionStart}); claimed || err != nil {
		t.Errorf("claimed what is not there: %t, %v", claimed, err)
	}
	if _, err := table.ReadDeletion(t.Context(), "other"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("read what is not there: %v", err)
	}
}

func TestReadings_TellWhatCanBeDeleted(t *testing.T) {
	name := newTable(t, contract.ReadingsTable())
	readings := dynamo.NewReadings(localClient, name, "eu-west-1", 0)
	at := func(second int) string {
		return reading.FormatTimestamp(deletionStart.Add(time.Duration(second) * time.Second))
	}
	var all []reading.Stored
	for i := range 10 {
		all = append(all, stored(t, "EQ-1", at(i), "1"))
	}
	write(t, readings, append(all, stored(t, "EQ-2", at(3), "1"))...)
	removed := reading.Write{Reading: all[4].Reading, Deleted: true, Version: reading.VersionAt(all[4].RegisterTime.Add(time.Second))}
	if err := ingest.NewWriter(readings, 1, pacing.Pacer{}).Write(t.Context(), []reading.Write{removed}); err != nil {
		t.Fatal(err)
	}
	if _, err := localClient.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &name, Item: map[string]types.AttributeValue{
		contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: "EQ-1"}, contract.AttrTimestamp: &types.AttributeValueMemberS{Value: at(6)[:19] + "+00:00"},
	}}); err != nil {
		t.Fatal(err)
	}
	// A mark beside a value makes no tombstone: the reading counts, and so it can be deleted.
	if _, err := localClient.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &name, UpdateExpression: aws.String("SET deleted = :true"),
		Key: map[string]types.AttributeValue{
			contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: "EQ-1"}, contract.AttrTimestamp: &types.AttributeValueMemberS{Value: at(7)},
		},
		ExpressionAttributeValues: map[string]types.AttributeValue{":true": &types.AttributeValueMemberBOOL{Value: true}},
	}); err != nil {
		t.Fatal(err)
	}
	within := deletion.Range{EquipmentID: "EQ-1", From: deletionStart.Add(2 * time.Second), To: deletionStart.Add(9 * time.Second)}
	for limit := 1; limit < 10; limit++ {
		var found []string
		place, more, tombstones := "", true, 0
		for calls := 0; more; calls++ {
			part, err := readings.Deletable(t.Context(), within, place, limit)
			if err != nil || len(part.Readings)+len(part.Tombstones) > limit || calls > 20 {
				t.Fatalf("part %+v, %v, after %d calls", part, err, calls)
			}
			for _, one := range part.Readings {
				found = append(found, one.Key().Timestamp)
				if one.Version != reading.VersionAt(all[0].RegisterTime) {
					t.Errorf("version %s", one.Version)
				}
			}
			for _, one := range part.Tombstones {
				if tombstones++; one.Version != removed.Version || one.Key() != removed.Key() {
					t.Errorf("a tombstone %+v", one)
				}
			}
			place, more = part.Place, part.More
		}
		if want := []string{at(2), at(3), at(5), at(6), at(7), at(8)}; !cmp.Equal(found, want) || tombstones != 1 {
			t.Errorf("limit %d: found %v, and %d tombstones", limit, found, tombstones)
		}
	}
	// What was found of a tombstone is enough to raise it.
	again := reading.Write{Deleted: true, Version: removed.Version.Row(0), Yields: true}
	part, err := readings.Deletable(t.Context(), within, at(3), 1)
	if err != nil || len(part.Tombstones) != 1 {
		t.Fatalf("%+v, %v", part, err)
	}
	again.Reading = part.Tombstones[0].Reading
	if err := ingest.NewWriter(readings, 1, pacing.Pacer{}).Write(t.Context(), []reading.Write{again}); err != nil {
		t.Fatal(err)
	}
	part, err = readings.Deletable(t.Context(), within, at(3), 1)
	if err != nil || len(part.Readings) > 0 || len(part.Tombstones) != 1 || part.Tombstones[0].Version != again.Version || part.Place != at(4) || !part.More {
		t.Errorf("raised: %+v, %v", part, err)
	}
	first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC) // a zero time, which is an open end elsewhere
	for _, none := range []deletion.Range{
		{EquipmentID: "EQ-1", From: deletionStart, To: deletionStart}, {EquipmentID: "EQ-1", From: first, To: first}, {EquipmentID: "EQ-1", From: deletionStart, To: first},
	} {
		if part, err := readings.Deletable(t.Context(), none, "", 10); err != nil || part.More || len(part.Readings)+len(part.Tombstones) > 0 {
			t.Errorf("%v: %+v, %v", none, part, err)
		}
	}
	// With a retention of a day, all of them have expired.
	expiring := dynamo.NewReadings(localClient, name, "eu-west-1", 24*time.Hour)
	if part, err := expiring.Deletable(t.Context(), within, "", 10); err != nil || part.More || len(part.Readings) > 0 {
		t.Errorf("expired: %+v, %v", part, err)
	}
}
