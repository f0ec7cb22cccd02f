package storage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/claim"
	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/constructs/internal/refuse"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// Replica names another region and the key that encrypts there. Key.Replica makes one of a multi-Region key.
type Replica struct {
	// Region is the AWS region of the replica, such as "eu-west-1". Required.
	Region string
	// Key is the customer managed key in that region. Required.
	Key awskms.IKey
	// Disposable lets the replicas of the tables in that region be deleted. To remove a region set it, deploy, and then
	// take the region out: DynamoDB refuses to remove a replica that is protected. Default: the same as for the tables.
	Disposable bool
}

// ValidateReplicas returns every problem of the replicas that a stack of the given region names.
func ValidateReplicas(replicas []Replica, stackRegion string) error {
	regions, keys := make([]string, len(replicas)), rule.Faults{}
	for i, r := range replicas {
		regions[i] = r.Region
		key := fmt.Sprintf("Replicas[%d].Key", i)
		keys = append(keys, prop.Required(key, r.Key == nil, "the key of that region, such as Key.Replica(…)")...)
	}
	return rule.All(
		rule.Fault{
			Field:  "Replicas",
			Rule:   "needs a stack with an explicit region, got one without",
			Advice: "set Env of the stack",
		}.If(len(replicas) > 0 && !prop.IsKnown(stackRegion)),
		rule.Each("Replicas[*].Region", regions, func(key, region string) rule.Faults {
			return rule.All(rule.Region(key, region), rule.Fault{
				Field:  key,
				Rule:   "must not be the stack's own region",
				Got:    region,
				Advice: "list only the other regions",
			}.If(region == stackRegion))
		}),
		keys,
	).Err()
}

// GlobalTablesProps configures GlobalTables. The zero value of a field selects its default.
type GlobalTablesProps struct {
	// Name begins the tables' physical names, such as "SensorFlow-dev" in "SensorFlow-dev-Readings", by which the
	// stacks of other regions find them: 1 to 64 letters, digits and hyphens, starting with a letter. Default:
	// CloudFormation makes the names up.
	Name string

	// Key encrypts the tables in the stack's own region. Default: a new Key; required with Replicas.
	Key awskms.IKey

	// Replicas are the regions beside the stack's own, which must not be listed.
	//
	// New tables may start with all of them. DynamoDB adds or removes one replica per update of a table, and
	// CloudFormation refuses a template that asks for more: to tables that exist, add one region, deploy, then add the
	// next. Default: none.
	Replicas []Replica

	// Disposable lets the tables be deleted with their stack. For test environments.
	// Default: deletion protection, and the tables stay when their stack goes.
	Disposable bool
}

// Validate returns every problem of the props that can be seen without the stack.
func (p GlobalTablesProps) Validate() error {
	var name rule.Faults
	if p.Name != "" {
		name = nameFaults(p.Name)
	}
	return rule.All(name, rule.Fault{
		Field: "Key", Rule: "is required with Replicas", Advice: "give the multi-Region key of the stack's region",
	}.If(len(p.Replicas) > 0 && p.Key == nil)).Err()
}

// ValidateReplicaStep says whether tables that were deployed with replicas in some regions can be given replicas in the
// wanted ones by one deployment. A template does not show what is deployed. A caller who knows it can ask here before a
// deployment fails. New tables, with deployed nil, may start with any number.
func ValidateReplicaStep(deployed, wanted []string) error {
	if deployed == nil {
		return nil
	}
	changed := 0
	for _, region := range wanted {
		if !slices.Contains(deployed, region) {
			changed++
		}
	}
	for _, region := range deployed {
		if !slices.Contains(wanted, region) {
			changed++
		}
	}
	if changed > 1 {
		return fmt.Errorf("a deployment adds or removes one region of the tables, got %d: from %s to %s; change "+
			"one, deploy, then change the next",
			changed, strings.Join(deployed, ", "), strings.Join(wanted, ", "))
	}
	return nil
}

func nameFaults(name string) rule.Faults { return rule.Name("Name", name, contract.NameCharsMax) }

// GlobalTables are the tables that every region reads and writes: readings, aggregate rows and revoked tokens.
type GlobalTables struct {
	constructs.Construct

	// Readings, Aggregates and Revocations are the tables in the stack's own region.
	Readings, Aggregates, Revocations awsdynamodb.ITableV2

	// ReadingsStreamArn is the stream of Readings in the stack's own region, as an event source takes it.
	ReadingsStreamArn *string

	// Protection holds the calls that protect the tables against deletion once they are there; nil without a Name,
	// where the template does so.
	Protection constructs.Construct

	key awskms.IKey
}

