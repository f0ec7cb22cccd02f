// Package aggregatetest helps to test package aggregate and the adapters of its tables: Memory is both tables in memory, by
// their documented contract, and Suite is the behaviour that every implementation must show, so that Memory cannot drift
// from the real one.
//
// Nothing but tests imports it. It imports what package aggregate does, and package testing.
package aggregatetest
