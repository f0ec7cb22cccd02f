package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/memory"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/await"
)

// call sends a request and decodes the answer into into, unless that is nil.
func (i *instance) call(r *http.Request, status int, into any) *http.Response {
	i.t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		i.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		i.t.Fatal(err)
	}
	if response.StatusCode != status {
		i.t.Fatalf("%s %s: status %d, want %d: %s\n%s", r.Method, r.URL, response.StatusCode, status, text, i.log)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			i.t.Fatalf("%s: %v", text, err)
		}
	}
	return response
}

func (i *instance) request(method, path, token, body string) *http.Request {
	i.t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(i.t.Context()), method, i.url+path, strings.NewReader(body))
	if err != nil {
		i.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

func (i *instance) machineToken() string {
	i.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {machineID}, "client_secret": {machineSecret}}
	response, err := http.PostForm(i.pool.TokenURL(), form)
	if err != nil {
		i.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		i.t.Fatalf("no token: %v", err)
	}
	return answer.AccessToken
}

func now() string { return time.Now().UTC().Format(time.RFC3339Nano) }

func TestRun_PeopleSignInStoreAndSignOut(t *testing.T) {
	i := prepare(t)
	i.run()
	i.call(i.request("GET", "/readyz", "", ""), http.StatusOK, nil)
	login := i.request("POST", "/auth/login", "", "")
	login.SetBasicAuth(username, password)
	cookies := i.call(login, http.StatusOK, nil).Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies %v", cookies)
	}
	with := func(r *http.Request) *http.Request { r.AddCookie(cookies[0]); return r }
	at := now()
	i.call(with(i.request("POST", "/sensor-data", "", fmt.Sprintf(`{"equipmentId":"EQ-1","timestamp":%q,"value":0.10}`, at))), http.StatusCreated, nil)
	var page struct {
		Items []struct {
			EquipmentID, Timestamp string
			Value                  json.Number
		}
	}
	i.call(with(i.request("GET", "/sensor-data?equipmentId=EQ-1", "", "")), http.StatusOK, &page)
	if len(page.Items) != 1 || page.Items[0].Value != "0.1" || page.Items[0].Timestamp != at {
		t.Errorf("page %+v", page)
	}
	var window struct{ TotalCount int }
	i.call(with(i.request("GET", "/sensor-data/aggregated?interval=24h", "", "")), http.StatusOK, &window)
	i.call(with(i.request("POST", "/auth/logout", "", "")), http.StatusOK, nil)
	i.call(with(i.request("GET", "/auth/me", "", "")), http.StatusUnauthorized, nil)
	if log := i.log.String(); strings.Contains(log, cookies[0].Value) || strings.Contains(log, browserSecret) || strings.Contains(log, password) {
		t.Error("the log holds a secret")
	}
}

