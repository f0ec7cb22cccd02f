package contract_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// form makes a multipart form with one file.
func form(t *testing.T, field, fileName, content string) (body []byte, media string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile(field, fileName)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write([]byte(content)) // a buffer takes everything
	_ = w.Close()
	return b.Bytes(), w.FormDataContentType()
}

func fileCall(t *testing.T, field, fileName, content string) probe.Call {
	t.Helper()
	body, media := form(t, field, fileName, content)
	return probe.Call{Path: "/sensor-data/upload-csv", Body: body, Header: map[string]string{"Content-Type": media}}
}

type fileAnswer struct{ Message, FileName, UploadID string }

func TestSmallFile_IsStoredAndWorkedOn(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	content := rows(id+","+stamp(at)+",1", id+",x,1")
	got := decode[fileAnswer](t, c.good(fileCall(t, "file", "small file.CSV", content), http.StatusCreated))
	if got.Message != "File uploaded successfully" || got.FileName != "small file.CSV" || got.UploadID == "" {
		t.Errorf("answer %+v", got)
	}
	u := c.ended(got.UploadID)
	if u.Status != "completed-with-rejects" || u.RowsAccepted != 1 || u.RowsRejected != 1 || u.Bytes != int64(len(content)) || u.FileName != "small file.CSV" {
		t.Errorf("upload %+v", u)
	}
	if got := c.stored(id); !slices.Equal(got, []string{stamp(at) + " 1"}) {
		t.Errorf("stored: %q", got)
	}
}

func TestSmallFile_ThatFailsShowsItsSize(t *testing.T) {
	t.Parallel()
	c := machine(t)
	const content = "who,when,what\n1,2,3\n"
	got := decode[fileAnswer](t, c.good(fileCall(t, "file", "wrong.csv", content), http.StatusCreated))
	if u := c.ended(got.UploadID); u.Status != "failed" || u.Bytes != int64(len(content)) {
		t.Errorf("upload %+v", u)
	}
}

func TestSmallFile_OtherFieldsBeforeTheFileDoNotMatter(t *testing.T) {
	t.Parallel()
	c, id := machine(t), equipment(t)
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.WriteField("comment", "first")
	part, err := w.CreateFormFile("file", "a.csv")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write([]byte(rows(id + "," + stamp(recent()) + ",1")))
	_ = w.WriteField("comment", "last")
	_ = w.Close()
	call := probe.Call{Path: "/sensor-data/upload-csv", Body: b.Bytes(), Header: map[string]string{"Content-Type": w.FormDataContentType()}}
	got := decode[fileAnswer](t, c.good(call, http.StatusCreated))
	if u := c.ended(got.UploadID); u.Status != "completed" || u.RowsAccepted != 1 {
		t.Errorf("upload %+v", u)
	}
}

func TestSmallFile_NeedsAFile(t *testing.T) {
	t.Parallel()
	c := machine(t)
	var empty bytes.Buffer
	w := multipart.NewWriter(&empty)
	_ = w.WriteField("file", "not a file")
	_ = w.Close()
	for name, call := range map[string]probe.Call{
		"another field": fileCall(t, "upload", "a.csv", rows()),
		"a text field":  {Path: "/sensor-data/upload-csv", Body: empty.Bytes(), Header: map[string]string{"Content-Type": w.FormDataContentType()}},
		"no body":       {Method: "POST", Path: "/sensor-data/upload-csv"},
		"no parts":      {Path: "/sensor-data/upload-csv", Body: []byte("--x--\r\n"), Header: map[string]string{"Content-Type": "multipart/form-data; boundary=x"}},
	} {
		if p := c.bad(call, http.StatusBadRequest); p.Message != "CSV File is required" {
			t.Errorf("%s: message %q", name, p.Message)
		}
	}
}

