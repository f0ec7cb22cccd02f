// Package aggregatetest helps to test package aggregate and the adapters of its tables: Memory is both tables in memory, by the
// adapter of DynamoDB over the simulation's model of it, and Suite is the behaviour that every implementation must show, so
// that Memory cannot drift from the real one.
//
// The cases can also be run outside of a test. Nothing but tests imports it. It imports the adapter, the model and what package
// aggregate does, and package testing.
package aggregatetest