func TestRun_FilesComeByAddressAndByForm(t *testing.T) {
	i := prepare(t)
	i.run()
	token := i.machineToken()
	const content = "equipmentId,timestamp,value\nEQ-1,2026-03-01T08:30:00Z,1\n"
	var ticket struct {
		UploadID, Method, URL string
		Headers               map[string]string
	}
	i.call(i.request("POST", "/sensor-data/uploads", token, fmt.Sprintf(`{"fileName":"märz.csv","size":%d}`, len(content))), http.StatusCreated, &ticket)
	put := func(status int) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), ticket.Method, ticket.URL, strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range ticket.Headers {
			r.Header.Set(name, value)
		}
		i.call(r, status, nil)
	}
	put(http.StatusOK)
	put(http.StatusPreconditionFailed)

	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	part, _ := parts.CreateFormFile("file", "small.csv")
	_, _ = io.WriteString(part, content)
	_ = parts.Close()
	r := i.request("POST", "/sensor-data/upload-csv", token, form.String())
	r.Header.Set("Content-Type", parts.FormDataContentType())
	var small struct{ UploadID, FileName string }
	i.call(r, http.StatusCreated, &small)

	var list struct {
		Items      []struct{ UploadID, FileName, Status string }
		NextCursor string
	}
	var names []string
	for path := "/sensor-data/uploads?limit=1"; path != ""; {
		list.NextCursor = ""
		i.call(i.request("GET", path, token, ""), http.StatusOK, &list)
		for _, u := range list.Items {
			names = append(names, u.FileName+" "+u.Status)
		}
		if path = ""; list.NextCursor != "" {
			path = "/sensor-data/uploads?limit=1&cursor=" + list.NextCursor
		}
	}
	if want := []string{"small.csv awaiting-upload", "märz.csv awaiting-upload"}; !slices.Equal(names, want) {
		t.Errorf("list %v, want %v", names, want)
	}
	var one struct{ FileName string }
	i.call(i.request("GET", "/sensor-data/uploads/"+ticket.UploadID, token, ""), http.StatusOK, &one)
	i.call(i.request("GET", "/sensor-data/uploads/x", token, ""), http.StatusNotFound, nil)
	for body, status := range map[string]int{
		`{"fileName":"a.csv","size":0}`: 400, `{"fileName":"a.csv","size":53687091201}`: 413, `{"fileName":"a.txt","size":1}`: 400,
	} {
		i.call(i.request("POST", "/sensor-data/uploads", token, body), status, nil)
	}
	policy := i.call(i.request("GET", "/console", "", ""), http.StatusOK, nil).Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, s3Endpoint) {
		t.Errorf("the console may not send to the bucket: %s", policy)
	}
}

