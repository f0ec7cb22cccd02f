package ingest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/ingesttest"
)

// A sender that leaves before anybody has noticed is asked for each time that its being there decides: nothing is begun and no
// version is raised for it.
func TestSender_IsAskedBeforeItsWriteBeginsAndBeforeItsVersionRises(t *testing.T) {
	for _, way := range []string{"single", "batch"} {
		raised := 0
		for stays := range 6 { // for so many questions
			synctest.Test(t, func(t *testing.T) {
				var table ingesttest.Table
				table.Put(writeAt("A", 1, 2*time.Second))
				asked := 0
				ctx := context.WithValue(t.Context(), ingest.SenderKey{}, sender(func() bool { asked++; return asked > stays }))
				late := writeAt("A", 2, time.Second)
				var err error
				if way == "single" {
					c := ingest.NewCoalescer(&table, ingest.Options{}, pacing.Pacer{})
					err = c.Save(ctx, late)
					_ = c.Close(t.Context())
				} else {
					err = ingest.NewWriter(&table, 1, pacing.Pacer{}).Write(ctx, []reading.Write{late})
				}
				value := table.Value(late.Key())
				switch {
				case err == nil && value == "2":
					raised++
				case fault.KindOf(err) != fault.Unavailable || value != "1":
					t.Errorf("%s, there for %d questions: %v, and the value is %s", way, stays, err, value)
				}
			})
		}
		if raised == 0 || raised == 6 {
			t.Errorf("%s: %d of 6 versions were raised", way, raised)
		}
	}
}

// sender is asked whether it has left.
type sender func() bool

func (s sender) Gone() bool { return s() }
