package apiservice_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

const smokeTest = "ApiSmokeTest"

// TestApiService_TriesNewTasksBeforeClientsMeetThem follows the references from the service to the function.
func TestApiService_TriesNewTasksBeforeClientsMeetThem(t *testing.T) {
	for name, change := range map[string]change{"a canary": byDefault, "step by step": everything} {
		t.Run(name, func(t *testing.T) {
			template := synth(t, change)
			function := template.Find(t, "AWS::Lambda::Function", smokeTest)
			role := template.Find(t, "AWS::IAM::Role", "ApiHookRole")
			service := template.Only(t, "AWS::ECS::Service")
			service.Want(t, []any{map[string]any{
				"HookTargetArn":   map[string]any{"Fn::GetAtt": []any{function.ID, "Arn"}},
				"LifecycleStages": []string{"POST_TEST_TRAFFIC_SHIFT"},
				"RoleArn":         map[string]any{"Fn::GetAtt": []any{role.ID, "Arn"}},
			}}, "DeploymentConfiguration", "LifecycleHooks")
			policy := template.Find(t, "AWS::IAM::ManagedPolicy", "ApiHookPolicy")
			policy.Want(t, []any{map[string]any{
				"Action": "lambda:InvokeFunction", "Effect": "Allow",
				"Resource": map[string]any{"Fn::GetAtt": []any{function.ID, "Arn"}},
			}}, "PolicyDocument", "Statement")
			role.Want(t, []any{map[string]any{"Ref": policy.ID}}, "ManagedPolicyArns")
			needs := cdktest.JSON(t, service.Body["DependsOn"])
			if !strings.Contains(needs, `"`+role.ID+`"`) {
				t.Error("the first deployment may begin before ECS may invoke the function")
			}
			for _, record := range template.All("AWS::Route53::RecordSet") {
				own := strings.Contains(record.ID, "RegionRecord")
				if own && !strings.Contains(needs, `"`+record.ID+`"`) {
					t.Error("the first deployment may be tried before the region has its name")
				}
			}
		})
	}
}

func TestApiService_TriesWithoutAHookWhereTasksAreReplaced(t *testing.T) {
	template := synth(t, rolling)
	template.Find(t, "AWS::Lambda::Function", smokeTest)
	if hooks := template.Only(t, "AWS::ECS::Service").Property("DeploymentConfiguration", "LifecycleHooks"); hooks != nil {
		t.Errorf("ECS has the hooks %v for a deployment without a test rule", hooks)
	}
	without := synth(t, func(_ awscdk.Stack, p *apiservice.ApiServiceProps) { p.SmokeTestCredentials = nil })
	got := without.Only(t, "AWS::ECS::Service").Property("DeploymentConfiguration", "LifecycleHooks")
	if got != nil {
		t.Errorf("without credentials there are the hooks %v", got)
	}
	for _, function := range without.All("AWS::Lambda::Function") {
		if strings.HasPrefix(function.ID, smokeTest) {
			t.Error("without credentials there is a smoke test")
		}
	}
}

// TestApiService_GivesTheSmokeTestWhatItReads holds both ends of its environment together, and what it may do.
func TestApiService_GivesTheSmokeTestWhatItReads(t *testing.T) {
	template := synth(t, withDomain)
	function := template.Find(t, "AWS::Lambda::Function", smokeTest)
	secret := template.Find(t, "AWS::SecretsManager::Secret", "IdentitySmokeTest")
	variables, _ := function.Property("Environment", "Variables").(map[string]any)
	environ := []string{contract.EnvRegion + "=eu-west-1"} // set by Lambda
	for key, value := range variables {
		text, ok := value.(string)
		if !ok {
			text = cdktest.Listed(value)
		}
		environ = append(environ, key+"="+text)
	}
	c, err := config.LoadSmokeTest(environ)
	if err != nil {
		t.Fatal(err)
	}
	if c.APIURL != "https://eu-west-1.api.example.com" || c.MachineClientARN != secret.ID {
		t.Errorf("the function reads %+v", c)
	}
	policy := template.Find(t, "AWS::IAM::ManagedPolicy", "ApiSmokeTestPolicy")
	policy.Want(t, []any{
		map[string]any{
			"Action": []string{"logs:CreateLogStream", "logs:PutLogEvents"}, "Effect": "Allow",
			"Resource": map[string]any{
				"Fn::GetAtt": []any{template.Find(t, "AWS::Logs::LogGroup", smokeTest).ID, "Arn"},
			},
		},
		map[string]any{
			"Action": "secretsmanager:GetSecretValue", "Effect": "Allow", "Resource": map[string]any{"Ref": secret.ID},
		},
		map[string]any{
			"Action": "kms:Decrypt", "Effect": "Allow",
			"Resource": map[string]any{"Fn::GetAtt": []any{template.Only(t, "AWS::KMS::Key").ID, "Arn"}},
			"Condition": map[string]any{"StringEquals": map[string]any{
				"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com",
			}},
		},
	}, "PolicyDocument", "Statement")
	if function.Property("VpcConfig") != nil {
		t.Error("the function is in the network, where it does not come as clients come")
	}
}
