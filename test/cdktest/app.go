package cdktest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// Account is the account of every stack that NewStack makes.
const Account = "111111111111"

// flags is what `cdk init` of aws-cdk-lib 2.220.0 and 2.276.0 writes into cdk.json (recommended-feature-flags.json of
// that package), except two. References between stacks stay strong, as they are deployed. Warnings stay out of the
// validation report, so that there is a report only where the CDK has checked the templates.
//
//go:embed flags.json
var flags []byte

// Main runs the tests of a package and ends the Node.js process that they share. Call it from TestMain.
func Main(m *testing.M) {
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// Option changes what NewApp makes.
type Option func(*options)

type options struct {
	nag     bool
	context map[string]any
}

// Nag lets cdk-nag look at the app when it is synthesized; see Assembly.NoFindings.
func Nag(o *options) { o.nag = true }

// Context sets context values of the app, over the feature flags.
func Context(values map[string]any) Option {
	return func(o *options) { maps.Copy(o.context, values) }
}

// NewApp returns an app that writes to a folder of the test, with the feature flags of cdk.json.
func NewApp(t testing.TB, with ...Option) awscdk.App {
	t.Helper()
	o := options{context: map[string]any{}}
	if err := json.Unmarshal(flags, &o.context); err != nil {
		t.Fatal(err)
	}
	for _, option := range with {
		option(&o)
	}
	app := awscdk.NewApp(&awscdk.AppProps{
		Outdir: jsii.String(filepath.Join(t.TempDir(), "cdk.out")), Context: &o.context,
		AnalyticsReporting: jsii.Bool(false), StackTraces: jsii.Bool(false),
		BuiltinCloudFormationValidation: jsii.Bool(false), // it takes seconds, and `make lint-templates` does it
	})
	if o.nag {
		AddPacks(app)
	}
	return app
}

// AddPacks adds every pack that the deployed stacks must pass; their reports go to the app's folder. Nag does so for an
// app. A Stage needs packs of its own, since aspects do not reach into stages.
func AddPacks(scope constructs.Construct) {
	formats := []cdknag.NagReportFormat{cdknag.NagReportFormat_JSON}
	props := &cdknag.NagPackProps{Reports: jsii.Bool(true), ReportFormats: &formats}
	awscdk.Aspects_Of(scope).Add(cdknag.NewAwsSolutionsChecks(props), nil)
	awscdk.Aspects_Of(scope).Add(cdknag.NewNIST80053R5Checks(props), nil)
	awscdk.Aspects_Of(scope).Add(cdknag.NewPCIDSS321Checks(props), nil)
	awscdk.Aspects_Of(scope).Add(cdknag.NewHIPAASecurityChecks(props), nil)
}

// NewStack returns a stack of a region below an app or a stage. Its three zones are known, so that a Vpc looks nothing
// up.
func NewStack(scope constructs.Construct, id, region string) awscdk.Stack {
	stack := awscdk.NewStack(scope, &id, &awscdk.StackProps{
		Env: &awscdk.Environment{Account: jsii.String(Account), Region: &region},
	})
	stack.Node().SetContext(
		jsii.String("availability-zones:account="+Account+":region="+region),
		[]string{region + "a", region + "b", region + "c"})
	return stack
}

// LambdaCode is a prebuilt function that does nothing, for tests that need no real one: building takes seconds.
func LambdaCode(t testing.TB) awslambda.Code {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bootstrap"), []byte("nothing"), 0o755); err != nil {
		t.Fatal(err)
	}
	return awslambda.Code_FromAsset(&dir, nil)
}

// Panic returns the sentence of the panic that f ends in; it fails the test where f returns.
func Panic(t testing.TB, f func()) (sentence string) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			sentence = fmt.Sprint(r)
			return
		}
		t.Error("nothing was refused")
	}()
	f()
	return ""
}
