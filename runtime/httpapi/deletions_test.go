package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/deletion"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
)

func TestDelete_AsksForOneReadingOrForARange(t *testing.T) {
	const at = " at 2026-03-01T08:30:00.000000000Z"
	for query, want := range map[string]string{
		"timestamp=2026-03-01T08:30:00%2B01:00":                       "EQ-1 2026-03-01T07:30:00Z" + at,
		"timestamp=0001-01-01T00:00:00Z":                              "EQ-1 0001-01-01T00:00:00Z" + at,
		"from=2026-03-01T08:00:00Z&to=2026-03-01T09:00:00.5Z":         "EQ-1 from 2026-03-01T08:00:00Z to 2026-03-01T09:00:00.5Z" + at,
		"from=2026-03-01T08:00:00Z&to=2026-03-01T08:00:00Z":           "EQ-1 from 2026-03-01T08:00:00Z to 2026-03-01T08:00:00Z" + at,
		"from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59.999999999Z": "EQ-1 from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z" + at,
	} {
		f := newFixture(t, httpapi.Options{})
		f.deletions.answer.Deleted = 17
		got := f.do(call{method: "DELETE", path: "/sensor-data?equipmentId=EQ-1&" + query, token: tokenAdmin})
		if got.status != http.StatusOK || got.body != `{"deleted":17}`+"\n" || !slices.Equal(f.deletions.asked, []string{want}) {
			t.Errorf("%s: status %d, %s, asked for %q", query, got.status, got.body, f.deletions.asked)
		}
	}
}

func TestDelete_RejectsWhatDoesNotSayWhatToDelete(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	const from, to = "from=2026-03-01T08:00:00Z", "to=2026-03-01T09:00:00Z"
	for query, fields := range map[string]string{
		"":                         "equipmentId,timestamp",
		"equipmentId=EQ-1":         "timestamp",
		"equipmentId=EQ-1&" + from: "to",
		"equipmentId=EQ-1&" + to:   "from",
		"equipmentId=EQ-1&timestamp=2026-03-01T08:00:00Z&" + from: "timestamp",
		"equipmentId=EQ-1&timestamp=":                             "timestamp",
		"equipmentId=EQ-1&from=&" + to:                            "from",
		"equipmentId=EQ-1&to=2026-03-01T07:59:59Z&" + from:        "to",
		"equipmentId=EQ%201&" + from + "&" + to:                   "equipmentId",
		"equipmentId=EQ-1&limit=1&" + from + "&" + to:             "limit",
		"equipmentId=EQ-1&" + from + "&" + from + "&" + to:        "from",
		from + "&" + to: "equipmentId",
	} {
		got := f.do(call{method: "DELETE", path: "/sensor-data?" + query, token: tokenAdmin})
		if got.status != http.StatusBadRequest || f.problem(got).fields() != fields {
			t.Errorf("%s: status %d, fields %s, want %s", query, got.status, f.problem(got).fields(), fields)
		}
	}
	if len(f.deletions.asked) > 0 {
		t.Errorf("asked for %q", f.deletions.asked)
	}
}

func TestDelete_OfManyLeadsToItsProgress(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	const path = "/sensor-data?equipmentId=EQ-1&from=2026-03-01T08:00:00Z&to=2026-03-01T09:00:00Z"
	f.deletions.answer.Running = "0d6f9c1e"
	got := f.do(call{method: "DELETE", path: path, token: tokenAdmin})
	if got.status != http.StatusAccepted || got.header.Get("Location") != "/sensor-data/deletions/0d6f9c1e" || got.body != `{"status":"running","deleted":0}`+"\n" {
		t.Errorf("status %d, %s, Location %q", got.status, got.body, got.header.Get("Location"))
	}
	f.deletions.known = map[string]deletion.Deletion{"0d6f9c1e": {Status: deletion.Completed, Progress: deletion.Progress{Deleted: 5001}}}
	got = f.do(call{method: "GET", path: got.header.Get("Location"), token: tokenAdmin})
	if got.status != http.StatusOK || got.body != `{"status":"completed","deleted":5001}`+"\n" {
		t.Errorf("progress: status %d, %s", got.status, got.body)
	}
	for path, status := range map[string]int{"/sensor-data/deletions/other": http.StatusNotFound, "/sensor-data/deletions/0d6f9c1e?x=1": http.StatusBadRequest} {
		if got := f.do(call{method: "GET", path: path, token: tokenAdmin}); got.status != status {
			t.Errorf("%s: status %d", path, got.status)
		}
	}
	f.deletions.err = &fault.Error{Kind: fault.Unavailable, Message: "busy"}
	if got := f.do(call{method: "DELETE", path: path, token: tokenAdmin}); got.status != http.StatusServiceUnavailable {
		t.Errorf("busy: status %d", got.status)
	}
}

func TestDelete_IsForAdministratorsAlone(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for _, c := range []call{
		{method: "DELETE", path: "/sensor-data?equipmentId=EQ-1&timestamp=2026-03-01T08:30:00Z"}, {method: "GET", path: "/sensor-data/deletions/x"},
	} {
		for token, status := range map[string]int{
			"": http.StatusUnauthorized, tokenReader: http.StatusForbidden, tokenWriter: http.StatusForbidden, tokenPerson: http.StatusForbidden,
		} {
			c.token = token
			got := f.do(c)
			if got.status != status || status == http.StatusForbidden && !strings.Contains(got.header.Get("WWW-Authenticate"), "sensor-flow/admin") {
				t.Errorf("%s %s as %q: status %d, %s", c.method, c.path, token, got.status, got.header.Get("WWW-Authenticate"))
			}
		}
	}
	if len(f.deletions.asked) > 0 {
		t.Errorf("asked for %q", f.deletions.asked)
	}
	// The scope gives no other right.
	if got := f.do(call{method: "GET", path: "/sensor-data?equipmentId=EQ-1", token: tokenAdmin}); got.status != http.StatusForbidden {
		t.Errorf("read: status %d", got.status)
	}
}
