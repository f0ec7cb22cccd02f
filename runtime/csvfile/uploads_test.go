package csvfile_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

// shelf is a table and a bucket in memory.
type shelf struct {
	rows    []csvfile.Upload
	objects map[string][]byte
	calls   []string
	terms   csvfile.PutTerms
	asName  string
	now     time.Time
	// begun is the name of the file that is sent in parts, of which arrived have arrived.
	begun   string
	arrived map[int]csvfile.Object
	// putErr, createErr, signErr and joinErr make the calls fail.
	putErr, createErr, signErr, joinErr error
}

func newShelf() (*shelf, *csvfile.Uploads) {
	s := &shelf{objects: map[string][]byte{}, arrived: map[int]csvfile.Object{}, now: epoch}
	return s, csvfile.NewUploads(s, s, func() time.Time { return s.now }, csvfile.UploadsOptions{PartBytes: shelfPartBytes})
}

func (s *shelf) find(id string) *csvfile.Upload {
	if i := slices.IndexFunc(s.rows, func(u csvfile.Upload) bool { return u.ID == id }); i >= 0 {
		return &s.rows[i]
	}
	return nil
}

func (s *shelf) CreateUpload(_ context.Context, u csvfile.Upload) error {
	s.calls = append(s.calls, "create")
	if s.createErr != nil {
		return s.createErr
	}
	s.rows = append(s.rows, u)
	return nil
}

func (s *shelf) ReadUpload(_ context.Context, id string) (csvfile.Upload, error) {
	if u := s.find(id); u != nil {
		return *u, nil
	}
	return csvfile.Upload{}, &fault.Error{Kind: fault.NotFound, Message: "there is no such upload"}
}

func (s *shelf) FailUpload(ctx context.Context, id string, f csvfile.Failure) error {
	s.calls = append(s.calls, "fail")
	if err := ctx.Err(); err != nil {
		return err
	}
	u := s.find(id)
	u.Status, u.Reason, u.UpdatedAt, u.Bytes = csvfile.Failed, f.Reason, f.At, max(u.Bytes, f.Bytes)
	return nil
}

func (s *shelf) ListUploads(_ context.Context, after csvfile.Position, limit int) ([]csvfile.Upload, bool, error) {
	var left []csvfile.Upload
	for _, u := range slices.Backward(s.rows) {
		if after.ID == "" || u.CreatedAt.Before(after.CreatedAt) {
			left = append(left, u)
		}
	}
	return left[:min(limit, len(left))], len(left) > limit, nil
}

func (s *shelf) PresignPut(_ context.Context, key string, terms csvfile.PutTerms) (string, map[string]string, error) {
	s.calls = append(s.calls, "sign")
	s.terms = terms
	return "https://bucket.example/" + key, map[string]string{"Content-Type": "text/csv"}, s.signErr
}

func (s *shelf) PresignGet(_ context.Context, key, fileName string, lifetime time.Duration) (string, error) {
	s.asName = fileName
	return fmt.Sprintf("https://bucket.example/%s?for=%s", key, lifetime), s.signErr
}

func (s *shelf) Put(_ context.Context, key string, body io.Reader) error {
	s.calls = append(s.calls, "put")
	content, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("read the file: %w", err)
	}
	if s.putErr != nil {
		return s.putErr
	}
	s.objects[key] = content
	return nil
}

var busyShelf = &fault.Error{Kind: fault.Unavailable, Message: "busy"}

