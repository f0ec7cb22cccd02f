package cognito_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/cognito"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/test/await"
)

// clock is a clock that stands until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// signingKeys are made once: making one takes longer than all tests together.
var signingKeys = sync.OnceValue(func() []*rsa.PrivateKey {
	keys := make([]*rsa.PrivateKey, 2)
	for i := range keys {
		var err error
		if keys[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			panic(err)
		}
	}
	return keys
})

// jwk writes a key as an issuer publishes it; change may spoil it.
func jwk(id string, key *rsa.PublicKey, change func(map[string]any)) map[string]any {
	encode := base64.RawURLEncoding.EncodeToString
	m := map[string]any{
		"kid": id, "kty": "RSA", "use": "sig", "alg": "RS256", "n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes()),
	}
	if change != nil {
		change(m)
	}
	return m
}

// issuer publishes keys and counts how often it is asked.
type issuer struct {
	asked atomic.Int64

	mu   sync.Mutex
	keys []map[string]any
	// answer, where set, is used in place of the keys.
	answer http.HandlerFunc
}

func (i *issuer) publish(keys ...map[string]any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys, i.answer = keys, nil
}

func (i *issuer) fail(answer http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = answer
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.asked.Add(1)
	i.mu.Lock()
	keys, answer := i.keys, i.answer
	i.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": keys})
}

func down(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "down", http.StatusServiceUnavailable)
}

type fixture struct {
	*issuer
	*clock
	set *cognito.KeySet
	log *bytes.Buffer
}

// newFixture publishes the first key as "one".
func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{issuer: &issuer{}, clock: newClock(), log: &bytes.Buffer{}}
	f.publish(jwk("one", &signingKeys()[0].PublicKey, nil))
	server := httptest.NewServer(f.issuer)
	t.Cleanup(server.Close)
	f.set = cognito.NewKeySet(server.URL, server.Client(), f.Now, slog.New(slog.NewTextHandler(f.log, nil)))
	t.Cleanup(f.set.Close)
	return f
}

// wantKey asks for a key and expects it.
func (f *fixture) wantKey(t *testing.T, id string) *rsa.PublicKey {
	t.Helper()
	key, err := f.set.Key(t.Context(), id)
	if err != nil {
		t.Fatalf("key %s: %v", id, err)
	}
	return key
}

func (f *fixture) wantUnknown(t *testing.T, id string) {
	t.Helper()
	if key, err := f.set.Key(t.Context(), id); !errors.Is(err, auth.ErrUnknownKey) || key != nil {
		t.Fatalf("key %s: %v, error %v; want ErrUnknownKey", id, key, err)
	}
}

func (f *fixture) wantAsked(t *testing.T, want int64) {
	t.Helper()
	if got := f.asked.Load(); got != want {
		t.Errorf("the issuer was asked %d times, want %d", got, want)
	}
}

func TestKey_ReturnsAPublishedKeyAndAsksOnce(t *testing.T) {
	f := newFixture(t)
	for range 3 {
		if !f.wantKey(t, "one").Equal(&signingKeys()[0].PublicKey) {
			t.Error("the key is another")
		}
	}
	f.wantAsked(t, 1)
}

func TestKey_RefreshesForAnUnknownIDAtMostEvery30Seconds(t *testing.T) {
	f := newFixture(t)
	f.wantKey(t, "one")
	f.publish(jwk("one", &signingKeys()[0].PublicKey, nil), jwk("two", &signingKeys()[1].PublicKey, nil))
	f.wantKey(t, "two") // at once, although the first keys have just come
	f.wantAsked(t, 2)
	for range 5 {
		f.wantPaused(t, "three", cognito.KeysUnknownRefreshMin)
	}
	f.advance(cognito.KeysUnknownRefreshMin - time.Nanosecond)
	f.wantPaused(t, "four", time.Nanosecond)
	f.wantAsked(t, 2)
	f.advance(time.Nanosecond)
	f.wantUnknown(t, "three")
	f.wantAsked(t, 3)
	f.wantPaused(t, "three", cognito.KeysUnknownRefreshMin)
	f.wantAsked(t, 3)
}

