package contract_test

import (
	"bytes"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

var codeBlock = regexp.MustCompile(`(?s)<pre><code>(.*?)</code></pre>`)

// TestDocuments_TheFirstSessionDoesWhatThePageSays types what the page shows, as a machine and as a person.
func TestDocuments_TheFirstSessionDoesWhatThePageSays(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is missing, which the page's commands use", tool)
		}
	}
	page := string(anonymous(t).good(probe.Call{Path: "/docs"}, http.StatusOK).Body)
	_, session, found := strings.Cut(page, `<h2 id="session">`)
	session, _, ended := strings.Cut(session, `<h2 id="fresh">`)
	blocks := codeBlock.FindAllStringSubmatch(session, -1)
	if !found || !ended || len(blocks) != 6 {
		t.Fatalf("the page's first session has %d blocks of commands", len(blocks))
	}
	id := equipment(t)
	for who, token := range map[string]int{"a machine": 0, "a person": 1} {
		var commands strings.Builder
		for i, block := range blocks {
			if i == 0 || i == token || i > 1 {
				commands.WriteString(strings.ReplaceAll(html.UnescapeString(block[1]), "EQ-1", id) + "\n")
			}
		}
		shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", commands.String())
		shell.Dir = t.TempDir()
		shell.Env = append(shell.Environ(), "PERSON="+local.Info.Username, "PASSWORD="+local.Info.Password,
			"CLIENT_ID="+local.Info.ClientID, "CLIENT_SECRET="+local.Info.ClientSecret)
		var errs bytes.Buffer
		shell.Stderr = &errs
		out, err := shell.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s\n%s", who, err, out, &errs)
		}
		for _, want := range []string{`"message":"Data saved successfully"`, `{"accepted":2,"rejected":[]}`, `"value":21.5,`, `{"average":`} {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s: the commands did not print %s:\n%s", who, want, out)
			}
		}
	}
}

// described is what of the description the examples stand in.
type described struct {
	Paths map[string]map[string]struct {
		Parameters  []describedParameter
		RequestBody struct{ Content map[string]describedMedia }
		Responses   map[string]describedResponse
	}
	Components struct {
		Parameters map[string]describedParameter
		Responses  map[string]describedResponse
	}
}

type describedParameter struct {
	Ref      string `json:"$ref"`
	Name, In string
	Example  any
}

type describedResponse struct {
	Ref     string `json:"$ref"`
	Content map[string]describedMedia
}

type describedMedia struct {
	Example  json.RawMessage
	Examples map[string]struct{ Value json.RawMessage }
}

func (m describedMedia) all() (all []json.RawMessage) {
	if m.Example != nil {
		all = append(all, m.Example)
	}
	for _, one := range m.Examples {
		all = append(all, one.Value)
	}
	return all
}

// The examples of the description are what the service takes and what it may answer. Their day is long past here, where readings have a
// retention.
func TestDocuments_EveryExampleIsTrue(t *testing.T) {
	t.Parallel()
	var d described
	day := func(days int) string { return recent().AddDate(0, 0, days).Format("2006-01-02") }
	today := strings.NewReplacer("2026-03-01", day(0), "2026-04-01", day(1)).Replace(string(local.spec.text))
	if err := json.Unmarshal([]byte(today), &d); err != nil {
		t.Fatal(err)
	}
	sent, answered := 0, 0
	for path, methods := range d.Paths {
		for method, operation := range methods {
			method = strings.ToUpper(method)
			for media, content := range operation.RequestBody.Content {
				for _, example := range content.all() {
					sent++
					if strings.Contains(path, "{id}") {
						sendsExampleOfParts(t, path, example)
						continue
					}
					sendsExample(t, method, path, media, example)
				}
			}
			for status, response := range operation.Responses {
				if name, ok := strings.CutPrefix(response.Ref, "#/components/responses/"); ok {
					response = d.Components.Responses[name]
				}
				answered += answersExamples(t, method, path, status, response)
			}
			if method == http.MethodGet {
				asksByExample(t, path, operation.Parameters, d.Components.Parameters)
			}
		}
	}
	if sent < 6 || answered < 60 {
		t.Errorf("%d examples were sent, %d held against their schema", sent, answered)
	}
}

// sendsExample sends a body.
func sendsExample(t *testing.T, method, path, media string, example json.RawMessage) {
	t.Helper()
	body := []byte(example)
	if media == "application/x-ndjson" {
		var lines []json.RawMessage
		if err := json.Unmarshal(example, &lines); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		for _, line := range lines {
			if err := json.Compact(&b, line); err != nil {
				t.Fatal(err)
			}
			b.WriteByte('\n')
		}
		body = b.Bytes()
	}
	got := machine(t).good(probe.Call{Method: method, Path: path, Body: body, Header: map[string]string{"Content-Type": media}}, http.StatusCreated)
	if strings.Contains(string(got.Body), `"index"`) {
		t.Errorf("%s %s of an example: %s", method, path, got.Body)
	}
}

