package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/load/report"
	"github.com/sensorflow/sensorflow/test/load/users"
)

// refusing is a service that takes the token and stores nothing.
func refusing(t *testing.T, post http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/sensor-data" {
			post(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// hijacked writes a text in place of an answer, and closes the connection.
func hijacked(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
	}
}

// A service that stores nothing has no latencies, least of all good ones. What fails is no answer.
func TestRun_SaysThatNothingWasStored(t *testing.T) {
	for name, test := range map[string]struct {
		post     http.HandlerFunc
		reason   string
		answered bool
	}{
		"refuses":               {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, "status 503", true},
		"answers with no HTTP":  {hijacked("SSH-2.0-x\r\n\r\n"), "answer not understood", false},
		"closes the connection": {hijacked(""), "connection broken", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, progress strings.Builder
			values := map[string]string{"USERS": "20", "RAMP": "1s", "DURATION": "3s", "URL": refusing(t, test.post), "TOKEN": "given"}
			err := run(t.Context(), func(key string) string { return values[key] }, &out, &progress)
			want := regexp.MustCompile(`^nothing was stored of \d+ readings that were offered: \d+ ` + test.reason + `$`)
			if err == nil || !want.MatchString(err.Error()) || statusOf(err) != 1 {
				t.Errorf("error %v with status %d, want %s with 1", err, statusOf(err), want)
			}
			figures := out.String()
			if !regexp.MustCompile(`\nload_failed [1-9]\d* requests\nload_rps 0\.0 requests/s\n$`).MatchString(figures) || strings.Contains(figures, "p50") {
				t.Errorf("the summary is\n%s", figures)
			}
			if !regexp.MustCompile(`in the ramp, which is not measured, 20 of 20 failed  20 ` + test.reason + `\n`).MatchString(figures) {
				t.Errorf("the summary does not tell of the ramp:\n%s", figures)
			}
			told := progress.String()
			if answered := regexp.MustCompile(` [1-9]\d*/s answered`).MatchString(told); answered != test.answered || strings.Contains(told, "p50 0.00") {
				t.Errorf("answered: %v, want %v:\n%s", answered, test.answered, told)
			}
			if !strings.Contains(told, " failed, and 20 in the ramp\n") {
				t.Errorf("how it goes does not tell of the ramp:\n%s", told)
			}
			_, page, _ := strings.Cut(figures, "page: ")
			page, _, _ = strings.Cut(page, "\n")
			_ = os.Remove("../../" + page) // pages are for people
		})
	}
}

// The statuses are told apart: a run whose outcome is bad, and one that could not finish.
func TestJudge_TellsLostFromNothing(t *testing.T) {
	some := &users.Result{Pace: users.Pace{Users: 1, Measured: time.Second}, Total: users.Count{Offered: 1}}
	some.Total.Accepted.Add(time.Millisecond)
	for _, test := range []struct {
		r    report.Report
		want string
	}{
		{report.Report{Result: some}, ""},
		{report.Report{Result: some, Found: &report.Found{Stored: 3, Found: 3}}, ""},
		{report.Report{Result: some, Found: &report.Found{Stored: 3, Found: 1}}, "2 of 3 readings that were answered with 201 are lost"},
		{report.Report{Result: &users.Result{}}, "nothing was to be sent in the measured time: take more USERS or a longer DURATION"},
	} {
		got, status := "", 0
		if err := judge(&test.r); err != nil {
			got, status = err.Error(), 1
		}
		if got != test.want || statusOf(judge(&test.r)) != status {
			t.Errorf("%q with status %d, want %q", got, statusOf(judge(&test.r)), test.want)
		}
	}
	if status := statusOf(errors.New("no service")); status != 2 {
		t.Errorf("what could not finish has status %d", status)
	}
}

func TestTell_ShowsFailuresOfTheRampAsSuch(t *testing.T) {
	pace := users.Pace{Ramp: 5 * time.Second, Measured: time.Minute}
	for _, test := range []struct {
		p    users.Progress
		want string
	}{
		{users.Progress{Elapsed: 2 * time.Second, RampFailures: 7, Recent: users.Count{Offered: 20, Answered: 13}}, "13/s answered  p50 - ms  p99 - ms  7 failed in the ramp\n"},
		{users.Progress{Elapsed: 20 * time.Second, RampFailures: 7, Failures: 2}, "  2 failed, and 7 in the ramp\n"},
		{users.Progress{Elapsed: 20 * time.Second, Failures: 2}, "  2 failed\n"},
	} {
		var b strings.Builder
		tell(&b, pace, test.p)
		if !strings.HasSuffix(b.String(), test.want) {
			t.Errorf("%q, want %q", b.String(), test.want)
		}
	}
}
