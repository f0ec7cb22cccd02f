// Package contract holds the running local stack to the HTTP contract, as a black box: every line of the contract, with good
// and bad input, each answer also held against the service's own OpenAPI description. One stack serves all tests; each test
// uses equipment ids of its own, and when all are done the fleet's totals are held against what the readings table holds.
package contract
