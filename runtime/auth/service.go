package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

// Directory knows the people who may sign in.
type Directory interface {
	// SignIn returns an ID token of the person. The error is ErrWrongCredentials, possibly with a reason for the log, for
	// whatever is not a fault of the service, a TooManyAttempts when the directory itself refuses more attempts, and an
	// error of kind fault.Unavailable when trying again may help.
	SignIn(ctx context.Context, username, password string) (idToken string, err error)
}

// Bounds of credentials that Cognito accepts (InitiateAuth and SignUp in its API reference). Others are wrong without a
// question.
const (
	UsernameCharsMax = 128
	PasswordCharsMax = 256
)

// FailureTimeMin is how long the answer to wrong credentials takes at least, so that its time does not tell whether the
// user exists: longer than the user pool usually takes.
const FailureTimeMin = 500 * time.Millisecond

// Options configure a Service.
type Options struct {
	// Issuer is the exact `iss` of the user pool's tokens. Required.
	Issuer string
	// ClientID is the app client through which people sign in: the `aud` of their ID tokens. Required.
	ClientID string
	// MachineClientIDs are the app clients of machines.
	MachineClientIDs []string
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Sleep waits for d or until ctx ends. Default: pacing.Sleep.
	Sleep func(ctx context.Context, d time.Duration) error
	// Logger receives why sign-ins were refused. Default: nothing is logged.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = pacing.Sleep
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Service signs people in and out and checks tokens. It is safe for concurrent use.
type Service struct {
	directory   Directory
	keys        Keys
	tokens      *verifier
	revocations *denyList
	attempts    *limiter
	options     Options
}

// NewService returns a Service. It fails when a required option is missing, without which tokens of anybody would pass.
func NewService(directory Directory, revocations Revocations, keys Keys, o Options) (*Service, error) {
	if o.Issuer == "" || o.ClientID == "" {
		return nil, errors.New("auth: Issuer and ClientID are required")
	}
	o = o.withDefaults()
	tokens, err := newVerifier(keys, o)
	if err != nil {
		return nil, err
	}
	attempts, err := newLimiter(o.Now)
	if err != nil {
		return nil, err
	}
	return &Service{directory: directory, keys: keys, tokens: tokens, revocations: newDenyList(revocations, o.Now), attempts: attempts, options: o}, nil
}

// Login signs a person in and returns the ID token, which is for the cookie, and whom it names. clientAddress is the
// client's network address, by which failures are counted. The error is ErrWrongCredentials after at least FailureTimeMin,
// TooManyAttempts, or of kind fault.Unavailable or Internal.
func (s *Service) Login(ctx context.Context, username, password, clientAddress string) (string, Identity, error) {
	began := s.options.Now()
	admit, signIn := s.attempts.admit, s.signIn
	if !acceptable(username, UsernameCharsMax) || !acceptable(password, PasswordCharsMax) {
		admit = func(ctx context.Context, _, clientAddress string) (func(outcome), error) {
			return s.attempts.admitNobody(ctx, clientAddress)
		}
		signIn = refuseUnseen
	}
	end, err := admit(ctx, username, clientAddress)
	if err != nil {
		return "", Identity{}, err
	}
	token, id, err := signIn(ctx, username, password)
	switch {
	case err == nil:
		end(succeeded)
		return token, id, nil
	case !errors.Is(err, ErrWrongCredentials):
		end(undecided)
		return "", Identity{}, err
	}
	end(failed)
	// The user name stays out of the log: people type their passwords there.
	s.options.Logger.InfoContext(ctx, "sign-in refused", "reason", err.Error(), "client_address", clientAddress)
	if rest := FailureTimeMin - s.options.Now().Sub(began); rest > 0 {
		_ = s.options.Sleep(ctx, rest) // when ctx ends first, nobody waits for the answer
	}
	return "", Identity{}, ErrWrongCredentials
}

// refuseUnseen is signIn for credentials that nobody can have: the user pool is not asked.
func refuseUnseen(context.Context, string, string) (string, Identity, error) {
	return "", Identity{}, fmt.Errorf("%w: not a user name and a password that anybody could have", ErrWrongCredentials)
}

func (s *Service) signIn(ctx context.Context, username, password string) (string, Identity, error) {
	token, err := s.directory.SignIn(ctx, username, password)
	if err != nil {
		return "", Identity{}, fmt.Errorf("sign in: %w", err)
	}
	mark, err := fingerprintOf(token)
	if err == nil {
		var id Identity
		if id, err = s.tokens.identify(ctx, token, mark); err == nil && id.Person {
			return token, id, nil
		}
	}
	if err != nil && !errors.Is(err, ErrUnauthenticated) {
		return "", Identity{}, err
	}
	// The pool's own fresh token does not pass: the service is configured for another pool or client, or its clock is off.
	// The cause keeps only the text, so that the caller does not take it for a bad token of the client.
	cause := errors.New("check the token of a sign-in: " + fmt.Sprint(err))
	return "", Identity{}, &fault.Error{Kind: fault.Internal, Message: "signing in does not work", Cause: cause}
}

// acceptable tells whether text may be a user name or password: 1 to charsMax characters without control characters.
func acceptable(text string, charsMax int) bool {
	if text == "" || !utf8.ValidString(text) || utf8.RuneCountInString(text) > charsMax {
		return false
	}
	for _, r := range text {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}

// Authenticate returns whom the token speaks for. The error is ErrUnauthenticated, or of kind fault.Unavailable when the
// issuer's keys cannot be asked or the list of logouts is not up to date.
func (s *Service) Authenticate(ctx context.Context, token string) (Identity, error) {
	mark, err := fingerprintOf(token)
	if err != nil {
		return Identity{}, err
	}
	id, err := s.tokens.identify(ctx, token, mark)
	if err != nil {
		return Identity{}, err
	}
	revoked, err := s.revocations.revoked(mark)
	if err != nil {
		return Identity{}, err
	}
	if revoked {
		return Identity{}, fmt.Errorf("%w: logged out", ErrUnauthenticated)
	}
	return id, nil
}

// Logout has the token refused from now on: here at once, elsewhere as soon as RevocationsEvery and replication allow.
// The error is ErrUnauthenticated for a token that is not valid anyway, and of kind fault.Unavailable when the logout is
// not recorded, in which case the token goes on working. Repeating a logout is a success.
func (s *Service) Logout(ctx context.Context, token string) error {
	mark, err := fingerprintOf(token)
	if err != nil {
		return err
	}
	id, err := s.tokens.identify(ctx, token, mark)
	if err != nil {
		return err
	}
	return s.revocations.revoke(ctx, mark, id.ExpiresAt)
}

// Ready tells whether tokens can be checked: it fails while no key of the issuer is known.
func (s *Service) Ready(ctx context.Context) error {
	if err := s.keys.Ready(ctx); err != nil {
		return fmt.Errorf("keys of the issuer: %w", err)
	}
	return nil
}
