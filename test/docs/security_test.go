package docs_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/stacks"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

func packs() []string {
	return []string{"AwsSolutions", "NIST.800.53.R5", "PCI.DSS.321", "HIPAA.Security"}
}

func TestSecurity_AgreesWithWhatThePacksFind(t *testing.T) {
	_, found := synthesize(t)
	var first, domain []cdktest.Finding
	for _, f := range found {
		if f.Reason == "" {
			t.Errorf("%s is not explained: %s: %s", f.Resource, f.Rule, f.Info)
		}
		if strings.HasPrefix(f.Resource, deployment) {
			first = append(first, f)
		} else {
			domain = append(domain, f)
		}
	}
	got := fill(t, readPage(t, "SECURITY.md"), func(t *testing.T, words []string) string {
		switch words[0] {
		case "counts":
			return counts(found)
		case "explanations":
			return table(explanations(first))
		case "domain":
			rows := explanations(domain)
			for key := range explanations(first) {
				delete(rows, key)
			}
			return table(rows)
		case "pipeline":
			return table(explanations(pipelineFindings(t)))
		}
		t.Errorf("the page wants %q, which nobody makes", strings.Join(words, " "))
		return ""
	})
	cdktest.Golden(t, page("SECURITY.md"), got)
}

// pipelineFindings are what the packs find in the stack of a pipeline, and in those beside it, of two regions.
func pipelineFindings(t *testing.T) []cdktest.Finding {
	t.Helper()
	c, err := config.Load([]byte(`{"sensorflow":{"environments":{"prod":{"account":"`+cdktest.Account+
		`","regions":["eu-west-1","eu-central-1"],"approval":true}},"pipeline":{"connectionArn":`+
		`"arn:aws:codeconnections:eu-west-1:`+cdktest.Account+`:connection/0a-1b","repository":"acme/sensorflow"}}}`), config.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	app := cdktest.NewApp(t, cdktest.Nag)
	stacks.NewPipeline(app, c)
	var own []cdktest.Finding
	for _, f := range cdktest.Synth(t, app).Findings(t) {
		if strings.HasPrefix(f.Resource, stacks.PipelineName+"/prod/") { // the environment, which has its own table
			continue
		}
		if f.Reason == "" {
			t.Errorf("%s is not explained: %s: %s", f.Resource, f.Rule, f.Info)
		}
		own = append(own, f)
	}
	return own
}

// counts is the table of how many findings each pack has in each stack, before the suppressions and after.
func counts(found []cdktest.Finding) string {
	out := "| stack | " + strings.Join(packs(), " | ") + " |\n| --- |" + strings.Repeat(" --- |", len(packs())) + "\n"
	line := func(name string, in func(cdktest.Finding) bool) {
		cells := []string{name}
		for _, pack := range packs() {
			all, open := 0, 0
			for _, f := range found {
				if f.Pack == pack && in(f) {
					all++
					if f.Reason == "" {
						open++
					}
				}
			}
			cells = append(cells, fmt.Sprintf("%d → %d", all, open))
		}
		out += row(cells...)
	}
	for _, stack := range append(stacksOf(deployment, regions()), stacksOf(withDomain, regions()[:1])...) {
		line("`"+stack+"`", func(f cdktest.Finding) bool { return strings.HasPrefix(f.Resource, stack+"/") })
	}
	line("all", func(cdktest.Finding) bool { return true })
	return out
}

// explained is a resource, in whichever regions it is, with a reason that holds for it.
type explained struct{ resource, reason string }

// explanations lists the rules that a reason answers, by resource and reason.
func explanations(found []cdktest.Finding) map[explained][]string {
	rows := map[explained][]string{}
	for _, f := range found {
		key := explained{anyRegion(f.Resource), anyRegion(f.Reason)}
		if !slices.Contains(rows[key], f.Rule) {
			rows[key] = append(rows[key], f.Rule)
		}
	}
	return rows
}

func table(rows map[explained][]string) string {
	keys := slices.SortedFunc(maps.Keys(rows), func(a, b explained) int {
		return strings.Compare(a.resource+"\n"+a.reason, b.resource+"\n"+b.reason)
	})
	out := "| resource | rules | reason |\n| --- | --- | --- |\n"
	for _, key := range keys {
		reason, evidence := key.reason, ""
		if strings.HasPrefix(reason, "[") { // which part of the resource the rule means
			evidence, reason, _ = strings.Cut(strings.TrimPrefix(reason, "["), "] ")
			evidence = " `" + evidence + "`"
		}
		resource := strings.TrimSuffix(key.resource, "/Resource")
		out += row("`"+resource+"`"+evidence, "`"+strings.Join(slices.Sorted(slices.Values(rows[key])), "`, `")+"`", reason)
	}
	return out
}
