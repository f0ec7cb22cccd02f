// Package dynamodel is a model of DynamoDB's global tables, at the level of the calls that the adapters of runtime/dynamo
// make: a Database is the tables of one region and takes the inputs of the SDK's client. It follows the documented rules -
// conditions, ADD and SET, transactions with their reasons, limits, numbers of 38 digits, pages - and refuses what it does not
// know rather than to guess.
//
// A Database never fails by itself and never waits: throttles, lost answers and everything else that goes wrong are the
// caller's to add around it. It is not safe for concurrent use. What it writes it tells to OnWrite, which is where streams and
// replication begin; Replicate takes a write of another region and lets the last writer win.
//
// The suite of storage behaviour runs over it and over DynamoDB Local, so that it cannot drift from what it stands for.
package dynamodel
