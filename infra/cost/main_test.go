package main

import (
	"strings"
	"testing"
	"testing/fstest"
)

const manifest = `{"artifacts":{"SensorFlow-dev-eu-west-1":{"type":"aws:cloudformation:stack","environment":"aws://111122223333/eu-west-1",
	"properties":{"templateFile":"t.json"}},"SensorFlow-devtwo-eu-west-1":{"type":"aws:cloudformation:stack",
	"environment":"aws://111122223333/eu-west-1","properties":{"templateFile":"two.json"}}}}`

func estimate(env string) (string, error) {
	assembly := fstest.MapFS{
		"manifest.json": {Data: []byte(manifest)},
		"t.json":        {Data: []byte(`{"Resources":{"Nat":{"Type":"AWS::EC2::NatGateway"}}}`)},
		"two.json":      {Data: []byte(`{"Resources":{"Nat":{"Type":"AWS::EC2::NatGateway"},"Nat2":{"Type":"AWS::EC2::NatGateway"}}}`)},
	}
	var out strings.Builder
	err := run(&out, assembly, func(key string) string { return map[string]string{"ENV": env}[key] })
	return out.String(), err
}

func TestCost_TakesOneEnvironment(t *testing.T) {
	for env, want := range map[string]string{"dev": "32.85", "devtwo": "65.70"} {
		out, err := estimate(env)
		if err != nil || !strings.Contains(out, "SensorFlow-"+env+" a month") || !strings.Contains(out, want) {
			t.Errorf("%s: %v, %s", env, err, out)
		}
	}
}

func TestCost_NamesWhatIsMissing(t *testing.T) {
	for env, want := range map[string]string{
		"":     "say which environment: ENV=… names one of cdk.json's",
		"prod": "the templates have no environment prod; make cost ENV=prod synthesizes it",
	} {
		if out, err := estimate(env); err == nil || err.Error() != want || out != "" {
			t.Errorf("%q: got %v and %q, want %s", env, err, out, want)
		}
	}
}

// TestPrices_ArePlain reads the list as a person does.
func TestPrices_ArePlain(t *testing.T) {
	var out strings.Builder
	if err := printPrices(&out); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "$0.000000625 ") || strings.Contains(text, "e-0") || strings.Count(text, "https://") < 30 {
		t.Errorf("the list is\n%s", text)
	}
}
