package httpapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/memory"
)

// operation is a call of the description.
type operation struct {
	method, path string
	OperationID  string
	Security     []map[string][]string
	Responses    map[string]response
}

type response struct {
	Ref     string `json:"$ref"`
	Content map[string]struct {
		Example  json.RawMessage
		Examples map[string]struct{ Value json.RawMessage }
	}
}

// operations reads the calls of the description, with their answers in place of references to them.
func operations(t *testing.T) (all []operation) {
	t.Helper()
	var d struct {
		Paths      map[string]map[string]operation
		Components struct{ Responses map[string]response }
	}
	newFixture(t, httpapi.Options{TokenURL: "https://auth.example.com/token"}).do(call{method: "GET", path: "/openapi.json"}).decode(t, &d)
	for path, methods := range d.Paths {
		for method, o := range methods {
			o.method, o.path = strings.ToUpper(method), path
			for status, r := range o.Responses {
				if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok {
					o.Responses[status] = d.Components.Responses[name]
				}
			}
			all = append(all, o)
		}
	}
	return all
}

// scope is what a machine needs for the call, empty where it needs none.
func (o operation) scope() string {
	for _, way := range o.Security {
		if scopes := way["machine"]; len(scopes) > 0 {
			return scopes[0]
		}
	}
	return ""
}

// refusal is how a call is brought to an answer: what is asked, of which service.
type refusal struct {
	call
	options httpapi.Options
	before  func(*fixture)
	// stalls sends a body that never comes to its end.
	stalls bool
}

const (
	exampleID   = "0d6f9c1e-5a1b-4a0e-9d53-5b7c3c1f6a20"
	exampleForm = "multipart/form-data; boundary=b"
)

// Every error that is shown with a call is one that the call answers, word by word. Each is brought about here.
func TestOpenAPI_EveryErrorShownIsWhatTheCallAnswers(t *testing.T) {
	shown := 0
	for _, o := range operations(t) {
		for status, response := range o.Responses {
			if status < "400" || o.OperationID == "ready" { // whose answers are of a form of their own
				continue
			}
			examples := response.Content["application/problem+json"].Examples
			if len(examples) == 0 {
				t.Errorf("%s %s shows no example", o.OperationID, status)
			}
			for name, example := range examples {
				shown++
				t.Run(o.OperationID+"/"+status+"/"+name, func(t *testing.T) { o.answers(t, status, name, example.Value) })
			}
		}
	}
	if shown < 100 {
		t.Errorf("only %d errors are shown", shown)
	}
}

// answers brings an error about and compares it with the one that is shown.
func (o operation) answers(t *testing.T, status, name string, shown json.RawMessage) {
	asked, known := o.refusal(t, status, name)
	if !known {
		t.Fatalf("nobody knows how to bring this about:\n%s", shown)
	}
	got := asked.answer(t, o)
	var want, is map[string]any
	if err := errors.Join(json.Unmarshal(shown, &want), json.Unmarshal([]byte(got.body), &is)); err != nil {
		t.Fatal(err)
	}
	delete(want, "requestId")
	delete(is, "requestId")
	if !reflect.DeepEqual(want, is) {
		t.Errorf("the call answers\n%s\nand the description shows\n%s", got.body, shown)
	}
}

// answer asks, and returns the answer.
func (r refusal) answer(t *testing.T, o operation) reply {
	t.Helper()
	f := newFixture(t, r.options)
	if r.before != nil {
		r.before(f)
	}
	r.method, r.path = o.method, strings.NewReplacer("{id}", exampleID, "{name}", "nothing").Replace(o.path)+r.path
	if !r.stalls {
		return f.do(r.call)
	}
	body, never := io.Pipe()
	t.Cleanup(func() { _ = never.Close() })
	request, err := http.NewRequestWithContext(t.Context(), r.method, f.url+r.path, body)
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = 100
	request.Header.Set("Authorization", "Bearer "+r.token)
	for header, value := range r.headers {
		request.Header.Set(header, value)
	}
	return f.send(request)
}