// wantPaused wants the answer that nobody can tell for so long whether the key exists: the issuer may have begun to use it
// since the last fetch, and a client whose token is good must not be told that it is not.
func (f *fixture) wantPaused(t *testing.T, id string, pause time.Duration) {
	t.Helper()
	_, err := f.set.Key(t.Context(), id)
	var told *fault.Error
	if !errors.As(err, &told) || told.Kind != fault.Unavailable || told.RetryAfter != pause || errors.Is(err, auth.ErrUnknownKey) {
		t.Errorf("key %s: %v, want it to be unavailable for %s", id, err, pause)
	}
}

func TestKey_AStormOfUnknownIDsSetsOffOneFetch(t *testing.T) {
	f := newFixture(t)
	f.wantKey(t, "one")
	release := make(chan struct{})
	f.fail(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{
			jwk("one", &signingKeys()[0].PublicKey, nil), jwk("two", &signingKeys()[1].PublicKey, nil),
		}})
	})
	var waiting sync.WaitGroup
	for n := range 64 {
		waiting.Go(func() {
			id := fmt.Sprintf("unknown-%d", n)
			if n%2 == 0 {
				id = "two"
			}
			key, err := f.set.Key(t.Context(), id)
			// Whoever asks after the fetch has ended meets the pause, in which nothing can be told of an unknown key.
			unknown := errors.Is(err, auth.ErrUnknownKey) || fault.KindOf(err) == fault.Unavailable
			if n%2 == 0 && (err != nil || key == nil) || n%2 == 1 && !unknown {
				t.Errorf("key %s: %v, error %v", id, key, err)
			}
		})
	}
	// While the fetch hangs, a known key is there at once.
	await.True(t, time.Minute, "the fetch hangs", func() bool { return f.asked.Load() == 2 })
	f.wantKey(t, "one")
	close(release)
	waiting.Wait()
	f.wantAsked(t, 2)
}

func TestKey_KnownKeysGoOnWorkingWhileTheIssuerIsDown(t *testing.T) {
	f := newFixture(t)
	f.wantKey(t, "one")
	f.fail(down)
	for range 20 {
		f.advance(cognito.KeysRefreshEvery)
		f.wantKey(t, "one")
	}
	// Whether the issuer has published this one cannot be told.
	if _, err := f.set.Key(t.Context(), "two"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("unknown key: %v, want it to be unavailable", err)
	}
	if err := f.set.Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	f.set.Close() // so that the log is complete
	if text := f.log.String(); !strings.Contains(text, "could not be refreshed") || !strings.Contains(text, "status 503") {
		t.Errorf("log %q", text)
	}
}

func TestKey_RefreshesOldKeysBesideTheRequest(t *testing.T) {
	f := newFixture(t)
	f.wantKey(t, "one")
	f.publish(jwk("two", &signingKeys()[1].PublicKey, nil))
	f.advance(cognito.KeysRefreshEvery - time.Nanosecond)
	f.wantKey(t, "one")
	f.wantAsked(t, 1)
	f.advance(time.Nanosecond)
	f.wantKey(t, "one") // the old one still: the request does not wait
	await.True(t, time.Minute, "the keys are refreshed", func() bool { _, err := f.set.Key(t.Context(), "two"); return err == nil })
	f.wantUnknown(t, "one") // the issuer has withdrawn it
}

func TestReady_FailsUntilTheIssuerAnswersAndThenRecovers(t *testing.T) {
	f := newFixture(t)
	f.fail(down)
	if err := f.set.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "status 503") {
		t.Fatalf("ready: %v", err)
	}
	if _, err := f.set.Key(t.Context(), "one"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("key: %v, want it to be unavailable", err)
	}
	asked := f.asked.Load()
	for range 5 { // probes in a row do not press the issuer
		if err := f.set.Ready(t.Context()); err == nil {
			t.Error("ready without keys")
		}
	}
	f.wantAsked(t, asked)
	f.publish(jwk("one", &signingKeys()[0].PublicKey, nil))
	f.advance(5 * time.Second)
	if err := f.set.Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	f.wantKey(t, "one")
}

