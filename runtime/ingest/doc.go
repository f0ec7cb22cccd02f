// Package ingest stores readings: many at a time with Writer, and single ones with Coalescer, which lets concurrent
// requests share a write. Both answer only after the readings are durable (invariant I1) and write one identity in the
// order in which it arrived.
//
// It imports the domain and the contract. Its one collaborator, the table, stands behind Store.
package ingest
