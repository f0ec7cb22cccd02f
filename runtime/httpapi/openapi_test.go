package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// openAPI is as much of the description as the page shows. The types below follow the OpenAPI 3.1 specification.
type openAPI struct {
	Info struct{ Title, Summary, Description string }
	Tags []struct{ Name, Description string }
	// Paths keeps its text, since the order of its keys is the order of the page.
	Paths      json.RawMessage
	Components struct {
		Parameters map[string]openParameter
		Responses  map[string]openContent
		Schemas    map[string]json.RawMessage
	}
}

type openOperation struct {
	Tags                 []string
	Summary, Description string
	Security             []map[string][]string
	Parameters           []openParameter
	RequestBody          *openContent
	Responses            json.RawMessage
}

type openParameter struct {
	Ref                   string `json:"$ref"`
	Name, In, Description string
	Required              bool
	Schema                json.RawMessage
}

type openContent struct {
	Ref         string `json:"$ref"`
	Description string
	Content     json.RawMessage
}

type openMedia struct {
	Schema   json.RawMessage
	Example  json.RawMessage
	Examples json.RawMessage
}

type openSchema struct {
	Ref                                      string `json:"$ref"`
	Type                                     openTypes
	Format, Pattern, Description             string
	Const                                    any
	Enum                                     []any
	Default                                  any
	Minimum, Maximum                         *json.Number
	ExclusiveMinimum, ExclusiveMaximum       *json.Number
	MinLength, MaxLength, MinItems, MaxItems *int
	Required                                 []string
	Properties                               json.RawMessage
	Items                                    json.RawMessage
	OneOf                                    []json.RawMessage
}

// openTypes are the types that a value may be of, in words.
type openTypes string

// UnmarshalJSON implements json.Unmarshaler: one type is a string, several are an array.
func (o *openTypes) UnmarshalJSON(text []byte) error {
	var several []string
	if json.Unmarshal(text, &several) == nil {
		*o = openTypes(strings.Join(several, " or "))
		return nil
	}
	return json.Unmarshal(text, (*string)(o))
}

// calls lists the calls of a path that carry a tag.
func (d *openAPI) calls(path, tag string) ([]docsCall, error) {
	var paths map[string]map[string]openOperation
	if err := json.Unmarshal(d.Paths, &paths); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	var calls []docsCall
	for _, method := range methodsInOrder {
		operation, ok := paths[path][method]
		if !ok || !slices.Contains(operation.Tags, tag) {
			continue
		}
		call, err := d.call(operation)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", method, err)
		}
		call.Method, call.Path = strings.ToUpper(method), path
		call.Anchor = method + strings.NewReplacer("/", "-", "{", "", "}", "").Replace(path)
		call.label()
		calls = append(calls, call)
	}
	return calls, nil
}

// label names the tables of a call, each in its own way.
func (c *docsCall) label() {
	for i := range c.Bodies {
		c.Bodies[i].Label = fmt.Sprintf("Fields of the body of %s %s, %s", c.Method, c.Path, c.Bodies[i].Title)
	}
	for i := range c.Answers {
		c.Answers[i].Label = fmt.Sprintf("Fields of the answer of %s %s, %s", c.Method, c.Path, c.Answers[i].Title)
	}
}

func (d *openAPI) call(o openOperation) (docsCall, error) {
	c := docsCall{Summary: o.Summary, Description: o.Description, Access: accessText(o.Security)}
	for _, p := range o.Parameters {
		if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
			p = d.Components.Parameters[name]
		}
		schema, err := d.schema(p.Schema)
		if err != nil {
			return c, fmt.Errorf("parameter %s: %w", p.Name, err)
		}
		c.Parameters = append(c.Parameters, docsField{p.Name, p.In, schema.rule(), p.Description, p.Required})
	}
	if o.RequestBody != nil {
		bodies, err := d.contents("", *o.RequestBody)
		if err != nil {
			return c, fmt.Errorf("request body: %w", err)
		}
		c.Bodies = bodies
	}
	statuses, err := keysInOrder(o.Responses)
	if err != nil {
		return c, fmt.Errorf("responses: %w", err)
	}
	var responses map[string]openContent
	if err := json.Unmarshal(o.Responses, &responses); err != nil {
		return c, fmt.Errorf("decode the responses: %w", err)
	}
	for _, status := range statuses {
		response := responses[status]
		if name, ok := strings.CutPrefix(response.Ref, "#/components/responses/"); ok {
			response = d.Components.Responses[name]
		}
		answers, err := d.contents(status, response)
		if err != nil {
			return c, fmt.Errorf("response %s: %w", status, err)
		}
		c.Answers = append(c.Answers, answers...)
	}
	return c, nil
}

