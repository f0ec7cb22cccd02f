package contract_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// uploadWithin is how long a small file may take on a busy machine.
const uploadWithin = 3 * time.Minute

// ticket asks for an upload address.
func (c *caller) ticket(fileName string, size int, sum string) probe.Ticket {
	c.t.Helper()
	body := fmt.Sprintf(`{"fileName":%s,"size":%d}`, quoted(fileName), size)
	if sum != "" {
		body = fmt.Sprintf(`{"fileName":%s,"size":%d,"sha256":%s}`, quoted(fileName), size, quoted(sum))
	}
	return decode[probe.Ticket](c.t, c.good(probe.Call{Path: "/sensor-data/uploads", Body: []byte(body)}, http.StatusCreated))
}

// upload sends a file through a presigned address and waits until it was worked on.
func (c *caller) upload(content string) probe.Upload {
	c.t.Helper()
	ticket := c.ticket("readings.csv", len(content), "")
	c.put(ticket, content, http.StatusOK)
	return c.ended(ticket.UploadID)
}

func (c *caller) put(ticket probe.Ticket, content string, status int, change ...func(*http.Request)) {
	c.t.Helper()
	got, err := c.Put(c.t.Context(), ticket, []byte(content), change...)
	if err != nil {
		c.t.Fatal(err)
	}
	if got.Status != status {
		c.t.Errorf("PUT of %d bytes: status %d, want %d: %.300s", len(content), got.Status, status, got.Body)
	}
}

// ended waits until an upload has ended and checks what holds for each that has.
func (c *caller) ended(id string) probe.Upload {
	c.t.Helper()
	var u probe.Upload
	await.NoError(c.t, uploadWithin, func() error {
		if u = c.status(id); !u.Ended() {
			return fmt.Errorf("the upload is %+v", u)
		}
		return nil
	})
	if u.UploadID != id || u.CreatedAt.IsZero() || u.UpdatedAt.Before(u.CreatedAt) || (u.Status == "failed") != (u.Reason != "") ||
		(u.Status == "completed-with-rejects") != (u.RowsRejected > 0) || (u.RejectsURL != "") != (u.RowsRejected > 0) ||
		u.Status != "failed" && u.BytesProcessed != u.Bytes {
		c.t.Errorf("upload %+v", u)
	}
	if found := leak.FindString(u.Reason); found != "" {
		c.t.Errorf("the reason gives away %q: %s", found, u.Reason)
	}
	return u
}

func (c *caller) status(id string) probe.Upload {
	c.t.Helper()
	return decode[probe.Upload](c.t, c.good(probe.Call{Path: "/sensor-data/uploads/" + id}, http.StatusOK))
}

// rejects downloads the rejected rows.
func (c *caller) rejects(u probe.Upload) string {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, u.RejectsURL, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	got, err := (&probe.Client{HTTP: transport}).Send(r)
	if err != nil {
		c.t.Fatal(err)
	}
	if got.Status != http.StatusOK {
		c.t.Fatalf("GET %s: status %d: %.300s", u.RejectsURL, got.Status, got.Body)
	}
	return string(got.Body)
}

func rows(lines ...string) string {
	return "equipmentId,timestamp,value\n" + strings.Join(lines, "\n") + "\n"
}

func TestUpload_GoesFromAwaitingToCompleted(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	content := rows(id+","+stamp(at)+",1.5", id+","+stamp(at.Add(time.Second))+",2")
	ticket := c.ticket("March report.csv", len(content), "")
	if ticket.Method != http.MethodPut || ticket.UploadID == "" || !strings.HasPrefix(ticket.URL, "http") {
		t.Errorf("ticket %+v", ticket)
	}
	if lives := time.Until(ticket.ExpiresAt); lives < 14*time.Minute || lives > 15*time.Minute+5*time.Second {
		t.Errorf("the address lives for %v", lives)
	}
	before := c.status(ticket.UploadID)
	if before.Status != "awaiting-upload" || before.FileName != "March report.csv" || before.Bytes != int64(len(content)) || before.RowsAccepted != 0 || before.BytesProcessed != 0 {
		t.Errorf("before the file: %+v", before)
	}
	c.put(ticket, content, http.StatusOK)
	u := c.ended(ticket.UploadID)
	if u.Status != "completed" || u.RowsAccepted != 2 || u.RowsRejected != 0 || u.Bytes != int64(len(content)) || u.FileName != "March report.csv" {
		t.Errorf("at the end: %+v", u)
	}
	if got := c.stored(id); !slices.Equal(got, []string{stamp(at.Add(time.Second)) + " 2", stamp(at) + " 1.5"}) {
		t.Errorf("stored: %q", got)
	}
	c.hours(id, "24h", hourLine(at, 2, "3.5"))
}

