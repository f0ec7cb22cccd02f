package httpapi_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
)

func TestPostUpload_AnswersTheFirstPartsOfALargeFile(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	got := f.do(call{method: "POST", path: "/sensor-data/uploads", token: tokenWriter, body: `{"fileName":"a.csv","size":5368709121}`})
	want := `{"uploadId":"upload-1","partSize":67108864,"parts":[` +
		`{"number":1,"url":"https://bucket.example/uploads/upload-1.csv?partNumber=1&b=2","headers":{}},` +
		`{"number":2,"url":"https://bucket.example/uploads/upload-1.csv?partNumber=2&b=2","headers":{}}],"expiresAt":"2026-03-01T08:45:00Z"}` + "\n"
	if got.status != http.StatusCreated || got.body != want {
		t.Errorf("status %d, body %s, want %s", got.status, got.body, want)
	}
	if got := f.do(call{method: "POST", path: "/sensor-data/uploads", token: tokenWriter, body: `{"fileName":"a.csv","size":1,"inParts":true}`}); got.body != want {
		t.Errorf("a small file that is asked for in parts: status %d, body %s", got.status, got.body)
	}
	got = f.do(call{method: "POST", path: "/sensor-data/uploads", token: tokenWriter, body: `{"fileName":"a.csv","size":1,"inParts":false}`})
	if got.status != http.StatusCreated || strings.Contains(got.body, "partSize") {
		t.Errorf("a small file that is not: status %d, body %s", got.status, got.body)
	}
}

func TestPostParts_SignsWhatIsAskedFor(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	ask := func(id, body string) reply {
		return f.do(call{method: "POST", path: "/sensor-data/uploads/" + id + "/parts", token: tokenWriter, body: body})
	}
	got := ask("upload-1", `{"numbers":[7]}`)
	want := `{"parts":[{"number":7,"url":"https://bucket.example/uploads/upload-1.csv?partNumber=7&b=2","headers":{}}],"expiresAt":"2026-03-01T08:45:00Z"}` + "\n"
	if got.status != http.StatusOK || got.body != want {
		t.Errorf("status %d, body %s, want %s", got.status, got.body, want)
	}
	if got := ask("upload-1", `{"numbers":[7.0,8e0]}`); got.status != http.StatusOK || strings.Count(got.body, `"number":`) != 2 {
		t.Errorf("whole numbers that are written as floats: status %d, %s", got.status, got.body)
	}
	for body, fields := range map[string]string{
		`{}`: "numbers", `{"numbers":7}`: "numbers", `{"numbers":[1,"2",null,1.5,[]]}`: "numbers[1],numbers[2],numbers[3],numbers[4]",
		`{"numbers":[1],"x":1}`: "x",
	} {
		if got := ask("upload-1", body); got.status != http.StatusBadRequest || f.problem(got).fields() != fields {
			t.Errorf("%s: status %d, fields %q, want %q", body, got.status, f.problem(got).fields(), fields)
		}
	}
	if got := ask("upload-2", `{"numbers":[1]}`); got.status != http.StatusNotFound {
		t.Errorf("no upload: status %d", got.status)
	}
	f.uploads.refusal = &fault.Error{Kind: fault.Conflict, Message: "the file of this upload is complete"}
	if got := ask("upload-1", `{"numbers":[1]}`); got.status != http.StatusConflict || f.problem(got).Message != "The file of this upload is complete." {
		t.Errorf("complete: status %d, %s", got.status, got.body)
	}
}

func TestPostComplete_TellsWhichPartIsWrong(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	say := func(body string) reply {
		return f.do(call{method: "POST", path: "/sensor-data/uploads/upload-1/complete", token: tokenWriter, body: body})
	}
	got := say(`{"parts":[{"number":2,"etag":"\"b\""},{"etag":"a","number":1}]}`)
	if sent := []csvfile.SentPart{{Number: 2, ETag: `"b"`}, {Number: 1, ETag: "a"}}; got.status != http.StatusOK || !slices.Equal(f.uploads.sent, sent) {
		t.Errorf("status %d, sent %+v: %s", got.status, f.uploads.sent, got.body)
	}
	if got := say(`{"parts":[{"number":2.0,"etag":"b"}]}`); got.status != http.StatusOK || f.uploads.sent[0].Number != 2 {
		t.Errorf("a whole number that is written as a float: status %d, sent %+v: %s", got.status, f.uploads.sent, got.body)
	}
	for body, fields := range map[string]string{
		`{}`: "parts", `{"parts":{}}`: "parts", `{"parts":[1,{"number":1,"etag":"a"}]}`: "parts[0]",
		`{"parts":[{"number":1,"etag":"a"},{"number":"2","etag":7},{"number":1.5}]}`: "parts[1].number,parts[1].etag,parts[2].etag,parts[2].number",
		`{"parts":[{"number":1,"etag":"a","size":1}]}`:                               "parts[0].size",
	} {
		if got := say(body); got.status != http.StatusBadRequest || f.problem(got).fields() != fields {
			t.Errorf("%s: status %d, fields %q, want %q", body, got.status, f.problem(got).fields(), fields)
		}
	}
	f.uploads.refusal = &fault.Error{Kind: fault.Invalid, Fields: []fault.FieldError{{Field: "parts[3].etag", Reason: "is not that of the part 4 that arrived"}}}
	if got := say(`{"parts":[]}`); got.status != http.StatusBadRequest || f.problem(got).fields() != "parts[3].etag" {
		t.Errorf("a wrong part: status %d, %s", got.status, got.body)
	}
}

func TestPostComplete_TakesAllPartsOfTheLargestFile(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	parts := make([]map[string]any, contract.UploadPartsMax)
	for i := range parts {
		parts[i] = map[string]any{"number": i + 1, "etag": `"` + strings.Repeat("e", contract.PartETagCharsMax-2) + `"`}
	}
	longest, err := json.MarshalIndent(map[string]any{"parts": parts}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for body, status := range map[string]int{
		string(longest): http.StatusOK, `{"parts":[` + strings.Repeat(" ", contract.UploadPartsBodyBytesMax) + `]}`: http.StatusRequestEntityTooLarge,
	} {
		got := f.do(call{method: "POST", path: "/sensor-data/uploads/upload-1/complete", token: tokenWriter, body: body})
		if got.status != status || len(f.uploads.sent) != len(parts) && status == http.StatusOK {
			t.Errorf("%d bytes: status %d, want %d: %s", len(body), got.status, status, got.body)
		}
	}
}
