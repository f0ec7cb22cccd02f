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

// headers are the values of headers that many answers share. Nobody changes them: to add a value makes another list.
type headers struct {
	always []header // what every response carries
	json   []string // the Content-Type
}

type header struct {
	name   string // in canonical form
	values []string
}

func newHeaders(o Options) headers {
	h := headers{always: safetyHeaders(), json: []string{mediaJSON}}
	if o.Region != "" {
		h.always = append(h.always, header{headerRegion, []string{o.Region}})
	}
	if o.https() {
		h.always = append(h.always, header{"Strict-Transport-Security", []string{"max-age=31536000"}})
	}
	return h
}

// setHeaders sets what every response carries.
func (s *Server) setHeaders(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header[headerRequestID] = []string{exchangeOf(r.Context()).id}
	for _, one := range s.headers.always {
		header[one.name] = one.values
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

// safetyHeaders forbid browsers to do anything with an answer except to give it to the page that asked.
func safetyHeaders() []header {
	return []header{
		{"Content-Security-Policy", []string{apiPolicy}},
		{"X-Content-Type-Options", []string{"nosniff"}},
		{"Referrer-Policy", []string{"no-referrer"}},
		{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
		{"Cache-Control", []string{"no-store"}},
	}
}
