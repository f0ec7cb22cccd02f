package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// Defaults are what the surroundings give where the configuration says nothing.
type Defaults struct {
	// Account is the account of the credentials in use; empty where there are none.
	Account string
	// AccountLater accepts environments without an account. It is for a reader who does not need one.
	AccountLater bool
}

// Load reads the configuration from the context of cdk.json, a JSON object, and checks it. The error has one line for
// each mistake, beginning with the key.
func Load(context []byte, defaults Defaults) (Config, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(context, &all); err != nil {
		return Config{}, fmt.Errorf("the context is not a JSON object: %w", err)
	}
	raw, ok := all[ContextKey]
	if !ok {
		return Config{}, rule.Faults{{Field: root, Rule: "must be set in " + File}}
	}
	c, faults := decode(raw, defaults)
	faults = rule.All(faults, c.faults(defaults))
	slices.SortStableFunc(faults, func(a, b rule.Fault) int { return strings.Compare(a.Field, b.Field) })
	if err := faults.Err(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// root is the place of the configuration in cdk.json.
const root = "context." + ContextKey

func decode(raw json.RawMessage, defaults Defaults) (Config, rule.Faults) {
	var parts struct {
		Environments map[string]json.RawMessage `json:"environments"`
		Pipeline     json.RawMessage            `json:"pipeline"`
	}
	faults := decodeObject(raw, "", reflect.ValueOf(&parts).Elem())
	c := Config{Environments: map[string]Environment{}}
	for name, raw := range parts.Environments {
		e := environmentDefaults()
		faults = append(faults, decodeObject(raw, "environments."+name, reflect.ValueOf(&e).Elem())...)
		written := func(key string) bool { _, ok := objectOf(raw)[key]; return ok }
		c.Environments[name] = e.withDefaults(name, written, defaults)
	}
	if isNull(parts.Pipeline) {
		return c, faults
	}
	p := Pipeline{Branch: "main"}
	faults = append(faults, decodeObject(parts.Pipeline, "pipeline", reflect.ValueOf(&p).Elem())...)
	if len(p.Environments) == 0 {
		p.Environments = slices.Sorted(maps.Keys(c.Environments))
	}
	if len(p.Environments) > 0 {
		first := c.Environments[p.Environments[0]]
		if p.Account == "" {
			p.Account = first.Account
		}
		if p.Region == "" && len(first.Regions) > 0 {
			p.Region = first.Primary()
		}
	}
	c.Pipeline = &p
	return c, faults
}

// decodeObject decodes an object key by key. It finds each unknown key and each value of a wrong type, and names it by
// its place. Unlike package json it tells capitals in keys from small letters.
func decodeObject(raw json.RawMessage, place string, into reflect.Value) rule.Faults {
	if isNull(raw) {
		return nil
	}
	object := objectOf(raw)
	if object == nil {
		return rule.Faults{wrongType(place, into.Type(), json.Unmarshal(raw, &object))}
	}
	prefix := place + "."
	if place == "" {
		prefix = ""
	}
	fields := fieldsOf(into)
	var faults rule.Faults
	for _, key := range slices.Sorted(maps.Keys(object)) {
		field, known := fields[key]
		switch {
		case !known:
			accepted := slices.DeleteFunc(keysOf(into.Type()), func(k string) bool { return k == "" || k == "-" })
			faults = append(faults, rule.Fault{
				Field: prefix + key, Rule: "is not a key", Advice: "accepted are " + strings.Join(accepted, ", "),
			})
		case field.Kind() == reflect.Pointer && !isNull(object[key]):
			field.Set(reflect.New(field.Type().Elem()))
			faults = append(faults, decodeObject(object[key], prefix+key, field.Elem())...)
		case isListOfObjects(field.Type()):
			faults = append(faults, decodeList(object[key], prefix+key, field)...)
		default:
			if err := json.Unmarshal(object[key], field.Addr().Interface()); err != nil {
				faults = append(faults, wrongType(prefix+key, field.Type(), err))
			}
		}
	}
	return faults
}

// text is an object that may also be written as a text.
type text interface{ setText(string) }

func isListOfObjects(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct
}

// decodeList decodes a list of objects, or of the texts that may stand for them.
func decodeList(raw json.RawMessage, place string, into reflect.Value) rule.Faults {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return rule.Faults{wrongType(place, into.Type(), err)}
	}
	into.Set(reflect.MakeSlice(into.Type(), len(items), len(items)))
	var faults rule.Faults
	for i, raw := range items {
		item := into.Index(i)
		if short, ok := item.Addr().Interface().(text); ok {
			var given string
			if json.Unmarshal(raw, &given) == nil {
				short.setText(given)
				continue
			}
		}
		faults = append(faults, decodeObject(raw, fmt.Sprintf("%s[%d]", place, i), item)...)
	}
	return faults
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// objectOf returns the members of an object, nil for any other value.
func objectOf(raw json.RawMessage) map[string]json.RawMessage {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return nil
	}
	return object
}

// fieldsOf returns the fields of a struct by their keys.
func fieldsOf(of reflect.Value) map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	for i, key := range keysOf(of.Type()) {
		fields[key] = of.Field(i)
	}
	delete(fields, "-")
	return fields
}

// keysOf lists the JSON key of each field of a struct.
func keysOf(t reflect.Type) []string {
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i] = t.Field(i).Tag.Get("json")
	}
	return keys
}

// shown is a text that stands in a sentence without quotes.
type shown string

// wrongType says that a value must be of the type t, and what it is instead.
func wrongType(key string, t reflect.Type, err error) rule.Fault {
	if key == "" {
		key = root
	}
	fault := rule.Fault{Field: key, Rule: "must be " + typeName(t)}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		fault.Got = shown(valueName(wrong.Value))
	}
	return fault
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
		if isListOfObjects(t) {
			return "a list of texts or objects"
		}
		return "a list of texts"
	default:
		if reflect.PointerTo(t).Implements(reflect.TypeFor[text]()) {
			return "a text or an object"
		}
		return "an object"
	}
}

// valueName says in words what package json calls a value.
func valueName(value string) string {
	if number, ok := strings.CutPrefix(value, "number "); ok {
		return number
	}
	switch value {
	case "string":
		return "a text"
	case "array":
		return "a list"
	case "bool":
		return "true or false"
	case "object":
		return "an object"
	default:
		return "a " + value
	}
}
