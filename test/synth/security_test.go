package synth_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

// passThePacks also counts, for the page of security findings.
func passThePacks(t *testing.T, out *cdktest.Assembly) {
	out.NoFindings(t)
	found := map[string]int{}
	for _, f := range out.Findings(t) {
		found[f.Pack]++
		if len(f.Reason) < 40 {
			t.Errorf("%s: %s: the reason %q is too short to be one", f.Resource, f.Rule, f.Reason)
		}
	}
	t.Logf("findings before suppression: %v", found)
}

// explainWhatIsFound finds reasons for rules that no longer find anything, or that no pack has.
func explainWhatIsFound(t *testing.T, out *cdktest.Assembly, all []stack) {
	found := map[string]bool{}
	for _, f := range out.Findings(t) {
		found[f.Rule] = true
	}
	explained := 0
	for _, s := range all {
		for _, r := range s.Template.All("") {
			reasons, _ := cdktest.At(r.Body, "Metadata", "cdk_nag", "rules_to_suppress").([]any)
			for _, reason := range reasons {
				explained++
				if id, _ := cdktest.At(reason, "id").(string); !found[id] {
					t.Errorf("%s: %s explains %q, which finds nothing", s.Name, r.ID, id)
				}
			}
		}
	}
	if explained < 100 {
		t.Errorf("only %d reasons were looked at", explained)
	}
}

// nameEveryAction wants each action in full. Only the CDK's own library writes groups such as s3:GetObject*: that of
// pipelines in policies on the pipeline's own bucket, each explained to cdk-nag, and in disposable stacks that which
// empties their buckets.
func nameEveryAction(t *testing.T, out *cdktest.Assembly, all []stack) {
	out.LeastPrivilege(t)
	for _, s := range all {
		for _, r := range s.Template.All("") {
			for _, statement := range statements(r.Body["Properties"]) {
				if statement["NotAction"] != nil || statement["NotResource"] != nil {
					t.Errorf("%s: %s allows all but something", s.Name, r.ID)
				}
				for _, action := range list(statement["Action"]) {
					if strings.Contains(action, "*") && !s.isPipeline() && !empties(s, statement) {
						t.Errorf("%s: %s allows %s", s.Name, r.ID, action)
					}
				}
			}
		}
	}
}

// deleteNoItem wants nobody to be able to delete an item of a table: a deletion of the service leaves a tombstone, and what is old
// goes by its expiry. BatchWriteItem deletes as well as it writes.
func deleteNoItem(t *testing.T, all []stack) {
	tables := 0
	for _, s := range all {
		for _, r := range s.Template.All("") {
			for _, statement := range statements(r.Body["Properties"]) {
				for _, action := range list(statement["Action"]) {
					service, call, _ := strings.Cut(action, ":")
					if service != "dynamodb" {
						continue
					}
					tables++
					if strings.HasPrefix(call, "Delete") || call == "BatchWriteItem" || call == "PartiQLDelete" || strings.Contains(call, "*") {
						t.Errorf("%s: %s allows %s", s.Name, r.ID, action)
					}
				}
			}
		}
	}
	if tables < 100 {
		t.Errorf("only %d rights to tables were looked at", tables)
	}
}

// empties tells whether a statement lets the function empty a bucket that goes with its stack.
func empties(s stack, statement map[string]any) bool {
	const role = "CustomS3AutoDeleteObjectsCustomResourceProviderRole"
	to, _ := cdktest.At(statement, "Principal", "AWS", "Fn::GetAtt", 0).(string)
	bucket, _ := cdktest.At(statement, "Resource", 0, "Fn::GetAtt", 0).(string)
	for _, r := range s.Template.All("AWS::S3::Bucket") {
		if r.ID == bucket {
			return strings.HasPrefix(to, role) && r.Body["DeletionPolicy"] == "Delete"
		}
	}
	return false
}

// statements collects what policies allow, wherever they stand.
func statements(value any) (all []map[string]any) {
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			all = append(all, statements(v)...)
		}
	case map[string]any:
		if value["Effect"] == "Allow" {
			return []map[string]any{value}
		}
		for _, v := range value {
			all = append(all, statements(v)...)
		}
	}
	return all
}

func list(value any) []string {
	if text, ok := value.(string); ok {
		return []string{text}
	}
	var all []string
	each, _ := value.([]any)
	for _, v := range each {
		if text, ok := v.(string); ok {
			all = append(all, text)
		}
	}
	return all
}

