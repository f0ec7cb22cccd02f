package browser_test

import (
	"fmt"
	"strings"
)

// violation is what axe-core found against one of its rules.
type violation struct {
	ID    string
	Help  string
	Nodes []struct {
		HTML           string
		FailureSummary string
	}
}

// accessible lets axe-core look at the page as it stands, with all of its rules but the experimental ones.
func (p *page) accessible(view string) {
	p.t.Helper()
	eval[bool](p, local.axe+"\n;true")
	found := eval[[]violation](p, `axe.run(document, { resultTypes: ["violations"] }).then((r) => r.violations.map((v) =>
		({ ID: v.id, Help: v.help, Nodes: v.nodes.slice(0, 4).map((n) => ({ HTML: n.html.slice(0, 300), FailureSummary: n.failureSummary })) })))`)
	for _, v := range found {
		var nodes strings.Builder
		for _, n := range v.Nodes {
			fmt.Fprintf(&nodes, "\n    %s\n    %s", n.HTML, n.FailureSummary)
		}
		p.t.Errorf("axe, %s: %s: %s%s", view, v.ID, v.Help, nodes.String())
	}
}
