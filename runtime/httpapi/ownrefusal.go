package httpapi

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/google/uuid"
)

const (
	answerStart = "HTTP/1.1 "
	// refusalHeaders follow the status line where net/http refuses a request before there is a handler (conn.serve in its
	// server.go). An answer of a handler never has them there: its Cache-Control comes first.
	refusalHeaders = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
)

// ownRefusal returns the problem for an answer that net/http wrote on its own, and nil for any other: for what it cannot read as
// a request it asks no handler, and the API promises a problem for every error. As net/http has no hook for these answers, they
// are recognised by their text. TestWire_WhatIsNoRequestIsAProblemToo tells when a version of Go writes them in another way.
func ownRefusal(p []byte) *problem {
	if !bytes.HasPrefix(p, []byte(answerStart)) {
		return nil
	}
	lineEnd := bytes.IndexByte(p, '\r')
	if lineEnd < len(answerStart)+3 {
		return nil
	}
	status, _ := strconv.Atoi(string(p[len(answerStart) : len(answerStart)+3])) // 0, which is no status, where it is no number
	switch {
	case status == http.StatusExpectationFailed: // written like a handler's answer, but no handler here ever gives it
		return malformed("The only expectation that is met here is 100-continue.")
	case !bytes.HasPrefix(p[lineEnd:], []byte(refusalHeaders)):
		return nil
	case status == http.StatusRequestHeaderFieldsTooLarge:
		return &problem{kind: problemHeadersTooLarge, message: "The headers must be at most " + byteCount(headerBytesMax) + " together."}
	default:
		return malformed("This is not a request as HTTP/1.1 has it.")
	}
}

// asAnswer writes a problem as a whole answer that ends its connection.
func asAnswer(p *problem) []byte {
	id := uuid.NewString()
	w := &wholeAnswer{header: http.Header{}}
	w.header.Set(headerRequestID, id)
	for _, one := range safetyHeaders() {
		w.header[one.name] = one.values
	}
	w.header.Set("Connection", "close")
	writeProblem(w, id, p)
	return w.Bytes()
}

// wholeAnswer is a http.ResponseWriter that keeps an answer as HTTP/1.1 writes it.
type wholeAnswer struct {
	header http.Header
	bytes.Buffer
}

func (w *wholeAnswer) Header() http.Header { return w.header }

func (w *wholeAnswer) WriteHeader(status int) {
	w.WriteString(answerStart + strconv.Itoa(status) + " " + http.StatusText(status) + "\r\n")
	_ = w.header.Write(w) // a buffer takes everything
	w.WriteString("\r\n")
}
