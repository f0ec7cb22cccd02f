package deployed_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/operate/deployed"
	"github.com/sensorflow/sensorflow/infra/operate/internal/awstest"
	"github.com/sensorflow/sensorflow/infra/stays"
)

// TestLook_GoesByWhatIsDeployed synthesizes a disposable stack over one that is kept: until that is deployed, everything stays.
func TestLook_GoesByWhatIsDeployed(t *testing.T) {
	a := awstest.New(t)
	a.Stacks["Dev-state eu-west-1"] = &awstest.Stack{
		Status: "CREATE_COMPLETE", Protected: true,
		Template: `{"Resources":{"Pool":{"Type":"AWS::Cognito::UserPool","DeletionPolicy":"Retain"},"Log":{"Type":"AWS::Logs::LogGroup","DeletionPolicy":"Retain"}}}`,
		Names:    map[string]string{"Pool": "eu-west-1_AbC", "Log": "Dev-Log-1X"},
	}
	there, err := deployed.Look(t.Context(), a.Config(), []stays.Stack{
		{Name: "Dev-state", Account: awstest.Number, Region: "eu-west-1", Resources: map[string]stays.Resource{"Pool": {Type: "AWS::Cognito::UserPool"}}},
		{Name: "Dev-eu-west-1", Account: awstest.Number, Region: "eu-west-1"},
	})
	if err != nil || len(there) != 1 {
		t.Fatalf("there are %v, error %v", there, err)
	}
	var told strings.Builder
	if err := stays.Say(&told, "dev", there); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"    user pool           eu-west-1_AbC\n", "    log group           Dev-Log-1X\n", "--region eu-west-1 --stack-name Dev-state\n",
	} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("%q is missing in\n%s", want, told.String())
		}
	}
}

func TestLook_SaysWhatCannotBeSeen(t *testing.T) {
	stacks := []stays.Stack{{Name: "Dev-state", Region: "eu-west-1"}}
	for operation, want := range map[string]string{
		"DescribeStacks":     "look at the stack Dev-state: these credentials may not call cloudformation:DescribeStacks",
		"GetTemplate":        "look at the stack Dev-state: these credentials may not call cloudformation:GetTemplate",
		"ListStackResources": "look at the stack Dev-state: these credentials may not call cloudformation:ListStackResources",
	} {
		a := awstest.New(t)
		a.Stacks["Dev-state eu-west-1"] = &awstest.Stack{Template: "{}"}
		a.Refuse[operation] = "AccessDenied"
		if _, err := deployed.Look(t.Context(), a.Config(), stacks); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", operation, err, want)
		}
	}
	a := awstest.New(t)
	a.Stacks["Dev-state eu-west-1"] = &awstest.Stack{Template: "Resources:\n  A: 1\n"}
	if _, err := deployed.Look(t.Context(), a.Config(), stacks); err == nil || !strings.HasPrefix(err.Error(), "look at the stack Dev-state: read the template: ") {
		t.Errorf("a template that is no JSON: error %v", err)
	}
}

// TestMakeWay_FreesWhatWasNeverMade leaves every other stack as it is: a protection that ends by mistake is not noticed.
func TestMakeWay_FreesWhatWasNeverMade(t *testing.T) {
	a := awstest.New(t)
	var stacks []config.Stack
	for _, status := range []string{
		"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", "CREATE_FAILED",
		"DELETE_FAILED", "REVIEW_IN_PROGRESS",
	} {
		a.Stacks[status+" eu-west-1"] = &awstest.Stack{Status: status, Protected: true}
		stacks = append(stacks, config.Stack{Name: status, Region: "eu-west-1"})
	}
	a.Stacks["free eu-west-1"] = &awstest.Stack{Status: "ROLLBACK_COMPLETE"}
	stacks = append(stacks, config.Stack{Name: "free", Region: "eu-west-1"}, config.Stack{Name: "absent", Region: "eu-west-1"})
	var told strings.Builder
	deployed.MakeWay(t.Context(), a.Config(), stacks, &told)
	slices.Sort(a.Changes)
	if want := []string{"UpdateTerminationProtection ROLLBACK_COMPLETE false", "UpdateTerminationProtection ROLLBACK_FAILED false"}; !slices.Equal(a.Changes, want) {
		t.Errorf("changes are %q, want %q", a.Changes, want)
	}
	const end = ": its protection is ended, so that it can be deleted and made anew\n"
	if want := "the creation of ROLLBACK_COMPLETE has failed (ROLLBACK_COMPLETE)" + end + "the creation of ROLLBACK_FAILED has failed (ROLLBACK_FAILED)" + end; told.String() != want {
		t.Errorf("said\n%s\nwant\n%s", told.String(), want)
	}
}

// TestMakeWay_GoesOnWhereItMayNotLook is about credentials that may do no more than take the CDK's roles.
func TestMakeWay_GoesOnWhereItMayNotLook(t *testing.T) {
	for operation, want := range map[string]string{
		"DescribeStacks": "nobody looked whether the creation of A has failed: look at the stack A: these credentials may not call cloudformation:DescribeStacks\n",
		"UpdateTerminationProtection": "the creation of A has failed, and its protection cannot be ended: these credentials may not call " +
			"cloudformation:UpdateTerminationProtection\n",
	} {
		a := awstest.New(t)
		a.Stacks["A eu-west-1"] = &awstest.Stack{Status: "ROLLBACK_COMPLETE", Protected: true}
		a.Refuse[operation] = "AccessDenied"
		var told strings.Builder
		deployed.MakeWay(t.Context(), a.Config(), []config.Stack{{Name: "A", Region: "eu-west-1"}}, &told)
		if told.String() != want {
			t.Errorf("said %s, want %s", told.String(), want)
		}
	}
}
