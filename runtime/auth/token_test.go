package auth_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

func TestNewService_RejectsMissingIssuerOrClient(t *testing.T) {
	for _, o := range []auth.Options{{}, {Issuer: testIssuer}, {ClientID: browserClient}} {
		if _, err := auth.NewService(nil, nil, nil, o); err == nil {
			t.Errorf("%+v: no error, and tokens of anybody would pass", o)
		}
	}
}

func TestAuthenticate_ReadsPeopleAndMachines(t *testing.T) {
	f := newFixture(t)
	both := []string{contract.ScopeRead, contract.ScopeWrite}
	expires := f.clock().Add(time.Hour)
	access := f.machineClaims().with(object{"client_id": browserClient, "sub": "sub-ada", "username": "ada", "scope": "aws.cognito.signin.user.admin"})
	for _, test := range []struct {
		name   string
		claims object
		want   auth.Identity
	}{
		{"an ID token", f.idClaims(), auth.Identity{Subject: "sub-ada", Username: "ada", Email: "ada@example.com", Groups: []string{"operators"}, Scopes: both, ExpiresAt: expires, Person: true}},
		{"its aud as an array", f.idClaims().with(object{"aud": []string{browserClient}, "cognito:groups": nil, "email": nil}), auth.Identity{Subject: "sub-ada", Username: "ada", Scopes: both, ExpiresAt: expires, Person: true}},
		{"a person's access token", access, auth.Identity{Subject: "sub-ada", Username: "ada", Scopes: both, ExpiresAt: expires, Person: true}},
		{"an ID token of an administrator", f.idClaims().with(object{"cognito:groups": []string{"operators", "admin"}}), auth.Identity{Subject: "sub-ada", Username: "ada", Email: "ada@example.com", Groups: []string{"operators", "admin"}, Scopes: contract.Scopes(), ExpiresAt: expires, Person: true}},
		{"a machine that may delete", f.machineClaims().with(object{"scope": "sensor-flow/admin"}), auth.Identity{Subject: machineClient, Username: machineClient, Scopes: []string{contract.ScopeAdmin}, ExpiresAt: expires}},
		{"a machine that claims the group", f.machineClaims().with(object{"cognito:groups": []string{"admin"}}), auth.Identity{Subject: machineClient, Username: machineClient, Groups: []string{"admin"}, Scopes: both, ExpiresAt: expires}},
		{"a machine", f.machineClaims(), auth.Identity{Subject: machineClient, Username: machineClient, Scopes: both, ExpiresAt: expires}},
		{"a machine that may read", f.machineClaims().with(object{"scope": "other/write sensor-flow/read sensor-flow/read"}), auth.Identity{Subject: machineClient, Username: machineClient, Scopes: both[:1], ExpiresAt: expires}},
		{"a machine that may nothing", f.machineClaims().with(object{"scope": "sensor-flow/writer xsensor-flow/read"}), auth.Identity{Subject: machineClient, Username: machineClient, Scopes: []string{}, ExpiresAt: expires}},
		{"nbf and iat a minute ahead", f.machineClaims().with(object{"nbf": f.clock().Add(time.Minute).Unix(), "iat": f.clock().Add(time.Minute).Unix(), "scope": nil}), auth.Identity{Subject: machineClient, Username: machineClient, Scopes: []string{}, ExpiresAt: expires}},
	} {
		got := f.accepts(test.name, token(test.claims))
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestAuthenticate_RejectsClaimsThatDoNotHold(t *testing.T) {
	f := newFixture(t)
	now := f.clock().Unix()
	for _, test := range []struct {
		name    string
		machine bool
		change  object
	}{
		{name: "another issuer", change: object{"iss": "https://issuer.example/other"}},
		{name: "the issuer with a slash", change: object{"iss": testIssuer + "/"}},
		{name: "no issuer", change: object{"iss": nil}},
		{name: "expired now", change: object{"exp": now}},
		{name: "expired long ago", change: object{"exp": now - 3600}},
		{name: "never expires", change: object{"exp": nil}},
		{name: "exp 0", change: object{"exp": 0}},
		{name: "exp beyond numbers", change: object{"exp": 1e300}},
		{name: "exp as an object", change: object{"exp": object{}}},
		{name: "expired within the leeway of other times", change: object{"exp": now - 30}},
		{name: "not yet valid", change: object{"nbf": now + 61}},
		{name: "issued in the future", change: object{"iat": now + 61}},
		{name: "nbf that is no number", change: object{"nbf": "soon"}},
		{name: "another audience", change: object{"aud": "other"}},
		{name: "a machine's audience", change: object{"aud": machineClient}},
		{name: "two audiences", change: object{"aud": []string{browserClient, "other"}}},
		{name: "no audience", change: object{"aud": nil}},
		{name: "no audience but the client", change: object{"aud": nil, "client_id": browserClient}},
		{name: "no use", change: object{"token_use": nil}},
		{name: "another use", change: object{"token_use": "refresh"}},
		{name: "an ID token as an access token", change: object{"token_use": "access"}},
		{name: "no subject", change: object{"sub": nil}},
		{name: "no user name", change: object{"cognito:username": nil}},
		{name: "a machine of another service", machine: true, change: object{"client_id": "other"}},
		{name: "a machine without client", machine: true, change: object{"client_id": nil}},
		{name: "an audience in place of the client", machine: true, change: object{"client_id": nil, "aud": machineClient}},
		{name: "an access token as an ID token", machine: true, change: object{"token_use": "id"}},
		{name: "a person's access token without user name", machine: true, change: object{"client_id": browserClient}},
		{name: "a scope that is an array", machine: true, change: object{"scope": []string{contract.ScopeRead}}},
	} {
		claims := f.idClaims()
		if test.machine {
			claims = f.machineClaims()
		}
		f.refuses(test.name, token(claims.with(test.change)))
	}
	f.accepts("the neighbour of all", token(f.idClaims().with(object{"exp": now + 1})))
}

func TestAuthenticate_RejectsOtherSignatures(t *testing.T) {
	f := newFixture(t)
	pool, stranger := signingKeys()[0], signingKeys()[1]
	claims := f.idClaims()
	good := token(claims)
	parts := strings.Split(good, ".")
	der, err := x509.MarshalPKIXPublicKey(&pool.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	hs256 := func(secret []byte) string {
		text := segment(header.with(object{"alg": "HS256"})) + "." + parts[1]
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(text))
		return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	other := func(method jwt.SigningMethod) string { // signed as its header says, with the pool's own key
		token := jwt.NewWithClaims(method, jwt.MapClaims(claims))
		token.Header["kid"] = keyID
		text, err := token.SignedString(pool)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	jwk := object{"kty": "RSA", "kid": keyID, "e": "AQAB", "n": base64.RawURLEncoding.EncodeToString(stranger.N.Bytes())}
	for name, token := range map[string]string{
		"a stranger's key":                 signed(header, claims, stranger),
		"a stranger's key inside":          signed(header.with(object{"jwk": jwk}), claims, stranger),
		"a stranger's key elsewhere":       signed(header.with(object{"jku": "https://evil.example/keys"}), claims, stranger),
		"alg none":                         segment(header.with(object{"alg": "none"})) + "." + parts[1] + ".",
		"alg None":                         segment(header.with(object{"alg": "None"})) + "." + parts[1] + ".",
		"alg none with a signature":        signed(header.with(object{"alg": "none"}), claims, pool),
		"no alg":                           signed(header.with(object{"alg": nil}), claims, pool),
		"alg in lower case":                signed(header.with(object{"alg": "rs256"}), claims, pool),
		"alg RS512":                        other(jwt.SigningMethodRS512),
		"alg PS256":                        other(jwt.SigningMethodPS256),
		"alg RS512 by name":                signed(header.with(object{"alg": "RS512"}), claims, pool),
		"HS256 with the public key as PEM": hs256(public),
		"HS256 with the public key as DER": hs256(der),
		"HS256 with the modulus":           hs256(pool.N.Bytes()),
		"HS256 with nothing":               hs256(nil),
		"no key id":                        signed(header.with(object{"kid": nil}), claims, pool),
		"an unknown key id":                signed(header.with(object{"kid": "key-2"}), claims, pool),
		"a key id that is a number":        signed(header.with(object{"kid": 1}), claims, pool),
		"a key id of 257 characters":       signed(header.with(object{"kid": strings.Repeat("k", 257)}), claims, pool),
		"critical extensions":              signed(header.with(object{"crit": []string{"exp"}}), claims, pool),
		"claims that are an array":         signed(header, []int{1}, pool),
		"claims that are null":             signed(header, nil, pool),
		"a header that is an array":        signed([]int{1}, claims, pool),
		"other claims":                     parts[0] + "." + segment(claims.with(object{"sub": "sub-eve"})) + "." + parts[2],
		"no signature":                     parts[0] + "." + parts[1] + ".",
		"half a signature":                 good[:len(good)-100],
		"two parts":                        parts[0] + "." + parts[1],
		"four parts":                       good + ".x",
		"five parts":                       good + "..",
		"only dots":                        "..",
		"nothing":                          "",
		"a space before":                   " " + good,
		"a line break inside":              good[:len(good)-10] + "\n" + good[len(good)-10:],
		"padding":                          good + "==",
		"another text of the signature":    good[:len(good)-1] + string(nextInAlphabet(good[len(good)-1])),
		"the standard alphabet":            strings.NewReplacer("-", "+", "_", "/").Replace(good + "-"),
		"a null byte":                      good + "\x00",
		"17 KB":                            good + strings.Repeat("A", 16<<10),
	} {
		f.refuses(name, token)
	}
	f.accepts("the good one", good)
}

// nextInAlphabet changes only the lowest bits of a character, which at the end of a 2,048-bit signature are not used.
func nextInAlphabet(c byte) byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, c)+1]
}

func TestAuthenticate_RemembersATokenUntilItExpires(t *testing.T) {
	f := newFixture(t)
	text := token(f.idClaims())
	for range 50 {
		f.accepts("again", text)
	}
	if f.keysAsked != 1 {
		t.Errorf("the signature was checked %d times", f.keysAsked)
	}
	f.keysErr = errors.New("the issuer is gone")
	f.advance(time.Hour - time.Second)
	f.refresh()
	f.accepts("a second before its end", text)
	f.advance(time.Second)
	f.refuses("at its end", text)
	f.refuses("after its end", text)
}

func TestAuthenticate_KeepsWhatItRemembersToItself(t *testing.T) {
	f := newFixture(t)
	text := token(f.machineClaims().with(object{"scope": contract.ScopeRead}))
	for range 2 {
		id := f.accepts("a machine", text)
		id.Scopes[0] = contract.ScopeWrite
		_ = append(id.Scopes, contract.ScopeWrite)
	}
	if id := f.accepts("again", text); !slices.Equal(id.Scopes, []string{contract.ScopeRead}) {
		t.Errorf("a caller changed what others are told: %v", id.Scopes)
	}
}

// What is remembered is bounded in bytes too: an identity is as large as the groups in its token.
func TestAuthenticate_DoesNotRememberALargeToken(t *testing.T) {
	f := newFixture(t)
	groups := make([]string, 30)
	for i := range groups {
		groups[i] = strings.Repeat("g", 128)
	}
	for name, c := range map[string]struct {
		groups []string
		checks int
	}{"a few groups": {groups[:3], 1}, "many groups": {groups, 3}} {
		before := f.keysAsked
		text := token(f.idClaims().with(object{"cognito:groups": c.groups}))
		for range 3 {
			f.accepts(name, text)
		}
		if checks := f.keysAsked - before; checks != c.checks {
			t.Errorf("%s: the signature was checked %d times, want %d", name, checks, c.checks)
		}
	}
}

func TestAuthenticate_DoesNotRememberARefusal(t *testing.T) {
	f := newFixture(t)
	text := token(f.idClaims().with(object{"nbf": f.clock().Add(2 * time.Minute).Unix()}))
	f.refuses("too early", text)
	f.advance(time.Minute)
	f.refresh()
	f.accepts("in time", text)
}

func TestAuthenticate_IsUnavailableWithoutKeys(t *testing.T) {
	f := newFixture(t)
	text := token(f.idClaims())
	f.keysErr = &fault.Error{Kind: fault.Unavailable, Message: "tokens cannot be checked now"}
	_, err := f.Authenticate(t.Context(), text)
	f.wantUnavailable("keys out of reach", err)
	f.wantUnavailable("logout with keys out of reach", f.Logout(t.Context(), text))
	if err := f.Ready(t.Context()); err == nil {
		t.Error("ready without keys")
	}
	f.keysErr = nil
	f.accepts("keys are back", text)
	if err := f.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestIdentity_HasItsScopesAndNoOther(t *testing.T) {
	id := auth.Identity{Scopes: []string{contract.ScopeRead}}
	if !id.Has(contract.ScopeRead) || id.Has(contract.ScopeWrite) || id.Has("") {
		t.Errorf("%v", id.Scopes)
	}
}
