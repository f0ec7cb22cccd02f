package main

import (
	"encoding/json"
	"fmt"
	"maps"
)

// cdkContext is what the CDK calls context: the values of cdk.json and of --context.
type cdkContext struct {
	all []byte // a JSON object
	env string // the key env: the one environment that is wanted
}

// values are the context's values for the CDK, which itself sees only those in the variable.
func (c cdkContext) values() map[string]any {
	values := map[string]any{}
	_ = json.Unmarshal(c.all, &values) // which this package has encoded
	return values
}

// readContext reads the context that the command line hands over: in a variable, and what has no room there in a file. Run without it,
// the context of cdk.json itself.
func readContext(getenv func(string) string, readFile func(string) ([]byte, error)) (cdkContext, error) {
	merged := map[string]json.RawMessage{}
	if text := getenv("CDK_CONTEXT_JSON"); text != "" {
		if err := json.Unmarshal([]byte(text), &merged); err != nil {
			return cdkContext{}, fmt.Errorf("read CDK_CONTEXT_JSON: %w", err)
		}
		if file := getenv("CONTEXT_OVERFLOW_LOCATION_ENV"); file != "" {
			more, err := readObject(readFile, file)
			if err != nil {
				return cdkContext{}, err
			}
			maps.Copy(merged, more)
		}
	} else {
		const file = "cdk.json"
		whole, err := readObject(readFile, file)
		if err != nil {
			return cdkContext{}, err
		}
		if err := json.Unmarshal(orEmpty(whole["context"]), &merged); err != nil {
			return cdkContext{}, fmt.Errorf("read context in %s: %w", file, err)
		}
	}
	all, err := json.Marshal(merged)
	if err != nil {
		return cdkContext{}, fmt.Errorf("read the context: %w", err)
	}
	c := cdkContext{all: all}
	if env, ok := merged["env"]; ok {
		if err := json.Unmarshal(env, &c.env); err != nil || c.env == "" {
			return cdkContext{}, fmt.Errorf("the context key env must name an environment, got %s", env)
		}
	}
	return c, nil
}

func orEmpty(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("{}")
	}
	return raw
}

func readObject(readFile func(string) ([]byte, error), file string) (map[string]json.RawMessage, error) {
	text, err := readFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return object, nil
}
