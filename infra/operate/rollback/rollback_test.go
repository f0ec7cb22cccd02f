package rollback_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sensorflow/sensorflow/infra/operate/rollback"
)

const (
	stack  = "SensorFlow-dev-eu-west-1"
	region = "eu-west-1"
	arn    = "arn:aws:ecs:eu-west-1:111122223333:"
)

// event is an event of the stack; what happened last comes first.
type event struct{ at, kind, id, physical, status string }

func ofStack(at, status string) event {
	return event{at, "AWS::CloudFormation::Stack", stack, "arn:stack", status}
}

func ofService(at string) event {
	return event{at, "AWS::ECS::Service", "Service", arn + "service/cluster/api", "UPDATE_COMPLETE"}
}

func ofFunction(at, name string) event {
	return event{at, "AWS::Lambda::Function", name, "fn-" + name, "UPDATE_COMPLETE"}
}

// deployment is one of the service.
type deployment struct {
	at     string
	task   int // the revision of the task definition
	status string
}

// version is one of a function's code; 0 is what runs.
type version struct {
	number int
	at     string
	code   string
}

// world is a stand-in of CloudFormation, ECS and Lambda with a memory.
type world struct {
	mu          sync.Mutex
	status      string
	events      []event
	deployments []deployment // newest first
	stackTask   int
	settings    map[int]map[string]string
	inactive    int
	functions   map[string][]version
	outcome     string // how a deployment that is asked for ends
	polls       int
	address     string
	changes     []string
	registered  string
	spoiled     string // what stands behind the code of a version, where it is not the code
}

// before is a region that was deployed twice: the second time, what runs changed.
func before() *world {
	return &world{
		status: "UPDATE_COMPLETE",
		events: []event{
			ofStack("2026-11-26T03:09:00Z", "UPDATE_COMPLETE"),
			ofStack("2026-11-26T03:08:00Z", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
			ofService("2026-11-26T03:07:00Z"), ofFunction("2026-11-26T03:02:00Z", "Aggregator"), ofFunction("2026-11-26T03:02:00Z", "Lookup"),
			ofStack("2026-11-26T03:00:00Z", "UPDATE_IN_PROGRESS"),
			ofStack("2026-11-20T10:20:00Z", "CREATE_COMPLETE"),
			ofStack("2026-11-20T10:00:00Z", "CREATE_IN_PROGRESS"),
		},
		deployments: []deployment{{"2026-11-26T03:03:00Z", 7, "SUCCESSFUL"}, {"2026-11-20T10:10:00Z", 6, "SUCCESSFUL"}},
		stackTask:   7,
		settings:    map[int]map[string]string{6: {"AGGREGATE_INDEX_SHARDS": "8"}, 7: {"AGGREGATE_INDEX_SHARDS": "8"}},
		functions: map[string][]version{
			"fn-Aggregator": {{0, "2026-11-26T03:02:00Z", "new"}, {1, "2026-11-20T10:05:00Z", "old"}, {2, "2026-11-26T03:02:30Z", "new"}},
			"fn-Lookup":     {{0, "2026-11-26T03:02:00Z", "cdk"}},
		},
		outcome: "SUCCESSFUL",
	}
}

func (w *world) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch {
	case form.Get("Action") != "":
		w.cloudFormation(out, form)
	case operation != "":
		w.ecs(out, operation, body)
	default:
		w.lambda(out, r, body)
	}
}

