// Package storage holds the constructs that keep the service's data: the customer managed key with its replicas, the
// global tables with the lookup of a replica's stream, and what a region keeps of CSV uploads.
//
// It describes infrastructure. It imports the CDK, package nag, runtime/contract and the internal packages that the
// constructs share. Table, attribute and index names come from the contract, so that the runtime and the templates
// cannot disagree.
package storage
