package storage

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
)

// Replica names another region and the key that encrypts there. Key.Replica makes one from a multi-Region key.
type Replica struct {
	// Region is the AWS region of the replica, such as "eu-west-1". Required.
	Region string
	// Key is the customer managed key in that region. Required.
	Key awskms.IKey
}

// GlobalTablesProps configures GlobalTables. The zero value of a field selects its default.
type GlobalTablesProps struct {
	// Name begins the tables' physical names, such as "SensorFlow-dev" in "SensorFlow-dev-Readings", by which the stacks of
	// other regions find them. Default: CloudFormation makes the names up.
	Name string

	// Key encrypts the tables in the stack's own region. Default: a new Key.
	Key awskms.IKey

	// Replicas are the regions beside the stack's own, which must not be listed.
	//
	// DynamoDB adds or removes one replica per update of a table: to add a region to tables that exist already, add one, deploy,
	// then add the next. Tables that are new may start with all of them. Default: none.
	Replicas []Replica

	// Disposable lets the tables be deleted with their stack. For test environments.
	// Default: deletion protection, and the tables stay when their stack goes.
	Disposable bool
}

// GlobalTables are the tables that every region reads and writes: readings, aggregate rows and revoked tokens.
type GlobalTables struct {
	constructs.Construct

	// Readings, Aggregates and Revocations are the tables in the stack's own region.
	Readings, Aggregates, Revocations awsdynamodb.ITableV2

	// ReadingsStreamArn is the stream of Readings in the stack's own region, as an event source takes it.
	ReadingsStreamArn *string
}

// ImportGlobalTablesProps says which tables ImportGlobalTables finds.
type ImportGlobalTablesProps struct {
	// Name is the Name that the tables were made with. Required.
	Name string

	// Key is the key that encrypts the tables in the stack's own region. Required.
	Key awskms.IKey

	// StreamRevision makes the next deployment look the stream up again when it differs from the last one's; see ReplicaStreamProps.
	// Default: the stream is looked up again when Name changes.
	StreamRevision string
}
