// Package faults holds the running local stack to the invariants while things break: processes are killed, the table throttles
// and fails, stream records come twice, in other cuts and late, and the API is asked to end under load. What
// was acknowledged must be stored, and the aggregates must equal what is stored to the last digit.
//
// A run is driven by a seed, which it prints; SEED=… repeats it, as far as the timing of processes allows, and
// KILL_RUNS=… makes more runs.
package faults
