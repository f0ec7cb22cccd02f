package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParse_ReadsTheEnvironmentThenTheFlags(t *testing.T) {
	s, err := parse([]string{"demo", "-port", "9001"}, []string{"PORT=9000", "DATA_DIR=/data", "RETENTION=720h"}, printer{t.Output()})
	if err != nil || s.command != commandDemo || s.port != 9001 || s.dataDir != "/data" || s.retention != 720*time.Hour {
		t.Errorf("settings %+v, error %v", s, err)
	}
	if s, err = parse(nil, []string{"PORT="}, printer{t.Output()}); err != nil || s.port != portDefault || s.command != "" || s.regions != 1 || s.dataDir != "" {
		t.Errorf("settings %+v, error %v", s, err)
	}
}

func TestParse_NamesTheKeyOfAMistake(t *testing.T) {
	for _, test := range []struct{ name, environment, argument, want string }{
		{"rejects a port that is no number", "PORT=http", "", `PORT must be 1 to 65535, got "http"`},
		{"rejects a port too high", "PORT=65536", "", "PORT must be 1 to 65535, got 65536"},
		{"rejects a retention that is no duration", "RETENTION=1month", "", `RETENTION must be a duration such as 720h, got "1month"`},
		{"rejects no region", "REGIONS=0", "", "REGIONS must be 1 to 4, got 0"},
		{"rejects too many regions", "REGIONS=5", "", "REGIONS must be 1 to 4, got 5"},
		{"rejects a number of regions that is none", "REGIONS=two", "", `REGIONS must be 1 to 4, got "two"`},
		{"rejects a delay that is no duration", "REGIONS_DELAY=abc", "", `REGIONS_DELAY must be a duration such as 2s, got "abc"`},
		{"rejects a delay below nothing", "REGIONS_DELAY=-1s", "", "REGIONS_DELAY must be 0s to 10m0s, got -1s"},
		{"rejects an unknown argument", "", "run", `unknown argument "run"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var args []string
			if test.argument != "" {
				args = append(args, test.argument)
			}
			_, err := parse(args, []string{test.environment}, printer{t.Output()})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// prerequisites runs the Makefile's check in an environment where only these programs exist.
func prerequisites(t *testing.T, programs map[string]string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for _, tool := range []string{"sh", "sed", "dirname"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(dir, tool)); err != nil {
			t.Fatal(err)
		}
	}
	for name, prints := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho '"+prints+"'\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("sh", filepath.Join("..", "..", ".make", "prerequisites.sh"), "go", "node", "java")
	cmd.Env = []string{"PATH=" + dir}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestPrerequisites_NamesAllThatIsMissingAtOnce(t *testing.T) {
	out, err := prerequisites(t, nil)
	if err == nil {
		t.Error("no failure although everything is missing")
	}
	for _, want := range []string{"Go was not found", "Node.js was not found", "npm was not found", "Java was not found", "openjdk-17-jre-headless", "Homebrew: node"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

func TestPrerequisites_ComparesVersions(t *testing.T) {
	right := map[string]string{"go": "go1.26.0", "node": "v20.0.0", "npm": "", "java": `openjdk version "17.0.1" 2021-10-19`}
	for _, test := range []struct{ name, program, prints, want string }{
		{"the oldest that will do", "", "", ""},
		{"rejects an old Go", "go", "go1.25.9", "Go 1.25.9 is too old"},
		{"a newer Go", "go", "go1.30", ""},
		{"rejects an old Node.js", "node", "v18.20.1", "Node.js 18.20.1 is too old"},
		{"rejects an old Java", "java", `java version "1.8.0_392"`, "Java 1.8.0_392 is too old"},
		{"a new Java without a minor version", "java", `openjdk version "25" 2025-09-16`, ""},
		{"rejects a java that only says that there is none", "java", "The operation could not be completed.", "Java was not found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			programs := map[string]string{}
			for name, prints := range right {
				programs[name] = prints
			}
			if test.program != "" {
				programs[test.program] = test.prints
			}
			out, err := prerequisites(t, programs)
			if (err == nil) != (test.want == "") || !strings.Contains(out, test.want) {
				t.Errorf("error %v, output %q, want %q", err, out, test.want)
			}
		})
	}
}
