package contract_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

func TestErrors_UnknownAddressesAreNotFound(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/nothing", "/sensor-data/", "/sensor-data/uploads/", "/sensor-data/uploads/a/b", "//sensor-data", "/auth", "/healthz/x", "/assets/none.css",
		"/docs/../sensor-data/./x", "/sensor-data/uploads/00000000-0000-4000-8000-000000000000",
	} {
		machine(t).bad(probe.Call{Path: path}, http.StatusNotFound)
	}
}

func TestErrors_OtherMethodsAreNamedInAllow(t *testing.T) {
	t.Parallel()
	for path, allowed := range map[string]string{
		"/": "GET", "/healthz": "GET", "/readyz": "GET", "/auth/login": "POST", "/auth/me": "GET", "/auth/logout": "POST",
		"/sensor-data": "GET POST DELETE", "/sensor-data/deletions/x": "GET", "/sensor-data/batch": "POST", "/sensor-data/uploads": "GET POST", "/sensor-data/upload-csv": "POST",
		"/sensor-data/uploads/x": "GET", "/sensor-data/uploads/x/parts": "POST", "/sensor-data/uploads/x/complete": "POST", "/sensor-data/aggregated": "GET", "/openapi.json": "GET", "/docs": "GET", "/console": "GET",
	} {
		for _, method := range []string{"PUT", "DELETE", "PATCH", "TRACE", "GET", "POST"} {
			if strings.Contains(allowed, method) {
				continue
			}
			p := machine(t).bad(probe.Call{Method: method, Path: path}, http.StatusMethodNotAllowed)
			for _, want := range strings.Fields(allowed) {
				if !strings.Contains(p.header.Get("Allow"), want) {
					t.Errorf("%s %s: Allow %q lacks %s", method, path, p.header.Get("Allow"), want)
				}
			}
		}
	}
}

func TestErrors_HeadAnswersLikeGetWithoutABody(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/healthz", "/readyz", "/docs", "/console", "/openapi.json", "/sensor-data/aggregated?interval=24h&equipmentId=none"} {
		got := machine(t).good(probe.Call{Method: "HEAD", Path: path}, http.StatusOK)
		if len(got.Body) > 0 {
			t.Errorf("HEAD %s has a body", path)
		}
	}
}

func TestErrors_EveryAnswerCarriesARequestId(t *testing.T) {
	t.Parallel()
	c := anonymous(t)
	for sent, kept := range map[string]bool{
		"order-66.A_b": true, strings.Repeat("x", 64): true, strings.Repeat("x", 65): false, "with space": false, `"quoted"`: false, "": false,
	} {
		for _, path := range []string{"/healthz", "/nothing", "/auth/me"} {
			got, err := c.Do(t.Context(), probe.Call{Path: path, Header: map[string]string{"X-Request-Id": sent}})
			if err != nil {
				t.Fatal(err)
			}
			if id := got.Header.Get("X-Request-Id"); id == "" || (id == sent) != kept {
				t.Errorf("%s: X-Request-Id %q was answered with %q", path, sent, id)
			}
		}
	}
}

func TestErrors_BodiesBeyondTheLimitAreTooLarge(t *testing.T) {
	t.Parallel()
	pad := func(size int) []byte {
		body := []byte(oneReading(equipment(t), stamp(recent()), "1"))
		return append(body, bytes.Repeat([]byte(" "), size-len(body))...)
	}
	c := machine(t)
	c.good(probe.Call{Path: "/sensor-data", Body: pad(64 << 10)}, http.StatusCreated)
	c.bad(probe.Call{Path: "/sensor-data", Body: pad(64<<10 + 1)}, http.StatusRequestEntityTooLarge)
	c.bad(probe.Call{Path: "/sensor-data/uploads", Body: pad(64<<10 + 1)}, http.StatusRequestEntityTooLarge)
	array := func(size int) []byte {
		body := []byte("[" + oneReading(equipment(t), stamp(recent()), "1"))
		return append(append(body, bytes.Repeat([]byte(" "), size-len(body)-1)...), ']')
	}
	c.good(probe.Call{Path: "/sensor-data/batch", Body: array(5 << 20)}, http.StatusCreated)
	c.bad(probe.Call{Path: "/sensor-data/batch", Body: array(5<<20 + 1)}, http.StatusRequestEntityTooLarge)
}

