package preflight_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/operate/preflight"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// answers are what a stand-in of AWS answers, by "operation region" or by the operation alone: a body, with "400 " in front where it
// refuses, or "hang" where it never answers.
type answers map[string]string

// whole are those of an account in which nothing is missing and nothing was deployed.
func whole() answers {
	return answers{
		"GetCallerIdentity": `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/ada</Arn>` +
			`<Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
		"DescribeRegions": `<DescribeRegionsResponse><regionInfo><item><regionName>eu-west-1</regionName><optInStatus>opt-in-not-required</optInStatus></item>` +
			`<item><regionName>eu-central-1</regionName><optInStatus>opted-in</optInStatus></item></regionInfo></DescribeRegionsResponse>`,
		"GetParameter":                         `{"Parameter":{"Value":"28"}}`,
		"DescribeStacks":                       `400 <ErrorResponse><Error><Code>ValidationError</Code><Message>Stack with id X does not exist</Message></Error></ErrorResponse>`,
		"DescribeTable":                        `400 {"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"no table"}`,
		"DescribeKey":                          `400 {"__type":"NotFoundException","message":"no alias"}`,
		"DescribeSecret":                       `400 {"__type":"ResourceNotFoundException","Message":"no secret"}`,
		"DescribeLogGroups":                    `{"logGroups":[]}`,
		"GetFunctionConfiguration":             `400 {"__type":"ResourceNotFoundException"}`,
		"GetServiceQuota":                      `400 {"__type":"NoSuchResourceException"}`,
		"GetAWSDefaultServiceQuota L-0263D0A3": `{"Quota":{"Value":5}}`,
		"GetAWSDefaultServiceQuota L-F678F1CE": `{"Quota":{"Value":5}}`,
		"GetAWSDefaultServiceQuota L-B99A9384": `{"Quota":{"Value":1000}}`,
		"DescribeAddresses":                    `<DescribeAddressesResponse><addressesSet><item><publicIp>192.0.2.1</publicIp></item></addressesSet></DescribeAddressesResponse>`,
		"DescribeVpcs":                         `<DescribeVpcsResponse><vpcSet><item><vpcId>vpc-1</vpcId></item></vpcSet></DescribeVpcsResponse>`,
		"GetRole":                              `<GetRoleResponse><GetRoleResult><Role><RoleName>AWSServiceRoleForECS</RoleName></Role></GetRoleResult></GetRoleResponse>`,
	}
}

// with returns the answers with others for some.
func (a answers) with(others answers) answers {
	for key, answer := range others {
		a[key] = answer
	}
	return a
}

// serve starts the stand-in. A call for which it has no answer fails the test.
func (a answers) serve(t *testing.T) aws.Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		form, _ := url.ParseQuery(string(body))
		if operation == "" {
			operation = form.Get("Action")
		}
		if operation == "" && strings.HasSuffix(r.URL.Path, "/configuration") {
			operation = "GetFunctionConfiguration"
		}
		// Credential=KEY/DATE/REGION/SERVICE/aws4_request
		scope := strings.Split(r.Header.Get("Authorization"), "/")
		var input struct{ QuotaCode, TableName string }
		_ = json.Unmarshal(body, &input)
		if len(scope) < 4 {
			t.Errorf("%s is not signed", operation)
			return
		}
		for _, key := range []string{" " + input.QuotaCode, " " + input.TableName, " " + form.Get("StackName"), " " + scope[2], ""} {
			answer, found := a[operation+key]
			if !found {
				continue
			}
			if answer == "hang" {
				<-r.Context().Done()
				return
			}
			if body, refused := strings.CutPrefix(answer, "400 "); refused {
				w.WriteHeader(http.StatusBadRequest)
				answer = body
			}
			_, _ = io.WriteString(w, answer)
			return
		}
		t.Errorf("nobody expected %s in %s", operation, scope[2])
	}))
	t.Cleanup(server.Close)
	return aws.Config{
		BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "A", SecretAccessKey: "a"}, nil
		}),
	}
}

