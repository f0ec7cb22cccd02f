// Package sqsqueue sends messages to an SQS queue.
//
// It is an adapter: it imports the AWS SDK and the package fault for the kinds of errors; only commands import it.
package sqsqueue
