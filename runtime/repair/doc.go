// Package repair finds and mends aggregates that are not what the readings give, after a stream has forgotten records that nobody
// had taken in, after a table was restored, after a backfill, or after a fault of the service.
//
// Sweep goes through the rows of one region, of one equipment or of all, and through the days of its fleet: it restates them, or
// compares and writes nothing. Its method Sample compares some that are drawn by chance. Mender restates the rows of what the aggregator's event source has
// given up. How a row and a fleet row are restated while they are being written is package aggregate's matter.
//
// The package knows neither AWS nor HTTP. It imports the standard library, golang.org/x/sync, the contract, the kinds of faults,
// package pacing, and packages aggregate and reading.
package repair
