//go:build race

package csvfile_test

const raceEnabled = true
