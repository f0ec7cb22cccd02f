package csvfile

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

// Names of a request's fields, in JSON and in messages.
const (
	fieldFileName = contract.AttrFileName
	fieldSize     = "size"
	fieldSHA256   = "sha256"
)

// endTimeout bounds ending an upload whose file could not be stored; the client may have left by then.
const endTimeout = 5 * time.Second

// Uploads begins uploads and reports their state. It is safe for concurrent use.
type Uploads struct {
	table   UploadTable
	bucket  UploadBucket
	now     func() time.Time
	options UploadsOptions
}

// UploadsOptions adjust an Uploads. The zero value of a field selects its default.
type UploadsOptions struct {
	// PutBytesMax is the size of the largest file that goes to one address; larger ones are sent in parts. Default:
	// contract.UploadPutBytesMax.
	PutBytesMax int64
	// PartBytes is the size of the parts, which S3 wants to be 5 MiB at least. Default: contract.UploadPartBytes.
	PartBytes int64
}

// NewUploads returns an Uploads. All arguments but the options are required.
func NewUploads(table UploadTable, bucket UploadBucket, now func() time.Time, options UploadsOptions) *Uploads {
	options.PutBytesMax = cmp.Or(options.PutBytesMax, contract.UploadPutBytesMax)
	options.PartBytes = cmp.Or(options.PartBytes, contract.UploadPartBytes)
	return &Uploads{table: table, bucket: bucket, now: now, options: options}
}

// Create begins an upload and returns the address that takes its file, or those of the first parts of a large one, or of one that is
// asked for in parts. The error is of kind fault.Invalid, with ErrNotCSV or ErrTooLarge in its chain where that is the reason, or
// fault.Unavailable.
func (s *Uploads) Create(ctx context.Context, r Request) (Ticket, error) {
	inParts := r.InParts || r.Size > s.options.PutBytesMax
	digest, err := r.check(inParts)
	if err != nil {
		return Ticket{}, err
	}
	if inParts {
		return s.createInParts(ctx, r)
	}
	// The row comes first: an object without a row would belong to no upload.
	u, err := s.begin(ctx, r.FileName, r.Size, r.Format)
	if err != nil {
		return Ticket{}, err
	}
	url, headers, err := s.bucket.PresignPut(ctx, UploadKey(u.ID), PutTerms{
		Size: r.Size, ContentType: contentType(r.FileName), SHA256: digest, Lifetime: contract.UploadURLLifetime,
	})
	if err != nil {
		err = fmt.Errorf("sign the address of upload %s: %w", u.ID, err)
		return Ticket{}, errors.Join(err, s.fail(ctx, u.ID, Failure{Reason: "no upload address could be made; try again"}))
	}
	return Ticket{
		Upload: u, Method: "PUT", URL: url, Headers: headers, ExpiresAt: u.CreatedAt.Add(contract.UploadURLLifetime),
	}, nil
}

// Store begins an upload of a format and takes its file, at most contract.SmallUploadBytesMax, from body. Errors are those of Create,
// and that of reading body.
func (s *Uploads) Store(ctx context.Context, fileName string, format Format, body io.Reader) (Upload, error) {
	if faults := append(checkFileName(fileName), format.Faults()...); len(faults) > 0 {
		return Upload{}, invalid(faults)
	}
	if !IsCSV(fileName) {
		return Upload{}, notCSV()
	}
	u, err := s.begin(ctx, fileName, 0, format)
	if err != nil {
		return Upload{}, err
	}
	file := &smallFile{reader: body}
	if err := s.bucket.Put(ctx, UploadKey(u.ID), file); err != nil {
		err = fmt.Errorf("store the file of upload %s: %w", u.ID, err)
		return Upload{}, errors.Join(err, s.fail(ctx, u.ID, Failure{Reason: file.reason(), Bytes: file.bytes}))
	}
	u.Bytes = file.bytes
	return u, nil
}

func (s *Uploads) newUpload(fileName string, bytes int64, format Format) (Upload, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return Upload{}, fmt.Errorf("make an upload id: %w", err)
	}
	now := s.now().UTC()
	return Upload{
		ID: id.String(), FileName: fileName, Status: AwaitingUpload, Bytes: bytes, Format: format.plain(), CreatedAt: now, UpdatedAt: now,
	}, nil
}

