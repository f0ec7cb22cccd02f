package auth

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
)

// Identity is who a token speaks for.
type Identity struct {
	// Subject is the pool's stable id of the person or machine.
	Subject string
	// Username is the person's user name, or the machine's client id.
	Username string
	// Email is the person's address as the pool knows it; empty for machines and where the token does not carry it.
	Email string
	// Groups are the person's groups in the pool.
	Groups []string
	// Scopes are those of the service's scopes that the token grants, in the order of contract.Scopes.
	Scopes []string
	// ExpiresAt is when the token ceases to be valid, UTC.
	ExpiresAt time.Time
	// Person tells people from machines.
	Person bool
}

// Has tells whether the identity may do what scope allows.
func (id Identity) Has(scope string) bool { return slices.Contains(id.Scopes, scope) }

// clone keeps what callers do to the slices away from the remembered identity.
func (id Identity) clone() Identity {
	id.Groups, id.Scopes = slices.Clone(id.Groups), slices.Clone(id.Scopes)
	return id
}

var (
	// ErrUnauthenticated means that a token is missing, damaged, expired, logged out, or not meant for this service.
	ErrUnauthenticated = errors.New("the token is not valid")
	// ErrWrongCredentials means that a user name and a password do not sign anybody in. It is the same for an unknown user
	// and for one who may not sign in now.
	ErrWrongCredentials = errors.New("the user name or the password is wrong")
	// ErrUnknownKey means that the issuer publishes no key of the asked name.
	ErrUnknownKey = errors.New("the issuer publishes no such key")
)

// TooManyAttempts refuses a sign-in because too many have failed lately.
type TooManyAttempts struct {
	// RetryAfter is how long to wait before the next attempt, above 0.
	RetryAfter time.Duration
}

func (e TooManyAttempts) Error() string {
	return fmt.Sprintf("too many failed attempts to sign in; wait %s", e.RetryAfter.Round(time.Second))
}

// unavailable is the error for what cannot be found out now.
func unavailable(message string, cause error) error {
	return &fault.Error{Kind: fault.Unavailable, Message: message, Cause: cause}
}