func (w *world) cloudFormation(out io.Writer, form url.Values) {
	action, content := form.Get("Action"), ""
	switch action {
	case "DescribeStacks":
		content = "<Stacks><member><StackName>" + stack + "</StackName><StackStatus>" + w.status + "</StackStatus></member></Stacks>"
	case "DescribeStackEvents":
		for _, e := range w.events {
			content += fmt.Sprintf("<member><Timestamp>%s</Timestamp><ResourceType>%s</ResourceType><LogicalResourceId>%s</LogicalResourceId>"+
				"<PhysicalResourceId>%s</PhysicalResourceId><ResourceStatus>%s</ResourceStatus></member>", e.at, e.kind, e.id, e.physical, e.status)
		}
		content = "<StackEvents>" + content + "</StackEvents>"
	case "ListStackResources": // a region's stack has more than the hundred of a page
		content = "<StackResourceSummaries><member><ResourceType>AWS::EC2::VPC</ResourceType></member></StackResourceSummaries><NextToken>2</NextToken>"
		if form.Get("NextToken") == "2" {
			content = fmt.Sprintf("<StackResourceSummaries><member><ResourceType>AWS::ECS::TaskDefinition</ResourceType><PhysicalResourceId>%s"+
				"</PhysicalResourceId></member></StackResourceSummaries>", task(w.stackTask))
		}
	}
	_, _ = fmt.Fprintf(out, "<%sResponse><%sResult>%s</%sResult></%sResponse>", action, action, content, action, action)
}

func task(revision int) string { return arn + "task-definition/api:" + strconv.Itoa(revision) }

func seconds(at string) int64 {
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		panic(err)
	}
	return t.Unix()
}

func (w *world) ecs(out io.Writer, operation string, body []byte) {
	var input struct {
		TaskDefinition      string
		ServiceRevisionArns []string
	}
	_ = json.Unmarshal(body, &input)
	answer := map[string]any{}
	switch operation {
	case "ListServiceDeployments":
		if w.polls++; w.polls > 2 && !over(w.deployments[0].status) { // it ends after some looks
			w.deployments[0].status = w.outcome
		}
		var all []any
		for n, d := range w.deployments {
			all = append(all, map[string]any{
				"serviceDeploymentArn": fmt.Sprint("deployment-", len(w.deployments)-n), "createdAt": seconds(d.at), "status": d.status,
				"targetServiceRevisionArn": fmt.Sprint("revision-", d.task),
			})
		}
		slices.Reverse(all) // ECS promises no order
		answer["serviceDeployments"] = all
	case "DescribeServiceRevisions":
		var all []any
		for _, revision := range input.ServiceRevisionArns {
			number, _ := strconv.Atoi(strings.TrimPrefix(revision, "revision-"))
			all = append(all, map[string]any{"serviceRevisionArn": revision, "taskDefinition": task(number)})
		}
		answer["serviceRevisions"] = all
	case "DescribeTaskDefinition":
		revision, _ := strconv.Atoi(input.TaskDefinition[strings.LastIndex(input.TaskDefinition, ":")+1:])
		var environment []any
		for name, value := range w.settings[revision] {
			environment = append(environment, map[string]any{"name": name, "value": value})
		}
		status := "ACTIVE"
		if revision == w.inactive {
			status = "INACTIVE"
		}
		answer["taskDefinition"] = map[string]any{
			"taskDefinitionArn": input.TaskDefinition, "status": status, "family": "api", "cpu": "512", "memory": "1024", "networkMode": "awsvpc",
			"requiresCompatibilities": []string{"FARGATE"}, "executionRoleArn": "execution", "taskRoleArn": "task",
			"runtimePlatform":      map[string]any{"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
			"containerDefinitions": []any{map[string]any{"name": "Api", "image": "old", "environment": environment}},
		}
	case "RegisterTaskDefinition":
		w.registered = string(body)
		answer["taskDefinition"] = map[string]any{"taskDefinitionArn": task(8)}
	case "UpdateService":
		revision, _ := strconv.Atoi(input.TaskDefinition[strings.LastIndex(input.TaskDefinition, ":")+1:])
		w.changes = append(w.changes, "service to "+strconv.Itoa(revision))
		w.deployments = append([]deployment{{"2026-11-26T04:00:00Z", revision, "IN_PROGRESS"}}, w.deployments...)
		w.polls = 0
		answer["service"] = map[string]any{}
	}
	_ = json.NewEncoder(out).Encode(answer)
}

func over(status string) bool { return status != "IN_PROGRESS" && status != "PENDING" }

func sum(code string) string {
	s := sha256.Sum256([]byte(code))
	return base64.StdEncoding.EncodeToString(s[:])
}

func (w *world) lambda(out http.ResponseWriter, r *http.Request, body []byte) {
	if code, found := strings.CutPrefix(r.URL.Path, "/code-of/"); found {
		if r.URL.Query().Get("signature") != "secret" {
			out.WriteHeader(http.StatusForbidden)
		}
		_, _ = io.WriteString(out, code+w.spoiled)
		return
	}
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/2015-03-31/functions/"), "/")
	versions := w.functions[name]
	describe := func(v version) map[string]any {
		label := strconv.Itoa(v.number)
		if v.number == 0 {
			label = "$LATEST"
		}
		return map[string]any{
			"FunctionName": name, "Version": label, "CodeSha256": sum(v.code), "LastUpdateStatus": "Successful",
			"LastModified": strings.TrimSuffix(v.at, "Z") + ".000+0000", "Architectures": []string{"arm64"},
		}
	}
	var answer any
	switch rest {
	case "versions": // one to a page
		at, _ := strconv.Atoi(r.URL.Query().Get("Marker"))
		page := map[string]any{"Versions": []any{describe(versions[at])}}
		if at+1 < len(versions) {
			page["NextMarker"] = strconv.Itoa(at + 1)
		}
		answer = page
	case "code":
		var input struct {
			ZipFile       []byte
			Architectures []string
		}
		_ = json.Unmarshal(body, &input)
		versions[0].code = string(input.ZipFile)
		w.changes = append(w.changes, fmt.Sprintf("%s to %s %v", name, input.ZipFile, input.Architectures))
		answer = describe(versions[0])
	case "configuration":
		answer = describe(versions[0])
	default:
		for _, v := range versions {
			if strconv.Itoa(v.number) == r.URL.Query().Get("Qualifier") {
				answer = map[string]any{
					"Configuration": describe(v), "Code": map[string]any{"Location": w.address + "/code-of/" + v.code + "?signature=secret"},
				}
			}
		}
	}
	_ = json.NewEncoder(out).Encode(answer)
}

// run rolls back, and returns what was said.
func (w *world) run(t *testing.T, agree bool) (said string, err error) {
	t.Helper()
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.address = server.URL
	var out bytes.Buffer
	err = rollback.Run(t.Context(), rollback.Options{
		Stack: stack, Region: region, HTTP: server.Client(), Out: &out,
		AWS: aws.Config{BaseEndpoint: &server.URL, RetryMaxAttempts: 1, Credentials: aws.CredentialsProviderFunc(
			func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "A", SecretAccessKey: "a"}, nil
			})},
		Confirm: func() (bool, error) {
			if len(w.changes) > 0 {
				t.Errorf("before anybody agreed: %q", w.changes)
			}
			return agree, nil
		},
		Wait: func(context.Context, time.Duration) error { return nil },
	})
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("a signed address is told: %v", err)
	}
	return out.String(), err
}