// The address takes exactly the announced file, once.
func TestUpload_TheAddressTakesNothingElse(t *testing.T) {
	t.Parallel()
	c, id := machine(t), equipment(t)
	content := rows(id + "," + stamp(recent()) + ",1")
	refused := func(ticket probe.Ticket, body string, change ...func(*http.Request)) {
		t.Helper()
		got, err := c.Put(t.Context(), ticket, []byte(body), change...)
		if err != nil {
			t.Fatal(err)
		}
		if got.Status < 400 || got.Status >= 500 {
			t.Errorf("status %d: %.200s", got.Status, got.Body)
		}
	}
	ticket := c.ticket("a.csv", len(content), "")
	refused(ticket, content+"x")
	refused(ticket, content[:len(content)-1])
	refused(ticket, "")
	refused(ticket, content, func(r *http.Request) { r.Header.Set("Content-Type", "application/octet-stream") })
	refused(ticket, content, func(r *http.Request) { r.Header.Del("Content-Type") })
	refused(ticket, content, func(r *http.Request) { r.Header.Set("Authorization", "Bearer token") })
	refused(ticket, content, func(r *http.Request) { r.Method = http.MethodPost })
	refused(ticket, content, func(r *http.Request) { r.Method = http.MethodDelete; r.Body = http.NoBody; r.ContentLength = 0 })
	refused(ticket, content, func(r *http.Request) { r.URL.Path = strings.Replace(r.URL.Path, ticket.UploadID, "elsewhere", 1) })
	other := c.ticket("b.csv", len(content), "")
	refused(ticket, content, func(r *http.Request) {
		there, err := url.Parse(other.URL)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Path = there.Path
	})
	refused(ticket, content, func(r *http.Request) {
		query := r.URL.Query()
		query.Set("X-Amz-Expires", "604800")
		r.URL.RawQuery = query.Encode()
	})
	if u := c.status(ticket.UploadID); u.Status != "awaiting-upload" {
		t.Errorf("after what was refused: %+v", u)
	}
	c.put(ticket, content, http.StatusOK)
	refused(ticket, content)
	refused(ticket, strings.Replace(content, ",1\n", ",2\n", 1))
	if u := c.ended(ticket.UploadID); u.Status != "completed" || u.RowsAccepted != 1 {
		t.Errorf("upload %+v", u)
	}
	refused(ticket, strings.Replace(content, ",1\n", ",3\n", 1))
	if got := c.stored(id); len(got) != 1 || !strings.HasSuffix(got[0], " 1") {
		t.Errorf("stored: %q", got)
	}
}

func TestUpload_ASignedDigestTakesOnlyThatContent(t *testing.T) {
	t.Parallel()
	c, id := machine(t), equipment(t)
	content := rows(id + "," + stamp(recent()) + ",1")
	other := strings.Replace(content, ",1\n", ",2\n", 1)
	sum := sha256.Sum256([]byte(content))
	for name, text := range map[string]string{
		"hexadecimal": hex.EncodeToString(sum[:]), "upper case": strings.ToUpper(hex.EncodeToString(sum[:])), "Base64": base64.StdEncoding.EncodeToString(sum[:]),
	} {
		ticket := c.ticket("a.csv", len(content), text)
		got, err := c.Put(t.Context(), ticket, []byte(other))
		if err != nil {
			t.Fatal(err)
		}
		if got.Status < 400 || got.Status >= 500 {
			t.Errorf("%s: other content was answered with %d", name, got.Status)
		}
		c.put(ticket, content, http.StatusOK)
		if u := c.ended(ticket.UploadID); u.Status != "completed" {
			t.Errorf("%s: %+v", name, u)
		}
	}
	if got := c.stored(id); len(got) != 1 || !strings.HasSuffix(got[0], " 1") {
		t.Errorf("stored: %q", got)
	}
}

