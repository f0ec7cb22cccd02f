package csvfile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

// shelfPartBytes is the size of the parts of the tests' large files: the smallest such file has three.
const shelfPartBytes = 2 << 30

var errNotBegun = &fault.Error{Kind: fault.NotFound, Message: "there is no such file"}

func (s *shelf) BeginParts(_ context.Context, key, contentType string) (string, error) {
	s.calls = append(s.calls, "begin "+contentType)
	if s.putErr != nil {
		return "", s.putErr
	}
	s.begun = "parts of " + key
	return s.begun, nil
}

func (s *shelf) PresignPart(
	_ context.Context, key, name string, number int, size int64, lifetime time.Duration,
) (string, map[string]string, error) {
	return fmt.Sprintf("https://bucket.example/%s?%s&%d&%d&%v", key, name, number, size, lifetime), map[string]string{}, s.signErr
}

func (s *shelf) Parts(_ context.Context, _, name string) (map[int]csvfile.Object, error) {
	if name != s.begun {
		return nil, errNotBegun
	}
	return s.arrived, nil
}

func (s *shelf) JoinParts(_ context.Context, key, name string, etags []string) error {
	if name != s.begun {
		return errNotBegun
	}
	s.objects[key], s.begun = []byte(strings.Join(etags, "+")), ""
	return s.joinErr
}

func (s *shelf) AbandonParts(ctx context.Context, _, name string) error {
	s.calls = append(s.calls, "abandon")
	if name == s.begun {
		s.begun = ""
	}
	return ctx.Err()
}

func (s *shelf) Holds(_ context.Context, key string) (bool, error) {
	_, found := s.objects[key]
	return found, nil
}

// large begins an upload of three parts, of which the last has one byte, and lets all arrive.
func large(t *testing.T) (*shelf, *csvfile.Uploads, csvfile.Ticket) {
	t.Helper()
	s, uploads := newShelf()
	ticket, err := uploads.Create(t.Context(), csvfile.Request{FileName: "a.csv", Size: 2*shelfPartBytes + 1<<30 + 1})
	if err != nil {
		t.Fatal(err)
	}
	s.arrived = map[int]csvfile.Object{
		1: {Size: shelfPartBytes, ETag: `"one"`}, 2: {Size: shelfPartBytes, ETag: `"two"`}, 3: {Size: 1<<30 + 1, ETag: `"three"`},
	}
	return s, uploads, ticket
}

var allParts = []csvfile.SentPart{{Number: 3, ETag: "three"}, {Number: 1, ETag: `"one"`}, {Number: 2, ETag: "two"}}

func TestCreate_BeginsALargeFileInParts(t *testing.T) {
	s, uploads, ticket := large(t)
	id := s.rows[0].ID
	if got := strings.Join(s.calls, ", "); got != "begin text/csv, create" || s.rows[0].Parts != (csvfile.Parts{Name: "parts of uploads/" + id + ".csv", Bytes: shelfPartBytes}) {
		t.Errorf("calls %s, stored %+v", got, s.rows[0])
	}
	if ticket.URL != "" || len(ticket.Parts) != 3 || ticket.ExpiresAt != epoch.Add(15*time.Minute) {
		t.Fatalf("ticket %+v", ticket)
	}
	if want := fmt.Sprintf("https://bucket.example/uploads/%s.csv?parts of uploads/%[1]s.csv&3&%d&15m0s", id, 1<<30+1); ticket.Parts[2].URL != want || ticket.Parts[2].Number != 3 {
		t.Errorf("the last part: %+v, want %s", ticket.Parts[2], want)
	}
	most, err := csvfile.NewUploads(s, s, func() time.Time { return epoch }, csvfile.UploadsOptions{}).
		Create(t.Context(), csvfile.Request{FileName: "a.csv", Size: contract.UploadBytesMax})
	if err != nil || len(most.Parts) != contract.UploadPartsFirst {
		t.Errorf("the largest file: %d parts, %v", len(most.Parts), err)
	}
	_, err = uploads.Create(t.Context(), csvfile.Request{FileName: "a.csv", Size: contract.UploadPutBytesMax + 1, SHA256: strings.Repeat("a", 64)})
	wantRefusal(t, err, "sha256", nil)
	one, err := uploads.Create(t.Context(), csvfile.Request{FileName: "a.csv", Size: contract.UploadPutBytesMax, SHA256: strings.Repeat("a", 64)})
	if err != nil || one.URL == "" || len(one.Parts) > 0 {
		t.Errorf("the largest file of one address: %+v, %v", one, err)
	}
	asked, err := uploads.Create(t.Context(), csvfile.Request{FileName: "a.csv", Size: shelfPartBytes + 1, InParts: true})
	if err != nil || len(asked.Parts) != 2 || asked.URL != "" {
		t.Errorf("a small file that is asked for in parts: %+v, %v", asked, err)
	}
	_, err = uploads.Create(t.Context(), csvfile.Request{FileName: "a.csv", Size: 1, InParts: true, SHA256: strings.Repeat("a", 64)})
	wantRefusal(t, err, "sha256", nil)
}

