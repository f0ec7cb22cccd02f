package storage

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/claim"
	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/constructs/internal/refuse"
	"github.com/sensorflow/sensorflow/constructs/internal/removal"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// KeyProps configures a Key. The zero value of a field selects its default.
type KeyProps struct {
	// Alias is the key's alias without "alias/", such as "SensorFlow-dev": 1 to 64 letters, digits and hyphens,
	// starting with a letter. Default: no alias.
	Alias string

	// MultiRegion makes a key that can have replicas in other regions. A later change makes another key, with which
	// nobody can read what the old one encrypted, so decide before the first deployment. Default: a key of one region.
	MultiRegion bool

	// BucketEvents lets EventBridge send events of an existing bucket to an encrypted queue; see UploadsProps.Bucket.
	// Default: false.
	BucketEvents bool

	// Disposable lets the key be deleted with its stack, after DisposableKeyWaitDays. What it encrypts is lost with it.
	// For test environments. Default: the key stays when its stack goes.
	Disposable bool
}

// DisposableKeyWaitDays is how long KMS waits before it deletes a key that is Disposable, the shortest that it takes.
const DisposableKeyWaitDays = 7

// Validate returns every problem of the props.
func (p KeyProps) Validate() error {
	if p.Alias == "" {
		return nil
	}
	return aliasFaults(p.Alias).Err()
}

func aliasFaults(alias string) rule.Faults {
	return rule.Name("Alias", alias, contract.NameCharsMax).Advise("leave out the alias/ before it")
}

// Key is a customer managed key that rotates every year, with a policy that names the services which use it.
//
// The field Key is an imported key on purpose. On a key of its own stack the CDK's grants write wildcard actions
// (kms:GenerateDataKey*, kms:ReEncrypt*) into the key's policy, and from another stack they tie that stack to the key's
// stack. On an imported key they give the grantee exactly what is asked for, and the policy below allows all that
// services need. A replica can only be imported, so that all regions are alike.
type Key struct {
	constructs.Construct

	// Key is what the other constructs take.
	Key awskms.IKey

	// Resource is the key itself, for what the props do not offer.
	Resource awskms.CfnKey

	multiRegion bool
	replicas    map[string]awskms.IKey
}

// NewKey makes a Key.
func NewKey(scope constructs.Construct, id string, props *KeyProps) *Key {
	refuse.OutsideStack(scope, id)
	p := prop.OrZero(props)
	refuse.If(scope, id, p.Validate())
	refuse.If(scope, id, claimAlias(scope, id, p.Alias).Err())
	k := &Key{multiRegion: p.MultiRegion, replicas: map[string]awskms.IKey{}}
	constructs.NewConstruct_Override(k, scope, &id)
	k.Resource = awskms.NewCfnKey(k, jsii.String("Resource"), &awskms.CfnKeyProps{
		Description:       jsii.String("Data of " + *awscdk.Stack_Of(k).StackName()),
		EnableKeyRotation: true,
		MultiRegion:       p.MultiRegion,
		KeyPolicy:         keyPolicy(awscdk.Stack_Of(k), p.BucketEvents), PendingWindowInDays: pendingWindow(p.Disposable),
	})
	policy := removal.Policy(p.Disposable)
	if p.MultiRegion {
		// Such a key is in a stack before those that use it, so that nothing needs it where that stack failed. Beside
		// what it encrypts it stays, since that may stay too.
		policy = removal.Created(p.Disposable)
	}
	k.Resource.ApplyRemovalPolicy(policy, nil)
	k.Key = awskms.Key_FromKeyArn(k, jsii.String("Key"), k.Resource.AttrArn())
	if p.Alias != "" {
		addAlias(k, p.Alias, k.Resource.AttrKeyId())
	}
	return k
}

// Replica names the key's replica in another region, for the constructs that take one. Related keys of several regions
// have the same id, so that nothing has to be looked up. It panics where the key is not a multi-Region key.
func (k *Key) Replica(region string) Replica {
	if !k.multiRegion {
		refuse.By(k, fmt.Errorf("a replica in %s needs MultiRegion", region))
	}
	if key, ok := k.replicas[region]; ok {
		return Replica{Region: region, Key: key}
	}
	arn := awscdk.Stack_Of(k).FormatArn(&awscdk.ArnComponents{
		Service:      jsii.String("kms"),
		Region:       &region,
		Resource:     jsii.String("key"),
		ResourceName: k.Resource.AttrKeyId(),
	})
	k.replicas[region] = awskms.Key_FromKeyArn(k, jsii.String("KeyIn-"+region), arn)
	return Replica{Region: region, Key: k.replicas[region]}
}

