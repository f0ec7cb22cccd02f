package client

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is an answer of the service that is no success.
type Error struct {
	// Status is that of HTTP.
	Status int
	// Type is the address of the problem's explanation in the documents of the service, such as /docs#problem-invalid, empty for the
	// answers of other parts, such as the token endpoint's.
	Type string
	// Title names the problem, and Message tells in a sentence what is wrong.
	Title, Message string
	// Fields are what is wrong with single fields, where the service tells.
	Fields []FieldError
	// RequestID helps the service's operators to find the request, empty where it has none.
	RequestID string
	// RetryAfter is how long the service asks to be left alone, 0 where it does not.
	RetryAfter time.Duration
}

// Error implements error.
func (e *Error) Error() string {
	text := fmt.Sprintf("status %d", e.Status)
	if e.Message != "" {
		text += ": " + strings.TrimSuffix(e.Message, ".")
	}
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// lostError is a call that has no answer: nobody knows whether it had its effect.
type lostError struct{ err error }

func (e *lostError) Error() string { return "no answer: " + e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// Temporary tells whether the same call may succeed later: the service was busy or could not be reached.
func Temporary(err error) bool {
	var refused *Error
	var lost *lostError
	switch {
	case errors.As(err, &refused):
		return passes(refused.Status)
	default:
		return errors.As(err, &lost)
	}
}

// passes tells whether a status may be another one soon.
func passes(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// problemBytesMax bounds what is read of an answer that is no success. The service explains at most 64 KiB of a batch.
const problemBytesMax = 1 << 20

// refusal makes an Error of an answer.
func refusal(response *http.Response, now time.Time) error {
	e := &Error{
		Status: response.StatusCode, Title: http.StatusText(response.StatusCode), RequestID: response.Header.Get("X-Request-Id"),
		RetryAfter: retryAfter(response.Header.Get("Retry-After"), now),
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, problemBytesMax))
	if err != nil {
		return &lostError{fmt.Errorf("read the answer of status %d: %w", e.Status, err)}
	}
	var body struct {
		Type, Title, Message string
		Errors               []FieldError
		Error                string `json:"error"` // of the token endpoint
		ErrorDescription     string `json:"error_description"`
	}
	if json.Unmarshal(content, &body) != nil {
		e.Message = e.Title // a page of a proxy, say
		var bucket struct{ Code, Message string }
		if xml.Unmarshal(content, &bucket) == nil && bucket.Code != "" {
			e.Title, e.Message = bucket.Code, bucket.Code+": "+bucket.Message
		}
		return e
	}
	e.Type, e.Message, e.Fields = body.Type, body.Message, body.Errors
	if body.Title != "" {
		e.Title = body.Title
	}
	if e.Message == "" && body.Error != "" {
		e.Title = body.Error
		e.Message = strings.TrimSuffix("the token endpoint says "+body.Error+": "+body.ErrorDescription, ": ")
	}
	return e
}

// retryAfter reads the header of that name: seconds, or a date (RFC 9110, section 10.2.3). More seconds than fit are the most that fit.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, math.MaxInt32)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}
