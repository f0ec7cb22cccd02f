package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/smoketest"
)

const token, clientSecret = "TOKEN-OF-THE-MACHINE", "SECRET-OF-THE-MACHINE"

// served answers requests without a network, so that the clock of a test can go fast.
type served struct{ http.Handler }

func (s served) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, r)
	return answer.Result(), nil
}

// region is an API with its token endpoint. Its aggregate follows after some looks.
type region struct {
	looks   int            // of the aggregate, until it follows
	counts  string         // what the aggregate says in place of the right count and total
	status  map[string]int // what a call answers in place of the usual
	stored  bool
	shown   bool
	left    int
	written []string
	headers map[string]int // requests to the API with the header of new tasks, by path
}

func (s *region) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := r.Method + " " + r.URL.Path
	if r.Header.Get(contract.NewTasksHeader) == contract.NewTasksValue {
		s.headers[r.URL.Path]++
	}
	if status := s.status[call]; status != 0 {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"detail":"as the test wants it"}`))
		return
	}
	switch call {
	case "POST /oauth2/token":
		_, _ = w.Write([]byte(`{"access_token":"` + token + `"}`))
	case "POST /auth/login":
		w.WriteHeader(http.StatusUnauthorized)
	case "GET /sensor-data/aggregated":
		if s.stored != s.shown {
			if s.left--; s.left <= 0 {
				s.shown = s.stored
			}
		}
		items := `[]`
		if s.shown {
			hour := s.moment().Truncate(time.Hour).Unix()
			encoded, _ := json.Marshal(hour)
			counts := cmp.Or(s.counts, `"sampleCount":1,"totalValue":`+string(smoketest.Value))
			items = `[{"intervalStart":` + string(encoded) + `,` + counts + `}]`
		}
		_, _ = w.Write([]byte(`{"items":` + items + `}`))
	case "POST /sensor-data":
		var in struct{ Timestamp string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		s.written, s.stored, s.left = append(s.written, in.Timestamp), true, s.looks
		w.WriteHeader(http.StatusCreated)
	case "DELETE /sensor-data":
		s.stored, s.left = false, s.looks
		_, _ = w.Write([]byte(`{"deleted":1}`))
	}
}

func (s *region) moment() time.Time {
	last, _ := time.Parse(time.RFC3339Nano, s.written[len(s.written)-1])
	return last
}

func newHandler(s *region) (*handler, *bytes.Buffer) {
	s.headers = map[string]int{}
	var log bytes.Buffer
	return &handler{
		region: "eu-west-1", api: "https://api.example.com", client: &http.Client{Transport: served{s}}, every: time.Second,
		now: time.Now, log: slog.New(slog.NewJSONHandler(&log, nil)),
		credentials: func(context.Context) (smoketest.Credentials, error) {
			return smoketest.Credentials{TokenURL: "https://auth.example.com/oauth2/token", ClientID: "id", ClientSecret: clientSecret}, nil
		},
	}, &log
}

// invoke gives the handler two minutes, as Lambda does.
func invoke(t *testing.T, h *handler, e string) answer {
	t.Helper()
	var decoded event
	if err := json.Unmarshal([]byte(e), &decoded); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	a, err := h.handle(ctx, decoded)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const fromECS = `{"serviceArn":"arn:aws:ecs:eu-west-1:111122223333:service/a/b","lifecycleStage":"POST_TEST_TRAFFIC_SHIFT","hookDetails":null}`

func TestHandle_SucceedsOnceTheAggregateHasFollowedTwice(t *testing.T) {
	for name, e := range map[string]string{"ECS": fromECS, "the pipeline": `{}`} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &region{looks: 5}
				h, log := newHandler(s)
				if a := invoke(t, h, e); a != (answer{Status: statusSucceeded}) {
					t.Errorf("the answer is %+v\n%s", a, log)
				}
				if s.stored || s.shown {
					t.Error("the reading is still there")
				}
				if got := s.headers["/sensor-data"] > 0 && s.headers["/auth/login"] > 0; got != (e == fromECS) {
					t.Errorf("new tasks were asked: %v", s.headers)
				}
				if s.headers["/oauth2/token"] != 0 {
					t.Error("the token endpoint is told of new tasks")
				}
			})
		})
	}
}

// TestHandle_IsInvokedAgainWithTheSameReading is a stream that starts after three minutes.
func TestHandle_IsInvokedAgainWithTheSameReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &region{looks: 150}
		h, log := newHandler(s)
		a := invoke(t, h, fromECS)
		if a.Status != statusInProgress || a.Delay != again || a.Details == nil || a.Reason != "" {
			t.Fatalf("the answer is %+v\n%s", a, log)
		}
		s.looks = 0
		time.Sleep(time.Duration(a.Delay) * time.Second)
		encoded, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		next := `{"lifecycleStage":"POST_TEST_TRAFFIC_SHIFT",` + strings.TrimPrefix(string(encoded), "{")
		if a := invoke(t, h, next); a.Status != statusSucceeded {
			t.Errorf("then the answer is %+v\n%s", a, log)
		}
		if len(s.written) != 2 || s.written[0] != s.written[1] {
			t.Errorf("two invocations wrote %v", s.written)
		}
	})
}

// TestHandle_FailsWithAReason is for what is wrong, and for what stays away longer than the patience lasts.
func TestHandle_FailsWithAReason(t *testing.T) {
	for name, c := range map[string]struct {
		region      region
		invocations int
		reason      string
	}{
		"a write that fails":              {region{status: map[string]int{"POST /sensor-data": 500}}, 1, "write a reading: POST /sensor-data answered 500, not 201"},
		"a token that is refused":         {region{status: map[string]int{"GET /auth/me": 401}}, 1, "use the token: GET /auth/me answered 401"},
		"a client that is unknown":        {region{status: map[string]int{"POST /oauth2/token": 400}}, 1, "sign in: get a token: POST /oauth2/token answered 400"},
		"a pool that is out of reach":     {region{status: map[string]int{"POST /auth/login": 500}}, 1, "refuse a stranger: POST /auth/login answered 500, not 401"},
		"a deletion that is refused":      {region{status: map[string]int{"DELETE /sensor-data": 403}}, 1, "clear what earlier tries left: DELETE /sensor-data answered 403, not 200"},
		"an aggregate that never follows": {region{looks: 1000}, 3, "read the aggregate: not yet: the aggregate of sensorflow.smoketest.eu-west-1"},
		"an aggregate of another count": {region{counts: `"sampleCount":2,"totalValue":` + string(smoketest.Value)}, 3,
			"read the aggregate: not yet: the aggregate of sensorflow.smoketest.eu-west-1"},
		"an aggregate of another total": {region{counts: `"sampleCount":1,"totalValue":36.7`}, 3,
			"read the aggregate: not yet: the aggregate of sensorflow.smoketest.eu-west-1"},
		"tasks that are never there": {region{status: map[string]int{"GET /auth/me": 503}}, 3, "use the token: not yet: GET /auth/me answered 503"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				h, log := newHandler(&c.region)
				e, invocations := `{}`, 0
				var a answer
				for a.Status == "" || a.Status == statusInProgress {
					invocations++
					a = invoke(t, h, e)
					encoded, _ := json.Marshal(a)
					e = string(encoded) // as the pipeline sends it back
					time.Sleep(time.Duration(a.Delay) * time.Second)
				}
				if a.Status != statusFailed || !strings.HasPrefix(a.Reason, c.reason) || invocations != c.invocations {
					t.Errorf("after %d invocations the answer is %+v", invocations, a)
				}
				if took := time.Since(began); took > patience+answerTime {
					t.Errorf("it took %v", took)
				}
				var last struct{ Level, Reason string }
				lines := strings.Split(strings.TrimSpace(log.String()), "\n")
				if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Level != "ERROR" || last.Reason != a.Reason {
					t.Errorf("the log says %q: %v", lines[len(lines)-1], err)
				}
				if strings.Contains(log.String(), token) || strings.Contains(log.String(), clientSecret) {
					t.Errorf("the log holds a secret:\n%s", log)
				}
				if c.region.stored && c.region.status["DELETE /sensor-data"] == 0 {
					t.Error("the reading of a failed try is still there")
				}
			})
		})
	}
}

func TestHandle_TellsEcsNoMoreThanItAsksFor(t *testing.T) {
	h, _ := newHandler(&region{status: map[string]int{"POST /sensor-data": 500}})
	if a := invoke(t, h, fromECS); a != (answer{Status: statusFailed}) {
		t.Errorf("the answer is %+v", a)
	}
	h.credentials = func(context.Context) (smoketest.Credentials, error) {
		return smoketest.Credentials{}, errors.New("no secret")
	}
	if a := invoke(t, h, `{}`); a != (answer{Status: statusFailed, Reason: "no secret"}) {
		t.Errorf("without credentials the answer is %+v", a)
	}
}

func TestCredentialsOf_ReadsTheFieldsOfTheConstruct(t *testing.T) {
	got, err := credentialsOf(`{"token_url":"https://auth.example.com/oauth2/token","client_id":"id","client_secret":"` + clientSecret + `"}`)
	want := smoketest.Credentials{TokenURL: "https://auth.example.com/oauth2/token", ClientID: "id", ClientSecret: clientSecret}
	if got != want || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, wrong := range []string{`{"client_id":"id","client_secret":"` + clientSecret + `"}`, `"` + clientSecret + `"`, ""} {
		if _, err := credentialsOf(wrong); err == nil || strings.Contains(err.Error(), clientSecret) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}
