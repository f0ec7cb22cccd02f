package docs_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/test/cdktest"
)

func TestArchitecture_AgreesWithWhatIsSynthesized(t *testing.T) {
	resources, _ := synthesize(t)
	got := fill(t, readPage(t, "ARCHITECTURE.md"), func(t *testing.T, words []string) string {
		switch words[0] {
		case "order":
			return order(t)
		case "stacks":
			return stackTable(t, resources)
		case "parts":
			return partTable(resources)
		}
		t.Errorf("the page wants %q, which nobody makes", strings.Join(words, " "))
		return ""
	})
	cdktest.Golden(t, page("ARCHITECTURE.md"), got)
}

// order is a picture of the stacks with an arrow from each to those that wait for it.
func order(t *testing.T) string {
	t.Helper()
	all := stacksOf(deployment, regions())
	box := func(stack string) string { return fmt.Sprintf("s%d", slices.Index(all, stack)) }
	out := "```mermaid\nflowchart LR\n"
	for _, stack := range all {
		out += fmt.Sprintf("  %s[\"%s\"]\n", box(stack), stack)
	}
	for _, stack := range all {
		for _, before := range synthesized.manifest.before(stack) {
			if !slices.Contains(all, before) {
				t.Errorf("%s waits for %s, which is no stack of the deployment", stack, before)
			}
			// What waits for the state waits for the keys already.
			if strings.Contains(before, "-keys-") && slices.Contains(synthesized.manifest.before(stack), deployment+"-state") {
				continue
			}
			out += fmt.Sprintf("  %s --> %s\n", box(before), box(stack))
		}
	}
	return out + "```"
}

// stackTable tells what each stack creates; stacks that create the same share a line.
func stackTable(t *testing.T, resources []resource) string {
	t.Helper()
	var lines []string
	names := map[string][]string{}
	for _, stack := range append(stacksOf(deployment, regions()), stacksOf(withDomain, regions()[:1])...) {
		line := listed(resources, func(r resource) bool { return r.stack() == stack })
		if line == "" {
			t.Errorf("there is no stack %s", stack)
		}
		if names[line] == nil {
			lines = append(lines, line)
		}
		names[line] = append(names[line], "`"+stack+"`")
	}
	out := "| stacks | resources | of which |\n| --- | --- | --- |\n"
	for _, line := range lines {
		out += "| " + strings.Join(names[line], ", ") + " | " + line + " |\n"
	}
	return out
}

// partTable tells what each part of the stacks consists of, once for those that are alike.
func partTable(resources []resource) string {
	var paths []string
	for _, r := range resources {
		if path := part(r); !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	out, seen := "| part | resources | of which |\n| --- | --- | --- |\n", map[string]bool{}
	for _, path := range paths {
		line := listed(resources, func(r resource) bool { return part(r) == path })
		line = "| `" + anyRegion(path) + "` | " + line + " |\n"
		if !strings.HasPrefix(path, withDomain) && !seen[line] {
			seen[line] = true
			out += line
		}
	}
	return out
}

// part is the construct to which a resource counts: that below the stack, and for SensorFlow that below it.
func part(r resource) string {
	depth := 2
	if r.path[1] == "SensorFlow" {
		depth = 3
	}
	return strings.Join(r.path[:min(depth, len(r.path))], "/")
}

// listed counts the resources that are meant and names their types with their numbers, as two cells of a table.
func listed(resources []resource, meant func(resource) bool) string {
	types := map[string]int{}
	total := 0
	for _, r := range resources {
		if meant(r) {
			types[strings.TrimPrefix(r.kind, "AWS::")]++
			total++
		}
	}
	if total == 0 {
		return ""
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(types)) {
		if types[name] > 1 {
			names = append(names, fmt.Sprintf("%d %s", types[name], name))
		} else {
			names = append(names, name)
		}
	}
	return fmt.Sprintf("%d | %s", total, strings.Join(names, ", "))
}
