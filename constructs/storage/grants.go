package storage

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// The grants below name the calls that the runtime makes and no others. The CDK's own grants for tables allow more
// calls, all indexes of a table, and kms:ReEncrypt* and kms:GenerateDataKey*.

// GrantSendReadings lets the grantee store and delete readings, as the API and the CSV processor do: each write is a
// statement of PartiQL, and one that is refused looks at what is there. A deletion leaves a tombstone, so that no right
// to delete is needed.
func (t *GlobalTables) GrantSendReadings(grantee awsiam.IGrantable) awsiam.Grant {
	grantTableKey(t.key, grantee, true)
	return grant(grantee, t.Readings.TableArn(), "dynamodb:BatchGetItem", "dynamodb:PartiQLInsert",
		"dynamodb:PartiQLUpdate")
}

// GrantReadReadings lets the grantee list the readings of an equipment.
func (t *GlobalTables) GrantReadReadings(grantee awsiam.IGrantable) awsiam.Grant {
	grantTableKey(t.key, grantee, false)
	return grant(grantee, t.Readings.TableArn(), "dynamodb:Query")
}

// GrantFollowReadings lets the grantee, the aggregator, read the stream of the readings in the stack's region.
func (t *GlobalTables) GrantFollowReadings(grantee awsiam.IGrantable) awsiam.Grant {
	grantTableKey(t.key, grantee, false)
	return grantStream(grantee, t.ReadingsStreamArn)
}

// GrantReadAggregates lets the grantee answer windows of aggregates, of one equipment, of all and of the fleet.
func (t *GlobalTables) GrantReadAggregates(grantee awsiam.IGrantable) awsiam.Grant {
	grantTableKey(t.key, grantee, false)
	return grant(grantee, t.Aggregates.TableArn(), "dynamodb:BatchGetItem", "dynamodb:Query").
		Combine(grant(grantee, indexArn(t.Aggregates, contract.IndexByInterval), "dynamodb:Query"))
}

// GrantUpdateAggregates lets the grantee bring aggregate rows up to date, recount them from the readings and list the
// equipments that have any. A transaction needs the permissions for what it does to each item, here to update it, and
// none of its own.
func (t *GlobalTables) GrantUpdateAggregates(grantee awsiam.IGrantable) awsiam.Grant {
	grantTableKey(t.key, grantee, true)
	return grant(grantee, t.Aggregates.TableArn(), "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem").
		Combine(grant(grantee, t.Readings.TableArn(), "dynamodb:Query"))
}

// GrantAuditAggregates lets the grantee find all rows of aggregates and compare them with the readings. It
// may write nothing.
func (t *GlobalTables) GrantAuditAggregates(grantee awsiam.IGrantable) awsiam.Grant {
	grantTableKey(t.key, grantee, false)
	return grant(grantee, t.Aggregates.TableArn(), "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan").
		Combine(grant(grantee, t.Readings.TableArn(), "dynamodb:Query", "dynamodb:Scan"))
}

// GrantRepairAggregates lets the grantee, a person or a program that runs runtime/cmd/aggregates, also set them right.
func (t *GlobalTables) GrantRepairAggregates(grantee awsiam.IGrantable) awsiam.Grant {
	return t.GrantAuditAggregates(grantee).Combine(t.GrantUpdateAggregates(grantee))
}

// GrantReadStream lets the grantee read records of the readings' stream in the stack's region again, by
// their place in the stream.
func (t *GlobalTables) GrantReadStream(grantee awsiam.IGrantable) awsiam.Grant {
	grantTableKey(t.key, grantee, false)
	return grant(grantee, t.ReadingsStreamArn, "dynamodb:GetRecords", "dynamodb:GetShardIterator")
}

// GrantRevokeTokens lets the grantee revoke tokens and read which ones are revoked.
func (t *GlobalTables) GrantRevokeTokens(grantee awsiam.IGrantable) awsiam.Grant {
	grantTableKey(t.key, grantee, true)
	return grant(grantee, t.Revocations.TableArn(), "dynamodb:PutItem", "dynamodb:Query")
}

