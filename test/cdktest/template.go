package cdktest

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// Assembly is what an app was synthesized to.
type Assembly struct {
	// Dir is the folder, cdk.out.
	Dir string

	templates map[string]Template
}

// Template is a CloudFormation template as it was written: maps, slices, text, float64 and bool.
type Template map[string]any

// Resource is one resource of a template.
type Resource struct {
	// ID is the logical id.
	ID   string
	Type string
	// Body holds Properties, DependsOn, DeletionPolicy and so on.
	Body map[string]any
}

// Synth synthesizes the app, once for all, and reads what was written.
func Synth(t testing.TB, app awscdk.App) *Assembly {
	t.Helper()
	a := &Assembly{Dir: *app.Synth(nil).Directory(), templates: map[string]Template{}}
	err := filepath.WalkDir(a.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".template.json") {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var template Template
		if err := json.Unmarshal(body, &template); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		a.templates[strings.TrimSuffix(filepath.Base(path), ".template.json")] = template
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Stacks lists the artifact ids of the stacks: the ids, joined by the names of stages, as `cdk ls` knows them without
// slashes.
func (a *Assembly) Stacks() []string { return slices.Sorted(maps.Keys(a.templates)) }

// Template returns the template of a stack, by the id that it was made with.
func (a *Assembly) Template(t testing.TB, stack string) Template {
	t.Helper()
	template, ok := a.templates[stack]
	if !ok {
		t.Fatalf("there is no stack %s among %s", stack, strings.Join(a.Stacks(), ", "))
	}
	return template
}

// All returns the resources of a type, or all of them for an empty one, in the order of their logical ids.
func (t Template) All(resourceType string) []Resource {
	resources, _ := t["Resources"].(map[string]any)
	var found []Resource
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		body, _ := resources[id].(map[string]any)
		if kind, _ := body["Type"].(string); resourceType == "" || kind == resourceType {
			found = append(found, Resource{ID: id, Type: kind, Body: body})
		}
	}
	return found
}

// Part is the template's resources of the types, for a golden file that holds what a test is about. A type that ends in
// * stands for all types that begin so, such as AWS::Cognito::*.
func (t Template) Part(types ...string) Template {
	resources := map[string]any{}
	for _, r := range t.All("") {
		if slices.ContainsFunc(types, func(kind string) bool {
			prefix, open := strings.CutSuffix(kind, "*")
			return r.Type == kind || open && strings.HasPrefix(r.Type, prefix)
		}) {
			resources[r.ID] = r.Body
		}
	}
	return Template{"Resources": resources}
}

// Below is the template's resources whose logical ids begin with one of the prefixes: the ids of the constructs above
// them, joined.
func (t Template) Below(idPrefixes ...string) Template {
	resources := map[string]any{}
	for _, r := range t.All("") {
		if slices.ContainsFunc(idPrefixes, func(prefix string) bool { return strings.HasPrefix(r.ID, prefix) }) {
			resources[r.ID] = r.Body
		}
	}
	return Template{"Resources": resources}
}

// Only returns the one resource of a type; any other number fails the test.
func (t Template) Only(tb testing.TB, resourceType string) Resource {
	tb.Helper()
	return t.Find(tb, resourceType, "")
}

// Find returns the one resource of a type whose logical id begins with a text: the ids of the constructs above it,
// joined.
func (t Template) Find(tb testing.TB, resourceType, idPrefix string) Resource {
	tb.Helper()
	all := t.All(resourceType)
	found := slices.DeleteFunc(slices.Clone(all), func(r Resource) bool { return !strings.HasPrefix(r.ID, idPrefix) })
	if len(found) != 1 {
		var ids []string
		for _, r := range all {
			ids = append(ids, r.ID)
		}
		tb.Fatalf("%d resources of type %s begin with %q; there are %v", len(found), resourceType, idPrefix, ids)
	}
	return found[0]
}

// Property returns what stands at a path below the properties, nil where nothing does. Steps are names and indexes.
func (r Resource) Property(path ...any) any { return At(r.Body["Properties"], path...) }

// Text is Property for text; anything else fails the test.
func (r Resource) Text(t testing.TB, path ...any) string {
	t.Helper()
	text, ok := r.Property(path...).(string)
	if !ok {
		t.Fatalf("%s: %v is %v, not text", r.ID, path, r.Property(path...))
	}
	return text
}

// Want fails the test where the property at the path, as JSON, is not want, given as any value that encodes to it.
func (r Resource) Want(t testing.TB, want any, path ...any) {
	t.Helper()
	if got, want := JSON(t, r.Property(path...)), JSON(t, want); got != want {
		t.Errorf("%s: %v is\n%s\nwant\n%s", r.ID, path, got, want)
	}
}

// At follows names and indexes into a value made of maps and slices, as JSON decodes to; nil where the way ends.
func At(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case int:
			list, _ := value.([]any)
			if step < 0 || step >= len(list) {
				return nil
			}
			value = list[step]
		default:
			return nil
		}
	}
	return value
}

// JSON encodes a value, indented and with sorted keys.
func JSON(t testing.TB, value any) string {
	t.Helper()
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