// holdNoSecret checks everything that a person can see who may read the stack.
func holdNoSecret(t *testing.T, all []stack) {
	secret := regexp.MustCompile(`(?i)secret|password|credential|api_?key|private_?key`)
	for _, s := range all {
		for _, program := range programs(s) {
			for name := range program.plain {
				if secret.MatchString(name) {
					t.Errorf("%s: %s has %s in plain text", s.Name, program.id, name)
				}
			}
		}
		parameters, _ := s.Template["Parameters"].(map[string]any)
		for name, parameter := range parameters {
			if secret.MatchString(name) && cdktest.At(parameter, "Default") != nil {
				t.Errorf("%s: the parameter %s has a default", s.Name, name)
			}
		}
		for _, r := range s.Template.All("AWS::SecretsManager::Secret") {
			if text, plain := r.Property("SecretString").(string); plain {
				t.Errorf("%s: %s stands in the template: %d characters", s.Name, r.ID, len(text))
			}
			if !strings.Contains(cdktest.JSON(t, r.Property("SecretString")), `"ClientSecret"`) {
				t.Errorf("%s: the client's secret in %s does not come from Cognito", s.Name, r.ID)
			}
		}
		outputs, _ := s.Template["Outputs"].(map[string]any)
		for name, output := range outputs {
			text := cdktest.JSON(t, output)
			if strings.Contains(text, "ClientSecret") || strings.Contains(text, "resolve:secretsmanager") {
				t.Errorf("%s: the output %s shows a secret", s.Name, name)
			}
		}
	}
}

// knowExactStreams refuses what the CDK offers for a replica's stream, which no event source accepts.
func knowExactStreams(t *testing.T, all []stack) {
	sources := 0
	for _, s := range all {
		if strings.Contains(cdktest.JSON(t, s.Template), "/stream/*") {
			t.Errorf("%s names any stream", s.Name)
		}
		for _, r := range s.Template.All("AWS::Lambda::EventSourceMapping") {
			if r.Property("StartingPosition") == nil {
				continue // a queue
			}
			sources++
			r.Want(t, "TRIM_HORIZON", "StartingPosition")
			if r.Property("EventSourceArn", "Fn::GetAtt", 1) != "Table.LatestStreamArn" {
				t.Errorf("%s: %s follows %v", s.Name, r.ID, r.Property("EventSourceArn"))
			}
		}
	}
	if sources < 6 {
		t.Errorf("only %d functions follow a stream", sources)
	}
}

// program is a function or a task's container with what it finds in its environment.
type program struct {
	id      string
	plain   map[string]any
	secrets []string
	reads   reflect.Type
}

// programs lists those of a stack that are the service's own.
func programs(s stack) []program {
	var all []program
	for _, r := range s.Template.All("AWS::ECS::TaskDefinition") {
		p := program{id: r.ID, plain: map[string]any{}, reads: reflect.TypeFor[config.API]()}
		variables, _ := r.Property("ContainerDefinitions", 0, "Environment").([]any)
		for _, v := range variables {
			p.plain[cdktest.At(v, "Name").(string)] = cdktest.At(v, "Value")
		}
		secrets, _ := r.Property("ContainerDefinitions", 0, "Secrets").([]any)
		for _, v := range secrets {
			p.secrets = append(p.secrets, cdktest.At(v, "Name").(string))
		}
		all = append(all, p)
	}
	for _, r := range s.Template.All("AWS::Lambda::Function") {
		p := program{id: r.ID}
		p.plain, _ = r.Property("Environment", "Variables").(map[string]any)
		switch {
		case strings.Contains(r.ID, "ProcessingAggregator"):
			p.reads = reflect.TypeFor[config.Aggregator]()
		case strings.Contains(r.ID, "ProcessingCsvProcessor"):
			p.reads = reflect.TypeFor[config.CSVProcessor]()
		}
		all = append(all, p)
	}
	return all
}

// giveProgramsWhatTheyRead compares the environments with the structs into which the programs read them: there is no
// key that nobody reads, no required key is missing, and settings come from the secret alone.
func giveProgramsWhatTheyRead(t *testing.T, all []stack) {
	seen := 0
	for _, s := range all {
		for _, p := range programs(s) {
			if p.reads == nil {
				continue
			}
			seen++
			known, required := keys(p.reads)
			for name := range p.plain {
				if !slices.Contains(known, name) {
					t.Errorf("%s: %s is given %s, which it does not read", s.Name, p.id, name)
				}
			}
			for _, name := range p.secrets {
				if !slices.Contains(known, name) {
					t.Errorf("%s: %s is given %s, which it does not read", s.Name, p.id, name)
				}
			}
			for _, name := range required {
				if p.plain[name] == nil && !slices.Contains(p.secrets, name) {
					t.Errorf("%s: %s is not given %s", s.Name, p.id, name)
				}
			}
		}
	}
	if seen < 3*6 {
		t.Errorf("only %d programs were looked at", seen)
	}
}

// keys returns the environment keys of a program's configuration; AWS sets the region itself.
func keys(of reflect.Type) (known, required []string) {
	for _, field := range reflect.VisibleFields(of) {
		name := field.Tag.Get("env")
		known = append(known, name)
		if name != contract.EnvRegion && slices.Contains(strings.Split(field.Tag.Get("validate"), ","), "required") {
			required = append(required, name)
		}
	}
	return known, required
}
