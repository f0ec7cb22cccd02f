package sensorflow

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/storage"
)

// MultiRegionProps configure a MultiRegion. The zero value of an optional field selects its default.
type MultiRegionProps struct {
	// Account is the AWS account of all stacks, 12 digits. Required.
	Account string
	// Regions serve together; the first is the primary, in which the user pool and the definition of the tables live. One region is
	// enough to begin with: others are added one at a time, each followed by a deployment, as DynamoDB takes one new replica per
	// update. Required.
	Regions []string
	// Name begins the names of stacks, tables and secret and tells deployments in one account apart: letters, digits and hyphens, at
	// most 40. Changing it makes a new deployment beside the old one. Default: the id.
	Name string
	// Domain gives the API one address in all regions. Default: each region has an address of CloudFront.
	Domain *ZoneDomain
	// VpcCidrs are the address ranges of the regions' networks. Default: 10.0.0.0/16, 10.1.0.0/16 and so on, in the order of
	// Regions.
	VpcCidrs map[string]string
	// Flow holds for every region alike. Its Key, Tables, Settings, UserPoolRegion, Domain, Vpc and VpcCidr must be left out: they
	// belong to one region.
	Flow SensorFlowProps
	// OneByOne makes the stack of each region wait for that of the region before, for deployments that stop at the first region
	// that fails. Default: regions do not wait for each other.
	OneByOne bool
}

// ZoneDomain is an address in a public hosted zone of Route 53, named so that the stacks of all regions can use it.
type ZoneDomain struct{ Name, HostedZoneId, HostedZoneName string }

// MultiRegion is the service in several regions: stacks named <name>-keys-<region>, <name>-state and <name>-<region>.
//
// The stacks stand directly in the scope, so that their ids, by which the CLI selects them, are their names.
type MultiRegion struct {
	// Keys are the stacks of the encryption keys, State is that of the global tables and the user pool, and Stacks are those of
	// the regions, by region.
	Keys   map[string]awscdk.Stack
	State  awscdk.Stack
	Stacks map[string]awscdk.Stack
	// Flows are the service's parts by region.
	Flows map[string]*SensorFlow
	// RegionUrls are the outputs that hold each region's own address.
	RegionUrls map[string]awscdk.CfnOutput
	// Identity is the user pool, in State.
	Identity *identity.Identity
	// Tables are the global tables, in State.
	Tables *storage.GlobalTables

	scope  constructs.Construct
	stacks []awscdk.Stack
}

// poolRegionsMax is how many regions have the user pool: Cognito replicates it to one other.
const poolRegionsMax = 2

// Validate reports everything that is wrong with the props.
func (p MultiRegionProps) Validate() error {
	errs := []error{p.Flow.Validate()}
	if !regexp.MustCompile(`^[0-9]{12}$`).MatchString(p.Account) {
		errs = append(errs, fmt.Errorf("Account must be an account number of 12 digits, got %q", p.Account))
	}
	if p.Name != "" && !regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,39}$`).MatchString(p.Name) {
		errs = append(errs, fmt.Errorf("Name must be at most 40 letters, digits and hyphens, beginning with a letter, got %q", p.Name))
	}
	if len(p.Regions) == 0 {
		errs = append(errs, errors.New("Regions must name at least one region"))
	}
	for i, region := range p.Regions {
		if !regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`).MatchString(region) {
			errs = append(errs, fmt.Errorf("Regions[%d] must be a region such as eu-west-1, got %q", i, region))
		}
		if slices.Contains(p.Regions[:i], region) {
			errs = append(errs, fmt.Errorf("Regions[%d] must not be there twice, got %q", i, region))
		}
	}
	for region := range p.VpcCidrs {
		if !slices.Contains(p.Regions, region) {
			errs = append(errs, fmt.Errorf("VpcCidrs has the key %q, which must be one of Regions", region))
		}
	}
	f := p.Flow
	if f.Key != nil || f.Tables != nil || f.Settings != nil || f.UserPoolRegion != "" || f.Domain != nil || f.Vpc != nil || f.VpcCidr != "" {
		errs = append(errs, errors.New("Flow must leave out Key, Tables, Settings, UserPoolRegion, Domain, Vpc and VpcCidr, which belong to one region"))
	}
	if p.Domain != nil && (p.Domain.Name == "" || p.Domain.HostedZoneId == "" || p.Domain.HostedZoneName == "") {
		errs = append(errs, errors.New("Domain must have Name, HostedZoneId and HostedZoneName"))
	}
	return errors.Join(errs...)
}

// NewMultiRegion adds the stacks of a deployment to scope, an App or a Stage. It panics when the props are wrong.
//
// No stack refers to one of another region: those would have to be deployed and deleted in step for ever. They find each other by
// names instead, and the order of the deployments is all that joins them: keys of the primary, keys of the others, state, regions.
func NewMultiRegion(scope constructs.Construct, id string, props *MultiRegionProps) *MultiRegion {
	var p MultiRegionProps
	if props != nil {
		p = *props
	}
	if err := p.Validate(); err != nil {
		panic(fmt.Errorf("%s/%s: %w", *scope.Node().Path(), id, err))
	}
	if p.Name == "" {
		p.Name = id
	}
	m := &MultiRegion{
		scope: scope,
		Keys:  map[string]awscdk.Stack{}, Stacks: map[string]awscdk.Stack{}, Flows: map[string]*SensorFlow{}, RegionUrls: map[string]awscdk.CfnOutput{},
	}
	keys, replicas := m.addKeys(p)
	m.addState(p, keys[p.Regions[0]], replicas)
	for i, region := range p.Regions {
		m.addRegion(p, i, keys[region])
		if p.OneByOne && i > 0 {
			m.Stacks[region].AddDependency(m.Stacks[p.Regions[i-1]], jsii.String("one region after the other"))
		}
	}
	return m
}

