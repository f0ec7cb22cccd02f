package storagesuite

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/deletion"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

func wantKind(t T, what string, err error, kind fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		t.Errorf("%s: error %v of kind %v, want %v", what, err, fault.KindOf(err), kind)
	}
}

// uploads are the table of uploads with one whose plan has two ranges.
func (s *subject) uploads(t T) (*dynamo.Uploads, csvfile.Upload, csvfile.Plan) {
	t.Helper()
	table := dynamo.NewUploads(s.Client, s.Create(t, contract.UploadsTable()))
	u := csvfile.Upload{
		ID: uuid.NewString(), FileName: "märz.csv", Status: csvfile.AwaitingUpload, Bytes: 100, CreatedAt: morning, UpdatedAt: morning,
	}
	if err := table.CreateUpload(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return table, u, csvfile.Plan{ETag: `"e"`, Bytes: 120, Ranges: 2, Layout: csvfile.Layout{Columns: csvfile.Columns{EquipmentID: 2, Value: 1}, Fields: 3}, At: morning.Add(time.Minute)}
}

func wantUpload(t T, what string, table *dynamo.Uploads, want csvfile.Upload) {
	t.Helper()
	got, err := table.ReadUpload(t.Context(), want.ID)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%s: error %v, upload (-want +got):\n%s", what, err, diff)
	}
}

func testUploads(t T, s *subject) {
	table, u, plan := s.uploads(t)
	wantUpload(t, "created", table, u)
	large := u
	large.ID, large.Parts = uuid.NewString(), csvfile.Parts{Name: "2~x", Bytes: 64 << 20}
	if err := table.CreateUpload(t.Context(), large); err != nil {
		t.Error(err)
	}
	wantUpload(t, "created in parts", table, large)
	wantKind(t, "created again", table.CreateUpload(t.Context(), u), fault.Conflict)
	plan.Unpacked = 900
	begun := u
	begun.Status, begun.Bytes, begun.UpdatedAt, begun.Plan = csvfile.Processing, plan.Bytes, plan.At, plan
	other := plan
	other.ETag, other.Ranges = `"f"`, 7
	for _, p := range []csvfile.Plan{plan, other} { // the first plan stays
		got, err := table.BeginUpload(t.Context(), u.ID, p)
		if diff := cmp.Diff(begun, got); diff != "" || err != nil {
			t.Errorf("begun: error %v, upload (-want +got):\n%s", err, diff)
		}
	}
	at := plan.At.Add(time.Minute)
	if err := table.FinishUpload(t.Context(), u.ID, csvfile.Completed, at); err != nil {
		t.Error(err)
	}
	wantUpload(t, "finished with ranges to do", table, begun)
	failed := begun
	failed.Status, failed.Reason, failed.UpdatedAt, failed.Bytes, failed.Plan.Bytes = csvfile.Failed, "r", at, 130, 130
	for _, reason := range []string{"r", "another"} {
		if err := table.FailUpload(t.Context(), u.ID, csvfile.Failure{Reason: reason, Bytes: 130, At: at}); err != nil {
			t.Error(err)
		}
		wantUpload(t, "failed", table, failed)
	}
	none := uuid.NewString()
	_, err := table.BeginUpload(t.Context(), none, plan)
	wantKind(t, "begin what is not there", err, fault.NotFound)
	wantKind(t, "fail what is not there", table.FailUpload(t.Context(), none, csvfile.Failure{Reason: "r", At: at}), fault.NotFound)
	wantKind(t, "finish what is not there", table.FinishUpload(t.Context(), none, csvfile.Completed, at), fault.NotFound)
	_, err = table.ReadUpload(t.Context(), none)
	wantKind(t, "read what is not there", err, fault.NotFound)
}

