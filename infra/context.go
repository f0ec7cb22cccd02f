package main

import (
	"encoding/json"
	"fmt"
)

// context returns the context that the command line hands over, which is that of cdk.json with what was added by --context; run
// without it, that of cdk.json itself.
func context(getenv func(string) string, readFile func(string) ([]byte, error)) ([]byte, error) {
	if text := getenv("CDK_CONTEXT_JSON"); text != "" {
		return []byte(text), nil
	}
	const file = "cdk.json"
	text, err := readFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	var whole struct {
		Context json.RawMessage `json:"context"`
	}
	if err := json.Unmarshal(text, &whole); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return whole.Context, nil
}
