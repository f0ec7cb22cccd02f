package synth_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/infra/stacks"
	"github.com/sensorflow/sensorflow/infra/stays"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

// protection matches the calls that protect something against deletion.
const protection = "Custom::SensorFlowProtection"

// needsOf lists, for each resource, those that CloudFormation makes before it.
func needsOf(template cdktest.Template) map[string][]string {
	known := map[string]bool{}
	for _, r := range template.All("") {
		known[r.ID] = true
	}
	needs := map[string][]string{}
	for _, r := range template.All("") {
		for _, id := range cdktest.Referred(r.Body) {
			if known[id] && id != r.ID {
				needs[r.ID] = append(needs[r.ID], id)
			}
		}
	}
	return needs
}

// waiting are the resources that cannot have been made where a certain one could not.
func waiting(needs map[string][]string, failed string) map[string]bool {
	never := map[string]bool{failed: true}
	for changed := true; changed; {
		changed = false
		for id, before := range needs {
			if !never[id] && slices.ContainsFunc(before, func(b string) bool { return never[b] }) {
				never[id], changed = true, true
			}
		}
	}
	return never
}

// protectedByCall is the resource or the table that a call protects, empty where it protects nothing.
func protectedByCall(t *testing.T, r cdktest.Resource) string {
	t.Helper()
	text := strings.NewReplacer(`\`, "", "\n", "", " ", "").Replace(cdktest.JSON(t, r.Property("Create")))
	if !strings.Contains(text, `"DeletionProtectionEnabled":true`) && !strings.Contains(text, `"Value":"true"`) {
		return ""
	}
	found := regexp.MustCompile(`"TableName":"([^"]+)"|\{"Ref":"([^"]+)"\}`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("%s protects something else: %s", r.ID, text)
	}
	return found[1] + found[2]
}

// refuses tells whether a new resource cannot be deleted because its own template protects it.
func refuses(t *testing.T, r cdktest.Resource) bool {
	text := strings.NewReplacer("\n", "", " ", "").Replace(cdktest.JSON(t, r.Body["Properties"]))
	switch r.Type {
	case "AWS::DynamoDB::GlobalTable":
		return strings.Contains(text, `"DeletionProtectionEnabled":true`)
	case "AWS::Cognito::UserPool":
		return strings.Contains(text, `"DeletionProtection":"ACTIVE"`)
	case "AWS::ElasticLoadBalancingV2::LoadBalancer":
		return strings.Contains(text, `"Key":"deletion_protection.enabled","Value":"true"`)
	}
	return false
}

// physicalName is the name of ours that a resource has, empty where CloudFormation makes one up. Names in Cognito need
// not differ.
func physicalName(r cdktest.Resource) string {
	for _, property := range []string{
		"TableName", "BucketName", "AliasName", "LogGroupName", "QueueName", "TopicName", "RoleName", "FunctionName",
		"ClusterName", "LoadBalancerName",
	} {
		if r.Type != "AWS::Lambda::EventSourceMapping" && r.Property(property) != nil && !strings.HasPrefix(r.Type, "Custom::") {
			return fmt.Sprint(r.Property(property))
		}
	}
	if r.Type == "AWS::SecretsManager::Secret" && r.Property("Name") != nil {
		return fmt.Sprint(r.Property("Name"))
	}
	return ""
}

// canBeTakenBack lets the first deployment of each stack fail at each of its resources. CloudFormation deletes what it
// has made, but for what has Retain. Nothing of that may refuse, or the stack could be neither repaired nor deleted.
// Nothing that stays may have a name of ours, or the next attempt would say that it exists.
func canBeTakenBack(t *testing.T, all []stack) {
	attempts, named := 0, 0
	for _, s := range all {
		if s.isPipeline() || s.Stage != "" {
			continue
		}
		resources, needs := s.Template.All(""), needsOf(s.Template)
		names, refusing, calls := map[string]string{}, map[string]bool{}, map[string]string{}
		for _, r := range resources {
			names[r.ID], refusing[r.ID] = physicalName(r), refuses(t, r)
			if names[r.ID] != "" {
				named++
			}
			if r.Type == protection && r.Body["DeletionPolicy"] == "Retain" {
				calls[r.ID] = protectedByCall(t, r)
			}
		}
		for _, failed := range resources {
			attempts++
			never, protected := waiting(needs, failed.ID), map[string]bool{}
			for id, what := range calls {
				// The failed call itself may have done what it was for.
				protected[what] = protected[what] || !never[id] || id == failed.ID
			}
			for _, r := range resources {
				name := names[r.ID]
				switch stays := r.Body["DeletionPolicy"] == "Retain"; {
				case never[r.ID]:
				case stays && name != "":
					t.Errorf("%s: when %s fails, %s stays with the name %s", s.Name, failed.ID, r.ID, name)
				case !stays && (refusing[r.ID] || protected[r.ID] || name != "" && protected[name]):
					t.Errorf("%s: when %s fails, %s cannot be deleted", s.Name, failed.ID, r.ID)
				}
			}
		}
	}
	if attempts < 500 || named < 20 {
		t.Errorf("%d failures were tried, with %d names", attempts, named)
	}
}

// TestProtection_IsUndoneBeforeWhatItProtects checks what canBeTakenBack takes for granted: a call is undone before what
// it protects is deleted, since it needs that.
func TestProtection_IsUndoneBeforeWhatItProtects(t *testing.T) {
	app := cdktest.NewApp(t)
	one := load(t, two, "").Environments["two"]
	one.Disposable = false
	stacks.NewEnvironment(app, one, false)
	calls := 0
	for _, s := range read(t, cdktest.Synth(t, app).Dir) {
		needs := needsOf(s.Template)
		for _, call := range s.Template.All(protection) {
			what := protectedByCall(t, call)
			if what == "" {
				continue
			}
			calls++
			if !slices.ContainsFunc(needs[call.ID], func(id string) bool {
				return id == what || strings.Contains(what, "-") &&
					strings.HasPrefix(id, "Tables"+what[strings.LastIndex(what, "-")+1:])
			}) {
				t.Errorf("%s: %s does not need %s, but %v", s.Name, call.ID, what, needs[call.ID])
			}
			if undo := cdktest.JSON(t, call.Property("Delete")); !strings.Contains(undo, "false") {
				t.Errorf("%s: %s cannot be undone: %s", s.Name, call.ID, undo)
			}
		}
	}
	// Three tables in the region that stays, and its load balancer; nothing in the one that leaves.
	if calls != 4 {
		t.Errorf("%d calls protect something", calls)
	}
}

// leaveNothing looks at the stacks of the disposable environment.
func leaveNothing(t *testing.T, all []stack) {
	buckets := 0
	for _, s := range all {
		if !strings.HasPrefix(s.Name, "SensorFlow-two-") {
			continue
		}
		emptied := map[any]bool{}
		for _, r := range s.Template.All("Custom::S3AutoDeleteObjects") {
			emptied[r.Property("BucketName", "Ref")] = true
		}
		for _, r := range s.Template.All("") {
			if outlives(r) {
				t.Errorf("%s: %s stays by %v", s.Name, r.ID, r.Body["DeletionPolicy"])
			}
			if refuses(t, r) || r.Type == protection && protectedByCall(t, r) != "" {
				t.Errorf("%s: %s refuses to be deleted", s.Name, r.ID)
			}
			if r.Type == "AWS::S3::Bucket" {
				buckets++
				if !emptied[r.ID] {
					t.Errorf("%s: nothing empties %s", s.Name, r.ID)
				}
			}
			if r.Type == "AWS::Lambda::Function" && r.Property("LoggingConfig", "LogGroup", "Ref") == nil {
				t.Errorf("%s: Lambda makes a log group for %s, which nobody deletes", s.Name, r.ID)
			}
		}
	}
	if buckets < 12 {
		t.Errorf("only %d buckets were looked at", buckets)
	}
}

// outlives tells whether a resource is there when its stack is gone. A function's version is kept from one deployment to the next,
// and goes with the function.
func outlives(r cdktest.Resource) bool {
	policy := r.Body["DeletionPolicy"]
	return policy != nil && policy != "Delete" && r.Type != "AWS::Lambda::Version"
}

// sayWhatStays compares what a deployer is told before a destruction with the templates.
func sayWhatStays(t *testing.T, out *cdktest.Assembly, all []stack) {
	for _, environment := range []string{"one", "two", "three"} {
		read, err := stays.Read(os.DirFS(out.Dir), "SensorFlow-"+environment+"-*")
		if err != nil {
			t.Fatal(err)
		}
		var told strings.Builder
		if err := stays.Say(&told, environment, read); err != nil {
			t.Fatal(err)
		}
		kinds := map[string]int{}
		for _, s := range all {
			if s.Stage != "" || !strings.HasPrefix(s.Name, "SensorFlow-"+environment+"-") {
				continue
			}
			sayWhatIsKept(t, s, told.String(), kinds)
			sayWhatRefuses(t, s, told.String())
			sayWhatIsBeside(t, s, told.String())
			if strings.Contains(told.String(), "--stack-name "+s.Name+"\n") != (environment != "two") {
				t.Errorf("what protects %s is not what is said:\n%s", s.Name, told.String())
			}
		}
		if disposable := environment == "two"; disposable != (len(kinds) == 0) || !disposable && len(kinds) < 5 {
			t.Errorf("of %s there stay %v", environment, slices.Sorted(maps.Keys(kinds)))
		}
	}
}

// sayThatBucketsRefuse is about the pipeline, which empties none of its buckets.
func sayThatBucketsRefuse(t *testing.T, out *cdktest.Assembly, all []stack) {
	read, err := stays.Read(os.DirFS(out.Dir), stacks.PipelineName+"*")
	if err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	if err := stays.Say(&told, "pipeline", read); err != nil {
		t.Fatal(err)
	}
	buckets := 0
	for _, s := range all {
		if s.Stage != "" || !s.isPipeline() {
			continue
		}
		for _, r := range s.Template.All("AWS::S3::Bucket") {
			buckets++
			if outlives(r) || !strings.Contains(told.String(), "# the bucket "+r.ID+" of "+s.Name+", as long as anything is in it") {
				t.Errorf("%s: %s cannot be deleted while it holds something, and nobody says so:\n%s", s.Name, r.ID, told.String())
			}
		}
	}
	if buckets == 0 {
		t.Error("the pipeline has no bucket")
	}
}

// block is what is told of a stack's resources: a line each.
func block(told string, s stack) []string {
	_, after, found := strings.Cut(told, "  of "+s.Name+" in "+s.Region+"\n")
	if !found {
		return nil
	}
	var lines []string
	for line := range strings.Lines(after) {
		if !strings.HasPrefix(line, "    ") {
			break
		}
		if text := strings.TrimSpace(line); !strings.HasPrefix(text, "#") && !strings.HasPrefix(text, "aws ") {
			lines = append(lines, text)
		}
	}
	return lines
}

// sayWhatIsKept wants a line for each resource that outlives its stack, and no other.
func sayWhatIsKept(t *testing.T, s stack, told string, kinds map[string]int) {
	lines, kept := block(told, s), 0
	for _, r := range s.Template.All("") {
		if !outlives(r) || strings.HasPrefix(r.Type, "Custom::") {
			continue
		}
		kept++
		kinds[r.Type]++
		what := r.ID + " in the template"
		for _, property := range []string{"TableName", "GroupName"} {
			if name, fixed := r.Property(property).(string); fixed {
				what = name
			}
		}
		if !slices.ContainsFunc(lines, func(line string) bool {
			_, named, _ := strings.Cut(line, "  ")
			named, _, _ = strings.Cut(strings.TrimSpace(named), ", also in ")
			return named == what
		}) {
			t.Errorf("%s: %s stays by %v, and nobody says it: %q", s.Name, what, r.Body["DeletionPolicy"], lines)
		}
		// infra/LIFE.md tells how to take these up before the next deployment, and of no others.
		if name := physicalName(r); name != "" && r.Type != "AWS::DynamoDB::GlobalTable" {
			t.Errorf("%s stays with the name %s, in the way of the next deployment", r.ID, name)
		}
	}
	if len(lines) != kept {
		t.Errorf("%s: %d resources stay, and %d are told: %q", s.Name, kept, len(lines), lines)
	}
}

// sayWhatRefuses wants the command for each load balancer that is protected, and for a replica of the user pool.
func sayWhatRefuses(t *testing.T, s stack, told string) {
	for _, r := range s.Template.All(protection) {
		what := protectedByCall(t, r)
		command := fmt.Sprintf("elbv2 modify-load-balancer-attributes --attributes Key=deletion_protection.enabled,"+
			`Value=false --region %s --load-balancer-arn "$(aws cloudformation describe-stack-resource --region %s `+
			"--stack-name %s --logical-resource-id %s ", s.Region, s.Region, s.Name, what)
		if refuses := what != "" && !strings.Contains(what, "-"); strings.Contains(told, command) != refuses {
			t.Errorf("%s: %s refuses, and it is said: %v", s.Name, what, !refuses)
		}
	}
	for _, r := range s.Template.All("AWS::Cognito::UserPoolReplica") {
		if command := " REGION=" + r.Text(t, "RegionName") + "\n"; !strings.Contains(told, "make detach ENV=") ||
			!strings.Contains(told, command) {
			t.Errorf("%s: nobody says that %s may refuse", s.Name, r.ID)
		}
	}
}

