package main

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// sayWhatStays reads the templates, which have just been made, of the stacks whose names match the pattern.
func sayWhatStays(w io.Writer, assembly fs.FS, stacks string) error {
	const suffix = ".template.json"
	files, err := fs.Glob(assembly, "*"+suffix)
	if err != nil {
		return fmt.Errorf("list the templates: %w", err)
	}
	var stays []string
	for _, file := range files {
		stack := strings.TrimSuffix(file, suffix)
		if wanted, err := path.Match(stacks, stack); err != nil || !wanted {
			continue
		}
		kept, err := keptBy(assembly, file)
		if err != nil {
			return err
		}
		for _, resource := range kept {
			stays = append(stays, "  "+stack+"  "+resource)
		}
	}
	if len(stays) == 0 {
		_, err = fmt.Fprintln(w, "Nothing stays: the environment is disposable, its data included.")
		return err
	}
	_, err = fmt.Fprintln(w, "These stay, with what is in them, and cost money until somebody deletes them:\n"+
		strings.Join(stays, "\n")+
		"\n"+
		"The stacks are protected against being destroyed, too: aws cloudformation update-termination-protection "+
		"--no-enable-termination-protection --stack-name …\n"+
		"\"disposable\": true in cdk.json and a deployment let everything go, the data included.")
	return err
}

// keptBy lists what a template lets stay when its stack is deleted.
func keptBy(assembly fs.FS, file string) ([]string, error) {
	text, err := fs.ReadFile(assembly, file)
	if err != nil {
		return nil, fmt.Errorf("look up what stays: %w", err)
	}
	var template struct {
		Resources map[string]struct{ Type, DeletionPolicy string }
	}
	if err := json.Unmarshal(text, &template); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	var kept []string
	for _, id := range slices.Sorted(maps.Keys(template.Resources)) {
		r := template.Resources[id]
		// The versions of a function, which are kept from one deployment to the next, go with the function.
		if (r.DeletionPolicy == "Retain" || r.DeletionPolicy == "RetainExceptOnCreate") && r.Type != "AWS::Lambda::Version" {
			kept = append(kept, r.Type+"  "+id)
		}
	}
	return kept, nil
}
