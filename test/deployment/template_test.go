package deployment_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// object is a JSON object of a template.
type object = map[string]any

// stackTemplate is one synthesized stack.
type stackTemplate struct {
	Name, Region string
	Needs        []string // stacks that are deployed before
	Assets       []asset
	Body         object
}

// resources are the template's by logical id.
func (s stackTemplate) resources() object { return s.Body["Resources"].(object) }

// serves tells whether the API runs by this stack.
func (s stackTemplate) serves() bool { return len(s.ofType("AWS::ECS::Service")) > 0 }

// ofType lists the logical ids of a type, in order.
func (s stackTemplate) ofType(kind string) (ids []string) {
	for _, id := range slices.Sorted(maps.Keys(s.resources())) {
		if typeOf(s.resources()[id]) == kind {
			ids = append(ids, id)
		}
	}
	return ids
}

// typeOf is empty for what is no resource, such as a parameter.
func typeOf(resource any) string { return text(resource, "Type") }

// properties of a resource, empty where it has none.
func properties(resource any) object {
	p, _ := at(resource, "Properties").(object)
	if p == nil {
		return object{}
	}
	return p
}

// at follows names and indexes into a value as JSON decodes to; nil where the way ends.
func at(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			members, _ := value.(object)
			value = members[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

// text is at for text; anything else is empty.
func text(value any, path ...any) string {
	found, _ := at(value, path...).(string)
	return found
}

// readAssembly reads the stacks that the app was synthesized to, in the order in which they are deployed.
func readAssembly(dir string) ([]stackTemplate, error) {
	var manifest struct {
		Artifacts map[string]struct {
			Type, Environment string
			Dependencies      []string
			Properties        struct{ StackName, TemplateFile string }
		}
	}
	if err := readJSON(filepath.Join(dir, "manifest.json"), &manifest); err != nil {
		return nil, err
	}
	left := map[string]stackTemplate{}
	for name, artifact := range manifest.Artifacts {
		if artifact.Type != "aws:cloudformation:stack" {
			continue
		}
		s := stackTemplate{Name: name, Region: artifact.Environment[strings.LastIndex(artifact.Environment, "/")+1:]}
		for _, needed := range artifact.Dependencies {
			if manifest.Artifacts[needed].Type == artifact.Type {
				s.Needs = append(s.Needs, needed)
			}
		}
		if err := readJSON(filepath.Join(dir, artifact.Properties.TemplateFile), &s.Body); err != nil {
			return nil, err
		}
		var err error
		if s.Assets, err = readAssets(dir, name); err != nil {
			return nil, err
		}
		left[name] = s
	}
	var ordered []stackTemplate
	for len(left) > 0 {
		i := slices.IndexFunc(slices.Sorted(maps.Keys(left)), func(name string) bool {
			return !slices.ContainsFunc(left[name].Needs, func(needed string) bool { _, waits := left[needed]; return waits })
		})
		if i < 0 {
			return nil, fmt.Errorf("stacks wait for each other: %v", slices.Sorted(maps.Keys(left)))
		}
		next := slices.Sorted(maps.Keys(left))[i]
		ordered = append(ordered, left[next])
		delete(left, next)
	}
	return ordered, nil
}

func readJSON(path string, into any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the assembly: %w", err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// rewrite returns a copy of a value in which change has replaced what it wants to. It is asked about each object, the outer ones
// first, and not about what it has replaced.
func rewrite(value any, change func(object) (any, bool)) any {
	switch value := value.(type) {
	case []any:
		copied := make([]any, len(value))
		for i, v := range value {
			copied[i] = rewrite(v, change)
		}
		return copied
	case object:
		if replaced, ok := change(value); ok {
			return replaced
		}
		copied := object{}
		for name, v := range value {
			copied[name] = rewrite(v, change)
		}
		return copied
	}
	return value
}

// referred tells which resource an object stands for, and which of its attributes; "" is what Ref gives.
func referred(o object) (id, attribute string, ok bool) {
	if len(o) != 1 {
		return "", "", false
	}
	if id, ok := o["Ref"].(string); ok {
		return id, "", true
	}
	if pair, ok := o["Fn::GetAtt"].([]any); ok && len(pair) == 2 {
		return text(pair[0]), text(pair[1]), true
	}
	return "", "", false
}
