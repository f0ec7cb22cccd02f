package dynamo_test

import (
	"fmt"
	"hash/fnv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

var (
	_ csvfile.UploadTable = (*dynamo.Uploads)(nil)
	_ csvfile.WorkTable   = (*dynamo.Uploads)(nil)
)

var uploadedAt = time.Date(2026, 3, 1, 8, 30, 0, 5, time.UTC)

func newUpload() csvfile.Upload {
	return csvfile.Upload{
		ID: uuid.NewString(), FileName: "märz.csv", Status: csvfile.AwaitingUpload, Bytes: 100, CreatedAt: uploadedAt, UpdatedAt: uploadedAt,
		Format: csvfile.Format{Delimiter: csvfile.Tab, Columns: csvfile.ColumnNames{Value: "Größe <\"1\">"}, SkipLines: 2},
	}
}

func newPlan() csvfile.Plan {
	return csvfile.Plan{
		ETag: `"abc-2"`, Bytes: 120, Ranges: 2, At: uploadedAt.Add(time.Minute),
		Layout: csvfile.Layout{Columns: csvfile.Columns{EquipmentID: -1, Timestamp: 0, Value: 1}, Fields: 5, HeaderAt: 77},
	}
}

// begun returns a table with one upload whose ranges are being worked on.
func begun(t *testing.T) (*dynamo.Uploads, csvfile.Upload) {
	t.Helper()
	uploads := dynamo.NewUploads(localClient, newTable(t, contract.UploadsTable()))
	u := newUpload()
	if err := uploads.CreateUpload(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	u, err := uploads.BeginUpload(t.Context(), u.ID, newPlan())
	if err != nil {
		t.Fatal(err)
	}
	return uploads, u
}

func readUpload(t *testing.T, uploads *dynamo.Uploads, id string) csvfile.Upload {
	t.Helper()
	u, err := uploads.ReadUpload(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func wantKind(t *testing.T, doing string, err error, want fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != want {
		t.Errorf("%s: error %v of kind %v, want %v", doing, err, fault.KindOf(err), want)
	}
}

func TestUploads_ReadWhatWasCreated(t *testing.T) {
	table := newTable(t, contract.UploadsTable())
	uploads, want := dynamo.NewUploads(localClient, table), newUpload()
	if err := uploads.CreateUpload(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, readUpload(t, uploads, want.ID)); diff != "" {
		t.Error(diff)
	}
	again := want
	again.FileName = "other.csv"
	wantKind(t, "an id that is taken", uploads.CreateUpload(t.Context(), again), fault.Conflict)
	if got := readUpload(t, uploads, want.ID); got.FileName != want.FileName {
		t.Errorf("an upload was overwritten: %+v", got)
	}
	_, err := uploads.ReadUpload(t.Context(), uuid.NewString())
	wantKind(t, "an unknown id", err, fault.NotFound)

	out, err := localClient.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	expires, _ := out.Items[0][contract.AttrExpiresAt].(*types.AttributeValueMemberN)
	if want := fmt.Sprint(uploadedAt.AddDate(0, 0, contract.UploadStatusDays).Unix()); expires == nil || expires.Value != want {
		t.Errorf("expires at %v, want %s", expires, want)
	}
}

func TestUploads_BeginOnceAndKeepTheFirstPlan(t *testing.T) {
	uploads, got := begun(t)
	want := newUpload()
	want.ID, want.Status, want.Bytes, want.UpdatedAt, want.Plan = got.ID, csvfile.Processing, 120, newPlan().At, newPlan()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	later := newPlan()
	later.ETag, later.Bytes, later.Ranges, later.At = `"other"`, 7, 1, later.At.Add(time.Hour)
	second, err := uploads.BeginUpload(t.Context(), got.ID, later)
	if err != nil {
		t.Fatal(err)
	}
	for name, u := range map[string]csvfile.Upload{"returned": second, "stored": readUpload(t, uploads, got.ID)} {
		if diff := cmp.Diff(want, u); diff != "" {
			t.Errorf("a second plan, %s: %s", name, diff)
		}
	}
	_, err = uploads.BeginUpload(t.Context(), uuid.NewString(), later)
	wantKind(t, "an unknown id", err, fault.NotFound)
}

func TestUploads_FailUnlessEnded(t *testing.T) {
	uploads, u := begun(t)
	at := uploadedAt.Add(time.Hour)
	if err := uploads.FailUpload(t.Context(), u.ID, csvfile.Failure{Reason: "the header is wrong", At: at}); err != nil {
		t.Fatal(err)
	}
	want := u
	want.Status, want.Reason, want.UpdatedAt = csvfile.Failed, "the header is wrong", at
	if err := uploads.FailUpload(t.Context(), u.ID, csvfile.Failure{Reason: "another reason", At: at.Add(time.Hour)}); err != nil {
		t.Error(err)
	}
	if err := uploads.FinishUpload(t.Context(), u.ID, csvfile.Completed, at.Add(time.Hour)); err != nil {
		t.Error(err)
	}
	if got, err := uploads.BeginUpload(t.Context(), u.ID, newPlan()); err != nil || got.Status != csvfile.Failed {
		t.Errorf("begun after the end: %v, error %v", got.Status, err)
	}
	if diff := cmp.Diff(want, readUpload(t, uploads, u.ID)); diff != "" {
		t.Error(diff)
	}
	id := uuid.NewString()
	wantKind(t, "fail an unknown id", uploads.FailUpload(t.Context(), id, csvfile.Failure{Reason: "r", At: at}), fault.NotFound)
	wantKind(t, "finish an unknown id", uploads.FinishUpload(t.Context(), id, csvfile.Completed, at), fault.NotFound)
	_, err := uploads.ReadUpload(t.Context(), id)
	wantKind(t, "no row comes of it", err, fault.NotFound)
}

func TestUploads_CommitCountsARangeOnceAndThenFinishes(t *testing.T) {
	uploads, u := begun(t)
	results := map[int]csvfile.RangeResult{
		0: {Bytes: 70, RowsAccepted: 5, RowsRejected: 0, Lines: 5},
		1: {Bytes: 50, RowsAccepted: 3, RowsRejected: 2, Lines: 0},
	}
	at := uploadedAt.Add(2 * time.Minute)
	wantCommitted := func(number int, want bool) {
		t.Helper()
		got, err := uploads.ReadRange(t.Context(), csvfile.RangeID{UploadID: u.ID, Number: number})
		if got.Done() != want || err != nil {
			t.Errorf("range %d is committed: %+v, error %v", number, got, err)
		}
	}
	commit := func(number int) error {
		return uploads.CommitRange(t.Context(), csvfile.RangeID{UploadID: u.ID, Number: number}, csvfile.RangeResult{}, results[number], at)
	}
	wantCommitted(0, false)
	if err := commit(0); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "another worker commits it", commit(0), fault.Conflict)
	wantCommitted(0, true)
	wantCommitted(1, false)
	if err := uploads.FinishUpload(t.Context(), u.ID, csvfile.Completed, at); err != nil {
		t.Error(err)
	}
	want := u
	want.BytesProcessed, want.RowsAccepted, want.RangesDone, want.UpdatedAt = 70, 5, 1, at
	if diff := cmp.Diff(want, readUpload(t, uploads, u.ID)); diff != "" {
		t.Errorf("one of two ranges: %s", diff)
	}
	if err := commit(1); err != nil {
		t.Fatal(err)
	}
	if got, err := uploads.RangeResults(t.Context(), u.ID); err != nil || !cmp.Equal(got, results) {
		t.Errorf("results %v, error %v", got, err)
	}
	if err := uploads.FinishUpload(t.Context(), u.ID, csvfile.CompletedWithRejects, at.Add(time.Second)); err != nil {
		t.Error(err)
	}
	want.BytesProcessed, want.RowsAccepted, want.RowsRejected, want.RangesDone = 120, 8, 2, 2
	want.Status, want.UpdatedAt = csvfile.CompletedWithRejects, at.Add(time.Second)
	if diff := cmp.Diff(want, readUpload(t, uploads, u.ID)); diff != "" {
		t.Errorf("finished: %s", diff)
	}
	if err := uploads.FailUpload(t.Context(), u.ID, csvfile.Failure{Reason: "too late", At: at.Add(time.Hour)}); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want, readUpload(t, uploads, u.ID)); diff != "" {
		t.Errorf("failed after the end: %s", diff)
	}
	wantKind(t, "commit to an unknown upload",
		uploads.CommitRange(t.Context(), csvfile.RangeID{UploadID: uuid.NewString()}, csvfile.RangeResult{}, results[0], at), fault.NotFound)
}

// Ranges of one upload meet at its row. Each commit succeeds or says that trying again helps, and each counts once.
func TestUploads_ConcurrentCommitsAllCountInTheEnd(t *testing.T) {
	uploads, u := begun(t)
	const ranges, attemptsMax = 40, 200
	var group sync.WaitGroup
	var mu sync.Mutex
	conflicts := 0
	for number := range ranges {
		for range 2 { // the same message delivered twice
			group.Go(func() {
				for range attemptsMax {
					err := uploads.CommitRange(t.Context(), csvfile.RangeID{UploadID: u.ID, Number: number},
						csvfile.RangeResult{}, csvfile.RangeResult{Bytes: 3, RowsAccepted: 2, RowsRejected: 1, Lines: 3}, uploadedAt)
					if err == nil || fault.KindOf(err) == fault.Conflict {
						return
					}
					if fault.KindOf(err) != fault.Unavailable {
						t.Errorf("range %d: %v", number, err)
						return
					}
					mu.Lock()
					conflicts++
					mu.Unlock()
				}
				t.Errorf("range %d: no attempt succeeded", number)
			})
		}
	}
	group.Wait()
	t.Logf("%d conflicts", conflicts)
	got := readUpload(t, uploads, u.ID)
	if got.RangesDone != ranges || got.RowsAccepted != 2*ranges || got.RowsRejected != ranges || got.BytesProcessed != 3*ranges {
		t.Errorf("got %+v", got)
	}
	if results, err := uploads.RangeResults(t.Context(), u.ID); len(results) != ranges || err != nil {
		t.Errorf("%d results, error %v", len(results), err)
	}
}

// With a page of one, the last uploads of one partition of the index are the case in which a partition ends the list too
// early. Which partition an upload is in must never change, since the rows that are stored follow it.
func TestUploads_ListAllOfOnePartition(t *testing.T) {
	table := newTable(t, contract.UploadsTable())
	uploads := dynamo.NewUploads(localClient, table)
	const n = 4
	for created := 0; created < n; {
		u := newUpload()
		hash := fnv.New32a()
		_, _ = hash.Write([]byte(u.ID))
		if hash.Sum32()%contract.ListShards != 1 {
			continue
		}
		if err := uploads.CreateUpload(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		created++
	}
	out, err := localClient.Query(t.Context(), &dynamodb.QueryInput{
		TableName: &table, IndexName: ptr(contract.IndexByCreation), KeyConditionExpression: ptr("listPartition = :one"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":one": &types.AttributeValueMemberS{Value: "UPLOADS#1"}},
	})
	if err != nil || len(out.Items) != n {
		t.Errorf("error %v, or not all are where they must stay", err)
	}
	for _, limit := range []int{1, n - 1} {
		us, more, err := uploads.ListUploads(t.Context(), csvfile.Position{}, limit)
		if len(us) != limit || !more || err != nil {
			t.Errorf("limit %d: a page of %d, more %v, error %v", limit, len(us), more, err)
		}
	}
}

func TestUploads_ListNewestFirstWithoutGapsOrRepeats(t *testing.T) {
	uploads := dynamo.NewUploads(localClient, newTable(t, contract.UploadsTable()))
	const n = 23
	var want []string // newest first
	for i := range n {
		u := newUpload()
		u.ID = fmt.Sprintf("%08d-0000-4000-8000-000000000000", i)
		u.CreatedAt = uploadedAt.Add(time.Duration(i/3) * time.Nanosecond) // three share a moment
		if err := uploads.CreateUpload(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		want = append([]string{u.ID}, want...)
		// The row of a range is no upload.
		if err := uploads.CommitRange(t.Context(), csvfile.RangeID{UploadID: u.ID}, csvfile.RangeResult{}, csvfile.RangeResult{Bytes: 1}, uploadedAt); err != nil {
			t.Fatal(err)
		}
	}
	for _, limit := range []int{1, 4, n - 1, n, n + 1} {
		var got []string
		after, more := csvfile.Position{}, true
		for more {
			var us []csvfile.Upload
			var err error
			if us, more, err = uploads.ListUploads(t.Context(), after, limit); err != nil {
				t.Fatal(err)
			}
			if len(us) > limit || more && len(us) < limit {
				t.Fatalf("limit %d: a page of %d, more %v", limit, len(us), more)
			}
			for _, u := range us {
				got = append(got, u.ID)
				after = csvfile.Position{CreatedAt: u.CreatedAt, ID: u.ID}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("limit %d: %s", limit, diff)
		}
	}
	if us, more, err := uploads.ListUploads(t.Context(), csvfile.Position{CreatedAt: uploadedAt.Add(-time.Hour), ID: want[0]}, 10); len(us) > 0 || more || err != nil {
		t.Errorf("after the oldest: %v, %v, %v", us, more, err)
	}
}

// The layout of a strict file is stored as programs of an earlier version write and read it.
func TestUploads_StoreLayouts(t *testing.T) {
	for text, layout := range map[string]csvfile.Layout{
		"2,0,1":      {Columns: csvfile.Columns{EquipmentID: 2, Timestamp: 0, Value: 1}, Fields: 3},
		"2,0,1,3,70": {Columns: csvfile.Columns{EquipmentID: 2, Timestamp: 0, Value: 1}, Fields: 3, HeaderAt: 70},
		"-1,1,0,2,0": {Columns: csvfile.Columns{EquipmentID: -1, Timestamp: 1, Value: 0}, Fields: 2},
	} {
		got, err := dynamo.ParseLayout(text)
		if err != nil || got != layout || dynamo.LayoutText(layout) != text {
			t.Errorf("%s: read %+v, %v; written %s", text, got, err, dynamo.LayoutText(layout))
		}
	}
	for _, text := range []string{"", "1,2", "1,2,3,4", "1,2,3,4,5,6", "a,1,2", "0,-1,2", "-2,0,1", "0,1,2,-3,0", "0,1,2,3,x"} {
		if got, err := dynamo.ParseLayout(text); err == nil {
			t.Errorf("%q was read as %+v", text, got)
		}
	}
}
