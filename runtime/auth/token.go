package auth

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

// Keys are the public keys that the user pool signs with.
type Keys interface {
	// Key returns the key of that id. It returns ErrUnknownKey when the issuer publishes no such key, and an error of kind
	// fault.Unavailable when that cannot be found out now. A key that is known is returned without waiting.
	Key(ctx context.Context, id string) (*rsa.PublicKey, error)
	// Ready tells whether any keys are known, and tries to get them where none are.
	Ready(ctx context.Context) error
}

const (
	// tokenCharsMax bounds what is hashed and parsed: ten times a token with many groups.
	tokenCharsMax = 16 << 10
	// keyIDCharsMax bounds the key id of a token, which may be asked for at the issuer.
	keyIDCharsMax = 256
	// identitiesMax bounds the remembered identities, about 1 KiB each, and rememberedCharsMax the tokens whose identity is
	// remembered: one is at most as large as its token. A larger token, of somebody with very many groups, is checked each time.
	identitiesMax      = 10_000
	rememberedCharsMax = 4 << 10
	// clockLeeway is how far the issuer's clock may be ahead of ours: a token counts so long before its nbf and iat. Its end
	// is never put off.
	clockLeeway = time.Minute
	// verifyTimeout bounds the check of a token that is not remembered, for which the issuer may be asked for a key.
	verifyTimeout = 15 * time.Second
)

// Values of the claim token_use (Amazon Cognito developer guide, "Understanding the JSON web tokens").
const (
	useID     = "id"
	useAccess = "access"
)

// fingerprint is the SHA-256 of a token: what it is remembered and logged out by, so that tokens are kept nowhere.
type fingerprint [sha256.Size]byte

func (f fingerprint) String() string { return hex.EncodeToString(f[:]) }

// fingerprintOf refuses texts that no token has. Only the one canonical text of a token may pass: a decoder that overlooks
// line breaks would otherwise give a logged-out token a second text, and with it a second fingerprint.
func fingerprintOf(token string) (fingerprint, error) {
	if token == "" || len(token) > tokenCharsMax {
		return fingerprint{}, fmt.Errorf("%w: %d characters", ErrUnauthenticated, len(token))
	}
	for i := range len(token) {
		if !tokenByte(token[i]) {
			return fingerprint{}, fmt.Errorf("%w: a character outside base64url", ErrUnauthenticated)
		}
	}
	// In small parts: room for a whole token here would double the stack of each connection, or be garbage of each request.
	var part [256]byte
	var mark fingerprint
	hash := sha256.New()
	for len(token) > 0 {
		n := copy(part[:], token)
		_, _ = hash.Write(part[:n]) // it never fails (package hash)
		token = token[n:]
	}
	hash.Sum(mark[:0])
	return mark, nil
}

func tokenByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// claims are what Cognito writes into its tokens.
type claims struct {
	jwt.RegisteredClaims
	TokenUse        string   `json:"token_use"`
	ClientID        string   `json:"client_id"` // access tokens
	Scope           string   `json:"scope"`     // access tokens
	Username        string   `json:"username"`  // access tokens of people
	CognitoUsername string   `json:"cognito:username"`
	Email           string   `json:"email"`
	Groups          []string `json:"cognito:groups"`
}

// verifier checks tokens and remembers the identities of those that hold.
type verifier struct {
	keys           Keys
	parser         *jwt.Parser
	clientID       string
	machineClients []string
	now            func() time.Time
	remembered     *lru.Cache[fingerprint, Identity]
}

func newVerifier(keys Keys, o Options) (*verifier, error) {
	remembered, err := lru.New[fingerprint, Identity](identitiesMax)
	if err != nil {
		return nil, fmt.Errorf("make the memory of identities: %w", err)
	}
	return &verifier{
		keys: keys, clientID: o.ClientID, machineClients: slices.Clone(o.MachineClientIDs), now: o.Now, remembered: remembered,
		// The parser knows one leeway for all times; verify takes it away from the end again.
		// Strict decoding refuses unused bits at the end of the signature, another way to a second text of one token.
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}), jwt.WithIssuer(o.Issuer),
			jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(clockLeeway), jwt.WithTimeFunc(o.Now), jwt.WithStrictDecoding(),
		),
	}, nil
}

