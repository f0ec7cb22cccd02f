package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/load/users"
)

// fakeAPI has some readings of each equipment, and answers one a page. Every third call is refused.
func fakeAPI(t *testing.T, has map[string][]map[string]string) *target {
	t.Helper()
	calls := make(chan int, 1)
	calls <- 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := <-calls + 1
		calls <- n
		if n%3 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		items := has[r.FormValue("equipmentId")]
		at := slices.IndexFunc(items, func(one map[string]string) bool { return one["timestamp"] == r.FormValue("cursor") }) + 1
		page := map[string]any{"items": items[min(at, len(items)):min(at+1, len(items))]}
		if at+1 < len(items) {
			page["nextCursor"] = items[at]["timestamp"]
		}
		_ = json.NewEncoder(w).Encode(page)
	}))
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &target{url: address, token: "t"}
}

func TestFind_MissesWhatIsLostAndWhatHasAnotherValue(t *testing.T) {
	began := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	has := map[string][]map[string]string{}
	var stored []users.Stored
	for user := range 3 {
		for n := range 4 {
			at := began.Add(time.Duration(n)*time.Second + 1)
			stored = append(stored, users.Stored{User: user, N: n, At: at})
			equipment := users.EquipmentID("p-", user)
			has[equipment] = append(has[equipment], map[string]string{"timestamp": at.Format(time.RFC3339Nano), "value": users.Value(user, n)})
		}
	}
	found, err := find(t.Context(), fakeAPI(t, has), "p-", stored, io.Discard)
	if err != nil || found.Stored != 12 || found.Lost() != 0 {
		t.Errorf("found %+v, error %v", found, err)
	}
	has["p-000001"] = has["p-000001"][:3]
	has["p-000002"][0]["value"] = "99.99"
	found, err = find(t.Context(), fakeAPI(t, has), "p-", stored, io.Discard)
	if err != nil || found.Lost() != 2 {
		t.Errorf("one is missing and one has another value: found %+v, error %v", found, err)
	}
}