func testRanges(t T, s *subject) {
	table, u, plan := s.uploads(t)
	u, err := table.BeginUpload(t.Context(), u.ID, plan)
	if err != nil {
		t.Fatal(err)
	}
	at, r := plan.At.Add(time.Hour), csvfile.RangeID{UploadID: u.ID}
	wantCommitted := func(what string, want csvfile.RangeResult) {
		t.Helper()
		if got, err := table.ReadRange(t.Context(), r); !cmp.Equal(got, want) || err != nil {
			t.Errorf("%s: committed %+v, error %v", what, got, err)
		}
	}
	var none csvfile.RangeResult
	wantCommitted("planned", none)
	result := csvfile.RangeResult{Bytes: 60, RowsAccepted: 2, RowsRejected: 1, Lines: 3}
	if err := table.CommitRange(t.Context(), r, none, result, at); err != nil {
		t.Error(err)
	}
	for range 2 {
		wantKind(t, "commit again", table.CommitRange(t.Context(), r, none, result, at), fault.Conflict)
	}
	u.BytesProcessed, u.RowsAccepted, u.RowsRejected, u.RangesDone, u.UpdatedAt = 60, 2, 1, 1, at
	wantUpload(t, "committed three times", table, u)
	wantCommitted("committed", result)
	second := csvfile.RangeID{UploadID: u.ID, Number: 1}
	if err := table.CommitRange(t.Context(), second, none, result, at); err != nil {
		t.Error(err)
	}
	results, err := table.RangeResults(t.Context(), u.ID)
	if diff := cmp.Diff(map[int]csvfile.RangeResult{0: result, 1: result}, results); diff != "" || err != nil {
		t.Errorf("results: %v, %s", err, diff)
	}
	if err := table.FinishUpload(t.Context(), u.ID, csvfile.CompletedWithRejects, at); err != nil {
		t.Error(err)
	}
	u.BytesProcessed, u.RowsAccepted, u.RowsRejected, u.RangesDone, u.Status = 120, 4, 2, 2, csvfile.CompletedWithRejects
	wantUpload(t, "finished", table, u)
	wantKind(t, "commit to what is not there", table.CommitRange(t.Context(), csvfile.RangeID{UploadID: uuid.NewString()}, none, result, at), fault.NotFound)
}

// testRangeInSteps commits a range in three steps. Only who knows what is committed moves it on, and the upload counts each byte and
// row once.
func testRangeInSteps(t T, s *subject) {
	table, u, plan := s.uploads(t)
	u, err := table.BeginUpload(t.Context(), u.ID, plan)
	if err != nil {
		t.Fatal(err)
	}
	at, r := plan.At.Add(time.Hour), csvfile.RangeID{UploadID: u.ID, Number: 1}
	var none csvfile.RangeResult
	first := csvfile.RangeResult{Bytes: 20, Left: 40, RowsRejected: 1, Lines: 2, Pieces: []csvfile.Piece{{From: 0, To: 20}}}
	second := first
	second.Bytes, second.Left, second.RowsAccepted, second.Lines = 50, 10, 3, 5
	last := csvfile.RangeResult{Bytes: 60, RowsAccepted: 3, RowsRejected: 2, Lines: 6, Pieces: []csvfile.Piece{{From: 0, To: 20}, {From: 50, To: 60}}}
	other := csvfile.RangeResult{Bytes: 30, Left: 30, RowsAccepted: 1, RowsRejected: 1, Lines: 3}
	commit := func(from, to csvfile.RangeResult) error { return table.CommitRange(t.Context(), r, from, to, at) }
	wantKind(t, "go on where nothing is committed", commit(other, second), fault.Conflict)
	for _, step := range []struct{ from, to csvfile.RangeResult }{{none, first}, {first, second}, {second, last}} {
		if err := commit(step.from, step.to); err != nil {
			t.Error(err)
		}
		u.BytesProcessed, u.RowsAccepted, u.RowsRejected, u.UpdatedAt = step.to.Bytes, step.to.RowsAccepted, step.to.RowsRejected, at
		if step.to.Done() {
			u.RangesDone++
		}
		for _, from := range []csvfile.RangeResult{none, step.from, other} {
			wantKind(t, "commit behind what is not committed", commit(from, last), fault.Conflict)
		}
		wantUpload(t, "committed a step", table, u)
		if got, err := table.ReadRange(t.Context(), r); !cmp.Equal(got, step.to) || err != nil {
			t.Errorf("committed %+v, error %v, want %+v", got, err, step.to)
		}
	}
	wantKind(t, "go on behind the end", commit(last, last), fault.Conflict)
	if results, err := table.RangeResults(t.Context(), u.ID); !cmp.Equal(results, map[int]csvfile.RangeResult{1: last}) || err != nil {
		t.Errorf("results %+v, error %v", results, err)
	}
}

