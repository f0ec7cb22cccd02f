package storage

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/constructs/internal/removal"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

// tableProps are what the tables of a construct share.
type tableProps struct {
	name       string
	key        awskms.IKey
	replicas   []Replica
	disposable bool
}

// protected is whether the template itself protects a table against deletion: where it has a name of ours, package
// storage does so once the table is there (see protect).
func (p tableProps) protected(disposable bool) *bool {
	if p.name != "" {
		return nil
	}
	return jsii.Bool(!disposable)
}

// removal lets a table with a name of ours go where the deployment that makes it fails.
func (p tableProps) removal() awscdk.RemovalPolicy {
	if p.name != "" {
		return removal.Created(p.disposable)
	}
	return removal.Policy(p.disposable)
}

// newTable makes one table of the contract. For changes of the contract: DynamoDB adds or removes one index, or one
// replica, per update of a table, so that two new indexes take two deployments. Contributor insights are off: they cost
// as much per event as a small table does.
func newTable(scope constructs.Construct, t contract.Table, p tableProps) awsdynamodb.TableV2 {
	props := &awsdynamodb.TablePropsV2{
		TableName:           physicalName(p.name, t),
		PartitionKey:        attribute(t.Key.Partition),
		Billing:             awsdynamodb.Billing_OnDemand(nil),
		DeletionProtection:  p.protected(p.disposable),
		RemovalPolicy:       p.removal(),
		TimeToLiveAttribute: optional(t.TimeToLive),
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(true),
		},
		GlobalSecondaryIndexes: indexes(t),
	}
	if t.Key.Sort != "" {
		props.SortKey = attribute(t.Key.Sort)
	}
	if t.Stream || t.Global {
		// Replication needs a stream, so every global table has one from the start. Then the first replica is the only
		// change to the table. A stream that nobody reads costs nothing.
		props.DynamoStream = awsdynamodb.StreamViewType_NEW_AND_OLD_IMAGES
	}
	keyArns := map[string]*string{}
	var replicas []*awsdynamodb.ReplicaTableProps
	for _, r := range p.replicas {
		keyArns[r.Region] = r.Key.KeyArn()
		replicas = append(replicas, &awsdynamodb.ReplicaTableProps{
			Region: jsii.String(r.Region), DeletionProtection: p.protected(p.disposable || r.Disposable),
		})
	}
	if len(replicas) > 0 {
		props.Replicas = &replicas
	}
	if prop.IsKnown(*awscdk.Stack_Of(scope).Region()) {
		props.Encryption = awsdynamodb.TableEncryptionV2_CustomerManagedKey(p.key, &keyArns)
		return awsdynamodb.NewTableV2(scope, &t.Name, props)
	}
	// The CDK writes no customer key for a stack whose region it does not know, although the only replica is the
	// stack's own.
	props.Encryption = awsdynamodb.TableEncryptionV2_AwsManagedKey()
	table := awsdynamodb.NewTableV2(scope, &t.Name, props)
	resource := table.Node().DefaultChild().(awsdynamodb.CfnGlobalTable)
	resource.AddPropertyOverride(jsii.String("Replicas.0.SSESpecification.KMSMasterKeyId"), p.key.KeyArn())
	return table
}

func indexes(t contract.Table) *[]*awsdynamodb.GlobalSecondaryIndexPropsV2 {
	if len(t.Indexes) == 0 {
		return nil
	}
	all := make([]*awsdynamodb.GlobalSecondaryIndexPropsV2, len(t.Indexes))
	for i, index := range t.Indexes {
		all[i] = &awsdynamodb.GlobalSecondaryIndexPropsV2{
			IndexName:      jsii.String(index.Name),
			PartitionKey:   attribute(index.Key.Partition),
			SortKey:        attribute(index.Key.Sort),
			ProjectionType: awsdynamodb.ProjectionType_ALL,
		}
		if len(index.Projected) > 0 {
			all[i].ProjectionType, all[i].NonKeyAttributes = awsdynamodb.ProjectionType_INCLUDE,
				jsii.Strings(index.Projected...)
		}
	}
	return &all
}

func attribute(name string) *awsdynamodb.Attribute {
	return &awsdynamodb.Attribute{Name: &name, Type: awsdynamodb.AttributeType_STRING}
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
