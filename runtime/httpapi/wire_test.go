package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
)

// wire is a connection on which a test sends what no HTTP client would.
type wire struct {
	*fixture
	net.Conn
	in *bufio.Reader
}

func (f *fixture) dial() *wire {
	f.t.Helper()
	c, err := f.connect(context.Background(), "tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return &wire{f, c, bufio.NewReader(c)}
}

// answer reads one answer and checks what every one has.
func (w *wire) answer(method string) reply {
	w.t.Helper()
	response, err := http.ReadResponse(w.in, &http.Request{Method: method})
	if err != nil {
		w.t.Fatalf("no answer: %v", err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatalf("half an answer: %v", err)
	}
	_ = response.Body.Close()
	got := reply{response.StatusCode, response.Header, string(text)}
	if got.header.Get("X-Request-Id") == "" || got.header.Get("X-Content-Type-Options") != "nosniff" {
		w.t.Errorf("status %d: headers %v", got.status, got.header)
	}
	if got.status >= 400 {
		w.problem(got)
	}
	return got
}

// net/http answers by itself what it cannot read as a request; the contract holds for those answers too.
func TestWire_WhatIsNoRequestIsAProblemToo(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	const host = "Host: x\r\n"
	for _, test := range []struct {
		name, sent string
		status     int
	}{
		{"TLS", "\x16\x03\x01\x02\x00\x01\r\n\r\n", 400},
		{"no host", "GET /healthz HTTP/1.1\r\n\r\n", 400},
		{"two hosts", "GET /healthz HTTP/1.1\r\n" + host + host + "\r\n", 400},
		{"a broken escape", "GET /sensor-data/%zz HTTP/1.1\r\n" + host + "\r\n", 400},
		{"a method with braces", "{} /healthz HTTP/1.1\r\n" + host + "\r\n", 400},
		{"a header without colon", "GET /healthz HTTP/1.1\r\n" + host + "x\r\n\r\n", 400},
		{"a negative length", "POST /sensor-data HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", 400},
		{"two lengths", "POST /sensor-data HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
		{"an unknown transfer encoding", "POST /sensor-data HTTP/1.1\r\n" + host + "Transfer-Encoding: tea\r\n\r\n", 400},
		{"an unknown expectation", "POST /sensor-data HTTP/1.1\r\n" + host + "Expect: tea\r\nContent-Length: 0\r\n\r\n", 400},
		{"another version", "GET /healthz HTTP/3.0\r\n" + host + "\r\n", 400},
		{"long headers", "GET /healthz HTTP/1.1\r\n" + host + "X: " + strings.Repeat("x", 60<<10) + "\r\n\r\n", 431},
		{"very long headers", "GET /healthz HTTP/1.1\r\n" + host + "X: " + strings.Repeat("x", 2<<20) + "\r\n\r\n", 431},
		{"long headers that are allowed", "GET /healthz HTTP/1.1\r\n" + host + "X: " + strings.Repeat("x", 31<<10) + "\r\n\r\n", 200},
		{"a proxy's method", "CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example:80\r\n\r\n", 404},
		{"no path", "GET * HTTP/1.1\r\n" + host + "\r\n", 404},
		{"a method in lower case", "get /healthz HTTP/1.1\r\n" + host + "\r\n", 405},
		{"a method to debug with", "TRACE /healthz HTTP/1.1\r\n" + host + "\r\n", 405},
		{"a whole URL", "GET http://x/healthz HTTP/1.1\r\n" + host + "\r\n", 200},
		{"an old version", "GET /healthz HTTP/1.0\r\n\r\n", 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := f.dial()
			w.t = t
			go func() { _, _ = io.WriteString(w, test.sent) }()
			got := w.answer(http.MethodGet)
			if got.status != test.status {
				t.Errorf("status %d, want %d: %s", got.status, test.status, got.body)
			}
			if strings.Contains(got.body, "net/http") || strings.Contains(got.body, "unsupported protocol") {
				t.Errorf("the answer tells what runs here: %s", got.body)
			}
		})
	}
	w := f.dial()
	_, _ = io.WriteString(w, "OPTIONS * HTTP/1.1\r\n"+host+"\r\n")
	if got := w.answer(http.MethodOptions); got.status != http.StatusNoContent || got.header.Get("Allow") != "DELETE, GET, HEAD, OPTIONS, POST" {
		t.Errorf("OPTIONS *: status %d, Allow %q", got.status, got.header.Get("Allow"))
	}
}

// send writes a request head and a body of n spaces as most clients do: all of it before they read anything.
func (w *wire) send(path, token string, n int, chunked bool) error {
	length := fmt.Sprintf("Content-Length: %d", n)
	if chunked {
		length = "Transfer-Encoding: chunked"
	}
	if _, err := fmt.Fprintf(w, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%s\r\n\r\n", path, token, length); err != nil {
		return err
	}
	part := bytes.Repeat([]byte(" "), 1<<20)
	for ; n > 0; n -= len(part) {
		part = part[:min(len(part), n)]
		if chunked {
			_, _ = fmt.Fprintf(w, "%x\r\n", len(part))
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
		if chunked {
			_, _ = io.WriteString(w, "\r\n")
		}
	}
	if chunked {
		_, _ = io.WriteString(w, "0\r\n\r\n")
	}
	return nil
}

// A connection that is closed while the client still sends costs the client its answer.
func TestWire_ARefusalReachesWhoSendsEverythingFirst(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for _, test := range []struct {
		path, token string
		bytes       int
		status      int
	}{
		{"/sensor-data", tokenWriter, contract.ReadingBodyBytesMax + 1, 413},
		{"/sensor-data", tokenWriter, 20 << 20, 413},
		{"/sensor-data/batch", tokenWriter, contract.BatchBodyBytesMax + 1, 413},
		{"/sensor-data/batch", tokenWriter, 40 << 20, 413},
		{"/sensor-data/batch", tokenReader, contract.BatchBodyBytesMax, 403},
		{"/sensor-data/upload-csv", "nobody", contract.SmallUploadBytesMax, 401},
		{"/sensor-data/upload-csv", tokenWriter, contract.SmallUploadBytesMax, 415},
		{"/nothing", tokenWriter, 10 << 20, 404},
		{"/sensor-data/aggregated", tokenWriter, 10 << 20, 405},
	} {
		for _, chunked := range []bool{false, true} {
			w := f.dial()
			if err := w.send(test.path, test.token, test.bytes, chunked); err != nil {
				t.Errorf("%d bytes to %s, chunked %t: %v", test.bytes, test.path, chunked, err)
				continue
			}
			if got := w.answer(http.MethodPost); got.status != test.status {
				t.Errorf("%d bytes to %s, chunked %t: status %d, want %d", test.bytes, test.path, chunked, got.status, test.status)
			}
		}
	}
}

func TestWire_ARefusalDoesNotWaitForTheRest(t *testing.T) {
	f := newFixture(t, httpapi.Options{BodyTimeout: 200 * time.Millisecond})
	const head = "POST /sensor-data/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer writer\r\nContent-Type: application/json\r\nContent-Length: 6000000\r\n"
	for name, more := range map[string]string{"part of a body": "\r\n[", "a question whether to send": "Expect: 100-continue\r\n\r\n"} {
		w := f.dial()
		began := time.Now()
		_, _ = io.WriteString(w, head+more)
		if got := w.answer(http.MethodPost); got.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: status %d", name, got.status)
		}
		if _, err := w.in.ReadByte(); err == nil {
			t.Errorf("%s: something follows the answer", name)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: the connection was held for %s", name, took)
		}
	}
}

// Reconnecting is what an overloaded service needs least.
func TestWire_ARefusalKeepsTheConnectionWhereTheBodyIsIn(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	w := f.dial()
	big := "[" + manyReadings(4999, ",") + `,{"equipmentId":1}` + strings.Repeat(" ", 100_000) + "]"
	for _, sent := range []struct {
		path, body string
		status     int
	}{
		{"/sensor-data", "{}", 400},
		{"/sensor-data/batch", "[" + strings.Repeat("1,", 4000) + "1]" + strings.Repeat(" ", 300_000), 400},
		{"/sensor-data/batch", big, 201},
		{"/sensor-data/aggregated", "{}", 405},
	} {
		_, _ = fmt.Fprintf(w, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer writer\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", sent.path, len(sent.body), sent.body)
		if got := w.answer(http.MethodPost); got.status != sent.status || got.header.Get("Connection") != "" {
			t.Errorf("%s: status %d, Connection %q", sent.path, got.status, got.header.Get("Connection"))
		}
	}
}

func TestPostBatch_LinesEndAsTheyLike(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	one, two := body("EQ-1", "2026-03-01T08:30:00Z", "1"), body("EQ-2", "2026-03-01T08:30:00Z", "2")
	full := one + strings.Repeat(" ", contract.ReadingBodyBytesMax-len(one))
	for _, test := range []struct {
		name, body string
		want       string
	}{
		{"no line end at the end", one + "\n" + two, `{"accepted":2,"rejected":[]}`},
		{"CRLF and blank lines", "\r\n" + one + "\r\n  \r\n\n" + two + "\r\n", `{"accepted":2,"rejected":[]}`},
		{"lines of 64 KiB", full + "\n" + full + "\r\n" + full, `{"accepted":3,"rejected":[]}`},
		{"a line of a byte more", one + "\n" + full + " \n" + two, `{"accepted":2,"rejected":[{"index":1,"errors":[{"field":"reading","reason":"must be at most 64 KiB long"}]}]}`},
		{"a last line of a byte more", one + "\n" + full + " ", `{"accepted":1,"rejected":[{"index":1,"errors":[{"field":"reading","reason":"must be at most 64 KiB long"}]}]}`},
		{"a line of several buffers", one + "\n" + full + full + full + "\n" + two, `{"accepted":2,"rejected":[{"index":1,"errors":[{"field":"reading","reason":"must be at most 64 KiB long"}]}]}`},
		{"two readings on a line", one + two + "\n" + two, `{"accepted":1,"rejected":[{"index":0,"errors":[{"field":"reading","reason":"must hold one JSON document and nothing after it"}]}]}`},
		{"a byte order mark", "\ufeff" + one + "\n" + two, `{"accepted":2,"rejected":[]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := f.do(call{method: "POST", path: "/sensor-data/batch", token: tokenWriter, body: test.body, headers: map[string]string{"Content-Type": "application/x-ndjson"}})
			if got.status != http.StatusCreated || got.body != test.want+"\n" {
				t.Errorf("status %d, %s, want %s", got.status, got.body, test.want)
			}
		})
	}
}

// An element that cannot be read is named, with its place, and the others are stored.
func TestPostBatch_StoresTheReadableElementsOfAnArray(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	one, two := body("EQ-1", "2026-03-01T08:30:00Z", "1"), body("EQ-2", "2026-03-01T08:30:00Z", "2")
	nan := body("EQ-3", "2026-03-01T08:30:00Z", "NaN")
	const missing = `{"field":"reading","reason":"is missing: a comma stands where it should"}`
	for _, test := range []struct {
		name, body string
		want       string
	}{
		{"a byte order mark", "\ufeff[" + one + "]", `{"accepted":1,"rejected":[]}`},
		{"a NaN", "[" + one + "," + nan + "," + two + "]", `{"accepted":2,"rejected":[{"index":1,"errors":[{"field":"reading","reason":"must be valid JSON, which it is not at its byte 66; NaN and infinities are not taken"}]}]}`},
		{"a bare NaN", "[NaN, " + two + "]", `{"accepted":1,"rejected":[{"index":0,"errors":[{"field":"reading","reason":"must be valid JSON, which it is not at its byte 1; NaN and infinities are not taken"}]}]}`},
		{"a comma at the end", "[" + one + ",\n]", `{"accepted":1,"rejected":[{"index":1,"errors":[` + missing + `]}]}`},
		{"two commas", "[" + one + ", ," + two + "]", `{"accepted":2,"rejected":[{"index":1,"errors":[` + missing + `]}]}`},
		{"a comma at the beginning", "[," + two + "]", `{"accepted":1,"rejected":[{"index":0,"errors":[` + missing + `]}]}`},
		{"compressed", zipped("[" + one + "," + two + "]"), `{"accepted":2,"rejected":[]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			headers := map[string]string{}
			if test.name == "compressed" {
				headers["Content-Encoding"] = "gzip"
			}
			got := f.do(call{method: "POST", path: "/sensor-data/batch", token: tokenWriter, body: test.body, headers: headers})
			if got.status != http.StatusCreated || got.body != test.want+"\n" {
				t.Errorf("status %d, %s, want %s", got.status, got.body, test.want)
			}
		})
	}
	before := len(f.table.values())
	for name, text := range map[string]string{
		"a quote too many": "[" + strings.Replace(one, "EQ-1", `EQ"1`, 1) + "," + body("EQ-9", "2026-03-01T08:31:00Z", "2") + "]",
		"no end":           "[" + body("EQ-9", "2026-03-01T08:31:00Z", "1"), "no comma": "[" + one + two + "]", "more behind it": "[" + one + "]]",
		"a bomb": zipped("[" + strings.Repeat(" ", 50<<20) + "]"),
	} {
		headers, status := map[string]string{}, http.StatusBadRequest
		if name == "a bomb" {
			headers["Content-Encoding"], status = "gzip", http.StatusRequestEntityTooLarge
		}
		if got := f.do(call{method: "POST", path: "/sensor-data/batch", token: tokenWriter, body: text, headers: headers}); got.status != status {
			t.Errorf("%s: status %d, %s", name, got.status, got.body)
		}
	}
	if after := len(f.table.values()); after != before {
		t.Errorf("%d readings of arrays without an end were stored", after-before)
	}
}