func TestUpload_RejectsBadRequests(t *testing.T) {
	t.Parallel()
	c := machine(t)
	for body, fields := range map[string]string{
		`{}`:                              "fileName,size",
		`{"fileName":"a.csv"}`:            "size",
		`{"size":1}`:                      "fileName",
		`{"fileName":"a.csv","size":0}`:   "size",
		`{"fileName":"a.csv","size":-1}`:  "size",
		`{"fileName":"a.csv","size":1.5}`: "size",
		`{"fileName":"a.csv","size":"1"}`: "size",
		`{"fileName":"","size":1}`:        "fileName",
		`{"fileName":7,"size":1}`:         "fileName",
		`{"fileName":"` + strings.Repeat("x", 252) + `.csv","size":1}`: "fileName",
		`{"fileName":"a.csv","size":1,"sha256":"abc"}`:                 "sha256",
		`{"fileName":"a.csv","size":1,"parts":2}`:                      "parts",
		`[]`: "",
		`x`:  "",
	} {
		if p := c.bad(probe.Call{Path: "/sensor-data/uploads", Body: []byte(body)}, http.StatusBadRequest); p.fields() != fields {
			t.Errorf("%s: the answer names %q", body, p.fields())
		}
	}
	if p := c.bad(probe.Call{Path: "/sensor-data/uploads", Body: []byte(`{"fileName":"a.txt","size":1}`)}, http.StatusBadRequest); p.Message != "Only CSV files are allowed" || p.fields() != "fileName" {
		t.Errorf("message %q, fields %q", p.Message, p.fields())
	}
	c.good(probe.Call{Path: "/sensor-data/uploads", Body: []byte(`{"fileName":"a.csv","size":5368709120}`)}, http.StatusCreated)
	c.bad(probe.Call{Path: "/sensor-data/uploads", Body: []byte(`{"fileName":"a.csv","size":53687091201}`)}, http.StatusRequestEntityTooLarge)
}

func TestUpload_UnknownOnesAreNotFound(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"00000000-0000-4000-8000-000000000000", "nonsense", strings.Repeat("x", 200), "..%2f", "%20", "a%00b"} {
		machine(t).bad(probe.Call{Path: "/sensor-data/uploads/" + id}, http.StatusNotFound)
	}
}

func TestUpload_BadRowsAreListedAndDoNotStopTheRest(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	good := func(n int) string { return fmt.Sprintf("%s,%s,%d", id, stamp(at.Add(time.Duration(n)*time.Second)), n) }
	lines := []string{
		good(1), "a b," + stamp(at) + ",1", good(2), id + ",yesterday,1", id + "," + stamp(at) + ",1e300", id + "," + stamp(at), good(3) + ",extra",
		"\"" + id + "\"," + stamp(at) + ",00123", id + ",2023-02-31T00:00:00Z,1", id + ",,", strings.Repeat("x", 5000) + "," + stamp(at) + ",1", good(4),
	}
	u := c.upload(rows(lines...))
	if u.Status != "completed-with-rejects" || u.RowsAccepted != 3 || u.RowsRejected != 9 {
		t.Errorf("upload %+v", u)
	}
	if got := c.stored(id); len(got) != 3 {
		t.Errorf("stored: %q", got)
	}
	got := readCSV(t, c.rejects(u))
	if len(got) != 10 || strings.Join(got[0], ",") != "line,reason,row" {
		t.Fatalf("rejects: %q", got)
	}
	want := []int{3, 5, 6, 7, 8, 9, 10, 11, 12}
	for i, line := range want {
		record := got[i+1]
		if len(record) != 3 || record[0] != fmt.Sprint(line) || record[1] == "" {
			t.Errorf("reject %q, want line %d", record, line)
		} else if row := lines[line-2]; record[2] != row && !strings.HasPrefix(row, strings.TrimSuffix(record[2], "…")) {
			t.Errorf("the row of line %d is %q, not %q", line, record[2], row)
		}
	}
}

