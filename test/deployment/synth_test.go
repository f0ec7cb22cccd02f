package deployment_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/local/checkout"
)

// gateway is the machine client of the deployment, besides that of the smoke test.
const gateway = "gateway"

// environment is what is deployed: two regions, with what most deployments set, and more that a test wants. Other environments may stand
// beside it.
func environment(more string, beside ...string) string {
	return `{"environments":{"dev":{"account":"` + account + `","regions":["eu-west-1","eu-central-1"],"retentionDays":90,
		"machineClients":["` + gateway + `"],"allowedOrigins":["https://app.example.com"]` + more + `}` + strings.Join(beside, "") + `}}`
}

// trial is an environment that is thrown away, which alone has roles that the others lack. other is one that has everything else that an
// environment may have, and is not created.
const (
	trial = `,"trial":{"account":"` + account + `","regions":["eu-west-1"],"disposable":true}`
	other = `,"other":{"account":"` + account + `","regions":["eu-west-1","eu-central-1"],"leaving":["eu-central-1"],"adopted":["eu-north-1"],
		"alarmEmails":["ops@example.com"],"deployment":"linear","spotPercent":50,
		"domain":{"name":"api.example.com","hostedZoneId":"Z0123456789ABCDEFGHIJ","hostedZoneName":"example.com"}}`
)

var regions = []string{"eu-west-1", "eu-central-1"}

// synthesize runs the CDK app for a configuration, as the CDK's command line does, and returns the stacks in the order of their
// deployment. The folder dir gets the assembly.
//
// The app is a program of its own, so that this package does not import the CDK and none of its tests waits for Node.js to start.
func synthesize(ctx context.Context, root, dir, configuration string) ([]stackTemplate, error) {
	bin, err := checkout.Build(ctx, root, ".", "./infra")
	if err != nil {
		return nil, err
	}
	if err := lookAtSources(root); err != nil {
		return nil, err
	}
	var file struct{ Context map[string]json.RawMessage }
	if err := readJSON(filepath.Join(root, "cdk.json"), &file); err != nil {
		return nil, err
	}
	file.Context["sensorflow"] = json.RawMessage(configuration)
	values, err := json.Marshal(file.Context)
	if err != nil {
		return nil, fmt.Errorf("encode the context: %w", err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "infra"))
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CDK_OUTDIR="+dir, "CDK_CONTEXT_JSON="+string(values))
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("synthesize: %w\n%s", err, output.String())
	}
	return readAssembly(dir)
}

// lookAtSources lists what templates are made from. The Go command remembers what a test listed, and runs the test again once a file
// there has changed; of what its child processes read it knows nothing.
func lookAtSources(root string) error {
	for _, dir := range []string{"constructs", "infra"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(_ string, _ fs.DirEntry, err error) error { return err })
		if err != nil {
			return fmt.Errorf("list the sources: %w", err)
		}
	}
	return nil
}
