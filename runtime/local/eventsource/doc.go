// Package eventsource brings events to functions as Lambda's event source mappings and S3's notifications do, for the local
// stack and for tests: batches, partial batch responses, redelivery, order within a shard, splitting, and giving up into a
// failure destination. A handler gets here what it gets in AWS.
//
//   - PollQueue feeds a function from a sqslocal queue.
//   - PollStream feeds a function from a DynamoDB stream, through the real Streams API.
//   - S3Webhook turns the local S3's events into those that S3 sends to a queue; SendArrival makes one that it lost.
//
// It is not for production. It imports the AWS SDK, the contract, the other stand-ins and package pacing, and no use case.
package eventsource
