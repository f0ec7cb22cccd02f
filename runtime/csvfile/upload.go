package csvfile

import (
	"errors"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Status is how far an upload is (API contract, section CSV uploads).
type Status string

// The statuses of an upload. The last three are final. Expired is never stored: Uploads tells it of one that awaits a file in vain.
const (
	AwaitingUpload       Status = "awaiting-upload"
	Expired              Status = "expired"
	Processing           Status = "processing"
	Completed            Status = "completed"
	CompletedWithRejects Status = "completed-with-rejects"
	Failed               Status = "failed"
)

// Ended tells whether the status is final.
func (s Status) Ended() bool { return s == Completed || s == CompletedWithRejects || s == Failed }

// Upload is a CSV file on its way into the readings.
type Upload struct {
	ID       string // a UUID
	FileName string // as the client named it
	Status   Status
	Reason   string // why it failed, in one sentence for the client; empty otherwise
	// Bytes is the size of the file: as announced, and as found once processing has begun.
	Bytes int64
	// Format is how the file is written, as the client says. It never changes, so that all work on the file reads it alike.
	Format Format
	// Parts is how the file comes where it is too large for one address.
	Parts Parts
	// BytesProcessed, RowsAccepted and RowsRejected cover what is committed, also of ranges that are not done. The first counts bytes of
	// the text, which Uploads tells as the share of Bytes that they are.
	BytesProcessed, RowsAccepted, RowsRejected int64
	CreatedAt, UpdatedAt                       time.Time // UTC

	// Plan is how the file is worked on; its zero value until processing has begun.
	Plan Plan
	// RangesDone counts the ranges of which all is committed.
	RangesDone int
}

// Plan holds what all work on one file must agree on, also when a part of the work is repeated.
type Plan struct {
	// ETag names the content of the object. Content put there later is not what was planned.
	ETag string
	// Bytes is the size of the object.
	Bytes int64
	// Unpacked is the size of the text of a file that is compressed with gzip; 0 for other files.
	Unpacked int64
	// Ranges is how many byte ranges of contract.CSVRangeBytes the text has.
	Ranges int
	// Layout is what the header says.
	Layout Layout
	// At is when the plan was made, UTC: the moment by which the readings' timestamps are judged and that they are registered
	// with, so that repeating a range judges and writes the same.
	At time.Time
}

// text is the size of what the ranges cut.
func (p Plan) text() int64 {
	if p.Unpacked > 0 {
		return p.Unpacked
	}
	return p.Bytes
}

// Layout is where the rows are and what is where in them.
type Layout struct {
	// Columns are the positions of equipmentId, timestamp and value in a row.
	Columns Columns
	// Fields is how many fields a row has.
	Fields int
	// HeaderAt is the offset of the header's first byte. Rows begin behind it.
	HeaderAt int64
}

// Columns are positions in a row, counted from 0; that of the equipment is -1 where the file has no such column.
type Columns struct{ EquipmentID, Timestamp, Value int }

// Failure is how an upload fails.
type Failure struct {
	Reason string // in one sentence for the client
	// Bytes is the size of the file as far as it was found; 0 leaves what is known.
	Bytes int64
	At    time.Time
}

// Request asks for an upload address.
type Request struct {
	FileName string
	Size     int64 // bytes
	// SHA256 is the file's digest, 64 hexadecimal digits or the base64 of 32 bytes; empty where the client does not say.
	SHA256 string
	// InParts asks for parts also where one address would take the file: what a lost connection makes one send again is then a part
	// at most.
	InParts bool
	// Format is how the file is written.
	Format Format
}

// Ticket is an upload address and how to use it, or the addresses of the first parts of a file.
type Ticket struct {
	Upload      Upload
	Method, URL string
	Headers     map[string]string // to be sent exactly so
	Parts       []PartAddress     // in place of the three
	ExpiresAt   time.Time         // of the addresses
}

var (
	// ErrTooLarge means that a file is too large for the way in which it is sent.
	ErrTooLarge = errors.New("the file is too large")
	// ErrNotCSV means that a file's name ends neither in .csv nor in .csv.gz.
	ErrNotCSV = errors.New("the file is not a CSV file")
)

// UploadKey is the object key of an upload's file.
func UploadKey(id string) string { return contract.UploadKeyPrefix + id + contract.CSVKeySuffix }

// RejectsKey is the object key of an upload's rejected rows.
func RejectsKey(id string) string { return contract.RejectsKeyPrefix + id + contract.CSVKeySuffix }
