package contract

import "time"

// Limits of a reading (API contract, section Readings).
const (
	EquipmentIDCharsMax    = 128
	ValueIntegerDigitsMax  = 27
	ValueFractionDigitsMax = 27
	ValueDigitsMax         = 38 // significant digits, also what DynamoDB's N holds
	FutureMax              = 24 * time.Hour
	// RetentionMin is the shortest retention of raw readings that can be configured.
	RetentionMin = 24 * time.Hour
	// ExpiryMargin is how long an item outlives the retention. It is longer than the 24 h that a stream keeps its
	// records, so that every write to an hour is aggregated before the hour's first reading expires (design, section 4).
	ExpiryMargin = 48 * time.Hour
	// TombstoneLifetime is how long a deleted reading leaves a mark that keeps late writes from bringing it back.
	TombstoneLifetime = 48 * time.Hour
)

// Limits of requests.
const (
	ReadingBodyBytesMax = 64 << 10
	BatchBodyBytesMax   = 5 << 20
	BatchReadingsMax    = 5000
	// DeletionReadingsMax bounds a deletion that is done when it is answered, tombstones that it renews included; a longer one goes
	// on behind its answer.
	DeletionReadingsMax = 5000
	ReadingsPageDefault = 100
	ReadingsPageMax     = 1000
	// AggregatesPageDefault and AggregatesPageMax bound a page of aggregate rows.
	AggregatesPageDefault = 1000
	AggregatesPageMax     = 10_000
	// AggregatesDaysMax bounds a window of one's own, and AggregatesEquipmentsMax the equipments that one call names.
	AggregatesDaysMax       = 400
	AggregatesEquipmentsMax = 50
	// EquipmentHoursMax bounds what a call reads of the equipments that it names: fifty over 33 days. SlicedHoursMax bounds it with
	// steps below an hour, each of which is an item: one equipment over 400 days. In zones whose hours begin within those of UTC hours
	// are looked at by their slices too, which takes up to ten times the work: fifty over a month by hours are answered all the same.
	EquipmentHoursMax = 40_000
	SlicedHoursMax    = 10_000
	// EquipmentPageMax bounds a page of equipments, each of which takes two queries of one reading.
	EquipmentPageMax     = 100
	UploadsPageDefault   = 50
	UploadsPageMax       = 200
	AggregateCacheTTLMax = 2 * time.Second
	CursorCharsMax       = 2048
)

// Limits of uploads.
const (
	// SmallUploadBytesMax bounds a file sent through the API itself.
	SmallUploadBytesMax = 32 << 20
	// UploadBytesMax is the size of the largest file that is taken.
	UploadBytesMax = 50 << 30
	// UploadPutBytesMax is the largest object that S3 takes in a single PUT: 5 GiB
	// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html). A larger file is sent in parts.
	UploadPutBytesMax = 5 << 30
	// UploadPartBytes is the size of those parts: within an address's lifetime, 75 KB/s are enough. S3 takes
	// parts of 5 MiB to 5 GiB, and 10,000 of them.
	UploadPartBytes = 64 << 20
	// UploadPartsMax is how many parts the largest file has, and UploadPartsBodyBytesMax bounds a body that names all of them by ETags of
	// PartETagCharsMax, indented too. The ETags of S3 have 34 characters.
	UploadPartsMax          = UploadBytesMax / UploadPartBytes
	UploadPartsBodyBytesMax = 128 << 10
	PartETagCharsMax        = 64
	// UploadPartsFirst is how many parts' addresses the beginning of an upload answers, UploadPartsSignedMax how many one call signs.
	UploadPartsFirst     = 20
	UploadPartsSignedMax = 100
	// UploadURLLifetime is how long a presigned upload address works.
	UploadURLLifetime = 15 * time.Minute
	// UploadPartsLifetime is how long the parts of a file may take. Whole days: those of a file that was not completed go then.
	UploadPartsLifetime = 24 * time.Hour
	// FileNameCharsMax bounds the name that a client gives to a file.
	FileNameCharsMax = 255
	// UploadIdleMax is how long an upload may go without progress where readings expire. It is then failed and not taken up
	// again, since it would bring back readings that have expired meanwhile. It is shorter than ExpiryMargin.
	UploadIdleMax = 24 * time.Hour
	// UploadStatusDays is how long the status of an upload can be asked for.
	UploadStatusDays = 90
	// CSVRangeBytes is the size of the ranges that a large file is split into. A range is repeated as a whole, and so must fit
	// into one invocation: with rows of 36 bytes, that is 520 writes a second.
	CSVRangeBytes = 16 << 20
	// CSVRecordBytesMax bounds one CSV record; a longer one is rejected and skipped.
	CSVRecordBytesMax = 4 << 10
	// CSVSkipLinesMax bounds the lines that may stand before a header, and CSVColumnCharsMax the name of a column.
	CSVSkipLinesMax   = 100
	CSVColumnCharsMax = 128
	// CSVFormatBytesMax bounds the JSON text that says how a file is written.
	CSVFormatBytesMax = 4 << 10
	// CSVPreviewBytes is how much of a file a preview takes, and CSVPreviewRows how many of its rows it shows.
	CSVPreviewBytes = 64 << 10
	CSVPreviewRows  = 100
	// CSVUnpackedBytesMax bounds the text of a file that is compressed, and the file itself. One worker at a time goes through it.
	CSVUnpackedBytesMax = 1 << 30
	// CSVUnpackTime is how long that worker goes on before it leaves the rest to a new invocation, which unpacks what is done again. One
	// more range must fit into the time of an invocation.
	CSVUnpackTime = 5 * time.Minute
	// UploadContentType and PackedContentType are the media types signed into upload addresses, of files and of compressed ones.
	UploadContentType = "text/csv"
	PackedContentType = "application/gzip"

	// UploadKeyPrefix and RejectsKeyPrefix precede the upload id in object keys; both end in ".csv".
	UploadKeyPrefix  = "uploads/"
	RejectsKeyPrefix = "rejects/"
	CSVKeySuffix     = ".csv"
	// CSVPackedSuffix ends the name of a file that is compressed. Its object's key ends as that of any file.
	CSVPackedSuffix = ".csv.gz"
)

