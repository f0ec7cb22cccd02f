package attack_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// throttledEquipment sends readings of an equipment of which the table takes none, beside those of others.
func throttledEquipment(t *testing.T, s *target) {
	const noisy = "noisy"
	s.table.turnOn(0, tableLatency)
	s.table.throttle(noisy)
	const throttledRate, othersRate, lasts = 100, 3000, 20 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	var work sync.WaitGroup
	var noisyGot, othersGot *openLoop
	work.Go(func() { noisyGot = s.sendOpenLoop(ctx, t, throttledRate, func(int) string { return noisy }) })
	work.Go(func() {
		othersGot = s.sendOpenLoop(ctx, t, othersRate, func(n int) string { return fmt.Sprintf("other-%d", n%1000) })
	})
	work.Wait()
	s.table.mu.Lock()
	refused := s.table.refused
	s.table.mu.Unlock()
	t.Logf("throttled at %d/s: %v, with %d attempts; others at %d/s: %v, p50 %v, p99 %v", throttledRate, noisyGot.got, refused, othersRate, othersGot.got,
		othersGot.percentile(50), othersGot.percentile(99))
	if share := othersGot.got.share(http.StatusCreated); share < 1 {
		t.Errorf("%.1f %% of the others' readings were stored, want all", 100*share)
	}
	if p99 := othersGot.percentile(99); p99 > time.Second {
		t.Errorf("the others' readings wait %v", p99)
	}
}

// openLoop is what became of requests that are sent at a rate, however long the answers take.
type openLoop struct {
	mu   sync.Mutex
	got  status
	took []time.Duration
}

func (o *openLoop) percentile(p int) time.Duration {
	if len(o.took) == 0 {
		return 0
	}
	slices.Sort(o.took)
	return o.took[min(len(o.took)*p/100, len(o.took)-1)].Round(100 * time.Microsecond)
}

// sendOpenLoop sends single readings until ctx ends and waits for the answers.
func (s *target) sendOpenLoop(ctx context.Context, t *testing.T, perSecond int, equipment func(n int) string) *openLoop {
	t.Helper()
	client := &probe.Client{Base: s.Info.APIURL, Token: s.Client.Token, HTTP: &http.Client{
		Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConns: 4096, MaxIdleConnsPerHost: 4096},
	}}
	defer client.HTTP.CloseIdleConnections()
	o := &openLoop{got: status{}}
	var work sync.WaitGroup
	began, sent := time.Now(), 0
	for ; ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
		for due := int(time.Since(began).Seconds() * float64(perSecond)); sent < due; sent++ {
			body := []byte(reading(equipment(sent), sent))
			work.Go(func() {
				from := time.Now()
				answer, err := client.Do(t.Context(), probe.Call{Path: "/sensor-data", Body: body})
				o.mu.Lock()
				defer o.mu.Unlock()
				if err != nil {
					answer.Status = 0
				}
				o.got[answer.Status]++
				o.took = append(o.took, time.Since(from))
			})
		}
	}
	work.Wait()
	return o
}

// longNames fails to sign in under names that nobody has, from another address than the guesses that are being limited.
func longNames(t *testing.T, s *target) {
	const victim = "victim@example.com"
	guess := func(client *http.Client, name string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Info.APIURL+"/auth/login", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(name+":wrong")))
		answer, err := (&probe.Client{HTTP: client}).Send(r)
		if err != nil {
			return 0
		}
		return answer.Status
	}
	own, other := clientFrom("127.0.0.1"), clientFrom("127.0.0.2")
	for range 6 {
		guess(own, victim)
	}
	if code := guess(own, victim); code != http.StatusTooManyRequests {
		t.Fatalf("after six wrong sign-ins the answer is %d", code)
	}
	// The wait that follows the fifth is 10 s: what follows must be quicker.
	names := sized(400, 10_100)
	var mu sync.Mutex
	got := status{}
	var work sync.WaitGroup
	lanes := make(chan struct{}, 1000)
	began := time.Now()
	for n := range names {
		lanes <- struct{}{}
		work.Go(func() {
			defer func() { <-lanes }()
			code := guess(other, fmt.Sprintf("%d%s", n, strings.Repeat("n", 140)))
			mu.Lock()
			defer mu.Unlock()
			got[code]++
		})
	}
	work.Wait()
	took := time.Since(began)
	after := guess(own, victim)
	t.Logf("%d sign-ins under long names from one address in %.1f s: %v; then the limited guess: %d", names, took.Seconds(), got, after)
	if got[http.StatusTooManyRequests] == 0 {
		t.Error("one address may fail under any number of names")
	}
	if after != http.StatusTooManyRequests && took < 9*time.Second {
		t.Errorf("the limiter has forgotten: the limited guess is answered %d", after)
	}
}

// clientFrom returns a client whose connections come from one of this machine's addresses.
func clientFrom(address string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 1000}}
}

// bucketAway stops the bucket: readings and aggregates need it for nothing.
func bucketAway(t *testing.T, s *target) {
	for _, pid := range s.PIDs()[stack.PartS3] {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = syscall.Kill(pid, syscall.SIGCONT) }()
	}
	ready, stored := status{}, status{}
	var body []byte
	for n := range sized(8, 40) {
		answer, err := s.Client.Do(t.Context(), probe.Call{Path: "/readyz"})
		if err != nil {
			t.Fatal(err)
		}
		body = answer.Body
		ready[answer.Status]++
		if answer, err = s.Client.Do(t.Context(), probe.Call{Path: "/sensor-data", Body: []byte(reading("bucket", n))}); err != nil {
			t.Fatal(err)
		}
		stored[answer.Status]++
		time.Sleep(500 * time.Millisecond)
	}
	t.Logf("while the bucket is away readiness is %v, readings are answered %v; the last body: %s", ready, stored, body)
	if ready.share(http.StatusOK) < 1 || stored.share(http.StatusCreated) < 1 {
		t.Error("readiness falls, or readings are refused")
	}
	if !strings.Contains(string(body), `"degraded"`) {
		t.Error("readiness does not say that the service is degraded")
	}
}
