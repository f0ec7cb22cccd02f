package regions_test

import (
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// TestRegions_LoseOneForGood kills a region under load, with all that has not left it. The other one goes on, adopts it as infra/LIFE.md
// leads through, and corrects and deletes what the lost one wrote: its aggregates are exact again.
func TestRegions_LoseOneForGood(t *testing.T) {
	d := start(t)
	ctx := t.Context()
	one, two := newLoad(d.first, 0), newLoad(d.second, 1)
	one.start(ctx)
	two.start(ctx)
	const some = 10
	await.True(t, time.Minute, "some readings of the second region have arrived", func() bool {
		return len(writtenOnlyBy(d.readings(d.first), two, one)) >= some
	})
	two.ends.Store(true)
	if err := d.Lose(ctx, d.second.Region); err != nil {
		t.Fatal(err)
	}
	two.end()
	theirs := writtenOnlyBy(d.readings(d.first), two, one)
	d.correct(theirs[0], "1234.5") // nobody has adopted it yet: this one counts twice until somebody has

	if err := d.Adopt(ctx, d.first.Region, d.second.Region); err != nil {
		t.Fatal(err)
	}
	d.runAdopt()
	d.correct(theirs[1], "-17.25")
	d.remove(theirs[2])
	pause(ctx, togetherFor/2)
	one.end()
	d.exact(d.first, equalWithin)
	d.nothingGivenUp(d.first)
	// What both regions have written may have its last value from the one that was lost.
	maps.DeleteFunc(one.ledger.last, func(id identity, _ acknowledged) bool { return !isOwn(id.equipment) })
	found := lost(d.readings(d.first), one.ledger)
	for i, difference := range found {
		if i < 10 {
			t.Error(difference)
		}
	}
	for _, fault := range one.faults {
		t.Error(fault)
	}
	t.Logf("sent %d requests to the region that stayed, lost %d of the %d readings that it alone has written, refused %d; %d readings of the lost one were adopted",
		one.sent.Load(), len(found), len(one.ledger.last), one.refused.Load(), len(theirs))
}

// writtenOnlyBy picks the readings that clients of one region alone have written.
func writtenOnlyBy(stored []probe.Stored, by, not *load) []probe.Stored {
	for _, l := range []*load{by, not} {
		l.ledger.mu.Lock()
		defer l.ledger.mu.Unlock()
	}
	var of []probe.Stored
	for _, r := range stored {
		id := identity{r.EquipmentID, r.At.Format(time.RFC3339Nano)}
		_, is := by.ledger.last[id]
		if _, other := not.ledger.last[id]; is && !other && isOwn(r.EquipmentID) {
			of = append(of, r)
		}
	}
	return of
}

func (d *drill) correct(r probe.Stored, value string) {
	d.t.Helper()
	body := fmt.Appendf(nil, `{"equipmentId":%q,"timestamp":%q,"value":%s}`, r.EquipmentID, r.Timestamp, value)
	if got, err := d.first.client.Do(d.t.Context(), probe.Call{Path: "/sensor-data", Body: body}); err != nil || got.Status != http.StatusCreated {
		d.t.Fatalf("correct %v: %d %s, %v", r, got.Status, got.Body, err)
	}
}

func (d *drill) remove(r probe.Stored) {
	d.t.Helper()
	call := probe.Call{Method: http.MethodDelete, Path: fmt.Sprintf("/sensor-data?equipmentId=%s&timestamp=%s", r.EquipmentID, r.Timestamp)}
	if got, err := d.first.client.Do(d.t.Context(), call); err != nil || got.Status != http.StatusOK {
		d.t.Fatalf("remove %v: %d %s, %v", r, got.Status, got.Body, err)
	}
}

// runAdopt runs the operators' program, as `make adopt` does for a deployment, until it says that it is done.
func (d *drill) runAdopt() {
	d.t.Helper()
	root, err := checkout.Root()
	if err != nil {
		d.t.Fatal(err)
	}
	bin, err := checkout.Build(d.t.Context(), root, ".", "./runtime/cmd/aggregates")
	if err != nil {
		d.t.Fatal(err)
	}
	environ, err := d.first.ProgramEnvironment(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	began, place := time.Now(), filepath.Join(d.t.TempDir(), "place.json")
	var out []byte
	await.NoError(d.t, time.Minute, func() error { // an operator runs it again while rows that it looks at are being written
		cmd := exec.CommandContext(d.t.Context(), filepath.Join(bin, "aggregates"), "adopt", "-region", d.second.Region, "-place", place)
		cmd.Env = environ
		if out, err = cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("adopt, with %s in the environment: %w\n%s", contract.EnvAdoptedRegions, err, out)
		}
		return nil
	})
	d.t.Logf("adopted in %.1f s: %s", time.Since(began).Seconds(), out)
}
