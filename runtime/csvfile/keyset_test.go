package csvfile_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

func TestKeySet_HasExactlyWhatWasAdded(t *testing.T) {
	for _, size := range []int{0, 1, 2, 1023, 5000, 200_000} {
		at := func(i int) reading.Reading {
			return reading.Reading{EquipmentID: reading.EquipmentID(fmt.Sprint("E", i%7)), Timestamp: epoch.Add(time.Duration(i))}
		}
		var rs []reading.Reading
		for i := range size {
			rs = append(rs, at(2*i), at(2*(i/2)))
		}
		has := csvfile.KeySetOf(rs)
		for i := range size {
			if !has(at(2*i)) || has(at(2*i+1)) {
				t.Fatalf("of %d: %d is not told from its neighbour", size, i)
			}
		}
	}
}
