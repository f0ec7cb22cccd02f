package aggregate_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

func TestAggregator_FoldsABatchIntoOneWriteARow(t *testing.T) {
	f := newFixture(t)
	var batch []aggregate.Change
	var values []string
	for i := range 1000 {
		values = append(values, fmt.Sprintf("%d.1", i%70))
		batch = append(batch, f.write(t, "A", hour.Add(time.Duration(i)*time.Second), here, values[i]))
	}
	got := f.process(t, batch...)
	if got.Applied != 1 || got.Rows != 1 || got.Records != 1000 || len(f.sent) != 1 || f.rowReads != 1 || f.sliceReads > 0 {
		t.Errorf("got %+v with %d commits and %d and %d reads", got, len(f.sent), f.rowReads, f.sliceReads)
	}
	f.wantFigures(t, "A", values...)
	row := f.row(t, "A", hour)
	if row.AppliedThrough != fmt.Sprintf("%040d", 1000) {
		t.Errorf("the row is %+v", row)
	}
	for i, s := range row.Slices {
		if want := []int64{300, 300, 300, 100}; i < 4 && (s.Count != want[i] || s.Revision != 1 || s.Recounted) || i >= 4 && s != (aggregate.Slice{}) {
			t.Errorf("slice %d is %+v", i, s)
		}
	}
}

// A batch reads the rows of a hundred equipments at a time, and lists those that are new.
func TestAggregator_ReadsManyRowsAtOnceAndListsEquipmentsOnce(t *testing.T) {
	f := newFixture(t)
	for round := range 3 {
		var batch []aggregate.Change
		for i := range 250 {
			batch = append(batch, f.write(t, fmt.Sprintf("E-%d", i), at.Add(time.Duration(-round)*time.Hour), here, fmt.Sprint(round)))
		}
		f.rowReads = 0
		if got := f.process(t, batch...); got.Applied != 250 || f.rowReads != 3 {
			t.Errorf("got %+v after %d reads", got, f.rowReads)
		}
	}
	if n := len(f.Equipments()); n != 250 || f.puts != 250 {
		t.Errorf("%d equipments are listed after %d calls", n, f.puts)
	}
	f.wantConsistent(t)
}

func TestAggregator_MakesNoRowOfAnEquipmentThatCannotBeListed(t *testing.T) {
	f := newFixture(t)
	f.putEquipment = func(n int) error {
		if n < 2 {
			return &fault.Error{Kind: fault.Unavailable, Message: "busy"}
		}
		if len(f.Rows()) > 0 {
			t.Error("the row came first")
		}
		return nil
	}
	if got := f.process(t, f.write(t, "A", at, here, "1")); got.Applied != 1 {
		t.Errorf("got %+v", got)
	}
	f.putEquipment = func(int) error { return &fault.Error{Kind: fault.Internal, Message: "denied"} }
	result, err := f.Process(t.Context(), []aggregate.Change{f.write(t, "B", at, here, "1"), f.write(t, "A", at.Add(1), here, "1")})
	if !slices.Equal(result.Failed, []string{"2"}) || fault.KindOf(err) != fault.Internal || result.Applied != 1 {
		t.Errorf("got %+v, %v", result, err)
	}
	f.wantSum(t, "B", aggregate.Sum{})
}

func TestAggregator_CountsEachReadingOnce(t *testing.T) {
	f := newFixture(t)
	first := f.write(t, "A", at, here, "10")
	f.process(t, first)
	f.wantSum(t, "A", sum(t, "10"))
	correction := f.write(t, "A", at, here, "12")
	f.process(t, correction)
	f.wantSum(t, "A", sum(t, "12"))
	if again := f.process(t, f.write(t, "A", at, here, "12")); again.Ignored != 1 || again.Rows != 0 {
		t.Errorf("a retry: %+v", again)
	}
	f.process(t, f.write(t, "A", at, there, "12")) // a retry that landed in another region
	f.wantSum(t, "A", aggregate.Sum{})
	if other := f.process(t, f.write(t, "A", at, there, "13")); other.Ignored != 1 {
		t.Errorf("another region's reading: %+v", other)
	}
	f.process(t, f.write(t, "A", at, here, "14"))
	f.wantSum(t, "A", sum(t, "14"))
	f.process(t, f.remove(image(t, "A", at, here, "1").Key()))
	f.wantSum(t, "A", aggregate.Sum{})
}

