package aggregatetest_test

import (
	"testing"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/test/aggregatetest"
)

func TestMemory_BehavesAsTheTables(t *testing.T) {
	aggregatetest.Suite(t, func(*testing.T) aggregatetest.Tables {
		m := aggregatetest.NewMemory(3)
		return aggregatetest.Tables{RowTable: m, WindowTable: m, FleetTable: m, IndexShards: 3, Put: func(_ aggregatetest.T, images ...aggregate.Image) {
			for _, i := range images {
				m.Put(i)
			}
		}}
	})
}
