package contract

import (
	"strconv"
	"time"
)

// Attributes of the readings table.
const (
	AttrEquipmentID  = "equipmentId"  // S, partition key
	AttrTimestamp    = "timestamp"    // S, sort key, UTC with nine fractional digits
	AttrValue        = "value"        // N; a tombstone has none
	AttrRegisterTime = "registerTime" // S, the version: like timestamp, when the service took the write; more for a row of a file
	AttrID           = "id"           // S, UUIDv5 of the identity
	AttrRegion       = "region"       // S, the region whose service wrote the item
	AttrExpiresAt    = "expiresAt"    // N, Unix seconds, absent where readings are kept for ever
	AttrDeleted      = "deleted"      // BOOL, true in a tombstone: the reading was deleted
)

// Attributes of the aggregates table. Rows of equipments and of the fleet share it: the partition key of what is no row of an
// equipment holds a '#', which no equipment id may.
const (
	// AttrInterval is S, the sort key: <hour>#<region>; of fleet rows H#<hour>#<region>, D#<day>#<region> or
	// S#<hour:minute>#<region>; of the list of equipments <equipmentId>#<region>.
	AttrInterval       = "interval"
	AttrIntervalStart  = "intervalStart"  // N, Unix seconds of the hour, day or slice
	AttrSampleCount    = "sampleCount"    // N
	AttrTotalInteger   = "totalInteger"   // N, the sum of the values' integer parts
	AttrTotalFraction  = "totalFraction"  // N, the sum of the values' fractional parts
	AttrMinValue       = "minValue"       // N, the smallest value of the hour; absent where it has none
	AttrMaxValue       = "maxValue"       // N, the largest value of the hour
	AttrAppliedThrough = "appliedThrough" // S, highest stream sequence number applied, padded to SequenceDigits
	AttrAdoptedThrough = "adoptedThrough" // S, the same of the stream of the region that has adopted the row's
	AttrRecounted      = "recounted"      // NS, the slices that were ever recounted
	AttrRevision       = "revision"       // N, of a fleet row: rises with every write
	AttrPartitionKey   = "partitionKey"   // S, index partition key: GLOBAL#<shard>
	AttrIndexSort      = "indexSort"      // S, index sort key: <hour>#<equipmentId>#<region>

	// IndexByInterval answers the all-equipment window query.
	IndexByInterval = "byInterval"

	// IndexPartitionPrefix precedes the shard number in AttrPartitionKey.
	IndexPartitionPrefix = "GLOBAL#"
	// FleetPartitionPrefix precedes the bucket number in a fleet row's AttrEquipmentID.
	FleetPartitionPrefix = "FLEET#"
	// EquipmentPartitionPrefix precedes the shard number in the AttrEquipmentID of the list of equipments.
	EquipmentPartitionPrefix = "EQUIPMENT#"
	// FleetHourPrefix, FleetDayPrefix and FleetSlicePrefix precede the hour, day or slice in a fleet row's AttrInterval.
	FleetHourPrefix  = "H#"
	FleetDayPrefix   = "D#"
	FleetSlicePrefix = "S#"
	// KeySeparator stands between the parts of composed keys. It sorts below every character of an equipment id, so
	// that text order of the composed key is the order of its parts.
	KeySeparator = "#"
)

// An hour's row has these attributes for each of its slices that ever held readings, with the number of the slice, 0 to 11,
// appended by SliceAttribute. They stand at the top level, since ADD reaches no nested attribute, and are short, since there
// are up to 72 of them in a row that should stay below 1 KB, which is what one write unit takes.
const (
	AttrSliceCount    = "n" // N, the number of readings
	AttrSliceInteger  = "i" // N, the sum of the values' integer parts; absent while it is 0
	AttrSliceFraction = "f" // N, the sum of the values' fractional parts; absent while it is 0
	AttrSliceMin      = "l" // N, the smallest value
	AttrSliceMax      = "h" // N, the largest value
	AttrSliceRevision = "v" // N, rises with every write of the slice
)

// SlicesPerHour slices of SliceLength make an hour.
const (
	SlicesPerHour = 12
	SliceLength   = time.Hour / SlicesPerHour
)

// SliceAttribute names an attribute of one slice of an hour.
func SliceAttribute(prefix string, slice int) string { return prefix + strconv.Itoa(slice) }

