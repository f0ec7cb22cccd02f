package csvfile

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

// PartBucket keeps files that are sent in parts. Until a file is joined, it is named by its key and by what BeginParts returned. The
// errors of calls that name a file so are of kind fault.NotFound where it is joined, given up, or was never begun.
type PartBucket interface {
	// BeginParts begins a file.
	BeginParts(ctx context.Context, key, contentType string) (name string, err error)
	// PresignPart returns an address that takes exactly so many bytes as the part of a number, and the headers that must go with it.
	// A part that is sent again takes the place of the earlier one.
	PresignPart(ctx context.Context, key, name string, number int, size int64, lifetime time.Duration) (url string, headers map[string]string, err error)
	// Parts describes the parts that have arrived, by number.
	Parts(ctx context.Context, key, name string) (map[int]Object, error)
	// JoinParts makes the file of parts, whose ETags are in their order. The error is of kind fault.Conflict where one of them has
	// changed.
	JoinParts(ctx context.Context, key, name string, etags []string) error
	// AbandonParts gives the file up, with the parts that have arrived.
	AbandonParts(ctx context.Context, key, name string) error
	// Holds tells whether there is an object.
	Holds(ctx context.Context, key string) (bool, error)
}

// Parts is how a file is sent that is too large for one address. The zero value says that it has one address.
type Parts struct {
	// Name names the unfinished file together with its key.
	Name string
	// Bytes is the size of each part but the last one.
	Bytes int64
}

// PartAddress takes one part of a file.
type PartAddress struct {
	Number  int // from 1
	URL     string
	Headers map[string]string // to be sent exactly so
}

// SentPart is a part as its client says that it sent it.
type SentPart struct {
	Number int
	ETag   string // with quotes around it or without, as the bucket answered
}

// Names of fields in requests about parts.
const (
	fieldNumbers = "numbers"
	fieldParts   = "parts"
)

// partETag is what a client may say to be an ETag. None of its characters grows in JSON, but for the quotes.
var partETag = regexp.MustCompile(`^"?[0-9A-Za-z+/=_-]+"?$`)

// partCount is how many parts the file of an upload has.
func (u Upload) partCount() int { return int((u.Bytes + u.Parts.Bytes - 1) / u.Parts.Bytes) }

// partSize is the size of a part, of which the last one may be smaller.
func (u Upload) partSize(number int) int64 {
	return min(u.Parts.Bytes, u.Bytes-int64(number-1)*u.Parts.Bytes)
}

// fileDeadline is until when the file of an upload may come.
func (u Upload) fileDeadline() time.Time {
	if u.Parts != (Parts{}) {
		return u.CreatedAt.Add(contract.UploadPartsLifetime)
	}
	return u.CreatedAt.Add(contract.UploadURLLifetime)
}

// createInParts begins an upload whose file is sent in parts, and returns the first of their addresses.
func (s *Uploads) createInParts(ctx context.Context, r Request) (Ticket, error) {
	u, err := s.newUpload(r.FileName, r.Size, r.Format)
	if err != nil {
		return Ticket{}, err
	}
	u.Parts.Bytes = s.options.PartBytes
	if u.Parts.Name, err = s.bucket.BeginParts(ctx, UploadKey(u.ID), contentType(r.FileName)); err != nil {
		return Ticket{}, fmt.Errorf("begin the file of upload %s: %w", u.ID, err)
	}
	// The row comes second: it names what was begun. No part can have been sent by then.
	if err := s.table.CreateUpload(ctx, u); err != nil {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
		defer cancel()
		return Ticket{}, errors.Join(fmt.Errorf("create upload %s: %w", u.ID, err), s.bucket.AbandonParts(late, UploadKey(u.ID), u.Parts.Name))
	}
	numbers := make([]int, min(u.partCount(), contract.UploadPartsFirst))
	for i := range numbers {
		numbers[i] = i + 1
	}
	t := Ticket{Upload: u, ExpiresAt: s.now().UTC().Add(contract.UploadURLLifetime)}
	t.Parts, err = s.signParts(ctx, u, numbers)
	return t, err
}

