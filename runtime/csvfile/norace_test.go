//go:build !race

package csvfile_test

// raceEnabled is told to tests whose time or memory the race detector multiplies.
const raceEnabled = false
