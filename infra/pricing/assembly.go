package pricing

import (
	"fmt"
	"io/fs"

	"github.com/sensorflow/sensorflow/infra/assembly"
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

// ReadStacks reads the stacks below the root of a synthesized assembly whose names match.
func ReadStacks(from fs.FS, match func(stack string) bool) ([]Stack, error) {
	r := assembly.Reader{From: from, Purpose: "read the templates"}
	found, err := r.Stacks()
	if err != nil {
		return nil, err
	}
	var all []Stack
	for _, one := range found {
		if !match(one.Name) {
			continue
		}
		s := Stack{Name: one.Name, Region: one.Region}
		if err := r.JSON(one.Template, &s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
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
