package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/fault"
)

func TestError_KeepsItsCauseForTheLog(t *testing.T) {
	cause := errors.New("socket closed")
	err := fmt.Errorf("save: %w", &fault.Error{Kind: fault.Unavailable, Message: "busy", Cause: cause})
	if fault.KindOf(err) != fault.Unavailable || !errors.Is(err, cause) || err.Error() != "save: busy: socket closed" {
		t.Errorf("got %v of kind %v", err, fault.KindOf(err))
	}
	if fault.KindOf(cause) != fault.Internal || (&fault.Error{Message: "busy"}).Error() != "busy" {
		t.Error("an error without a kind or a cause")
	}
}