// Attributes of the uploads table: one row for the upload itself (AttrPart = PartUpload), one per committed range, and one for
// each long deletion.
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
	AttrPartsName      = "partsName"      // S, names a file that is sent in parts, together with its key; absent for others
	AttrPartBytes      = "partBytes"      // N, the size of those parts
	AttrBytesLeft      = "bytesLeft"      // N, on a range row: what is still to do of the range; absent where nothing is
	AttrPieces         = "pieces"         // S, on a range row: the pieces that have rejected rows; absent where there is no piece
	AttrCreatedAt      = "createdAt"      // S, like timestamp
	AttrUpdatedAt      = "updatedAt"      // S, like timestamp
	AttrETag           = "etag"           // S, the content that the upload's plan is for
	AttrFormat         = "format"         // S, how the file is written, as JSON; absent for the strict form
	AttrColumns        = "columns"        // S, the positions of equipmentId, timestamp and value, separated by commas; see package dynamo
	AttrPlannedAt      = "plannedAt"      // S, like timestamp
	AttrUnpackedBytes  = "unpackedBytes"  // N, what a compressed file unpacks to; absent for other files
	AttrListPartition  = "listPartition"  // S, index partition key: UPLOADS#<shard>, or ListDeletions
	AttrListSort       = "listSort"       // S, index sort key: <createdAt>#<uploadId>

	// IndexByCreation lists uploads, newest first.
	IndexByCreation = "byCreation"
	// Attributes of a deletion's row, beside those that have the names of the readings' (AttrPart = PartDeletion).
	AttrFrom         = "from"         // S, like timestamp: the first moment of the range
	AttrTo           = "to"           // S, like timestamp: the first moment behind the range
	AttrPlace        = "place"        // S, the sort key up to which the range is done; empty before the first part
	AttrDeletedCount = "deletedCount" // N
	AttrWorker       = "worker"       // S, the process that has the lease
	AttrLeasedUntil  = "leasedUntil"  // S, like timestamp; absent where nobody works on the deletion

	// PartUpload is the sort key of the row that describes the upload.
	PartUpload = "upload"
	// PartDeletion is the sort key of the row that describes a long deletion.
	PartDeletion = "deletion"
	// ListDeletions is the index partition key of the deletions that run; those that are completed are in no partition.
	ListDeletions = "DELETIONS"
	// PartRangePrefix precedes the range number in the sort key of a range's row.
	PartRangePrefix = "range#"
	// ListPartitionPrefix precedes the shard number in AttrListPartition.
	ListPartitionPrefix = "UPLOADS#"
	// ListShards is the number of partitions that the listing is spread over.
	ListShards = 4
)

// Attributes of the revocations table.
const (
	AttrRevokedHour = "revokedHour" // S, partition key: the UTC hour of the logout, like timestamp
	AttrRevocation  = "revocation"  // S, sort key: <moment of the logout>#<SHA-256 of the token in hex>; never the token itself
)

// Key is the name and type of a key attribute. All key attributes of the service are strings.
type Key struct{ Partition, Sort string }

// Index is a global secondary index.
type Index struct {
	Name string
	Key  Key
	// Projected are the attributes that the index carries beside the keys of the table and its own; none means all. It cannot
	// be changed once the index is deployed.
	Projected []string
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

// AggregatesTable holds the rows of equipments and of the fleet, and the list of equipments.
func AggregatesTable() Table {
	return Table{
		Name: "Aggregates", EnvKey: EnvAggregatesTable, Key: Key{AttrEquipmentID, AttrInterval},
		Indexes: []Index{{
			Name: IndexByInterval, Key: Key{AttrPartitionKey, AttrIndexSort},
			// Of an hour its totals and extremes, and not its slices.
			Projected: []string{AttrIntervalStart, AttrSampleCount, AttrTotalInteger, AttrTotalFraction, AttrMinValue, AttrMaxValue},
		}},
		Global: true,
	}
}

// UploadsTable holds the status and the committed ranges of each CSV, and long deletions; its rows expire after UploadStatusDays.
func UploadsTable() Table {
	return Table{
		Name: "Uploads", EnvKey: EnvUploadsTable, Key: Key{AttrUploadID, AttrPart},
		Indexes:    []Index{{Name: IndexByCreation, Key: Key{AttrListPartition, AttrListSort}}},
		TimeToLive: AttrExpiresAt,
	}
}

// RevocationsTable holds the hashes of tokens that were logged out, until those tokens expire. Every
// process keeps a copy and asks for what is new, so that what a request costs does not depend on the table.
func RevocationsTable() Table {
	return Table{
		Name: "Revocations", EnvKey: EnvRevocationsTable, Key: Key{AttrRevokedHour, AttrRevocation},
		TimeToLive: AttrExpiresAt, Global: true,
	}
}

// Tables lists every table of the service.
func Tables() []Table {
	return []Table{ReadingsTable(), AggregatesTable(), UploadsTable(), RevocationsTable()}
}