func TestCreate_WritesTheRowAndThenSignsTheAddress(t *testing.T) {
	s, uploads := newShelf()
	ticket, err := uploads.Create(t.Context(), csvfile.Request{FileName: "märz.CSV", Size: 12})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.calls, " "); got != "create sign" {
		t.Errorf("calls %q", got)
	}
	id := s.rows[0].ID
	row := csvfile.Upload{ID: id, FileName: "märz.CSV", Status: csvfile.AwaitingUpload, Bytes: 12, CreatedAt: epoch, UpdatedAt: epoch}
	want := csvfile.Ticket{
		Upload: row, Method: "PUT", URL: "https://bucket.example/uploads/" + id + ".csv",
		Headers: map[string]string{"Content-Type": "text/csv"}, ExpiresAt: epoch.Add(15 * time.Minute),
	}
	if diff := cmp.Diff(want, ticket); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(row, s.rows[0]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(csvfile.PutTerms{Size: 12, ContentType: "text/csv", Lifetime: 15 * time.Minute}, s.terms); diff != "" {
		t.Error(diff)
	}
	if parsed, err := uuid.Parse(id); err != nil || parsed.Version() != 4 {
		t.Errorf("id %s is no random UUID", id)
	}
}

func TestCreate_JudgesTheRequest(t *testing.T) {
	digest := bytes.Repeat([]byte{0xfb}, 32)
	inHex, inBase64 := hex.EncodeToString(digest), base64.StdEncoding.EncodeToString(digest)
	const most = contract.UploadBytesMax
	for _, test := range []struct {
		name    string
		request csvfile.Request
		fields  string
		is      error
	}{
		{"takes one byte", csvfile.Request{FileName: "a.csv", Size: 1}, "", nil},
		{"rejects an empty file", csvfile.Request{FileName: "a.csv"}, "size", nil},
		{"rejects a negative size", csvfile.Request{FileName: "a.csv", Size: -1}, "size", nil},
		{"takes the largest file", csvfile.Request{FileName: "a.csv", Size: most}, "", nil},
		{"rejects one byte more", csvfile.Request{FileName: "a.csv", Size: most + 1}, "size", csvfile.ErrTooLarge},
		{"takes a digest in hex", csvfile.Request{FileName: "a.csv", Size: 1, SHA256: inHex}, "", nil},
		{"takes a digest in upper case", csvfile.Request{FileName: "a.csv", Size: 1, SHA256: strings.ToUpper(inHex)}, "", nil},
		{"takes a digest in Base64", csvfile.Request{FileName: "a.csv", Size: 1, SHA256: inBase64}, "", nil},
		{"rejects a short digest", csvfile.Request{FileName: "a.csv", Size: 1, SHA256: inHex[2:]}, "sha256", nil},
		{"rejects a digest of other letters", csvfile.Request{FileName: "a.csv", Size: 1, SHA256: "g" + inHex[1:]}, "sha256", nil},
		{"rejects Base64 without its end", csvfile.Request{FileName: "a.csv", Size: 1, SHA256: inBase64[:43]}, "sha256", nil},
		{"rejects Base64 for addresses", csvfile.Request{FileName: "a.csv", Size: 1, SHA256: strings.ReplaceAll(inBase64, "+", "-")}, "sha256", nil},
		{"rejects no name", csvfile.Request{Size: 1}, "fileName", nil},
		{"takes the longest name", csvfile.Request{FileName: strings.Repeat("ä", 251) + ".csv", Size: 1}, "", nil},
		{"rejects one character more", csvfile.Request{FileName: strings.Repeat("ä", 252) + ".csv", Size: 1}, "fileName", nil},
		{"rejects control characters", csvfile.Request{FileName: "a\r\nb.csv", Size: 1}, "fileName", nil},
		{"rejects what is not UTF-8", csvfile.Request{FileName: "a\xff.csv", Size: 1}, "fileName", nil},
		{"takes any case", csvfile.Request{FileName: "A.CsV", Size: 1}, "", nil},
		{"takes a compressed file", csvfile.Request{FileName: "a.CSV.gz", Size: 1 << 30}, "", nil},
		{"rejects a larger one", csvfile.Request{FileName: "a.csv.gz", Size: 1<<30 + 1}, "size", csvfile.ErrTooLarge},
		{"rejects another ending", csvfile.Request{FileName: "a.gz", Size: 1}, "fileName", csvfile.ErrNotCSV},
		{"rejects no ending", csvfile.Request{FileName: "csv", Size: 1}, "fileName", csvfile.ErrNotCSV},
		{"rejects all that is wrong", csvfile.Request{FileName: "\t", Size: 0, SHA256: "x"}, "fileName,size,sha256", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, uploads := newShelf()
			_, err := uploads.Create(t.Context(), test.request)
			if test.fields == "" {
				if err != nil {
					t.Fatal(err)
				}
				if test.request.SHA256 != "" && !bytes.Equal(s.terms.SHA256, digest) {
					t.Errorf("digest %x", s.terms.SHA256)
				}
				return
			}
			wantRefusal(t, err, test.fields, test.is)
			if len(s.calls) > 0 {
				t.Errorf("calls %v for a bad request", s.calls)
			}
		})
	}
}

