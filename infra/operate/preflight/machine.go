package preflight

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Machine is the machine that deploys.
type Machine struct {
	// Dir is the folder of the repository.
	Dir string
	// Run runs a program in Dir, and returns what it says.
	Run func(ctx context.Context, dir, name string, arguments ...string) (said string, err error)
}

// Run runs a program of this machine.
func Run(ctx context.Context, dir, name string, arguments ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, arguments...) //nolint:gosec // the names are ours
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	return strings.TrimSpace(said.String()), err
}

func (m Machine) look(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
	defer cancel()
	return []Finding{m.node(ctx), m.cli(), m.docker(ctx)}
}

// node asks the script by which the Makefile checks what it needs.
func (m Machine) node(ctx context.Context) Finding {
	if said, err := m.Run(ctx, m.Dir, "sh", filepath.Join(".make", "prerequisites.sh"), "node"); err != nil {
		first, _, _ := strings.Cut(said, "\n")
		if first == "" {
			first = err.Error()
		}
		return Finding{Point: pointNode, Status: Missing, Text: first}
	}
	version, err := m.Run(ctx, m.Dir, "node", "--version")
	if err != nil {
		return Finding{Point: pointNode, Status: Missing, Text: "node --version: " + err.Error()}
	}
	return Finding{Point: pointNode, Status: Fine, Text: version}
}

// wantedCLI is where the script that brings the CDK's command line names its version.
var wantedCLI = regexp.MustCompile(`(?m)^package=aws-cdk@(\S+)$`)

func (m Machine) cli() Finding {
	script, err := os.ReadFile(filepath.Join(m.Dir, ".make", "cdk-cli.sh"))
	wanted := wantedCLI.FindSubmatch(script)
	if err != nil || wanted == nil {
		return Finding{Point: pointCLI, Status: Unknown, Text: ".make/cdk-cli.sh does not tell the version of the command line"}
	}
	var there struct {
		Version string `json:"version"`
	}
	content, err := os.ReadFile(filepath.Join(m.Dir, ".local", "cdk", "package.json"))
	if err == nil {
		err = json.Unmarshal(content, &there)
	}
	if version := string(wanted[1]); err != nil || there.Version != version {
		return Finding{Point: pointCLI, Status: Note, Text: "the command line " + version + " is not here yet; make brings it from npm (8 MB)"}
	}
	return Finding{Point: pointCLI, Status: Fine, Text: "the command line " + there.Version}
}

func (m Machine) docker(ctx context.Context) Finding {
	version, err := m.Run(ctx, m.Dir, "docker", "version", "--format", "{{.Server.Version}}")
	if err != nil {
		return Finding{Point: pointDocker, Status: Note, Text: "does not run here, and is not needed"}
	}
	return Finding{Point: pointDocker, Status: Note, Text: version + " runs here, and is not needed; DOCKER=yes takes it"}
}
