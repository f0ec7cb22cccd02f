package contract

// Attributes of the readings table.
const (
	AttrEquipmentID  = "equipmentId"  // S, partition key
	AttrTimestamp    = "timestamp"    // S, sort key, UTC with nine fractional digits
	AttrValue        = "value"        // N
	AttrRegisterTime = "registerTime" // S, like timestamp: when the service took the reading
	AttrID           = "id"           // S, UUIDv5 of the identity
	AttrRegion       = "region"       // S, the region whose service wrote the item
	AttrExpiresAt    = "expiresAt"    // N, Unix seconds, absent where readings are kept for ever
)

// Attributes of the aggregates table. Rows of equipments and of the fleet share it: a fleet row's partition key holds
// a '#', which no equipment id may.
const (
	AttrInterval       = "interval"       // S, sort key: <hour>#<region>, for fleet rows H#<hour>#<region> or D#<day>#<region>
	AttrIntervalStart  = "intervalStart"  // N, Unix seconds of the hour (or day)
	AttrSampleCount    = "sampleCount"    // N
	AttrTotalInteger   = "totalInteger"   // N, the sum of the values' integer parts
	AttrTotalFraction  = "totalFraction"  // N, the sum of the values' fractional parts
	AttrAppliedThrough = "appliedThrough" // S, highest stream sequence number applied, padded to SequenceDigits
	AttrRevision       = "revision"       // N, rises with every write of the row
	AttrRecounted      = "recounted"      // BOOL, set by the first recount and never taken away
	AttrPartitionKey   = "partitionKey"   // S, index partition key: GLOBAL#<shard>
	AttrIndexSort      = "indexSort"      // S, index sort key: <hour>#<equipmentId>#<region>

	// IndexByInterval answers the all-equipment window query.
	IndexByInterval = "byInterval"

	// IndexPartitionPrefix precedes the shard number in AttrPartitionKey.
	IndexPartitionPrefix = "GLOBAL#"
	// FleetPartitionPrefix precedes the bucket number in a fleet row's AttrEquipmentID.
	FleetPartitionPrefix = "FLEET#"
	// FleetHourPrefix and FleetDayPrefix precede the hour and the day in a fleet row's AttrInterval.
	FleetHourPrefix = "H#"
	FleetDayPrefix  = "D#"
	// KeySeparator stands between the parts of composed keys. It sorts below every character of an equipment id, so
	// that text order of the composed key is the order of its parts.
	KeySeparator = "#"
)

// Attributes of the uploads table: one row for the upload itself (AttrPart = PartUpload), one per committed range.
const (
	AttrUploadID       = "uploadId"       // S, partition key
	AttrPart           = "part"           // S, sort key: PartUpload or PartRangePrefix + six digits
	AttrFileName       = "fileName"       // S, as the client named it
	AttrStatus         = "status"         // S, one of the Status constants of the API contract
	AttrReason         = "reason"         // S, why an upload failed
	AttrBytes          = "bytes"          // N, the size of the file
	AttrBytesProcessed = "bytesProcessed" // N
	AttrRowsAccepted   = "rowsAccepted"   // N
	AttrRowsRejected   = "rowsRejected"   // N
	AttrRanges         = "ranges"         // N, how many ranges the file was planned into
	AttrRangesDone     = "rangesDone"     // N
	AttrLines          = "lines"          // N, on a range row: line feeds in the range, to number rejects of later ranges
	AttrCreatedAt      = "createdAt"      // S, like timestamp
	AttrUpdatedAt      = "updatedAt"      // S, like timestamp
	AttrETag           = "etag"           // S, the content that the upload's plan is for
	AttrColumns        = "columns"        // S, the positions of equipmentId, timestamp and value, separated by commas
	AttrPlannedAt      = "plannedAt"      // S, like timestamp
	AttrOwner          = "owner"          // S, on a range row: who claimed the range
	AttrClaimedUntil   = "claimedUntil"   // S, on a range row, like timestamp: when the claim runs out
	AttrListPartition  = "listPartition"  // S, index partition key: UPLOADS#<shard>
	AttrListSort       = "listSort"       // S, index sort key: <createdAt>#<uploadId>

	// IndexByCreation lists uploads, newest first.
	IndexByCreation = "byCreation"
	// PartUpload is the sort key of the row that describes the upload.
	PartUpload = "upload"
	// PartRangePrefix precedes the range number in the sort key of a range's row.
	PartRangePrefix = "range#"
	// ListPartitionPrefix precedes the shard number in AttrListPartition.
	ListPartitionPrefix = "UPLOADS#"
	// ListShards is the number of partitions that the listing is spread over.
	ListShards = 4
)

// Attributes of the revocations table.
const (
	AttrTokenHash = "tokenHash" // S, partition key: SHA-256 of the token in hex; the token itself is never stored
)

// Key is the name and type of a key attribute. All key attributes of the service are strings.
type Key struct{ Partition, Sort string }

// Index is a global secondary index that projects all attributes.
type Index struct {
	Name string
	Key  Key
}

// Table defines one table for the infrastructure and for the local stack alike.
type Table struct {
	// Name is the logical name: the construct's id and the local table name's suffix.
	Name string
	// EnvKey is the environment variable that carries the physical name.
	EnvKey string
	// Key is the primary key; Sort is empty where there is none.
	Key     Key
	Indexes []Index
	// Stream asks for a stream with new and old images.
	Stream bool
	// TimeToLive names the attribute by which items expire; empty where none does.
	TimeToLive string
	// Global tables are replicated to every region; the others stay regional.
	Global bool
}

// ReadingsTable holds one row per reading; its stream feeds the aggregates.
func ReadingsTable() Table {
	return Table{
		Name: "Readings", EnvKey: EnvReadingsTable, Key: Key{AttrEquipmentID, AttrTimestamp},
		Stream: true, TimeToLive: AttrExpiresAt, Global: true,
	}
}

// AggregatesTable holds the rows of equipments and of the fleet.
func AggregatesTable() Table {
	return Table{
		Name: "Aggregates", EnvKey: EnvAggregatesTable, Key: Key{AttrEquipmentID, AttrInterval},
		Indexes: []Index{{IndexByInterval, Key{AttrPartitionKey, AttrIndexSort}}}, Global: true,
	}
}

// UploadsTable holds the status and the committed ranges of each CSV; its rows expire after UploadStatusDays.
func UploadsTable() Table {
	return Table{
		Name: "Uploads", EnvKey: EnvUploadsTable, Key: Key{AttrUploadID, AttrPart},
		Indexes:    []Index{{IndexByCreation, Key{AttrListPartition, AttrListSort}}},
		TimeToLive: AttrExpiresAt,
	}
}

// RevocationsTable holds the hashes of tokens that were logged out, until those tokens expire.
func RevocationsTable() Table {
	return Table{
		Name: "Revocations", EnvKey: EnvRevocationsTable, Key: Key{Partition: AttrTokenHash},
		TimeToLive: AttrExpiresAt, Global: true,
	}
}

// Tables lists every table of the service.
func Tables() []Table {
	return []Table{ReadingsTable(), AggregatesTable(), UploadsTable(), RevocationsTable()}
}
