package storage

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
)

// ReplicaStreamProps configures a ReplicaStream.
type ReplicaStreamProps struct {
	// Table is the replica in the stack's own region, usually TableV2_FromTableName. Required.
	Table awsdynamodb.ITable

	// Key encrypts the log of the lookup. Default: CloudWatch's own key.
	Key awskms.IKey

	// Revision makes the next deployment look the stream up again when it differs from the last one's. A person changes it when
	// the table of that name was deleted and made anew, or its stream switched off and on: the stream has another address then,
	// and nothing in the template tells so. Default: the stream is looked up again when the table's name changes.
	Revision string
}

// ReplicaStream looks up, at deployment, the address of a table's stream in the stack's own region.
//
// The address carries the time at which the stream was made, so that it cannot be known at synthesis. What the construct
// library offers for a replica ends in "stream/*", which no event source accepts.
type ReplicaStream struct {
	constructs.Construct

	// StreamArn is the stream's address, as an event source takes it.
	StreamArn *string
}
