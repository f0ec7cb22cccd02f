package contract_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// packed compresses a text with gzip.
func packed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text)) // a buffer takes everything
	_ = w.Close()
	return b.String()
}

func TestUpload_TakesCompressedFiles(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	content := packed(rows(id+","+stamp(at)+",1.5", "nonsense", id+","+stamp(at.Add(time.Second))+",2"))
	ways := map[string]func() string{
		"an address": func() string {
			ticket := c.ticket("March.csv.gz", len(content), "")
			if media := ticket.Headers["Content-Type"]; media != "application/gzip" {
				t.Errorf("the address wants the content type %q", media)
			}
			c.put(ticket, content, http.StatusOK)
			return ticket.UploadID
		},
		"a form": func() string {
			return decode[fileAnswer](t, c.good(fileCall(t, "file", "March.csv.gz", content), http.StatusCreated)).UploadID
		},
	}
	preview := fileCall(t, "file", "March.csv.gz", content)
	preview.Path = "/sensor-data/uploads/preview"
	shown := decode[struct{ Rows []struct{ Line int } }](t, c.good(preview, http.StatusOK))
	if len(shown.Rows) != 3 || shown.Rows[2].Line != 4 {
		t.Errorf("a preview shows %+v", shown)
	}
	for name, send := range ways {
		u := c.ended(send())
		if u.Status != "completed-with-rejects" || u.RowsAccepted != 2 || u.RowsRejected != 1 || u.Bytes != int64(len(content)) || u.FileName != "March.csv.gz" {
			t.Errorf("%s: %+v", name, u)
		}
		if got := readCSV(t, c.rejects(u)); len(got) != 2 || got[1][0] != "3" || got[1][2] != "nonsense" {
			t.Errorf("%s: rejects %q", name, got)
		}
	}
	if got := c.stored(id); !slices.Equal(got, []string{stamp(at.Add(time.Second)) + " 2", stamp(at) + " 1.5"}) {
		t.Errorf("stored: %q", got)
	}
}

func TestUpload_NamesWhatIsWrongWithACompressedFile(t *testing.T) {
	t.Parallel()
	c, id := machine(t), equipment(t)
	plain := rows(id + "," + stamp(recent()) + ",1")
	whole := packed(plain)
	for name, file := range map[string]struct{ as, content, reason string }{
		"plain and named as compressed": {"a.csv.gz", plain, "is not compressed with gzip; compress it, or name it .csv"},
		"compressed and named as plain": {"a.csv", whole, "give it a name that ends in .csv.gz"},
		"cut":                           {"a.csv.gz", whole[:len(whole)-9], "the gzip data breaks off after "},
		"damaged":                       {"a.csv.gz", whole[:len(whole)-8] + "12345678", "the gzip data is damaged after 2 lines"},
	} {
		ticket := c.ticket(file.as, len(file.content), "")
		c.put(ticket, file.content, http.StatusOK)
		u := c.ended(ticket.UploadID)
		if u.Status != "failed" || !strings.Contains(u.Reason, file.reason) || u.Bytes != int64(len(file.content)) || u.RowsAccepted != 0 {
			t.Errorf("%s: %+v", name, u)
		}
	}
	if got := c.stored(id); len(got) != 0 {
		t.Errorf("stored: %q", got)
	}
	c.bad(probe.Call{Path: "/sensor-data/uploads", Body: []byte(`{"fileName":"a.csv.gz","size":1073741825}`)}, http.StatusRequestEntityTooLarge)
}