func TestRun_PutsBackWhatRanBefore(t *testing.T) {
	w := before()
	said, err := w.run(t, true)
	if err != nil {
		t.Fatal(err)
	}
	const want = `SensorFlow-dev-eu-west-1 in eu-west-1: the last deployment that changed what runs began at 2026-11-26T03:00:00Z.
  service: from api:7 back to api:6, by a deployment that shifts the requests as every other does
  Aggregator: back to the code of version 1, with its settings of now
  Lookup: its versions are not kept, as those of the CDK's own functions are not
CloudFormation does not know of it: the next make deploy brings the new version of what it changes, and leaves the rest as it is then.
service: ECS deploys api:6
Aggregator: runs the code of version 1
service: IN_PROGRESS
service: SUCCESSFUL
SensorFlow-dev-eu-west-1 is back on what ran before.
`
	if said != want {
		t.Errorf("it said\n%s\nwant\n%s", said, want)
	}
	if got := strings.Join(w.changes, ", "); got != "service to 6, fn-Aggregator to old [arm64]" {
		t.Errorf("changed: %s", got)
	}
	if _, err := w.run(t, true); err == nil || err.Error() != "there is nothing to roll back" || len(w.changes) != 2 {
		t.Errorf("the second time: error %v, changed %q", err, w.changes)
	}
}

func TestRun_ChangesNothingWhereNobodyAgrees(t *testing.T) {
	w := before()
	if said, err := w.run(t, false); err == nil || err.Error() != "nothing was changed" || len(w.changes) > 0 {
		t.Errorf("error %v, changed %q, said\n%s", err, w.changes, said)
	}
}

