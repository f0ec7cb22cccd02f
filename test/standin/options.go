package standin

import "time"

// LatencyDefault is what DynamoDB takes for an ordinary call.
const LatencyDefault = 4 * time.Millisecond

// Options say how a Backend answers. They can be changed while it runs.
type Options struct {
	// Latency is the time from a call's arrival to its answer. Default: LatencyDefault; below 0: none.
	Latency time.Duration
	// FailWrites is the share of the writes of readings, singly or in batches, that are throttled, from 0 to 1.
	FailWrites float64
	// FailCalls is the share of the calls to tables that are answered with an internal error, from 0 to 1. Half of them have
	// taken effect.
	FailCalls float64
	// WritesPerSecond is the capacity of the readings table; what is above it is throttled. A tenth of a second's writes can come at
	// once. Default: 0, no limit.
	WritesPerSecond int
	// Remember keeps the version and the value of each reading, so that writes are judged by them and can be looked up. It takes
	// about 150 bytes a reading.
	Remember bool
	// AggregateEquipments is how many equipments the aggregates are of: of each a row for every hour of more than a month, and the
	// fleet's rows to match. They are made when they are asked for. Default: 0, only what was written is there.
	AggregateEquipments int
	// FileBytes is about how long the objects of the bucket are, in bytes; see File. Default: 1 MB.
	FileBytes int64
}

// Counts tell what a Backend was asked for since it started.
type Counts struct {
	// Calls are the calls to tables by their operation, such as BatchExecuteStatement.
	Calls map[string]int64
	// Accepted are the writes that were accepted: items put and statements.
	Accepted int64
	// Throttled are the writes that were throttled.
	Throttled int64
	// Refused are the statements whose condition did not hold.
	Refused int64
	// Remembered is how many different readings are kept.
	Remembered int64
	// Rows are the writes that changed the other tables, by the table's name.
	Rows map[string]int64
	// FileBytes are the bytes of objects that were read.
	FileBytes int64
}

// Reading is what is remembered of a reading.
type Reading struct {
	Version string
	// Value is empty where the reading was deleted.
	Value string
}

// The addresses by which a Backend is controlled.
const (
	PathOptions = "/-/options"
	PathCounts  = "/-/counts"
	PathReading = "/-/reading"
	PathQueue   = "/-/queue"
)

// What the stand-ins of a user pool and of a bucket know, and what the service is told of them.
const (
	Region        = "eu-west-1"
	MachineID     = "machine"
	MachineSecret = "machine-secret"
	BrowserID     = "browser"
	BrowserSecret = "browser-secret"
	Bucket        = "uploads"
)
