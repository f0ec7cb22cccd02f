package stacks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// BuildImage is the image of all builds, with the day of its release: the tag 3.0 alone moves to each new release.
// CodeBuild offers no digest to name one of its own images by. It takes an older release for as long as it keeps it,
// and starts it later, since it keeps only the newest one at hand. What is in the image and matters (Go, Node.js, the
// CDK) has a version of its own here. The command `aws codebuild list-curated-environment-images` lists the releases.
const BuildImage = "aws/codebuild/amazonlinux-aarch64-standard:3.0-25.03.03"

// bringPrograms is the command by which the first step puts the programs that the later ones run into the assembly:
// the CDK's command line, the publisher of assets, and what publishes images without Docker. They are built or compared
// with their hashes once, and no later step installs anything.
const bringPrograms = "make pipeline-programs"

// usePrograms makes these programs the ones that the commands after it run. An artifact keeps no modes that could be
// relied on.
const usePrograms = `programs="$CODEBUILD_SRC_DIR/programs" && chmod +x "$programs"/*/bin/* && ` +
	`export PATH="$programs/cdk/bin:$programs/cdk-assets/bin:$PATH" CDK_DOCKER="$programs/publisher/bin/publisher"`

// lowerVersion is for the publisher of assets. Its newest version, 4.7.3, reads asset manifests up to version 54 of their
// schema, while the CDK's library writes 55, in which the schema of these files is the same as in 54. A later version is
// not changed, so that the publisher refuses it.
const lowerVersion = `sed -i 's/^\( *"version": \)"55\.[0-9.]*"/\1"54.0.0"/' ./*.assets.json ./assembly-*/*.assets.json`

// replaceInstallation lets the builds that the CDK's library makes run the programs of the assembly, in place of what
// they would install from npm's registry without looking at a hash. With them no build needs Docker, so that none is
// privileged. The library has no option for either.
func replaceInstallation(stack awscdk.Stack, pipeline pipelines.CodePipeline) {
	for _, c := range *pipeline.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		project, ok := c.(awscodebuild.CfnProject)
		path := *c.Node().Path()
		before := []string{usePrograms}
		switch {
		case !ok:
			continue
		case strings.Contains(path, "/Assets/"):
			before = append(before, lowerVersion)
		case !strings.Contains(path, "/UpdatePipeline/"):
			continue
		}
		project.AddPropertyOverride(jsii.String("Environment.PrivilegedMode"), false)
		source, _ := stack.Resolve(project.Source()).(map[string]any)
		text, _ := source["buildSpec"].(string)
		project.AddPropertyOverride(jsii.String("Source.BuildSpec"), withCommands(path, text, before))
	}
}

// withCommands puts commands in the place of the one that installs.
func withCommands(path, spec string, before []string) string {
	type phase struct {
		Commands []string `json:"commands"`
	}
	var of struct {
		Version string           `json:"version"`
		Phases  map[string]phase `json:"phases"`
	}
	if err := json.Unmarshal([]byte(spec), &of); err != nil {
		panic(fmt.Errorf("%s: read the commands of the build: %w", path, err))
	}
	installs := of.Phases["install"].Commands
	if len(installs) != 1 || !strings.HasPrefix(installs[0], "npm install ") {
		panic(fmt.Errorf("%s: the CDK's library installs by other commands than were known: %q", path, installs))
	}
	build := of.Phases["build"]
	build.Commands = slices.Concat(before, build.Commands)
	delete(of.Phases, "install")
	of.Phases["build"] = build
	changed, err := json.MarshalIndent(of, "", "  ")
	if err != nil {
		panic(fmt.Errorf("%s: write the commands of the build: %w", path, err))
	}
	return string(changed)
}