// identify returns who the token speaks for, or ErrUnauthenticated, or an error of kind fault.Unavailable.
func (v *verifier) identify(ctx context.Context, token string, mark fingerprint) (Identity, error) {
	if id, found := v.remembered.Get(mark); found {
		if v.now().Before(id.ExpiresAt) {
			return id.clone(), nil
		}
		v.remembered.Remove(mark)
		return Identity{}, errExpired
	}
	id, err := v.verify(ctx, token)
	if err != nil {
		return Identity{}, err
	}
	if len(token) <= rememberedCharsMax {
		v.remembered.Add(mark, id)
	}
	return id.clone(), nil
}

var errExpired = fmt.Errorf("%w: expired", ErrUnauthenticated)

// verify checks a token that is not remembered.
func (v *verifier) verify(ctx context.Context, token string) (Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	var c claims
	_, err := v.parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) { return v.key(ctx, t) })
	if err != nil {
		return Identity{}, refusal(err)
	}
	id, err := v.identityOf(&c)
	if err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrUnauthenticated, err)
	}
	if !v.now().Before(id.ExpiresAt) {
		return Identity{}, errExpired
	}
	return id, nil
}

// refusal tells tokens that do not hold from keys that cannot be had now.
func refusal(err error) error {
	if fault.KindOf(err) == fault.Unavailable || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("check the token: %w", err)
	}
	return fmt.Errorf("%w: %w", ErrUnauthenticated, err)
}

// key finds the key that a token names. Keys, or addresses of keys, inside the token are not looked at.
func (v *verifier) key(ctx context.Context, t *jwt.Token) (any, error) {
	// RFC 7515, section 4.1.11: a token with critical extensions that are not understood must be refused.
	if _, critical := t.Header["crit"]; critical {
		return nil, errors.New("critical header parameters are not supported")
	}
	id, _ := t.Header["kid"].(string)
	if id == "" || len(id) > keyIDCharsMax {
		return nil, ErrUnknownKey
	}
	return v.keys.Key(ctx, id)
}

var errOtherClient = errors.New("issued to another client")

// identityOf checks that verified claims are meant for this service and reads the identity out of them.
func (v *verifier) identityOf(c *claims) (Identity, error) {
	if c.Subject == "" {
		return Identity{}, errors.New("no subject")
	}
	id := Identity{Subject: c.Subject, Email: c.Email, Groups: c.Groups, ExpiresAt: c.ExpiresAt.UTC()}
	switch c.TokenUse {
	case useID:
		if len(c.Audience) != 1 || c.Audience[0] != v.clientID {
			return Identity{}, errOtherClient
		}
		return person(id, c.CognitoUsername)
	case useAccess:
		switch {
		case c.ClientID == v.clientID:
			return person(id, c.Username)
		case slices.Contains(v.machineClients, c.ClientID):
			id.Username, id.Scopes = c.ClientID, ownScopes(c.Scope)
			return id, nil
		}
		return Identity{}, errOtherClient
	default:
		return Identity{}, errors.New("neither an ID token nor an access token")
	}
}

// person completes the identity of somebody who signed in, who may read and write, and with the group of administrators all.
func person(id Identity, username string) (Identity, error) {
	if username == "" {
		return Identity{}, errors.New("no user name")
	}
	id.Username, id.Person, id.Scopes = username, true, []string{contract.ScopeRead, contract.ScopeWrite}
	if slices.Contains(id.Groups, contract.AdminGroup) {
		id.Scopes = contract.Scopes()
	}
	return id, nil
}

// ownScopes keeps the service's scopes of a scope claim, each once.
func ownScopes(claim string) []string {
	granted := strings.Fields(claim)
	return slices.DeleteFunc(contract.Scopes(), func(scope string) bool {
		return !slices.Contains(granted, scope)
	})
}
