// Package fault classifies errors by what their receiver can do about them. Use cases and adapters make the errors, and the
// boundaries (HTTP, the Lambda handlers, retries) decide by the kind alone. It imports the standard library only.
package fault

import (
	"errors"
	"time"
)

// Kind classifies an error by what the caller can do about it.
type Kind int

// The kinds of errors.
const (
	Internal    Kind = iota // a fault of the service; the default for errors without a kind
	Invalid                 // the input can never succeed
	NotFound                // what was asked for does not exist
	Conflict                // the state forbids it, or somebody else was faster
	Unavailable             // trying again later may succeed
)

// Error carries a kind and a message that is safe to show to a client; the cause is for the log alone.
type Error struct {
	Kind    Kind
	Message string
	Fields  []FieldError
	// RetryAfter is how long the caller of something Unavailable should wait; 0 where that is not known.
	RetryAfter time.Duration
	Cause      error
}

func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// KindOf returns the kind of the first Error in err's chain, and Internal where there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// FieldError says which rule a field breaks. Reason continues a sentence that starts with the field's name.
type FieldError struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

func (e FieldError) Error() string { return e.Field + " " + e.Reason }