// The example of the documents: an LF ends a row, also inside quotes, so that a quote left open costs no more than its own lines.
func TestUpload_AnLFEndsARowAlsoInsideQuotes(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	u := c.upload(rows(id+","+stamp(at)+",\"1", "5\"", id+","+stamp(at.Add(time.Second))+",16"))
	if u.Status != "completed-with-rejects" || u.RowsAccepted != 1 || u.RowsRejected != 2 {
		t.Errorf("upload %+v", u)
	}
	got := readCSV(t, c.rejects(u))
	if len(got) != 3 || got[1][0] != "2" || got[1][1] != "a quoted field is not closed on its line" ||
		got[2][0] != "3" || got[2][1] != "a quote stands inside a field that does not begin with one" {
		t.Errorf("rejects %q", got)
	}
	if got := c.stored(id); !slices.Equal(got, []string{stamp(at.Add(time.Second)) + " 16"}) {
		t.Errorf("stored: %q", got)
	}
}

// Rows that were refused come back as they were sent, also cells that a spreadsheet would run. So the file is plain text that is
// saved, and not shown or opened.
func TestUpload_RejectsAreAPlainTextDownload(t *testing.T) {
	t.Parallel()
	c := machine(t)
	const formula = "=HYPERLINK(A1),+1,@SUM(1)"
	u := c.upload(rows(formula))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.RejectsURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := (&probe.Client{HTTP: transport}).Send(r)
	if err != nil || got.Status != http.StatusOK {
		t.Fatalf("status %d, %v", got.Status, err)
	}
	disposition, _, err := mime.ParseMediaType(got.Header.Get("Content-Disposition"))
	if media := got.Header.Get("Content-Type"); media != "text/plain; charset=utf-8" || err != nil || disposition != "attachment" {
		t.Errorf("Content-Type %q, Content-Disposition %q", media, got.Header.Get("Content-Disposition"))
	}
	if lines := readCSV(t, string(got.Body)); len(lines) != 2 || lines[1][2] != formula {
		t.Errorf("the file holds %q", got.Body)
	}
}

// The rejects' address is signed: it opens that one object for a time and nothing else.
func TestUpload_TheRejectsAddressCannotBeBent(t *testing.T) {
	t.Parallel()
	c := machine(t)
	u := c.upload(rows("a b,x,1"))
	bent, err := url.Parse(u.RejectsURL)
	if err != nil {
		t.Fatal(err)
	}
	other := c.upload(rows("a b,y,1"))
	bent.Path = strings.Replace(bent.Path, u.UploadID, other.UploadID, 1)
	for name, address := range map[string]string{"another upload's": bent.String(), "unsigned": strings.Split(u.RejectsURL, "?")[0]} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := (&probe.Client{HTTP: transport}).Send(r); err != nil || got.Status < 400 {
			t.Errorf("%s: status %d, %v", name, got.Status, err)
		}
	}
}

func TestUploads_AreListedNewestFirst(t *testing.T) {
	t.Parallel()
	c := machine(t)
	var mine []string
	for range 5 {
		mine = append(mine, c.ticket("listed.csv", 10, "").UploadID)
	}
	slices.Reverse(mine)
	type page struct {
		Items      []probe.Upload
		NextCursor string
	}
	query, seen, found := url.Values{"limit": {"3"}}, map[string]bool{}, []string{}
	var last time.Time
	for range 200 {
		p := decode[page](t, c.good(probe.Call{Path: "/sensor-data/uploads?" + query.Encode()}, http.StatusOK))
		if len(p.Items) > 3 {
			t.Errorf("a page of %d", len(p.Items))
		}
		for _, u := range p.Items {
			if seen[u.UploadID] || !last.IsZero() && u.CreatedAt.After(last) {
				t.Errorf("%s of %v is listed twice or after %v", u.UploadID, u.CreatedAt, last)
			}
			seen[u.UploadID], last = true, u.CreatedAt
			if slices.Contains(mine, u.UploadID) {
				found = append(found, u.UploadID)
			}
		}
		if p.NextCursor == "" || len(found) == len(mine) {
			break
		}
		query.Set("cursor", p.NextCursor)
	}
	if !slices.Equal(found, mine) {
		t.Errorf("listed %q, want %q", found, mine)
	}
	for _, bad := range []string{"limit=0", "limit=201", "limit=x", "cursor=nonsense", "cursor="} {
		c.bad(probe.Call{Path: "/sensor-data/uploads?" + bad}, http.StatusBadRequest)
	}
}
