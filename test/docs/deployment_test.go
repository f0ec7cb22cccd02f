package docs_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sensorflow/sensorflow/constructs/sensorflow"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

// The pages describe two deployments: one of three regions, which reach the API by CloudFront, and one of a single region with a domain.
const (
	deployment = "SensorFlow-prod"
	withDomain = "SensorFlow-domain"
)

func regions() []string { return []string{"eu-west-1", "eu-central-1", "eu-north-1"} }

// synthesized are both, made once for all tests of the package.
var synthesized struct {
	sync.Once
	done      bool
	found     []cdktest.Finding
	resources []resource
	manifest  manifest
}

// manifest is what manifest.json says of the order of stacks.
type manifest struct {
	Artifacts map[string]struct{ Dependencies []string }
}

// resource is a resource of a template, by its type and by the constructs above it, from the stack on.
type resource struct {
	kind string
	path []string
}

func (r resource) stack() string { return r.path[0] }

// synthesize makes the assembly, where that was not done before. Whatever it returns is meant to be read only.
func synthesize(t *testing.T) (resources []resource, found []cdktest.Finding) {
	t.Helper()
	synthesized.Do(func() {
		app := cdktest.NewApp(t, cdktest.Nag, cdktest.Context(map[string]any{"aws:cdk:enable-path-metadata": true}))
		sensorflow.NewMultiRegion(app, deployment, &sensorflow.MultiRegionProps{Account: cdktest.Account, Regions: regions()})
		sensorflow.NewMultiRegion(app, withDomain, &sensorflow.MultiRegionProps{
			Account: cdktest.Account, Regions: regions()[:1],
			Domain: &sensorflow.ZoneDomain{Name: "api.example.com", HostedZoneId: "Z0123456789ABCDEFGHIJ", HostedZoneName: "example.com"},
		})
		out := cdktest.Synth(t, app)
		synthesized.found = out.Findings(t)
		for _, stack := range out.Stacks() {
			for _, r := range out.Template(t, stack).All("") {
				path, ok := cdktest.At(r.Body, "Metadata", "aws:cdk:path").(string)
				if !ok {
					t.Fatalf("%s: %s does not say where it is made", stack, r.ID)
				}
				synthesized.resources = append(synthesized.resources, resource{r.Type, strings.Split(path, "/")})
			}
		}
		readJSON(t, filepath.Join(out.Dir, "manifest.json"), &synthesized.manifest)
		synthesized.done = true
	})
	if !synthesized.done {
		t.Fatal("it was not synthesized, as another test says")
	}
	return synthesized.resources, synthesized.found
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// stacksOf lists the stacks of a deployment in the order in which they are deployed.
func stacksOf(name string, regions []string) []string {
	var all []string
	for _, region := range regions {
		all = append(all, name+"-keys-"+region)
	}
	all = append(all, name+"-state")
	for _, region := range regions {
		all = append(all, name+"-"+region)
	}
	return all
}

// before lists the stacks that a stack waits for.
func (m manifest) before(stack string) []string {
	return slices.DeleteFunc(slices.Clone(m.Artifacts[stack].Dependencies), func(name string) bool {
		return strings.HasSuffix(name, ".assets")
	})
}

// anyRegion writes the names that hold in one region or deployment as those that hold in all.
func anyRegion(text string) string {
	text = strings.NewReplacer(deployment, "<name>", withDomain, "<name>").Replace(text)
	for _, region := range regions() {
		text = strings.ReplaceAll(text, region, "<region>")
	}
	return text
}
