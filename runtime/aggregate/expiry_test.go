package aggregate_test

import (
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

const retention = 30 * 24 * time.Hour

// expiring is a fixture whose readings are kept for the retention.
func expiring(t *testing.T) *fixture {
	t.Helper()
	return newFixture(t, func(o *aggregate.AggregatorOptions) { o.Retention = retention })
}

func kept(i *aggregate.Image) *aggregate.Image {
	i.ExpiresAt = i.Timestamp.Add(retention + contract.ExpiryMargin)
	return i
}

// old lies so far back that the hour's readings have expired; its neighbour, an hour later, have not.
var (
	oldHour  = hour.Add(-retention - contract.ExpiryMargin)
	openHour = oldHour.Add(time.Hour)
)

func TestAggregator_AnExpiryIsNotADeletion(t *testing.T) {
	for name, identified := range map[string]bool{"removed here": true, "removed in another region": false} {
		t.Run(name, func(t *testing.T) {
			f := expiring(t)
			i := kept(image(t, "A", oldHour, here, "5"))
			f.process(t, f.put(i))
			expiry := f.remove(i.Key())
			if expiry.Expired = identified; identified {
				expiry.At = time.Time{}
			}
			if got := f.process(t, expiry); got.Ignored != 1 {
				t.Errorf("got %+v", got)
			}
			if got := f.row(t, "A", oldHour).Sum; got != sum(t, "5") {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestAggregator_ADeletionCountsThoughItsRecordComesAfterTheExpiry(t *testing.T) {
	f := expiring(t)
	i := kept(image(t, "A", at, here, "5"))
	f.process(t, f.put(i))
	for name, test := range map[string]struct {
		made, expires time.Time
		deleted       bool
	}{
		"a second before":                       {at.Add(-time.Minute + time.Second), at.Add(-time.Minute + 2*time.Second), true},
		"in the same second":                    {at.Add(-time.Minute + time.Second), at.Add(-time.Minute + time.Second), false},
		"in a minute that may have been cut":    {at.Add(-2 * time.Minute), at.Add(-2*time.Minute + 59*time.Second), false},
		"before the minute after":               {at.Add(-2 * time.Minute), at.Add(-time.Minute), true},
		"in the present minute, due by now":     {at, at, false},
		"in the present minute, due in a while": {at, at.Add(time.Second), true},
		"recorded ahead of this clock":          {at.Add(time.Hour), at.Add(time.Hour + time.Second), true},
		"not known when, due":                   {time.Time{}, at, false},
		"not known when, not due":               {time.Time{}, at.Add(1), true},
	} {
		t.Run(name, func(t *testing.T) {
			before := *i
			before.ExpiresAt = test.expires
			ignored := 1
			if test.deleted {
				ignored = 0
			}
			c := aggregate.Change{Sequence: "9", At: test.made, Old: &before}
			f := expiring(t)
			if got := f.process(t, c); got.Ignored != ignored {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestAggregator_AnHourWhoseReadingsExpireIsNeverRecounted(t *testing.T) {
	f := expiring(t)
	first, second := kept(image(t, "A", oldHour, here, "1")), kept(image(t, "A", oldHour.Add(time.Minute), here, "2"))
	third := kept(image(t, "A", oldHour.Add(2*time.Minute), here, "4"))
	one, two, three := f.put(first), f.put(second), f.put(third)
	f.process(t, one, two, three)
	f.remove(first.Key()) // by expiry, and a recount would miss it
	// An operator deletes the third; its record comes together with repeats.
	deletion := f.remove(third.Key())
	deletion.Old.ExpiresAt = at.Add(time.Hour)
	got := f.process(t, two, deletion)
	if got.Adjusted != 1 || got.Recounted != 0 || got.Repeats != 1 || f.sliceReads > 0 {
		t.Errorf("got %+v after %d counts", got, f.sliceReads)
	}
	row := f.row(t, "A", oldHour)
	if row.Sum != sum(t, "1", "2") || row.Slices[0].Recounted {
		t.Errorf("the row is %+v", row)
	}
	if got := f.process(t, deletion, one); got.Repeats != 2 || f.row(t, "A", oldHour).Sum != row.Sum {
		t.Errorf("repeats: %+v, row %+v", got, f.row(t, "A", oldHour))
	}
	f.wantSum(t, "B", aggregate.Sum{})
}

func TestAggregator_AnHourThatIsStillWholeIsRecounted(t *testing.T) {
	f := expiring(t)
	one := f.put(kept(image(t, "A", openHour.Add(time.Minute), here, "1")))
	f.process(t, one)
	if got := f.process(t, one); got.Recounted != 1 {
		t.Errorf("got %+v", got)
	}
	// The retention was shorter when this one was written: its image tells that the hour is closed.
	early := image(t, "B", at, here, "1")
	early.ExpiresAt = at.Add(30 * time.Second)
	two := f.put(early)
	f.process(t, two)
	if got := f.process(t, two); got.Recounted != 0 || got.Repeats != 1 {
		t.Errorf("got %+v", got)
	}
	// The retention was longer when this one was written, but others of its hour may have been written since.
	longer := image(t, "D", oldHour.Add(time.Minute), here, "1")
	longer.ExpiresAt = at.Add(1000 * time.Hour)
	four := f.put(longer)
	f.process(t, four)
	if got := f.process(t, four); got.Recounted != 0 || got.Repeats != 1 {
		t.Errorf("got %+v", got)
	}
	// Without a retention, and without an expiry in the images, every hour is whole.
	forever := newFixture(t)
	three := forever.put(image(t, "C", oldHour, here, "1"))
	forever.process(t, three)
	if got := forever.process(t, three); got.Recounted != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestAggregator_TakesTheFirstReadingOfTheHourToExpireFirst(t *testing.T) {
	f := expiring(t)
	// The last reading of the hour expires in 30 minutes; the first did half an hour ago.
	late := image(t, "A", hour.Add(time.Hour-1), here, "1")
	late.ExpiresAt = at.Add(30 * time.Minute)
	one := f.put(late)
	f.process(t, one)
	if got := f.process(t, one); got.Recounted != 0 || got.Repeats != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestAggregator_RecountKeepsTheHighestSequenceForAnHourThatCloses(t *testing.T) {
	now := at
	f := newFixture(t, func(o *aggregate.AggregatorOptions) {
		o.Retention, o.Now = retention, func() time.Time { return now }
	})
	one, two := f.put(kept(image(t, "A", at, here, "1"))), f.put(kept(image(t, "A", at.Add(1), here, "2")))
	f.process(t, one, two)
	f.process(t, one) // a recount by an early record
	now = at.Add(retention + contract.ExpiryMargin)
	if got := f.process(t, two); got.Repeats != 1 || got.Adjusted != 0 {
		t.Errorf("got %+v", got)
	}
	f.wantSum(t, "A", sum(t, "1", "2"))
}

// A tombstone says that a reading was deleted, also where it was due to expire and nobody had removed it yet.
func TestAggregator_ATombstoneIsADeletionHoweverLateItComes(t *testing.T) {
	f := expiring(t)
	i := kept(image(t, "A", oldHour, here, "5"))
	f.process(t, f.put(i))
	c := f.remove(i.Key())
	c.Deleted = true
	if got := f.process(t, c); got.Ignored != 0 {
		t.Errorf("got %+v", got)
	}
	if got := f.row(t, "A", oldHour).Sum; got.Count != 0 {
		t.Errorf("got %v", got)
	}
}
