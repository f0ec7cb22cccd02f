package s3store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/s3store"
)

var (
	_ csvfile.UploadBucket = (*s3store.Bucket)(nil)
	_ csvfile.WorkBucket   = (*s3store.Bucket)(nil)
)

func read(t *testing.T, bucket *s3store.Bucket, key string) string {
	t.Helper()
	object, err := bucket.Stat(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	body, err := bucket.Open(t.Context(), key, object.ETag, 0, object.Size-1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPut_StoresStreamsOfAnyLength(t *testing.T) {
	bucket := newBucket(endpoint)
	for _, size := range []int{1, 100_000, s3store.PartBytes - 1, s3store.PartBytes, s3store.PartBytes + 1, 2 * s3store.PartBytes, 2*s3store.PartBytes + 7} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			want := make([]byte, size)
			random := rand.NewChaCha8([32]byte{byte(size)})
			_, _ = random.Read(want)
			key := fmt.Sprintf("uploads/put-%d.csv", size)
			if err := bucket.Put(t.Context(), key, struct{ io.Reader }{bytes.NewReader(want)}); err != nil {
				t.Fatal(err)
			}
			if got := read(t, bucket, key); got != string(want) {
				t.Errorf("%d bytes came back different", len(got))
			}
		})
	}
}

func TestPut_StoresAnEmptyFile(t *testing.T) {
	bucket := newBucket(endpoint)
	if err := bucket.Put(t.Context(), "uploads/empty.csv", strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	if object, err := bucket.Stat(t.Context(), "uploads/empty.csv"); err != nil || object.Size != 0 {
		t.Errorf("object %+v, error %v", object, err)
	}
}

var errReading = errors.New("the client left")

func TestPut_StoresNothingWhereReadingFails(t *testing.T) {
	bucket := newBucket(endpoint)
	for _, test := range []struct {
		name string
		size int
		err  error
	}{
		{"in the first part", 100, errReading},
		{"in a later part", 2*s3store.PartBytes + 100, errReading},
		{"with an error that wraps the end", 100, fmt.Errorf("cut short: %w", io.EOF)},
	} {
		t.Run(test.name, func(t *testing.T) {
			key := "uploads/" + strings.ReplaceAll(t.Name(), "/", "-") + ".csv"
			body := io.MultiReader(io.LimitReader(zeros{}, int64(test.size)), failing{test.err})
			if err := bucket.Put(t.Context(), key, body); !errors.Is(err, test.err) {
				t.Errorf("error %v", err)
			}
			if _, err := bucket.Stat(t.Context(), key); fault.KindOf(err) != fault.NotFound {
				t.Errorf("Stat: %v, want that there is nothing", err)
			}
			noParts(t, key)
		})
	}
}

func TestPut_LeavesNoPartsWhereTheCallerLeaves(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	body := io.MultiReader(io.LimitReader(zeros{}, 2*s3store.PartBytes), leaving{cancel}, io.LimitReader(zeros{}, s3store.PartBytes))
	if err := newBucket(endpoint).Put(ctx, "uploads/left.csv", body); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	noParts(t, "uploads/left.csv")
}

// noParts checks that no multipart upload of the key is left, whose parts would be paid for.
func noParts(t *testing.T, key string) {
	t.Helper()
	out, err := newClient(endpoint).ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String(bucketName), Prefix: &key})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Uploads) > 0 {
		t.Errorf("%d multipart uploads are left", len(out.Uploads))
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type leaving struct{ leave func() }

func (l leaving) Read([]byte) (int, error) { l.leave(); return 0, io.EOF }

func TestOpen_ReadsTheRangeOfTheContentThatIsNamed(t *testing.T) {
	bucket, key := newBucket(endpoint), "uploads/range.csv"
	if err := bucket.Put(t.Context(), key, strings.NewReader("0123456789")); err != nil {
		t.Fatal(err)
	}
	object, err := bucket.Stat(t.Context(), key)
	if err != nil || object.Size != 10 {
		t.Fatalf("object %+v, error %v", object, err)
	}
	body, err := bucket.Open(t.Context(), key, object.ETag, 2, 5)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(body); string(text) != "2345" || err != nil {
		t.Errorf("read %q, error %v", text, err)
	}
	_ = body.Close()
	body, err = bucket.Open(t.Context(), key, object.ETag, 8, 15)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(body); string(text) != "89" || fault.KindOf(err) != fault.Conflict {
		t.Errorf("a range beyond the end: read %q, error %v", text, err)
	}
	_ = body.Close()
	if err := bucket.Put(t.Context(), key, strings.NewReader("9876543210")); err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Open(t.Context(), key, object.ETag, 2, 5); fault.KindOf(err) != fault.Conflict {
		t.Errorf("other content: error %v", err)
	}
	if _, err := bucket.Open(t.Context(), "uploads/none.csv", object.ETag, 2, 5); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no object: error %v", err)
	}
}