// A client that does not say how much it sends is stopped at the limit all the same.
func TestErrors_ChunkedBodiesBeyondTheLimitAreTooLarge(t *testing.T) {
	t.Parallel()
	c := machine(t)
	r, err := c.Request(t.Context(), probe.Call{Path: "/sensor-data", Body: []byte{}})
	if err != nil {
		t.Fatal(err)
	}
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(oneReading("a", "b", "1")+strings.Repeat(" ", 70<<10))), -1
	got, err := c.Send(r)
	if err != nil {
		t.Fatal(err)
	}
	c.check(nil, true, got)
	if got.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d: %s", got.Status, got.Body)
	}
}

func TestErrors_OtherMediaTypesAreRefused(t *testing.T) {
	t.Parallel()
	body := []byte(oneReading(equipment(t), stamp(recent()), "1"))
	for _, media := range []string{"", "text/plain", "application/xml", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "nonsense"} {
		for path, b := range map[string][]byte{"/sensor-data": body, "/sensor-data/batch": append(append([]byte("["), body...), ']'), "/sensor-data/uploads": []byte(`{"fileName":"a.csv","size":1}`)} {
			machine(t).bad(probe.Call{Path: path, Body: b, Header: map[string]string{"Content-Type": media}}, http.StatusUnsupportedMediaType)
		}
	}
	machine(t).bad(probe.Call{Path: "/sensor-data", Body: body, Header: map[string]string{"Content-Encoding": "br"}}, http.StatusUnsupportedMediaType)
	machine(t).good(probe.Call{Path: "/sensor-data", Body: body, Header: map[string]string{"Content-Type": "Application/JSON; charset=UTF-8"}}, http.StatusCreated)
}

func TestErrors_ASlowBodyIsAnsweredWith408(t *testing.T) {
	t.Parallel()
	address, err := url.Parse(local.Info.APIURL)
	if err != nil {
		t.Fatal(err)
	}
	connection, err := net.Dial("tcp", address.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	_, err = fmt.Fprintf(connection, "POST /sensor-data HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
		address.Host, local.machine)
	if err != nil {
		t.Fatal(err)
	}
	_ = connection.SetReadDeadline(time.Now().Add(50 * time.Second))
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	c := machine(t)
	r, err := c.Request(t.Context(), probe.Call{Method: "POST", Path: "/sensor-data"})
	if err != nil {
		t.Fatal(err)
	}
	c.check(nil, true, probe.Answer{Status: response.StatusCode, Header: response.Header, Body: body, Request: r})
	if response.StatusCode != http.StatusRequestTimeout {
		t.Errorf("status %d: %s", response.StatusCode, body)
	}
}

func TestErrors_MisspeltOrRepeatedParametersAreRefused(t *testing.T) {
	t.Parallel()
	for path, field := range map[string]string{
		"/sensor-data?equipmentid=a":                                "equipmentid,equipmentId",
		"/sensor-data?equipmentId=a&equipmentId=b":                  "equipmentId",
		"/sensor-data/aggregated?interval=24h&equipment=a":          "equipment",
		"/sensor-data/aggregated?interval=24h&limit=1&limit=2":      "limit",
		"/sensor-data/uploads?page=2":                               "page",
		"/auth/me?id=1":                                             "id",
		"/sensor-data/aggregated?interval=24h&equipmentId=%zz":      "",
		"/sensor-data/aggregated?interval=24h&equipmentId=a;limit=": "",
	} {
		p := machine(t).bad(probe.Call{Path: path}, http.StatusBadRequest)
		if p.fields() != field {
			t.Errorf("%s: the answer names %q", path, p.fields())
		}
	}
}