func (s *Uploads) begin(ctx context.Context, fileName string, bytes int64, format Format) (Upload, error) {
	u, err := s.newUpload(fileName, bytes, format)
	if err != nil {
		return Upload{}, err
	}
	if err := s.table.CreateUpload(ctx, u); err != nil {
		return Upload{}, fmt.Errorf("create upload %s: %w", u.ID, err)
	}
	return u, nil
}

// fail ends an upload whose file will not come. Where that fails as well, it goes on awaiting a file until it expires.
func (s *Uploads) fail(ctx context.Context, id string, f Failure) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	f.At = s.now().UTC()
	if err := s.table.FailUpload(ctx, id, f); err != nil {
		return fmt.Errorf("end upload %s: %w", id, err)
	}
	return nil
}

// Get returns an upload and, where rows of it were rejected, a fresh address of those. The error is of kind
// fault.NotFound where there is no such upload.
func (s *Uploads) Get(ctx context.Context, id string) (u Upload, rejectsURL string, err error) {
	if u, err = s.read(ctx, id); err != nil {
		return Upload{}, "", err
	}
	if u.Status != CompletedWithRejects {
		return u, "", nil // only then is the file of rejected rows whole
	}
	rejectsURL, err = s.bucket.PresignGet(ctx, RejectsKey(id), rejectsName(u.FileName), contract.UploadURLLifetime)
	if err != nil {
		return Upload{}, "", fmt.Errorf("sign the address of the rejects of upload %s: %w", id, err)
	}
	return u, rejectsURL, nil
}

// seen is an upload as it is told: where the time for its file has passed without one, it has expired. Nothing is written for that:
// a file that was on its way in time may still arrive, and is then worked on as any other.
func (s *Uploads) seen(u Upload) Upload {
	ended := u.fileDeadline()
	if u.Status == AwaitingUpload && !s.now().Before(ended) {
		u.Status, u.UpdatedAt = Expired, ended
	}
	if u.Plan.Unpacked > 0 { // both are at most contract.CSVUnpackedBytesMax
		u.BytesProcessed = u.Bytes * u.BytesProcessed / u.Plan.Unpacked
	}
	return u
}