func TestDelete_RemovesWhatIsThere(t *testing.T) {
	bucket := newBucket(endpoint)
	keys := []string{"rejects/parts/1.csv", "rejects/parts/2.csv"}
	for _, key := range keys {
		if err := bucket.Put(t.Context(), key, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := bucket.Delete(t.Context(), append(keys, "rejects/parts/none.csv")); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if _, err := bucket.Stat(t.Context(), key); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v", key, err)
		}
	}
	if err := bucket.Delete(t.Context(), nil); err != nil {
		t.Errorf("nothing to delete: %v", err)
	}
}

func TestReady_TellsWhetherTheBucketIsThere(t *testing.T) {
	if err := newBucket(endpoint).Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s3store.New(newClient(endpoint), "missing").Ready(t.Context()); err == nil {
		t.Error("a missing bucket is ready")
	}
}

// gate stands between a client and the local S3 and answers some of the calls itself.
func gate(t *testing.T, answer func(call int, w http.ResponseWriter, r *http.Request) bool) *s3store.Bucket {
	t.Helper()
	var mu sync.Mutex
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		calls++
		call := calls
		mu.Unlock()
		if !answer(call, w, r) {
			http.Error(w, "unexpected", http.StatusTeapot)
		}
	}))
	t.Cleanup(server.Close)
	return newBucket(server.URL)
}

func TestErrors_SayWhatToDo(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		code   string
		want   fault.Kind
	}{
		{"no object", 404, "NoSuchKey", fault.NotFound},
		{"other content", 412, "PreconditionFailed", fault.Conflict},
		{"no bucket", 404, "NoSuchBucket", fault.Internal},
		{"no permission", 403, "AccessDenied", fault.Internal},
		{"a malformed request", 400, "InvalidArgument", fault.Internal},
		{"throttled", 503, "SlowDown", fault.Unavailable},
		{"a fault of S3", 500, "InternalError", fault.Unavailable},
		{"a slow request", 400, "RequestTimeout", fault.Unavailable},
		{"another write at the moment", 409, "ConditionalRequestConflict", fault.Unavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			bucket := gate(t, func(_ int, w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(test.status)
				_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>secret words</Message></Error>", test.code)
				return true
			})
			_, err := bucket.Open(t.Context(), "uploads/a.csv", `"x"`, 0, 1)
			if got := fault.KindOf(err); got != test.want {
				t.Errorf("kind %v, want %v: %v", got, test.want, err)
			}
			var domain *fault.Error
			if !errors.As(err, &domain) || strings.Contains(domain.Message, "secret") {
				t.Errorf("message of %v", err)
			}
		})
	}
}

func TestErrors_WithoutAnAnswerAreUnavailable(t *testing.T) {
	if err := newBucket("http://127.0.0.1:1").Put(t.Context(), "uploads/a.csv", strings.NewReader("x")); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("nobody listens: %v", err)
	}
	cut := gate(t, func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Length", "4")
		_, _ = w.Write([]byte("ab"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	body, err := cut.Open(t.Context(), "uploads/a.csv", `"x"`, 0, 3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(body); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a connection that breaks: %v", err)
	}
	_ = body.Close()
}

func TestPut_IsRepeatedAfterAThrottle(t *testing.T) {
	bucket := gate(t, func(call int, w http.ResponseWriter, r *http.Request) bool {
		if body, _ := io.ReadAll(r.Body); string(body) != "x" {
			t.Errorf("call %d sent %q", call, body)
		}
		if call == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return true
	})
	if err := bucket.Put(t.Context(), "uploads/a.csv", strings.NewReader("x")); err != nil {
		t.Error(err)
	}
}
