package fuzz_test

import (
	"bytes"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
)

// FuzzPostUpload holds that what is asked of the uploads is what another decoder reads.
func FuzzPostUpload(f *testing.F) {
	g := newTarget(f)
	f.Add([]byte(`{"fileName":"märz.csv","size":12}`))
	f.Add([]byte(`{"fileName":"a.csv","size":12,"sha256":"` + strings.Repeat("ab", 32) + `"}`))
	f.Add([]byte(`{"fileName":"a.csv","size":1.20e1,"sha256":""}`))
	f.Add([]byte(`{"fileName":"a.csv","size":12,"inParts":true}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		w := g.post(t, "/sensor-data/uploads", "application/json", text)
		switch w.Code {
		case http.StatusCreated:
			var members map[string]any
			decoder := json.NewDecoder(bytes.NewReader(text))
			decoder.UseNumber()
			if err := decoder.Decode(&members); err != nil || len(members) < 2 || len(members) > 4 {
				t.Fatalf("%q is accepted: %v", text, err)
			}
			asked := g.upload
			digest, _ := members["sha256"].(string)
			inParts, _ := members["inParts"].(bool)
			number, _ := members["size"].(json.Number)
			size, whole := new(big.Rat).SetString(number.String()) // 1e3 is a whole number too
			if !whole || size.Cmp(new(big.Rat).SetInt64(asked.Size)) != 0 || members["fileName"] != asked.FileName || digest != asked.SHA256 || inParts != asked.InParts {
				t.Errorf("%q asks for %+v", text, asked)
			}
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			if g.upload != (csvfile.Request{}) {
				t.Errorf("status %d, asked for %+v", w.Code, g.upload)
			}
		default:
			t.Errorf("status %d", w.Code)
		}
	})
}

// FuzzPostFile holds that a file is taken whole, and only one that is named as a CSV, or none.
func FuzzPostFile(f *testing.F) {
	g := newTarget(f)
	const end = "\r\n--B--\r\n"
	part := func(disposition, content string) string {
		return "--B\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + content
	}
	f.Add([]byte(part(`name="file"; filename="a.csv"`, "equipmentId,timestamp,value\n") + end))
	f.Add([]byte(part(`name="other"`, "x") + "\r\n" + part(`name="file"; filename="märz.CSV"`, "y") + end))
	f.Add([]byte(part(`name="file"; filename="a.csv"`, "cut")))
	f.Fuzz(func(t *testing.T, form []byte) {
		w := g.post(t, "/sensor-data/upload-csv", `multipart/form-data; boundary=B`, form)
		if w.Code != http.StatusCreated {
			if w.Code != http.StatusBadRequest && w.Code != http.StatusRequestEntityTooLarge || len(g.files) > 0 {
				t.Errorf("status %d, stored %q", w.Code, g.files)
			}
			return
		}
		if len(g.files) != 1 {
			t.Fatalf("stored %q", g.files)
		}
		// A file is whole once the boundary behind it has come. One in quoted-printable is stored as it was before that.
		encoded := bytes.Contains(bytes.ToLower(form), []byte("quoted-printable"))
		for name, content := range g.files {
			whole := bytes.Contains(form, []byte(content+"\n--B")) || bytes.Contains(form, []byte(content+"\r\n--B")) ||
				content == "" && bytes.Contains(form, []byte("\n--B"))
			if !strings.HasSuffix(strings.ToLower(name), ".csv") || !whole && !encoded {
				t.Errorf("%q is stored as %q: %q", form, name, content)
			}
		}
	})
}
