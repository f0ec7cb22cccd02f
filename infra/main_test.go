package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/test/cdktest"
)

func TestMain(m *testing.M) { cdktest.Main(m) }

const (
	dev  = `"dev":{"account":"111122223333","regions":["eu-west-1"]}`
	prod = `"prod":{"account":"444455556666","regions":["us-east-1"]}`
)

func environments(list ...string) string {
	return `{"sensorflow":{"environments":{` + strings.Join(list, ",") + `}}}`
}

// try runs the program with these variables and files, and returns what it wrote and how it ended.
func try(t *testing.T, variables, files map[string]string) (string, error) {
	t.Helper()
	var stderr strings.Builder
	getenv := func(key string) string { return variables[key] }
	readFile := func(name string) ([]byte, error) {
		text, ok := files[name]
		if !ok {
			return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
		}
		return []byte(text), nil
	}
	err := run(getenv, readFile, &stderr)
	return stderr.String(), err
}

// noNode makes everything fail that would start the CDK. What is wrong must be said before.
func noNode(context string) map[string]string {
	return map[string]string{"CDK_CONTEXT_JSON": context, "JSII_NODE": "/nowhere/node"}
}

func TestRun_SaysWhatIsWrongBeforeTheCDKIsStarted(t *testing.T) {
	with := func(variables map[string]string, key, value string) map[string]string {
		variables[key] = value
		return variables
	}
	for name, c := range map[string]struct {
		variables, files map[string]string
		want             string
	}{
		"no cdk.json": {
			map[string]string{}, nil, "read the configuration: open cdk.json: file does not exist",
		},
		"cdk.json is no object": {
			map[string]string{}, map[string]string{"cdk.json": "[]"}, "read cdk.json: json: cannot unmarshal array",
		},
		"no context": {
			map[string]string{}, map[string]string{"cdk.json": "{}"},
			"the configuration in cdk.json is wrong:\ncontext.sensorflow must be set in cdk.json",
		},
		"no account": {noNode(environments(`"dev":{"regions":["eu-west-1"]}`)), nil,
			"the configuration in cdk.json is wrong:\nenvironments.dev.account must be set to an account number of " +
				"12 digits; no credentials are in use that tell one"},
		"an unknown environment": {noNode(strings.Replace(environments(dev, prod), "{", `{"env":"test",`, 1)), nil,
			"the context key env must be one of the environments dev, prod, got test"},
		"an environment that is no name": {
			noNode(strings.Replace(environments(dev), "{", `{"env":7,`, 1)), nil,
			"the context key env must name an environment, got 7",
		},
		"a file that is gone": {
			with(noNode(environments(dev)), "CONTEXT_OVERFLOW_LOCATION_ENV", "more.json"), nil,
			"read the configuration: open more.json: file does not exist",
		},
		"no Node.js": {
			noNode(environments(dev)), nil,
			"the CDK needs Node.js 20 or newer, and /nowhere/node cannot be run: install it from https://nodejs.org",
		},
	} {
		if _, err := try(t, c.variables, c.files); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", name, err, c.want)
		}
	}
}

func TestRun_RefusesAnOldNode(t *testing.T) {
	node := filepath.Join(t.TempDir(), "node")
	if err := os.WriteFile(node, []byte("#!/bin/sh\necho v18.20.1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := try(t, map[string]string{"CDK_CONTEXT_JSON": environments(dev), "JSII_NODE": node}, nil)
	want := "the CDK needs Node.js 20 or newer, and " + node +
		" is v18.20.1: install a newer one from https://nodejs.org"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// TestRun_SynthesizesTheOneThatIsWanted reads the configuration where the CDK's command line puts what has no room in
// the variable.
func TestRun_SynthesizesTheOneThatIsWanted(t *testing.T) {
	out := t.TempDir()
	stderr, err := try(t,
		map[string]string{
			"CDK_CONTEXT_JSON": `{"env":"prod"}`, "CONTEXT_OVERFLOW_LOCATION_ENV": "more.json", "CDK_OUTDIR": out,
		},
		map[string]string{"more.json": environments(dev, prod)})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(stderr, "synthesized 3 stacks in ") {
		t.Errorf("said %q", stderr)
	}
	for _, stack := range []string{
		"SensorFlow-prod-keys-us-east-1", "SensorFlow-prod-state", "SensorFlow-prod-us-east-1",
	} {
		if _, err := os.Stat(filepath.Join(out, stack+".template.json")); err != nil {
			t.Error(err)
		}
	}
}

// TestRun_SynthesizesThePipelineAlone takes the configuration as a command line gives it, as a text, and also holds that
// there must be a pipeline.
func TestRun_SynthesizesThePipelineAlone(t *testing.T) {
	const pipe = `,"pipeline":{"connectionArn":"arn:aws:codeconnections:us-east-1:111122223333:connection/0a-1b",` +
		`"repository":"acme/sensorflow"}`
	out := t.TempDir()
	of := func(pipeline string) map[string]string {
		text, err := json.Marshal(`{"environments":{` + dev + `}` + pipeline + `}`)
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{
			"CDK_CONTEXT_JSON": `{"env":"pipeline","sensorflow":` + string(text) + `}`, "CDK_OUTDIR": out,
		}
	}
	if _, err := try(t, of(""), nil); err == nil || !strings.Contains(err.Error(), "got pipeline") {
		t.Errorf("without a pipeline: error %v", err)
	}
	if _, err := try(t, of(pipe), nil); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(out, "*.template.json"))
	if err != nil || len(found) != 1 || filepath.Base(found[0]) != "SensorFlow-pipeline.template.json" {
		t.Errorf("the templates are %q, error %v", found, err)
	}
}

// TestRun_ChecksTheTemplatesWhereThatIsAskedFor looks for the report, which the CDK writes only where it has checked.
// An older report, which would make the CDK's command line fail, is removed in any case.
func TestRun_ChecksTheTemplatesWhereThatIsAskedFor(t *testing.T) {
	for _, c := range []struct {
		variable string
		reported bool
	}{{"", false}, {"false", false}, {"true", true}} {
		out := t.TempDir()
		report := filepath.Join(out, validationReport)
		if err := os.WriteFile(report, []byte("of an earlier synthesis"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := try(t, map[string]string{
			"CDK_CONTEXT_JSON": environments(dev), "CDK_OUTDIR": out, validationVariable: c.variable,
		}, nil); err != nil {
			t.Fatal(err)
		}
		body, err := os.ReadFile(report)
		if reported := err == nil && strings.Contains(string(body), `"pluginReports"`); reported != c.reported {
			t.Errorf("with %s=%q the report is %q (%v)", validationVariable, c.variable, body, err)
		}
		if !c.reported && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("with %s=%q an old report stays: %v", validationVariable, c.variable, err)
		}
	}
}

// TestRun_TurnsAPanicIntoASentence lets the CDK fail in a way that no check foresees.
func TestRun_TurnsAPanicIntoASentence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := try(t, map[string]string{"CDK_CONTEXT_JSON": environments(dev), "CDK_OUTDIR": filepath.Join(file, "out")},
		nil)
	if err == nil || !strings.HasPrefix(err.Error(), "the stacks cannot be synthesized: ") ||
		strings.Contains(err.Error(), "    at ") {
		t.Errorf("error %v", err)
	}
}
