package permission

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestTable_HasNothingUnusedWithoutAReason looks at the table as it is.
func TestTable_HasNothingUnusedWithoutAReason(t *testing.T) {
	all, err := read()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := all.write(); err != nil {
			t.Fatal(err)
		}
	}
	for _, problem := range all.problems() {
		t.Error(problem)
	}
	name, err := file()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(content) != all.String() {
		t.Errorf("%s is not written as its content would be; go test ./test/permission -update does it", name)
	}
	t.Log(all.figures())
}

const sample = `Emptier | s3:List* | b | used by deployment
Reader | dynamodb:Query | table/a | used by contract, faults
Reader | dynamodb:Scan | table/a | UNUSED
Reader | kms:Decrypt if StringEquals kms:ViaService dynamodb.REGION.amazonaws.com | key | UNUSED
Reader | not s3:GetObject | all but b/*, c/* | denied
`

func TestTable_ReadsWhatItWrites(t *testing.T) {
	all, err := parse(sample)
	if err != nil {
		t.Fatal(err)
	}
	if got := all.String(); got != sample {
		t.Errorf("it is written as\n%s", got)
	}
	statements := all.statements()["Reader"]
	for name, c := range map[string]struct {
		action, resource string
		want             bool
	}{
		"what stands there":                  {"dynamodb:Query", "table/a", true},
		"rejects another resource":           {"dynamodb:Query", "table/b", false},
		"rejects without the condition":      {"kms:Decrypt", "key", false},
		"rejects what nobody has allowed":    {"s3:PutObject", "b/1", false},
		"rejects what is denied and no more": {"s3:GetObject", "d/1", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Allows(statements, Call{"Reader", c.action, c.resource}, nil); got != c.want {
				t.Errorf("allowed: %v", got)
			}
		})
	}
	if !Allows(statements, Call{"Reader", "kms:Decrypt", "key"}, map[string]string{"kms:ViaService": "dynamodb.REGION.amazonaws.com"}) {
		t.Error("a call that meets the condition is not allowed")
	}
	for _, wrong := range []string{"", "Reader | dynamodb:Query | table/a"} {
		if _, err := parse(wrong); err == nil {
			t.Errorf("%q is a table", wrong)
		}
	}
}

// TestTable_FindsWhatIsUnused is about tables in which something is wrong.
func TestTable_FindsWhatIsUnused(t *testing.T) {
	all, err := parse(sample)
	if err != nil {
		t.Fatal(err)
	}
	problems := strings.Join(all.problems(), "\n")
	for _, want := range []string{
		"Reader | dynamodb:Scan | table/a is granted, and nothing uses it", "Emptier | s3:List* | b is granted, and it is a pattern of actions",
		"nothing needs the reason for kms:Decrypt of " + theTask + " any more",
	} {
		if !strings.Contains(problems, want) {
			t.Errorf("it is not found that %s:\n%s", want, problems)
		}
	}
	if strings.Contains(problems, "GetObject of Reader") || strings.Contains(problems, "Query | table/a") {
		t.Errorf("what is right is found:\n%s", problems)
	}
}

// TestCompare_FindsWhatTemplatesGrantOtherwise gives a role another action than the table says.
func TestCompare_FindsWhatTemplatesGrantOtherwise(t *testing.T) {
	all, err := parse(sample)
	if err != nil {
		t.Fatal(err)
	}
	now := map[Grant]bool{}
	for g := range all {
		now[g] = g.Action == "s3:List*" // what test/deployment uses
	}
	if _, problems := all.compare("deployment", now); len(problems) > 0 {
		t.Errorf("what is the same: %q", problems)
	}
	delete(now, Grant{Role: "Reader", Action: "dynamodb:Query", Resource: "table/a"})
	now[Grant{Role: "Reader", Action: "dynamodb:Query", Resource: "table/*"}] = true
	granted, problems := all.compare("deployment", now)
	found := strings.Join(problems, "\n")
	for _, want := range []string{
		"does not have: Reader | dynamodb:Query | table/*", "no template grants any more: Reader | dynamodb:Query | table/a",
	} {
		if !strings.Contains(found, want) {
			t.Errorf("it is not found that it %s: %s", want, found)
		}
	}
	if text := granted.String(); !strings.Contains(text, "table/* | used by deployment\n") || strings.Contains(text, "contract") {
		t.Errorf("then the table is\n%s", text)
	}
}

// TestMark_HoldsEachPackageToWhatIsNoted lets two packages use other grants than the table says.
func TestMark_HoldsEachPackageToWhatIsNoted(t *testing.T) {
	all, err := parse(sample)
	if err != nil {
		t.Fatal(err)
	}
	grant := func(action string) Grant { return Grant{Role: "Reader", Action: action, Resource: "table/a"} }
	if problems := all.mark("faults", map[Grant]bool{grant("dynamodb:Query"): true}); len(problems) > 0 {
		t.Errorf("a package that uses what is noted: %q", problems)
	}
	problems := all.mark("faults", map[Grant]bool{grant("dynamodb:Scan"): true})
	if len(problems) != 1 || !strings.Contains(problems[0], "test/faults no longer uses") {
		t.Errorf("a package that uses another grant: %q", problems)
	}
	if got := all[grant("dynamodb:Scan")]; !slices.Equal(got, []string{"faults"}) {
		t.Errorf("the note of the other grant is %q", got)
	}
	if got := all[grant("dynamodb:Query")]; !slices.Equal(got, []string{"contract"}) {
		t.Errorf("the other package's note is %q", got)
	}
}
