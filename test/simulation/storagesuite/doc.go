// Package storagesuite is the behaviour of DynamoDB that SensorFlow relies on, as a list of cases that run over any implementation
// of the calls. Its own tests run them over the simulation's model and over DynamoDB Local, Streams included; `make conformance` runs
// them against any endpoint, AWS among them (test/conformance).
//
// The cases judge by what AWS documents, and by answers of AWS that are known. Where the model differs, it is wrong. Where DynamoDB
// Local differs, KnownDifferences says why nothing breaks by it, and the tests hold that it still does. What cannot be tried
// somewhere is said by the case: time to live and replicas are tried on the model alone.
//
// It asks two ways: by bare calls, and through the adapters of runtime/dynamo, whose expressions are those that must work. All that
// package aggregate asks of its tables is among them (test/aggregatetest). What the model can do and no case needs does not belong in it.
// Nothing but tests imports it.
package storagesuite
