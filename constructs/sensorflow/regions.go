package sensorflow

import (
	"cmp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// MultiRegionProps configure a MultiRegion. The zero value of an optional field selects its default.
type MultiRegionProps struct {
	// Account is the AWS account of all stacks, 12 digits. Required.
	Account string
	// Regions serve together, 10 at most. The first is the primary, which holds the user pool and the definition of the
	// tables, and it must stay the first. Of several, Cognito must replicate user pools between the first two.
	// Required.
	//
	// A new deployment may begin with all of them. To one that exists add a region at the end, deploy, then add the
	// next: DynamoDB takes one new replica per update of a table, and nothing at synthesis can tell what is deployed.
	// To remove one, put it into Leaving, deploy, destroy its stack <name>-<region>, move it from Regions and Leaving
	// to Adopted, deploy, run the program aggregates adopt, and destroy the stack of its key. Cognito replicates the
	// user pool to the second region only. In a third one, people sign in through the primary.
	Regions []string
	// Leaving are those of Regions that are about to be removed: their replicas of the tables, their load balancers and
	// their stacks lose the protection against deletion. Not the primary. Default: none.
	Leaving []string
	// Adopted are regions that have left for good. The primary keeps their aggregates equal to the readings that they
	// wrote: from the deployment on it takes in what becomes of those, and the program aggregates adopt makes good what
	// was lost with the region. A region stays adopted, and out of Regions, as long as the deployment lives. Default:
	// none.
	Adopted []string
	// Name begins the names of stacks, tables and secret and tells deployments in one account apart: letters, digits
	// and hyphens, at most 40. Changing it makes a new deployment beside the old one. Default: the id.
	Name string
	// Domain gives the API one address in all regions. Default: each region has an address of CloudFront.
	Domain *ZoneDomain
	// VpcCidrs are the private address ranges of the regions' networks, by region, /16 to /22; they must not overlap,
	// or the networks could never be joined. Default: 10.0.0.0/16, 10.1.0.0/16 and so on, in the order of Regions.
	VpcCidrs map[string]string
	// TokenHealthCheckId is the id of a Route 53 health check of the primary region. While it fails, machines get their
	// tokens in the second one. Needs two regions. Default: none; machines then get no new tokens while the primary is
	// down, and go on with those that they have, for up to a day.
	TokenHealthCheckId string
	// Flow holds for every region. What belongs to one region must be left out: Key, Tables, UploadsBucket, UserPool,
	// Settings, SettingsRevision, UserPoolRegion, Adopted, Leaving, Domain, Vpc, VpcCidr, and the code of functions,
	// which the CDK ties to one stack.
	Flow SensorFlowProps
	// ForRegion may change what holds for one region, such as its Vpc, tasks or prebuilt code, before its SensorFlow is
	// made in the stack. Key, Tables, UploadsBucket, UserPool, Settings, SettingsRevision, UserPoolRegion, Adopted and
	// Leaving are given. Default: all regions are alike.
	ForRegion func(stack awscdk.Stack, region string, flow *SensorFlowProps)
	// OneByOne makes the stack of each region wait for that of the region before, for deployments that stop at the
	// first region that fails. Default: regions do not wait for each other.
	OneByOne bool
}

// ZoneDomain is an address in a public hosted zone of Route 53, named so that the stacks of all regions can use it.
type ZoneDomain struct {
	// Name is the address, such as api.example.com. Required.
	Name string
	// HostedZoneId and HostedZoneName are those of a public zone that holds Name. Required.
	HostedZoneId, HostedZoneName string
}

// Validate reports everything that is wrong with the props.
func (p MultiRegionProps) Validate() error {
	var name rule.Faults
	if p.Name != "" {
		name = nameFaults("Name", p.Name)
	}
	return rule.All(
		rule.Account("Account", p.Account).Advise("stacks that find each other by name need to know theirs"),
		rule.Regions("Regions[*]", p.Regions),
		rule.Leaving("Leaving[*]", p.Leaving, p.Regions),
		rule.Adopted("Adopted[*]", p.Adopted, p.Regions...),
		name,
		p.Domain.faults().Under("Domain."),
		rule.Networks("VpcCidrs[*]", p.VpcCidrs, p.Regions),
		rule.Fault{Field: "TokenHealthCheckId", Rule: "needs a second region to get tokens in", Advice: "leave it out"}.
			If(p.TokenHealthCheckId != "" && len(p.Regions) < contract.PoolRegionsMax),
		p.flowFaults().Under("Flow."),
	).Err()
}

// nameFaults judges the name of a deployment under the key by which it was given.
func nameFaults(key, name string) rule.Faults {
	return rule.Name(key, name, contract.DeploymentNameCharsMax)
}

// flowFaults refuses what belongs to one region, and what the service of any region refuses.
func (p MultiRegionProps) flowFaults() rule.Faults {
	const (
		made  = "it is made for each region"
		given = "it belongs to one region: give it by ForRegion"
	)
	f := p.Flow
	all := rule.All(
		prop.LeftOut("Key", f.Key != nil, "", made),
		prop.LeftOut("Tables", f.Tables != nil, "", made),
		prop.LeftOut("Settings", f.Settings != nil, "", made),
		prop.LeftOut("UploadsBucket", f.UploadsBucket != nil, "", made),
		prop.LeftOut("UserPool", f.UserPool != nil, "", "several regions replicate a user pool of their own"),
		prop.LeftOut("SettingsRevision", f.SettingsRevision != "", "", made),
		prop.LeftOut("Leaving", f.Leaving, "", "name the regions in the Leaving of all"),
		prop.LeftOut("UserPoolRegion", f.UserPoolRegion != "", "", made),
		prop.LeftOut("Adopted", len(f.Adopted) > 0, "", "one region adopts: give them by the Adopted of all"),
		prop.LeftOut("Domain", f.Domain != nil, "", made),
		prop.LeftOut("Vpc", f.Vpc != nil, "", given),
		prop.LeftOut("VpcCidr", f.VpcCidr != "", "", given),
		prop.LeftOut("AggregatorCode", f.AggregatorCode != nil, "", given),
		prop.LeftOut("CsvProcessorCode", f.CsvProcessorCode != nil, "", given),
		prop.LeftOut("RepairerCode", f.RepairerCode != nil, "", given),
		prop.LeftOut("AuditorCode", f.AuditorCode != nil, "", given),
		rule.Of(f.Validate()),
	)
	if p.ForRegion != nil { // which may say otherwise for a region with fewer zones
		return all
	}
	return rule.All(all, rule.Zones("Zones", f.Zones, "NatGateways", f.NatGateways, p.Regions...))
}

func (d *ZoneDomain) faults() rule.Faults {
	if d == nil {
		return nil
	}
	return rule.ZoneDomain("Name", d.Name, "HostedZoneId", d.HostedZoneId, "HostedZoneName", d.HostedZoneName)
}

// scopeFaults checks that stacks can be made in the scope. Inside a stack there can be no stack of another region.
func scopeFaults(scope constructs.Construct) rule.Faults {
	if scope == nil {
		return rule.Faults{{
			Field: "the scope of several stacks", Rule: "must be an App or a Stage, got nil",
			Advice: "make an App with awscdk.NewApp",
		}}
	}
	return rule.Fault{
		Field: "the scope of several stacks", Rule: "must be an App or a Stage",
		Advice: "inside a stack, NewSensorFlow makes the service of its region",
	}.If(!*awscdk.Stage_IsStage(scope))
}

func (p MultiRegionProps) cidr(index int) string {
	return cmp.Or(p.VpcCidrs[p.Regions[index]], rule.NetworkDefault(index))
}
