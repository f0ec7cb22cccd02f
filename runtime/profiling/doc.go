// Package profiling lets those who operate a process look into it while it runs: what its processors work on, what holds its memory,
// and which goroutines there are (net/http/pprof). It serves on loopback alone, and only where it is asked for. It is imported by
// the programs' mains and by what starts them.
package profiling