// refusal tells how a call is brought to an error, by its status and the name of its example.
func (o operation) refusal(t *testing.T, status, name string) (r refusal, known bool) {
	r.token = map[string]string{
		contract.ScopeRead: tokenReader, contract.ScopeWrite: tokenWriter, contract.ScopeAdmin: tokenAdmin, "": tokenPerson,
	}[o.scope()]
	r.headers = map[string]string{"Content-Type": "application/json"}
	if form := o.OperationID == "uploadFile" || o.OperationID == "previewFile"; form {
		r.headers["Content-Type"] = exampleForm
	}
	switch status {
	case "400":
		return r.invalid(o.OperationID, name)
	case "401", "403", "429":
		return r.notAllowed(o.OperationID, o.scope(), status+" "+name)
	case "408":
		r.stalls, r.options = true, httpapi.Options{BodyTimeout: 20 * time.Millisecond, FileTimeout: 20 * time.Millisecond}
		return r, true
	case "413":
		return r.tooLarge(o.OperationID, name)
	case "415":
		r.body = "x"
		header, value := "Content-Type", "application/xml"
		if name == "encoding" {
			header, value = "Content-Encoding", "br"
		}
		r.headers[header] = value
		return r, true
	case "500":
		fails := errors.New("nobody foresaw this")
		r.before = func(f *fixture) { f.auth.err, f.auth.loginErr = fails, fails }
		if o.OperationID == "login" {
			r.headers = basic(username, password)
		}
		return r, true
	}
	return r.collaborator(t, o.OperationID, status+" "+name)
}

// notAllowed are refusals of who asks.
func (r refusal) notAllowed(operation, scope, name string) (refusal, bool) {
	if operation == "login" {
		r.token, r.headers = "", basic(username, "another password")
	}
	switch name {
	case "401 none":
		r.token = ""
	case "401 invalid":
		r.token = "of last week"
	case "401 wrong":
	case "403 scope":
		r.token = map[string]string{contract.ScopeRead: tokenWriter, contract.ScopeWrite: tokenReader, contract.ScopeAdmin: tokenPerson}[scope]
	case "403 origin":
		r.headers["Cookie"], r.headers["Origin"] = contract.CookieName+"="+tokenPerson, "https://elsewhere.example"
	case "429 wait":
		r.before = func(f *fixture) { f.auth.loginErr = auth.TooManyAttempts{RetryAfter: time.Minute} }
	default:
		return r, false
	}
	return r, true
}

// invalid are requests that break a rule.
func (r refusal) invalid(operation, name string) (refusal, bool) {
	asked, known := map[string]struct{ query, body string }{
		"login header":           {},
		"me unknown":             {query: "?limit=10"},
		"logout unknown":         {query: "?limit=10"},
		"getUpload unknown":      {query: "?limit=10"},
		"getDeletion unknown":    {query: "?limit=10"},
		"sendReading field":      {body: `{"equipmentId":"EQ-12495","timestamp":"2026-03-01T08:30:00Z","value":"78.42"}`},
		"sendReading syntax":     {body: `{"equipmentId":"EQ-12495","timestamp":`},
		"sendBatch none":         {body: `[{"equipmentId":"EQ-1","timestamp":"2026-03-01T08:30:00","value":1},{"equipmentId":"EQ-2","timestamp":"2026-03-01T08:30:00Z","value":"2.5"}]`},
		"sendBatch syntax":       {body: `[{"equipmentId":"EQ-1"`},
		"listReadings missing":   {},
		"listReadings unknown":   {query: "?equipment=EQ-12495"},
		"listReadings range":     {query: "?equipmentId=EQ-12495&from=2026-04-01T00:00:00Z&to=2026-03-01T00:00:00Z"},
		"deleteReadings range":   {query: "?equipmentId=EQ-12495&from=2026-03-01T00:00:00Z"},
		"deleteReadings both":    {query: "?equipmentId=EQ-12495&timestamp=2026-03-01T08:30:00Z&from=2026-03-01T00:00:00Z&to=2026-04-01T00:00:00Z"},
		"createUpload size":      {body: `{"fileName":"march.csv","size":"48 MB"}`},
		"createUpload format":    {body: `{"fileName":"march.csv","size":48213377,"format":{"timestamps":"local"}}`},
		"listUploads limit":      {query: "?limit=500"},
		"signUploadParts number": {body: `{"numbers":[21.5]}`},
		"completeUpload part":    {body: `{"parts":[{"number":1}]}`},
		"uploadFile none":        {body: "--b--"},
		"uploadFile other":       {body: formOf("march.xlsx", "PK")},
		"previewFile none":       {body: "--b--"},
		"previewFile other":      {body: formOf("march.xlsx", "PK")},
		"aggregate interval":     {query: "?interval=12h"},
		"aggregate unknown":      {query: "?intervall=24h"},
		"aggregate window":       {query: "?from=2026-03-01T08:30:00Z&to=2026-03-01T09:01:00Z"},
		"listEquipment limit":    {query: "?limit=1000"},
	}[operation+" "+name]
	r.path, r.body = asked.query, asked.body
	return r, known
}

// formOf is a form that holds one file.
func formOf(fileName, content string) string {
	return "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + fileName + "\"\r\n\r\n" + content + "\r\n--b--\r\n"
}