// SignParts returns addresses of parts of an upload's file, also of those that had one, or were sent. They work until expiresAt. The
// error is of kind fault.NotFound where there is no such upload, fault.Invalid where a number is none of its parts', and fault.Conflict
// where the upload takes no parts, or no more.
func (s *Uploads) SignParts(ctx context.Context, id string, numbers []int) (parts []PartAddress, expiresAt time.Time, err error) {
	u, err := s.inParts(ctx, id)
	if err != nil {
		return nil, time.Time{}, err
	}
	if u.Status != AwaitingUpload {
		return nil, time.Time{}, takesNoMore(u)
	}
	if faults := checkNumbers(numbers, u.partCount()); len(faults) > 0 {
		return nil, time.Time{}, invalid(faults)
	}
	expiresAt = s.now().UTC().Add(contract.UploadURLLifetime)
	parts, err = s.signParts(ctx, u, numbers)
	return parts, expiresAt, err
}

func (s *Uploads) signParts(ctx context.Context, u Upload, numbers []int) ([]PartAddress, error) {
	parts := make([]PartAddress, 0, len(numbers))
	for _, number := range numbers {
		url, headers, err := s.bucket.PresignPart(ctx, UploadKey(u.ID), u.Parts.Name, number, u.partSize(number), contract.UploadURLLifetime)
		if err != nil {
			return nil, fmt.Errorf("sign the address of part %d of upload %s: %w", number, u.ID, err)
		}
		parts = append(parts, PartAddress{number, url, headers})
	}
	return parts, nil
}

// inParts reads an upload whose file is sent in parts.
func (s *Uploads) inParts(ctx context.Context, id string) (Upload, error) {
	u, err := s.read(ctx, id)
	if err != nil {
		return Upload{}, err
	}
	if u.Parts == (Parts{}) {
		return Upload{}, &fault.Error{Kind: fault.Conflict, Message: "the file of this upload goes to one address and not in parts"}
	}
	return u, nil
}

func takesNoMore(u Upload) error {
	message := "the file of this upload is complete"
	if u.Status == Expired {
		message = fmt.Sprintf("the file of this upload did not come within %d hours; begin another upload", contract.UploadPartsLifetime/time.Hour)
	}
	return &fault.Error{Kind: fault.Conflict, Message: message}
}

func checkNumbers(numbers []int, count int) (faults []fault.FieldError) {
	if len(numbers) < 1 || len(numbers) > contract.UploadPartsSignedMax {
		return []fault.FieldError{{Field: fieldNumbers, Reason: fmt.Sprintf("must be 1 to %d numbers", contract.UploadPartsSignedMax)}}
	}
	seen := map[int]bool{}
	for i, number := range numbers {
		if reason := checkNumber(number, count, seen); reason != "" {
			faults = append(faults, fault.FieldError{Field: fmt.Sprintf("%s[%d]", fieldNumbers, i), Reason: reason})
		}
	}
	return faults
}

// checkNumber judges a part's number and adds it to those seen.
func checkNumber(number, count int, seen map[int]bool) (reason string) {
	switch {
	case number < 1 || number > count:
		return fmt.Sprintf("must be 1 to %d", count)
	case seen[number]:
		return fmt.Sprintf("must not name part %d again", number)
	}
	seen[number] = true
	return ""
}

// CompleteParts makes the file of an upload out of its parts, whose sizes and ETags must be those that the bucket has. It does nothing
// where that is done. It returns the upload as it is then. The error is of kind fault.NotFound where there is no such upload,
// fault.Invalid where a part is wrong, missing or named twice, and fault.Conflict where the upload takes no parts, or no more.
func (s *Uploads) CompleteParts(ctx context.Context, id string, sent []SentPart) (Upload, error) {
	u, err := s.inParts(ctx, id)
	if err != nil {
		return Upload{}, err
	}
	etags, faults := checkParts(sent, u.partCount())
	switch {
	case len(faults) > 0:
		return Upload{}, invalid(faults)
	case u.Status == Expired:
		return Upload{}, takesNoMore(u)
	case u.Status != AwaitingUpload:
		return u, nil
	}
	if err := s.join(ctx, u, sent, etags); fault.KindOf(err) == fault.NotFound {
		return u, s.joinedBefore(ctx, u)
	} else if err != nil {
		return Upload{}, fmt.Errorf("complete upload %s: %w", id, err)
	}
	return u, nil
}

