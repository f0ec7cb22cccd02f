package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/deletion"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/ingesttest"
)

// table is a table of readings in memory: what the real ingest code writes to and GET /sensor-data reads from. While err is set,
// it fails with that.
type table struct {
	ingesttest.Table
	mu  sync.Mutex
	err error
	// examined bounds the rows that a page looks at, where it is not 0.
	examined int
	// wants is the room that each page asks for, and granted what it was told.
	wants   []int
	granted []bool
}

func (t *table) failure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

func (t *table) Try(ctx context.Context, attempts []ingest.Attempt) []ingest.Outcome {
	err := t.failure()
	if err == nil {
		return t.Table.Try(ctx, attempts)
	}
	one := ingest.Outcome{Result: ingest.Impossible, Err: err}
	if fault.KindOf(err) == fault.Unavailable {
		one.Result = ingest.Busy
	}
	return slices.Repeat([]ingest.Outcome{one}, len(attempts))
}

func (t *table) Page(
	_ context.Context, id reading.EquipmentID, from, to time.Time, limit int, room func(items int) bool,
) (rs []reading.Stored, next time.Time, err error) {
	if err := t.failure(); err != nil {
		return nil, time.Time{}, err
	}
	for _, items := range t.wants {
		t.granted = append(t.granted, room(items))
	}
	var rows []reading.Write
	for _, row := range t.Rows() {
		if row.EquipmentID == id && !row.Timestamp.Before(from) && (to.IsZero() || row.Timestamp.Before(to)) {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b reading.Write) int { return b.Timestamp.Compare(a.Timestamp) })
	for n, row := range rows {
		if len(rs) == limit || t.examined > 0 && n == t.examined {
			return rs, rows[n-1].Timestamp, nil
		}
		registered, err := row.Version.Time()
		if err != nil {
			return nil, time.Time{}, err
		}
		if !row.Deleted {
			rs = append(rs, reading.Stored{Reading: row.Reading, RegisterTime: registered})
		}
	}
	return rs, time.Time{}, nil
}

func (t *table) values() map[string]string {
	values := map[string]string{}
	for key := range t.Rows() {
		values[string(key.EquipmentID)+" "+key.Timestamp] = t.Value(key)
	}
	return values
}

// deletions records what it is asked, as text, and answers what it is told to.
type deletions struct {
	asked  []string
	answer deletion.Answer
	known  map[string]deletion.Deletion
	err    error
}

func (d *deletions) Delete(_ context.Context, r deletion.Range, version reading.Version) (deletion.Answer, error) {
	d.asked = append(d.asked, fmt.Sprintf("%s from %s to %s at %s", r.EquipmentID, r.From.Format(time.RFC3339Nano), r.To.Format(time.RFC3339Nano), version))
	return d.answer, d.err
}

func (d *deletions) DeleteOne(_ context.Context, id reading.EquipmentID, at time.Time, version reading.Version) (deletion.Answer, error) {
	d.asked = append(d.asked, fmt.Sprintf("%s %s at %s", id, at.Format(time.RFC3339Nano), version))
	return d.answer, d.err
}

func (d *deletions) Get(_ context.Context, id string) (deletion.Deletion, error) {
	if d.err != nil {
		return deletion.Deletion{}, d.err
	}
	found, ok := d.known[id]
	if !ok {
		return deletion.Deletion{}, &fault.Error{Kind: fault.NotFound, Message: "there is no such deletion"}
	}
	return found, nil
}

// uploads answers like package csvfile, whose own tests cover the real thing; here only the translation is of interest.
type uploads struct {
	mu      sync.Mutex
	asked   csvfile.Request
	sent    []csvfile.SentPart
	stored  map[string]string
	formats map[string]csvfile.Format // of what is stored
	known   map[string]csvfile.Upload
	after   csvfile.Position
	refusal error
}

func (u *uploads) Create(_ context.Context, r csvfile.Request) (csvfile.Ticket, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asked = r
	if u.refusal != nil {
		return csvfile.Ticket{}, u.refusal
	}
	if r.InParts || r.Size > contract.UploadPutBytesMax {
		return csvfile.Ticket{
			Upload: csvfile.Upload{ID: "upload-1", Parts: csvfile.Parts{Name: "n", Bytes: contract.UploadPartBytes}},
			Parts:  partAddresses(1, 2), ExpiresAt: testNow.Add(contract.UploadURLLifetime),
		}, nil
	}
	return csvfile.Ticket{
		Upload: csvfile.Upload{ID: "upload-1"}, Method: http.MethodPut, URL: "https://bucket.example/uploads/upload-1.csv?a=1&b=2",
		Headers: map[string]string{"Content-Type": contract.UploadContentType}, ExpiresAt: testNow.Add(contract.UploadURLLifetime),
	}, nil
}

