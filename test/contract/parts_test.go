package contract_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

type partAddress struct {
	Number  int
	URL     string
	Headers map[string]string
}

type partsTicket struct {
	UploadID string
	PartSize int64
	Parts    []partAddress
}

type sentPart struct {
	Number int    `json:"number"`
	ETag   string `json:"etag"`
}

// about is a call about uploads.
func about(t *testing.T, path string, body map[string]any) probe.Call {
	t.Helper()
	return probe.Call{Path: "/sensor-data/uploads" + path, Body: encoded(t, body)}
}

// TestUpload_TakesALargeFileInParts begins the smallest file that is sent in parts. Its last part has one byte, so that it is soon sent; a
// whole one of small parts is sent by the tests of the CSV processor.
func TestUpload_TakesALargeFileInParts(t *testing.T) {
	t.Parallel()
	const size, partSize, count = 5<<30 + 1, 64 << 20, 81
	c := machine(t)
	ticket := decode[partsTicket](t, c.good(about(t, "", map[string]any{"fileName": "large.csv", "size": size}), http.StatusCreated))
	if ticket.PartSize != partSize || len(ticket.Parts) != 20 || ticket.Parts[19].Number != 20 {
		t.Fatalf("the ticket: %+v", ticket)
	}
	at := "/" + ticket.UploadID
	late := decode[partsTicket](t, c.good(about(t, at+"/parts", map[string]any{"numbers": []int{count}}), http.StatusOK)).Parts[0]
	etag := putPart(t, late, "\n")
	sent := make([]sentPart, count)
	for i := range sent {
		sent[i] = sentPart{i + 1, etag}
	}
	incomplete := c.bad(about(t, at+"/complete", map[string]any{"parts": sent}), http.StatusBadRequest)
	if named := strings.Split(incomplete.fields(), ","); len(named) != count-1 || named[79] != "parts[79].number" {
		t.Errorf("named are %v", named)
	}
	for fields, parts := range map[string][]sentPart{
		"parts": sent[1:], "parts[81].number": append(sent[:count:count], sent[0]), "parts[0].number": {{Number: count + 1, ETag: etag}}, "parts[0].etag": {{Number: 1}},
	} {
		p := c.bad(about(t, at+"/complete", map[string]any{"parts": parts}), http.StatusBadRequest)
		if p.fields() != fields {
			t.Errorf("the answer names %q, want %q", p.fields(), fields)
		}
	}
	for fields, numbers := range map[string][]int{"numbers": {}, "numbers[0]": {count + 1}, "numbers[1]": {1, 1}} {
		p := c.bad(about(t, at+"/parts", map[string]any{"numbers": numbers}), http.StatusBadRequest)
		if p.fields() != fields {
			t.Errorf("%v: the answer names %q, want %q", numbers, p.fields(), fields)
		}
	}
}

func TestUpload_TakesNoPartsWhereThereAreNone(t *testing.T) {
	t.Parallel()
	c := machine(t)
	one := decode[partsTicket](t, c.good(about(t, "", map[string]any{"fileName": "small.csv", "size": 5 << 30}), http.StatusCreated))
	for path, body := range map[string]map[string]any{"/parts": {"numbers": []int{1}}, "/complete": {"parts": []sentPart{{Number: 1, ETag: "e"}}}} {
		c.bad(about(t, "/"+one.UploadID+path, body), http.StatusConflict)
		c.bad(about(t, "/00000000-0000-4000-8000-000000000000"+path, body), http.StatusNotFound)
	}
	c.good(about(t, "", map[string]any{"fileName": "a.csv", "size": 50 << 30}), http.StatusCreated)
	c.bad(about(t, "", map[string]any{"fileName": "a.csv", "size": 50<<30 + 1}), http.StatusRequestEntityTooLarge)
	p := c.bad(about(t, "", map[string]any{"fileName": "a.csv", "size": 6 << 30, "sha256": strings.Repeat("0", 64)}), http.StatusBadRequest)
	if p.fields() != "sha256" {
		t.Errorf("a digest of all parts: the answer names %q", p.fields())
	}
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func putPart(t *testing.T, p partAddress, content string) (etag string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.URL, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range p.Headers {
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if etag = response.Header.Get("ETag"); response.StatusCode != http.StatusOK || etag == "" {
		t.Fatalf("part %d: status %d, ETag %q", p.Number, response.StatusCode, etag)
	}
	return etag
}
