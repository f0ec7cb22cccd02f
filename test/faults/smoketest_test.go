package faults_test

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/runtime/smoketest"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// wrong is what an API does in place of the right thing. It may answer by itself, or change the answer.
type wrong struct {
	call      string
	parameter string // which the call has; empty for any call
	status    int
	change    func(body string) string
}

func (w wrong) does(r *http.Request) bool {
	return r.Method+" "+r.URL.Path == w.call && (w.parameter == "" || r.URL.Query().Has(w.parameter))
}

// behind is an API in front of the system's own that does wrong.
func (s *running) behind(w wrong) string {
	s.t.Helper()
	target, err := url.Parse(s.Info.APIURL)
	if err != nil {
		s.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(r *http.Response) error {
		if w.change == nil || !w.does(r.Request) {
			return nil
		}
		body, err := io.ReadAll(r.Body)
		changed := w.change(string(body))
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(changed)), int64(len(changed))
		r.Header.Del("Content-Length")
		return err
	}
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if w.status != 0 && w.does(r) {
			out.WriteHeader(w.status)
			return
		}
		proxy.ServeHTTP(out, r)
	}))
	s.t.Cleanup(server.Close)
	return server.URL
}

// TestSmokeTest_TriesTheRunningSystem tries the real API over the real tables, and then APIs that do wrong.
func TestSmokeTest_TriesTheRunningSystem(t *testing.T) {
	s := startSystem(t, stack.Options{})
	equipment := smoketest.Equipment(s.Region)
	try := func(api string, within time.Duration, moment time.Time) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		one := smoketest.Try{
			API: api, Region: s.Region, HTTP: probe.NewHTTP(), Every: 100 * time.Millisecond,
			Header: http.Header{contract.NewTasksHeader: {contract.NewTasksValue}},
			Credentials: smoketest.Credentials{
				TokenURL: s.Info.TokenURL, ClientID: s.Info.ClientID, ClientSecret: s.Info.ClientSecret,
			},
		}
		return one.Run(ctx, moment)
	}
	left := func() int { return len(s.readings()) } // tombstones are none
	began := time.Now()
	for range 2 { // the second as after a lost answer
		if err := try(s.Info.APIURL, 2*time.Minute, began); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("two tries took %v", time.Since(began))
	if n := left(); n != 0 {
		t.Errorf("%d readings are left", n)
	}
	var held string
	for _, c := range []struct {
		name   string
		wrong  wrong
		reason string
		left   int
	}{
		{
			"an API that answers 500",
			wrong{call: "POST /sensor-data", status: http.StatusInternalServerError}, "write a reading: POST /sensor-data answered 500", 0,
		},
		{
			"an aggregate that is wrong",
			wrong{call: "GET /sensor-data/aggregated", change: func(body string) string {
				return strings.ReplaceAll(body, string(smoketest.Value), "36.7500000001")
			}},
			"read the aggregate: not yet: the aggregate of " + equipment, 0,
		},
		{
			"an aggregate that forgets nothing",
			wrong{call: "GET /sensor-data/aggregated", change: func(body string) string {
				if strings.Contains(body, string(smoketest.Value)) {
					held = body
				}
				return cmp.Or(held, body)
			}},
			"read the aggregate without it: not yet: the aggregate of " + equipment, 0,
		},
		{
			"tokens that are refused",
			wrong{call: "GET /auth/me", status: http.StatusUnauthorized}, "use the token: GET /auth/me answered 401", 0,
		},
		{
			"a deletion that is refused",
			wrong{call: "DELETE /sensor-data", parameter: "timestamp", status: http.StatusForbidden},
			"delete the reading: DELETE /sensor-data answered 403", 1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			for _, within := range []time.Duration{8 * time.Second, time.Minute} { // a busy machine comes to it later
				if err = try(s.behind(c.wrong), within, time.Now()); err == nil || strings.Contains(err.Error(), c.reason) {
					break
				}
			}
			if err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("the try ended with %v, not %s", err, c.reason)
			}
			if n := left(); n != c.left {
				t.Errorf("%d readings are left, not %d", n, c.left)
			}
		})
	}
	if err := try(s.Info.APIURL, 2*time.Minute, time.Now()); err != nil || left() != 0 {
		t.Errorf("after all that: %v, and %d readings are left", err, left())
	}
	s.quiet()
}
