package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/client"
	"github.com/sensorflow/sensorflow/runtime/client/localsystem"
)

// The exit statuses, for scripts. statuses says what they mean.
const (
	statusDone        = 0
	statusFailed      = 1
	statusUsage       = 2
	statusSignIn      = 3
	statusRejected    = 4
	statusUnavailable = 5
	statusInterrupted = 130
)

// statuses says what each exit status means, as help and README.md do.
func statuses() string {
	var all []string
	for _, one := range []struct {
		status int
		means  string
	}{
		{statusDone, "done"},
		{statusFailed, "failed otherwise"},
		{statusUsage, "wrong usage, found before anything was called or printed"},
		{statusSignIn, "not signed in, or not allowed"},
		{statusRejected, "some or all of what was sent was rejected"},
		{statusUnavailable, "the service is busy or cannot be reached: try again later"},
		{statusInterrupted, "interrupted"},
	} {
		all = append(all, fmt.Sprintf("%d %s", one.status, one.means))
	}
	return strings.Join(all, "; ")
}

// usageError is a mistake of the caller, seen before anything was called.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// rejectedError says that some of what was sent was not stored.
type rejectedError struct{ error }

// asRejected makes an error a rejectedError where it is the service's answer that what was sent is wrong.
func asRejected(err error) error {
	var refused *client.Error
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
		return rejectedError{err}
	}
	return err
}

// statusOf is the table from errors to exit statuses.
func statusOf(ctx context.Context, err error) int {
	var usage usageError
	var rejected rejectedError
	var refused *client.Error
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return statusDone
	case ctx.Err() != nil:
		return statusInterrupted
	case errors.As(err, &usage):
		return statusUsage
	case errors.As(err, &rejected):
		return statusRejected
	case errors.Is(err, client.ErrSignIn), errors.Is(err, errNoCredentials):
		return statusSignIn
	case errors.As(err, &refused) && (refused.Status == http.StatusUnauthorized || refused.Status == http.StatusForbidden):
		return statusSignIn
	case client.Temporary(err), errors.Is(err, localsystem.ErrNone), errors.Is(err, localsystem.ErrStarting):
		return statusUnavailable
	default:
		return statusFailed
	}
}
