package reading_test

import (
	"slices"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

func TestVersion_OrdersRowsBetweenTheirMomentAndTheNext(t *testing.T) {
	at := time.Date(2026, 3, 1, 8, 30, 0, 123456789, time.UTC)
	v := reading.VersionAt(at)
	next, err := v.Row(7).Next()
	if err != nil || next != reading.VersionAt(at.Add(1)) {
		t.Errorf("the next one is %s, %v", next, err)
	}
	rising := []reading.Version{
		"", reading.VersionAt(at.Add(-1)), reading.VersionAt(at.Add(-1)).Row(1 << 39), v, v.Row(0), v.Row(9), v.Row(10), v.Row(50 << 30), next,
		reading.VersionAt(at.Add(time.Second)),
	}
	if !slices.IsSorted(rising) {
		t.Errorf("not in order: %s", rising)
	}
	for i, one := range rising[1:] {
		above, err := one.Next()
		if err != nil || above <= one || i+2 < len(rising) && above > rising[len(rising)-1] {
			t.Errorf("above %s comes %s, %v", one, above, err)
		}
	}
	if v.Row(3) != "2026-03-01T08:30:00.123456789Z+000000000003" {
		t.Errorf("a row's version is %s", v.Row(3))
	}
	if got, err := v.Row(3).Time(); err != nil || !got.Equal(at) {
		t.Errorf("its moment is %s, %v", got, err)
	}
}

func TestVersion_HasNoneAboveWhatIsNoneOrTheLast(t *testing.T) {
	for _, v := range []reading.Version{"zzz", "2026-03-01", "9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z+000000000001"} {
		if next, err := v.Next(); err == nil {
			t.Errorf("above %s comes %s", v, next)
		}
	}
	if next, err := reading.Version("").Next(); err != nil || next != reading.VersionAt(time.Time{}) {
		t.Errorf("above none comes %s, %v", next, err)
	}
}
