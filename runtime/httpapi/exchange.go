package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/sensorflow/sensorflow/runtime/admission"
	"github.com/sensorflow/sensorflow/runtime/ingest"
)

// exchange is one request on its way, for the log and for late failures. It is the request's context, too, and tells those who
// work for it whose it is: a context of its own for each of these would take a copy of the request.
type exchange struct {
	context.Context //nolint:containedctx // see above
	http.ResponseWriter
	client     *conn                   // nil for a test's recorder, which has no connection
	connection http.ResponseController // of the ResponseWriter
	caller     caller                  // once it is known
	sender     ingest.Sender           // once its being there matters
	id         string
	route      string
	quiet      bool
	status     int
	bytes      int64
	problem    *problem
	// compressors are there where the answer may be compressed.
	compressors compressors
	// bodyEnded tells that the request's body was read to its end, cut that the answer was not taken to its end.
	bodyEnded, cut bool
}

type exchangeKey struct{}

// Value implements context.Context.
func (e *exchange) Value(key any) any {
	switch key.(type) {
	case exchangeKey:
		return e
	case admission.CallerKey:
		return e.caller.identity.Subject
	case ingest.SenderKey:
		return e.sender
	default:
		return e.Context.Value(key)
	}
}

func exchangeOf(ctx context.Context) *exchange {
	e, _ := ctx.Value(exchangeKey{}).(*exchange)
	return e
}

// Unwrap lets http.ResponseController reach the connection.
func (e *exchange) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// WriteHeader notes the status. From here on the client has answerTimeout to take the answer, or less for a problem, which is
// small; a test's recorder has no connection to bound.
func (e *exchange) WriteHeader(status int) {
	if e.status == 0 {
		e.status = status
		timeout := answerTimeout
		if status >= http.StatusBadRequest {
			timeout = streamStretch
		}
		_ = e.connection.SetWriteDeadline(time.Now().Add(timeout))
	}
	e.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (e *exchange) Write(p []byte) (int, error) {
	if e.status == 0 {
		e.WriteHeader(http.StatusOK)
	}
	n, err := e.ResponseWriter.Write(p) //nolint:gosec // no page holds what a request said, and nosniff goes with every answer
	e.bytes += int64(n)
	return n, err
}

const requestIDCharsMax = 64

// requestID takes the client's id where it is fit for a log, else makes one.
func requestID(r *http.Request) string {
	id := r.Header.Get(headerRequestID)
	if id == "" || len(id) > requestIDCharsMax {
		return uuid.NewString()
	}
	for _, c := range []byte(id) {
		if !isIDByte(c) {
			return uuid.NewString()
		}
	}
	return id
}

func isIDByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// logAccess writes the one line of a request. It leaves out the query, which may hold private data.
func (s *Server) logAccess(r *http.Request, e *exchange, took time.Duration) {
	level := slog.LevelInfo
	if e.quiet {
		level = slog.LevelDebug
	}
	attrs := []slog.Attr{
		slog.String("request_id", e.id), slog.String("method", r.Method), slog.String("route", e.route),
		slog.Int("status", e.status), slog.Int64("bytes", e.bytes), slog.Float64("took_ms", float64(took.Microseconds())/1000),
	}
	if e.cut {
		attrs = append(attrs, slog.Bool("cut_off", true))
	}
	if p := e.problem; p != nil {
		attrs = append(attrs, slog.String("problem", p.kind.name))
		switch {
		case p.kind == problemInternal:
			level = slog.LevelError
			attrs = append(attrs, slog.String("error", p.Error()))
		case e.status >= http.StatusInternalServerError:
			level = slog.LevelWarn
			attrs = append(attrs, slog.String("error", p.Error()))
		}
	}
	s.Logger.LogAttrs(r.Context(), level, "request", attrs...)
}
