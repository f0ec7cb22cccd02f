package deployment_test

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/test/permission"
)

// permissions are what the roles of the stacks may do, and whether some flow did it, and what is wrong: calls that no statement allows.
func (w *world) permissions() (used map[permission.Grant]bool, problems []string) {
	used = map[permission.Grant]bool{}
	for _, request := range w.recorder.Strange() {
		problems = append(problems, "a request is not understood: "+request)
	}
	for _, name := range slices.Sorted(maps.Keys(w.stacks)) {
		made := w.stacks[name]
		roles, err := made.roles()
		if err != nil {
			return nil, append(problems, fmt.Sprintf("stack %s: %v", name, err))
		}
		for function, lookups := range made.Lookups {
			for _, l := range lookups {
				l.call.Role = path.Base(text(made.Resolved[function], "Role"))
				w.recorder.Record(l.call, l.conditions)
			}
		}
		for role, statements := range roles {
			for _, c := range w.recorder.Refused(role, statements) {
				problems = append(problems, fmt.Sprintf("no statement allows %s to call %s on %s", made.plain(role), c.Action, made.plain(c.Resource)))
			}
			w.grants(made, role, statements, used)
		}
		if w.runs(made) {
			problems = append(problems, w.operatorsRefused(made, roles)...)
		}
	}
	slices.Sort(problems)
	return used, slices.Compact(problems)
}

// runs tells whether the programs of a stack run.
func (w *world) runs(made *created) bool {
	return slices.ContainsFunc(w.services, func(s *service) bool { return s.stack == made })
}

// grants notes what a role may do, and whether it did. What it may in one stack counts as used where it did it in another.
func (w *world) grants(made *created, role string, statements []permission.Statement, used map[permission.Grant]bool) {
	for _, s := range statements {
		for _, one := range s.Single() {
			g := permission.GrantOf(role, one, made.plain)
			used[g] = used[g] || !g.Denies && w.recorder.Has(role, one)
		}
	}
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
	text = deploymentName.ReplaceAllString(text, "SensorFlow-ENV")
	text = tableName.ReplaceAllString(text, ":table/")
	return variable.ReplaceAllString(text, "…")
}

var (
	logicalHash = regexp.MustCompile(`[0-9A-F]{8}$`)
	// deploymentName begins the names of what belongs to a deployment.
	deploymentName = regexp.MustCompile(`SensorFlow-(dev|trial)\b`)
	// tableName is what stands before a table's own name: of a global table its logical id, or the deployment, and of the others the flow.
	tableName = regexp.MustCompile(`:table/(?:Tables|SensorFlow-ENV-|SensorFlow)`)
	// variable is what differs from run to run: ids, and the times that are the names of streams.
	variable = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|pl-[0-9a-f]+|\d{4}-\d\d-\d\dT[0-9:.]+`)
)

// holdTheRights fails the test for each call that is not allowed, where the table of permissions says otherwise, and where environments
// that are not created have roles or rights of their own.
func (w *world) holdTheRights(t *testing.T, others []stackTemplate) {
	t.Helper()
	used, problems := w.permissions()
	for _, problem := range append(problems, unknownRights(others, used)...) {
		t.Error(problem)
	}
	if t.Failed() {
		return
	}
	differences, err := permission.HoldGrants("deployment", used)
	if err != nil {
		t.Fatal(err)
	}
	for _, difference := range differences {
		t.Error(difference)
	}
}
