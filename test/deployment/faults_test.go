package deployment_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// faults are mistakes in the templates, each of which must be found: by the emulator, by a program that does not start, by a flow, or
// by the rights that a call needs. found is a part of the sentence that says so.
var faults = []struct {
	name  string
	plant func(t *testing.T, m mutated)
	found string
	// quick is found before any flow runs, and is planted each time.
	quick bool
}{
	{"a variable of the API is missing", func(t *testing.T, m mutated) {
		variables := m.one(t, "AWS::ECS::TaskDefinition", "", "Properties", "ContainerDefinitions", 0)
		variables["Environment"] = without(variables["Environment"], "AGGREGATES_TABLE")
	}, "its process has ended", true},
	{"a variable of a function names another table", func(t *testing.T, m mutated) {
		m.one(t, "AWS::Lambda::Function", "SensorFlowProcessingCsvProcessor", "Properties", "Environment", "Variables")["UPLOADS_TABLE"] = "SensorFlow-dev-Readings"
	}, "a file of several ranges is read", false},
	{"a task takes a field that the secret does not have", func(t *testing.T, m mutated) {
		secret := at(m.one(t, "AWS::ECS::TaskDefinition", "", "Properties", "ContainerDefinitions", 0), "Secrets", 0).(object)
		secret["ValueFrom"] = strings.Replace(secret["ValueFrom"].(string), ":MACHINE_CLIENT_IDS:", ":MACHINES:", 1)
	}, "has no field MACHINES", true},
	{"the secret names another issuer", func(t *testing.T, m mutated) {
		secret := m.one(t, "AWS::SecretsManager::Secret", "IdentitySettings", "Properties")
		secret["SecretString"] = replaced(t, secret["SecretString"], "issuer-cognito-idp", "cognito-idp")
	}, "status 401", false},
	{"the index of the aggregates has another name", func(t *testing.T, m mutated) {
		table := m.one(t, "AWS::DynamoDB::GlobalTable", "TablesAggregates", "Properties")
		table["GlobalSecondaryIndexes"] = replaced(t, table["GlobalSecondaryIndexes"], "byInterval", "byHour")
	}, "aggregates follow", false},
	{"the event source follows another table", func(t *testing.T, m mutated) {
		lookup := m.one(t, "Custom::SensorFlowLookup", "TablesReadingsStreamLookup", "Properties")
		lookup["Create"] = replaced(t, lookup["Create"], "SensorFlow-dev-Readings", "SensorFlow-dev-Aggregates")
	}, "aggregates follow", false},
	{"the filter lets the records of another region through", func(t *testing.T, m mutated) {
		source := m.one(t, "AWS::Lambda::EventSourceMapping", "SensorFlowProcessingAggregator", "Properties")
		source["FilterCriteria"] = replaced(t, source["FilterCriteria"], "eu-west-1", "eu-central-1")
	}, "aggregates follow", false},
	{"the stream has no failure destination", func(t *testing.T, m mutated) {
		delete(m.one(t, "AWS::Lambda::EventSourceMapping", "SensorFlowProcessingAggregator", "Properties"), "DestinationConfig")
	}, "what the stream gives up is repaired", false},
	{"an event source reads a queue that there is not", func(t *testing.T, m mutated) {
		m.one(t, "AWS::Lambda::EventSourceMapping", "SensorFlowProcessingCsvProcessor", "Properties")["EventSourceArn"] =
			"arn:aws:sqs:eu-west-1:" + account + ":csv"
	}, "Invalid EventSourceArn", true},
	{"the bucket tells of files elsewhere", func(t *testing.T, m mutated) {
		bucket := m.one(t, "AWS::S3::Bucket", "SensorFlowUploadsBucket", "Properties")
		bucket["NotificationConfiguration"] = replaced(t, bucket["NotificationConfiguration"], "uploads/", "files/")
	}, "a file of several ranges is read", false},
	{"a policy lacks an action", func(t *testing.T, m mutated) {
		policy := m.one(t, "AWS::IAM::ManagedPolicy", "SensorFlowProcessingAggregator", "Properties")
		policy["PolicyDocument"] = replaced(t, policy["PolicyDocument"], `"dynamodb:UpdateItem"`, `"dynamodb:DeleteItem"`)
	}, "no statement allows SensorFlowProcessingAggregatorRole to call dynamodb:UpdateItem", false},
	{"a policy is for another index", func(t *testing.T, m mutated) {
		policy := m.one(t, "AWS::IAM::ManagedPolicy", "SensorFlowApiTask", "Properties")
		policy["PolicyDocument"] = replaced(t, policy["PolicyDocument"], "/index/byInterval", "/index/byHour")
	}, "no statement allows SensorFlowApiTaskRole to call dynamodb:Query", false},
	{"a function has the program of another", func(t *testing.T, m mutated) {
		from := m.one(t, "AWS::Lambda::Function", "SensorFlowProcessingAuditor", "Properties")
		m.one(t, "AWS::Lambda::Function", "SensorFlowProcessingRepairer", "Properties")["Code"] = from["Code"]
	}, "what the stream gives up is repaired", false},
	{"machines may not write", func(t *testing.T, m mutated) {
		client := m.one(t, "AWS::Cognito::UserPoolClient", "IdentityMachineClient"+gateway, "Properties")
		client["AllowedOAuthScopes"] = replaced(t, client["AllowedOAuthScopes"], "/write", "/read")
	}, "status 403", false},
}