// S3 takes 10,000 parts of 5 MiB to 5 GiB.
func TestParts_KeepTheLimitsOfS3(t *testing.T) {
	const all = contract.UploadPartsMax * contract.UploadPartBytes
	if contract.UploadPartBytes < 5<<20 || contract.UploadPartBytes > 5<<30 || contract.UploadPartsMax > 10_000 || all < contract.UploadBytesMax {
		t.Errorf("%d parts of %d bytes", contract.UploadPartsMax, contract.UploadPartBytes)
	}
}

func TestCreate_LeavesNoUnfinishedFileWhereTheRowCannotBeWritten(t *testing.T) {
	s, uploads := newShelf()
	s.createErr = busyShelf
	_, err := uploads.Create(t.Context(), csvfile.Request{FileName: "a.csv", Size: contract.UploadPutBytesMax + 1})
	if fault.KindOf(err) != fault.Unavailable || s.begun != "" {
		t.Errorf("error %v, begun %q", err, s.begun)
	}
}

func TestSignParts_SignsLateAndAgain(t *testing.T) {
	s, uploads, ticket := large(t)
	id := ticket.Upload.ID
	s.now = epoch.Add(contract.UploadPartsLifetime - 1)
	parts, expiresAt, err := uploads.SignParts(t.Context(), id, []int{3, 1})
	if err != nil || len(parts) != 2 || parts[0].Number != 3 || parts[0].URL != ticket.Parts[2].URL || parts[1].Number != 1 ||
		!expiresAt.Equal(s.now.Add(15*time.Minute)) {
		t.Errorf("parts %+v until %v, %v", parts, expiresAt, err)
	}
	for fields, numbers := range map[string][]int{
		"numbers": {}, "numbers[1]": {1, 4}, "numbers[0]": {0}, "numbers[2]": {2, 1, 2}, "numbers[0] numbers[1]": {-1, 1 << 40},
	} {
		_, _, err := uploads.SignParts(t.Context(), id, numbers)
		if got := fieldsOf(err); got != fields {
			t.Errorf("%v: fields %q, want %q: %v", numbers, got, fields, err)
		}
	}
	if _, _, err := uploads.SignParts(t.Context(), id, slices.Repeat([]int{1}, contract.UploadPartsSignedMax+1)); fieldsOf(err) != "numbers" {
		t.Errorf("too many: %v", err)
	}
	s.now = epoch.Add(contract.UploadPartsLifetime)
	wantConflict(t, sign(uploads, id), "did not come within 24 hours")
	if u, _, err := uploads.Get(t.Context(), id); err != nil || u.Status != csvfile.Expired || !u.UpdatedAt.Equal(s.now) {
		t.Errorf("abandoned: %+v, %v", u, err)
	}
	wantConflict(t, complete(uploads, id, allParts), "did not come within 24 hours")
	s.rows[0].Status = csvfile.Processing
	wantConflict(t, sign(uploads, id), "is complete")
	s.rows[0].Parts = csvfile.Parts{}
	wantConflict(t, sign(uploads, id), "goes to one address")
	if err := sign(uploads, uuid.NewString()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no upload: %v", err)
	}
	if err := sign(uploads, "../x"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no id: %v", err)
	}
}