// rejectsName is the file name under which the rejected rows of a file are downloaded. It ends as a text's does, so that opening
// it starts no spreadsheet: the rows are what somebody sent, and a spreadsheet runs cells that begin with "=".
func rejectsName(fileName string) string {
	name := strings.NewReplacer("/", "_", `\`, "_").Replace(fileName)
	suffix := contract.CSVKeySuffix
	if isPacked(name) {
		suffix = contract.CSVPackedSuffix
	}
	return name[:len(name)-len(suffix)] + "-rejects" + contract.CSVKeySuffix + ".txt"
}

// List returns at most limit uploads after a place in the list, newest first, and whether there are more.
func (s *Uploads) List(ctx context.Context, after Position, limit int) (us []Upload, more bool, err error) {
	us, more, err = s.table.ListUploads(ctx, after, limit)
	if err != nil {
		return nil, false, fmt.Errorf("list uploads: %w", err)
	}
	for i := range us {
		us[i] = s.seen(us[i])
	}
	return us, more, nil
}

// check judges a request and returns its digest, empty where there is none.
func (r Request) check(inParts bool) (digest []byte, err error) {
	faults := checkFileName(r.FileName)
	if r.Size < 1 {
		faults = append(faults, fault.FieldError{Field: fieldSize, Reason: "must be at least 1: an empty file holds no readings"})
	}
	if r.SHA256 != "" {
		if digest, err = parseDigest(r.SHA256); err != nil {
			faults = append(faults, fault.FieldError{Field: fieldSHA256, Reason: err.Error()})
		}
	}
	if inParts && r.SHA256 != "" {
		faults = append(faults, fault.FieldError{Field: fieldSHA256, Reason: "is not taken for a file that is sent in parts; S3 checks each part by itself"})
	}
	faults = append(faults, r.Format.Faults()...)
	switch {
	case len(faults) > 0:
		return nil, invalid(faults)
	case !IsCSV(r.FileName):
		return nil, notCSV()
	case isPacked(r.FileName) && r.Size > contract.CSVUnpackedBytesMax:
		return nil, fileTooLarge("a compressed file", contract.CSVUnpackedBytesMax)
	case r.Size > contract.UploadBytesMax:
		return nil, fileTooLarge("a file", contract.UploadBytesMax)
	}
	return digest, nil
}

func fileTooLarge(what string, bytesMax int64) error {
	return &fault.Error{
		Kind: fault.Invalid, Message: fmt.Sprintf("%s must be at most %d GiB (%d bytes); split it and send the parts", what, bytesMax>>30, bytesMax),
		Fields: []fault.FieldError{{Field: fieldSize, Reason: fmt.Sprintf("must be at most %d", bytesMax)}}, Cause: ErrTooLarge,
	}
}

func checkFileName(name string) []fault.FieldError {
	var reason string
	switch {
	case name == "":
		reason = "must not be empty"
	case !utf8.ValidString(name):
		reason = "must be UTF-8"
	case utf8.RuneCountInString(name) > contract.FileNameCharsMax:
		reason = fmt.Sprintf("must have at most %d characters", contract.FileNameCharsMax)
	case strings.ContainsFunc(name, unicode.IsControl):
		reason = "must not hold control characters"
	default:
		return nil
	}
	return []fault.FieldError{{Field: fieldFileName, Reason: reason}}
}

// IsCSV tells whether a file of this name is taken. It looks only at the end of the name, in upper or lower case. A media type says
// nothing certain: senders' systems choose it.
func IsCSV(name string) bool { return hasSuffixFold(name, contract.CSVKeySuffix) || isPacked(name) }

// Suffixes says with what the names end that IsCSV takes.
const Suffixes = contract.CSVKeySuffix + " or " + contract.CSVPackedSuffix

func contentType(name string) string {
	if isPacked(name) {
		return contract.PackedContentType
	}
	return contract.UploadContentType
}

var errDigest = errors.New("must be a SHA-256, 64 hexadecimal digits or the Base64 of its 32 bytes")

func parseDigest(text string) ([]byte, error) {
	const digestBytes = 32
	digest, err := hex.DecodeString(text)
	if len(text) != hex.EncodedLen(digestBytes) {
		digest, err = base64.StdEncoding.Strict().DecodeString(text)
	}
	if err != nil || len(digest) != digestBytes {
		return nil, errDigest
	}
	return digest, nil
}

func invalid(faults []fault.FieldError) error {
	texts := make([]string, len(faults))
	for i, f := range faults {
		texts[i] = f.Error()
	}
	return &fault.Error{Kind: fault.Invalid, Fields: faults, Cause: errors.New(strings.Join(texts, "; "))}
}

func notCSV() error {
	return &fault.Error{
		Kind: fault.Invalid, Message: "only CSV files are allowed",
		Fields: []fault.FieldError{{Field: fieldFileName, Reason: "must end in " + Suffixes}}, Cause: ErrNotCSV,
	}
}

// smallFile is a file on its way through the service. It ends with an error instead of growing beyond the limit, so that
// nothing of it is stored.
type smallFile struct {
	reader io.Reader
	bytes  int64
	err    error // why reading ended, other than at the end of the file
}

// Read implements io.Reader.
func (f *smallFile) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.reader.Read(p)
	f.bytes += int64(n)
	switch {
	case f.bytes > contract.SmallUploadBytesMax:
		f.err = &fault.Error{Kind: fault.Invalid, Message: tooLargeMessage, Cause: ErrTooLarge}
		return 0, f.err
	case err == io.EOF: // not one that wraps it: that comes from a body that was cut short
		return n, io.EOF
	case err != nil:
		f.err = err
	}
	return n, err
}

var tooLargeMessage = fmt.Sprintf("a file sent in a form must be at most %d MiB; ask for an upload address for a larger one", contract.SmallUploadBytesMax>>20)

// reason tells the client why the file was not stored.
func (f *smallFile) reason() string {
	switch {
	case errors.Is(f.err, ErrTooLarge):
		return tooLargeMessage
	case f.err != nil:
		return "the file did not arrive whole; send it again"
	default:
		return "the file could not be stored; send it again"
	}
}