// TestFaults_AreFound plants one mistake at a time. Those that flows find take minutes, and run where DEPLOYMENT_FAULTS is set: to 1 for
// all, or to a part of a name.
func TestFaults_AreFound(t *testing.T) {
	wanted := os.Getenv("DEPLOYMENT_FAULTS")
	s := newStage(t, environment(""))
	s.patience = patienceShort
	for _, f := range faults {
		if wanted == "" && !f.quick || wanted != "1" && !strings.Contains(f.name, wanted) {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			m := mutate(t, s.stacks)
			f.plant(t, m)
			if err := s.emulator.reset(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.progress = stopwatch(t)
			w, err := s.try(t.Context(), m, regions[:1])
			defer w.stop()
			if err == nil {
				_, problems := w.permissions()
				err = errors.New(strings.Join(problems, "; "))
			}
			if !strings.Contains(err.Error(), f.found) {
				t.Errorf("it was found by %q, not by %q", err, f.found)
			}
			t.Logf("found: %.300s", err)
		})
	}
}

// mutated are templates of which one is to be changed.
type mutated []stackTemplate

// mutate copies the templates that one region needs.
func mutate(t *testing.T, stacks []stackTemplate) (m mutated) {
	t.Helper()
	for _, s := range stacks {
		if s.serves() && s.Region != regions[0] {
			continue
		}
		s.Body = asObject(replaced(t, s.Body, "", ""))
		m = append(m, s)
	}
	return m
}

// one returns what stands at a path in the one resource whose type and beginning of the logical id are given.
func (m mutated) one(t *testing.T, kind, id string, path ...any) object {
	t.Helper()
	var found []object
	for _, s := range m {
		for _, name := range s.ofType(kind) {
			if strings.HasPrefix(name, id) {
				found = append(found, asObject(at(s.resources()[name], path...)))
			}
		}
	}
	if len(found) != 1 || found[0] == nil {
		t.Fatalf("%d resources of type %s begin with %q and have %v", len(found), kind, id, path)
	}
	return found[0]
}

// without returns a list of variables without one.
func without(variables any, name string) any {
	kept, _ := variables.([]any)
	return slices.DeleteFunc(slices.Clone(kept), func(v any) bool { return text(v, "Name") == name })
}

// replaced returns a copy in which a text has taken the place of another, which must be there.
func replaced(t *testing.T, value any, old, with string) (changed any) {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(encoded), old) {
		t.Fatalf("%q does not stand in %s", old, encoded)
	}
	content := string(encoded)
	if old != "" {
		content = strings.ReplaceAll(content, old, with)
	}
	if err := json.Unmarshal([]byte(content), &changed); err != nil {
		t.Fatal(err)
	}
	return changed
}
