package main

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
)

// faulty lets some calls to DynamoDB fail as they do in AWS: half of them before anything was done, half of them after it was, so that
// the service cannot tell. None fails before it begins, so that faults meet the load and not the start of what is loaded.
type faulty struct {
	percent int
	begun   atomic.Bool
}

func (f *faulty) begin() { f.begun.Store(true) }

func (f *faulty) wrap(forward http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !f.begun.Load() || rand.IntN(100) >= f.percent { //nolint:gosec // a test's faults are no secret
			forward.ServeHTTP(w, r)
			return
		}
		if rand.IntN(2) == 0 { //nolint:gosec // likewise
			forward.ServeHTTP(httptest.NewRecorder(), r)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte(`{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"made up by a load test"}`))
	})
}