func TestCompleteParts_JoinsThemInTheirOrderAndOnce(t *testing.T) {
	s, uploads, ticket := large(t)
	id := ticket.Upload.ID
	for n := range 3 { // again after an answer that was lost, and once it is worked on
		if err := complete(uploads, id, allParts); err != nil {
			t.Fatalf("time %d: %v", n, err)
		}
		if got := string(s.objects[csvfile.UploadKey(id)]); got != "one+two+three" {
			t.Errorf("joined %q", got)
		}
		if n == 1 {
			s.rows[0].Status = csvfile.Processing
		}
	}
}

func TestCompleteParts_NamesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		sent   []csvfile.SentPart
		change func(s *shelf)
		fields string
		says   string
	}{
		"missing":      {sent: []csvfile.SentPart{{Number: 1, ETag: "one"}, {Number: 3, ETag: "three"}}, fields: "parts", says: "part 2 is missing"},
		"none":         {fields: "parts", says: "part 1 is missing"},
		"repeated":     {sent: []csvfile.SentPart{{Number: 1, ETag: "one"}, {Number: 2, ETag: "two"}, {Number: 2, ETag: "two"}, {Number: 3, ETag: "three"}}, fields: "parts[2].number", says: "part 2 again"},
		"out of range": {sent: []csvfile.SentPart{{Number: 1, ETag: "one"}, {Number: 2, ETag: "two"}, {Number: 3, ETag: "three"}, {Number: 4, ETag: "four"}}, fields: "parts[3].number", says: "1 to 3"},
		"no etag":      {sent: []csvfile.SentPart{{Number: 1, ETag: "one"}, {Number: 2, ETag: `""`}, {Number: 3, ETag: "three"}}, fields: "parts[1].etag", says: "must be the ETag"},
		"no text":      {sent: []csvfile.SentPart{{Number: 1, ETag: "one two"}}, fields: "parts[0].etag", says: "letters, digits"},
		"long etag":    {sent: []csvfile.SentPart{{Number: 1, ETag: strings.Repeat("e", 65)}}, fields: "parts[0].etag", says: "at most 64 characters"},
		"wrong etag":   {sent: []csvfile.SentPart{{Number: 2, ETag: "two"}, {Number: 1, ETag: "one"}, {Number: 3, ETag: "3"}}, fields: "parts[2].etag", says: "part 3"},
		"not arrived":  {sent: allParts, change: func(s *shelf) { delete(s.arrived, 1) }, fields: "parts[1].number", says: "part 1 has not arrived"},
		"another size": {
			sent: allParts, change: func(s *shelf) { s.arrived[3] = csvfile.Object{Size: 7, ETag: "three"} },
			fields: "parts[0].number", says: "part 3 has 7 bytes and must have 1073741825",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, uploads, ticket := large(t)
			if c.change != nil {
				c.change(s)
			}
			err := complete(uploads, ticket.Upload.ID, c.sent)
			if fault.KindOf(err) != fault.Invalid || fieldsOf(err) != c.fields || !strings.Contains(err.Error(), c.says) || len(s.objects) > 0 {
				t.Errorf("fields %q, %v", fieldsOf(err), err)
			}
		})
	}
}

func TestCompleteParts_TellsThatPartsHaveGoneOrChanged(t *testing.T) {
	s, uploads, ticket := large(t)
	s.joinErr = &fault.Error{Kind: fault.Conflict, Message: "changed"}
	wantConflict(t, complete(uploads, ticket.Upload.ID, allParts), "sent again meanwhile")
	s, uploads, ticket = large(t)
	s.begun = ""
	wantConflict(t, complete(uploads, ticket.Upload.ID, allParts), "are there no more")
}

func sign(uploads *csvfile.Uploads, id string) error {
	_, _, err := uploads.SignParts(context.Background(), id, []int{1})
	return err
}

func complete(uploads *csvfile.Uploads, id string, sent []csvfile.SentPart) error {
	_, err := uploads.CompleteParts(context.Background(), id, sent)
	return err
}

func wantConflict(t *testing.T, err error, says string) {
	t.Helper()
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, want a conflict that says %q", err, says)
	}
}

func fieldsOf(err error) string {
	var known *fault.Error
	if !errors.As(err, &known) {
		return ""
	}
	names := make([]string, len(known.Fields))
	for i, f := range known.Fields {
		names[i] = f.Field
	}
	return strings.Join(names, " ")
}