func (m *MultiRegion) stack(p MultiRegionProps, suffix, region, description string) awscdk.Stack {
	name := p.Name + "-" + suffix
	stack := awscdk.NewStack(m.scope, &name, &awscdk.StackProps{
		StackName: &name, Description: &description,
		Env:                   &awscdk.Environment{Account: &p.Account, Region: &region},
		TerminationProtection: jsii.Bool(!p.Flow.Disposable),
	})
	m.stacks = append(m.stacks, stack)
	return stack
}

// addKeys makes the stacks of the keys. What is replicated to a region is encrypted there with that region's replica, which must
// exist before.
func (m *MultiRegion) addKeys(p MultiRegionProps) (keys map[string]awskms.IKey, replicas []storage.Replica) {
	keys = map[string]awskms.IKey{}
	primary := p.Regions[0]
	stack := m.stack(p, "keys-"+primary, primary, "SensorFlow: encryption key, primary region")
	m.Keys[primary] = stack
	key := storage.NewKey(stack, "Key", &storage.KeyProps{Alias: p.Name, MultiRegion: true, Disposable: p.Flow.Disposable})
	keys[primary] = key.Key
	for _, region := range p.Regions[1:] {
		stack := m.stack(p, "keys-"+region, region, "SensorFlow: encryption key, replica")
		stack.AddDependency(m.Keys[primary], jsii.String("a replica needs its primary key"))
		m.Keys[region] = stack
		keys[region] = storage.NewReplicaKey(stack, "Key", &storage.ReplicaKeyProps{
			Alias: p.Name, PrimaryRegion: primary, Disposable: p.Flow.Disposable,
		}).Key
		replicas = append(replicas, key.Replica(region))
	}
	return keys, replicas
}

func (m *MultiRegion) addState(p MultiRegionProps, key awskms.IKey, replicas []storage.Replica) {
	m.State = m.stack(p, "state", p.Regions[0], "SensorFlow: global tables and user pool")
	for _, region := range p.Regions {
		m.State.AddDependency(m.Keys[region], jsii.String("replicas are encrypted with the key of their region"))
	}
	m.Tables = storage.NewGlobalTables(m.State, "Tables", &storage.GlobalTablesProps{
		Name: p.Name, Key: key, Replicas: replicas, Disposable: p.Flow.Disposable,
	})
	m.Identity = identity.NewIdentity(m.State, "Identity", &identity.IdentityProps{
		Name: p.Name, Key: key, Replicas: replicas, MachineClients: p.Flow.MachineClients, Mfa: p.Flow.Mfa, Disposable: p.Flow.Disposable,
	})
	output(m.State, "UserPoolId", m.Identity.UserPool.UserPoolId(), "The user pool: people are added here")
	output(m.State, "TokenUrl", m.Identity.TokenURL, "Where machines get their tokens")
}

func (m *MultiRegion) addRegion(p MultiRegionProps, index int, key awskms.IKey) {
	region := p.Regions[index]
	stack := m.stack(p, region, region, "SensorFlow: the service in one region")
	stack.AddDependency(m.State, jsii.String("a region works on the global tables and the user pool"))
	m.Stacks[region] = stack
	flow := p.Flow
	flow.Key, flow.MachineClients, flow.Mfa = key, nil, identity.MfaOff
	flow.Tables = storage.ImportGlobalTables(stack, "Tables", &storage.ImportGlobalTablesProps{Name: p.Name, Key: key})
	flow.Settings = identity.ImportSettings(stack, "Settings", p.Name, key)
	flow.VpcCidr = p.cidr(index)
	switch {
	case index >= poolRegionsMax:
		flow.UserPoolRegion = p.Regions[0]
	case index > 0:
		identity.NewReplicaActivation(stack, "PoolReplica", &identity.ReplicaActivationProps{Settings: flow.Settings})
	}
	if d := p.Domain; d != nil {
		flow.Domain = &apiservice.Domain{Name: d.Name, HostedZone: awsroute53.HostedZone_FromHostedZoneAttributes(stack, jsii.String("Zone"),
			&awsroute53.HostedZoneAttributes{HostedZoneId: &d.HostedZoneId, ZoneName: &d.HostedZoneName})}
	}
	m.Flows[region] = NewSensorFlow(stack, "SensorFlow", &flow)
	output(stack, "ApiUrl", m.Flows[region].Api.Url, "The API")
	m.RegionUrls[region] = output(stack, "RegionUrl", m.Flows[region].Api.RegionUrl, "The API of this region, whatever Route 53 thinks of its health")
}

func (p MultiRegionProps) cidr(index int) string {
	if cidr := p.VpcCidrs[p.Regions[index]]; cidr != "" {
		return cidr
	}
	return fmt.Sprintf("10.%d.0.0/16", index)
}

func output(stack awscdk.Stack, id string, value *string, description string) awscdk.CfnOutput {
	return awscdk.NewCfnOutput(stack, &id, &awscdk.CfnOutputProps{Value: value, Description: &description})
}

// All lists the stacks in the order in which they are deployed.
func (m *MultiRegion) All() []awscdk.Stack { return m.stacks }