// MetricThrottledRequests is how many reads and writes of the tables in the stack's region were refused for lack of
// capacity. Over minutes it should be zero.
func (t *GlobalTables) MetricThrottledRequests(options *awscloudwatch.MetricOptions) awscloudwatch.IMetric {
	usingMetrics := map[string]awscloudwatch.IMetric{}
	expression := ""
	for id, table := range map[string]awsdynamodb.ITableV2{
		"readings": t.Readings, "aggregates": t.Aggregates, "revocations": t.Revocations,
	} {
		for _, kind := range []string{"Read", "Write"} {
			usingMetrics[id+kind] = table.Metric(jsii.String(kind+"ThrottleEvents"),
				&awscloudwatch.MetricOptions{Statistic: jsii.String("Sum")})
		}
	}
	for _, id := range []string{"readings", "aggregates", "revocations"} {
		for _, kind := range []string{"Read", "Write"} {
			if expression != "" {
				expression += " + "
			}
			expression += "FILL(" + id + kind + ", 0)"
		}
	}
	props := &awscloudwatch.MathExpressionProps{
		Expression: &expression, UsingMetrics: &usingMetrics, Label: jsii.String("Throttled requests to the tables"),
	}
	if options != nil {
		props.Period, props.Color = options.Period, options.Color
		if options.Label != nil {
			props.Label = options.Label
		}
	}
	return awscloudwatch.NewMathExpression(props)
}

// MetricReplicationLatency is how long readings written here take to reach another region, in milliseconds.
func (t *GlobalTables) MetricReplicationLatency(
	toRegion string, options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	o := awscloudwatch.MetricOptions{}
	if options != nil {
		o = *options
	}
	o.DimensionsMap = &map[string]*string{"TableName": t.Readings.TableName(), "ReceivingRegion": &toRegion}
	if o.Statistic == nil {
		o.Statistic = jsii.String("Average")
	}
	return t.Readings.Metric(jsii.String("ReplicationLatency"), &o)
}

// MetricReplicationLatencyMax is how long readings written here take to reach the slowest region, in milliseconds. It
// names no region, so that a new one is measured without a change here. With one region there is nothing to measure.
func (t *GlobalTables) MetricReplicationLatencyMax(options *awscloudwatch.MetricOptions) awscloudwatch.IMetric {
	props := &awscloudwatch.MathExpressionProps{
		Expression: jsii.String("SELECT MAX(ReplicationLatency) " +
			`FROM SCHEMA("AWS/DynamoDB", ReceivingRegion, TableName) WHERE TableName = '` + *t.Readings.TableName() + `'`),
		Label: jsii.String("Replication of readings to the slowest region"),
	}
	if options != nil {
		props.Period, props.Color = options.Period, options.Color
		if options.Label != nil {
			props.Label = options.Label
		}
	}
	return awscloudwatch.NewMathExpression(props)
}

// grantStream allows what Lambda checks a function's role for before it follows a stream.
func grantStream(grantee awsiam.IGrantable, arn *string) awsiam.Grant {
	return grant(grantee, arn, "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator",
		"dynamodb:ListStreams")
}

// indexArn is the address of one index of a table.
func indexArn(table awsdynamodb.ITableV2, index string) *string {
	return jsii.String(*table.TableArn() + "/index/" + index)
}

// grant adds a statement to the grantee's policy.
func grant(grantee awsiam.IGrantable, arn *string, actions ...string) awsiam.Grant {
	return awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee: grantee, Actions: jsii.Strings(actions...), ResourceArns: &[]*string{arn},
	})
}

// grantTableKey lets the grantee use the key through DynamoDB, which asks for the caller's right to it.
func grantTableKey(key awskms.IKey, grantee awsiam.IGrantable, write bool) {
	actions := []string{"kms:Decrypt", "kms:DescribeKey"}
	if write {
		actions = append(actions, "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
			"kms:ReEncryptFrom", "kms:ReEncryptTo")
	}
	grantThrough(key, "dynamodb", grantee, actions...)
}
