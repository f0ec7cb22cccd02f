package cdktest

import (
	"cmp"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Finding is what a rule of cdk-nag found about a resource.
type Finding struct {
	// Pack is AwsSolutions, NIST.800.53.R5, PCI.DSS.321 or HIPAA.Security.
	Pack string
	// Rule is the id of the rule, Resource the path of the resource.
	Rule, Resource string
	// Info says what the rule wants.
	Info string
	// Reason is why the finding was suppressed; empty where it was not.
	Reason string
}

// Findings returns what the packs found, suppressed or not, in the order of resources and rules. The app must have been
// made with Nag. A rule that could not judge a resource counts as a finding.
func (a *Assembly) Findings(t testing.TB) []Finding {
	t.Helper()
	var found []Finding
	reports := 0
	err := filepath.WalkDir(a.Dir, func(path string, _ fs.DirEntry, err error) error {
		pack, _, isReport := strings.Cut(filepath.Base(path), "-")
		if err != nil || !isReport || !strings.HasSuffix(path, "-NagReport.json") {
			return err
		}
		reports++
		more, err := readReport(pack, path)
		found = append(found, more...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if reports == 0 {
		t.Fatal("no pack has reported: make the app with cdktest.Nag")
	}
	slices.SortFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Rule, b.Rule))
	})
	return found
}

func readReport(pack, path string) ([]Finding, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var report struct {
		Lines []struct{ RuleID, ResourceID, Compliance, ExceptionReason, RuleInfo string }
	}
	if err := json.Unmarshal(body, &report); err != nil {
		return nil, err
	}
	var found []Finding
	for _, line := range report.Lines {
		if line.Compliance == "Compliant" || line.Compliance == "N/A" {
			continue
		}
		reason := line.ExceptionReason
		if line.Compliance != "Suppressed" {
			reason = ""
		}
		found = append(found, Finding{pack, line.RuleID, line.ResourceID, line.RuleInfo, reason})
	}
	return found, nil
}

// NoFindings fails the test for every finding that is not suppressed with a reason.
func (a *Assembly) NoFindings(t testing.TB) {
	t.Helper()
	for _, f := range a.Findings(t) {
		if f.Reason == "" {
			t.Errorf("%s: %s: %s", f.Resource, f.Rule, f.Info)
		}
	}
}

// LeastPrivilege fails the test for every policy statement that allows whole services or any action, and for every
// managed policy of full access.
func (a *Assembly) LeastPrivilege(t testing.TB) {
	t.Helper()
	for _, stack := range a.Stacks() {
		for _, r := range a.templates[stack].All("") {
			for _, action := range allowed(r.Body["Properties"]) {
				if action == "*" || strings.HasSuffix(action, ":*") {
					t.Errorf("%s: %s allows %s", stack, r.ID, action)
				}
			}
			if body := JSON(t, r.Body); strings.Contains(body, "FullAccess") {
				t.Errorf("%s: %s has full access to something", stack, r.ID)
			}
		}
	}
}

// allowed collects the actions of the statements below a value that allow something, wherever they stand. The policies
// of keys are left out: there the key itself is the only resource, and the account must be able to administer it.
func allowed(value any) []string {
	var actions []string
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			actions = append(actions, allowed(v)...)
		}
	case map[string]any:
		if value["Effect"] == "Allow" {
			return texts(value["Action"])
		}
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if name != "KeyPolicy" {
				actions = append(actions, allowed(value[name])...)
			}
		}
	}
	return actions
}

// texts returns a text or a list of them as a list.
func texts(value any) []string {
	if text, ok := value.(string); ok {
		return []string{text}
	}
	var list []string
	each, _ := value.([]any)
	for _, v := range each {
		list = append(list, texts(v)...)
	}
	return list
}