func wantRefusal(t *testing.T, err error, fields string, is error) {
	t.Helper()
	var domain *fault.Error
	if !errors.As(err, &domain) || domain.Kind != fault.Invalid {
		t.Fatalf("error %v, want one of kind invalid", err)
	}
	var got []string
	for _, f := range domain.Fields {
		got = append(got, f.Field)
	}
	if strings.Join(got, ",") != fields {
		t.Errorf("fields %v, want %s", got, fields)
	}
	for _, known := range []error{csvfile.ErrTooLarge, csvfile.ErrNotCSV} {
		if errors.Is(err, known) != (known == is) {
			t.Errorf("error %v, want %v in its chain", err, is)
		}
	}
}

func TestCreate_LeavesNothingWaitingWhereSigningFails(t *testing.T) {
	s, uploads := newShelf()
	s.signErr = busyShelf
	if _, err := uploads.Create(t.Context(), csvfile.Request{FileName: "a.csv", Size: 1}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("error %v", err)
	}
	if s.rows[0].Status != csvfile.Failed {
		t.Errorf("status %s", s.rows[0].Status)
	}
}

func TestCreate_GivesOutNoAddressWithoutARow(t *testing.T) {
	s, uploads := newShelf()
	s.createErr = busyShelf
	if _, err := uploads.Create(t.Context(), csvfile.Request{FileName: "a.csv", Size: 1}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("Create: %v", err)
	}
	if _, err := uploads.Store(t.Context(), "a.csv", csvfile.Format{}, strings.NewReader("x")); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("Store: %v", err)
	}
	if got := strings.Join(s.calls, " "); got != "create create" {
		t.Errorf("calls %q", got)
	}
}

func TestStore_WritesTheRowAndThenTheFile(t *testing.T) {
	for _, size := range []int{0, 5, contract.SmallUploadBytesMax} {
		s, uploads := newShelf()
		u, err := uploads.Store(t.Context(), "a.csv", csvfile.Format{}, bytes.NewReader(make([]byte, size)))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(s.calls, " "); got != "create put" {
			t.Errorf("calls %q", got)
		}
		if content, ok := s.objects["uploads/"+u.ID+".csv"]; !ok || len(content) != size || u.Bytes != int64(size) {
			t.Errorf("%d bytes stored and %d told of, want %d", len(content), u.Bytes, size)
		}
		if s.rows[0].ID != u.ID || s.rows[0].Status != csvfile.AwaitingUpload {
			t.Errorf("row %+v", s.rows[0])
		}
	}
}

