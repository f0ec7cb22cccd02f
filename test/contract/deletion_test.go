package contract_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// removal is a call that deletes.
func removal(query url.Values) probe.Call {
	return probe.Call{Method: http.MethodDelete, Path: "/sensor-data?" + query.Encode()}
}

func one(id string, at time.Time) probe.Call {
	return removal(url.Values{"equipmentId": {id}, "timestamp": {stamp(at)}})
}

func between(id string, from, to time.Time) probe.Call {
	return removal(url.Values{"equipmentId": {id}, "from": {stamp(from)}, "to": {stamp(to)}})
}

// deletes deletes and expects so many readings to have been there, fewer where a deletion before it was given up half done.
func (c *caller) deletes(call probe.Call, want int) {
	c.t.Helper()
	before := c.givenUp.Load()
	got := c.good(call, http.StatusOK)
	deleted := decode[struct{ Deleted int }](c.t, got).Deleted
	if strings.TrimSpace(string(got.Body)) != fmt.Sprintf(`{"deleted":%d}`, deleted) || deleted > want || deleted < want && c.givenUp.Load() == before {
		c.t.Errorf("%s: %s, want %d", call.Path, got.Body, want)
	}
}

func TestDeletion_OfOneReading(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	series(c, id, at, 3)
	c.hours(id, "24h", hourLine(at, 3, "3"))
	c.deletes(one(id, at.Add(time.Second)), 1)
	c.deletes(one(id, at.Add(time.Second)), 0)
	c.deletes(one(id, at.Add(time.Second+1)), 0)
	if got, want := c.stored(id), []string{stamp(at.Add(2*time.Second)) + " 2", stamp(at) + " 0"}; !slices.Equal(got, want) {
		t.Errorf("stored are %q", got)
	}
	c.hours(id, "24h", hourLine(at, 2, "2"))

	// A reading that is sent after the deletion is a new one.
	c.send(id, at.Add(time.Second), "7")
	c.hours(id, "24h", hourLine(at, 3, "9"))
	c.deletes(one(id, at.Add(time.Second).In(time.FixedZone("", 3600))), 1)
	c.hours(id, "24h", hourLine(at, 2, "2"))
}

func TestDeletion_OfARange(t *testing.T) {
	t.Parallel()
	c, id, other, at := machine(t), equipment(t), equipment(t), recent()
	series(c, id, at, 10)
	series(c, other, at, 10)
	c.deletes(between(id, at.Add(3*time.Second), at.Add(7*time.Second)), 4)
	c.deletes(between(id, at.Add(3*time.Second), at.Add(7*time.Second)), 0)
	c.deletes(between(id, at.Add(3*time.Second), at.Add(3*time.Second)), 0)
	var kept []string
	for _, second := range []int{9, 8, 7, 2, 1, 0} {
		kept = append(kept, fmt.Sprintf("%s %d", stamp(at.Add(time.Duration(second)*time.Second)), second))
	}
	if got := c.stored(id); !slices.Equal(got, kept) {
		t.Errorf("stored are %q", got)
	}
	c.hours(id, "24h", hourLine(at, 6, "27"))
	c.deletes(between(id, at.Add(-time.Hour), at.Add(time.Hour)), 6)
	c.hours(id, "24h")
	c.hours(other, "24h", hourLine(at, 10, "45"))
}

// many stores n readings of the value 1, a tenth of a second apart and less than an hour in all.
func many(c *caller, id string, start time.Time, n int) {
	c.t.Helper()
	const size = 1000 // which a busy machine stores in time
	for first := 0; first < n; first += size {
		lines := make([]string, min(size, n-first))
		for i := range lines {
			lines[i] = oneReading(id, stamp(start.Add(time.Duration(first+i)*100*time.Millisecond)), "1")
		}
		await.NoError(c.t, 3*time.Minute, func() error {
			if got, err := c.Do(c.t.Context(), array(lines...)); err != nil || got.Status != http.StatusCreated {
				return fmt.Errorf("status %d: %w", got.Status, err)
			}
			return nil
		})
	}
}

func TestDeletion_OfManyReadingsGoesOnBehindTheAnswer(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent().Truncate(time.Hour)
	const n = 7001
	many(c, id, at, n)
	c.deletes(between(id, at, at.Add(500*time.Second)), 5000) // the most that an answer waits for
	many(c, id, at, 5000)

	got := c.good(between(id, at, at.Add(time.Hour)), http.StatusAccepted)
	location := got.Header.Get("Location")
	if strings.TrimSpace(string(got.Body)) != `{"status":"running","deleted":0}` || !strings.HasPrefix(location, "/sensor-data/deletions/") {
		t.Fatalf("answer %s, Location %q", got.Body, location)
	}
	later := at.Add(300 * time.Second)
	c.send(id, later, "5") // after the request, whatever the place of the work
	if d := c.deletion(location, "completed"); d.Deleted != n && d.Deleted != n-1 {
		t.Errorf("%d of %d readings were deleted", d.Deleted, n)
	}
	if got := c.stored(id); !slices.Equal(got, []string{stamp(later) + " 5"}) {
		t.Errorf("stored are %.200q", got)
	}
	c.hours(id, "24h", hourLine(at, 1, "5"))
}

