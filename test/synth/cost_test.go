package synth_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/pricing"
	"github.com/sensorflow/sensorflow/infra/stacks"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

// havePrices fails for a type of resource of which nobody said what it costs, so that the table keeps up with the
// stacks.
func havePrices(t *testing.T, all []stack) {
	said := map[string]bool{}
	for _, s := range all {
		for _, r := range s.Template.All("") {
			if _, known := pricing.Free(r.Type); !known && !said[r.Type] {
				said[r.Type] = true
				t.Errorf("%s of %s is neither priced nor declared free, with the reason, in infra/pricing", r.Type, s.Name)
			}
		}
	}
}

// root is the module's folder.
var root = filepath.Join("..", "..")

// holdPiece compares the generated piece of a page, which lies at the path from the module's folder, with what it should be. -update writes
// it there.
func holdPiece(t *testing.T, name, piece, want string) {
	t.Helper()
	begins, ends := "<!-- generated: "+piece+" -->\n\n", "\n<!-- end -->"
	page, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := strings.Cut(string(page), begins)
	_, after, ended := strings.Cut(rest, ends)
	if !begun || !ended {
		t.Fatalf("%s has no piece %q", name, piece)
	}
	cdktest.Golden(t, filepath.Join("..", root, name), before+begins+want+ends+after)
}

// TestCost_IsWhatThePagesSay works the cost of cdk.json's environment out and compares it with the pages.
func TestCost_IsWhatThePagesSay(t *testing.T) {
	context, err := config.ReadContext(func(string) string { return "" }, func(name string) ([]byte, error) {
		return os.ReadFile(filepath.Join(root, name))
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(context.All, config.Defaults{Account: "111122223333"})
	if err != nil {
		t.Fatal(err)
	}
	app := cdktest.NewApp(t)
	stacks.NewApp(app, c)
	read, err := pricing.ReadStacks(os.DirFS(cdktest.Synth(t, app).Dir), func(name string) bool {
		return strings.HasPrefix(name, "SensorFlow-dev-")
	})
	if err != nil || len(read) < 3 {
		t.Fatalf("%d stacks, error %v", len(read), err)
	}
	usage, err := pricing.UsageOf(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	deployment := pricing.Of(read)
	if len(deployment.Unpriced) > 0 {
		t.Errorf("no price is known of %v", deployment.Unpriced)
	}
	estimate := pricing.NewEstimate(deployment, usage)
	if rest := estimate.Total() - estimate.PerMillion()*usage.ReadingsPerSecond*730*3600/1e6; rest > pricing.SampleUSD/10 {
		t.Errorf("at rest it costs %.0f, which is not below a tenth of the %d of AWS's sample, as README.md says", rest, pricing.SampleUSD)
	}
	holdPiece(t, "README.md", "cost", pricing.Table(estimate))
	holdPiece(t, filepath.Join("infra", "DEPLOY.md"), "savings", pricing.SavingsTable(pricing.Savings(deployment, usage)))
}

// TestCost_SavesWhatTheSettingSaves synthesizes an environment for each setting and compares what it costs with what
// the savings of the plain one say.
func TestCost_SavesWhatTheSettingSaves(t *testing.T) {
	settings := map[string]string{
		"base": "", "tasksMin": `"tasksMin":2`, "taskCpu": `"taskCpu":256`, "spotPercent": `"spotPercent":100`,
		"natGateways": `"natGateways":2`, "zones": `"zones":2`, "logRetentionDays": `"logRetentionDays":7`,
		"domain": `"domain":{"name":"api.example.com","hostedZoneId":"Z0123456789ABCDEFGHIJ","hostedZoneName":"example.com"}`,
	}
	var environments []string
	for setting, with := range settings {
		environments = append(environments, fmt.Sprintf(`"%s":{"account":"111122223333","regions":["eu-west-1"]%s}`,
			strings.ToLower(setting), strings.TrimSuffix(","+with, ",")))
	}
	app := cdktest.NewApp(t)
	stacks.NewApp(app, load(t, strings.Join(environments, ","), ""))
	assembly := os.DirFS(cdktest.Synth(t, app).Dir)
	usage, err := pricing.UsageOf(func(key string) string { return map[string]string{"READINGS_PER_SECOND": "4000"}[key] })
	if err != nil {
		t.Fatal(err)
	}
	deployed := func(setting string) *pricing.Deployment {
		read, err := pricing.ReadStacks(assembly, func(name string) bool {
			return strings.HasPrefix(name, "SensorFlow-"+strings.ToLower(setting)+"-")
		})
		if err != nil || len(read) < 3 {
			t.Fatalf("%s: %d stacks, error %v", setting, len(read), err)
		}
		return pricing.Of(read)
	}
	base := deployed("base")
	now, said := pricing.NewEstimate(base, usage).Total(), map[string]float64{}
	for _, s := range pricing.Savings(base, usage) {
		said[s.Setting] = s.USD
	}
	for setting := range settings {
		if setting == "base" {
			continue
		}
		saves := now - pricing.NewEstimate(deployed(setting), usage).Total()
		if got, there := said[setting]; !there || math.Abs(got-saves) > 0.05 { // Spot has a base task outside of it
			t.Errorf("%s saves %.2f; it is said to save %.2f; with it\n%+v\nand without\n%+v", setting, saves, got,
				pricing.NewEstimate(deployed(setting), usage), pricing.NewEstimate(base, usage))
		}
	}
	if said["spotPercent"] <= 0 {
		t.Error("no task runs beyond the fewest, or the scaling's target was not found")
	}
}