func TestStore_EndsAnUploadWhoseFileIsNotStored(t *testing.T) {
	left := errors.New("the client left")
	for _, test := range []struct {
		name   string
		body   io.Reader
		putErr error
		is     error
		kind   fault.Kind
		reason string
		came   int64
	}{
		{"a file that is too large", bytes.NewReader(make([]byte, contract.SmallUploadBytesMax+1)), nil, csvfile.ErrTooLarge, fault.Invalid,
			"a file sent in a form must be at most 32 MiB; ask for an upload address for a larger one", contract.SmallUploadBytesMax + 1},
		{"a client that leaves", io.MultiReader(strings.NewReader("abc"), brokenReader{left}), nil, left, fault.Internal,
			"the file did not arrive whole; send it again", 3},
		{"a body that is cut short", io.MultiReader(strings.NewReader("abc"), brokenReader{fmt.Errorf("cut: %w", io.EOF)}), nil, io.EOF, fault.Internal,
			"the file did not arrive whole; send it again", 3},
		{"a bucket that is busy", strings.NewReader("abcd"), busyShelf, busyShelf, fault.Unavailable,
			"the file could not be stored; send it again", 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, uploads := newShelf()
			s.putErr = test.putErr
			ctx, leave := context.WithCancel(t.Context())
			leave() // the row must be ended although the client has gone
			_, err := uploads.Store(ctx, "a.csv", csvfile.Format{}, test.body)
			if !errors.Is(err, test.is) || fault.KindOf(err) != test.kind {
				t.Errorf("error %v of kind %v", err, fault.KindOf(err))
			}
			if len(s.objects) > 0 || s.rows[0].Status != csvfile.Failed || s.rows[0].Reason != test.reason || s.rows[0].Bytes != test.came {
				t.Errorf("%d objects, row %+v", len(s.objects), s.rows[0])
			}
		})
	}
}

type brokenReader struct{ err error }

func (b brokenReader) Read([]byte) (int, error) { return 0, b.err }

func TestStore_JudgesTheName(t *testing.T) {
	s, uploads := newShelf()
	for name, want := range map[string]error{"": nil, "a\nb.csv": nil, "a.txt": csvfile.ErrNotCSV} {
		_, err := uploads.Store(t.Context(), name, csvfile.Format{}, strings.NewReader("x"))
		wantRefusal(t, err, "fileName", want)
	}
	if len(s.calls) > 0 {
		t.Errorf("calls %v", s.calls)
	}
}

func TestUploads_TellThatTheTimeForAFileHasPassed(t *testing.T) {
	for _, test := range []struct {
		name   string
		status csvfile.Status
		after  time.Duration
		want   csvfile.Status
	}{
		{"while the address works", csvfile.AwaitingUpload, 15*time.Minute - 1, csvfile.AwaitingUpload},
		{"when it ends", csvfile.AwaitingUpload, 15 * time.Minute, csvfile.Expired},
		{"a file that is worked on", csvfile.Processing, time.Hour, csvfile.Processing},
		{"a file that has failed", csvfile.Failed, time.Hour, csvfile.Failed},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newShelf()
			uploads := csvfile.NewUploads(s, s, func() time.Time { return epoch.Add(test.after) }, csvfile.UploadsOptions{})
			stored := csvfile.Upload{ID: uuid.NewString(), FileName: "a.csv", Status: test.status, CreatedAt: epoch, UpdatedAt: epoch}
			s.rows = append(s.rows, stored)
			want := stored
			if want.Status = test.want; test.want == csvfile.Expired {
				want.UpdatedAt = epoch.Add(15 * time.Minute)
			}
			got, _, err := uploads.Get(t.Context(), stored.ID)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("error %v, upload (-want +got):\n%s", err, diff)
			}
			listed, _, err := uploads.List(t.Context(), csvfile.Position{}, 1)
			if diff := cmp.Diff([]csvfile.Upload{want}, listed); diff != "" || err != nil {
				t.Errorf("error %v, list (-want +got):\n%s", err, diff)
			}
			if diff := cmp.Diff(stored, s.rows[0]); diff != "" { // a file may still be on its way
				t.Errorf("the row was changed: %s", diff)
			}
		})
	}
}

func TestCreate_SignsTheMediaTypeOfACompressedFile(t *testing.T) {
	for name, want := range map[string]string{"a.csv": "text/csv", "A.Csv": "text/csv", "a.csv.gz": "application/gzip", "A.CSV.GZ": "application/gzip"} {
		s, uploads := newShelf()
		if _, err := uploads.Create(t.Context(), csvfile.Request{FileName: name, Size: 1}); err != nil || s.terms.ContentType != want {
			t.Errorf("%s: signed %q, want %q, error %v", name, s.terms.ContentType, want, err)
		}
	}
}