// TestRun_GoesBackBehindWhatChangedNothing holds which deployment counts as the last one.
func TestRun_GoesBackBehindWhatChangedNothing(t *testing.T) {
	later := func(events ...event) func(*world) {
		return func(w *world) { w.events = append(events, w.events...) }
	}
	for name, c := range map[string]struct {
		change func(*world)
		want   string
	}{
		"an update of something else": {later(
			ofStack("2026-11-26T03:30:00Z", "UPDATE_COMPLETE"),
			event{"2026-11-26T03:29:00Z", "AWS::CloudWatch::Alarm", "Alarm", "alarm", "UPDATE_COMPLETE"},
			ofStack("2026-11-26T03:28:00Z", "UPDATE_IN_PROGRESS")), "service to 6, fn-Aggregator to old [arm64]"},
		"a deployment that was undone": {later(
			ofStack("2026-11-26T03:30:00Z", "UPDATE_ROLLBACK_COMPLETE"), ofService("2026-11-26T03:29:00Z"), ofFunction("2026-11-26T03:29:00Z", "Auditor"),
			ofStack("2026-11-26T03:28:00Z", "UPDATE_IN_PROGRESS")), "service to 6, fn-Aggregator to old [arm64]"},
		"a service that failed in between": {func(w *world) {
			w.deployments = slices.Insert(w.deployments, 1, deployment{"2026-11-25T10:00:00Z", 5, "ROLLBACK_SUCCESSFUL"})
		}, "service to 6, fn-Aggregator to old [arm64]"},
		"a deployment by hand after it, and the stack's again": {func(w *world) {
			w.deployments = append([]deployment{
				{"2026-11-26T03:40:00Z", 7, "SUCCESSFUL"}, {"2026-11-26T03:20:00Z", 9, "SUCCESSFUL"},
			}, w.deployments...)
		}, "service to 6, fn-Aggregator to old [arm64]"},
		"a function with other settings only": {func(w *world) {
			for i := range w.functions["fn-Aggregator"] {
				w.functions["fn-Aggregator"][i].code = "same"
			}
		}, "service to 6"},
		"a service that did not change": {func(w *world) {
			w.events = slices.DeleteFunc(w.events, func(e event) bool { return e.kind == "AWS::ECS::Service" })
		}, "fn-Aggregator to old [arm64]"},
		"two versions from before": {func(w *world) {
			w.functions["fn-Aggregator"] = []version{
				{0, "2026-11-26T03:02:00Z", "new"}, {9, "2026-11-21T10:05:00Z", "ninth"}, {10, "2026-11-22T10:05:00Z", "tenth"},
				{11, "2026-11-26T03:02:30Z", "new"},
			}
		}, "service to 6, fn-Aggregator to tenth [arm64]"},
	} {
		t.Run(name, func(t *testing.T) {
			w := before()
			c.change(w)
			said, err := w.run(t, true)
			if got := strings.Join(w.changes, ", "); err != nil || got != c.want {
				t.Errorf("changed %s, want %s; error %v, said\n%s", got, c.want, err, said)
			}
		})
	}
}

