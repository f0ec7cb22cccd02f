// Package storagesuite is the behaviour of DynamoDB that SensorFlow relies on, as one suite of tests: Suite runs it over any
// implementation of the calls, which its own tests do with the simulation's model and with DynamoDB Local, Streams included.
// Where the two differ, the model is wrong; where DynamoDB Local is known to differ from DynamoDB, a comment says so and cites
// the documentation.
//
// It asks two ways: by bare calls, and through the adapters of runtime/dynamo, whose expressions are those that must work.
// Nothing but tests imports it.
package storagesuite