// sayWhatIsBeside wants the commands that find what no template names.
func sayWhatIsBeside(t *testing.T, s stack, told string) {
	want := func(r cdktest.Resource, command string) {
		if !strings.Contains(told, command) {
			t.Errorf("%s: what stays of %s is not told: %s", s.Name, r.ID, command)
		}
	}
	for _, r := range s.Template.All("AWS::CertificateManager::Certificate") {
		options, _ := r.Property("DomainValidationOptions").([]any)
		if len(options) != 2 {
			t.Errorf("%s is validated for %v", r.ID, options)
		}
		for _, option := range options {
			want(r, fmt.Sprintf("aws route53 list-resource-record-sets --hosted-zone-id %v ", cdktest.At(option, "HostedZoneId")))
			want(r, fmt.Sprintf("ends_with(Name, '.%v.')", cdktest.At(option, "DomainName")))
		}
	}
	for _, r := range s.Template.All("AWS::ECS::TaskDefinition") {
		want(r, fmt.Sprintf("aws ecs list-task-definitions --region %s --family-prefix %s ", s.Region, r.Text(t, "Family")))
	}
	for _, r := range s.Template.All("AWS::ECS::Cluster") {
		want(r, fmt.Sprintf("aws logs describe-log-groups --region %s --log-group-name-prefix "+
			"/aws/ecs/containerinsights/%s- ", s.Region, s.Name))
	}
	for _, r := range s.Template.All("AWS::DynamoDB::GlobalTable") {
		replicas, _ := r.Property("Replicas").([]any)
		for _, replica := range replicas {
			if region := cdktest.At(replica, "Region"); !outlives(r) && region != nil {
				want(r, fmt.Sprintf("# a backup of the deleted table %s in %v,", r.ID, region))
			}
		}
	}
	want(cdktest.Resource{ID: "the bootstrap"}, "the bucket cdk-hnb659fds-assets-111122223333-"+s.Region)
}
