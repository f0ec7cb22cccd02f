package contract_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	faults "github.com/pb33f/libopenapi-validator/errors"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// specification is the service's own description, which its answers must keep to.
type specification struct {
	text      []byte
	validator validator.Validator
	paths     map[string]map[string]json.RawMessage
}

func loadSpecification(ctx context.Context, base string) (*specification, error) {
	got, err := (&probe.Client{Base: base}).Do(ctx, probe.Call{Path: "/openapi.json"})
	if err != nil {
		return nil, err
	}
	if got.Status != http.StatusOK {
		return nil, fmt.Errorf("GET /openapi.json: status %d: %.300s", got.Status, got.Body)
	}
	s := &specification{text: got.Body}
	var described struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := got.Decode(&described); err != nil {
		return nil, err
	}
	s.paths = described.Paths
	document, err := libopenapi.NewDocument(got.Body)
	if err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	var errs []error
	if s.validator, errs = validator.NewValidator(document); len(errs) > 0 {
		return nil, fmt.Errorf("compile the description: %w", errors.Join(errs...))
	}
	return s, nil
}

// describes tells whether the description speaks of a method at an address. 405 and the 404 of unknown addresses are
// described in prose.
func (s *specification) describes(method, path string) bool {
	method = strings.ToLower(method)
	if _, ok := s.paths[path][method]; ok {
		return true
	}
	for template, methods := range s.paths {
		prefix, rest, found := strings.Cut(template, "{")
		if !found {
			continue
		}
		_, ok := methods[method]
		value, hasPrefix := strings.CutPrefix(path, prefix)
		if _, suffix, _ := strings.Cut(rest, "}"); ok && hasPrefix && suffix == "" && value != "" && !strings.Contains(value, "/") {
			return s.paths[path] == nil
		}
	}
	return false
}

// check holds an exchange against the description: the answer always, the request unless it is bad on purpose.
func (s *specification) check(t *testing.T, sent []byte, bad bool, got probe.Answer) {
	t.Helper()
	r := got.Request
	if !s.describes(r.Method, r.URL.Path) {
		return
	}
	report := func(what string, found []*faults.ValidationError) {
		t.Helper()
		for _, f := range found {
			var details []string
			for _, e := range f.SchemaValidationErrors {
				details = append(details, e.Reason)
			}
			t.Errorf("%s %s: the %s does not keep to the description: %s %s %q\nstatus %d: %.400s", r.Method, r.URL.Path, what,
				f.Message, f.Reason, details, got.Status, got.Body)
		}
	}
	// The validator takes every media type that ends in json for one JSON document, which lines of JSON are not.
	if lines := r.Header.Get("Content-Type") == "application/x-ndjson"; !bad && !lines {
		again := r.Clone(r.Context())
		again.Body = io.NopCloser(bytes.NewReader(sent))
		if ok, found := s.validator.ValidateHttpRequestSync(again); !ok {
			report("request", found)
		}
	}
	response := &http.Response{
		StatusCode: got.Status, Header: got.Header, Body: io.NopCloser(bytes.NewReader(got.Body)), Request: r,
	}
	if ok, found := s.validator.ValidateHttpResponse(r, response); !ok {
		report("answer", found)
	}
}
