package httpapi

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/deletion"
	"github.com/sensorflow/sensorflow/runtime/equipment"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/memory"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Saver makes one write and returns nil only once it is durable, or superseded by a newer one that is. The end of ctx tells it
// that the client has left. Its errors are of kind fault.Unavailable when sending the reading again may help.
type Saver interface {
	Save(ctx context.Context, w reading.Write) error
}

// BatchWriter is a Saver of many writes at a time; of one identity the last counts. It asks for a turn each time before it goes
// over those that are left, and gives it back before it waits for the table.
type BatchWriter interface {
	WriteInTurn(ctx context.Context, turn ingest.Turn, ws []reading.Write) error
}

// Pager reads at most limit raw readings of one equipment, newest first. It takes those of from <= t < to; a zero time leaves that
// end open. Where there may be more, which may also be so after fewer than limit or none, next is not zero, and the page that goes
// on has it for its to. Before it holds more than limit readings at a time, it asks for room for as many more.
type Pager interface {
	Page(
		ctx context.Context, id reading.EquipmentID, from, to time.Time, limit int, room func(items int) bool,
	) (rs []reading.Stored, next time.Time, err error)
}

// Deleter deletes readings, one or those of a range, and returns once they are gone, or once a longer deletion is sure to be
// completed, of which Get then tells. Its errors are of kind fault.Unavailable when the same request may succeed later, and
// that of Get is of kind fault.NotFound where there is no such deletion.
type Deleter interface {
	Delete(ctx context.Context, r deletion.Range, version reading.Version) (deletion.Answer, error)
	DeleteOne(ctx context.Context, id reading.EquipmentID, at time.Time, version reading.Version) (deletion.Answer, error)
	Get(ctx context.Context, id string) (deletion.Deletion, error)
}

// UploadCreator begins uploads: by a presigned address, or by taking the file itself.
type UploadCreator interface {
	Create(ctx context.Context, r csvfile.Request) (csvfile.Ticket, error)
	Store(ctx context.Context, fileName string, format csvfile.Format, body io.Reader) (csvfile.Upload, error)
}

// UploadParts takes files in parts. Its errors are of kind fault.NotFound where there is no such upload, fault.Invalid where a part is
// wrong, and fault.Conflict where the upload takes no parts, or no more.
type UploadParts interface {
	SignParts(ctx context.Context, id string, numbers []int) (parts []csvfile.PartAddress, expiresAt time.Time, err error)
	CompleteParts(ctx context.Context, id string, sent []csvfile.SentPart) (csvfile.Upload, error)
}

// UploadReader reads the state of uploads.
type UploadReader interface {
	Get(ctx context.Context, id string) (u csvfile.Upload, rejectsURL string, err error)
	List(ctx context.Context, after csvfile.Position, limit int) (us []csvfile.Upload, more bool, err error)
}

// Windows answers aggregate queries.
type Windows interface {
	Query(ctx context.Context, q aggregate.Query) (aggregate.Answer, error)
}

// Catalog pages through the equipments that there are, in the order of their ids: those that begin with a prefix and come after an
// id.
type Catalog interface {
	Page(ctx context.Context, prefix string, after reading.EquipmentID, limit int) (page []equipment.Equipment, more bool, err error)
}

// Authenticator signs people in and out and checks the tokens of people and machines.
type Authenticator interface {
	Login(ctx context.Context, username, password, clientAddress string) (token string, id auth.Identity, err error)
	Authenticate(ctx context.Context, token string) (auth.Identity, error)
	Logout(ctx context.Context, token string) error
}

// Dependencies are the collaborators of a Server. All are required.
type Dependencies struct {
	Saver         Saver
	Batches       BatchWriter
	Pager         Pager
	Deletions     Deleter
	Uploads       UploadCreator
	UploadParts   UploadParts
	UploadStatus  UploadReader
	Windows       Windows
	Equipment     Catalog
	Authenticator Authenticator
	// Checks are what GET /readyz runs. Each must end when its context does.
	Checks []Check
	Logger *slog.Logger
	Now    func() time.Time
}

// Options adapt a Server to where it runs. The zero value suits a process that clients reach directly over plain HTTP.
type Options struct {
	// Region is told to clients with every answer, and shown by the console. Default: nobody is told.
	Region string
	// Retention is how long raw readings are kept; older ones are refused. 0 keeps them forever.
	Retention time.Duration
	// AllowedOrigins are the browser origins, besides the service's own, that may call with credentials. With any, the
	// sign-in cookie is sent across sites.
	AllowedOrigins []string
	// PublicURL is the origin under which clients reach the service, such as https://api.example.com; empty takes it from
	// the request.
	PublicURL string
	// TokenURL is the token endpoint that the documents name to machines; empty leaves it out.
	TokenURL string
	// UploadOrigin is the origin of presigned upload addresses, which the console must be allowed to connect to.
	UploadOrigin string
	// TrustedProxies is how many proxies in front of the service append to X-Forwarded-For.
	TrustedProxies int
	// CursorKey signs the cursors of pages. All processes of a deployment, in all regions, need the same one. Default: a random
	// one, with which a listing can be continued at this process alone.
	CursorKey []byte
	// BodyTimeout bounds how long a request's body may take to arrive. Default: BodyTimeoutDefault.
	BodyTimeout time.Duration
	// FileTimeout bounds the same for a CSV file. Default: FileTimeoutDefault.
	FileTimeout time.Duration
	// Memory bounds what requests hold, by their kind. Default: that of memory.LimitDefault.
	Memory memory.Plan
}

// Defaults of Options.
const (
	BodyTimeoutDefault = 30 * time.Second
	FileTimeoutDefault = 5 * time.Minute
)

func (o Options) withDefaults() Options {
	o.BodyTimeout = cmp.Or(o.BodyTimeout, BodyTimeoutDefault)
	o.FileTimeout = cmp.Or(o.FileTimeout, FileTimeoutDefault)
	if o.Memory == (memory.Plan{}) {
		o.Memory = memory.PlanFor(memory.LimitDefault)
	}
	return o
}

// https tells whether clients are known to reach the service over TLS.
func (o Options) https() bool { return strings.HasPrefix(o.PublicURL, "https://") }
