package memory

// Plan shares a limit out. What the parts may come to together is less than three quarters of the limit; the rest is for the
// program itself, for what it remembers, and for garbage that has not been collected yet.
type Plan struct {
	// Limit is the whole, in bytes.
	Limit int64
	// Soft is from where on the garbage collector works harder, in bytes: the GOMEMLIMIT.
	Soft int64

	// Connections is how many connections of clients may be open, at ConnectionBytes each.
	Connections int
	// Headers, in bytes, is what the headers of all requests together may have beyond HeaderBytesFree each.
	Headers int64
	// Singles, Batches and Files, in bytes, are for what comes in: single readings and other small bodies, batches, and files on
	// their way to the bucket. Reads, in bytes, is for answers that are made or wait for their readers.
	Singles, Batches, Files, Reads int64
	// TableReads is how many reads of tables for aggregates may be at work, at TableReadBytes each.
	TableReads int
	// RowsRead is how many rows of aggregates the reads of the moment may hold, and RowsKept how many are kept for further
	// questions, at RowBytes each.
	RowsRead, RowsKept int
}

// What one of each holds at most, measured with the Go version of go.mod.
const (
	// ConnectionBytes is an idle connection's buffers and its goroutine's stack.
	ConnectionBytes = 20 << 10
	// HeaderBytesFree is what a connection's buffer holds in any case.
	HeaderBytesFree = 4 << 10
	// TableReadBytes is an answer of DynamoDB of a megabyte while it is decoded.
	TableReadBytes = 6 << 20
	// RowBytes is a row with the longest name and numbers.
	RowBytes = 400
)

// PlanFor shares out a limit in bytes, of at least 256 MiB. Shares are of 64.
func PlanFor(limit int64) Plan {
	part := func(shares int64) int64 { return limit / 64 * shares }
	return Plan{
		Limit: limit, Soft: part(56),
		Connections: int(part(13) / ConnectionBytes),
		Headers:     part(2), Singles: part(2), Batches: part(8), Files: part(5), Reads: part(8),
		TableReads: int(part(5) / TableReadBytes),
		RowsRead:   int(part(3) / RowBytes), RowsKept: int(part(2) / RowBytes),
	}
}