// join compares what was sent with what has arrived, and makes the file.
func (s *Uploads) join(ctx context.Context, u Upload, sent []SentPart, etags []string) error {
	arrived, err := s.bucket.Parts(ctx, UploadKey(u.ID), u.Parts.Name)
	if err != nil {
		return fmt.Errorf("list the parts: %w", err)
	}
	if faults := compareParts(u, sent, arrived); len(faults) > 0 {
		return invalid(faults)
	}
	err = s.bucket.JoinParts(ctx, UploadKey(u.ID), u.Parts.Name, etags)
	if fault.KindOf(err) == fault.Conflict {
		return &fault.Error{Kind: fault.Conflict, Message: "a part was sent again meanwhile; try again", Cause: err}
	}
	if err != nil {
		return fmt.Errorf("join the parts: %w", err)
	}
	return nil
}

// joinedBefore tells why there is no unfinished file: an earlier call may have finished it, whose answer was lost.
func (s *Uploads) joinedBefore(ctx context.Context, u Upload) error {
	there, err := s.bucket.Holds(ctx, UploadKey(u.ID))
	switch {
	case err != nil:
		return fmt.Errorf("look for the file of upload %s: %w", u.ID, err)
	case !there:
		return &fault.Error{Kind: fault.Conflict, Message: "the parts of this upload are there no more; begin another upload"}
	}
	return nil
}

// checkParts judges the list of parts, and returns the ETags in the order of the parts.
func checkParts(sent []SentPart, count int) (etags []string, faults []fault.FieldError) {
	etags = make([]string, count)
	seen := map[int]bool{}
	for i, part := range sent {
		if reason := checkNumber(part.Number, count, seen); reason != "" {
			faults = append(faults, partFault(i, "number", reason))
			continue
		}
		etags[part.Number-1] = plainETag(part.ETag)
		switch {
		case utf8.RuneCountInString(part.ETag) > contract.PartETagCharsMax:
			faults = append(faults, partFault(i, "etag", fmt.Sprintf("must have at most %d characters", contract.PartETagCharsMax)))
		case !partETag.MatchString(part.ETag):
			faults = append(faults, partFault(i, "etag", "must be the ETag that answered the part's PUT: letters, digits and + / = _ -"))
		}
	}
	for number := 1; number <= count && len(faults) == 0; number++ {
		if !seen[number] {
			faults = append(faults, fault.FieldError{Field: fieldParts, Reason: fmt.Sprintf("must name each part from 1 to %d; part %d is missing", count, number)})
		}
	}
	return etags, cutFaults(faults)
}

// compareParts holds what was sent against what has arrived.
func compareParts(u Upload, sent []SentPart, arrived map[int]Object) (faults []fault.FieldError) {
	for i, part := range sent {
		got, found := arrived[part.Number]
		switch want := u.partSize(part.Number); {
		case !found:
			faults = append(faults, partFault(i, "number", fmt.Sprintf("part %d has not arrived; send it", part.Number)))
		case got.Size != want:
			faults = append(faults, partFault(i, "number", fmt.Sprintf("part %d has %d bytes and must have %d; send it again", part.Number, got.Size, want)))
		case plainETag(got.ETag) != plainETag(part.ETag):
			faults = append(faults, partFault(i, "etag", fmt.Sprintf("is not that of the part %d that arrived; send it again, or name its ETag", part.Number)))
		}
	}
	return cutFaults(faults)
}

func partFault(i int, field, reason string) fault.FieldError {
	return fault.FieldError{Field: fmt.Sprintf("%s[%d].%s", fieldParts, i, field), Reason: reason}
}

// cutFaults keeps an answer small.
func cutFaults(faults []fault.FieldError) []fault.FieldError {
	const toldMax = 100
	return faults[:min(len(faults), toldMax)]
}

func plainETag(etag string) string { return strings.Trim(strings.TrimSpace(etag), `"`) }

// read returns an upload as it is told.
func (s *Uploads) read(ctx context.Context, id string) (Upload, error) {
	if parsed, err := uuid.Parse(id); err != nil || parsed.String() != id {
		return Upload{}, &fault.Error{Kind: fault.NotFound, Message: "there is no such upload"}
	}
	u, err := s.table.ReadUpload(ctx, id)
	if err != nil {
		return Upload{}, fmt.Errorf("read upload %s: %w", id, err)
	}
	return s.seen(u), nil
}
