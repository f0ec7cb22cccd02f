package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/await"
)

// breakable is a service behind a switch. While it is away its connections are taken and nothing is answered, as by a service
// that is paused: a caller cannot tell that from a slow one.
type breakable struct {
	url  string
	away atomic.Bool
}

func newBreakable(t *testing.T, of string) *breakable {
	t.Helper()
	target, err := url.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // which the signature covers
	}}
	b := &breakable{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b.away.Load() {
			_, _ = io.Copy(io.Discard, r.Body) // the server sees only then that the caller has left
			<-r.Context().Done()
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

// wantReady waits until readiness has an answer. The program asks at most once a second.
func (i *instance) wantReady(status int, want readiness) {
	i.t.Helper()
	await.True(i.t, time.Minute, fmt.Sprintf("readiness is %d %v", status, want), func() bool {
		response, err := http.DefaultClient.Do(i.request("GET", "/readyz", "", ""))
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }()
		text, _ := io.ReadAll(response.Body)
		var got readiness
		return response.StatusCode == status && json.Unmarshal(text, &got) == nil && reflect.DeepEqual(got, want)
	})
}

func verdicts(tables, bucket, keys string) map[string]string {
	return map[string]string{"tables": tables, "bucket": bucket, "keys": keys}
}

// alive checks what keeps ECS from replacing the task: the load balancer's check and the container's own.
func (i *instance) alive() {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), 2*time.Second)
	defer cancel()
	i.call(i.request("GET", "/healthz", "", "").WithContext(ctx), http.StatusOK, nil)
	address := "LISTEN_ADDRESS=" + strings.TrimPrefix(i.url, "http://")
	if err := run(ctx, []string{"healthcheck"}, append(i.environ, address), io.Discard); err != nil {
		i.t.Errorf("the container's health check: %v", err)
	}
}

// Readings and aggregates need no bucket, so that the region keeps its traffic.
func TestRun_TakesReadingsWhileTheBucketIsAway(t *testing.T) {
	i := prepare(t)
	bucket := newBreakable(t, s3Endpoint)
	t.Setenv("AWS_ENDPOINT_URL_S3", bucket.url)
	i.run("DRAIN_TIMEOUT=1s")
	token := i.machineToken()
	i.wantReady(http.StatusOK, readiness{"ready", verdicts("ready", "ready", "ready")})
	bucket.away.Store(true)
	i.wantReady(http.StatusOK, readiness{"degraded", verdicts("ready", "unready", "ready")})
	i.call(i.request("POST", "/sensor-data", token, fmt.Sprintf(`{"equipmentId":"EQ-1","timestamp":%q,"value":1}`, now())), http.StatusCreated, nil)
	i.call(i.request("POST", "/sensor-data/batch", token, fmt.Sprintf(`[{"equipmentId":"EQ-1","timestamp":%q,"value":2}]`, now())), http.StatusCreated, nil)
	var page struct{ Items []any }
	if i.call(i.request("GET", "/sensor-data?equipmentId=EQ-1", token, ""), http.StatusOK, &page); len(page.Items) != 2 {
		t.Errorf("%d readings are stored", len(page.Items))
	}
	i.call(i.request("GET", "/sensor-data/aggregated?interval=24h", token, ""), http.StatusOK, nil)
	i.alive()
	bucket.away.Store(false)
	i.wantReady(http.StatusOK, readiness{"ready", verdicts("ready", "ready", "ready")})
}

// To replace tasks does not bring tables back.
func TestRun_StaysAliveWhileTheTablesAreAway(t *testing.T) {
	i := prepare(t)
	tables := newBreakable(t, dynamoEndpoint)
	t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", tables.url)
	i.run("DRAIN_TIMEOUT=1s")
	token := i.machineToken()
	i.wantReady(http.StatusOK, readiness{"ready", verdicts("ready", "ready", "ready")})
	tables.away.Store(true)
	i.wantReady(http.StatusServiceUnavailable, readiness{"unready", verdicts("unready", "ready", "ready")})
	i.alive()
	one := fmt.Sprintf(`{"equipmentId":"EQ-1","timestamp":%q,"value":1}`, now())
	refused := i.call(i.request("POST", "/sensor-data", token, one), http.StatusServiceUnavailable, nil)
	if refused.Header.Get("Retry-After") == "" {
		t.Error("a reading is refused without Retry-After")
	}
	i.alive()
	tables.away.Store(false)
	i.wantReady(http.StatusOK, readiness{"ready", verdicts("ready", "ready", "ready")})
	i.call(i.request("POST", "/sensor-data", token, one), http.StatusCreated, nil)
}
