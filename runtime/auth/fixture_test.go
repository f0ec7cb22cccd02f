package auth_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

const (
	testIssuer    = "https://issuer.example/pool"
	browserClient = "browser"
	machineClient = "machine"
	keyID         = "key-1"
)

// signingKeys are made once, since that takes longest: the pool's and a stranger's.
var signingKeys = sync.OnceValue(func() [2]*rsa.PrivateKey {
	var keys [2]*rsa.PrivateKey
	for i := range keys {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

// object is a JSON object of a token.
type object map[string]any

// with returns the object with members set, or taken out where the value is nil.
func (o object) with(changes object) object {
	changed := object{}
	for name, value := range o {
		changed[name] = value
	}
	for name, value := range changes {
		if changed[name] = value; value == nil {
			delete(changed, name)
		}
	}
	return changed
}

func segment(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

var header = object{"alg": "RS256", "kid": keyID}

// signed makes a token out of any header and claims, with an RS256 signature whatever the header says.
func signed(header, claims any, key *rsa.PrivateKey) string {
	text := segment(header) + "." + segment(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func token(claims object) string { return signed(header, claims, signingKeys()[0]) }

// fixture is a Service whose collaborators and clock a test can look into.
type fixture struct {
	testing.TB
	*auth.Service
	log *bytes.Buffer

	mu         sync.Mutex
	now        time.Time
	slept      []time.Duration
	keysAsked  int
	keysErr    error
	asked      int // the store of revocations
	storeErr   error
	ask        func(ctx context.Context) // runs before the store answers
	revoked    map[string]logout         // by the token's hash
	passwords  map[string]string         // of the people
	attempts   []string                  // user names that reached the directory
	signInErr  error
	signIn     func() // runs before the directory answers
	signInText string // a token that the directory gives out instead of a good one
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{
		TB: t, now: time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC), revoked: map[string]logout{}, log: &bytes.Buffer{},
		passwords: map[string]string{"ada": "right"},
	}
	service, err := auth.NewService(f.directory(), revocations{f}, keys{f}, auth.Options{
		Issuer: testIssuer, ClientID: browserClient, MachineClientIDs: []string{machineClient}, Now: f.clock,
		Sleep: func(_ context.Context, d time.Duration) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.slept = append(f.slept, d)
			return nil
		},
		Logger: slog.New(slog.NewTextHandler(f.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Service = service
	if err := f.RefreshLogouts(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fixture) advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// claims of a person's ID token, which is valid for an hour.
func (f *fixture) idClaims() object {
	return object{
		"iss": testIssuer, "sub": "sub-ada", "aud": browserClient, "token_use": "id", "exp": f.clock().Add(time.Hour).Unix(),
		"cognito:username": "ada", "email": "ada@example.com", "cognito:groups": []string{"operators"},
	}
}

// machineClaims of an access token of the client credentials grant.
func (f *fixture) machineClaims() object {
	return object{
		"iss": testIssuer, "sub": machineClient, "client_id": machineClient, "token_use": "access",
		"scope": "sensor-flow/read sensor-flow/write", "exp": f.clock().Add(time.Hour).Unix(),
	}
}

func (f *fixture) accepts(what, token string) auth.Identity {
	f.Helper()
	id, err := f.Authenticate(f.Context(), token)
	if err != nil {
		f.Errorf("%s: %v", what, err)
	}
	return id
}

func (f *fixture) refuses(what, token string) {
	f.Helper()
	if id, err := f.Authenticate(f.Context(), token); !errors.Is(err, auth.ErrUnauthenticated) || id.Subject != "" {
		f.Errorf("%s: identity %+v, error %v; want ErrUnauthenticated", what, id, err)
	}
}

func (f *fixture) wantUnavailable(what string, err error) {
	f.Helper()
	if fault.KindOf(err) != fault.Unavailable || errors.Is(err, auth.ErrUnauthenticated) {
		f.Errorf("%s: error %v, want one of kind unavailable", what, err)
	}
}

// keys publishes the pool's key.
type keys struct{ *fixture }

func (k keys) Key(_ context.Context, id string) (*rsa.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keysAsked++
	switch {
	case k.keysErr != nil:
		return nil, k.keysErr
	case id == keyID:
		return &signingKeys()[0].PublicKey, nil
	}
	return nil, auth.ErrUnknownKey
}

func (k keys) Ready(context.Context) error { return k.keysErr }

// logout is an entry of the table of revocations.
type logout struct{ at, expiresAt time.Time }

// revocations is the table of tokens that were logged out.
type revocations struct{ *fixture }

func (r revocations) Revoke(_ context.Context, hash string, at, expiresAt time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.storeErr != nil {
		return r.storeErr
	}
	r.revoked[hash] = logout{at, expiresAt}
	return nil
}

func (r revocations) RevokedIn(ctx context.Context, hour, from time.Time, take func(string, time.Time)) error {
	r.mu.Lock()
	r.asked++
	found := map[string]time.Time{}
	for hash, l := range r.revoked {
		if l.at.Truncate(time.Hour).Equal(hour) && !l.at.Before(from) {
			found[hash] = l.expiresAt
		}
	}
	err, ask := r.storeErr, r.ask
	r.mu.Unlock()
	if ask != nil {
		ask(ctx)
	}
	if err != nil || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	for hash, expiresAt := range found {
		take(hash, expiresAt)
	}
	return nil
}

// people is the user pool.
type people struct{ *fixture }

func (f *fixture) directory() auth.Directory { return people{f} }

func (p people) SignIn(_ context.Context, username, password string) (string, error) {
	if p.signIn != nil {
		p.signIn()
	}
	p.mu.Lock()
	p.attempts = append(p.attempts, username)
	err, text := p.signInErr, p.signInText
	right, known := p.passwords[username]
	p.mu.Unlock()
	switch {
	case err != nil:
		return "", err
	case !known || right != password:
		return "", auth.ErrWrongCredentials
	case text != "":
		return text, nil
	}
	return token(p.idClaims().with(object{"cognito:username": username, "sub": "sub-" + username})), nil
}
