// Package standin gives benchmarks and load tests a stand-in for what the service calls, and the service itself beside it.
//
// The stand-in is a process of its own, so that what it costs is nobody else's. It speaks the protocols of DynamoDB, S3, SQS and
// of the user pool, answers each call after a fixed latency, and stores as little as it can: every figure taken with it tells of
// the service and not of a database. It is no test of correctness. Name it wherever such a figure is quoted.
//
// What a call to it means:
//   - An INSERT is accepted. With Options.Remember it is judged by its key and its version, as a table does it, and so is an
//     UPDATE. Without, only the UPDATE by which the service asks whether it may write is refused, as no such item is there.
//   - Other writes of readings are accepted whatever their conditions are. Reads find no readings, apart from what was remembered.
//   - The other tables are small, and are the simulation's model of DynamoDB: they keep what they are told and judge conditions.
//   - Every object of the bucket is there and has the same generated content (File). What is put is read and forgotten.
package standin
