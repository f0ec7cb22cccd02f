package pricing

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// Stack is a synthesized template.
type Stack struct {
	Name, Region string
	Resources    map[string]Resource
}

// Resource is a resource of a template.
type Resource struct {
	Type       string
	Properties Properties
}

// manifest is the part of an assembly's manifest.json that tells the stacks.
type manifest struct {
	Artifacts map[string]struct {
		Type, Environment string
		Properties        struct{ StackName, TemplateFile string }
	}
}

// ReadStacks reads the stacks below the root of a synthesized assembly whose names match. Stages inside it are left
// out: they hold the same stacks once more.
func ReadStacks(assembly fs.FS, match func(stack string) bool) ([]Stack, error) {
	var m manifest
	if err := readJSON(assembly, "manifest.json", &m); err != nil {
		return nil, err
	}
	var all []Stack
	for _, id := range slices.Sorted(maps.Keys(m.Artifacts)) {
		a := m.Artifacts[id]
		s := Stack{Name: id, Region: a.Environment[strings.LastIndex(a.Environment, "/")+1:]}
		if a.Properties.StackName != "" {
			s.Name = a.Properties.StackName
		}
		if a.Type != "aws:cloudformation:stack" || !match(s.Name) {
			continue
		}
		if err := readJSON(assembly, a.Properties.TemplateFile, &s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func readJSON(from fs.FS, file string, into any) error {
	text, err := fs.ReadFile(from, file)
	if err != nil {
		return fmt.Errorf("read the templates: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}

// Properties are the properties of a resource, or an object inside them.
type Properties map[string]any

// at returns what stands below the names, nil where there is nothing.
func (p Properties) at(names ...string) any {
	var value any = map[string]any(p)
	for _, name := range names {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[name]
	}
	return value
}

func (p Properties) text(names ...string) string {
	text, _ := p.at(names...).(string)
	return text
}

// number takes numbers and texts that hold one, as task definitions have them.
func (p Properties) number(names ...string) float64 {
	switch value := p.at(names...).(type) {
	case float64:
		return value
	case string:
		var number float64
		if _, err := fmt.Sscan(value, &number); err == nil {
			return number
		}
	}
	return 0
}

func (p Properties) list(names ...string) []any {
	list, _ := p.at(names...).([]any)
	return list
}

// objects are the objects of a list.
func (p Properties) objects(names ...string) []Properties {
	var all []Properties
	for _, item := range p.list(names...) {
		if object, ok := item.(map[string]any); ok {
			all = append(all, object)
		}
	}
	return all
}
