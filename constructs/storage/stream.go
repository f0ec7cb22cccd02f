package storage

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/customresources"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/constructs/internal/refuse"
)

// ReplicaStreamProps configures a ReplicaStream.
type ReplicaStreamProps struct {
	// Table is the replica in the stack's own region, usually from awsdynamodb.TableV2_FromTableName. Required.
	Table awsdynamodb.ITable

	// Key encrypts the log of the lookup. Default: CloudWatch's own key.
	Key awskms.IKey

	// Revision makes the next deployment look the stream up again when it differs from the last one's. A person changes
	// it when the table of that name was deleted and made again (or restored), or its stream was switched off and on.
	// The stream then has another address, and nothing in the template shows that. Default: the stream is looked up
	// again when the table's name changes.
	Revision string
}

// Validate returns every problem of the props.
func (p ReplicaStreamProps) Validate() error {
	return prop.Required("Table", p.Table == nil,
		"the table whose stream is looked up, such as awsdynamodb.TableV2_FromTableName(…)").Err()
}

// ReplicaStream looks up, at deployment, the address of a table's stream in the stack's own region. The table must
// exist by then; where it has no stream, the deployment fails and says that the answer has no Table.LatestStreamArn.
//
// The address carries the time at which the stream was made, so that it cannot be known at synthesis. What the
// construct library offers for a replica ends in "stream/*", which no event source accepts.
type ReplicaStream struct {
	constructs.Construct

	// StreamArn is the stream's address, as an event source takes it.
	StreamArn *string
}

// NewReplicaStream makes a ReplicaStream. Its function may describe this one table and nothing else.
func NewReplicaStream(scope constructs.Construct, id string, props *ReplicaStreamProps) *ReplicaStream {
	refuse.OutsideStack(scope, id)
	p := prop.OrZero(props)
	refuse.If(scope, id, p.Validate())
	s := &ReplicaStream{}
	constructs.NewConstruct_Override(s, scope, &id)
	s.StreamArn = LookUp(s, &customresources.AwsSdkCall{
		Service: jsii.String("DynamoDB"), Action: jsii.String("describeTable"),
		Parameters: map[string]any{"TableName": p.Table.TableName()},
		PhysicalResourceId: customresources.PhysicalResourceId_Of(jsii.String(revised(*p.Table.TableName(),
			p.Revision))),
	}, "Table.LatestStreamArn", awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("dynamodb:DescribeTable"), Resources: &[]*string{p.Table.TableArn()},
	}), p.Key)
	return s
}

// GrantRead lets the grantee read the stream. Whoever reads also needs the right to use the table's key through
// DynamoDB.
func (s *ReplicaStream) GrantRead(grantee awsiam.IGrantable) awsiam.Grant {
	return grantStream(grantee, s.StreamArn)
}