func TestRun_RefusesWhatWouldDoHarm(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		want   string
	}{
		"rejects a deployment of the stack in progress": {func(w *world) { w.status = "UPDATE_IN_PROGRESS" },
			"a deployment is in progress: SensorFlow-dev-eu-west-1 is UPDATE_IN_PROGRESS."},
		"rejects a deployment of the service in progress": {func(w *world) {
			w.deployments = append([]deployment{{"2026-11-26T03:50:00Z", 8, "IN_PROGRESS"}}, w.deployments...)
			w.polls = -100
		}, "a deployment of the service is in progress: it is IN_PROGRESS."},
		"rejects where nothing ran before": {func(w *world) {
			w.events = []event{ofStack("2026-11-20T10:20:00Z", "CREATE_COMPLETE"), ofStack("2026-11-20T10:00:00Z", "CREATE_IN_PROGRESS")}
		}, "nothing ran before: the stack was created,"},
		"rejects where nobody remembers": {func(w *world) { w.events = w.events[:2] }, "the events of the stack do not tell"},
		"rejects fewer partitions than there are": {func(w *world) { w.settings[7]["AGGREGATE_INDEX_SHARDS"] = "16" },
			`the deployment changed what the data depends on: AGGREGATE_INDEX_SHARDS ("16", before "8").`},
		"rejects where all is back already": {func(w *world) {
			w.deployments = append([]deployment{{"2026-11-26T03:50:00Z", 6, "SUCCESSFUL"}}, w.deployments...)
			w.functions["fn-Aggregator"][0].code = "old"
		}, "there is nothing to roll back"},
	} {
		t.Run(name, func(t *testing.T) {
			w := before()
			c.change(w)
			said, err := w.run(t, true)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || len(w.changes) > 0 {
				t.Errorf("error %v, want %s; changed %q, said\n%s", err, c.want, w.changes, said)
			}
		})
	}
}

// TestRun_TakesNoOtherCodeThanThatOfTheVersion also holds that the service goes back all the same.
func TestRun_TakesNoOtherCodeThanThatOfTheVersion(t *testing.T) {
	w := before()
	w.spoiled = " and more"
	said, err := w.run(t, true)
	if want := "get the code of fn-Aggregator: it is not that of version 1"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if len(w.changes) != 1 || !strings.Contains(said, "service: SUCCESSFUL\n") {
		t.Errorf("changed %q, said\n%s", w.changes, said)
	}
}

// TestRun_RegistersAgainWhatIsOutOfUse is about what CloudFormation does with a task definition that it replaces.
func TestRun_RegistersAgainWhatIsOutOfUse(t *testing.T) {
	w := before()
	w.inactive = 6
	said, err := w.run(t, true)
	if err != nil || w.changes[0] != "service to 8" || !strings.Contains(said, "service: api:6 is registered again as api:8\n") {
		t.Errorf("error %v, changed %q, said\n%s", err, w.changes, said)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(w.registered), &got); err != nil {
		t.Fatal(err)
	}
	container := got["containerDefinitions"].([]any)[0].(map[string]any)
	for key, want := range map[string]string{
		"family": "api", "cpu": "512", "memory": "1024", "networkMode": "awsvpc", "executionRoleArn": "execution", "taskRoleArn": "task",
		"requiresCompatibilities": "[FARGATE]", "runtimePlatform": "map[cpuArchitecture:ARM64 operatingSystemFamily:LINUX]",
	} {
		if fmt.Sprint(got[key]) != want {
			t.Errorf("%s is %v, want %s", key, got[key], want)
		}
	}
	if container["image"] != "old" || fmt.Sprint(container["environment"]) != "[map[name:AGGREGATE_INDEX_SHARDS value:8]]" {
		t.Errorf("the container is %v", container)
	}
	if _, err := w.run(t, true); err == nil || err.Error() != "there is nothing to roll back" {
		t.Errorf("the second time: error %v", err)
	}
}

// TestRun_FailsWhereItDoesNotBecomeStable holds that the functions are back all the same.
func TestRun_FailsWhereItDoesNotBecomeStable(t *testing.T) {
	w := before()
	w.outcome = "ROLLBACK_SUCCESSFUL"
	_, err := w.run(t, true)
	if want := "the service did not become stable on api:6: its deployment is ROLLBACK_SUCCESSFUL"; err == nil || err.Error() != want || len(w.changes) != 2 {
		t.Errorf("error %v, want %s; changed %q", err, want, w.changes)
	}
}

func TestRun_EndsWithItsContext(t *testing.T) {
	w := before()
	w.outcome = "IN_PROGRESS"
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.address = server.URL
	err := rollback.Run(t.Context(), rollback.Options{
		Stack: stack, Region: region, HTTP: server.Client(), Out: io.Discard,
		AWS: aws.Config{BaseEndpoint: &server.URL, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "A", SecretAccessKey: "a"}, nil
		})},
		Confirm: func() (bool, error) { return true, nil },
		Wait:    func(context.Context, time.Duration) error { return context.DeadlineExceeded },
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}
