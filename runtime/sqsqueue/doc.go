// Package sqsqueue sends messages to an SQS queue.
//
// It is an adapter: it imports the AWS SDK and the package reading for the kinds of errors, and is imported by commands only.
package sqsqueue
