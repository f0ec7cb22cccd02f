package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

const (
	headerRequestID   = "X-Request-Id"
	requestIDCharsMax = 64
	// apiPolicy forbids everything: an answer of the API is never a page.
	apiPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
	// preflightSeconds is how long a browser may remember what another origin is allowed to do.
	preflightSeconds = "600"
)

// exchange is one request on its way, for the log and for late failures.
type exchange struct {
	http.ResponseWriter
	id      string
	route   string
	quiet   bool
	status  int
	bytes   int64
	problem *problem
	// bodyEnded tells that the request's body was read to its end.
	bodyEnded bool
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	e, _ := ctx.Value(exchangeKey{}).(*exchange)
	return e
}

// Unwrap lets http.ResponseController reach the connection.
func (e *exchange) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// WriteHeader notes the status.
func (e *exchange) WriteHeader(status int) {
	if e.status == 0 {
		e.status = status
	}
	e.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (e *exchange) Write(p []byte) (int, error) {
	if e.status == 0 {
		e.status = http.StatusOK
	}
	n, err := e.ResponseWriter.Write(p)
	e.bytes += int64(n)
	return n, err
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := s.Now()
	e := &exchange{ResponseWriter: w, id: requestID(r), route: "unmatched"}
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, e))
	s.setHeaders(e, r)
	s.setDeadlines(e, r)
	defer func() {
		fault := recover()
		if fault != nil && fault != http.ErrAbortHandler { //nolint:errorlint // a sentinel, compared as net/http does
			s.Logger.ErrorContext(r.Context(), "handler panicked", "request_id", e.id, "panic", fmt.Sprint(fault), "stack", string(debug.Stack()))
			if e.status == 0 {
				s.fail(e, r, internal(nil))
				fault = nil
			}
		}
		s.logAccess(r, e, s.Now().Sub(began))
		if fault != nil {
			panic(http.ErrAbortHandler) // the answer has begun: cutting the connection is the one way to say that it is not whole
		}
	}()
	if r.Method == http.MethodOptions && r.RequestURI == "*" { // a question about the server itself (RFC 9110, section 9.3.7)
		s.preflight(e, r, methods{http.MethodGet: {}, http.MethodHead: {}, http.MethodPost: {}})
		return
	}
	// The mux would answer what is not a clean path by itself, with redirections and texts.
	if !strings.HasPrefix(r.URL.Path, "/") || path.Clean(r.URL.Path) != r.URL.Path {
		s.fail(e, r, &problem{kind: problemNotFound, message: "There is nothing at this address; paths here have no empty parts and no slash at the end."})
		return
	}
	s.mux.ServeHTTP(e, r)
}

// dispatch runs the route of the request's method.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request, of methods) {
	e := exchangeOf(r.Context())
	route, ok := of[r.Method]
	if !ok {
		if e.route = r.Pattern; r.Method == http.MethodOptions {
			s.preflight(w, r, of)
			return
		}
		s.fail(w, r, &problem{
			kind: problemMethodNotAllowed, message: fmt.Sprintf("This address takes %s.", of.allow()), allow: of.allow(),
		})
		return
	}
	e.route, e.quiet = route.path, route.quiet
	if err := s.run(w, r, route); err != nil {
		s.fail(w, r, err)
	}
}

func (s *Server) run(w http.ResponseWriter, r *http.Request, route route) error {
	if route.file {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.options.FileTimeout + callTimeout + answerTimeout))
	}
	if err := s.checkOrigin(r); err != nil {
		return err
	}
	if route.access != public {
		id, token, err := s.authenticate(r)
		if err != nil {
			return err
		}
		if scope := route.access.scope(); scope != "" && !id.Has(scope) {
			return &problem{
				kind: problemForbidden, message: "The token lacks the scope " + scope + ".",
				challenge: fmt.Sprintf(`Bearer realm="%s", error="insufficient_scope", scope="%s"`, contract.ResourceServer, scope),
			}
		}
		r = r.WithContext(context.WithValue(r.Context(), callerKey{}, caller{id, token}))
	}
	return route.handle(w, r)
}

// setDeadlines bounds how long the body may take to arrive, also where no handler reads it, and how long the client may
// take to read the answer. A test's recorder has no connection to bound.
func (s *Server) setDeadlines(w http.ResponseWriter, r *http.Request) {
	connection := http.NewResponseController(w)
	if r.ContentLength != 0 {
		_ = connection.SetReadDeadline(time.Now().Add(s.options.BodyTimeout))
	}
	_ = connection.SetWriteDeadline(time.Now().Add(s.options.BodyTimeout + callTimeout + answerTimeout))
}

// fail answers with the problem that err stands for, unless the client has left.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := exchangeOf(r.Context())
	e.problem = toProblem(err)
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		e.status = statusClientGone
		return
	}
	switch {
	case e.problem.kind == problemSlowBody:
		w.Header().Set("Connection", "close") // the rest of the body may never come
	case !e.bodyEnded && (r.ContentLength < 0 || r.ContentLength > restBytesSmall):
		s.failEarly(w, r, e)
		return
	}
	writeProblem(w, e.id, e.problem)
}

