// Package ingest makes the writes of readings, deletions among them: many at a time with Writer, and single ones with
// Coalescer, which lets concurrent requests share calls. Both answer only after a write is durable, and a write that was
// acknowledged is not undone by an older one, however late an attempt of that lands (invariant I1). DESIGN.md tells how.
//
// It imports the domain, the contract, the kinds of faults and the pacing. Its one collaborator, the table, stands behind Store.
package ingest