// contents describes a body in each of its media types. Problems look alike everywhere, so that their members are not
// repeated.
func (d *openAPI) contents(title string, c openContent) ([]docsContent, error) {
	title = strings.TrimSpace(title)
	if len(c.Content) == 0 {
		return []docsContent{{Title: title, Description: c.Description}}, nil
	}
	medias, err := keysInOrder(c.Content)
	if err != nil {
		return nil, err
	}
	var byMedia map[string]openMedia
	if err := json.Unmarshal(c.Content, &byMedia); err != nil {
		return nil, fmt.Errorf("decode the content: %w", err)
	}
	var contents []docsContent
	for _, name := range medias {
		media := byMedia[name]
		one := docsContent{Title: strings.TrimSpace(title + " " + name), Description: c.Description}
		whole, err := d.schema(media.Schema)
		if err != nil {
			return nil, err
		}
		if whole.Type == "string" && whole.Description != "" { // what is no JSON has no fields that could tell what it is
			one.Description = whole.Description
		}
		if name != "application/problem+json" {
			if one.Fields, err = d.fields(media.Schema, ""); err != nil {
				return nil, err
			}
		}
		if one.Examples, err = examples(media, name == mediaNDJSON); err != nil {
			return nil, err
		}
		contents = append(contents, one)
	}
	return contents, nil
}

// fields lists the members of an object, those of nested objects under their place.
func (d *openAPI) fields(raw json.RawMessage, place string) ([]docsField, error) {
	s, err := d.schema(raw)
	if err != nil {
		return nil, err
	}
	if len(s.OneOf) > 0 {
		return d.fieldsOfEach(s.OneOf, place)
	}
	if s.Type == "array" {
		return d.fields(s.Items, place+"[].")
	}
	if len(s.Properties) == 0 {
		return nil, nil
	}
	order, err := keysInOrder(s.Properties)
	if err != nil {
		return nil, err
	}
	var properties map[string]json.RawMessage
	if err := json.Unmarshal(s.Properties, &properties); err != nil {
		return nil, fmt.Errorf("decode the properties: %w", err)
	}
	var all []docsField
	for _, name := range order {
		property, err := d.schema(properties[name])
		if err != nil {
			return nil, err
		}
		all = append(all, docsField{
			Name: place + name, Rule: property.rule(), Description: property.Description, Required: slices.Contains(s.Required, name),
		})
		if property.Type == "array" || property.Type == "object" {
			inner, err := d.fields(properties[name], place+name+objectDot(property))
			if err != nil {
				return nil, err
			}
			all = append(all, inner...)
		}
	}
	return all, nil
}

// fieldsOfEach lists the members that one of several schemas has. Only those that all require are required.
func (d *openAPI) fieldsOfEach(schemas []json.RawMessage, place string) (all []docsField, err error) {
	needed := map[string]int{}
	for _, raw := range schemas {
		fields, err := d.fields(raw, place)
		if err != nil {
			return nil, err
		}
		for _, f := range fields {
			if f.Required {
				needed[f.Name]++
			}
			if !slices.ContainsFunc(all, func(has docsField) bool { return has.Name == f.Name }) {
				all = append(all, f)
			}
		}
	}
	for i := range all {
		all[i].Required = needed[all[i].Name] == len(schemas)
	}
	return all, nil
}

