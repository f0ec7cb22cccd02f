package cdktest

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Warnings returns what the constructs of all stacks warn or tell of, which the CDK's command line prints at each
// synthesis, each with the path of the construct before it.
func (a *Assembly) Warnings(t testing.TB) []string {
	t.Helper()
	var warnings []string
	err := filepath.WalkDir(a.Dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".metadata.json") {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var metadata map[string][]struct {
			Type string
			Data any
		}
		if err := json.Unmarshal(body, &metadata); err != nil {
			return err
		}
		for construct, entries := range metadata {
			for _, entry := range entries {
				printed := entry.Type == "aws:cdk:warning" || entry.Type == "aws:cdk:info"
				if text, ok := entry.Data.(string); ok && printed {
					warnings = append(warnings, construct+": "+text)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return warnings
}
