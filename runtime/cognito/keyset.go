package cognito

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

const (
	// KeysUnknownRefreshMin is the least time between two fetches that a token with an unknown key id sets off.
	KeysUnknownRefreshMin = 30 * time.Second
	// KeysRefreshEvery is how old the keys become before they are fetched again.
	KeysRefreshEvery = time.Hour
	// keysRetryMin is the least time between fetches for other reasons: readiness without keys, and age.
	keysRetryMin = 5 * time.Second
	// keysTimeout bounds a fetch.
	keysTimeout = 5 * time.Second
	// keysBytesMax and keysMax bound what a fetch may bring; a pool publishes two keys of about 400 bytes.
	keysBytesMax = 64 << 10
	keysMax      = 32
	// keyBitsMin is the shortest RSA key that RFC 7518, section 3.3, allows.
	keyBitsMin = 2048
	// keyExponentMax keeps a verification cheap.
	keyExponentMax = 1<<31 - 1
)

// KeySet holds the public keys that a user pool publishes as a JSON Web Key Set (RFC 7517). Keys that are known are always
// returned at once and stay known while the issuer cannot be reached; fetching happens beside the requests, never twice at
// the same time.
//
// It is written here because the libraries that were looked at make requests wait for their rate limiter, and take no clock
// from outside.
type KeySet struct {
	url    string
	client *http.Client
	now    func() time.Time
	log    *slog.Logger

	// fetches ends when Close is called and is waited for through running.
	fetches context.Context //nolint:containedctx // it belongs to no call: fetches go on after the requests that begin them
	stop    context.CancelFunc
	running sync.WaitGroup

	mu             sync.Mutex
	closed         bool
	keys           map[string]*rsa.PublicKey // nil until a fetch has succeeded; replaced, never changed
	fetchedAt      time.Time                 // when the fetch that brought keys began
	triedAt        time.Time                 // when the last fetch began
	unknownTriedAt time.Time                 // when the last fetch for an unknown key id began
	err            error                     // of the last fetch
	fetching       chan struct{}             // closed when the fetch in flight ends; nil when there is none
}

// NewKeySet returns a KeySet that fetches from url when it is first asked. Failures of fetches that nobody waits for are
// logged. Close ends it.
func NewKeySet(url string, client *http.Client, now func() time.Time, log *slog.Logger) *KeySet {
	fetches, stop := context.WithCancel(context.Background())
	return &KeySet{url: url, client: client, now: now, log: log, fetches: fetches, stop: stop}
}

// Close ends a fetch in flight and waits for it. Known keys are still returned.
func (s *KeySet) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.running.Wait()
}

// Key returns the key of that id. For an unknown id it waits for a fetch, of which there is at most one every
// KeysUnknownRefreshMin, and returns auth.ErrUnknownKey if the issuer does not publish it. Where this cannot be told, since
// the last fetch failed or the next one must wait, the error is of kind fault.Unavailable and says for how long: the issuer
// may have begun to sign with a new key meanwhile.
func (s *KeySet) Key(ctx context.Context, id string) (*rsa.PublicKey, error) {
	key, wait, pause := s.lookUp(id)
	if key != nil {
		return key, nil
	}
	if err := await(ctx, wait); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch key := s.keys[id]; {
	case key != nil:
		return key, nil
	case s.err != nil:
		return nil, uncheckable(pause, s.err)
	case pause > 0:
		return nil, uncheckable(pause, errKeyPaused)
	}
	return nil, auth.ErrUnknownKey
}

var errKeyPaused = errors.New("the key is unknown, and the keys were fetched for another unknown one a moment ago")

func uncheckable(pause time.Duration, cause error) error {
	return &fault.Error{
		Kind: fault.Unavailable, Message: "the token cannot be checked now; try again shortly", RetryAfter: pause, Cause: cause,
	}
}

// Ready returns nil once keys are known. While none are it tries to fetch them and waits for that.
func (s *KeySet) Ready(ctx context.Context) error {
	s.mu.Lock()
	var wait <-chan struct{}
	switch {
	case s.keys != nil:
		s.refreshOld()
	case s.fetching != nil || s.now().Sub(s.triedAt) >= keysRetryMin:
		wait = s.fetch()
	}
	s.mu.Unlock()
	if err := await(ctx, wait); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		return s.err
	}
	return nil
}