func TestKey_AtStartAnUnreachableIssuerIsAskedAtMostTwiceIn30Seconds(t *testing.T) {
	f := newFixture(t)
	f.fail(down)
	for range 29 {
		if _, err := f.set.Key(t.Context(), "one"); fault.KindOf(err) != fault.Unavailable {
			t.Fatalf("key: %v", err)
		}
		f.advance(time.Second)
	}
	f.wantAsked(t, 2) // the first load, and one refresh for the unknown id
	f.publish(jwk("one", &signingKeys()[0].PublicKey, nil))
	f.advance(2 * time.Second) // 30 s after the second
	f.wantKey(t, "one")
}

func TestKey_TakesRSAKeysForSignaturesOnly(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := &signingKeys()[0].PublicKey
	f := newFixture(t)
	set := func(name string, value any) func(map[string]any) {
		return func(m map[string]any) { m[name] = value }
	}
	f.publish(
		jwk("encryption", good, set("use", "enc")), jwk("no-use", good, set("use", "")), jwk("curve", good, set("kty", "EC")),
		jwk("symmetric", good, set("kty", "oct")), jwk("other-algorithm", good, set("alg", "RS512")), jwk("", good, nil),
		jwk("short", &short.PublicKey, nil), jwk("even-exponent", good, set("e", "Ag")), jwk("exponent-one", good, set("e", "AQ")),
		jwk("long-exponent", good, set("e", strings.Repeat("_", 20))), jwk("broken-modulus", good, set("n", "!")),
		jwk("broken-exponent", good, set("e", "!")), jwk("no-modulus", good, set("n", "")),
		jwk("no-algorithm", good, set("alg", "")), jwk("good", good, nil),
	)
	f.wantKey(t, "good")
	f.wantKey(t, "no-algorithm")
	for _, id := range []string{
		"encryption", "no-use", "curve", "symmetric", "other-algorithm", "", "short", "even-exponent", "exponent-one",
		"long-exponent", "broken-modulus", "broken-exponent", "no-modulus",
	} {
		f.advance(cognito.KeysUnknownRefreshMin)
		f.wantUnknown(t, id)
	}
}

func TestKey_ABrokenAnswerDoesNotReplaceGoodKeys(t *testing.T) {
	many := make([]map[string]any, 40)
	for i := range many {
		many[i] = jwk(fmt.Sprint(i), &signingKeys()[0].PublicKey, nil)
	}
	manyText, err := json.Marshal(map[string]any{"keys": many})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"not JSON": "<html>", "no keys": `{"keys":[]}`, "another document": `{"issuer":"https://example.com"}`,
		"too large": `{"keys":[],"x":"` + strings.Repeat("x", 65<<10) + `"}`, "too many": string(manyText), "cut off": `{"keys":[{"kid":"one`,
	} {
		f := newFixture(t)
		f.wantKey(t, "one")
		f.fail(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
		if _, err := f.set.Key(t.Context(), "two"); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: %v, want it to be unavailable", name, err)
		}
		f.wantAsked(t, 2)
		f.wantKey(t, "one")
	}
}

func TestKey_AGivenUpRequestDoesNotEndTheFetchForOthers(t *testing.T) {
	f := newFixture(t)
	release := make(chan struct{})
	f.fail(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{jwk("one", &signingKeys()[0].PublicKey, nil)}})
	})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := f.set.Key(ctx, "one"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	close(release)
	f.wantKey(t, "one")
	f.wantAsked(t, 1)
}

func TestClose_EndsAHangingFetch(t *testing.T) {
	f := newFixture(t)
	release := make(chan struct{})
	defer close(release)
	f.fail(func(http.ResponseWriter, *http.Request) { <-release })
	result := make(chan error, 1)
	go func() { _, err := f.set.Key(t.Context(), "one"); result <- err }()
	await.True(t, time.Minute, "the fetch hangs", func() bool { return f.asked.Load() > 0 })
	f.set.Close()
	if err := <-result; fault.KindOf(err) != fault.Unavailable {
		t.Errorf("error %v", err)
	}
	f.advance(time.Hour)
	if _, err := f.set.Key(t.Context(), "one"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("after Close: %v", err)
	}
	f.wantAsked(t, 1)
}
