package auth_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/auth"
)

// Nothing but the two good tokens is accepted, however close it comes, and nothing makes the check panic.
func FuzzAuthenticate(f *testing.F) {
	fix := newFixture(f)
	good := []string{token(fix.idClaims()), token(fix.machineClaims())}
	for _, text := range good {
		f.Add(text)
		f.Add(text[:len(text)-1])
		f.Add(text + "A")
	}
	f.Add(signed(header, fix.idClaims(), signingKeys()[1]))
	f.Fuzz(func(t *testing.T, text string) {
		id, err := fix.Authenticate(t.Context(), text)
		if slices.Contains(good, text) {
			if err != nil {
				t.Errorf("a good token is refused: %v", err)
			}
			return
		}
		if err == nil || id.Subject != "" {
			t.Errorf("%q is accepted as %+v", text, id)
		}
		if !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("%q: error %v, want ErrUnauthenticated", text, err)
		}
		if strings.Contains(fmt.Sprint(err), text) && len(text) > 40 {
			t.Errorf("the error repeats the token: %v", err)
		}
	})
}

// FuzzClaims signs any header and claims with the right key, which FuzzAuthenticate cannot guess: what is accepted says, to
// another decoder too, that this issuer meant it for a client of ours and that it has not expired.
func FuzzClaims(f *testing.F) {
	fix := newFixture(f)
	text := func(v any) string {
		out, err := json.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		return string(out)
	}
	for _, c := range []object{
		fix.idClaims(), fix.machineClaims(), fix.idClaims().with(object{"aud": []string{browserClient, "other"}}),
		fix.machineClaims().with(object{"exp": fix.clock().Unix()}), fix.machineClaims().with(object{"exp": "1e99", "nbf": 1.5}),
	} {
		f.Add(text(header), text(c))
	}
	f.Add(text(object{"alg": "RS256", "kid": keyID, "crit": []string{"b64"}, "b64": false}), text(fix.idClaims()))
	f.Add(text(object{"alg": "none", "kid": keyID}), text(fix.idClaims()))
	f.Fuzz(func(t *testing.T, header, claims string) {
		encode := base64.RawURLEncoding.EncodeToString
		signed := encode([]byte(header)) + "." + encode([]byte(claims))
		sum := sha256.Sum256([]byte(signed))
		signature, err := rsa.SignPKCS1v15(rand.Reader, signingKeys()[0], crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		id, err := fix.Authenticate(t.Context(), signed+"."+encode(signature))
		if err != nil {
			if !errors.Is(err, auth.ErrUnauthenticated) || id.Subject != "" {
				t.Errorf("%s, %s: %+v, %v", header, claims, id, err)
			}
			return
		}
		if !says(header, "alg", "RS256") || !says(header, "kid", keyID) || !says(claims, "iss", testIssuer) ||
			!says(claims, "token_use", "id") && !says(claims, "token_use", "access") || !says(claims, "sub", id.Subject) ||
			!says(claims, "aud", browserClient) && !says(claims, "client_id", browserClient) && !says(claims, "client_id", machineClient) {
			t.Errorf("%s, %s: accepted as %+v", header, claims, id)
		}
		if !id.ExpiresAt.After(fix.clock()) || id.ExpiresAt.After(time.Unix(1<<62, 0)) || id.Username == "" {
			t.Errorf("%s, %s: accepted as %+v", header, claims, id)
		}
	})
}

// says tells whether a member of a JSON object, its name in any case, is a text or an array of that text alone.
func says(text, name, value string) bool {
	var members map[string]any
	if json.Unmarshal([]byte(text), &members) != nil {
		return false
	}
	for key, member := range members {
		if strings.EqualFold(key, name) && (fmt.Sprint(member) == value || fmt.Sprint(member) == "["+value+"]") {
			return true
		}
	}
	return false
}
