// Package stays tells a deployer what of a deployment stays when its stacks are destroyed, what refuses to go, and what
// AWS keeps beside them: by name, or by a command that finds it. It never imports the CDK nor the AWS SDK: the templates
// come from an assembly, or from whoever has asked AWS for those that are deployed.
package stays

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/sensorflow/sensorflow/infra/assembly"
)

// Stack is a stack, as it was synthesized or as it is deployed.
type Stack struct {
	Name, Account, Region string
	// Protected is set where CloudFormation refuses to delete the stack.
	Protected bool
	// Resources are those of the template, by logical id.
	Resources map[string]Resource
	// Names are what the resources are called in AWS, by logical id. Nil where nobody has asked.
	Names map[string]string
}

// Resource is a resource of a template.
type Resource struct {
	Type, DeletionPolicy string
	Properties           map[string]any
}

// Read reads the stacks of an assembly whose names match the pattern, by name.
func Read(from fs.FS, pattern string) ([]Stack, error) {
	r := assembly.Reader{From: from, Purpose: "look up what stays"}
	found, err := r.Stacks()
	if err != nil {
		return nil, err
	}
	var all []Stack
	for _, one := range found {
		wanted, err := path.Match(pattern, one.Name)
		if err != nil {
			return nil, fmt.Errorf("match the stacks %s: %w", pattern, err)
		}
		if !wanted {
			continue
		}
		var template template
		if err := r.JSON(one.Template, &template); err != nil {
			return nil, err
		}
		all = append(all, Stack{one.Name, one.Account, one.Region, one.Protected, template.Resources, nil})
	}
	return all, nil
}

type template struct{ Resources map[string]Resource }

// Resources reads a template, as CloudFormation gives it back.
func Resources(text string) (map[string]Resource, error) {
	var t template
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}
	return t.Resources, nil
}

// Say writes what stays of the stacks of an environment, with what AWS keeps beside them, and last what refuses, since
// that has to be done first. Each command can be pasted as it stands.
func Say(w io.Writer, environment string, stacks []Stack) error {
	var kept, beside, refusing []string
	for _, s := range stacks {
		kept = append(kept, s.kept()...)
		beside = append(beside, s.beside()...)
		refusing = append(refusing, s.refusing(environment)...)
	}
	beside = unique(append(beside, common(stacks)...))
	var b strings.Builder
	if len(kept)+len(refusing) == 0 {
		b.WriteString("Nothing of these stacks stays: what is disposable goes, with its data.\n\n")
	}
	for _, part := range []struct {
		title string
		lines []string
	}{
		{"These stay, with what is in them, and cost money until somebody deletes them:", kept},
		{"These are in no template and stay as well. AWS bills nothing for them, but for what the CDK stores:", beside},
		{"These refuse to be destroyed, until these commands are run:", refusing},
	} {
		if len(part.lines) > 0 {
			b.WriteString(part.title + "\n\n" + strings.Join(part.lines, "\n") + "\n\n")
		}
	}
	if len(kept)+len(refusing) > 0 {
		b.WriteString("A region that is in \"leaving\" gives up its protection with a deployment; \"disposable\": true and a " +
			"deployment let everything go,\nthe data included. infra/LIFE.md, \"Destroy\", has the steps.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// unique leaves out what was said already, such as the records of a domain that several regions have.
func unique(lines []string) []string {
	said := map[string]bool{}
	var all []string
	for _, line := range lines {
		if !said[line] {
			said[line] = true
			all = append(all, line)
		}
	}
	return all
}

// step is a command, with what it is for in a comment of the shell, so that a list of them can be pasted at once.
func step(what, command string) string { return "  # " + what + "\n  " + command }
