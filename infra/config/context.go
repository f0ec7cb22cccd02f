package config

import (
	"encoding/json"
	"fmt"
	"maps"
)

// File is where the configuration stands.
const File = "cdk.json"

// Context is what the CDK calls context: the values of cdk.json and of --context.
type Context struct {
	// All is a JSON object.
	All []byte
	// Env is the value of the key env: the one environment that is wanted; empty for all.
	Env string
}

// Values are the values for the CDK, which itself sees only those in the variable.
func (c Context) Values() map[string]any {
	values := map[string]any{}
	_ = json.Unmarshal(c.All, &values) // which ReadContext has encoded
	return values
}

// ReadContext reads the context that the CDK's command line hands over: in a variable, and what has no room there in a
// file. Without it, it reads the context of cdk.json itself.
func ReadContext(getenv func(string) string, readFile func(string) ([]byte, error)) (Context, error) {
	merged, err := contextValues(getenv, readFile)
	if err != nil {
		return Context{}, err
	}
	// On a command line, as --context sensorflow={…}, a value can only be a text.
	var text string
	if json.Unmarshal(merged[ContextKey], &text) == nil && json.Valid([]byte(text)) {
		merged[ContextKey] = json.RawMessage(text)
	}
	all, err := json.Marshal(merged)
	if err != nil {
		return Context{}, fmt.Errorf("read the context: %w", err)
	}
	c := Context{All: all}
	if env, ok := merged["env"]; ok {
		if err := json.Unmarshal(env, &c.Env); err != nil || c.Env == "" {
			return Context{}, fmt.Errorf("the context key env must name an environment, got %s", env)
		}
	}
	return c, nil
}

// contextValues are the values as they were handed over.
func contextValues(
	getenv func(string) string, readFile func(string) ([]byte, error),
) (map[string]json.RawMessage, error) {
	merged := map[string]json.RawMessage{}
	text := getenv("CDK_CONTEXT_JSON")
	if text == "" {
		whole, err := readObject(readFile, File)
		if err != nil {
			return nil, err
		}
		if raw := whole["context"]; len(raw) > 0 {
			if err := json.Unmarshal(raw, &merged); err != nil {
				return nil, fmt.Errorf("read context in %s: %w", File, err)
			}
		}
		return merged, nil
	}
	if err := json.Unmarshal([]byte(text), &merged); err != nil {
		return nil, fmt.Errorf("read CDK_CONTEXT_JSON: %w", err)
	}
	if file := getenv("CONTEXT_OVERFLOW_LOCATION_ENV"); file != "" {
		more, err := readObject(readFile, file)
		if err != nil {
			return nil, err
		}
		maps.Copy(merged, more)
	}
	return merged, nil
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

// Read reads and checks the configuration of cdk.json for a tool that is not the CDK's. account is that of environments
// which name none; it may be empty, and such an environment has none then.
func Read(readFile func(string) ([]byte, error), account string) (Config, error) {
	context, err := ReadContext(func(string) string { return "" }, readFile)
	if err != nil {
		return Config{}, err
	}
	c, err := Load(context.All, Defaults{Account: account, AccountLater: true})
	if err != nil {
		return Config{}, fmt.Errorf("the configuration in %s is wrong:\n%w", File, err)
	}
	return c, nil
}
