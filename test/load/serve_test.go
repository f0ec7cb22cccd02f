package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/await"
)

func TestServe_TellsAnotherClientWhatItNeeds(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/auth/me" || r.Header.Get("Authorization") != "Bearer given" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer service.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	told, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		values := map[string]string{"SERVE": "1", "URL": service.URL, "TOKEN": "given", "DURATION": "1m30s"}
		ended <- run(ctx, func(key string) string { return values[key] }, out, io.Discard)
		_ = out.Close()
	}()
	lines := make([]byte, 1000)
	n, err := told.Read(lines)
	if want := "URL=" + service.URL + "\nTOKEN=given\nDURATION=90s\n"; err != nil || string(lines[:n]) != want {
		t.Errorf("told %q, want %q, error %v", lines[:n], want, err)
	}
	cancel()
	if err := await.Receive(t, time.Minute, "the end", ended); err != nil {
		t.Error(err)
	}
}

// Neither a service that is not there nor one that takes no token is told to a client, which would count a minute of failures.
func TestServe_RefusesWhatCannotBeLoaded(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer refuses.Close()
	for _, test := range []struct{ url, token, want string }{
		{closed.URL, "given", " does not answer: "},
		{refuses.URL, "given", " does not take the token: status 401"},
		{closed.URL, "", " needs a TOKEN: it is not the local system that .local/stack.json tells of"},
		{closed.URL + "?x=1", "given", "URL must be an address"},
	} {
		values := map[string]string{"SERVE": "1", "URL": test.url, "TOKEN": test.token}
		var out strings.Builder
		err := run(t.Context(), func(key string) string { return values[key] }, &out, io.Discard)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") || out.Len() > 0 {
			t.Errorf("%+v: error %v, told %q", test, err, &out)
		}
	}
}
