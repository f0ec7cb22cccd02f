// Package sqslocal is a queue that behaves as Amazon SQS's standard queues do, for the local stack and for tests: messages
// taken stay hidden for the visibility timeout and come back unless deleted, and those taken too often move to a dead-letter
// queue. Queue is used directly from Go; Server speaks SQS's AWS JSON 1.0 protocol to the real SDK clients, as far as the
// programs of the system use it: SendMessageBatch, ReceiveMessage, ChangeMessageVisibility and DeleteMessage. It refuses everything else.
//
// It is not for production and checks no signatures. It imports the standard library and uuid only.
package sqslocal
