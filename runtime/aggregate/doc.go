// Package aggregate keeps the aggregates of hours and of their five-minute slices exactly equal to the readings, and answers
// windows over them.
//
// Aggregator turns the changes of one region's stream into changes of that region's rows: it applies what is surely new
// and recounts what is not. Windows sums the rows of all regions. DESIGN.md tells why this is exact.
//
// The package speaks of rows and sums and knows neither AWS nor HTTP. Tables, clock, sleep and randomness are injected;
// with a Concurrency of 1 (and, for Windows, no cache) it starts no goroutine, so that one seed is one history.
// It imports the standard library, golang.org/x/sync, the contract and packages admission, fault, pacing and reading.
package aggregate