func partAddresses(numbers ...int) (parts []csvfile.PartAddress) {
	for _, number := range numbers {
		address := fmt.Sprintf("https://bucket.example/uploads/upload-1.csv?partNumber=%d&b=2", number)
		parts = append(parts, csvfile.PartAddress{Number: number, URL: address, Headers: map[string]string{}})
	}
	return parts
}

func (u *uploads) SignParts(_ context.Context, id string, numbers []int) ([]csvfile.PartAddress, time.Time, error) {
	if u.refusal != nil {
		return nil, time.Time{}, u.refusal
	}
	if id != "upload-1" {
		return nil, time.Time{}, &fault.Error{Kind: fault.NotFound, Message: "there is no such upload"}
	}
	return partAddresses(numbers...), testNow.Add(contract.UploadURLLifetime), nil
}

func (u *uploads) CompleteParts(_ context.Context, id string, sent []csvfile.SentPart) (csvfile.Upload, error) {
	u.sent = sent
	return csvfile.Upload{
		ID: id, FileName: "a.csv", Status: csvfile.AwaitingUpload, Bytes: contract.UploadPutBytesMax + 1, CreatedAt: testNow, UpdatedAt: testNow,
	}, u.refusal
}

func (u *uploads) Store(_ context.Context, fileName string, format csvfile.Format, body io.Reader) (csvfile.Upload, error) {
	content, err := io.ReadAll(io.LimitReader(body, contract.SmallUploadBytesMax+1))
	if err != nil {
		return csvfile.Upload{}, err
	}
	if len(content) > contract.SmallUploadBytesMax {
		return csvfile.Upload{}, &fault.Error{Kind: fault.Invalid, Message: "the file must be at most 32 MiB", Cause: csvfile.ErrTooLarge}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stored[fileName], u.formats[fileName] = string(content), format
	return csvfile.Upload{ID: "upload-2", FileName: fileName}, nil
}

func (u *uploads) Get(_ context.Context, id string) (csvfile.Upload, string, error) {
	if u.refusal != nil {
		return csvfile.Upload{}, "", u.refusal
	}
	found, ok := u.known[id]
	if !ok {
		return csvfile.Upload{}, "", &fault.Error{Kind: fault.NotFound, Message: "there is no such upload"}
	}
	if found.RowsRejected > 0 {
		return found, "https://bucket.example/rejects/" + id + ".csv?x=1&y=2", nil
	}
	return found, "", nil
}

func (u *uploads) List(_ context.Context, after csvfile.Position, limit int) ([]csvfile.Upload, bool, error) {
	u.after = after
	if u.refusal != nil {
		return nil, false, u.refusal
	}
	var all []csvfile.Upload
	for _, one := range u.known {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b csvfile.Upload) int { return strings.Compare(b.ID, a.ID) })
	if len(all) > limit {
		return all[:limit], true, nil
	}
	return all, false, nil
}

// windows records what it is asked.
type windows struct {
	mu     sync.Mutex
	asked  aggregate.Query
	answer aggregate.Answer
	err    error
}

func (w *windows) Query(_ context.Context, q aggregate.Query) (aggregate.Answer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = q
	return w.answer, w.err
}

// authenticator knows the fixture's tokens and one person.
type authenticator struct {
	mu        sync.Mutex
	addresses []string
	loggedOut map[string]bool
	loginErr  error
	err       error
}

const (
	username = "ada"
	password = "pass:wörd:"
)

func (a *authenticator) Login(_ context.Context, user, pass, address string) (string, auth.Identity, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.addresses = append(a.addresses, address)
	if a.loginErr != nil {
		return "", auth.Identity{}, a.loginErr
	}
	if user != username || pass != password {
		return "", auth.Identity{}, auth.ErrWrongCredentials
	}
	return tokenPerson, auth.Identity{}, nil
}

func (a *authenticator) Authenticate(_ context.Context, token string) (auth.Identity, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return auth.Identity{}, a.err
	}
	id := auth.Identity{Subject: "sub-" + token, Username: token, ExpiresAt: testNow.Add(time.Hour)}
	switch {
	case a.loggedOut[token]:
		return auth.Identity{}, auth.ErrUnauthenticated
	case token == tokenPerson:
		id.Email, id.Groups, id.Person = "ada@example.com", []string{"operators"}, true
		id.Scopes = []string{contract.ScopeRead, contract.ScopeWrite}
	case token == tokenReader:
		id.Scopes = []string{contract.ScopeRead}
	case token == tokenWriter:
		id.Scopes = []string{contract.ScopeWrite}
	case token == tokenAdmin:
		id.Scopes = []string{contract.ScopeAdmin}
	default:
		return auth.Identity{}, auth.ErrUnauthenticated
	}
	return id, nil
}

func (a *authenticator) Logout(_ context.Context, token string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.loggedOut[token] = true
	return nil
}