// lookUp returns a known key, and otherwise the fetch to wait for, or for how long there must be none.
func (s *KeySet) lookUp(id string) (key *rsa.PublicKey, wait <-chan struct{}, pause time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key := s.keys[id]; key != nil {
		s.refreshOld()
		return key, nil, 0
	}
	if s.fetching != nil {
		return nil, s.fetching, 0
	}
	now := s.now()
	pause = s.unknownTriedAt.Add(KeysUnknownRefreshMin).Sub(now)
	switch {
	case s.triedAt.IsZero():
		// The very first fetch says nothing about the key id: the next unknown one may still set off another.
	case pause > 0:
		return nil, nil, pause
	default:
		s.unknownTriedAt = now
	}
	return nil, s.fetch(), 0
}

// refreshOld fetches the keys beside the request when they have become old. The caller holds mu.
func (s *KeySet) refreshOld() {
	now := s.now()
	if s.fetching == nil && now.Sub(s.fetchedAt) >= KeysRefreshEvery && now.Sub(s.triedAt) >= keysRetryMin {
		s.fetch()
	}
}

// fetch starts a fetch unless one is in flight, and returns what is closed when it ends. The caller holds mu.
func (s *KeySet) fetch() <-chan struct{} {
	if s.fetching != nil {
		return s.fetching
	}
	if s.closed {
		s.err = errors.New("the key set is closed")
		return nil
	}
	began, done := s.now(), make(chan struct{})
	s.triedAt, s.fetching = began, done
	s.running.Go(func() {
		keys, err := s.download(s.fetches)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.err, s.fetching = err, nil; err == nil {
			s.keys, s.fetchedAt = keys, began
		} else if s.keys != nil {
			s.log.WarnContext(s.fetches, "keys of the issuer could not be refreshed; those known go on working", "error", err.Error())
		}
		close(done)
	})
	return done
}

func (s *KeySet) download(ctx context.Context) (map[string]*rsa.PublicKey, error) {
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch keys: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("fetch keys: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch keys: status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, keysBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("fetch keys: %w", err)
	}
	if len(body) > keysBytesMax {
		return nil, fmt.Errorf("fetch keys: more than %d bytes", keysBytesMax)
	}
	return parseKeys(body)
}

// jsonWebKey holds the members of RFC 7517, section 4, and RFC 7518, section 6.3.1, that matter for RSA signatures.
type jsonWebKey struct {
	ID        string `json:"kid"`
	Type      string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	Modulus   string `json:"n"`
	Exponent  string `json:"e"`
}

// parseKeys reads a key set and leaves out what is not for verifying RS256. A set without any such key is an error, so
// that a broken answer does not replace good keys.
func parseKeys(body []byte) (map[string]*rsa.PublicKey, error) {
	var set struct {
		Keys []jsonWebKey `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	if len(set.Keys) > keysMax {
		return nil, fmt.Errorf("read keys: %d of them, at most %d are expected", len(set.Keys), keysMax)
	}
	keys := make(map[string]*rsa.PublicKey, len(set.Keys))
	for _, k := range set.Keys {
		if key, ok := k.publicKey(); ok {
			keys[k.ID] = key
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("read keys: none of them is an RSA key for signatures")
	}
	return keys, nil
}

func (k jsonWebKey) publicKey() (*rsa.PublicKey, bool) {
	if k.ID == "" || k.Type != "RSA" || k.Use != "sig" || (k.Algorithm != "" && k.Algorithm != "RS256") {
		return nil, false
	}
	n, errN := base64.RawURLEncoding.DecodeString(k.Modulus)
	e, errE := base64.RawURLEncoding.DecodeString(k.Exponent)
	if errN != nil || errE != nil {
		return nil, false
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if modulus.BitLen() < keyBitsMin || !acceptableExponent(exponent) {
		return nil, false
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, true
}

func acceptableExponent(e *big.Int) bool {
	return e.IsInt64() && e.Int64() >= 3 && e.Int64() <= keyExponentMax && e.Bit(0) == 1
}

func await(ctx context.Context, done <-chan struct{}) error {
	if done == nil {
		return nil
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for keys: %w", ctx.Err())
	}
}
