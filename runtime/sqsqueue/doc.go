// Package sqsqueue sends messages to an SQS queue, and says when one that was received comes back.
//
// It is an adapter: it imports the AWS SDK and the packages fault and pacing, and no use case; only cmd and tests
// import it.
package sqsqueue