// machine is a machine with Node.js, and with the command line of the CDK where it is said to be there.
func machine(t *testing.T, node, docker string, hasCLI bool) preflight.Machine {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{".make/cdk-cli.sh": "set -eu\npackage=aws-cdk@2.1148.1\n"}
	if hasCLI {
		files[".local/cdk/package.json"] = `{"version":"2.1148.1"}`
	}
	for name, content := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return preflight.Machine{Dir: dir, Run: func(_ context.Context, _, name string, _ ...string) (string, error) {
		switch {
		case name == "docker" && docker != "":
			return docker, nil
		case name == "sh" && node != "", name == "node" && node != "":
			return node, nil
		case name == "sh":
			return "Node.js was not found; install 20 or newer.\n    Debian, Ubuntu: nodejs", errors.New("exit status 1")
		default:
			return "", errors.New("executable file not found in $PATH")
		}
	}}
}

func environment(t *testing.T, more string) config.Environment {
	t.Helper()
	c, err := config.Load([]byte(`{"sensorflow":{"environments":{"dev":{"regions":["eu-west-1","eu-central-1"]`+more+`}}}}`),
		config.Defaults{AccountLater: true})
	if err != nil {
		t.Fatal(err)
	}
	return c.Environments["dev"]
}

const account = `,"account":"111122223333"`

func golden(t *testing.T, name string, report preflight.Report) {
	t.Helper()
	var got bytes.Buffer
	if err := report.Write(&got); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".golden.txt")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s: the report is\n%s\nwant\n%s\nerror %v", name, got.Bytes(), want, err)
	}
	if lines := bytes.Count(got.Bytes(), []byte("\n")); lines > 24 {
		t.Errorf("%s: %d lines do not fit on a screen", name, lines)
	}
}

