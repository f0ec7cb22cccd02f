// Package equipment answers which equipments there are, in the order of their ids, each with its first and its last reading.
//
// The list is kept by the aggregator, which puts an equipment there before its first row of aggregates; it is spread over
// partitions that are merged here. An equipment stays in the list when its readings have gone.
//
// It imports the domain, the contract, the kinds of faults and package admission; the tables stand behind the interfaces of catalog.go.
package equipment
