// Package simulation runs the code of ingest, CSV processing and aggregation, adapters included, through histories of several
// regions in which every fault is likely. One seed is one history: virtual time, one thread, no sleeping. DESIGN.md tells
// what is modelled and what is checked.
//
// SEED=n replays one history with its trace; SEEDS=n runs so many (`make simulate SEEDS=n`).
package simulation