func TestAggregator_RecountsWhatIsNotSurelyNew(t *testing.T) {
	f := newFixture(t)
	one, two, three := f.write(t, "A", at, here, "1"), f.write(t, "A", at.Add(1), here, "2"), f.write(t, "A", at.Add(2), here, "4")
	other := f.write(t, "A", hour, here, "16") // of another slice
	f.process(t, one, three, other)
	f.wantFigures(t, "A", "1", "4", "16")
	if got := f.process(t, two); got.Recounted != 1 || got.Applied != 0 { // a latecomer
		t.Errorf("a latecomer: %+v", got)
	}
	f.wantFigures(t, "A", "1", "2", "4", "16")
	row := f.row(t, "A", hour)
	if !row.Slices[present].Recounted || row.Slices[0].Recounted || row.AppliedThrough != fmt.Sprintf("%040d", 4) {
		t.Errorf("the row is %+v", row)
	}
	if got := f.process(t, three, one); got.Recounted != 1 { // a repeat
		t.Errorf("a repeat: %+v", got)
	}
	f.wantFigures(t, "A", "1", "2", "4", "16")
	// The recount saw the next reading before its record came: adding it then would count it twice.
	five := f.write(t, "A", at.Add(3), here, "8")
	f.process(t, one)
	f.wantFigures(t, "A", "1", "2", "4", "16", "8")
	if got := f.process(t, five, f.write(t, "A", hour.Add(1), here, "32")); got.Recounted != 1 || got.Applied != 1 {
		t.Errorf("a record of a recounted slice beside one that was not: %+v", got)
	}
	f.wantFigures(t, "A", "1", "2", "4", "16", "8", "32")
	if row := f.row(t, "A", hour); row.Slices[present].Revision != 5 || row.Slices[0].Revision != 2 || row.Slices[0].Recounted {
		t.Errorf("the row is %+v", row)
	}
}

func TestAggregator_RecountsAgainWhenSomebodyWasFaster(t *testing.T) {
	f := newFixture(t)
	one, two := f.write(t, "A", at, here, "1"), f.write(t, "A", at.Add(1), here, "2")
	f.process(t, one, two)
	late := f.write(t, "A", at.Add(2), here, "4")
	other := aggregate.NewAggregator(f.Memory, here, aggregate.AggregatorOptions{Concurrency: 1})
	f.before = func(n int, tx aggregate.Transaction) error {
		if len(tx.Rows[0].Guards) > 0 && n < 4 {
			f.before = nil
			_, err := other.Process(t.Context(), []aggregate.Change{late})
			return err
		}
		return nil
	}
	got := f.process(t, one)
	if got.Raced != 1 || got.Recounted != 1 {
		t.Errorf("got %+v", got)
	}
	f.wantSum(t, "A", sum(t, "1", "2", "4"))
}

func TestAggregator_SendsTheSameTransactionAgainAfterALostAnswer(t *testing.T) {
	f := newFixture(t)
	lost := &fault.Error{Kind: fault.Unavailable, Message: "no answer"}
	f.after = func(n int, _ aggregate.Transaction) error {
		if n < 2 {
			return lost
		}
		return nil
	}
	got := f.process(t, f.write(t, "A", at, here, "1"), f.write(t, "B", at, here, "2"))
	if got.Applied != 2 || got.Retries != 2 || f.row(t, "A", hour).Slices[present].Recounted {
		t.Errorf("got %+v, row %+v", got, f.row(t, "A", hour))
	}
	if f.sent[1].Token != f.sent[0].Token || f.sent[2].Token != f.sent[0].Token {
		t.Error("the token changed")
	}
	f.wantSum(t, "A", sum(t, "1"))
	f.process(t, f.write(t, "A", at.Add(1), here, "1"))
	if last := f.sent[len(f.sent)-1]; last.Token == f.sent[0].Token || len(last.Token) > 36 {
		t.Errorf("token %q for another transaction", last.Token)
	}
}

func TestAggregator_ARowThatIsStaleOrRefusedDoesNotHoldUpTheOthers(t *testing.T) {
	f := newFixture(t)
	stale := f.write(t, "B", at, here, "2")
	f.process(t, stale)
	f.sent, f.sleeps = nil, 0
	f.before = func(_ int, tx aggregate.Transaction) error {
		if i := slices.IndexFunc(tx.Rows, func(w aggregate.RowWrite) bool { return w.Key.EquipmentID == "C" }); i >= 0 {
			return &aggregate.Canceled{Rejected: []int{i}}
		}
		return nil
	}
	result, err := f.Process(t.Context(), []aggregate.Change{
		f.write(t, "A", at, here, "1"), stale, f.write(t, "C", at, here, "3"), f.write(t, "D", at, here, "4"),
	})
	if want := []string{"3"}; !slices.Equal(result.Failed, want) || err == nil || result.Applied != 2 || result.Recounted != 1 {
		t.Errorf("got %+v, %v", result, err)
	}
	if f.sleeps > 0 {
		t.Error("waited although nothing was busy")
	}
	for id, want := range map[string]string{"A": "1", "B": "2", "D": "4"} {
		f.wantSum(t, id, sum(t, want))
	}
}

