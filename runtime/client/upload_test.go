package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
)

// bucket takes files at their addresses, as S3 does with If-None-Match.
type bucket struct {
	mu sync.Mutex
	// statuses are what calls are answered first; 0 stores what came and gives no answer.
	statuses []int
	objects  map[string]string
	// refused are addresses that work no longer.
	refused map[string]bool
}

func (b *bucket) serve(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	status := http.StatusOK
	if len(b.statuses) > 0 {
		status, b.statuses = b.statuses[0], b.statuses[1:]
	}
	_, isThere := b.objects[r.URL.Path]
	switch {
	case err != nil || int64(len(content)) != r.ContentLength:
		status = http.StatusBadRequest
	case b.refused[r.URL.Path]:
		status = http.StatusForbidden
	case r.Header.Get("If-None-Match") == "*" && isThere:
		status = http.StatusPreconditionFailed
	case status == 0 || status == http.StatusOK:
		b.objects[r.URL.Path] = string(content)
	}
	if status == 0 {
		status = http.StatusBadGateway
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%d"`, len(content)))
	if status != http.StatusOK {
		w.Header().Set("Content-Type", "application/xml")
	}
	w.WriteHeader(status)
	if status != http.StatusOK {
		_, _ = io.WriteString(w, `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>`)
	}
}

// uploads is a service that gives out addresses of a bucket, and goes through some states afterwards.
type uploads struct {
	ticket string
	states []string
	asked  []string
}

func (u *uploads) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	u.asked = append(u.asked, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(body)))
	switch {
	case r.URL.Path == "/sensor-data/uploads":
		answer(w, http.StatusCreated, u.ticket)
	case strings.HasSuffix(r.URL.Path, "/parts"):
		var ask struct{ Numbers []int }
		_ = json.Unmarshal(body, &ask)
		answer(w, http.StatusOK, fmt.Sprintf(`{"parts":[{"number":%d,"url":"https://bucket/again-%[1]d","headers":{}}]}`, ask.Numbers[0]))
	case strings.HasSuffix(r.URL.Path, "/complete"):
		answer(w, http.StatusOK, `{}`)
	default:
		state := u.states[0]
		if len(u.states) > 1 {
			u.states = u.states[1:]
		}
		answer(w, http.StatusOK, state)
	}
}

const onePut = `{"uploadId":"u-1","method":"PUT","url":"https://bucket/file","headers":{"Content-Type":"text/csv","If-None-Match":"*"}}`

func TestUpload_SendsAFileAndWaits(t *testing.T) {
	const file = "equipmentId,timestamp,value\nEQ-1,2026-03-01T08:00:00Z,1\nEQ-1,x,1\n"
	const half = `{"uploadId":"u-1","status":"processing","bytes":65,"bytesProcessed":30}`
	const done = `{"uploadId":"u-1","status":"completed-with-rejects","bytes":65,"bytesProcessed":65,"rowsAccepted":1,"rowsRejected":1}`
	const failed = `{"uploadId":"u-1","status":"failed","reason":"The header is wrong."}`
	for _, test := range []struct {
		name     string
		statuses []int
		states   []string
		took     time.Duration
		fault    string // in the error; empty where there is none
	}{
		{"at once", nil, []string{done}, 0, ""},
		{"after some time", nil, []string{half, half, done}, 750 * time.Millisecond, ""},
		{"after a failure of the bucket", []int{503}, []string{done}, 200 * time.Millisecond, ""},
		{"after an answer that was lost", []int{0}, []string{done}, 200 * time.Millisecond, ""},
		{"rejects a file with a wrong header", nil, []string{failed}, 0, "The header is wrong."},
		{"rejects an address that has expired", []int{403}, []string{done}, 0, "AccessDenied: Request has expired"},
		{"rejects a file that is there already", []int{412}, []string{done}, 0, "status 412"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, b, u := &network{}, &bucket{statuses: test.statuses, objects: map[string]string{}}, &uploads{ticket: onePut, states: test.states}
				n.set("a", n.service(u.serve))
				n.set("bucket", b.serve)
				var last client.Progress
				o := client.UploadOptions{Format: json.RawMessage(`{"delimiter":";"}`), Progress: func(p client.Progress) {
					if p.Bytes != int64(len(file)) || p.Sent < 0 || p.Sent > p.Bytes {
						t.Errorf("progress %+v", p)
					}
					last = p
				}}
				began := time.Now()
				got, err := newClient(t, n, client.Options{}, "a").Upload(t.Context(), "a.csv", strings.NewReader(file), int64(len(file)), o)
				if took := time.Since(began); took != test.took || got.ID != "u-1" {
					t.Errorf("%+v after %v, want %v", got, took, test.took)
				}
				if want := `POST /sensor-data/uploads {"fileName":"a.csv","size":65,"format":{"delimiter":";"}}`; u.asked[0] != want {
					t.Errorf("asked %s, want %s", u.asked[0], want)
				}
				if test.fault != "" {
					if err == nil || !strings.Contains(err.Error(), test.fault) {
						t.Errorf("the error is %v", err)
					}
					return
				}
				if err != nil || got.Status != client.UploadCompletedWithRejects || got.RowsRejected != 1 || b.objects["/file"] != file {
					t.Errorf("%+v, %v, stored %q", got, err, b.objects["/file"])
				}
				if last.Sent != last.Bytes || last.Processed != last.Bytes || last.Rejected != 1 {
					t.Errorf("the last progress is %+v", last)
				}
			})
		})
	}
}

