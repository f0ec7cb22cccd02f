package deployment_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unused says why something is allowed that no flow does.
type unused struct {
	// role and action are patterns, of a role's logical id and an action.
	role, action string
	reason       string
}

// reasons are taken in this order. One that nothing needs fails the test.
var reasons = []unused{
	{"*", "kms:*", "DynamoDB, S3, SQS and Secrets Manager use the key with their caller's rights, and no emulator does"},
	{"*ShiftRole", ownedByAWS + "AmazonECSInfrastructureRolePolicyForLoadBalancers", "ECS moves the traffic of a deployment by it"},
	{"*", "logs:*", "ECS, Lambda and the VPC write the logs, which go to this test's own log here"},
	{"*ExecutionRole", "ecr:*", "ECS gets the image, which runs as a program here"},
	{"*ExecutionRole", "secretsmanager:DescribeSecret", "the CDK's grant to read a secret has it; it tells no value"},
	{"*", "dynamodb:ListStreams", "Lambda asks for it when a mapping is made"},
	{"*", "sqs:GetQueueAttributes", "Lambda asks for it when a mapping is made, and scales by it"},
	{"*CsvProcessorRole", "s3:AbortMultipartUpload", "only after a failure while the list of rejects is joined"},
	{"*CsvProcessorRole", "s3:ListBucket", "without it S3 says 403 and not 404 of an object that is not there"},
	{"*RepairerRole", "sqs:SendMessage", "what is left of a message that takes longer than an invocation"},
}

// grant is one thing that a role may do.
type grant struct{ role, action, resource string }

// holdPermissions fails for calls that no statement allows, and for what is allowed and was never used, unless there is a reason.
func (w *world) holdPermissions() (table []string, problems []string) {
	for _, request := range w.recorder.strange {
		problems = append(problems, "a request is not understood: "+request)
	}
	needed := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(w.stacks)) {
		made := w.stacks[name]
		roles, err := made.roles()
		if err != nil {
			return nil, append(problems, fmt.Sprintf("stack %s: %v", name, err))
		}
		for function, lookups := range made.Lookups {
			for _, l := range lookups {
				w.recorder.record(path.Base(text(made.Resolved[function], "Role")), l.Action, l.Resource, l.conditions)
			}
		}
		for _, role := range slices.Sorted(maps.Keys(roles)) {
			problems = append(problems, w.holdCalls(made, role, roles[role])...)
			lines, excess := w.holdGrants(made, role, roles[role], needed)
			table, problems = append(table, lines...), append(problems, excess...)
		}
	}
	for _, r := range reasons {
		if !needed[r.role+" "+r.action] {
			problems = append(problems, fmt.Sprintf("nothing needs the reason for %s of %s any more", r.action, r.role))
		}
	}
	slices.Sort(table)
	return slices.Compact(table), problems
}

// holdCalls holds what a role has done against what it may.
func (w *world) holdCalls(made *created, role string, statements []policyStatement) (problems []string) {
	w.recorder.mu.Lock()
	defer w.recorder.mu.Unlock()
	for c, conditions := range w.recorder.calls {
		if c.Role == role && !allows(statements, c, conditions) {
			problems = append(problems, fmt.Sprintf("no statement allows %s to call %s on %s", made.plain(role), c.Action, made.plain(c.Resource)))
		}
	}
	slices.Sort(problems)
	return slices.Compact(problems)
}

// holdGrants holds what a role may do against what it has done.
func (w *world) holdGrants(made *created, role string, statements []policyStatement, needed map[string]bool) (table, problems []string) {
	for _, s := range statements {
		if s.Effect != "Allow" {
			continue
		}
		for _, action := range s.Action {
			for _, resource := range s.Resource {
				one := policyStatement{Action: list{action}, Resource: list{resource}, Condition: s.Condition}
				why, g := "used", grant{made.plain(role), action, made.plain(resource)}
				if !w.recorder.has(role, one) {
					if why = reasonFor(g, needed); why == "" {
						problems = append(problems, fmt.Sprintf("%s may %s on %s, which nothing has used", g.role, g.action, g.resource))
						why = "UNUSED"
					}
				}
				table = append(table, fmt.Sprintf("%s | %s%s | %s | %s", g.role, g.action, made.plain(s.conditions()), g.resource, why))
			}
		}
	}
	return table, problems
}

// has tells whether a role made a call that the statement is for.
func (r *recorder) has(role string, s policyStatement) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c, conditions := range r.calls {
		if c.Role == role && s.covers(c, conditions) {
			return true
		}
	}
	return false
}

func reasonFor(g grant, needed map[string]bool) string {
	for _, r := range reasons {
		if like(r.role, g.role) && like(r.action, g.action) {
			needed[r.role+" "+r.action] = true
			return r.reason
		}
	}
	return ""
}

// plain writes a name or an ARN by what the templates call it: logical ids without their hashes, and no region, as all are alike.
func (c *created) plain(text string) string {
	longest := slices.SortedFunc(maps.Keys(c.Physical), func(a, b string) int { return len(c.Physical[b]) - len(c.Physical[a]) })
	for _, id := range longest {
		name := c.Physical[id]
		if strings.HasPrefix(name, "http") { // a queue is called by its address
			name = path.Base(name)
		}
		if len(name) > len(account) {
			text = strings.ReplaceAll(text, name, logicalHash.ReplaceAllString(id, ""))
		}
	}
	for _, r := range regions {
		text = strings.ReplaceAll(text, r, "REGION")
	}
	return variable.ReplaceAllString(text, "…")
}

var (
	logicalHash = regexp.MustCompile(`[0-9A-F]{8}$`)
	// variable is what differs from run to run: ids, and the times that are the names of streams.
	variable = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|pl-[0-9a-f]+|\d{4}-\d\d-\d\dT[0-9:.]+`)
)

var update = flag.Bool("update", false, "rewrite the golden file of permissions")

// holdTheRights fails the test for each problem, and where the table is not the one of the golden file.
func (w *world) holdTheRights(t *testing.T) {
	t.Helper()
	table, problems := w.holdPermissions()
	for _, problem := range problems {
		t.Error(problem)
	}
	holdGolden(t, filepath.Join("testdata", "permissions.golden.txt"), strings.Join(table, "\n")+"\n")
}

func holdGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) == got {
		return
	}
	wanted, has := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for _, line := range has {
		if !slices.Contains(wanted, line) {
			t.Errorf("%s does not have: %s", file, line)
		}
	}
	for _, line := range wanted {
		if !slices.Contains(has, line) {
			t.Errorf("%s alone has: %s", file, line)
		}
	}
	t.Error("make golden rewrites the file; read what changed")
}
