package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

// problemKind is one row of the table of problems that the API answers with.
type problemKind struct {
	name   string // the fragment of its type URI
	status int
	title  string
}

// uri is the type of a problem: the documents explain each.
func (k problemKind) uri() string { return "/docs#problem-" + k.name }

// The problems. Their names are part of the API: the documents explain each under /docs#problem-<name>.
var (
	problemMalformed            = problemKind{"malformed", http.StatusBadRequest, "The request is malformed"}
	problemInvalid              = problemKind{"invalid", http.StatusBadRequest, "The request breaks a rule"}
	problemUnauthenticated      = problemKind{"unauthenticated", http.StatusUnauthorized, "Sign-in needed"}
	problemForbidden            = problemKind{"forbidden", http.StatusForbidden, "Not allowed"}
	problemNotFound             = problemKind{"not-found", http.StatusNotFound, "Not found"}
	problemMethodNotAllowed     = problemKind{"method-not-allowed", http.StatusMethodNotAllowed, "Method not allowed"}
	problemSlowBody             = problemKind{"slow-body", http.StatusRequestTimeout, "The body came too slowly"}
	problemConflict             = problemKind{"conflict", http.StatusConflict, "Conflict"}
	problemTooLarge             = problemKind{"too-large", http.StatusRequestEntityTooLarge, "Too large"}
	problemUnsupportedMediaType = problemKind{"unsupported-media-type", http.StatusUnsupportedMediaType, "Unsupported media type"}
	problemHeadersTooLarge      = problemKind{"headers-too-large", http.StatusRequestHeaderFieldsTooLarge, "Headers too large"}
	problemTooManyRequests      = problemKind{"too-many-requests", http.StatusTooManyRequests, "Too many attempts"}
	problemInternal             = problemKind{"internal", http.StatusInternalServerError, "A fault of the service"}
	problemUnavailable          = problemKind{"unavailable", http.StatusServiceUnavailable, "Try again shortly"}
)

// statusClientGone is what the access log shows when the client left before its answer; it is never sent.
const statusClientGone = 499

// retryAfterDefault is what clients are told to wait when the service is busy: queues drain within a second.
const retryAfterDefault = time.Second

// problem is an error together with its answer. Everything but cause is shown to the client.
type problem struct {
	kind       problemKind
	message    string
	fields     []fault.FieldError
	retryAfter time.Duration
	allow      string
	challenge  string
	cause      error
}

func (p *problem) Error() string {
	if p.cause == nil {
		return p.message
	}
	return p.message + ": " + p.cause.Error()
}

func (p *problem) Unwrap() error { return p.cause }

// problemBody is the answer as RFC 9457 has it, with the extensions of the API contract.
type problemBody struct {
	Type      string             `json:"type"`
	Title     string             `json:"title"`
	Status    int                `json:"status"`
	Detail    string             `json:"detail"`
	Message   string             `json:"message"`
	Errors    []fault.FieldError `json:"errors,omitempty"`
	RequestID string             `json:"requestId"`
}

func malformed(format string, args ...any) *problem {
	return &problem{kind: problemMalformed, message: fmt.Sprintf(format, args...)}
}

// invalidFields makes one sentence of all that is wrong with the fields.
func invalidFields(fields []fault.FieldError) *problem {
	const shownMax = 3
	var parts []string
	for _, f := range fields[:min(len(fields), shownMax)] {
		parts = append(parts, f.Error())
	}
	message := sentence(strings.Join(parts, "; "))
	if len(fields) > shownMax {
		message = fmt.Sprintf("%s; and %d more.", strings.TrimSuffix(message, "."), len(fields)-shownMax)
	}
	return &problem{kind: problemInvalid, message: message, fields: fields}
}

// sentence ends text with a full stop. Its first letter stays as it is, since it usually begins the name of a field.
func sentence(text string) string {
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

func tooLarge(bytesMax int64) *problem {
	return &problem{kind: problemTooLarge, message: "The body must be at most " + byteCount(bytesMax) + "."}
}

func byteCount(n int64) string {
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	default:
		return fmt.Sprintf("%d KiB", n>>10)
	}
}

// toProblem is the one table from errors to answers.
func toProblem(err error) *problem {
	var known *problem
	var attempts auth.TooManyAttempts
	var domain *fault.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, auth.ErrWrongCredentials):
		return &problem{kind: problemUnauthenticated, message: "The user name or the password is wrong.", challenge: challengeBasic, cause: err}
	case errors.As(err, &attempts):
		return &problem{
			kind: problemTooManyRequests, message: "Too many failed attempts to sign in; wait before the next.",
			retryAfter: attempts.RetryAfter, cause: err,
		}
	case errors.Is(err, auth.ErrUnauthenticated):
		return &problem{kind: problemUnauthenticated, message: "Sign in first, or send a valid access token.", challenge: challengeInvalid, cause: err}
	case errors.Is(err, csvfile.ErrTooLarge):
		return withKind(problemTooLarge, err)
	case errors.Is(err, csvfile.ErrNotCSV):
		p := withKind(problemInvalid, err)
		p.message = messageNotCSV // as the API contract has it
		return p
	case errors.As(err, &domain):
		return domainProblem(domain, err)
	case errors.Is(err, context.DeadlineExceeded):
		return &problem{kind: problemUnavailable, message: "The service is busy; try again shortly.", cause: err}
	default:
		return internal(err)
	}
}

func domainProblem(domain *fault.Error, err error) *problem {
	switch domain.Kind {
	case fault.Invalid:
		p := withKind(problemInvalid, err)
		if p.message == "" {
			p.message = invalidFields(p.fields).message
		}
		return p
	case fault.NotFound:
		return withKind(problemNotFound, err)
	case fault.Conflict:
		return withKind(problemConflict, err)
	case fault.Unavailable:
		return withKind(problemUnavailable, err)
	default:
		return internal(err)
	}
}

// withKind takes the message and the fields over from the domain error in err's chain.
func withKind(kind problemKind, err error) *problem {
	p := &problem{kind: kind, message: kind.title + ".", cause: err}
	var domain *fault.Error
	if errors.As(err, &domain) {
		p.message, p.fields, p.retryAfter = humanSentence(domain.Message), domain.Fields, domain.RetryAfter
	}
	return p
}

// humanSentence gives a message of the domain, which continues a sentence, a capital and a full stop.
func humanSentence(text string) string {
	if text == "" {
		return ""
	}
	return sentence(strings.ToUpper(text[:1]) + text[1:])
}

func internal(err error) *problem {
	return &problem{
		kind: problemInternal, message: "The service failed to answer; the request id helps to find out why.", cause: err,
	}
}

// writeProblem answers with p.
func writeProblem(w http.ResponseWriter, requestID string, p *problem) {
	header := w.Header()
	if p.allow != "" {
		header.Set("Allow", p.allow)
	}
	if p.challenge != "" {
		header.Set("WWW-Authenticate", p.challenge)
	}
	if status := p.kind.status; status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		wait := max(p.retryAfter, retryAfterDefault)
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	body, err := json.Marshal(problemBody{
		Type: p.kind.uri(), Title: p.kind.title, Status: p.kind.status,
		Detail: p.message, Message: p.message, Errors: p.fields, RequestID: requestID,
	})
	if err != nil {
		panic(fmt.Sprintf("httpapi: encode a problem: %v", err)) // unreachable: strings and numbers only
	}
	send(w, p.kind.status, mediaProblem, body)
}
