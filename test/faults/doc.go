// Package faults holds the running local stack to the invariants while things break: processes are killed, the table throttles
// and answers nonsense, stream records come twice, in other cuts and out of step, and the API is asked to end under load. What
// was acknowledged must be stored, and the aggregates must equal what is stored to the last digit.
//
// A run is driven by a seed, which it prints; SEED=… repeats it, as far as processes can be made to repeat themselves, and
// KILL_RUNS=… makes more runs.
package faults
