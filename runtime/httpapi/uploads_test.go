package httpapi_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
)

func TestPostUpload_GivesOutAnAddress(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	got := f.do(call{method: "POST", path: "/sensor-data/uploads", token: tokenWriter, body: `{"fileName":"märz.csv","size":12,"sha256":"abc"}`})
	want := `{"uploadId":"upload-1","method":"PUT","url":"https://bucket.example/uploads/upload-1.csv?a=1&b=2",` +
		`"headers":{"Content-Type":"text/csv"},"expiresAt":"2026-03-01T08:45:00Z"}` + "\n"
	if got.status != http.StatusCreated || got.body != want {
		t.Errorf("status %d, body %s, want %s", got.status, got.body, want)
	}
	if asked := (csvfile.Request{FileName: "märz.csv", Size: 12, SHA256: "abc"}); f.uploads.asked != asked {
		t.Errorf("asked %+v, want %+v", f.uploads.asked, asked)
	}
}

// To JSON these are one number, and clients whose numbers are floats write any of them.
func TestPostUpload_TakesAWholeNumberHoweverItIsWritten(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for text, size := range map[string]int64{"2898": 2898, "2898.0": 2898, "2.898e3": 2898, "5368709120": 5368709120} {
		got := f.do(call{method: "POST", path: "/sensor-data/uploads", token: tokenWriter, body: `{"fileName":"a.csv","size":` + text + `}`})
		if got.status != http.StatusCreated || f.uploads.asked.Size != size {
			t.Errorf("%s: status %d, asked for %d", text, got.status, f.uploads.asked.Size)
		}
	}
}

func TestPostUpload_RejectsBadRequests(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for _, test := range []struct{ body, fields string }{
		{`{}`, "fileName,size"},
		{`{"fileName":"","size":1}`, "fileName"},
		{`{"fileName":"` + strings.Repeat("x", 256) + `","size":1}`, "fileName"},
		{`{"fileName":"a.csv","size":"1"}`, "size"},
		{`{"fileName":"a.csv","size":1.5}`, "size"},
		{`{"fileName":"a.csv","size":1e-3}`, "size"},
		{`{"fileName":"a.csv","size":1e99999}`, "size"},
		{`{"fileName":"a.csv","size":99999999999999999999}`, "size"},
		{`{"fileName":"a.csv","size":1,"sha256":7}`, "sha256"},
		{`{"fileName":"a.csv","size":1,"key":"x"}`, "key"},
		{`{"fileName":"a.csv","size":1,"inParts":"true"}`, "inParts"},
		{`{"fileName":"a.csv","size":1,"inParts":null}`, "inParts"},
		{`{"fileName":"a.csv","size":1,"inParts":1}`, "inParts"},
	} {
		got := f.do(call{method: "POST", path: "/sensor-data/uploads", token: tokenWriter, body: test.body})
		if got.status != http.StatusBadRequest || f.problem(got).fields() != test.fields {
			t.Errorf("%.60s: status %d, fields %q, want %q", test.body, got.status, f.problem(got).fields(), test.fields)
		}
	}
	name := []fault.FieldError{{Field: "fileName", Reason: "must end in .csv"}}
	f.uploads.refusal = &fault.Error{Kind: fault.Invalid, Message: "only CSV files are allowed", Fields: name, Cause: csvfile.ErrNotCSV}
	named := f.do(call{method: "POST", path: "/sensor-data/uploads", token: tokenWriter, body: `{"fileName":"a.txt","size":1}`})
	if p := f.problem(named); named.status != http.StatusBadRequest || p.fields() != "fileName" || p.Message != "Only CSV files are allowed" {
		t.Errorf("another ending: status %d, %s", named.status, named.body)
	}
	f.uploads.refusal = &fault.Error{Kind: fault.Invalid, Message: "the file must be at most 5 GiB", Cause: csvfile.ErrTooLarge}
	got := f.do(call{method: "POST", path: "/sensor-data/uploads", token: tokenWriter, body: `{"fileName":"a.csv","size":5368709121}`})
	if got.status != http.StatusRequestEntityTooLarge || f.problem(got).Message != "The file must be at most 5 GiB." {
		t.Errorf("beyond 5 GiB: status %d, %s", got.status, got.body)
	}
}

