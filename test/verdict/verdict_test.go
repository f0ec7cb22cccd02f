package verdict_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sensorflow/sensorflow/test/verdict"
)

var _ verdict.T = (*testing.T)(nil)

// fatal ends a check, as a helper of it would.
func fatal(t verdict.T) { t.Fatalf("no %s", "table") }

func TestTry_TellsWhatACheckFound(t *testing.T) {
	for name, c := range map[string]struct {
		check func(verdict.T)
		want  verdict.Result
	}{
		"nothing":       {func(verdict.T) {}, verdict.Result{}},
		"two errors":    {func(t verdict.T) { t.Errorf("got %d, want 2", 1); t.Error("and", 3) }, verdict.Result{Verdict: verdict.Differs, Findings: []string{"got 1, want 2", "and 3"}}},
		"a fatal error": {func(t verdict.T) { defer t.Error("last"); t.Fatal("first") }, verdict.Result{Verdict: verdict.Differs, Findings: []string{"first", "last"}}},
		"a fatal one, with a format": {
			func(t verdict.T) { fatal(t); t.Error("never reached") },
			verdict.Result{Verdict: verdict.Differs, Findings: []string{"no table"}},
		},
		"what cannot be tried": {
			func(t verdict.T) { t.Skipf("takes %d days", 2); t.Error("never reached") },
			verdict.Result{Verdict: verdict.Untried, Findings: []string{"takes 2 days"}},
		},
		"an error before that": {
			func(t verdict.T) { t.Error("wrong"); t.Skipf("the rest") },
			verdict.Result{Verdict: verdict.Differs, Findings: []string{"wrong", "the rest"}},
		},
	} {
		if diff := cmp.Diff(c.want, verdict.Try(t.Context(), c.check)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTry_TakesAPanicForADifferenceAndPassesItsContextOn(t *testing.T) {
	got := verdict.Try(t.Context(), func(verdict.T) { panic("broken") })
	if got.Verdict != verdict.Differs || len(got.Findings) != 1 || !strings.Contains(got.Findings[0], "broken") || !strings.Contains(got.Findings[0], "verdict_test.go") {
		t.Errorf("a panic: %+v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := verdict.Try(ctx, func(t verdict.T) { t.Error(t.Context().Err()) }); len(got.Findings) != 1 || got.Findings[0] != context.Canceled.Error() {
		t.Errorf("the context: %+v", got)
	}
}