// TestUpload_SendsALargeFileInParts has parts whose addresses are known, are not known, and work no longer, and one that is sent twice.
func TestUpload_SendsALargeFileInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		b := &bucket{objects: map[string]string{}, refused: map[string]bool{"/part-2": true}, statuses: []int{503}}
		u := &uploads{
			ticket: `{"uploadId":"u-1","partSize":4,"parts":[{"number":1,"url":"https://bucket/part-1","headers":{}},{"number":2,"url":"https://bucket/part-2","headers":{}}]}`,
			states: []string{`{"uploadId":"u-1","status":"completed","rowsAccepted":1}`},
		}
		n.set("a", n.service(u.serve))
		n.set("bucket", b.serve)
		got, err := newClient(t, n, client.Options{}, "a").Upload(t.Context(), "a.csv", strings.NewReader("aaaabbbbcccc\n"), 13, client.UploadOptions{})
		if err != nil || got.Status != client.UploadCompleted {
			t.Fatalf("%+v, %v", got, err)
		}
		want := map[string]string{"/part-1": "aaaa", "/again-2": "bbbb", "/again-3": "cccc", "/again-4": "\n"}
		if fmt.Sprint(b.objects) != fmt.Sprint(want) {
			t.Errorf("the bucket has %q", b.objects)
		}
		complete := `POST /sensor-data/uploads/u-1/complete {"parts":[{"number":1,"etag":"\"4\""},{"number":2,"etag":"\"4\""},{"number":3,"etag":"\"4\""},{"number":4,"etag":"\"1\""}]}`
		if !slices.Contains(u.asked, complete) {
			t.Errorf("it was not completed: %q", u.asked)
		}
	})
}

// TestUpload_EndsWithTheFirstPartThatFails holds that the other parts end, too, and that nothing is completed.
func TestUpload_EndsWithTheFirstPartThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		b := &bucket{objects: map[string]string{}, statuses: []int{200, 400}}
		u := &uploads{ticket: `{"uploadId":"u-1","partSize":1,"parts":[{"number":1,"url":"https://bucket/part-1","headers":{}}]}`}
		n.set("a", n.service(u.serve))
		n.set("bucket", b.serve)
		_, err := newClient(t, n, client.Options{}, "a").Upload(t.Context(), "a.csv", strings.NewReader(strings.Repeat("a", 1000)), 1000, client.UploadOptions{})
		var refused *client.Error
		if !errors.As(err, &refused) || refused.Status != 400 || len(b.objects) > 500 {
			t.Errorf("%d parts were sent: %v", len(b.objects), err)
		}
		if slices.ContainsFunc(u.asked, func(call string) bool { return strings.Contains(call, "/complete") }) {
			t.Error("it was completed")
		}
	})
}

func TestDelete_WaitsForOneThatIsLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, asked := &network{}, 0
		n.set("a", n.service(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodDelete:
				w.Header().Set("Location", "/sensor-data/deletions/d-1")
				answer(w, http.StatusAccepted, `{"status":"running","deleted":0}`)
			case asked < 2:
				asked++
				answer(w, http.StatusOK, `{"status":"running","deleted":5000}`)
			default:
				answer(w, http.StatusOK, `{"status":"completed","deleted":7000}`)
			}
		}))
		c := newClient(t, n, client.Options{}, "a")
		deleted, err := c.DeleteRange(t.Context(), client.Range{EquipmentID: "EQ-1", From: time.Unix(0, 0), To: time.Unix(1e9, 0)})
		if err != nil || deleted != 7000 {
			t.Errorf("%d deleted: %v", deleted, err)
		}
	})
}
