package httpapi_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/httpapi"
)

// What a client sends has bounds that the description tells, and what it gets has names that a generator can use.
func TestOpenAPI_TellsBoundsAndNames(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	var d map[string]any
	f.do(call{method: "GET", path: "/openapi.json"}).decode(t, &d)
	sent := map[string]bool{}
	components, _ := d["components"].(map[string]any)
	schemas, _ := components["schemas"].(map[string]any)
	follow(schemas, map[string]any{"paths": requests(d["paths"]), "parameters": components["parameters"]}, sent)
	seen := 0
	schemasIn(d, "#", func(place string, schema map[string]any) {
		seen++
		name, _, _ := strings.Cut(strings.TrimPrefix(place, "#/components/schemas/"), "/")
		fromClients := sent[name] || strings.HasPrefix(place, "#/components/parameters") || strings.Contains(place, "/parameters/") || strings.Contains(place, "/requestBody/")
		for _, fault := range schemaFaults(schema, fromClients) {
			t.Errorf("%s: %s", place, fault)
		}
	})
	if seen < 100 || !sent["Reading"] || !sent["Value"] || sent["Problem"] {
		t.Errorf("%d schemas were looked at; clients send %v", seen, sent)
	}
}

// requests are the parameters and the bodies of all calls.
func requests(paths any) (all []any) {
	byPath, _ := paths.(map[string]any)
	for _, methods := range byPath {
		byMethod, _ := methods.(map[string]any)
		for _, operation := range byMethod {
			one, _ := operation.(map[string]any)
			all = append(all, one["parameters"], one["requestBody"])
		}
	}
	return all
}

// follow notes the names of all schemas that a node leads to.
func follow(schemas map[string]any, node any, into map[string]bool) {
	switch node := node.(type) {
	case map[string]any:
		ref, _ := node["$ref"].(string)
		if name, ok := strings.CutPrefix(ref, "#/components/schemas/"); ok && !into[name] {
			into[name] = true
			follow(schemas, schemas[name], into)
		}
		for _, value := range node {
			follow(schemas, value, into)
		}
	case []any:
		for _, value := range node {
			follow(schemas, value, into)
		}
	}
}

// schemasIn visits everything that has a type, but no examples.
func schemasIn(node any, place string, visit func(place string, schema map[string]any)) {
	switch node := node.(type) {
	case map[string]any:
		if _, object := node["type"].(string); object && !strings.Contains(place, "/securitySchemes/") {
			visit(place, node)
		}
		for key, value := range node {
			if key != "example" && key != "examples" {
				schemasIn(value, place+"/"+key, visit)
			}
		}
	case []any:
		for i, value := range node {
			schemasIn(value, fmt.Sprintf("%s/%d", place, i), visit)
		}
	}
}

// schemaFaults tells what a schema leaves open.
func schemaFaults(schema map[string]any, fromClients bool) (faults []string) {
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { _, ok := schema[name]; return ok })
	}
	if choices, ok := schema["enum"].([]any); ok {
		names, _ := schema["x-enum-varnames"].([]any)
		unique := map[any]bool{}
		for _, name := range names {
			text, _ := name.(string)
			unique[name] = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`).MatchString(text)
		}
		if len(names) != len(choices) || len(unique) != len(choices) || slices.Contains(values(unique), false) {
			faults = append(faults, fmt.Sprintf("%d choices have the names %v", len(choices), names))
		}
		return faults
	}
	switch kind := schema["type"]; {
	case kind == "integer" && !has("maximum") && !has("format"):
		faults = append(faults, "an integer has neither a maximum nor a format")
	case (kind == "integer" || kind == "array") && fromClients && !has("maximum", "maxItems"):
		faults = append(faults, "there is no upper bound")
	case kind == "number" && fromClients && (!has("minimum", "exclusiveMinimum") || !has("maximum", "exclusiveMaximum")):
		faults = append(faults, "a number has no bounds")
	case kind == "string" && fromClients && !has("maxLength", "const") && schema["format"] != "binary":
		faults = append(faults, "a text has no longest length")
	}
	return faults
}

func values[K comparable, V any](m map[K]V) (all []V) {
	for _, value := range m {
		all = append(all, value)
	}
	return all
}