const (
	// restBytesSmall is how much of a body net/http itself reads and drops after a handler has answered.
	restBytesSmall = 256 << 10
	// restBytesMax and restTimeout bound what is dropped here: the largest body that any route takes, and some.
	restBytesMax = 2 * contract.SmallUploadBytesMax
	restTimeout  = 10 * time.Second
)

// failEarly answers before the body has arrived, and then takes in the rest of it: most clients send everything before they
// read anything, and a connection that is closed while they send costs them the answer.
func (s *Server) failEarly(w http.ResponseWriter, r *http.Request, e *exchange) {
	w.Header().Set("Connection", "close")
	connection := http.NewResponseController(w)
	full := connection.EnableFullDuplex()
	writeProblem(w, e.id, e.problem)
	if full != nil || connection.Flush() != nil || r.Header.Get("Expect") != "" {
		return // who waits for "100 Continue" sends nothing after a refusal
	}
	_ = connection.SetReadDeadline(time.Now().Add(min(restTimeout, s.options.BodyTimeout)))
	_, _ = io.CopyN(io.Discard, r.Body, restBytesMax)
}

// logAccess writes the one line per request. It holds no query, since a query may hold what is nobody else's business.
func (s *Server) logAccess(r *http.Request, e *exchange, took time.Duration) {
	level := slog.LevelInfo
	if e.quiet {
		level = slog.LevelDebug
	}
	attrs := []slog.Attr{
		slog.String("request_id", e.id), slog.String("method", r.Method), slog.String("route", e.route),
		slog.Int("status", e.status), slog.Int64("bytes", e.bytes), slog.Float64("took_ms", float64(took.Microseconds())/1000),
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

// setHeaders sets what every response carries.
func (s *Server) setHeaders(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set(headerRequestID, exchangeOf(r.Context()).id)
	setSafetyHeaders(header)
	if s.options.https() {
		header.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if len(s.options.AllowedOrigins) == 0 {
		return
	}
	header.Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); s.allowed(origin) {
		header.Set("Access-Control-Allow-Origin", origin)
		header.Set("Access-Control-Allow-Credentials", "true")
		header.Set("Access-Control-Expose-Headers", headerRequestID+", Retry-After, Allow, WWW-Authenticate")
		header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
}

// setSafetyHeaders keeps browsers from doing more with an answer than showing it to who asked.
func setSafetyHeaders(header http.Header) {
	header.Set("Content-Security-Policy", apiPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
}

// preflight answers OPTIONS: what the address takes and, to a browser at an allowed origin, that it may send it.
func (s *Server) preflight(w http.ResponseWriter, r *http.Request, of methods) {
	header := w.Header()
	header.Set("Allow", of.allow())
	if s.allowed(r.Header.Get("Origin")) {
		header.Set("Access-Control-Allow-Methods", of.allow())
		header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, "+headerRequestID)
		header.Set("Access-Control-Max-Age", preflightSeconds)
	}
	w.WriteHeader(http.StatusNoContent)
}

// allowed tells whether origin was configured to call with credentials.
func (s *Server) allowed(origin string) bool {
	return origin != "" && len(s.options.AllowedOrigins) > 0 && s.origins[origin]
}

// checkOrigin refuses a request that could change something, carries the sign-in cookie and comes from a page of another
// origin: the browser adds the cookie although the person did not ask for the request. http.CrossOriginProtection is not
// used since it lets a foreign Origin pass beside "Sec-Fetch-Site: none" and never looks at Referer, the last hint that
// old browsers give.
func (s *Server) checkOrigin(r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if len(r.CookiesNamed(contract.CookieName)) == 0 {
		return nil
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if s.sameOrigin(r, origin) {
			return nil
		}
		return errForeignOrigin
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return errForeignOrigin
	}
	referer := r.Header.Get("Referer")
	if referer == "" {
		return nil // no browser sends neither: this is a program, which sends cookies because it means to
	}
	u, err := url.Parse(referer)
	if err != nil || !s.sameOrigin(r, u.Scheme+"://"+u.Host) {
		return errForeignOrigin
	}
	return nil
}

var errForeignOrigin = &problem{
	kind: problemForbidden, message: "The request comes from a page of another origin, which may not act for the person signed in.",
}

// sameOrigin accepts the configured origins and the one that the request itself was sent to.
func (s *Server) sameOrigin(r *http.Request, origin string) bool {
	if s.origins[origin] {
		return true
	}
	scheme, host, ok := strings.Cut(origin, "://")
	if !ok || host == "" || host != r.Host {
		return false
	}
	// Behind a proxy that ends TLS the request's own scheme is unknown; https can only be stricter.
	return scheme == "https" || scheme == "http" && !s.options.https()
}
