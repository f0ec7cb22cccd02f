package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/await"
)

// start runs a service with handler and returns its address, what ends it and what it returned.
func start(t *testing.T, s *service, handler http.Handler) (address string, stop context.CancelFunc, result chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.server = &http.Server{Handler: handler, ReadHeaderTimeout: time.Second}
	s.log = slog.New(slog.DiscardHandler)
	if s.begin == nil {
		s.begin = func() {}
	}
	if s.finish == nil {
		s.finish = func(context.Context) error { return nil }
	}
	ctx, stop := context.WithCancel(t.Context())
	result = make(chan error, 1)
	go func() { result <- s.serve(ctx, listener) }()
	return "http://" + listener.Addr().String(), stop, result
}

func get(t *testing.T, address string) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

func TestServe_AnswersWhatIsInFlightBeforeItEnds(t *testing.T) {
	var order []string
	entered, release := make(chan struct{}), make(chan struct{})
	address, stop, result := start(t, &service{
		drainTimeout: 10 * time.Second,
		begin:        func() { order = append(order, "begin"); close(release) },
		finish:       func(context.Context) error { order = append(order, "finish"); return nil },
	}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		_, _ = io.WriteString(w, "answered")
	}))
	answers := make(chan string, 1)
	go func() {
		text, err := get(t, address)
		answers <- text + errorText(err)
	}()
	<-entered
	stop()
	if got := <-answers; got != "answered" {
		t.Errorf("the request in flight got %q", got)
	}
	if err := <-result; err != nil {
		t.Errorf("serve: %v", err)
	}
	if got := strings.Join(order, " "); got != "begin finish" {
		t.Errorf("order %q", got)
	}
	if _, err := get(t, address); err == nil {
		t.Error("a request after the end was taken")
	}
}

func TestServe_GivesUpAfterTheDrainTimeout(t *testing.T) {
	entered := make(chan struct{})
	address, stop, result := start(t, &service{drainTimeout: 200 * time.Millisecond}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	}))
	go func() { _, _ = get(t, address) }()
	<-entered
	stop()
	if err := await.Receive(t, time.Minute, "the end of the service", result); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("serve: %v, want an error that tells that a request got no answer", err)
	}
}

func TestServe_ReportsAServerThatFails(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	s := &service{server: &http.Server{ReadHeaderTimeout: time.Second}, drainTimeout: time.Second, log: slog.New(slog.DiscardHandler)}
	if err := s.serve(t.Context(), listener); err == nil {
		t.Error("no error although nothing can be served")
	}
}

func TestServe_ReportsWhatCouldNotBeFinished(t *testing.T) {
	lost := errors.New("readings were not stored")
	_, stop, result := start(t, &service{drainTimeout: time.Second, finish: func(context.Context) error { return lost }}, http.NotFoundHandler())
	stop()
	if err := <-result; !errors.Is(err, lost) {
		t.Errorf("serve: %v", err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
