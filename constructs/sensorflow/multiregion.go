package sensorflow

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/internal/claim"
	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/constructs/internal/refuse"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// MultiRegion is the service in several regions: stacks named <name>-keys-<region>, <name>-state and <name>-<region>.
// The stacks have no outputs but those that stacks of other regions read: whoever owns them adds what is wanted, such
// as the Api.Url of one of Flows and the TokenURL of Identity.
//
// The stacks are made directly in the scope, so that their ids, by which the command line selects them, are their
// names.
type MultiRegion struct {
	// Keys are the stacks of the encryption keys, State is that of the global tables and the user pool, and Stacks are
	// those of the regions, by region.
	Keys   map[string]awscdk.Stack
	State  awscdk.Stack
	Stacks map[string]awscdk.Stack
	// Flows are the service's parts by region.
	Flows map[string]*SensorFlow
	// Identity is the user pool, in State.
	Identity *identity.Identity
	// Tables are the global tables, in State.
	Tables *storage.GlobalTables

	scope  constructs.Construct
	stacks []awscdk.Stack
}

// NewMultiRegion adds the stacks of a deployment to scope, an App or a Stage. It panics when the props are wrong.
//
// No stack is tied to a stack of another region: the two could then never be deployed or deleted apart. Stacks find
// each other by names. Two values that no name tells, the address of the primary key and the id of the user pool, are
// read from an output of the other stack while a stack is deployed; neither ever changes. Only the order of the
// deployments joins the stacks: keys of the primary, keys of the others, state, regions.
func NewMultiRegion(scope constructs.Construct, id string, props *MultiRegionProps) *MultiRegion {
	p := prop.OrZero(props)
	faults := rule.All(scopeFaults(scope), rule.Of(p.Validate()))
	if p.Name == "" {
		p.Name = id
		faults = rule.All(faults, nameFaults("the id", id))
	}
	refuse.If(scope, id, faults.Err())
	refuse.If(scope, id, p.claimStacks(scope, id).Err())
	m := &MultiRegion{
		scope:  scope,
		Keys:   map[string]awscdk.Stack{},
		Stacks: map[string]awscdk.Stack{},
		Flows:  map[string]*SensorFlow{},
	}
	keys, replicas := m.addKeys(p)
	m.addState(p, keys[p.Regions[0]], replicas)
	for i, region := range p.Regions {
		m.addRegion(p, i, keys[region])
		if p.OneByOne && i > 0 {
			m.Stacks[region].AddStackDependency(m.Stacks[p.Regions[i-1]], jsii.String("one region after the other"))
		}
	}
	return m
}

// claimStacks refuses a deployment of which another one in the app has a stack. It names one: others follow from it.
func (p MultiRegionProps) claimStacks(scope constructs.Construct, id string) rule.Faults {
	places := map[string]string{p.Name + "-" + suffixState: p.Regions[0]}
	for _, region := range p.Regions {
		places[p.Name+"-"+prefixKeys+region], places[p.Name+"-"+region] = region, region
	}
	for _, name := range slices.Sorted(maps.Keys(places)) {
		faults := claim.Physical(scope, id, "Name", p.Name, claim.Place{Account: p.Account, Region: places[name]},
			"stack", name)
		if len(faults) > 0 {
			return faults
		}
	}
	return nil
}

// The parts of the stacks' names beside the deployment's name and the region.
const (
	suffixState = "state"
	prefixKeys  = "keys-"
)

// stack makes a stack of a region. Where the region leaves, nothing protects what belongs to it alone.
func (m *MultiRegion) stack(
	p MultiRegionProps, suffix, region, description string, leaving bool,
) awscdk.Stack {
	name := p.Name + "-" + suffix
	stack := awscdk.NewStack(m.scope, &name, &awscdk.StackProps{
		StackName: &name, Description: &description,
		Env:                   &awscdk.Environment{Account: &p.Account, Region: &region},
		TerminationProtection: jsii.Bool(!p.Flow.Disposable && !leaving),
	})
	m.stacks = append(m.stacks, stack)
	return stack
}

// addKeys makes the stacks of the keys. What is replicated to a region is encrypted there with that region's replica of
// the key, which must exist before.
func (m *MultiRegion) addKeys(p MultiRegionProps) (keys map[string]awskms.IKey, replicas []storage.Replica) {
	keys = map[string]awskms.IKey{}
	primary := p.Regions[0]
	stack := m.stack(p, prefixKeys+primary, primary, "SensorFlow: encryption key, primary region", false)
	m.Keys[primary] = stack
	key := storage.NewKey(stack, "Key", &storage.KeyProps{
		Alias: p.Name, MultiRegion: true, Disposable: p.Flow.Disposable,
	})
	keys[primary] = key.Key
	tell(stack, toldKeyArn, key.Key.KeyArn())
	for _, region := range p.Regions[1:] {
		leaving := slices.Contains(p.Leaving, region)
		stack := m.stack(p, prefixKeys+region, region, "SensorFlow: encryption key, replica", leaving)
		stack.AddStackDependency(m.Keys[primary], jsii.String("a replica needs its primary key"))
		m.Keys[region] = stack
		keys[region] = storage.NewReplicaKey(stack, "Key", &storage.ReplicaKeyProps{
			PrimaryKeyArn: told(m.Keys[primary], toldKeyArn), Alias: p.Name, Disposable: p.Flow.Disposable,
		}).Key
		replica := key.Replica(region)
		replica.Disposable = leaving
		replicas = append(replicas, replica)
	}
	return keys, replicas
}

