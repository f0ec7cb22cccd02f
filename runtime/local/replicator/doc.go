// Package replicator stands between the tables of several regions on one machine and brings the writes of each to the others,
// with the rules of a DynamoDB global table of eventual consistency:
//
//   - each item travels by itself, also those of one transaction;
//   - the last writer wins, and every region decides alike;
//   - several changes of an item that wait together arrive as one;
//   - a replicated write shows in the stream of the region that receives it, and does not travel on from there;
//   - a write arrives Options.Delay after it was made at the earliest.
//
// All tables lie in one DynamoDB Local. It numbers the writes of all its tables in one order, and a stream's records carry these
// numbers. They are the clock by which the last writer is found: no two writes have the same time, and no two clocks differ.
// DynamoDB itself keeps such a time with each item. Here a tracker follows each region's stream and remembers the number of an
// item's last write for as long as an older write of the item may still arrive.
//
// What waits for a region that is cut off waits in the streams, and of that only the place is kept in memory: see link. Beside it
// there are some 55 bytes for each item that was written since the oldest write that still waits.
//
// With Options.Dir a restart goes on where the last life ended, also if that was killed. What is kept there is a journal of each tracker:
// what its stream has shown, and the writes that replication is about to make. A write is in the journal before it is in the table, so
// that a restart knows which records of the stream are replication's and from when they are; whether it took place it reads from the
// stream. A link keeps its place every few seconds: what is brought once more meets its own time and changes nothing. DynamoDB Local
// drops records after a day, and begins to count anew after two: then what waits is looked for in the tables, by the times in the
// journals, and all later numbers are raised. Only a write that nobody had read yet when everything was killed, and then rested for
// a day, stays where it is.
//
// It is not for production. It imports the AWS SDK, the contract, and packages pacing and datadir.
package replicator