func testUploadList(t T, s *subject) {
	table := dynamo.NewUploads(s.Client, s.Create(t, contract.UploadsTable()))
	var want []string
	for i := range 9 {
		u := csvfile.Upload{
			ID: fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), FileName: "a.csv", Status: csvfile.AwaitingUpload,
			CreatedAt: morning.Add(time.Duration(i / 2)), UpdatedAt: morning,
		}
		if err := table.CreateUpload(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		want = append([]string{u.ID}, want...)
	}
	var got []string
	after, more := csvfile.Position{}, true
	for more {
		var page []csvfile.Upload
		var err error
		if page, more, err = table.ListUploads(t.Context(), after, 2); err != nil || len(page) > 2 || more && len(page) == 0 {
			t.Fatalf("%d uploads, more %t, %v", len(page), more, err)
		}
		for _, u := range page {
			got, after = append(got, u.ID), csvfile.Position{CreatedAt: u.CreatedAt, ID: u.ID}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("uploads (-want +got):\n%s", diff)
	}
}

func testRevocations(t T, s *subject) {
	name := s.Create(t, contract.RevocationsTable())
	table := dynamo.NewRevocations(s.Client, name)
	hour := morning.Truncate(time.Hour)
	wantRevoked := func(hour, from time.Time, want ...string) {
		t.Helper()
		var got []string
		take := func(hash string, expiresAt time.Time) {
			if got = append(got, hash); !expiresAt.Equal(morning.Truncate(time.Second).Add(time.Hour + time.Second)) {
				t.Errorf("%s expires at %v", hash, expiresAt)
			}
		}
		if err := table.RevokedIn(t.Context(), hour, from, take); err != nil || !slices.Equal(got, want) {
			t.Errorf("revoked from %v: %q, %v; want %q", from, got, err, want)
		}
	}
	wantRevoked(hour, hour)
	for i, hash := range []string{"b", "a", "a", "c"} {
		at := morning.Add(time.Duration(i/2) * time.Second)
		if err := table.Revoke(t.Context(), hash, at, morning.Add(time.Hour)); err != nil {
			t.Error(err)
		}
	}
	wantRevoked(hour, hour, "a", "b", "a", "c")
	wantRevoked(hour, morning, "a", "b", "a", "c")
	wantRevoked(hour, morning.Add(1), "a", "c")
	wantRevoked(hour, morning.Add(time.Second+1))
	wantRevoked(hour.Add(time.Hour), hour)
	wantRevoked(hour.Add(-time.Hour), hour.Add(-time.Hour))
}

// testDeletions holds what workers share a long deletion by.
func testDeletions(t T, s *subject) {
	table := dynamo.NewDeletions(s.Client, s.Create(t, contract.UploadsTable()))
	one := deletion.Deletion{
		ID: uuid.NewString(), Range: deletion.Range{EquipmentID: "EQ-1", From: morning, To: morning.Add(time.Hour)},
		Version: reading.VersionAt(morning), CreatedAt: morning, Status: deletion.Running,
	}
	if err := table.CreateDeletion(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	wantRunning := func(what string, want ...string) {
		t.Helper()
		if ids, err := table.RunningDeletions(t.Context(), 10); err != nil || !slices.Equal(ids, want) {
			t.Errorf("%s: running are %v, %v, want %v", what, ids, err, want)
		}
	}
	wantRunning("created", one.ID)
	lease := func(worker string, after time.Duration) deletion.Lease {
		return deletion.Lease{Worker: worker, Now: morning.Add(after), Until: morning.Add(after + time.Minute)}
	}
	claim := func(what, worker string, after time.Duration, want bool) {
		t.Helper()
		got, claimed, err := table.ClaimDeletion(t.Context(), one.ID, lease(worker, after))
		if claimed != want || err != nil || claimed && !cmp.Equal(got, one) {
			t.Errorf("%s: claimed %t, %v, %+v, want %t", what, claimed, err, got, want)
		}
	}
	claim("the first", "a", 0, true)
	claim("another while it is leased", "b", time.Minute-1, false)
	claim("the same again", "a", 1, true)
	claim("another while it is leased again", "b", time.Minute, false)
	claim("another at the end of the lease", "b", time.Minute+1, true)
	advance := func(what, from string, to deletion.Progress, status deletion.Status, want bool) {
		t.Helper()
		next := one
		next.Progress, next.Status = to, status
		if got, err := table.AdvanceDeletion(t.Context(), next, deletion.Progress{Place: from}, lease("b", time.Hour)); got != want || err != nil {
			t.Errorf("%s: advanced %t, %v", what, got, err)
		}
	}
	advance("the first part", "", deletion.Progress{Place: "p", Deleted: 500}, deletion.Running, true)
	advance("the first part by another worker", "", deletion.Progress{Place: "p", Deleted: 400}, deletion.Running, false)
	advance("the end", "p", deletion.Progress{Place: "q", Deleted: 700}, deletion.Completed, true)
	advance("after the end", "q", deletion.Progress{Place: "r", Deleted: 800}, deletion.Running, false)
	wantRunning("completed")
	got, err := table.ReadDeletion(t.Context(), one.ID)
	one.Progress, one.Status = deletion.Progress{Place: "q", Deleted: 700}, deletion.Completed
	if diff := cmp.Diff(one, got); diff != "" || err != nil {
		t.Errorf("in the end: %v (-want +got):\n%s", err, diff)
	}
}
