package httpapi

import (
	"net/http"
)

const (
	headerRequestID = "X-Request-Id"
	headerRegion    = "X-Region"
	// apiPolicy forbids everything: an answer of the API is never a page.
	apiPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

// setHeaders sets what every response carries.
func (s *Server) setHeaders(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set(headerRequestID, exchangeOf(r.Context()).id)
	if s.options.Region != "" {
		header.Set(headerRegion, s.options.Region)
	}
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
		header.Set("Access-Control-Expose-Headers", headerRequestID+", "+headerRegion+", Retry-After, Allow, WWW-Authenticate")
		header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
}

// setSafetyHeaders forbids browsers to do anything with an answer except to give it to the page that asked.
func setSafetyHeaders(header http.Header) {
	header.Set("Content-Security-Policy", apiPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
}
