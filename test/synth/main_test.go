package synth_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/stacks"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

func TestMain(m *testing.M) { cdktest.Main(m) }

// Three environments with one region, two and three; the second sets everything that can be set.
const (
	one = `"one":{"account":"111122223333","regions":["eu-west-1"]}`
	two = `"two":{"account":"111122223333","regions":["eu-west-1","eu-central-1"],"zones":2,"natGateways":2,"retentionDays":90,
		"domain":{"name":"api.example.com","hostedZoneId":"Z0123456789ABCDEFGHIJ","hostedZoneName":"example.com"},
		"alarmEmails":["ada@example.com"],"allowedOrigins":["https://app.example.com"],"tasksMin":4,"tasksMax":8,"taskCpu":1024,
		"taskMemoryMiB":2048,"spotPercent":50,"deployment":"canary","machineClients":["gateway",{"name":"report","scopes":["sensor-flow/read","sensor-flow/admin"]}],"indexShards":16,"fleetBuckets":16,
		"csvConcurrency":8,"requestLimit":1000,"logRetentionDays":365,"leaving":["eu-central-1"],"adopted":["us-west-2"],"disposable":true}`
	three         = `"three":{"account":"111122223333","regions":["eu-west-1","eu-central-1","us-east-1"]}`
	threeBefore   = `"three":{"account":"111122223333","regions":["eu-west-1","eu-central-1"]}`
	pipelineOfOne = `"pipeline":{"connectionArn":"arn:aws:codeconnections:eu-west-1:111122223333:connection/0a-1b","repository":"acme/sensorflow","environments":["one"]}`
)

func load(t *testing.T, environments, more string) config.Config {
	t.Helper()
	c, err := config.Load([]byte(`{"sensorflow":{"environments":{`+environments+`}`+more+`}}`), config.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// stack is a stack of an assembly, or of an assembly inside it.
type stack struct {
	ID, Name, Region string
	Stage            string // empty below the App
	Needs            []string
	Template         cdktest.Template
	Bytes            int
	Missing          json.RawMessage // what a lookup would have to find
}

func (s stack) isPipeline() bool { return strings.HasPrefix(s.Name, stacks.PipelineName) }

// read lists the stacks below the folder of an assembly.
func read(t *testing.T, dir string) []stack {
	t.Helper()
	var all []stack
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Base(path) != "manifest.json" {
			return err
		}
		var manifest struct {
			Missing   json.RawMessage
			Artifacts map[string]struct {
				Type, Environment string
				Dependencies      []string
				Properties        struct{ StackName, TemplateFile string }
			}
		}
		decode(t, path, &manifest)
		for id, artifact := range manifest.Artifacts {
			if artifact.Type != "aws:cloudformation:stack" {
				continue
			}
			s := stack{
				ID: id, Name: artifact.Properties.StackName, Needs: artifact.Dependencies, Missing: manifest.Missing,
			}
			if s.Name == "" {
				s.Name = id
			}
			if nested := filepath.Base(filepath.Dir(path)); strings.HasPrefix(nested, "assembly-") {
				s.Stage = strings.TrimPrefix(nested, "assembly-")
			}
			s.Region = artifact.Environment[strings.LastIndex(artifact.Environment, "/")+1:]
			s.Needs = slices.DeleteFunc(s.Needs, func(d string) bool { return strings.HasSuffix(d, ".assets") })
			s.Bytes = decode(t, filepath.Join(filepath.Dir(path), artifact.Properties.TemplateFile), &s.Template)
			all = append(all, s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b stack) int { return strings.Compare(a.Stage+"/"+a.Name, b.Stage+"/"+b.Name) })
	return all
}

// decode reads a JSON file and returns its size.
func decode(t *testing.T, path string, into any) int {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return len(body)
}

// TestStacks synthesizes everything once and lets each check look at it.
func TestStacks(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	c := load(t, one+","+two+","+three, ","+pipelineOfOne)
	stacks.NewApp(app, c)
	stage := awscdk.NewStage(app, jsii.String("Prod"), nil)
	cdktest.AddPacks(stage)
	stacks.NewEnvironment(stage, c.Environments["two"], true)
	out := cdktest.Synth(t, app)
	all := read(t, out.Dir)

	t.Run("pass the packs", func(t *testing.T) { passThePacks(t, out) })
	t.Run("say nothing", func(t *testing.T) { sayNothing(t, out) })
	t.Run("explain what is found", func(t *testing.T) { explainWhatIsFound(t, out, all) })
	t.Run("name every action", func(t *testing.T) { nameEveryAction(t, out, all) })
	t.Run("delete no item", func(t *testing.T) { deleteNoItem(t, all) })
	t.Run("have no circles", func(t *testing.T) { out.NoCircles(t) })
	t.Run("hold no secret", func(t *testing.T) { holdNoSecret(t, all) })
	t.Run("know exact streams", func(t *testing.T) { knowExactStreams(t, all) })
	t.Run("give programs what they read", func(t *testing.T) { giveProgramsWhatTheyRead(t, all) })
	t.Run("keep stateful resources", func(t *testing.T) { keepStatefulResources(t, all) })
	t.Run("grant deleting by name", func(t *testing.T) { grantDeletingByName(t, all) })
	t.Run("refer to their own region only", func(t *testing.T) { referToTheirOwnRegion(t, all) })
	t.Run("can be taken back when they fail", func(t *testing.T) { canBeTakenBack(t, all) })
	t.Run("leave nothing when disposable", func(t *testing.T) { leaveNothing(t, all) })
	t.Run("say what stays", func(t *testing.T) { sayWhatStays(t, out, all) })
	t.Run("say that buckets refuse", func(t *testing.T) { sayThatBucketsRefuse(t, out, all) })
	t.Run("are deployed in order", func(t *testing.T) { areDeployedInOrder(t, all) })
	t.Run("look nothing up", func(t *testing.T) { lookNothingUp(t, all) })
	t.Run("fit into CloudFormation", func(t *testing.T) { fitIntoCloudFormation(t, all) })
	t.Run("are the same below a stage", func(t *testing.T) { areTheSameBelowAStage(t, all) })
	t.Run("tell where they are", func(t *testing.T) { tellWhereTheyAre(t, all) })
	t.Run("have a price", func(t *testing.T) { havePrices(t, all) })
	t.Run("have the names that are told", func(t *testing.T) { haveTheNamesThatAreTold(t, all, c) })
	t.Run("stay when a region comes", func(t *testing.T) { stayWhenARegionComes(t, all) })
}
