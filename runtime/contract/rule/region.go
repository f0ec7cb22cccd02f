package rule

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// regions lists the regions that have every service that a deployment needs, AWS's opt-in regions included
// (https://docs.aws.amazon.com/general/latest/gr/rande.html). The value tells whether Cognito replicates user pools from and
// to it (https://docs.aws.amazon.com/cognito/latest/developerguide/, multi-Region replication, November 2026).
var regions = map[string]bool{
	"us-east-1": true, "us-east-2": true, "us-west-1": true, "us-west-2": true,
	"ca-central-1": true, "ca-west-1": false, "mx-central-1": false, "sa-east-1": true,
	"eu-west-1": true, "eu-west-2": true, "eu-west-3": true, "eu-central-1": true, "eu-central-2": false,
	"eu-north-1": true, "eu-south-1": false, "eu-south-2": false,
	"ap-south-1": true, "ap-south-2": false, "ap-east-1": false, "ap-northeast-1": true, "ap-northeast-2": true,
	"ap-northeast-3": false, "ap-southeast-1": true, "ap-southeast-2": true, "ap-southeast-3": false, "ap-southeast-4": false,
	"ap-southeast-5": false, "ap-southeast-7": false,
	"me-central-1": false, "me-south-1": false, "il-central-1": false, "af-south-1": false,
}

// Replicates tells whether Cognito replicates user pools from and to a region.
func Replicates(region string) bool { return regions[region] }

// replicating lists the regions between which Cognito replicates user pools.
func replicating() string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(regions)), func(name string) bool { return !regions[name] })
	return strings.Join(names, ", ")
}

// Region accepts a region that has every service that a deployment needs.
func Region(key, got string) Faults {
	_, known := regions[got]
	return Text(key, got, known, "one of "+strings.Join(slices.Sorted(maps.Keys(regions)), ", "))
}

// Regions accepts the regions of a deployment, the primary first.
func Regions(key string, got []string) Faults {
	faults := All(
		Fault{Field: list(key), Rule: fmt.Sprintf("must list 1 to %d regions", contract.RegionsMax), Got: len(got)}.
			If(len(got) < 1 || len(got) > contract.RegionsMax),
		Each(key, got, Region),
	)
	if len(got) < contract.PoolRegionsMax {
		return faults
	}
	for i, region := range got[:contract.PoolRegionsMax] {
		faults = All(faults, Fault{
			Field: item(key, i), Got: region,
			Rule: "must be one of " + replicating() +
				", between which Cognito replicates user pools, as the first two of several regions are",
		}.If(!Replicates(region)))
	}
	return faults
}

// Leaving accepts those of the regions that the next deployment but one takes away.
func Leaving(key string, got, regions []string) Faults {
	return Each(key, got, func(key, region string) Faults {
		return Fault{Field: key, Rule: "must be one of the regions other than the first", Got: region}.
			If(slices.Index(regions, region) < 1)
	})
}

// Adopted accepts regions that have left for good and whose aggregate rows another one keeps. None that serves is among them: two
// regions would write the same rows.
func Adopted(key string, got []string, serving ...string) Faults {
	return Each(key, got, func(key, region string) Faults {
		return All(Region(key, region), Fault{
			Field: key, Rule: "must not be one of the regions that serve", Got: region,
			Advice: "a region is adopted once its stack is gone",
		}.If(slices.Contains(serving, region)))
	})
}

// ZonesIn is how many availability zones a new network can span in a region, or in the poorest of several.
func ZonesIn(regions ...string) int {
	if slices.Contains(regions, "us-west-1") {
		return 2 // an account has no more there
	}
	return contract.ZonesMax
}

// Zones accepts how many zones a new network spans in the regions, and how many of them have a NAT gateway. 0 leaves either to
// its default.
func Zones(key string, zones int, gatewaysKey string, gateways int, regions ...string) Faults {
	most := ZonesIn(regions...)
	faults := Fault{
		Field: key, Rule: fmt.Sprintf("must be %d or %d", contract.ZonesMin, contract.ZonesMax), Got: zones,
		Advice: fmt.Sprintf("leave it out for %d", most),
	}.If(zones != 0 && (zones < contract.ZonesMin || zones > contract.ZonesMax))
	if len(faults) == 0 && zones > most {
		advice := fmt.Sprintf("leave it out for as many as each region has, %d at most", contract.ZonesMax)
		if len(regions) == 1 {
			advice = fmt.Sprintf("leave it out for %d", most)
		}
		faults = Faults{{Field: key, Rule: fmt.Sprintf("must be %d in us-west-1, which has no more", most), Got: zones, Advice: advice}}
	}
	if len(faults) > 0 {
		return faults
	}
	if zones == 0 {
		zones = most
	}
	return Fault{
		Field: gatewaysKey, Rule: fmt.Sprintf("must be 1 to %s, here %d", key, zones), Got: gateways,
		Advice: fmt.Sprintf("leave it out for %d", contract.NatGatewaysDefault),
	}.If(gateways != 0 && (gateways < 1 || gateways > zones))
}
