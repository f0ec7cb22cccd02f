package contract_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

func TestHealth_RootSaysOk(t *testing.T) {
	t.Parallel()
	got := anonymous(t).good(probe.Call{Path: "/"}, http.StatusOK)
	if string(got.Body) != "ok" || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("%q of type %q", got.Body, got.Header.Get("Content-Type"))
	}
}

func TestHealth_LivesAndIsReady(t *testing.T) {
	t.Parallel()
	anonymous(t).good(probe.Call{Path: "/healthz"}, http.StatusOK)
	got := anonymous(t).good(probe.Call{Path: "/readyz"}, http.StatusOK)
	var told struct {
		Status string
		Parts  map[string]string
	}
	want := map[string]string{"tables": "ready", "bucket": "ready", "keys": "ready"}
	if err := got.Decode(&told); err != nil || told.Status != "ready" || !maps.Equal(told.Parts, want) {
		t.Errorf("%v: %s", err, got.Body)
	}
}