type deletion struct {
	Status  string
	Deleted int
}

// deletion waits until a deletion has a status.
func (c *caller) deletion(location, status string) (d deletion) {
	c.t.Helper()
	await.NoError(c.t, 3*time.Minute, func() error {
		before := d.Deleted
		d = decode[deletion](c.t, c.good(probe.Call{Path: location}, http.StatusOK))
		if d.Deleted < before || d.Status != "running" && d.Status != "completed" {
			c.t.Fatalf("%+v after %d deleted", d, before)
		}
		if d.Status != status {
			return fmt.Errorf("the deletion is %+v", d)
		}
		return nil
	})
	return d
}

func TestDeletion_RejectsWhatDoesNotSayWhatToDelete(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	series(c, id, at, 3)
	for query, fields := range map[string]string{
		"":                  "equipmentId,timestamp",
		"equipmentId=" + id: "timestamp",
		"equipmentId=" + id + "&from=" + stamp(at):                                        "to",
		"equipmentId=" + id + "&to=" + stamp(at):                                          "from",
		"equipmentId=" + id + "&timestamp=now":                                            "timestamp",
		"timestamp=" + stamp(at):                                                          "equipmentId",
		"equipmentId=" + id + "&timestamp=" + stamp(at) + "&to=" + stamp(at):              "timestamp",
		"equipmentId=" + id + "&from=" + stamp(at) + "&to=" + stamp(at.Add(-time.Second)): "to",
		"equipmentId=" + id + "&from=" + stamp(at) + "&to=" + stamp(at) + "&prefix=a":     "prefix",
		"equipmentId=" + id + "&timestamp=" + stamp(at) + "&timestamp=" + stamp(at):       "timestamp",
	} {
		if p := c.bad(probe.Call{Method: http.MethodDelete, Path: "/sensor-data?" + query}, http.StatusBadRequest); p.fields() != fields {
			t.Errorf("%s: the answer names %q", query, p.fields())
		}
	}
	if got := c.stored(id); len(got) != 3 {
		t.Errorf("stored are %q", got)
	}
	c.bad(probe.Call{Path: "/sensor-data/deletions/0d6f9c1e-5a1b-4a0e-9d53-5b7c3c1f6a20"}, http.StatusNotFound)
	c.bad(probe.Call{Path: "/sensor-data/deletions/x"}, http.StatusNotFound)
}

func TestDeletion_NeedsTheScopeOfAdministrators(t *testing.T) {
	t.Parallel()
	id, at := equipment(t), recent()
	series(machine(t), id, at, 1)
	token, err := probe.MachineToken(t.Context(), local.Info.TokenURL, local.Info.ClientID, local.Info.ClientSecret, "sensor-flow/read", "sensor-flow/write")
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range []probe.Call{one(id, at), {Path: "/sensor-data/deletions/x"}} {
		withToken(t, token).bad(call, http.StatusForbidden)
		anonymous(t).bad(call, http.StatusUnauthorized)
	}
	admin, err := probe.MachineToken(t.Context(), local.Info.TokenURL, local.Info.ClientID, local.Info.ClientSecret, "sensor-flow/admin")
	if err != nil {
		t.Fatal(err)
	}
	withToken(t, admin).deletes(one(id, at), 1)
}

// The local user is a member of the group, so that deleting can be tried by a person too.
func TestDeletion_ByAPersonOfTheGroup(t *testing.T) {
	t.Parallel()
	id, at := equipment(t), recent()
	series(machine(t), id, at, 1)
	call := one(id, at)
	call.Header = carrying(signIn(t))
	anonymous(t).deletes(call, 1)
}

// A file that names what a call has deleted since does not bring it back; one that begins afterwards does.
func TestDeletion_AndFiles(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	file := "equipmentId,timestamp,value\n" + id + "," + stamp(at) + ",1\n"
	c.deletes(one(id, at), 0)
	upload, err := c.UploadFile(t.Context(), "a.csv", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	if u, err := c.WaitForUpload(t.Context(), upload); err != nil || u.RowsAccepted != 1 {
		t.Fatalf("%+v, %v", u, err)
	}
	if got := c.stored(id); !slices.Equal(got, []string{stamp(at) + " 1"}) {
		t.Errorf("stored are %q", got)
	}
	c.deletes(one(id, at), 1)
	c.hours(id, "24h")
}