func TestSmallFile_RejectsWhatIsNotCSV(t *testing.T) {
	t.Parallel()
	c := machine(t)
	for _, fileName := range []string{"a.txt", "a.gz", "csv", "a.xlsx", "a."} {
		if p := c.bad(fileCall(t, "file", fileName, rows()), http.StatusBadRequest); p.Message != "Only CSV files are allowed" {
			t.Errorf("%s: message %q", fileName, p.Message)
		}
	}
	c.bad(probe.Call{Path: "/sensor-data/upload-csv", Body: []byte(rows()), Header: map[string]string{"Content-Type": "text/csv"}}, http.StatusUnsupportedMediaType)
	c.bad(probe.Call{Path: "/sensor-data/upload-csv", Body: []byte("{}")}, http.StatusUnsupportedMediaType)
	c.bad(probe.Call{Path: "/sensor-data/upload-csv", Body: []byte("nonsense"), Header: map[string]string{"Content-Type": "multipart/form-data; boundary=x"}}, http.StatusBadRequest)
	c.bad(probe.Call{Path: "/sensor-data/upload-csv", Body: []byte("nonsense"), Header: map[string]string{"Content-Type": "multipart/form-data"}}, http.StatusBadRequest)
}

// A form that breaks off in the middle of the file stores nothing.
func TestSmallFile_ThatBreaksOffStoresNothing(t *testing.T) {
	t.Parallel()
	c, id := machine(t), equipment(t)
	call := fileCall(t, "file", "a.csv", rows(id+","+stamp(recent())+",1", id+","+stamp(recent().Add(time.Second))+",2"))
	call.Body = call.Body[:len(call.Body)-80]
	c.bad(call, http.StatusBadRequest)
	// What was put into the bucket wrongly would be worked on before what is put there now.
	later := recent().Add(time.Minute)
	whole := decode[fileAnswer](t, c.good(fileCall(t, "file", "a.csv", rows(id+","+stamp(later)+",3")), http.StatusCreated))
	c.ended(whole.UploadID)
	if got := c.stored(id); len(got) != 1 || !strings.HasSuffix(got[0], " 3") {
		t.Errorf("stored: %q", got)
	}
}

func TestSmallFile_TakesUpTo32MiB(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	head := rows(id + "," + stamp(at) + ",1")
	filled := func(size int) string { return head + strings.Repeat("\n", size-len(head)) } // empty lines do not count
	got := decode[fileAnswer](t, c.exchange(fileCall(t, "file", "a.csv", filled(32<<20)), true, http.StatusCreated))
	if u := c.ended(got.UploadID); u.Status != "completed" || u.RowsAccepted != 1 || u.Bytes != 32<<20 {
		t.Errorf("upload %+v", u)
	}
	for _, size := range []int{32<<20 + 1, 33 << 20} {
		p := c.bad(fileCall(t, "file", "a.csv", filled(size)), http.StatusRequestEntityTooLarge)
		if !strings.Contains(p.Message, "32 MiB") {
			t.Errorf("%d bytes: message %q", size, p.Message)
		}
	}
	c.hours(id, "24h", hourLine(at, 1, "1"))
}

func TestSmallFile_FailedOnesSayWhy(t *testing.T) {
	t.Parallel()
	c := machine(t)
	for name, content := range map[string]string{"zero bytes": "", "wrong header": "a,b,c\n1,2,3\n"} {
		got := decode[fileAnswer](t, c.good(fileCall(t, "file", "a.csv", content), http.StatusCreated))
		if u := c.ended(got.UploadID); u.Status != "failed" || u.Reason == "" {
			t.Errorf("%s: %+v", name, u)
		}
	}
}

// The name that a client gives is told as it came, and never becomes a path or a header.
func TestSmallFile_KeepsOddNames(t *testing.T) {
	t.Parallel()
	c := machine(t)
	for sent, kept := range map[string]string{"Grüße 🙂.csv": "Grüße 🙂.csv", "a%2f..%2fb.csv": "a%2f..%2fb.csv", "../../etc/passwd.csv": "passwd.csv"} {
		id := equipment(t)
		got := decode[fileAnswer](t, c.good(fileCall(t, "file", sent, rows(fmt.Sprintf("%s,%s,1", id, stamp(recent())), "x,x,x")), http.StatusCreated))
		u := c.ended(got.UploadID)
		if got.FileName != kept || u.FileName != kept || u.RowsAccepted != 1 {
			t.Errorf("%s: %+v", sent, u)
		}
		c.rejects(u) // its file name is part of the signed address
	}
}