func objectDot(s openSchema) string {
	if s.Type == "object" {
		return "."
	}
	return ""
}

// schema decodes a schema and follows its reference; what stands beside the reference counts more.
func (d *openAPI) schema(raw json.RawMessage) (openSchema, error) {
	var s openSchema
	if len(raw) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("decode a schema: %w", err)
	}
	name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/")
	if !ok {
		return s, nil
	}
	target, err := d.schema(d.Components.Schemas[name])
	if s.Description != "" {
		target.Description = s.Description
	}
	return target, err
}

// rule says in a few words what a value must be.
func (s openSchema) rule() string {
	parts := []string{string(s.Type)}
	if choices := s.choices(); choices != "" {
		parts[0] = choices
	}
	if s.Format != "" {
		parts = append(parts, s.Format)
	}
	parts = append(parts, span("characters", lengthText(s.MinLength), lengthText(s.MaxLength)), span("elements", lengthText(s.MinItems), lengthText(s.MaxItems)),
		span("", numberText(s.Minimum), numberText(s.Maximum)), between(numberText(s.ExclusiveMinimum), numberText(s.ExclusiveMaximum)))
	if s.Pattern != "" {
		parts = append(parts, "matching "+s.Pattern)
	}
	if s.Default != nil {
		parts = append(parts, "default "+literal(s.Default))
	}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ", ")
}

// choices lists the values of which a value must be one, in place of their type, which they show.
func (s openSchema) choices() string {
	var all []string
	for _, choice := range s.Enum {
		all = append(all, literal(choice))
	}
	if s.Const != nil {
		all = []string{literal(s.Const)}
	}
	switch len(all) {
	case 0:
		return ""
	case 1:
		return "only " + all[0]
	default:
		return "one of " + strings.Join(all, ", ")
	}
}

// literal writes a value as JSON has it, so that a text is seen to be one.
func literal(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

func span(unit, from, to string) string {
	var text string
	switch {
	case from != "" && to != "":
		text = from + " to " + to
	case from != "":
		text = "at least " + from
	case to != "":
		text = "at most " + to
	default:
		return ""
	}
	return strings.TrimSpace(text + " " + unit)
}

// between is for bounds that are not among the values themselves; a value has both or none.
func between(from, to string) string {
	if from == "" || to == "" {
		return ""
	}
	return "between " + from + " and " + to
}

func lengthText(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func numberText(n *json.Number) string {
	if n == nil {
		return ""
	}
	return n.String()
}

// examples returns a media type's examples as they would be sent, arrays with a line an element where that is how they are.
func examples(m openMedia, lines bool) ([]docsExample, error) {
	var raws []namedExample
	if len(m.Example) > 0 {
		raws = append(raws, namedExample{Value: m.Example})
	}
	if len(m.Examples) > 0 {
		order, err := keysInOrder(m.Examples)
		if err != nil {
			return nil, err
		}
		var named map[string]namedExample
		if err := json.Unmarshal(m.Examples, &named); err != nil {
			return nil, fmt.Errorf("decode the examples: %w", err)
		}
		for _, name := range order {
			raws = append(raws, named[name])
		}
	}
	all := make([]docsExample, len(raws))
	for i, raw := range raws {
		text, err := exampleText(raw.Value, lines)
		if err != nil {
			return nil, err
		}
		all[i] = docsExample{raw.Summary, text}
	}
	return all, nil
}

type namedExample struct {
	Summary string
	Value   json.RawMessage
}

// exampleText writes an example as it would be sent.
func exampleText(raw json.RawMessage, lines bool) (text string, err error) {
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	elements := []json.RawMessage{raw}
	if lines {
		if err := json.Unmarshal(raw, &elements); err != nil {
			return "", fmt.Errorf("decode an example of lines: %w", err)
		}
	}
	var b bytes.Buffer
	for _, element := range elements {
		if err := json.Compact(&b, element); err != nil {
			return "", fmt.Errorf("write an example: %w", err)
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}