func TestAggregator_FindsTheRowThatSpoilsATransaction(t *testing.T) {
	f := newFixture(t)
	f.before = func(_ int, tx aggregate.Transaction) error {
		if slices.ContainsFunc(tx.Rows, func(w aggregate.RowWrite) bool { return w.Key.EquipmentID == "E-13" }) {
			return &fault.Error{Kind: fault.Invalid, Message: "not possible"}
		}
		return nil
	}
	var batch []aggregate.Change
	for i := range 40 {
		batch = append(batch, f.write(t, fmt.Sprintf("E-%d", i), at, here, "1"))
	}
	result, err := f.Process(t.Context(), batch)
	if !slices.Equal(result.Failed, []string{"14"}) || fault.KindOf(err) != fault.Invalid || result.Applied != 39 {
		t.Errorf("got %+v, %v", result, err)
	}
	f.wantSum(t, "E-12", sum(t, "1"))
}

func TestAggregator_TakesAnotherBucketWhereOneIsBusy(t *testing.T) {
	f := newFixture(t)
	f.before = func(n int, _ aggregate.Transaction) error {
		if n == 0 {
			return &aggregate.Canceled{Throttled: 1, FleetBusy: true}
		}
		return nil
	}
	got := f.process(t, f.write(t, "A", at, here, "1"))
	if got.BucketChanges != 1 || f.sent[1].Bucket == f.sent[0].Bucket || f.sent[1].Bucket > 2 || f.sent[1].Token == f.sent[0].Token {
		t.Errorf("got %+v: buckets %d, %d", got, f.sent[0].Bucket, f.sent[1].Bucket)
	}
	f.wantSum(t, "A", sum(t, "1"))
}

func TestAggregator_GivesUpAfterItsAttemptsAndNamesTheRecordsInOrder(t *testing.T) {
	f := newFixture(t)
	f.before = func(int, aggregate.Transaction) error { return &aggregate.Canceled{Throttled: 1} }
	one := f.write(t, "A", at, here, "1")
	one.Sequence = "111111111111111111111111"
	two := f.write(t, "B", at, here, "1")
	two.Sequence = "22222222222222222222222" // shorter, so smaller
	result, err := f.Process(t.Context(), []aggregate.Change{one, two, one})
	if !slices.Equal(result.Failed, []string{two.Sequence, one.Sequence}) || err == nil || len(f.sent) != 4 || f.sleeps != 3 {
		t.Errorf("got %v, %v after %d commits and %d pauses", result.Failed, err, len(f.sent), f.sleeps)
	}
	if len(f.Rows()) > 0 {
		t.Error("something was written")
	}
}

func TestAggregator_ReadsAgainWhatCannotBeReadForTheMoment(t *testing.T) {
	f := newFixture(t)
	one := f.write(t, "A", at, here, "1")
	f.process(t, one)
	busy := &fault.Error{Kind: fault.Unavailable, Message: "busy"}
	fail := func(n int) error {
		if n < 1 {
			return busy
		}
		return nil
	}
	f.rowReads, f.readRows, f.readSlices = 0, func(n int) error { return fail(n - 1) }, fail // the batch's own read, and the first alone
	if got := f.process(t, one); got.Recounted != 1 || got.Retries != 2 {
		t.Errorf("got %+v", got)
	}
	f.readRows = func(int) error { return &fault.Error{Kind: fault.Internal, Message: "damaged"} }
	result, err := f.Process(t.Context(), []aggregate.Change{one})
	if !slices.Equal(result.Failed, []string{"1"}) || fault.KindOf(err) != fault.Internal {
		t.Errorf("got %+v, %v", result, err)
	}
	f.readRows = func(int) error { return busy }
	result, err = f.Process(t.Context(), []aggregate.Change{one})
	if !slices.Equal(result.Failed, []string{"1"}) || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %+v, %v", result, err)
	}
}

