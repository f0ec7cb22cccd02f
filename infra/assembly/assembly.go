// Package assembly reads the templates that a synthesis has left, for those who tell something of a deployment before or after
// it: what it costs, and what of it stays. It never imports the CDK.
package assembly

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// Reader reads one assembly, such as the folder cdk.out.
type Reader struct {
	From fs.FS
	// Purpose is what an error says that could not be done, such as "read the templates".
	Purpose string
}

// Stack is a stack of an assembly.
type Stack struct {
	Name, Account, Region string
	// Protected is set where CloudFormation refuses to delete the stack.
	Protected bool
	// Template is the file of its template, which Reader.JSON reads.
	Template string
}

// Stacks returns the stacks below the root of the assembly, by the ids that the CDK gave them. Stages inside it are left out:
// they hold the same stacks once more.
func (r Reader) Stacks() ([]Stack, error) {
	var manifest struct {
		Artifacts map[string]struct {
			Type, Environment string
			Properties        struct {
				StackName, TemplateFile string
				TerminationProtection   bool
			}
		}
	}
	if err := r.JSON("manifest.json", &manifest); err != nil {
		return nil, err
	}
	var all []Stack
	for _, id := range slices.Sorted(maps.Keys(manifest.Artifacts)) {
		a := manifest.Artifacts[id]
		if a.Type != "aws:cloudformation:stack" {
			continue
		}
		account, region, _ := strings.Cut(strings.TrimPrefix(a.Environment, "aws://"), "/")
		s := Stack{
			Name: id, Account: account, Region: region,
			Protected: a.Properties.TerminationProtection, Template: a.Properties.TemplateFile,
		}
		if a.Properties.StackName != "" {
			s.Name = a.Properties.StackName
		}
		all = append(all, s)
	}
	return all, nil
}

// JSON reads a file of the assembly.
func (r Reader) JSON(file string, into any) error {
	text, err := fs.ReadFile(r.From, file)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Purpose, err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}
