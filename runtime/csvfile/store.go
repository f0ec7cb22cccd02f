package csvfile

import (
	"context"
	"io"
	"time"
)

// UploadTable is what Uploads needs of the table of uploads. Errors of kind fault.Unavailable may pass.
type UploadTable interface {
	// CreateUpload stores a new upload. The error is of kind fault.Conflict where its id is taken.
	CreateUpload(ctx context.Context, u Upload) error
	// ReadUpload returns the upload as the last write left it; the error is of kind fault.NotFound where there is none.
	ReadUpload(ctx context.Context, id string) (Upload, error)
	// FailUpload ends an upload as failed, unless it has ended before.
	FailUpload(ctx context.Context, id string, f Failure) error
	// ListUploads returns at most limit uploads that come after a position, newest first, and whether there may be more.
	ListUploads(ctx context.Context, after Position, limit int) (us []Upload, more bool, err error)
}

// Position is a place in the list of uploads, which is ordered by creation, newest first, then by id. The zero value is its
// beginning.
type Position struct {
	CreatedAt time.Time
	ID        string
}

// WorkTable is what Processor needs of the table of uploads. Errors of kind fault.Unavailable may pass.
type WorkTable interface {
	// BeginUpload gives an upload that awaits its file the plan and the status Processing. In any other status it changes
	// nothing. It returns the upload as it then is; the error is of kind fault.NotFound where there is none.
	BeginUpload(ctx context.Context, id string, plan Plan) (Upload, error)
	// ReadUpload returns the upload as the last write left it; the error is of kind fault.NotFound where there is none.
	ReadUpload(ctx context.Context, id string) (Upload, error)
	// FailUpload ends an upload as failed, unless it has ended before.
	FailUpload(ctx context.Context, id string, f Failure) error
	// ReadRange returns what is committed of a range, the zero value where nothing is.
	ReadRange(ctx context.Context, r RangeID) (RangeResult, error)
	// CommitRange records to as the result of a range in place of from, and adds the difference to the upload, both or neither.
	// The error is of kind fault.Conflict where from is not what is committed, and nothing changes then; it may be this call's own
	// effect, where an earlier answer was lost. It is of kind fault.NotFound where there is no such upload, and fault.Unavailable
	// where another range of the upload is committed at the same moment. The last is usual. The table does not repeat the call,
	// so the caller must, with random pauses between the attempts.
	CommitRange(ctx context.Context, r RangeID, from, to RangeResult, at time.Time) error
	// RangeResults returns what is committed by range number, also of ranges that are not done.
	RangeResults(ctx context.Context, id string) (map[int]RangeResult, error)
	// FinishUpload sets the final status of an upload that is Processing and whose ranges are all done; otherwise nothing
	// changes.
	FinishUpload(ctx context.Context, id string, status Status, at time.Time) error
}

// RangeID names a range of an upload.
type RangeID struct {
	UploadID string
	Number   int // from 0
}

// RangeResult holds the counts of a range, or of its beginning where the work on it goes on.
type RangeResult struct {
	Bytes                      int64 // of the text from the beginning of the range, whose rows are counted here
	Left                       int64 // the bytes of the range that are still to do
	RowsAccepted, RowsRejected int64
	// Lines is how many lines begin in those bytes, to number the rejected rows behind them.
	Lines int64
	// Pieces are the parts of the range, in their order, that were committed one by one and hold rejected rows. There is none
	// where the range was committed at once.
	Pieces []Piece
}

// Done tells whether all of the range is committed.
func (r RangeResult) Done() bool { return r.Bytes > 0 && r.Left == 0 }

// Piece is a part of a range, in bytes from the range's beginning, the last one excluded.
type Piece struct{ From, To int64 }

// Object describes a stored file.
type Object struct {
	Size int64
	ETag string
}

// UploadBucket is what Uploads needs of the bucket.
type UploadBucket interface {
	PartBucket
	// PresignPut returns an address that takes exactly the described file once, and the headers that must go with it.
	PresignPut(ctx context.Context, key string, terms PutTerms) (url string, headers map[string]string, err error)
	// PresignGet returns an address from which the object can be downloaded under a file name, as plain text.
	PresignGet(ctx context.Context, key, fileName string, lifetime time.Duration) (url string, err error)
	// Put stores all of body, of any length, in constant memory; nothing is stored where reading body fails.
	Put(ctx context.Context, key string, body io.Reader) error
}

// PutTerms describe the one file that a presigned address takes.
type PutTerms struct {
	Size        int64
	ContentType string
	SHA256      []byte // 32 bytes, or empty for any content
	Lifetime    time.Duration
}

// WorkBucket is what Processor needs of the bucket.
type WorkBucket interface {
	// Stat describes the object; the error is of kind fault.NotFound where there is none.
	Stat(ctx context.Context, key string) (Object, error)
	// Open reads the bytes from first to last, both included, of the content that the ETag names. The error, also of a later
	// Read, is of kind fault.Conflict where the object has other content by now.
	Open(ctx context.Context, key, etag string, first, last int64) (io.ReadCloser, error)
	// Put stores all of body, of any length, in constant memory; nothing is stored where reading body fails.
	Put(ctx context.Context, key string, body io.Reader) error
	// Delete removes objects; those that are not there are no error.
	Delete(ctx context.Context, keys []string) error
}

// Queue takes the messages that name the ranges of large files. A Processor gets them back.
type Queue interface {
	// Send adds messages and returns nil only when all were taken; after an error any of them may have been.
	Send(ctx context.Context, bodies []string) error
}