// TestUploads_TellTheProgressOfACompressedFileInItsOwnBytes also holds the end: all bytes, however they divide.
func TestUploads_TellTheProgressOfACompressedFileInItsOwnBytes(t *testing.T) {
	s, uploads := newShelf()
	for processed, want := range map[int64]int64{0: 0, 1: 0, 300: 33, 899: 99, 900: 100} {
		u := csvfile.Upload{ID: uuid.NewString(), FileName: "a.csv.gz", Status: csvfile.Processing, Bytes: 100, BytesProcessed: processed}
		u.Plan = csvfile.Plan{Bytes: 100, Unpacked: 900}
		s.rows = []csvfile.Upload{u}
		got, _, err := uploads.Get(t.Context(), u.ID)
		if err != nil || got.BytesProcessed != want || got.Bytes != 100 {
			t.Errorf("%d of 900 bytes of text: told %d of %d, want %d, error %v", processed, got.BytesProcessed, got.Bytes, want, err)
		}
	}
}

func TestGet_GivesTheRejectsOfAnUploadThatHasThem(t *testing.T) {
	s, uploads := newShelf()
	for _, status := range []csvfile.Status{csvfile.AwaitingUpload, csvfile.Processing, csvfile.Completed, csvfile.CompletedWithRejects, csvfile.Failed} {
		want := csvfile.Upload{ID: uuid.NewString(), FileName: `../a"\b.csv`, Status: status, RowsRejected: 3, CreatedAt: epoch}
		s.rows = append(s.rows, want)
		got, address, err := uploads.Get(t.Context(), want.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		wantAddress := ""
		if status == csvfile.CompletedWithRejects {
			wantAddress = "https://bucket.example/rejects/" + want.ID + ".csv?for=15m0s"
		}
		if address != wantAddress {
			t.Errorf("%s: address %q, want %q", status, address, wantAddress)
		}
	}
	if s.asName != `.._a"_b-rejects.csv.txt` {
		t.Errorf("file name %q", s.asName)
	}
	packed := csvfile.Upload{ID: uuid.NewString(), FileName: "März.csv.GZ", Status: csvfile.CompletedWithRejects, CreatedAt: epoch}
	s.rows = append(s.rows, packed)
	if _, _, err := uploads.Get(t.Context(), packed.ID); err != nil || s.asName != "März-rejects.csv.txt" {
		t.Errorf("file name %q of a compressed file, error %v", s.asName, err)
	}
}

func TestGet_KnowsOnlyItsOwnIDs(t *testing.T) {
	s, uploads := newShelf()
	s.rows = append(s.rows, csvfile.Upload{ID: "x"})
	id := uuid.NewString()
	for _, id := range []string{"", "x", id, strings.ToUpper(id), "{" + id + "}", "urn:uuid:" + id, strings.ReplaceAll(id, "-", ""), strings.Repeat("x", 5000)} {
		if _, _, err := uploads.Get(t.Context(), id); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%.50s: error %v", id, err)
		}
	}
}

func TestList_GivesPagesNewestFirst(t *testing.T) {
	s, uploads := newShelf()
	for i := range 5 {
		s.rows = append(s.rows, csvfile.Upload{ID: uuid.NewString(), CreatedAt: epoch.Add(time.Duration(i))})
	}
	var got []csvfile.Upload
	var after csvfile.Position
	for page := range 3 {
		us, more, err := uploads.List(t.Context(), after, 2)
		if err != nil || more != (page < 2) {
			t.Fatalf("page %d: more %t, error %v", page, more, err)
		}
		last := us[len(us)-1]
		got, after = append(got, us...), csvfile.Position{CreatedAt: last.CreatedAt, ID: last.ID}
	}
	want := slices.Clone(s.rows)
	slices.Reverse(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pages differ:\n%s", diff)
	}
}
