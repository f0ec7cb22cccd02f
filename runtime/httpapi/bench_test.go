package httpapi_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// BenchmarkPostReading measures what the API itself costs for one reading, without network and table: checks of a real,
// remembered token and of the reading, answer and log line. Beside it runs a bare handler that reads the same body and
// writes the same answer; x-bare is how many times as long the API takes, which does not depend on the machine.
func BenchmarkPostReading(b *testing.B) {
	token, authenticator := remembered(b)
	api := benchmarked(b, authenticator)
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			EquipmentID, Timestamp string
			Value                  json.Number
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			b.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(struct{ Message, ID string }{"Data saved successfully", in.EquipmentID})
	})
	var took [2]time.Duration
	for b.Loop() {
		for i, handler := range []http.Handler{api, bare} {
			took[i] += postOne(b, handler, token)
		}
	}
	b.ReportMetric(0, "ns/op") // of both together, with what the test itself does
	b.ReportMetric(float64(took[0].Nanoseconds())/float64(b.N), "api-ns/op")
	b.ReportMetric(float64(took[0])/float64(took[1]), "x-bare")
	b.ReportMetric(allocationsOf(b, api, token), "api-allocs/op")
}

// postOne has a handler take one reading in.
func postOne(tb testing.TB, handler http.Handler, token string) time.Duration {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodPost, "/sensor-data", strings.NewReader(body("EQ-12495", "2026-03-01T08:30:00Z", "78.42")))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	began := time.Now()
	if handler.ServeHTTP(w, r); w.Code != http.StatusCreated {
		tb.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return time.Since(began)
}

// allocationsOf counts those of a handler for one reading, without what it takes to ask it.
func allocationsOf(tb testing.TB, handler http.Handler, token string) float64 {
	tb.Helper()
	nothing := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
	const runs = 200
	return testing.AllocsPerRun(runs, func() { postOne(tb, handler, token) }) - testing.AllocsPerRun(runs, func() { postOne(tb, nothing, token) })
}

// remembered returns a token and the service that knows it.
func remembered(b testing.TB) (string, *auth.Service) {
	b.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": "issuer", "sub": "m", "client_id": "m", "token_use": "access", "scope": contract.ScopeWrite, "exp": testNow.Add(time.Hour).Unix(),
	})
	token.Header["kid"] = "k"
	text, err := token.SignedString(key)
	if err != nil {
		b.Fatal(err)
	}
	service, err := auth.NewService(nil, neverRevoked{}, oneKey{&key.PublicKey}, auth.Options{
		Issuer: "issuer", ClientID: "c", MachineClientIDs: []string{"m"}, Now: func() time.Time { return testNow },
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := service.RefreshLogouts(b.Context()); err != nil {
		b.Fatal(err)
	}
	return text, service
}

type oneKey struct{ key *rsa.PublicKey }

func (k oneKey) Key(context.Context, string) (*rsa.PublicKey, error) { return k.key, nil }

func (k oneKey) Ready(context.Context) error { return nil }

type neverRevoked struct{}

func (neverRevoked) Revoke(context.Context, string, time.Time, time.Time) error { return nil }

func (neverRevoked) RevokedIn(context.Context, time.Time, time.Time, func(string, time.Time)) error {
	return nil
}

// BenchmarkPostBatch measures the same for 5,000 readings.
func BenchmarkPostBatch(b *testing.B) {
	benchmarkPost(b, "/sensor-data/batch", "["+manyReadings(5000, ",")+"]")
}

func benchmarked(b testing.TB, a httpapi.Authenticator) *httpapi.Server {
	b.Helper()
	api, err := httpapi.New(httpapi.Dependencies{
		Saver: discard{}, Batches: discardBatches{}, Authenticator: a,
		Logger: slog.New(slog.NewJSONHandler(discard{}, nil)), Now: func() time.Time { return testNow },
	}, httpapi.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return api
}

func benchmarkPost(b *testing.B, path, text string) {
	b.Helper()
	api := benchmarked(b, &authenticator{})
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, path, strings.NewReader(text))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+tokenWriter)
		w := httptest.NewRecorder()
		if api.ServeHTTP(w, r); w.Code != http.StatusCreated {
			b.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
}

// discard takes everything and keeps nothing.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func (discard) Save(context.Context, reading.Write) error { return nil }

type discardBatches struct{}

func (discardBatches) WriteInTurn(context.Context, ingest.Turn, []reading.Write) error { return nil }

// A reading costs the collector little: what the handler allocates for one, without the table, is bounded.
func TestPost_AllocatesLittleForAReading(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector, under which the short tests run, allocates too")
	}
	const allocationsMax = 70
	token, authenticator := remembered(t)
	if n := allocationsOf(t, benchmarked(t, authenticator), token); n > allocationsMax {
		t.Errorf("%.0f allocations, more than %d", n, allocationsMax)
	}
}
