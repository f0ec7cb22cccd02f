package cdktest

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// NoCircles fails the test where resources of a stack need each other in a circle. CloudFormation refuses that, and the
// CDK does not notice.
func (a *Assembly) NoCircles(t testing.TB) {
	t.Helper()
	for _, stack := range a.Stacks() {
		if circle := circleOf(a.templates[stack]); circle != nil {
			t.Errorf("%s: resources need each other: %s", stack, strings.Join(circle, " -> "))
		}
	}
}

// circleOf returns the logical ids of one circle, the first again at the end.
func circleOf(template Template) []string {
	needs := map[string][]string{}
	for _, r := range template.All("") {
		needs[r.ID] = slices.DeleteFunc(Referred(r.Body), func(id string) bool {
			resources, _ := template["Resources"].(map[string]any)
			return resources[id] == nil
		})
	}
	finished := map[string]bool{}
	var path []string
	var visit func(id string) []string
	visit = func(id string) []string {
		if from := slices.Index(path, id); from >= 0 {
			return append(slices.Clone(path[from:]), id)
		}
		if finished[id] {
			return nil
		}
		path = append(path, id)
		for _, next := range needs[id] {
			if circle := visit(next); circle != nil {
				return circle
			}
		}
		path, finished[id] = path[:len(path)-1], true
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(needs)) {
		if circle := visit(id); circle != nil {
			return circle
		}
	}
	return nil
}

var placeholders = regexp.MustCompile(`\$\{([A-Za-z0-9]+)`)

// Referred lists the logical ids that a value names, of resources and of parameters.
func Referred(value any) []string {
	var ids []string
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			ids = append(ids, Referred(v)...)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			v := value[name]
			switch name {
			case "Ref", "DependsOn":
				ids = append(ids, texts(v)...)
			case "Fn::GetAtt":
				ids = append(ids, attributeOwner(v))
			case "Fn::Sub":
				for _, match := range placeholders.FindAllStringSubmatch(strings.Join(texts(v), " "), -1) {
					ids = append(ids, match[1])
				}
			}
			ids = append(ids, Referred(v)...)
		}
	}
	return ids
}

// attributeOwner returns whose attribute Fn::GetAtt asks for, in either of its forms.
func attributeOwner(value any) string {
	if text, ok := value.(string); ok {
		owner, _, _ := strings.Cut(text, ".")
		return owner
	}
	owner, _ := At(value, 0).(string)
	return owner
}
