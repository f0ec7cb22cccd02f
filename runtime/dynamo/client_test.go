package dynamo_test

import (
	"testing"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
)

func TestReady_TellsAnActiveTableFromAMissingOne(t *testing.T) {
	table := newTable(t, contract.RevocationsTable())
	if err := dynamo.Ready(t.Context(), localClient, table); err != nil {
		t.Errorf("ready %s: %v", table, err)
	}
	if err := dynamo.Ready(t.Context(), localClient, "Missing"); err == nil {
		t.Error("a missing table is ready")
	}
}
