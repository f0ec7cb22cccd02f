package httpapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// preflightSeconds is how long a browser may remember what another origin is allowed to do.
const preflightSeconds = "600"

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
// used, since it accepts a foreign Origin together with "Sec-Fetch-Site: none" and does not look at Referer, which is all that
// old browsers send.
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
		return nil // every browser sends one of the three: this is a program, and it sends the cookie on purpose
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
	// Behind a proxy that ends TLS, the scheme of the request is unknown. A page of https is as safe as the service itself.
	return scheme == "https" || scheme == "http" && !s.options.https()
}