// tooLarge are bodies and files above a limit.
func (r refusal) tooLarge(operation, name string) (refusal, bool) {
	bytes := map[string]int{
		"sendReading": contract.ReadingBodyBytesMax, "sendBatch": contract.BatchBodyBytesMax, "createUpload": contract.ReadingBodyBytesMax,
		"signUploadParts": contract.ReadingBodyBytesMax, "completeUpload": contract.UploadPartsBodyBytesMax,
	}
	switch {
	case operation == "createUpload" && name == "file":
		r.body = `{"fileName":"century.csv","size":107374182400}`
		uploads := csvfile.NewUploads(nil, nil, nil, csvfile.UploadsOptions{})
		r.before = func(f *fixture) {
			_, f.uploads.refusal = uploads.Create(f.t.Context(), csvfile.Request{FileName: "century.csv", Size: 100 << 30})
		}
	case operation == "uploadFile":
		r.body = formOf("march.csv", strings.Repeat("x", contract.SmallUploadBytesMax+multipartRoom))
	case operation == "previewFile":
		r.body = formOf("march.csv", strings.Repeat("x", contract.CSVPreviewBytes+1))
	default:
		r.body = strings.Repeat(" ", bytes[operation]+1)
	}
	return r, name == "body" || name == "file"
}

// multipartRoom is more than what may stand around a file in a form.
const multipartRoom = 65 << 10

// collaborator are the answers that begin behind package httpapi. Their words must be found in the sources.
func (r refusal) collaborator(t *testing.T, operation, name string) (refusal, bool) {
	t.Helper()
	fails := func(kind fault.Kind, message string) error {
		return &fault.Error{Kind: kind, Message: said(t, message)}
	}
	busy := fails(fault.Unavailable, "the data store is busy; try again shortly")
	switch name {
	case "404 unknown":
		r.before = func(*fixture) {}
		r.body = map[string]string{"signUploadParts": `{"numbers":[1]}`, "completeUpload": `{"parts":[]}`}[operation]
		if operation == "completeUpload" {
			missing := fails(fault.NotFound, "there is no such upload")
			r.before = func(f *fixture) { f.uploads.refusal = missing }
		}
	case "409 complete":
		r.body = `{"numbers":[1]}`
		err := fails(fault.Conflict, "the file of this upload is complete")
		r.before = func(f *fixture) { f.uploads.refusal = err }
	case "409 changed":
		r.body = `{"parts":[]}`
		err := fails(fault.Conflict, "a part was sent again meanwhile; try again")
		r.before = func(f *fixture) { f.uploads.refusal = err }
	case "503 key":
		err := fails(fault.Unavailable, "the token cannot be checked now; try again shortly")
		r.before = func(f *fixture) { f.auth.err = err }
	case "503 signIn":
		err := fails(fault.Unavailable, "signing in is not possible now; try again shortly")
		r.token, r.headers = "", basic(username, password)
		r.before = func(f *fixture) { f.auth.loginErr = err }
	case "503 deletions":
		err := fails(fault.Unavailable, "other deletions are at work; try again shortly")
		r.path = "?equipmentId=EQ-12495&timestamp=2026-03-01T08:30:00Z"
		r.before = func(f *fixture) { f.deletions.err = err }
	case "503 stored":
		r.body = `{"equipmentId":"EQ-12495","timestamp":"2026-03-01T08:30:00Z","value":78.42}`
		if operation == "sendBatch" {
			r.body = "[" + r.body + "]"
		}
		r.before = func(f *fixture) { f.table.err = busy }
	case "503 busy":
		r.options.Memory = memory.PlanFor(memory.LimitDefault)
		r.options.Memory.Files = 1
		r.body = formOf("march.csv", "x")
	case "503 store":
		r.path = map[string]string{"listReadings": "?equipmentId=EQ-12495", "aggregate": "?interval=24h"}[operation]
		r.body = map[string]string{
			"createUpload": `{"fileName":"march.csv","size":48213377}`, "signUploadParts": `{"numbers":[1]}`, "completeUpload": `{"parts":[]}`,
		}[operation]
		r.before = func(f *fixture) {
			f.table.err, f.windows.err, f.equipment.err, f.uploads.refusal, f.deletions.err = busy, busy, busy, busy, busy
		}
	default:
		return r, false
	}
	return r, true
}

// said returns a sentence that stands in the sources.
func said(t *testing.T, sentence string) string {
	t.Helper()
	found := false
	err := filepath.WalkDir("..", func(path string, _ os.DirEntry, err error) error {
		if err != nil || found || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		found = bytes.Contains(source, []byte(`"`+sentence+`"`))
		return err
	})
	if err != nil || !found {
		t.Errorf("nothing in the sources says %q (%v)", sentence, err)
	}
	return sentence
}
