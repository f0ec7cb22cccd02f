// Package sqslocal is a queue that behaves as Amazon SQS's standard queues do, for the local stack and for tests: messages
// taken stay hidden for the visibility timeout and come back unless deleted, and those taken too often move to a dead-letter
// queue. Queue is used directly from Go; Server speaks SQS's AWS JSON 1.0 protocol to the real SDK clients.
//
// It is not for production, checks no signatures, and has no FIFO queues and no message attributes. It imports the standard
// library and uuid only.
package sqslocal