func (m *MultiRegion) addState(p MultiRegionProps, key awskms.IKey, replicas []storage.Replica) {
	m.State = m.stack(p, suffixState, p.Regions[0], "SensorFlow: global tables and user pool", false)
	for _, region := range p.Regions {
		m.State.AddStackDependency(m.Keys[region], jsii.String("replicas are encrypted with the key of their region"))
	}
	m.Tables = storage.NewGlobalTables(m.State, "Tables", &storage.GlobalTablesProps{
		Name: p.Name, Key: key, Replicas: replicas, Disposable: p.Flow.Disposable,
	})
	props := &identity.IdentityProps{
		Name:           p.Name,
		Key:            key,
		Replicas:       replicas,
		KeepIssuer:     len(p.Adopted) > 0, // there were several regions once
		MachineClients: p.Flow.MachineClients,
		Mfa:            p.Flow.Mfa,
		Disposable:     p.Flow.Disposable,
	}
	if p.TokenHealthCheckId != "" {
		props.FailoverHealthCheck = awsroute53.HealthCheck_FromHealthCheckId(m.State, jsii.String("TokenHealthCheck"),
			&p.TokenHealthCheckId)
	}
	m.Identity = identity.NewIdentity(m.State, "Identity", props)
	// The last step: until then everything can be taken back.
	m.Tables.Protection.Node().AddDependency(m.Identity)
	if len(p.Regions) > 1 {
		tell(m.State, toldUserPool, m.Identity.UserPool.UserPoolId())
	}
}

func (m *MultiRegion) addRegion(p MultiRegionProps, index int, key awskms.IKey) {
	region := p.Regions[index]
	leaving := slices.Contains(p.Leaving, region)
	stack := m.stack(p, region, region, "SensorFlow: the service in one region", leaving)
	stack.AddStackDependency(m.State, jsii.String("a region works on the global tables and the user pool"))
	m.Stacks[region] = stack
	flow := p.Flow
	flow.VpcCidr = p.cidr(index)
	if p.ForRegion != nil {
		p.ForRegion(stack, region, &flow)
	}
	flow.UploadsBucket, flow.UserPool, flow.UserPoolDomain, flow.UserPoolIssuer = nil, nil, nil, ""
	if flow.Vpc != nil && flow.VpcCidr == p.cidr(index) {
		flow.VpcCidr = ""
	}
	flow.Key, flow.MachineClients, flow.Mfa = key, nil, identity.MfaOff
	if flow.Adopted = nil; index == 0 { // one region alone may write the rows of another
		flow.Adopted = p.Adopted
	}
	flow.Tables = storage.ImportGlobalTables(stack, "Tables", &storage.ImportGlobalTablesProps{Name: p.Name, Key: key})
	flow.Settings = identity.ImportSettings(stack, "Settings", p.Name, key)
	flow.SettingsRevision, flow.Leaving = m.Identity.SettingsRevision, leaving
	switch {
	case index >= contract.PoolRegionsMax:
		flow.UserPoolRegion = p.Regions[0]
	case index > 0:
		identity.NewReplicaActivation(stack, "PoolReplica", &identity.ReplicaActivationProps{
			UserPoolId: told(m.State, toldUserPool),
		})
	}
	if d := p.Domain; d != nil {
		flow.Domain = &apiservice.Domain{Name: d.Name,
			HostedZone: awsroute53.HostedZone_FromHostedZoneAttributes(stack, jsii.String("Zone"),
				&awsroute53.HostedZoneAttributes{HostedZoneId: &d.HostedZoneId, ZoneName: &d.HostedZoneName})}
	}
	m.Flows[region] = NewSensorFlow(stack, "SensorFlow", &flow)
}

// The outputs that stacks of other regions read, and nobody else.
const (
	toldKeyArn   = "PrimaryKeyArn"
	toldUserPool = "ReplicatedUserPoolId"
)

// tell makes an output for stacks of other regions.
func tell(stack awscdk.Stack, id string, value *string) {
	awscdk.NewCfnOutput(stack, &id, &awscdk.CfnOutputProps{
		Value: value, Description: jsii.String("Read by the stacks of other regions"),
	})
}

// told is what another stack tells. CloudFormation looks it up when it deploys the stack that asks. That one does not
// follow when the output changes, so it is for what never does.
func told(stack awscdk.Stack, id string) string {
	return *awscdk.Fn_GetStackOutput(stack.StackName(), &id, stack.Region(), nil)
}

// All lists the stacks in the order in which they are deployed.
func (m *MultiRegion) All() []awscdk.Stack { return m.stacks }
