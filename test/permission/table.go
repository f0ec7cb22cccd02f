package permission

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/local/checkout"
)

var update = flag.Bool("update", false, "rewrite the table of permissions") //nolint:gochecknoglobals // a flag of the test binary

// Grant is one thing that a role may do, or must not. Its texts are patterns, and names as the table has them.
type Grant struct {
	Role, Action string
	// Condition tells under which conditions, in words; empty for always.
	Condition string
	// Resource is what it is about. Of a denial it may be what is excepted, behind allBut.
	Resource string
	Denies   bool
}

const (
	allBut = "all but "
	denial = "not "
	ifSo   = " if "
	column = " | "
	usedBy = "used by "
	// besides begins the reason why a pattern of actions is granted, of which tests use some.
	besides = "; "
	unused  = "UNUSED"
)

// Single lists the combinations of one action and one resource that a statement is about.
func (s Statement) Single() (all []Statement) {
	for _, action := range s.Action {
		one := s
		one.Action = List{action}
		if len(s.NotResource) > 0 {
			all = append(all, one)
		}
		for _, resource := range s.Resource {
			one.Resource = List{resource}
			all = append(all, one)
		}
	}
	return all
}

// GrantOf is what a statement of one action and one resource allows a role, or denies it. plain writes names as the table has them.
func GrantOf(role string, single Statement, plain func(string) string) Grant {
	g := Grant{Role: plain(role), Action: single.Action[0], Condition: plain(single.Conditions()), Denies: single.Effect != "Allow"}
	if len(single.NotResource) > 0 {
		g.Resource = allBut + plain(strings.Join(single.NotResource, ", "))
	} else {
		g.Resource = plain(single.Resource[0])
	}
	return g
}

// statement is the grant as a statement.
func (g Grant) statement() Statement {
	s := Statement{Effect: "Allow", Action: List{g.Action}, Resource: List{g.Resource}}
	if g.Denies {
		s.Effect = "Deny"
	}
	if excepted, ok := strings.CutPrefix(g.Resource, allBut); ok {
		s.Resource, s.NotResource = nil, strings.Split(excepted, ", ")
	}
	for _, condition := range strings.Split(g.Condition, " and ") {
		parts := strings.SplitN(condition, " ", 3)
		if len(parts) < 3 {
			continue
		}
		if s.Condition == nil {
			s.Condition = map[string]map[string]List{}
		}
		if s.Condition[parts[0]] == nil {
			s.Condition[parts[0]] = map[string]List{}
		}
		s.Condition[parts[0]][parts[1]] = strings.Split(parts[2], ", ")
	}
	return s
}

// broad tells whether the grant is about a pattern of actions, of which something may be unused whatever is used.
func (g Grant) broad() bool { return strings.Contains(g.Action, "*") }

// String is the beginning of the grant's line.
func (g Grant) String() string {
	action := g.Action
	if g.Denies {
		action = denial + action
	}
	if g.Condition != "" {
		action += ifSo + g.Condition
	}
	return g.Role + column + action + column + g.Resource
}

// table is all grants with the packages of tests that have used each.
type table map[Grant][]string

// parse reads a table. What a line says where nothing has used the grant is a reason, which comes from the list of reasons.
func parse(content string) (table, error) {
	t := table{}
	for i, line := range strings.Split(strings.TrimSpace(content), "\n") {
		columns := strings.Split(line, column)
		if len(columns) != 4 {
			return nil, fmt.Errorf("line %d of the table of permissions has %d columns: %s", i+1, len(columns), line)
		}
		g := Grant{Role: columns[0], Resource: columns[2]}
		action, condition, _ := strings.Cut(columns[1], ifSo)
		g.Condition = condition
		g.Action, g.Denies = strings.CutPrefix(action, denial)
		t[g] = nil
		if users, ok := strings.CutPrefix(columns[3], usedBy); ok {
			users, _, _ = strings.Cut(users, besides)
			t[g] = strings.Split(users, ", ")
		}
	}
	return t, nil
}

