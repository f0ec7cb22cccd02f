// Package soak lets the whole local system work for long, and holds it to what must not grow and not drift: the memory, the goroutines
// and the open files of its programs, and the aggregates, which must give at the end what the readings give.
//
// `make soak` runs it for an hour (DURATION=10m for less), with 1,000 users who send readings, a CSV file every minute, and corrections
// and deletions among them. An ordinary run tests how it judges.
package soak