// Whatever was answered with 201 is in the table, also when the program is told to end in the middle of it.
func TestRun_DrainsWithoutLosingAnAcknowledgedReading(t *testing.T) {
	i := prepare(t)
	i.run()
	token := i.machineToken()
	const clients, beforeStop = 64, 640
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	var mu sync.Mutex
	acknowledged := map[reading.Key]bool{}
	enough := make(chan struct{})
	start := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	var group sync.WaitGroup
	for c := range clients {
		group.Go(func() {
			for n := 0; ; n++ {
				one := reading.Reading{EquipmentID: reading.EquipmentID(fmt.Sprintf("EQ-%d", c)), Timestamp: start.Add(time.Duration(n) * time.Millisecond)}
				response, err := client.Do(i.request("POST", "/sensor-data", token,
					fmt.Sprintf(`{"equipmentId":%q,"timestamp":%q,"value":%d}`, one.EquipmentID, reading.FormatTimestamp(one.Timestamp), n)))
				if err != nil {
					return // it has ended
				}
				text, _ := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if response.StatusCode != http.StatusCreated {
					t.Errorf("client %d, reading %d: status %d: %s", c, n, response.StatusCode, text)
					return
				}
				mu.Lock()
				if acknowledged[one.Key()] = true; len(acknowledged) == beforeStop {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	await.Receive(t, time.Minute, "enough readings", enough)
	i.stop()
	group.Wait()
	<-i.ended
	if i.err != nil {
		t.Errorf("run: %v", i.err)
	}
	readings := dynamo.NewReadings(dynamo.NewClient(awsConfig(dynamoEndpoint)), i.readings, region, 0)
	for c := range clients {
		for before, more := (time.Time{}), true; more; more = !before.IsZero() {
			var page []reading.Stored
			var err error
			if page, before, err = readings.Page(
				t.Context(), reading.EquipmentID(fmt.Sprintf("EQ-%d", c)), time.Time{}, before, contract.ReadingsPageMax, nil,
			); err != nil {
				t.Fatal(err)
			}
			for _, r := range page {
				delete(acknowledged, r.Key())
			}
		}
	}
	if len(acknowledged) > 0 {
		t.Errorf("%d acknowledged readings are lost", len(acknowledged))
	}
}

func TestRun_EndsWhereATableRefusesIt(t *testing.T) {
	i := prepare(t)
	for _, test := range []struct{ change, refused string }{
		{"READINGS_TABLE=missing", "readings table"},
		{"AGGREGATES_TABLE=missing", "aggregates table"},
		{"UPLOADS_TABLE=missing", "uploads table"},
		{"REVOCATIONS_TABLE=missing", "revocations table"},
	} {
		t.Run(test.refused, func(t *testing.T) {
			i.t = t
			err := run(t.Context(), nil, slices.Concat(i.environ, []string{"LISTEN_ADDRESS=127.0.0.1:0", test.change}), io.Discard)
			if err == nil || !strings.Contains(err.Error(), "the tables refuse this service") || !strings.Contains(err.Error(), test.refused) ||
				strings.Count(err.Error(), " table:") != 1 {
				t.Errorf("error %v", err)
			}
		})
	}
}

// readiness is what GET /readyz answers.
type readiness struct {
	Status string
	Parts  map[string]string
}

func TestRun_ReadinessNamesWhatIsAway(t *testing.T) {
	i := prepare(t)
	for _, test := range []struct {
		change string
		code   int
		want   readiness
	}{
		{"UPLOADS_BUCKET=missing", http.StatusOK, readiness{"degraded", map[string]string{"tables": "ready", "bucket": "unready", "keys": "ready"}}},
		{"USER_POOL_JWKS_URL=http://127.0.0.1:1/keys", http.StatusServiceUnavailable, readiness{"unready", map[string]string{"tables": "ready", "bucket": "ready", "keys": "unready"}}},
	} {
		t.Run(test.change, func(t *testing.T) {
			one := *i
			one.t = t
			one.run(test.change, "DRAIN_TIMEOUT=1s")
			one.wantReady(test.code, test.want) // a busy machine may not hear from the tables the first time
			one.call(one.request("GET", "/healthz", "", ""), http.StatusOK, nil)
		})
	}
}

func TestRun_StartsWhileNothingElseIsThere(t *testing.T) {
	i := prepare(t)
	for _, service := range []string{"DYNAMODB", "S3", "COGNITO_IDENTITY_PROVIDER"} {
		t.Setenv("AWS_ENDPOINT_URL_"+service, "http://127.0.0.1:1")
	}
	i.run("USER_POOL_JWKS_URL=http://127.0.0.1:1/keys", "DRAIN_TIMEOUT=1s")
	var got readiness
	i.call(i.request("GET", "/readyz", "", ""), http.StatusServiceUnavailable, &got)
	if want := (readiness{"unready", map[string]string{"tables": "unready", "bucket": "unready", "keys": "unready"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("answer %+v", got)
	}
	i.call(i.request("GET", "/healthz", "", ""), http.StatusOK, nil)
	address := strings.TrimPrefix(i.url, "http://")
	if err := run(t.Context(), []string{"healthcheck"}, append(i.environ, "LISTEN_ADDRESS="+address), io.Discard); err != nil {
		t.Errorf("healthcheck: %v", err)
	}
	i.stop()
	<-i.ended
	if i.err != nil {
		t.Errorf("run: %v", i.err)
	}
	if err := run(t.Context(), []string{"healthcheck"}, append(i.environ, "LISTEN_ADDRESS="+address), io.Discard); err == nil {
		t.Error("healthcheck: no error although nothing listens")
	}
}

func TestRun_RefusesWhatIsWrongForGood(t *testing.T) {
	i := prepare(t)
	for _, test := range []struct {
		name   string
		args   []string
		change string
		want   string
	}{
		{"a key without a value", nil, "READINGS_TABLE=", "READINGS_TABLE must be set"},
		{"profiles for everybody", nil, "PPROF_ADDRESS=:6060", "PPROF_ADDRESS must be an address of this machine alone"},
		{"unknown arguments", []string{"serve"}, "", `unknown arguments ["serve"]`},
		{"an address that is not this machine's", nil, "LISTEN_ADDRESS=192.0.2.1:80", "listen"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := run(ctx, test.args, append(i.environ, test.change), io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
	t.Run("an endpoint that is none", func(t *testing.T) {
		t.Setenv("AWS_ENDPOINT_URL_S3", "nowhere")
		cfg, err := config.LoadAPI(i.environ)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wire(t.Context(), cfg, memory.PlanFor(memory.LimitDefault), config.NewLogger(io.Discard, cfg.LogLevel)); err == nil {
			t.Error("no error")
		}
	})
}
