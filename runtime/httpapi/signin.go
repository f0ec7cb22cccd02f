package httpapi

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Challenges of 401 answers. That of the sign-in names a scheme that no browser knows, so that none opens its own window for
// passwords.
const (
	challengeBasic   = `SensorFlow-Login realm="sensor-flow", charset="UTF-8"`
	challengeMissing = `Bearer realm="sensor-flow"`
	challengeInvalid = `Bearer realm="sensor-flow", error="invalid_token"`
)

type messageAnswer struct {
	Message string `json:"message"`
}

// caller is who sent a request and the token that says so.
type caller struct {
	identity auth.Identity
	token    string
}

func callerOf(r *http.Request) caller { return exchangeOf(r.Context()).caller }

// authenticate finds the token, in the Authorization header before the cookie, and has it checked. If the header's token is
// refused, the cookie is not tried: a request must never act for anybody but the one that its header names.
func (s *Server) authenticate(r *http.Request) (auth.Identity, string, error) {
	token, err := tokenOf(r)
	if err != nil {
		return auth.Identity{}, "", err
	}
	id, err := s.Authenticator.Authenticate(r.Context(), token)
	if err != nil {
		return auth.Identity{}, "", fmt.Errorf("authenticate: %w", err)
	}
	return id, token, nil
}

func tokenOf(r *http.Request) (string, error) {
	if headers := r.Header.Values("Authorization"); len(headers) > 0 {
		scheme, token, _ := strings.Cut(headers[0], " ")
		token = strings.TrimSpace(token)
		if len(headers) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" {
			return "", errTokenMissing
		}
		return token, nil
	}
	cookie, err := r.Cookie(contract.CookieName)
	if err != nil || cookie.Value == "" {
		return "", errTokenMissing
	}
	return cookie.Value, nil
}

var errTokenMissing = &problem{
	kind: problemUnauthenticated, message: "Sign in first, or send an access token as Authorization: Bearer.", challenge: challengeMissing,
}

// credentialsCharsMax bounds what is passed on to the user pool; a longer header cannot be right.
const credentialsCharsMax = 1024

// postLogin signs a person in.
func (s *Server) postLogin(w http.ResponseWriter, r *http.Request) error {
	username, password, err := basicCredentials(r)
	if err != nil {
		return err
	}
	ctx, cancel := calling(r)
	defer cancel()
	token, _, err := s.Authenticator.Login(ctx, username, password, s.clientAddress(r))
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	http.SetCookie(w, s.cookie(r, token, int(contract.CookieLifetime.Seconds())))
	return answer(w, http.StatusOK, messageAnswer{"Login successful"})
}

var errBasic = errors.New("not Basic credentials")

// basicCredentials reads "username:password" in UTF-8 (RFC 7617). Only the first colon divides, so that the password may
// hold more.
func basicCredentials(r *http.Request) (username, password string, err error) {
	refused := malformed("Send the header Authorization: Basic with the Base64 of username:password in UTF-8.")
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return "", "", refused
	}
	scheme, encoded, _ := strings.Cut(headers[0], " ")
	encoded = strings.TrimSpace(encoded)
	if !strings.EqualFold(scheme, "Basic") || len(encoded) > base64.StdEncoding.EncodedLen(credentialsCharsMax) {
		return "", "", refused
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") || // which the decoder passes over
		!utf8.Valid(decoded) || strings.ContainsFunc(string(decoded), isControl) {
		refused.cause = errBasic
		return "", "", refused
	}
	username, password, found := strings.Cut(string(decoded), ":")
	if !found || username == "" || password == "" {
		return "", "", refused
	}
	return username, password, nil
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

// cookie makes the sign-in cookie; a negative lifetime clears it.
func (s *Server) cookie(r *http.Request, token string, lifetimeSeconds int) *http.Cookie {
	c := &http.Cookie{
		Name: contract.CookieName, Value: token, Path: "/", MaxAge: lifetimeSeconds,
		HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	}
	if len(s.options.AllowedOrigins) > 0 {
		c.SameSite = http.SameSiteNoneMode // pages of other origins need the cookie, and browsers take that only with Secure
		return c
	}
	c.Secure = s.options.https() || !isLoopbackHost(r.Host)
	return c
}

// isLoopbackHost tells whether a Host header names this machine, where plain HTTP is read by nobody else.
func isLoopbackHost(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = strings.Trim(hostPort, "[]")
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

type meAnswer struct {
	Username  string   `json:"username"`
	Sub       string   `json:"sub"`
	Email     string   `json:"email"`
	Groups    []string `json:"groups"`
	Scopes    []string `json:"scopes"`
	ExpiresAt string   `json:"expiresAt"`
}

// getMe tells who the caller is.
func (s *Server) getMe(w http.ResponseWriter, r *http.Request) error {
	id := callerOf(r).identity
	return answer(w, http.StatusOK, meAnswer{
		id.Username, id.Subject, id.Email, append([]string{}, id.Groups...), append([]string{}, id.Scopes...), clientTime(id.ExpiresAt),
	})
}

// postLogout has the token refused from now on and clears the cookie.
func (s *Server) postLogout(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := calling(r)
	defer cancel()
	if err := s.Authenticator.Logout(ctx, callerOf(r).token); err != nil {
		return fmt.Errorf("log out: %w", err)
	}
	http.SetCookie(w, s.cookie(r, "", -1))
	return answer(w, http.StatusOK, messageAnswer{"Logout successful"})
}

// clientAddress is the address of the client as the outermost trusted proxy saw it. All that is further left in
// X-Forwarded-For was written by the client itself.
func (s *Server) clientAddress(r *http.Request) string {
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		peer = r.RemoteAddr
	}
	if s.options.TrustedProxies == 0 {
		return peer
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	place := len(hops) - s.options.TrustedProxies
	if place < 0 {
		return peer
	}
	if address := strings.TrimSpace(hops[place]); net.ParseIP(address) != nil {
		return address
	}
	return peer
}