// NewGlobalTables makes the tables, with a replica in each further region.
func NewGlobalTables(scope constructs.Construct, id string, props *GlobalTablesProps) *GlobalTables {
	region := *refuse.OutsideStack(scope, id).Region()
	p := prop.OrZero(props)
	refuse.If(scope, id, rule.All(rule.Of(p.Validate()), rule.Of(ValidateReplicas(p.Replicas, region))).Err())
	if p.Name != "" {
		refuse.If(scope, id, claim.Physical(scope, id, "Name", p.Name, claim.Of(awscdk.Stack_Of(scope)), "table",
			*physicalName(p.Name, contract.ReadingsTable())).Err())
	}
	t := &GlobalTables{key: p.Key}
	constructs.NewConstruct_Override(t, scope, &id)
	if t.key == nil {
		t.key = NewKey(t, "Key", &KeyProps{Disposable: p.Disposable}).Key
	}
	table := func(definition contract.Table) awsdynamodb.TableV2 {
		return newTable(t, definition, tableProps{
			name: p.Name, key: t.key, replicas: p.Replicas, disposable: p.Disposable,
		})
	}
	t.Readings, t.Aggregates, t.Revocations = table(contract.ReadingsTable()), table(contract.AggregatesTable()),
		table(contract.RevocationsTable())
	t.ReadingsStreamArn = t.Readings.TableStreamArn()
	if p.Name != "" {
		t.protect(p)
	}
	return t
}

// ImportGlobalTablesProps says which tables ImportGlobalTables finds.
type ImportGlobalTablesProps struct {
	// Name is the Name that the tables were made with. Required.
	Name string

	// Key is the key that encrypts the tables in the stack's own region. Required.
	Key awskms.IKey

	// StreamRevision makes the next deployment look the stream up again when it differs from the last one's: see
	// ReplicaStreamProps.Revision. Default: the stream is looked up again when Name changes.
	StreamRevision string
}

// Validate returns every problem of the props.
func (p ImportGlobalTablesProps) Validate() error {
	return rule.All(nameFaults(p.Name), prop.Required("Key", p.Key == nil, "the key of the stack's region")).Err()
}

// ImportGlobalTables finds tables that another stack made with a Name, by their names in the stack's own region, and
// looks the stream of the readings up when it is deployed. No value passes from the other stack, so that regions stay
// independent of each other.
func ImportGlobalTables(scope constructs.Construct, id string, props *ImportGlobalTablesProps) *GlobalTables {
	refuse.OutsideStack(scope, id)
	p := prop.OrZero(props)
	refuse.If(scope, id, p.Validate())
	t := &GlobalTables{key: p.Key}
	constructs.NewConstruct_Override(t, scope, &id)
	readings := contract.ReadingsTable()
	named := awsdynamodb.TableV2_FromTableName(t, jsii.String(readings.Name+"Name"), physicalName(p.Name, readings))
	t.ReadingsStreamArn = NewReplicaStream(t, "ReadingsStream", &ReplicaStreamProps{
		Table: named, Key: p.Key, Revision: p.StreamRevision,
	}).StreamArn
	t.Readings = importTable(t, p, readings, t.ReadingsStreamArn)
	t.Aggregates = importTable(t, p, contract.AggregatesTable(), nil)
	t.Revocations = importTable(t, p, contract.RevocationsTable(), nil)
	return t
}

func importTable(
	scope constructs.Construct, p ImportGlobalTablesProps, table contract.Table, stream *string,
) awsdynamodb.ITableV2 {
	indexes := make([]string, len(table.Indexes))
	for i, index := range table.Indexes {
		indexes[i] = index.Name
	}
	return awsdynamodb.TableV2_FromTableAttributes(scope, &table.Name, &awsdynamodb.TableAttributesV2{
		TableName:      physicalName(p.Name, table),
		EncryptionKey:  p.Key,
		GlobalIndexes:  jsii.Strings(indexes...),
		TableStreamArn: stream,
	})
}

// physicalName is a table's name under a deployment's name, nil where CloudFormation makes one up.
func physicalName(name string, table contract.Table) *string {
	if name == "" {
		return nil
	}
	return jsii.String(name + "-" + table.Name)
}