// String is the table's text. Nobody needs to use what is denied.
func (t table) String() string {
	var lines []string
	for g, users := range t {
		note := unused
		switch reason := t.reasonFor(g); {
		case len(users) > 0:
			note = usedBy + strings.Join(users, ", ")
			if reason >= 0 && g.broad() {
				note += besides + reasons[reason].why
			}
		case g.Denies:
			note = "denied"
		case reason >= 0:
			note = reasons[reason].why
		}
		lines = append(lines, g.String()+column+note+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// file is the table's, in this checkout.
func file() (string, error) {
	root, err := checkout.Root()
	return filepath.Join(root, "test", "permission", "permissions.txt"), err
}

func read() (table, error) {
	name, err := file()
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the table of permissions: %w", err)
	}
	return parse(string(content))
}

func (t table) write() error {
	name, err := file()
	if err != nil {
		return err
	}
	if err := os.WriteFile(name, []byte(t.String()), 0o644); err != nil {
		return fmt.Errorf("write the table of permissions: %w", err)
	}
	return nil
}

// HoldGrants compares the table with what templates grant, and with which of it the tests of a package have used. It returns what
// differs; with -update it takes it over instead.
func HoldGrants(by string, used map[Grant]bool) (problems []string, err error) {
	t, err := read()
	if err != nil && !*update {
		return nil, err
	}
	granted, problems := t.compare(by, used)
	return finish(granted, problems)
}

// compare returns the table of what is granted now, with the notes of before and those of the package, and what has changed.
func (t table) compare(by string, used map[Grant]bool) (granted table, problems []string) {
	granted = table{}
	for g := range used {
		granted[g] = t[g]
		if _, known := t[g]; !known {
			problems = append(problems, fmt.Sprintf("the table of permissions does not have: %s", g))
		}
	}
	for g := range t {
		if _, still := used[g]; !still {
			problems = append(problems, fmt.Sprintf("no template grants any more: %s", g))
		}
	}
	return granted, append(problems, granted.mark(by, used)...)
}

// finish writes the table where that is wanted, and else returns the problems in order.
func finish(t table, problems []string) ([]string, error) {
	if *update {
		return nil, t.write()
	}
	slices.Sort(problems)
	return problems, nil
}

// mark notes which grants a package uses, and returns which it no longer does. What it uses by chance is noted of none. That a use is not
// noted is no problem: a grant that nothing else uses is found without.
func (t table) mark(by string, used map[Grant]bool) (problems []string) {
	for g, users := range t {
		noted, uses := slices.Contains(users, by), used[g] && !byChance(by, g)
		switch {
		case noted && !uses:
			problems = append(problems, fmt.Sprintf("test/%s no longer uses what the table of permissions says that it does: %s", by, g))
			t[g] = slices.DeleteFunc(slices.Clone(users), func(u string) bool { return u == by })
		case uses && !noted:
			t[g] = slices.Sorted(slices.Values(append(slices.Clone(users), by)))
		}
	}
	return problems
}

// statements are those of each role.
func (t table) statements() map[string][]Statement {
	all := map[string][]Statement{}
	for _, g := range slices.SortedFunc(maps.Keys(t), func(a, b Grant) int { return strings.Compare(a.String(), b.String()) }) {
		all[g.Role] = append(all[g.Role], g.statement())
	}
	return all
}

// problems are grants that nothing uses and no reason is about, and reasons that no grant needs.
func (t table) problems() (problems []string) {
	needed := map[int]bool{}
	for g, users := range t {
		if g.Denies || len(users) > 0 && !g.broad() {
			continue
		}
		reason := t.reasonFor(g)
		needed[reason] = true
		if reason < 0 {
			what := "nothing uses it"
			if len(users) > 0 {
				what = "it is a pattern of actions"
			}
			problems = append(problems, fmt.Sprintf("%s is granted, and %s", g, what))
		}
	}
	for i, r := range reasons {
		if !needed[i] {
			problems = append(problems, fmt.Sprintf("nothing needs the reason for %s of %s any more: %s", r.action, r.role, r.why))
		}
	}
	slices.Sort(problems)
	return problems
}

// figures tells how many grants there are, and what they are there for.
func (t table) figures() string {
	by := map[string]int{}
	var used, excused, denied int
	for g, users := range t {
		for _, user := range users {
			by[user]++
		}
		switch {
		case len(users) > 0:
			used++
		case g.Denies:
			denied++
		case t.reasonFor(g) >= 0:
			excused++
		}
	}
	text := fmt.Sprintf("%d grants: %d used", len(t)-denied, used)
	for _, user := range slices.Sorted(maps.Keys(by)) {
		text += fmt.Sprintf(", %d by test/%s", by[user], user)
	}
	return fmt.Sprintf("%s; %d unused for one of %d reasons; %d denials", text, excused, len(reasons), denied)
}