func TestLook_Reports(t *testing.T) {
	denied := func(kind string) string {
		if kind == "json" {
			return `400 {"__type":"AccessDeniedException","message":"no"}`
		}
		return `400 <ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`
	}
	stack := func(status, environment string) string {
		return `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>X</StackName><StackStatus>` + status + `</StackStatus>` +
			`<Tags><member><Key>application</Key><Value>SensorFlow</Value></member><member><Key>environment</Key><Value>` + environment +
			`</Value></member></Tags></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`
	}
	for name, c := range map[string]struct {
		answers    answers
		more, node string
		ready      bool
	}{
		"ready":              {whole(), account, "v20.19.2", true},
		"account_of_nothing": {whole(), "", "v20.19.2", true},
		"deployed": {whole().with(answers{
			"DescribeStacks": stack("UPDATE_COMPLETE", "dev"), "DescribeAddresses": `<DescribeAddressesResponse><addressesSet>` +
				strings.Repeat("<item><publicIp>192.0.2.1</publicIp></item>", 5) + `</addressesSet></DescribeAddressesResponse>`,
		}), account, "v20.19.2", true},
		"another_account": {whole().with(answers{
			"GetCallerIdentity": `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::999999999999:user/ada</Arn>` +
				`<Account>999999999999</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
		}), account, "v20.19.2", false},
		"much_is_missing": {whole().with(answers{
			"DescribeRegions": `<DescribeRegionsResponse><regionInfo><item><regionName>eu-west-1</regionName><optInStatus>opt-in-not-required</optInStatus></item>` +
				`<item><regionName>eu-central-1</regionName><optInStatus>not-opted-in</optInStatus></item></regionInfo></DescribeRegionsResponse>`,
			"GetParameter eu-west-1":              `{"Parameter":{"Value":"5"}}`,
			"GetParameter eu-central-1":           `400 {"__type":"ParameterNotFound"}`,
			"DescribeStacks SensorFlow-dev-state": stack("UPDATE_ROLLBACK_FAILED", "dev"),
			"DescribeKey":                         `{"KeyMetadata":{}}`,
			"DescribeLogGroups eu-west-1":         `{"logGroups":[{}]}`,
			"GetServiceQuota L-0263D0A3":          `{"Quota":{"Value":3}}`,
			"DescribeVpcs": `<DescribeVpcsResponse><vpcSet>` + strings.Repeat("<item><vpcId>vpc-1</vpcId></item>", 5) +
				`</vpcSet></DescribeVpcsResponse>`,
			"GetServiceQuota L-B99A9384": `{"Quota":{"Value":7}}`,
			"GetRole":                    `400 <ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>`,
		}), account + `,"natGateways":3`, "", false},
		"names_are_taken": {whole().with(answers{
			"DescribeTable SensorFlow-dev-Readings":   `{"Table":{}}`,
			"DescribeSecret":                          `{"Name":"SensorFlow-dev/identity"}`,
			"DescribeStacks SensorFlow-dev-eu-west-1": stack("CREATE_COMPLETE", "another"),
		}), account, "v20.19.2", false},
		"little_is_allowed": {whole().with(answers{
			"DescribeRegions": `400 <Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>`,
			"GetParameter":    denied("json"), "DescribeStacks": denied("xml"), "GetServiceQuota": denied("json"),
			"GetRole": denied("xml"),
		}), account, "v20.19.2", false},
		"services_fail": {whole().with(answers{
			"GetParameter": `400 {"__type":"InternalServerError","message":"try later"}`, "DescribeLogGroups": denied("json"),
			"DescribeKey": denied("json"), "DescribeAddresses": `400 nonsense`,
		}), account, "v20.19.2", false},
	} {
		t.Run(name, func(t *testing.T) {
			report := preflight.Look(t.Context(), preflight.Options{
				Environment: environment(t, c.more), AWS: c.answers.serve(t), Machine: machine(t, c.node, "", c.node != ""),
			})
			if report.Ready() != c.ready {
				t.Errorf("ready: %t, want %t", report.Ready(), c.ready)
			}
			golden(t, name, report)
		})
	}
}

// TestLook_OnAMachineWithoutAnything also holds the time that it may take, where nothing on the network answers.
func TestLook_OnAMachineWithoutAnything(t *testing.T) {
	nowhere := aws.Config{Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("no EC2 IMDS role found")
	})}
	report := preflight.Look(t.Context(), preflight.Options{Environment: environment(t, ""), AWS: nowhere, Machine: machine(t, "", "", false)})
	if report.Ready() {
		t.Error("a machine without anything is ready")
	}
	golden(t, "nothing", report)
}

func TestLook_TellsWhyCredentialsAreOfNoUse(t *testing.T) {
	refused := func(code string) string {
		return `400 <ErrorResponse><Error><Code>` + code + `</Code><Message>it says so</Message></Error></ErrorResponse>`
	}
	for answer, want := range map[string]string{
		refused("ExpiredToken"):         "MISSING  credentials  they have expired: log in",
		refused("InvalidClientTokenId"): "MISSING  credentials  AWS does not accept them: log in",
		refused("Strange"):              "UNKNOWN  credentials  sts:GetCallerIdentity answers Strange it says so",
	} {
		report := preflight.Look(t.Context(), preflight.Options{
			Environment: environment(t, ""), AWS: answers{"GetCallerIdentity": answer}.serve(t), Machine: machine(t, "v24.1.0", "29.1.0", true),
		})
		var got bytes.Buffer
		if err := report.Write(&got); err != nil || !strings.Contains(got.String(), want) || report.Ready() {
			t.Errorf("want %s, got\n%s%v", want, got.String(), err)
		}
	}
}

// neverAnswers is a network on which every request hangs.
type neverAnswers struct{}

func (neverAnswers) Do(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, &url.Error{Op: "Post", URL: r.URL.String(), Err: r.Context().Err()}
}

// firstAnswers is one on which only the question whose the credentials are is answered.
type firstAnswers struct{ neverAnswers }

func (f firstAnswers) Do(r *http.Request) (*http.Response, error) {
	if !strings.Contains(r.URL.Host, "sts") {
		return f.neverAnswers.Do(r)
	}
	return &http.Response{StatusCode: http.StatusOK, Request: r, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(whole()["GetCallerIdentity"]))}, nil
}

// TestLook_EndsWhereNothingAnswers lets the deadlines pass in virtual time.
func TestLook_EndsWhereNothingAnswers(t *testing.T) {
	for name, network := range map[string]aws.HTTPClient{"unanswered": neverAnswers{}, "answered_once": firstAnswers{}} {
		t.Run(name, func(t *testing.T) {
			m, e := machine(t, "v20.19.2", "", true), environment(t, account)
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				report := preflight.Look(t.Context(), preflight.Options{Environment: e, Machine: m, AWS: aws.Config{
					HTTPClient: network, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
						return aws.Credentials{AccessKeyID: "A", SecretAccessKey: "a"}, nil
					}),
				}})
				if took := time.Since(began); took > 3*preflight.CheckTimeout {
					t.Errorf("it took %v", took)
				}
				if report.Ready() {
					t.Error("an account that nobody saw is ready")
				}
				golden(t, name, report)
			})
		})
	}
}

// TestLook_TellsWhetherThePoolCanHaveItsReplica asks Cognito about a pool that is there.
func TestLook_TellsWhetherThePoolCanHaveItsReplica(t *testing.T) {
	state := `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>X</StackName><StackStatus>CREATE_COMPLETE</StackStatus>` +
		`<Tags><member><Key>application</Key><Value>SensorFlow</Value></member><member><Key>environment</Key><Value>dev</Value></member></Tags>` +
		`<Outputs><member><OutputKey>UserPoolId</OutputKey><OutputValue>eu-west-1_AbC</OutputValue></member></Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`
	with := func(plan, replicas string) answers {
		return whole().with(answers{
			"DescribeStacks SensorFlow-dev-state": state, "DescribeUserPool": `{"UserPool":{"UserPoolTier":"` + plan + `"}}`,
			"ListUserPoolReplicas": `{"UserPoolReplicas":[{"RegionName":"eu-west-1","Role":"PRIMARY","Status":"ACTIVE"}` + replicas + `]}`,
		})
	}
	secondary := func(region string) string {
		return `,{"RegionName":"` + region + `","Role":"SECONDARY","Status":"ACTIVE"}`
	}
	for name, c := range map[string]struct {
		answers answers
		want    string
		ready   bool
	}{
		"none yet": {with("ESSENTIALS", ""), "ok       Cognito      the user pool eu-west-1_AbC has the plan ESSENTIALS, and gets its replica in eu-central-1", true},
		"its own":  {with("PLUS", secondary("eu-central-1")), "ok       Cognito      the user pool eu-west-1_AbC has its replica in eu-central-1, which is ACTIVE", true},
		"of another region": {
			with("ESSENTIALS", secondary("eu-west-3")),
			"MISSING  Cognito      the user pool eu-west-1_AbC has its replica in eu-west-3, and may have one: make detach ENV=dev REGION=eu-west-3", false,
		},
		"a plan without": {with("LITE", ""), "MISSING  Cognito      the user pool eu-west-1_AbC has the plan LITE, which replicates none", false},
		"not allowed": {
			with("LITE", "").with(answers{"DescribeUserPool": `400 {"__type":"AccessDeniedException"}`}),
			"UNKNOWN  Cognito      these credentials may not call cognito-idp:DescribeUserPool", false,
		},
	} {
		report := preflight.Look(t.Context(), preflight.Options{
			Environment: environment(t, account), AWS: c.answers.serve(t), Machine: machine(t, "v24.1.0", "", true),
		})
		var got bytes.Buffer
		if err := report.Write(&got); err != nil || !strings.Contains(got.String(), c.want) || report.Ready() != c.ready {
			t.Errorf("%s: want %s, ready %t, got\n%s%v", name, c.want, c.ready, got.String(), err)
		}
	}
}
