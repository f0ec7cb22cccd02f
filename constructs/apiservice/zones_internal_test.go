package apiservice

import (
	"testing"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// TestSuitableZones_AreAsManyAsTheRulesSay holds the zones that are chosen to how many the rules let somebody ask for.
func TestSuitableZones_AreAsManyAsTheRulesSay(t *testing.T) {
	for _, region := range []string{
		"us-east-1", "us-west-1", "us-west-2", "ca-central-1", "ap-northeast-1", "ap-northeast-2", "eu-west-1",
	} {
		chosen := suitableZones(region)
		if chosen == nil {
			chosen = make([]string, contract.ZonesMax) // whichever the account has
		}
		if len(chosen) != rule.ZonesIn(region) {
			t.Errorf("%s has the zones %v, and the rules take %d", region, chosen, rule.ZonesIn(region))
		}
	}
}
