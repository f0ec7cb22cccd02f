//go:build race

package aggregate_test

// historiesDefault is small, since the race detector slows the model down some fifty times, which starts no goroutine that
// could race.
const historiesDefault = 200
