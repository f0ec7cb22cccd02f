package contract_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// genuine is a token of the stack taken apart, to be forged.
func genuine(t *testing.T) (header map[string]any, claims jwt.MapClaims) {
	t.Helper()
	claims = jwt.MapClaims{}
	token, _, err := jwt.NewParser().ParseUnverified(local.machine, claims)
	if err != nil {
		t.Fatal(err)
	}
	return token.Header, claims
}

// publicKey fetches the issuer's key that signed the genuine token.
func publicKey(t *testing.T) *rsa.PublicKey {
	t.Helper()
	header, claims := genuine(t)
	issuer, err := url.Parse(claims["iss"].(string))
	if err != nil {
		t.Fatal(err)
	}
	endpoint, err := url.Parse(local.Info.TokenURL)
	if err != nil {
		t.Fatal(err)
	}
	endpoint.Path = "/" + path.Base(issuer.Path) + "/.well-known/jwks.json"
	got, err := (&probe.Client{HTTP: transport, Base: endpoint.String()}).Do(t.Context(), probe.Call{})
	if err != nil {
		t.Fatal(err)
	}
	set := decode[struct {
		Keys []struct{ Kid, N, E string }
	}](t, got)
	for _, key := range set.Keys {
		if key.Kid == header["kid"] {
			n, _ := base64.RawURLEncoding.DecodeString(key.N)
			e, _ := base64.RawURLEncoding.DecodeString(key.E)
			return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
		}
	}
	t.Fatalf("the issuer's keys %s do not hold %v", got.Body, header["kid"])
	return nil
}

func forge(t *testing.T, method jwt.SigningMethod, kid any, claims jwt.MapClaims, key any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	if kid != nil {
		token.Header["kid"] = kid
	}
	signed, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestToken_ForgeriesAreRefused(t *testing.T) {
	t.Parallel()
	header, claims := genuine(t)
	kid := header["kid"]
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public := publicKey(t)
	pkix, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	pkixPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})
	with := func(name string, value any) jwt.MapClaims {
		changed := jwt.MapClaims{}
		for k, v := range claims {
			changed[k] = v
		}
		changed[name] = value
		return changed
	}
	parts := strings.Split(local.machine, ".")
	otherPayload := strings.Split(forge(t, jwt.SigningMethodRS256, kid, with("sub", "somebody-else"), other), ".")[1]
	lastByte := "A"
	if strings.HasSuffix(parts[2], "A") {
		lastByte = "Q"
	}
	for name, token := range map[string]string{
		"alg none":                    forge(t, jwt.SigningMethodNone, kid, claims, jwt.UnsafeAllowNoneSignatureType),
		"alg none, genuine signature": strings.Split(forge(t, jwt.SigningMethodNone, kid, claims, jwt.UnsafeAllowNoneSignatureType), ".")[0] + "." + parts[1] + "." + parts[2],
		"HS256 with the PEM key":      forge(t, jwt.SigningMethodHS256, kid, claims, pkixPEM),
		"HS256 with the DER key":      forge(t, jwt.SigningMethodHS256, kid, claims, pkix),
		"HS256 with the modulus":      forge(t, jwt.SigningMethodHS256, kid, claims, public.N.Bytes()),
		"HS256 with nothing":          forge(t, jwt.SigningMethodHS256, kid, claims, []byte{}),
		"another key":                 forge(t, jwt.SigningMethodRS256, kid, claims, other),
		"another key, no kid":         forge(t, jwt.SigningMethodRS256, nil, claims, other),
		"another key, RS512":          forge(t, jwt.SigningMethodRS512, kid, claims, other),
		"another key, PS256":          forge(t, jwt.SigningMethodPS256, kid, claims, other),
		"another issuer":              forge(t, jwt.SigningMethodRS256, kid, with("iss", "https://evil.example/pool"), other),
		"another client":              forge(t, jwt.SigningMethodRS256, kid, with("client_id", "evil"), other),
		"expired":                     forge(t, jwt.SigningMethodRS256, kid, with("exp", time.Now().Add(-time.Hour).Unix()), other),
		"payload exchanged":           parts[0] + "." + otherPayload + "." + parts[2],
		"signature damaged":           parts[0] + "." + parts[1] + "." + parts[2][:len(parts[2])-1] + lastByte,
		"signature cut off":           parts[0] + "." + parts[1] + ".",
		"two parts":                   parts[0] + "." + parts[1],
		"four parts":                  local.machine + ".x",
		"padded":                      local.machine + "=",
		"no token":                    "x",
		"huge":                        strings.Repeat("x", 20_000),
	} {
		t.Run(name, func(t *testing.T) {
			if token == local.machine {
				t.Fatal("this is no forgery")
			}
			withToken(t, token).bad(probe.Call{Path: "/auth/me"}, http.StatusUnauthorized)
			if len(token) < 4096 { // what no browser keeps as a cookie
				anonymous(t).bad(probe.Call{Path: "/auth/me", Header: map[string]string{"Cookie": "Authentication=" + token}}, http.StatusUnauthorized)
			}
			one := []byte(oneReading(equipment(t), stamp(recent()), "1"))
			withToken(t, token).bad(probe.Call{Path: "/sensor-data", Body: one}, http.StatusUnauthorized)
		})
	}
	withToken(t, local.machine).good(probe.Call{Path: "/auth/me"}, http.StatusOK)
}

// An unknown key may be one that the issuer has just begun to use: the first request asks it, and whoever comes before it may be
// asked again is told to come back, not that the token is bad.
func TestToken_AnUnknownKeyIsAskedForOnceIn30Seconds(t *testing.T) {
	t.Parallel()
	_, claims := genuine(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	forged := withToken(t, forge(t, jwt.SigningMethodRS256, "somebody-else", claims, other))
	forged.bad(probe.Call{Path: "/auth/me"}, http.StatusUnauthorized)
	got := forged.bad(probe.Call{Path: "/auth/me"}, http.StatusServiceUnavailable)
	if wait, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || wait < 1 || wait > 30 {
		t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
	}
}

// The header says for whom a request acts; a good cookie does not make up for it.
func TestToken_ABadHeaderIsNotMadeUpForByACookie(t *testing.T) {
	t.Parallel()
	cookie := signIn(t)
	for _, header := range []string{"Bearer x", "Bearer", "Basic " + base64.StdEncoding.EncodeToString([]byte("a:b")), "Digest x"} {
		anonymous(t).bad(probe.Call{Path: "/auth/me", Header: carrying(cookie, "Authorization", header)}, http.StatusUnauthorized)
	}
}