// ReplicaKeyProps configures a ReplicaKey.
type ReplicaKeyProps struct {
	// PrimaryKeyArn is the address of the primary key, a multi-Region Key in another region. Between the stacks of an
	// app awscdk.Fn_GetStackOutput gives it from an output: a reference of the CDK would tie the two stacks to each
	// other. A later change makes another replica, with which nobody can read what the old one encrypted. Required.
	PrimaryKeyArn string

	// Alias is the replica's alias in its own region, without "alias/". Default: no alias.
	Alias string

	// Disposable lets the replica be deleted with its stack, after DisposableKeyWaitDays. For test environments.
	// Default: the replica stays when its stack goes.
	Disposable bool
}

var keyArnPattern = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/mrk-[0-9a-f-]+$`)

// Validate returns every problem of the props.
func (p ReplicaKeyProps) Validate() error {
	var alias rule.Faults
	if p.Alias != "" {
		alias = aliasFaults(p.Alias)
	}
	return rule.All(
		prop.Known(rule.Text("PrimaryKeyArn", p.PrimaryKeyArn, keyArnPattern.MatchString(p.PrimaryKeyArn),
			"the ARN of a multi-Region key")),
		alias,
	).Err()
}

// ReplicaKey is the replica of a multi-Region Key in its stack's region. Deploy its stack after the primary's.
type ReplicaKey struct {
	constructs.Construct

	// Key is what the other constructs take.
	Key awskms.IKey

	// Resource is the replica itself, for what the props do not offer.
	Resource awskms.CfnReplicaKey
}

// NewReplicaKey makes a ReplicaKey.
func NewReplicaKey(scope constructs.Construct, id string, props *ReplicaKeyProps) *ReplicaKey {
	stack := refuse.OutsideStack(scope, id)
	p := prop.OrZero(props)
	own := rule.Fault{
		Field: "PrimaryKeyArn", Rule: "must not be in the stack's own region", Got: p.PrimaryKeyArn,
		Advice: "the primary key is not its own replica",
	}.If(prop.IsKnown(*stack.Region()) && strings.Contains(p.PrimaryKeyArn, ":kms:"+*stack.Region()+":"))
	refuse.If(scope, id, rule.All(rule.Of(p.Validate()), own).Err())
	refuse.If(scope, id, claimAlias(scope, id, p.Alias).Err())
	k := &ReplicaKey{}
	constructs.NewConstruct_Override(k, scope, &id)
	k.Resource = awskms.NewCfnReplicaKey(k, jsii.String("Resource"), &awskms.CfnReplicaKeyProps{
		Description:   jsii.String("Data of " + *awscdk.Stack_Of(k).StackName()),
		PrimaryKeyArn: &p.PrimaryKeyArn,
		KeyPolicy:     keyPolicy(stack, false), PendingWindowInDays: pendingWindow(p.Disposable),
	})
	k.Resource.ApplyRemovalPolicy(removal.Created(p.Disposable), nil)
	k.Key = awskms.Key_FromKeyArn(k, jsii.String("Key"), k.Resource.AttrArn())
	if p.Alias != "" {
		addAlias(k, p.Alias, k.Resource.AttrKeyId())
	}
	return k
}

func claimAlias(scope constructs.Construct, id, alias string) rule.Faults {
	if alias == "" {
		return nil
	}
	return claim.Physical(scope, id, "Alias", alias, claim.Of(awscdk.Stack_Of(scope)), "alias", aliasPrefix+alias)
}

func addAlias(scope constructs.Construct, alias string, keyID *string) {
	awskms.NewCfnAlias(scope, jsii.String("Alias"), &awskms.CfnAliasProps{
		AliasName: jsii.String(aliasPrefix + alias), TargetKeyId: keyID,
	})
}

const aliasPrefix = "alias/"

func pendingWindow(disposable bool) *float64 {
	if !disposable {
		return nil
	}
	return jsii.Number(DisposableKeyWaitDays)
}
