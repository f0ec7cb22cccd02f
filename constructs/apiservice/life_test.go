package apiservice_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

// call reads the call that a custom resource makes; references in it are empty texts.
func call(t *testing.T, r cdktest.Resource, property string) map[string]any {
	t.Helper()
	text, ok := r.Property(property).(string)
	if !ok {
		parts, _ := r.Property(property, "Fn::Join", 1).([]any)
		for _, part := range parts {
			literal, _ := part.(string)
			text += literal
		}
	}
	var call map[string]any
	if err := json.Unmarshal([]byte(text), &call); err != nil {
		t.Fatalf("%s: %s: %v", r.ID, property, err)
	}
	return call
}

func dependsOn(r cdktest.Resource) string {
	needs, _ := r.Body["DependsOn"].([]any)
	all := " "
	for _, id := range needs {
		all += id.(string) + " "
	}
	return all
}

// TestApiService_MakesTheServiceRoleBeforeTheCluster is about a new account, in which the first cluster fails for want
// of the role, and about an old one, which has it.
func TestApiService_MakesTheServiceRoleBeforeTheCluster(t *testing.T) {
	template := synth(t, byDefault)
	role := template.Only(t, "Custom::SensorFlowServiceRole")
	balancer := template.Only(t, "AWS::ElasticLoadBalancingV2::LoadBalancer")
	made := call(t, role, "Create")
	if made["action"] != "createServiceLinkedRole" ||
		cdktest.At(made, "parameters", "AWSServiceName") != "ecs.amazonaws.com" {
		t.Errorf("the call is %v", made)
	}
	// The code of "Service role name AWSServiceRoleForECS has been taken in this account".
	if made["ignoreErrorCodesMatching"] != "^(InvalidInput|EntityAlreadyExists)" {
		t.Errorf("it fails where the role is there: %v", made)
	}
	if role.Property("Delete") != nil {
		t.Error("the account's role goes with the stack")
	}
	for _, kind := range []string{"AWS::ECS::Cluster", "AWS::ECS::ClusterCapacityProviderAssociations"} {
		needs := dependsOn(template.Only(t, kind))
		if !strings.Contains(needs, " "+role.ID+" ") || !strings.Contains(needs, " "+balancer.ID+" ") {
			t.Errorf("%s waits for %s", kind, needs)
		}
	}
}

// TestApiService_ProtectsTheLoadBalancerLast holds the order in which a deployment can be taken back as long as it can
// fail.
func TestApiService_ProtectsTheLoadBalancerLast(t *testing.T) {
	for name, c := range map[string]struct {
		change change
		want   string
	}{
		"kept":       {byDefault, "true"},
		"leaving":    {func(_ awscdk.Stack, p *apiservice.ApiServiceProps) { p.Leaving = true }, "false"},
		"disposable": {func(_ awscdk.Stack, p *apiservice.ApiServiceProps) { p.Disposable = true }, "false"},
	} {
		t.Run(name, func(t *testing.T) {
			template := synth(t, c.change)
			balancer := template.Only(t, "AWS::ElasticLoadBalancingV2::LoadBalancer")
			if text := cdktest.JSON(t, balancer.Body["Properties"]); strings.Contains(text, "deletion_protection") {
				t.Errorf("the template says something of the protection: %s", text)
			}
			protection := template.Only(t, "Custom::SensorFlowProtection")
			for property, want := range map[string]string{"Create": c.want, "Update": c.want, "Delete": "false"} {
				attribute := cdktest.At(call(t, protection, property), "parameters", "Attributes", 0)
				if cdktest.At(attribute, "Key") != "deletion_protection.enabled" ||
					cdktest.At(attribute, "Value") != want {
					t.Errorf("%s sets %v, want %s", property, attribute, want)
				}
			}
			service := template.Only(t, "AWS::ECS::Service")
			if needs := dependsOn(protection); !strings.Contains(needs, " "+service.ID+" ") {
				t.Errorf("it waits for %s", needs)
			}
			want := "RetainExceptOnCreate"
			if name == "disposable" {
				want = "Delete"
			}
			if got := protection.Body["DeletionPolicy"]; got != want {
				t.Errorf("it is undone by %v, want %s", got, want)
			}
		})
	}
}

// TestApiService_StartsNewTasksWithNewSettings compares the task definitions. Where they differ, ECS starts new tasks.
func TestApiService_StartsNewTasksWithNewSettings(t *testing.T) {
	task := func(revision string) string {
		template := synth(t, func(_ awscdk.Stack, p *apiservice.ApiServiceProps) { p.SettingsRevision = revision })
		return cdktest.JSON(t, template.Only(t, "AWS::ECS::TaskDefinition").Property("ContainerDefinitions"))
	}
	if one := task("1"); one == task("2") || one == task("") || !strings.Contains(one, `"sensorflow.settings": "1"`) {
		t.Errorf("the settings do not show in the task definition: %s", one)
	}
}
