//go:build !race

package aggregate_test

// historiesDefault take about two seconds.
const historiesDefault = 3000
