// Package awstest stands in for an AWS account in tests of what looks at deployments: STS, SSM's parameter of the bootstrap,
// CloudFormation as far as it tells of stacks, and Cognito's replicas.
package awstest

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Number is the account's.
const Number = "111122223333"

// Stack is a stack of the account.
type Stack struct {
	Status    string
	Protected bool
	Template  string            // JSON
	Names     map[string]string // by logical id
	Outputs   map[string]string
}

// Account is the stand-in. Its fields may be set before it is asked, and be read when nobody asks any more.
type Account struct {
	// URL is its endpoint.
	URL string
	// Stacks are by "name region".
	Stacks map[string]*Stack
	// Bootstrapped are the regions that were prepared for the CDK.
	Bootstrapped []string
	// Replicas are those of the user pool, as statuses by regions.
	Replicas map[string]string
	// Refuse is a code with which an operation is refused, by the operation.
	Refuse map[string]string
	// Changes are the calls that change something, in their order.
	Changes []string

	mu sync.Mutex
}

// New starts a stand-in that ends with the test.
func New(t *testing.T) *Account {
	t.Helper()
	a := &Account{Stacks: map[string]*Stack{}, Replicas: map[string]string{}, Refuse: map[string]string{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.serve(t, w, r) }))
	t.Cleanup(server.Close)
	a.URL = server.URL
	return a
}

// Config is what the SDK needs for the account.
func (a *Account) Config() aws.Config {
	return aws.Config{
		BaseEndpoint: &a.URL, RetryMaxAttempts: 1, Region: "eu-west-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "A", SecretAccessKey: "a"}, nil
		}),
	}
}

// request is what was asked, in whatever protocol.
type request struct {
	operation, region string
	form              url.Values     // of the older protocol
	body              map[string]any // of the newer one
}

func (a *Account) serve(t *testing.T, w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	content, _ := io.ReadAll(r.Body)
	var q request
	_, q.operation, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	older := q.operation == ""
	if older {
		q.form, _ = url.ParseQuery(string(content))
		q.operation = q.form.Get("Action")
	} else {
		_ = json.Unmarshal(content, &q.body)
	}
	// Credential=KEY/DATE/REGION/SERVICE/aws4_request
	scope := strings.Split(r.Header.Get("Authorization"), "/")
	if len(scope) < 4 {
		t.Errorf("%s is not signed", q.operation)
		return
	}
	q.region = scope[2]
	answer, code := a.answer(q)
	if refused := a.Refuse[q.operation]; refused != "" {
		code = refused
	}
	switch {
	case code != "":
		w.WriteHeader(http.StatusBadRequest)
		if older {
			answer = fmt.Sprintf("<ErrorResponse><Error><Code>%s</Code><Message>it does not exist</Message></Error></ErrorResponse>", code)
		} else {
			answer = fmt.Sprintf(`{"__type":%q,"message":"it does not exist"}`, code)
		}
	case older:
		answer = fmt.Sprintf("<%sResponse><%sResult>%s</%sResult></%sResponse>", q.operation, q.operation, answer, q.operation, q.operation)
	}
	if answer == "" && code == "" {
		t.Errorf("nobody expected %s in %s", q.operation, q.region)
	}
	_, _ = io.WriteString(w, answer) //nolint:gosec // no browser reads it
}

// answer answers, or gives the code of a refusal.
func (a *Account) answer(q request) (answer, code string) {
	switch q.operation {
	case "GetCallerIdentity":
		return "<Arn>arn:aws:iam::" + Number + ":user/ada</Arn><Account>" + Number + "</Account>", ""
	case "GetParameter":
		if !slices.Contains(a.Bootstrapped, q.region) {
			return "", "ParameterNotFound"
		}
		return `{"Parameter":{"Value":"28"}}`, ""
	case "ListUserPoolReplicas", "UpdateUserPoolReplica", "DeleteUserPoolReplica":
		return a.replicas(q)
	}
	stack := a.Stacks[q.form.Get("StackName")+" "+q.region]
	if stack == nil {
		return "", "ValidationError"
	}
	return a.stack(q, stack), ""
}

func (a *Account) stack(q request, s *Stack) string {
	text := func(s string) string {
		var b strings.Builder
		_ = xml.EscapeText(&b, []byte(s)) // into memory
		return b.String()
	}
	var b strings.Builder
	switch q.operation {
	case "DescribeStacks":
		fmt.Fprintf(&b, "<Stacks><member><StackName>%s</StackName><StackStatus>%s</StackStatus><EnableTerminationProtection>%t"+
			"</EnableTerminationProtection><Outputs>", q.form.Get("StackName"), s.Status, s.Protected)
		for key, value := range s.Outputs {
			fmt.Fprintf(&b, "<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>", key, value)
		}
		b.WriteString("</Outputs></member></Stacks>")
	case "GetTemplate":
		b.WriteString("<TemplateBody>" + text(s.Template) + "</TemplateBody>")
	case "ListStackResources": // a page each
		ids := make([]string, 0, len(s.Names))
		for id := range s.Names {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		at := slices.Index(ids, q.form.Get("NextToken"))
		if at < 0 {
			at = 0
		}
		b.WriteString("<StackResourceSummaries>")
		if at < len(ids) {
			fmt.Fprintf(&b, "<member><LogicalResourceId>%s</LogicalResourceId><PhysicalResourceId>%s</PhysicalResourceId></member>", ids[at], s.Names[ids[at]])
		}
		b.WriteString("</StackResourceSummaries>")
		if at+1 < len(ids) {
			b.WriteString("<NextToken>" + ids[at+1] + "</NextToken>")
		}
	case "UpdateTerminationProtection":
		s.Protected = q.form.Get("EnableTerminationProtection") == "true"
		a.Changes = append(a.Changes, q.operation+" "+q.form.Get("StackName")+" "+q.form.Get("EnableTerminationProtection"))
		b.WriteString("<StackId>1</StackId>")
	}
	return b.String()
}

// replicas does what Cognito does: it deletes a replica only while that is inactive, and changes take until the next look.
func (a *Account) replicas(q request) (answer, code string) {
	region, _ := q.body["RegionName"].(string)
	status, there := a.Replicas[region]
	switch q.operation {
	case "ListUserPoolReplicas":
		all := []map[string]string{{"RegionName": q.region, "Status": "ACTIVE", "Role": "PRIMARY"}}
		for region, status := range a.Replicas {
			all = append(all, map[string]string{"RegionName": region, "Status": status, "Role": "SECONDARY"})
			if status == "DELETING" {
				delete(a.Replicas, region)
			}
		}
		text, _ := json.Marshal(map[string]any{"UserPoolReplicas": all}) // of texts
		return string(text), ""
	case "UpdateUserPoolReplica":
		a.Replicas[region], _ = q.body["Status"].(string)
	case "DeleteUserPoolReplica":
		if !there || status != "INACTIVE" {
			return "", "InvalidParameterException"
		}
		a.Replicas[region] = "DELETING"
	}
	a.Changes = append(a.Changes, q.operation+" "+region)
	return "{}", ""
}
