package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// put writes a file of a made-up checkout; scripts can be run.
func put(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

// copyScript puts a script of this checkout into a made-up one.
func copyScript(t *testing.T, dir, name string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", ".make", name))
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, ".make/"+name, string(text))
}

// lintTemplates runs the task lint in a checkout where the CDK makes these files for the pipeline, and returns what it says and the
// templates that cfn-lint was given.
func lintTemplates(t *testing.T, files map[string]string) (said, linted string, err error) {
	t.Helper()
	dir := t.TempDir()
	copyScript(t, dir, "cdk.sh")
	put(t, dir, ".make/python.sh", "")
	put(t, dir, ".make/pipeline.json", "{}")
	put(t, dir, ".local/bin/target", "#!/bin/sh\necho eu-west-1\n")
	put(t, dir, ".local/cfn-lint/bin/cfn-lint", "#!/bin/sh\nprintf '%s\\n' \"$@\" | grep template.json >>linted\n")
	put(t, dir, "programs/go", "#!/bin/sh\n")
	put(t, dir, "programs/node", "#!/bin/sh\nmkdir -p .local && cp -R made .local/lint\n")
	put(t, dir, "cdk.out/manifest.json", "{}")
	put(t, dir, "cdk.out/validation-report.json", "{}")
	put(t, dir, "cdk.out/dev.template.json", "{}")
	put(t, dir, "made/validation-report.json", "{}")
	put(t, dir, "made/pipeline.template.json", "{}")
	for name, text := range files {
		put(t, dir, "made/"+name, text)
	}
	cmd := exec.Command("sh", filepath.Join(dir, ".make", "cdk.sh"), "lint")
	cmd.Env = []string{"PATH=" + filepath.Join(dir, "programs") + ":" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	given, readErr := os.ReadFile(filepath.Join(dir, "linted"))
	if readErr != nil {
		t.Fatalf("%v\n%s", readErr, out)
	}
	return string(out), string(given), err
}

// The templates of a pipeline's stages lie in folders of their own: cfn-lint is to see them too, and none may be missing.
func TestLint_SeesTheTemplatesOfThePipelinesStages(t *testing.T) {
	const manifest = "{\n  \"artifacts\": {\n    \"directoryName\": \"assembly-prod\",\n    \"displayName\": \"prod\"\n  }\n}\n"
	said, linted, err := lintTemplates(t, map[string]string{
		"manifest.json": manifest, "assembly-prod/one.template.json": "{}", "assembly-prod/two.template.json": "{}",
	})
	if err != nil || !strings.Contains(said, "4 templates are clean") || !strings.Contains(linted, ".local/lint/assembly-prod/two.template.json\n") {
		t.Errorf("error %v; it said\n%s\nand looked at\n%s", err, said, linted)
	}
	said, _, err = lintTemplates(t, map[string]string{"manifest.json": manifest, "assembly-prod/manifest.json": "{}"})
	if err == nil || !strings.Contains(said, "there are no templates of the stage assembly-prod") {
		t.Errorf("a stage without templates: error %v; it said\n%s", err, said)
	}
	said, _, err = lintTemplates(t, map[string]string{"manifest.json": "{}"})
	if err == nil || !strings.Contains(said, "the pipeline has no stage") {
		t.Errorf("a pipeline without a stage: error %v; it said\n%s", err, said)
	}
}

// TestPatiently_EndsAsItsCommandDoes holds what the Makefile relies on: the status and the output are the command's, and nothing holds the
// output open after it.
func TestPatiently_EndsAsItsCommandDoes(t *testing.T) {
	cmd := exec.Command("sh", filepath.Join("..", "..", ".make", "patiently.sh"), "waiting", "sh", "-c", "echo said; exit 3")
	out, err := cmd.CombinedOutput() // which waits until nobody can write any more
	if string(out) != "said\n" || cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("it said %q and ended with %v", out, err)
	}
}

// TestAgain_RunsACommandThatFailsThreeTimesInAll lets a command fail so many times. The pauses are counted, and take no time.
func TestAgain_RunsACommandThatFailsThreeTimesInAll(t *testing.T) {
	for _, c := range []struct {
		failures, runs int
		pauses         string
	}{
		{0, 1, ""}, {1, 2, "5\n"}, {2, 3, "5\n20\n"}, {3, 3, "5\n20\n"},
	} {
		t.Run(strconv.Itoa(c.failures), func(t *testing.T) {
			dir := t.TempDir()
			copyScript(t, dir, "again.sh")
			put(t, dir, "programs/sleep", "#!/bin/sh\necho \"$1\" >>pauses\n")
			put(t, dir, "programs/download", "#!/bin/sh\necho \"$1\" >>runs\n[ \"$(grep -c 'a b' runs)\" -gt "+strconv.Itoa(c.failures)+" ]\n")
			cmd := exec.Command("sh", ".make/again.sh", "download", "a b")
			cmd.Dir, cmd.Env = dir, []string{"PATH=" + filepath.Join(dir, "programs") + ":" + os.Getenv("PATH")}
			out, err := cmd.CombinedOutput()
			pauses, _ := os.ReadFile(filepath.Join(dir, "pauses")) // none is none
			runs, _ := os.ReadFile(filepath.Join(dir, "runs"))
			if (err != nil) != (c.failures >= c.runs) || strings.Count(string(runs), "a b\n") != c.runs || string(pauses) != c.pauses {
				t.Errorf("%v after the runs %q with the pauses %q\n%s", err, runs, pauses, out)
			}
		})
	}
}