// Limits of DynamoDB (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html).
const (
	BatchStatementsMax  = 25
	BatchGetItemsMax    = 100
	TransactionItemsMax = 100
	// SequenceDigits is the longest stream sequence number; shorter ones are padded with zeros on the left, so that
	// text order is numeric order (SequenceNumber, 21 to 40 digits, in the Streams API reference).
	SequenceDigits = 40
)

// StreamFailureReceivesMax is how often a message about records that the stream has given up is tried before it is put aside. The
// repairer does that itself, with the reason; the queue does it for one that never answers, one receive later.
const StreamFailureReceivesMax = 5

// What the audit reports in its last line of the log, of which a metric is made.
const (
	// AuditMessage is the line's message.
	AuditMessage = "audit finished"
	// AuditDifferent is the attribute that counts rows which are not what the readings give.
	AuditDifferent = "different"
)

// Defaults that infrastructure and runtime share.
const (
	// IndexShardsDefault partitions of the index take about 1,000 row updates a second each.
	IndexShardsDefault = 8
	// FleetBucketsDefault partitions take the fleet totals of concurrent aggregator invocations.
	FleetBucketsDefault = 8
	// EquipmentShards is the number of partitions of the list of equipments. Each equipment is put there once, so that it need
	// never be raised; if it were, equipments would be listed twice.
	EquipmentShards = 16
	// ShardsMax bounds both numbers: a window query reads every one of them.
	ShardsMax = 256
	// DrainTimeoutDefault and DrainTimeoutMax stay below the 30 s that Fargate waits between SIGTERM and SIGKILL.
	DrainTimeoutDefault = 20 * time.Second
	DrainTimeoutMin     = time.Second
	DrainTimeoutMax     = 25 * time.Second
	// TrustedProxiesMax bounds how many proxies in front of the API can be trusted.
	TrustedProxiesMax = 5
)

// Authentication.
const (
	ResourceServer = "sensor-flow"
	ScopeRead      = ResourceServer + "/read"
	ScopeWrite     = ResourceServer + "/write"
	ScopeAdmin     = ResourceServer + "/admin"
	// AdminGroup is the group of the user pool whose people have ScopeAdmin. All people have the other scopes. The pool is made
	// with the group and without anybody in it.
	AdminGroup = "admin"
	// CookieName carries a signed-in person's ID token.
	CookieName = "Authentication"
	// CookieLifetime is the Max-Age of that cookie and the lifetime of a person's token.
	CookieLifetime = time.Hour
)

// Scopes lists the scopes of the service.
func Scopes() []string { return []string{ScopeRead, ScopeWrite, ScopeAdmin} }

// MachineScopesDefault are those of a machine for which nothing is said: it cannot delete.
func MachineScopesDefault() []string { return []string{ScopeRead, ScopeWrite} }
