package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Defaults are what the surroundings give where the configuration says nothing.
type Defaults struct {
	// Account is the account of the credentials in use; empty where there are none.
	Account string
}

// Load reads the configuration from the context of cdk.json, a JSON object, and checks it. The error has one line for each
// mistake, beginning with the key.
func Load(context []byte, defaults Defaults) (Config, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(context, &all); err != nil {
		return Config{}, fmt.Errorf("the context is not a JSON object: %w", err)
	}
	raw, ok := all[ContextKey]
	if !ok {
		return Config{}, fmt.Errorf("context.%s must be set in cdk.json", ContextKey)
	}
	c, problems := decode(raw, defaults)
	if len(problems) == 0 {
		problems = c.check()
	}
	if len(problems) > 0 {
		slices.Sort(problems)
		return Config{}, errors.New(strings.Join(slices.Compact(problems), "\n"))
	}
	return c, nil
}

// decode goes key by key, so that a mistake is found together with its place.
func decode(raw json.RawMessage, defaults Defaults) (c Config, problems []string) {
	var parts struct {
		Environments map[string]json.RawMessage `json:"environments"`
		Pipeline     json.RawMessage            `json:"pipeline"`
	}
	problems = append(problems, decodeStrictly(raw, "", &parts)...)
	c.Environments = map[string]Environment{}
	for _, name := range slices.Sorted(maps.Keys(parts.Environments)) {
		e := environmentDefaults()
		problems = append(problems, decodeStrictly(parts.Environments[name], "environments."+name+".", &e)...)
		c.Environments[name] = e.withDefaults(name, defaults)
	}
	if len(parts.Pipeline) == 0 || string(parts.Pipeline) == "null" {
		return c, problems
	}
	p := Pipeline{Branch: "main"}
	problems = append(problems, decodeStrictly(parts.Pipeline, "pipeline.", &p)...)
	if len(p.Environments) == 0 {
		p.Environments = slices.Sorted(maps.Keys(c.Environments))
	}
	if first, known := c.Environments[p.first()]; known {
		if p.Account == "" {
			p.Account = first.Account
		}
		if p.Region == "" && len(first.Regions) > 0 {
			p.Region = first.Primary()
		}
	}
	c.Pipeline = &p
	return c, problems
}

// first is the first environment that the pipeline delivers; empty where there is none.
func (p Pipeline) first() string {
	if len(p.Environments) == 0 {
		return ""
	}
	return p.Environments[0]
}

// decodeStrictly decodes an object and reports unknown keys and values of a wrong type, each with its place.
func decodeStrictly(raw json.RawMessage, place string, into any) []string {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		return nil
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		key := strings.TrimSuffix(place+wrong.Field, ".")
		return []string{fmt.Sprintf("%s must be %s, got a %s", orRoot(key), typeName(wrong.Type), wrong.Value)}
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return []string{fmt.Sprintf("%s%s is not a key; accepted are %s", place, strings.Trim(name, `"`), strings.Join(keysOf(into), ", "))}
	}
	return []string{fmt.Sprintf("%s cannot be read: %v", orRoot(strings.TrimSuffix(place, ".")), err)}
}

func orRoot(key string) string {
	if key == "" {
		return "context." + ContextKey
	}
	return key
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int:
		return "a whole number"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "a list"
	default:
		return "an object"
	}
}

// keysOf lists the JSON keys of a struct.
func keysOf(of any) []string {
	var keys []string
	t := reflect.TypeOf(of).Elem()
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("json"); name != "" && name != "-" {
			keys = append(keys, name)
		}
	}
	return keys
}