func TestAggregator_EndsInTimeForItsAnswer(t *testing.T) {
	f := newFixture(t, func(o *aggregate.AggregatorOptions) { o.Margin = time.Hour })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	f.before = func(int, aggregate.Transaction) error { return &aggregate.Canceled{Throttled: 1} }
	result, err := f.Process(ctx, []aggregate.Change{f.write(t, "A", at, here, "1")})
	if !slices.Equal(result.Failed, []string{"1"}) || err == nil || len(f.sent) > 1 {
		t.Errorf("got %v, %v after %d commits", result.Failed, err, len(f.sent))
	}
}

func TestAggregator_KeepsTransactionsWithinTheirLimit(t *testing.T) {
	for _, spread := range []int{1, 2, 7, 50, 300} { // hours among which the rows lie
		t.Run(fmt.Sprintf("%d hours", spread), func(t *testing.T) {
			f := newFixture(t, func(o *aggregate.AggregatorOptions) { o.Concurrency = 3; o.Random = nil })
			var batch []aggregate.Change
			for i := range 300 {
				batch = append(batch, f.write(t, fmt.Sprintf("E-%d", i), at.Add(-time.Duration(i%spread)*time.Hour), here, "1"))
			}
			// The script's notes are not for several goroutines: the table checks the limit itself.
			a := aggregate.NewAggregator(f.Memory, here, aggregate.AggregatorOptions{Concurrency: 3})
			for range 2 { // the second time by recounts
				result, err := a.Process(t.Context(), batch)
				if err != nil || result.Applied+result.Recounted != 300 {
					t.Fatalf("got %+v, %v", result, err)
				}
			}
			if n := f.Commits(); spread == 1 && n != 4+300 {
				t.Errorf("%d commits for 300 rows of an hour and their recounts, want 4 of at most %d items and one each",
					n, contract.TransactionItemsMax)
			}
			if len(f.Rows()) != 300 {
				t.Errorf("%d rows", len(f.Rows()))
			}
			f.wantSum(t, "E-0", sum(t, "1"))
		})
	}
}

// The first row of another hour or day takes more than one item: rows up to the limit and a few of the next day.
func TestAggregator_CountsTheFleetsRowsAmongATransactionsItems(t *testing.T) {
	for n := contract.TransactionItemsMax - 7; n <= contract.TransactionItemsMax; n++ {
		for next, at := range map[string]time.Time{"hour": hour.Add(time.Hour), "day": reading.Day(hour).Add(24 * time.Hour)} {
			f := newFixture(t)
			var batch []aggregate.Change
			for i := range n {
				batch = append(batch, f.write(t, fmt.Sprintf("E-%d", i), hour, here, "1"))
			}
			for i := range 3 {
				batch = append(batch, f.write(t, fmt.Sprintf("E-%d", i), at, here, "1"))
			}
			f.process(t, batch...)
			for _, tx := range f.sent {
				if items := len(tx.Rows) + len(tx.Fleet); items > contract.TransactionItemsMax {
					t.Errorf("%d rows and the next %s: %d items", n, next, items)
				}
			}
			if len(f.sent) > 2 {
				t.Errorf("%d rows and the next %s: %d transactions", n, next, len(f.sent))
			}
		}
	}
}

func TestAggregator_ReportsWhatCanNeverBeApplied(t *testing.T) {
	f := newFixture(t)
	good := f.write(t, "A", at, here, "1")
	moved := f.write(t, "A", at.Add(1), here, "1")
	moved.Old = image(t, "B", at.Add(1), here, "1")
	unnamed, long, wrong := good, good, good
	unnamed.Sequence, long.Sequence, wrong.Sequence = "", strings.Repeat("1", contract.SequenceDigits+1), "1x"
	result, err := f.Process(t.Context(), []aggregate.Change{unnamed, long, moved, wrong, good})
	if want := []string{"", long.Sequence, "1x", "2"}; !slices.Equal(result.Failed, want) || fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %q, %v", result.Failed, err)
	}
	f.wantSum(t, "A", sum(t, "1"))
}

func TestAggregator_AChangeWithoutAReadingChangesNothing(t *testing.T) {
	f := newFixture(t)
	if got := f.process(t, aggregate.Change{Sequence: "1"}); got.Ignored != 1 || len(f.sent) > 0 {
		t.Errorf("got %+v", got)
	}
}

func TestCompareSequences_OrdersByValue(t *testing.T) {
	got := []string{"100000000000000000000002", "99999999999999999999999", "x", "", "000000000000000000000000000000001"}
	slices.SortFunc(got, aggregate.CompareSequences)
	want := []string{"", "x", "000000000000000000000000000000001", "99999999999999999999999", "100000000000000000000002"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