// form makes a multipart form of parts {field, file name, media type, content}.
func form(t *testing.T, parts ...[4]string) (text, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, part := range parts {
		header := textproto.MIMEHeader{}
		disposition := fmt.Sprintf(`form-data; name=%q`, part[0])
		if part[1] != "" {
			disposition += fmt.Sprintf(`; filename=%q`, part[1])
		}
		header.Set("Content-Disposition", disposition)
		if part[2] != "" {
			header.Set("Content-Type", part[2])
		}
		p, err := w.CreatePart(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write([]byte(part[3])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func TestPostFile_StreamsTheFile(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	content := "equipmentId,timestamp,value\nEQ-1,2026-03-01T08:30:00Z,1\n"
	text, media := form(t, [4]string{"comment", "", "", "hello"}, [4]string{"file", "March.CSV", "application/octet-stream", content})
	got := f.do(call{method: "POST", path: "/sensor-data/upload-csv", token: tokenWriter, body: text, headers: map[string]string{"Content-Type": media}})
	if got.status != http.StatusCreated || got.body != `{"message":"File uploaded successfully","fileName":"March.CSV","uploadId":"upload-2"}`+"\n" {
		t.Errorf("status %d, body %s", got.status, got.body)
	}
	if f.uploads.stored["March.CSV"] != content {
		t.Errorf("stored %q", f.uploads.stored)
	}
}

func TestPostFile_RejectsWhatIsNoCSVFile(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	multipartCall := func(parts ...[4]string) call {
		text, media := form(t, parts...)
		return call{body: text, headers: map[string]string{"Content-Type": media}}
	}
	cut := multipartCall([4]string{"file", "a.csv", "text/csv", "equipmentId,timestamp,value\n"})
	cut.body = cut.body[:len(cut.body)-40]
	const none, other = "CSV File is required", "Only CSV files are allowed"
	for _, test := range []struct {
		name    string
		call    call
		status  int
		message string
	}{
		{"rejects nothing at all", call{}, 400, none},
		{"rejects an empty form", multipartCall(), 400, none},
		{"rejects another field", multipartCall([4]string{"data", "a.csv", "text/csv", "x"}), 400, none},
		{"rejects a field that is no file", multipartCall([4]string{"file", "", "", "x"}), 400, none},
		{"rejects a text file", multipartCall([4]string{"file", "a.txt", "text/plain", "x"}), 400, other},
		{"rejects a picture", multipartCall([4]string{"file", "a.csv.png", "image/png", "x"}), 400, other},
		{"rejects JSON", call{body: "{}"}, 415, "The Content-Type must be multipart/form-data."},
		{"rejects a form without boundary", call{body: "x", headers: map[string]string{"Content-Type": "multipart/form-data"}}, 400, "The Content-Type names no boundary"},
		{"rejects a form that ends early", cut, 400, "The body ended before it was whole."},
		{"rejects what is no form", call{body: "hello", headers: map[string]string{"Content-Type": "multipart/form-data; boundary=x"}}, 400, ""},
		{"rejects a second file", multipartCall([4]string{"file", "a.csv", "text/csv", "x"}, [4]string{"file", "b.csv", "text/csv", "y"}), 400, "The form holds more than one file"},
		{"takes a field behind the file", multipartCall([4]string{"file", "behind.csv", "text/csv", "x"}, [4]string{"comment", "", "", "y"}), 201, ""},
		{"takes 32 MiB", multipartCall([4]string{"file", "a.csv", "text/csv", strings.Repeat("x", contract.SmallUploadBytesMax)}), 201, ""},
		{"rejects a byte more", multipartCall([4]string{"file", "a.csv", "text/csv", strings.Repeat("x", contract.SmallUploadBytesMax+1)}), 413, "The file must be at most 32 MiB."},
		{"rejects much more", multipartCall([4]string{"file", "a.csv", "text/csv", strings.Repeat("x", contract.SmallUploadBytesMax+(1<<20))}), 413, "The file must be at most 32 MiB"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.call.method, test.call.path, test.call.token = "POST", "/sensor-data/upload-csv", tokenWriter
			got := f.do(test.call)
			if got.status != test.status || test.status >= 400 && !strings.HasPrefix(f.problem(got).Message, test.message) {
				t.Errorf("status %d, want %d %q: %.300s", got.status, test.status, test.message, got.body)
			}
		})
	}
}

func TestGetUploads(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	const first, second = "0b5f9c3e-0000-4000-8000-000000000001", "0b5f9c3e-0000-4000-8000-000000000002"
	f.uploads.known = map[string]csvfile.Upload{
		first:  {ID: first, FileName: "a.csv", Status: "completed-with-rejects", Bytes: 9, BytesProcessed: 9, RowsAccepted: 3, RowsRejected: 1, CreatedAt: testNow, UpdatedAt: testNow},
		second: {ID: second, FileName: "b.csv", Status: "failed", Reason: "the header is wrong", CreatedAt: testNow, UpdatedAt: testNow},
	}
	want := `{"uploadId":"` + first + `","fileName":"a.csv","status":"completed-with-rejects","bytes":9,"bytesProcessed":9,"rowsAccepted":3,"rowsRejected":1,` +
		`"rejectsUrl":"https://bucket.example/rejects/` + first + `.csv?x=1&y=2","createdAt":"2026-03-01T08:30:00Z","updatedAt":"2026-03-01T08:30:00Z"}` + "\n"
	if got := f.do(call{method: "GET", path: "/sensor-data/uploads/" + first, token: tokenReader}); got.body != want {
		t.Errorf("status %d, body %s, want %s", got.status, got.body, want)
	}
	if got := f.do(call{method: "GET", path: "/sensor-data/uploads/" + second, token: tokenReader}); !strings.Contains(got.body, `"reason":"the header is wrong"`) || strings.Contains(got.body, "rejectsUrl") {
		t.Errorf("a failed upload: %s", got.body)
	}
	for path, status := range map[string]int{
		"/sensor-data/uploads/3": 404, "/sensor-data/uploads/" + first + "?full=1": 400, "/sensor-data/uploads?limit=201": 400, "/sensor-data/uploads?limit=0": 400,
		"/sensor-data/uploads?cursor=damaged": 400, "/sensor-data/uploads?status=failed": 400, "/sensor-data/uploads?limit=200": 200,
	} {
		if got := f.do(call{method: "GET", path: path, token: tokenReader}); got.status != status {
			t.Errorf("%s: status %d, want %d: %s", path, got.status, status, got.body)
		}
	}
	var page struct {
		Items      []struct{ UploadID string }
		NextCursor string
	}
	const path = "/sensor-data/uploads?limit=1"
	f.do(call{method: "GET", path: path, token: tokenReader}).decode(t, &page)
	if len(page.Items) != 1 || page.Items[0].UploadID != second || page.NextCursor == "" || f.uploads.after != (csvfile.Position{}) {
		t.Errorf("page %+v, asked after %+v", page, f.uploads.after)
	}
	f.do(call{method: "GET", path: path + "&cursor=" + page.NextCursor, token: tokenReader}).decode(t, &page)
	if want := (csvfile.Position{CreatedAt: testNow, ID: second}); f.uploads.after != want {
		t.Errorf("asked after %+v, want %+v", f.uploads.after, want)
	}
}