// sendsExampleOfParts sends a body about an upload that takes parts. One that completes it is right but for the parts that it leaves out.
func sendsExampleOfParts(t *testing.T, path string, example json.RawMessage) {
	t.Helper()
	c := machine(t)
	ticket := decode[partsTicket](t, c.good(about(t, "", map[string]any{"fileName": "large.csv", "size": 6 << 30}), http.StatusCreated))
	call := probe.Call{Path: strings.ReplaceAll(path, "{id}", ticket.UploadID), Body: example}
	if !strings.HasSuffix(path, "/complete") {
		c.good(call, http.StatusOK)
		return
	}
	if p := c.bad(call, http.StatusBadRequest); p.fields() != "parts" || !strings.Contains(p.Message, "is missing") {
		t.Errorf("%s: the example is refused: %s", path, p.Message)
	}
}

// asksByExample asks a call with the examples of its parameters.
func asksByExample(t *testing.T, path string, parameters []describedParameter, shared map[string]describedParameter) {
	t.Helper()
	query := url.Values{}
	for _, p := range parameters {
		if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
			p = shared[name]
		}
		text, _ := p.Example.(string)
		switch {
		case text == "":
		case p.In == "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", text)
		default:
			query.Set(p.Name, text)
		}
	}
	got, err := machine(t).Do(t.Context(), probe.Call{Path: path + "?" + query.Encode()})
	if err != nil {
		t.Fatal(err)
	}
	known := !strings.Contains(path, "/uploads/") && !strings.Contains(path, "/deletions/") // whose ids nobody has
	if got.Status == http.StatusBadRequest && len(query) > 0 || known && len(query) > 0 && got.Status != http.StatusOK {
		t.Errorf("GET %s?%s: status %d: %.300s", path, query.Encode(), got.Status, got.Body)
	}
}

// answersExamples holds the examples of an answer against its schema.
func answersExamples(t *testing.T, method, path, status string, response describedResponse) (n int) {
	t.Helper()
	code, err := strconv.Atoi(status)
	if err != nil {
		t.Fatal(err)
	}
	address := strings.NewReplacer("{id}", "0d6f9c1e-5a1b-4a0e-9d53-5b7c3c1f6a20", "{name}", "pages.css").Replace(path)
	for media, content := range response.Content {
		for _, example := range content.all() {
			var text string
			if media != "application/json" && json.Unmarshal(example, &text) == nil {
				example = json.RawMessage(text)
			}
			r, err := http.NewRequestWithContext(t.Context(), method, local.Info.APIURL+address, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer := &http.Response{
				StatusCode: code, Request: r, Body: io.NopCloser(bytes.NewReader(example)),
				Header: http.Header{"Content-Type": {media}, "X-Request-Id": {"x"}, "Retry-After": {"1"}, "Www-Authenticate": {"Bearer"}, "Set-Cookie": {"x"}},
			}
			n++
			ok, faults := local.spec.validator.ValidateHttpResponse(r, answer)
			for _, fault := range faults {
				if !ok {
					t.Errorf("%s %s %s %s: an example breaks its schema: %s %s %v\n%.300s", method, path, status, media, fault.Message, fault.Reason, fault.SchemaValidationErrors, example)
				}
			}
		}
	}
	return n
}

// TestProblems_TypesAreAddresses: the type of every error that the suite meets is explained where it says.
func TestProblems_TypesAreAddresses(t *testing.T) {
	t.Parallel()
	c := anonymous(t)
	page := string(c.good(probe.Call{Path: "/docs"}, http.StatusOK).Body)
	var seen []string
	for _, p := range []problem{
		c.bad(probe.Call{Path: "/auth/me"}, http.StatusUnauthorized), c.bad(probe.Call{Path: "/nothing"}, http.StatusNotFound),
		c.bad(probe.Call{Method: http.MethodPut, Path: "/sensor-data"}, http.StatusMethodNotAllowed),
		machine(t).bad(probe.Call{Path: "/sensor-data/aggregated"}, http.StatusBadRequest),
		machine(t).bad(probe.Call{Path: "/sensor-data", Body: []byte("{")}, http.StatusBadRequest),
		machine(t).bad(probe.Call{Path: "/sensor-data", Body: []byte("x"), Header: map[string]string{"Content-Type": "text/plain"}}, http.StatusUnsupportedMediaType),
	} {
		address, id, _ := strings.Cut(p.Type, "#")
		if address != "/docs" || !strings.Contains(page, `<dt id="`+id+`">`) {
			t.Errorf("the page does not explain %s", p.Type)
		}
		if !slices.Contains(seen, p.Type) {
			seen = append(seen, p.Type)
		}
	}
	if len(seen) < 6 {
		t.Errorf("there are only the types %q", seen)
	}
}
