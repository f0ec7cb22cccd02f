// Package fuzz_test holds the fuzz targets of package httpapi, apart from its other tests: those hold answers to the OpenAPI
// document, and building what reads it with the fuzzer's instruments takes a minute.
package fuzz_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

const (
	machineToken = "machine"
	username     = "ada"
	password     = "pass:wörd:"
)

var testNow = time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)

// listing is what was asked of a Pager.
type listing struct {
	id       reading.EquipmentID
	from, to time.Time
	limit    int
}

// taken is every collaborator of an API: it remembers what handlers asked it for.
type taken struct {
	saved  []reading.Write
	asked  []listing
	sums   aggregate.Query
	after  csvfile.Position
	upload csvfile.Request
	files  map[string]string // by name
	last   time.Time         // of the next page's reading
	place  aggregate.Place   // where the next page of aggregates ends
	ended  csvfile.Position  // where the next page of uploads ends
	log    bytes.Buffer
}

func (k *taken) Save(_ context.Context, r reading.Write) error {
	k.saved = append(k.saved, r)
	return nil
}

func (k *taken) WriteInTurn(ctx context.Context, turn ingest.Turn, rs []reading.Write) error {
	leave, err := turn(ctx, len(rs))
	if err != nil {
		return err
	}
	defer leave()
	k.saved = append(k.saved, rs...)
	return nil
}

func (k *taken) Page(_ context.Context, id reading.EquipmentID, from, to time.Time, limit int, _ func(int) bool) ([]reading.Stored, time.Time, error) {
	k.asked = append(k.asked, listing{id, from, to, limit})
	return []reading.Stored{{Reading: reading.Reading{EquipmentID: id, Timestamp: k.last}, RegisterTime: testNow}}, k.last, nil
}

func (k *taken) Query(_ context.Context, q aggregate.Query) (aggregate.Answer, error) {
	k.sums = q
	return aggregate.Answer{Next: k.place}, nil
}

func (k *taken) Create(_ context.Context, r csvfile.Request) (csvfile.Ticket, error) {
	k.upload = r
	return csvfile.Ticket{Method: http.MethodPut, ExpiresAt: testNow}, nil
}

func (k *taken) Store(_ context.Context, fileName string, _ csvfile.Format, body io.Reader) (csvfile.Upload, error) {
	content, err := io.ReadAll(body)
	if err != nil {
		return csvfile.Upload{}, fmt.Errorf("read the file: %w", err)
	}
	k.files[fileName] = string(content)
	return csvfile.Upload{FileName: fileName}, nil
}

func (k *taken) Get(context.Context, string) (csvfile.Upload, string, error) {
	return csvfile.Upload{}, "", &fault.Error{Kind: fault.NotFound, Message: "there is no such upload"}
}

func (k *taken) List(_ context.Context, after csvfile.Position, _ int) ([]csvfile.Upload, bool, error) {
	k.after = after
	return []csvfile.Upload{{ID: k.ended.ID, CreatedAt: k.ended.CreatedAt}}, true, nil
}

func (k *taken) Login(_ context.Context, user, pass, _ string) (string, auth.Identity, error) {
	if user != username || pass != password {
		return "", auth.Identity{}, auth.ErrWrongCredentials
	}
	return "token", auth.Identity{}, nil
}

func (k *taken) Authenticate(_ context.Context, token string) (auth.Identity, error) {
	if token != machineToken {
		return auth.Identity{}, auth.ErrUnauthenticated
	}
	return auth.Identity{
		Subject: token, Username: token, Scopes: contract.Scopes(), ExpiresAt: testNow.Add(time.Hour),
	}, nil
}

func (k *taken) Logout(context.Context, string) error { return errors.New("nobody logs out") }

// target is an API without a network; a fuzzer's inputs come one after the other.
type target struct {
	api *httpapi.Server
	*taken
}

func newTarget(f *testing.F) *target {
	f.Helper()
	k := &taken{files: map[string]string{}}
	api, err := httpapi.New(httpapi.Dependencies{
		Saver: k, Batches: k, Pager: k, Uploads: k, UploadStatus: k, Windows: k, Authenticator: k,
		Logger: slog.New(slog.NewJSONHandler(&k.log, nil)), Now: func() time.Time { return testNow },
	}, httpapi.Options{})
	if err != nil {
		f.Fatal(err)
	}
	return &target{api, k}
}

// ask sends one request. A handler that panics makes the test fail.
func (g *target) ask(t testing.TB, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	g.saved, g.asked, g.sums, g.after, g.upload = nil, nil, aggregate.Query{}, csvfile.Position{}, csvfile.Request{}
	clear(g.files)
	g.log.Reset()
	w := httptest.NewRecorder()
	g.api.ServeHTTP(w, r)
	if w.Code >= http.StatusInternalServerError {
		t.Fatalf("status %d: %s", w.Code, g.log.String())
	}
	var p struct {
		Status  int
		Message string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); w.Code >= 400 && (err != nil || p.Status != w.Code || p.Message == "") {
		t.Fatalf("status %d with the body %s", w.Code, w.Body)
	}
	return w
}

func (g *target) post(t *testing.T, path, media string, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", media)
	r.Header.Set("Authorization", "Bearer "+machineToken)
	return g.ask(t, r)
}

// meant tells whether a JSON object says just what was stored of it, by another decoder than the handler's.
func meant(t *testing.T, text []byte, stored reading.Write) {
	t.Helper()
	var members map[string]json.RawMessage
	var id, timestamp string
	if err := json.Unmarshal(text, &members); err != nil || len(members) != 3 {
		t.Fatalf("%q was stored with %d members, error %v", text, len(members), err)
	}
	if json.Unmarshal(members["equipmentId"], &id) != nil || json.Unmarshal(members["timestamp"], &timestamp) != nil {
		t.Fatalf("%q was stored", text)
	}
	want, faults := reading.Parse(id, timestamp, string(members["value"]), reading.Limits{Now: testNow})
	if len(faults) > 0 || want.Key() != stored.Key() || want.Value != stored.Value {
		t.Errorf("%q was stored as %+v; faults %v", text, stored, faults)
	}
}

func basic(user, pass string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+pass))
}

func body(equipmentID, timestamp, value string) string {
	return fmt.Sprintf(`{"equipmentId":%q,"timestamp":%q,"value":%s}`, equipmentID, timestamp, value)
}
