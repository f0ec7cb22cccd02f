package users

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Address is where readings are sent, and as whom.
type Address struct {
	// URL is the API's, http or https, without a path.
	URL *url.URL
	// Token is sent as Authorization: Bearer.
	Token string
	// Path is that of the call, such as /sensor-data.
	Path string
}

// head is what all requests begin with, up to the value of Content-Length.
func (a Address) head() []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: ",
		a.Path, a.URL.Host, a.Token)
}

// dial opens a connection to the host of the address.
func (a Address) dial(ctx context.Context) (net.Conn, error) {
	host, secure := a.URL.Host, a.URL.Scheme == "https"
	if a.URL.Port() == "" {
		host = net.JoinHostPort(a.URL.Hostname(), map[bool]string{false: "80", true: "443"}[secure])
	}
	var conn net.Conn
	var err error
	if secure {
		// HTTP/1.1 alone: that is what this package speaks.
		dialer := &tls.Dialer{Config: &tls.Config{NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}}
		conn, err = dialer.DialContext(ctx, "tcp", host)
	} else {
		conn, err = new(net.Dialer).DialContext(ctx, "tcp", host)
	}
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

// answer is what a user looks at of an answer.
type answer struct {
	status     int
	retryAfter bool // there is a Retry-After
	closes     bool // the connection is of no use any more
}

const (
	answerBytesMax = 4 << 10 // of an answer that is read the short way
	requestBytes   = 4 << 10 // what a request has at most, beside the token
)

var errAnswerCut = errors.New("the connection ended within an answer")

// exchange sends a request, which is whole, and reads the answer to its end. The deadline bounds both. room is for the answer.
func exchange(conn net.Conn, request, room []byte, deadline time.Time) (answer, error) {
	if err := conn.SetDeadline(deadline); err != nil {
		return answer{}, fmt.Errorf("set the deadline: %w", err)
	}
	if _, err := conn.Write(request); err != nil {
		return answer{}, fmt.Errorf("send: %w", err)
	}
	have := 0
	for {
		n, err := conn.Read(room[have:])
		have += n
		if head := bytes.Index(room[:have], []byte("\r\n\r\n")); head >= 0 {
			return finish(conn, room[:have], head+4)
		}
		switch {
		case errors.Is(err, io.EOF) && have > 0:
			return answer{}, errAnswerCut
		case err != nil:
			return answer{}, fmt.Errorf("read the answer: %w", err)
		case have == len(room):
			return answer{}, errors.New("read the answer: its header has no end")
		}
	}
}

// finish reads what is left of an answer whose header has headBytes.
func finish(conn net.Conn, have []byte, headBytes int) (answer, error) {
	a, length, plain := parseHead(have[:headBytes])
	if !plain {
		return finishByLibrary(conn, have)
	}
	left := length - (len(have) - headBytes)
	if left < 0 {
		return answer{}, errors.New("read the answer: more came than it has")
	}
	for left > 0 {
		n, err := conn.Read(have[:min(left, cap(have))])
		if left -= n; left > 0 && err != nil {
			return answer{}, errors.Join(errAnswerCut, err)
		}
	}
	return a, nil
}

// parseHead reads the header of an answer whose body has a length. Where plain is false it is of another kind, or none.
func parseHead(head []byte) (a answer, length int, plain bool) {
	line, rest, _ := bytes.Cut(head, []byte("\r\n"))
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return answer{}, 0, false
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil || status < http.StatusOK || status == http.StatusNoContent || status == http.StatusNotModified {
		return answer{}, 0, false
	}
	a.status = status
	length = -1
	for len(rest) > 2 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		if plain := a.parseField(name, bytes.TrimSpace(value), &length); !plain {
			return answer{}, 0, false
		}
	}
	return a, length, length >= 0
}

// parseField takes a field of the header in, and the body's length where it is that. It returns false where the answer has no length,
// or two.
func (a *answer) parseField(name, value []byte, length *int) bool {
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseUint(string(value), 10, 31)
		if err != nil || *length >= 0 {
			return false
		}
		*length = int(n)
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		return false
	case bytes.EqualFold(name, []byte("Connection")):
		a.closes = a.closes || bytes.EqualFold(value, []byte("close"))
	case bytes.EqualFold(name, []byte("Retry-After")):
		a.retryAfter = len(value) > 0
	}
	return true
}

// finishByLibrary reads an answer of any kind, of which some has come.
func finishByLibrary(conn net.Conn, have []byte) (answer, error) {
	reader := bufio.NewReader(io.MultiReader(bytes.NewReader(bytes.Clone(have)), conn))
	for {
		response, err := http.ReadResponse(reader, &http.Request{Method: http.MethodPost})
		if err != nil {
			return answer{}, fmt.Errorf("read the answer: %w", err)
		}
		_, err = io.Copy(io.Discard, response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			return answer{}, fmt.Errorf("read the answer: %w", err)
		}
		if response.StatusCode >= http.StatusOK { // those below announce another one
			return answer{
				status: response.StatusCode, retryAfter: response.Header.Get("Retry-After") != "", closes: response.Close || reader.Buffered() > 0,
			}, nil
		}
	}
}
