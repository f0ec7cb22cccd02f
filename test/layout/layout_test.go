package layout_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sensorflow/sensorflow"

type goPackage struct {
	ImportPath string
	Dir        string
	Name       string
	Doc        string
	GoFiles    []string
	Imports    []string
	Deps       []string
}

// packages lists the module's own packages, without their tests, with everything that they depend on.
func packages(t *testing.T) []goPackage {
	t.Helper()
	return packagesOf(t, ".")
}

// packagesOf lists those of the module in a folder.
func packagesOf(t *testing.T, folder string) []goPackage {
	t.Helper()
	lookAtSources(t)
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Name,Doc,GoFiles,Imports,Deps", "./...")
	cmd.Dir = filepath.Join(root(t), folder)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list the packages: %v", err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// lookAtSources lists every folder of the module. The Go command remembers what a test listed, and runs the test again once a
// file there has changed; of what `go list` reads it knows nothing.
func lookAtSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(root(t), func(path string, d fs.DirEntry, err error) error {
		if d.IsDir() && path != root(t) && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// wall forbids the packages below from to depend, directly or not, on those below any of never.
type wall struct {
	why   string
	from  string
	never []string
	// but lists what may be depended on although it is below never.
	but []string
}

func walls() []wall {
	cdk := []string{"github.com/aws/aws-cdk-go", "github.com/aws/constructs-go", "github.com/aws/jsii-runtime-go", "github.com/cdklabs"}
	own := func(paths ...string) []string {
		for i, p := range paths {
			paths[i] = module + "/" + p
		}
		return paths
	}
	contract := own("runtime/contract")
	return []wall{
		{"the runtime never imports the CDK and does not know how it is deployed", module + "/runtime", append(own("constructs", "infra", "test"), cdk...), nil},
		{"constructs describe and never call AWS", module + "/constructs", append(own("infra", "test", "runtime"), "github.com/aws/aws-sdk-go-v2", "github.com/aws/aws-lambda-go"), contract},
		{"stacks describe and never call AWS", module + "/infra", append(own("test", "runtime"), "github.com/aws/aws-sdk-go-v2", "github.com/aws/aws-lambda-go"), contract},
		{"the configuration of the environments is checked without the CDK", module + "/infra/config", cdk, nil},
		{"what describes knows nothing of the tools that operate", module + "/infra", own("infra/operate"), nil},
		{"the Makefile asks about the configuration without the CDK", module + "/infra/target", cdk, nil},
		{"templates are read without the CDK", module + "/infra/assembly", cdk, nil},
		{"templates are priced without the CDK", module + "/infra/pricing", cdk, nil},
		{"the Makefile asks for the cost without the CDK", module + "/infra/cost", cdk, nil},
		{"the contract imports nothing but the standard library", module + "/runtime/contract", []string{module, "github.com", "golang.org"}, contract},
		{"the domain knows no technology", module + "/runtime/reading", append(own("runtime"), "github.com/aws", "net/http", "log/slog"), append(own("runtime/reading", "runtime/fault"), contract...)},
		{"kinds of faults stand on nothing", module + "/runtime/fault", append(own("runtime"), "github.com/aws", "net/http", "log/slog"), own("runtime/fault")},
		{"admission stands on nothing", module + "/runtime/admission", append(own("runtime"), "github.com/aws", "net/http", "log/slog"), own("runtime/admission")},
		{"the memory plan stands on nothing", module + "/runtime/memory", append(own("runtime"), "github.com/aws", "net/http", "log/slog"), own("runtime/memory")},
		{"the pacing of calls stands on the kinds of faults alone", module + "/runtime/pacing", append(own("runtime"), "github.com/aws", "net/http", "log/slog"), own("runtime/pacing", "runtime/fault")},
		{"the client of the API stands on the domain alone", module + "/runtime/client", append(own("runtime"), "github.com/aws", "log/slog"), append(own("runtime/client", "runtime/reading", "runtime/fault", "runtime/pacing"), contract...)},
		{"use cases know neither AWS nor HTTP", module + "/runtime/aggregate", []string{"github.com/aws", "net/http"}, nil},
		{"use cases know neither AWS nor HTTP", module + "/runtime/repair", []string{"github.com/aws", "net/http"}, nil},
		{"use cases know neither AWS nor HTTP", module + "/runtime/ingest", []string{"github.com/aws", "net/http"}, nil},
		{"use cases know neither AWS nor HTTP", module + "/runtime/deletion", []string{"github.com/aws", "net/http"}, nil},
		{"use cases know neither AWS nor HTTP", module + "/runtime/csvfile", []string{"github.com/aws", "net/http"}, nil},
		{"the HTTP layer knows no AWS", module + "/runtime/httpapi", append(own("runtime/dynamo", "runtime/s3store", "runtime/cognito"), "github.com/aws"), nil},
	}
}

func TestLayout_HoldsTheWalls(t *testing.T) {
	all := packages(t)
	if len(all) < 10 {
		t.Fatalf("only %d packages were listed", len(all))
	}
	for _, w := range walls() {
		for _, p := range all {
			if !below(p.ImportPath, w.from) {
				continue
			}
			for _, dependency := range p.Deps {
				if slices.ContainsFunc(w.never, func(n string) bool { return below(dependency, n) }) &&
					!slices.ContainsFunc(w.but, func(b string) bool { return below(dependency, b) }) {
					t.Errorf("%s: %s depends on %s", w.why, p.ImportPath, dependency)
				}
			}
		}
	}
}

// TestLayout_KeepsToolsThatCallAWSApart holds the other side of the walls around infra: what publishes, asks and rolls back is a module
// of its own, which starts in no time, since it never loads the CDK, and which shares the configuration, the contract and what reads templates alone.
func TestLayout_KeepsToolsThatCallAWSApart(t *testing.T) {
	const tools = module + "/infra/operate"
	shared := []string{tools, module + "/infra/config", module + "/infra/assembly", module + "/infra/stays", module + "/runtime/contract"}
	all := packagesOf(t, "infra/operate")
	if len(all) < 3 {
		t.Fatalf("only %d packages were listed", len(all))
	}
	never := []string{module, "github.com/aws/aws-cdk-go", "github.com/aws/constructs-go", "github.com/aws/jsii-runtime-go", "github.com/cdklabs"}
	for _, p := range all {
		for _, dependency := range p.Deps {
			if slices.ContainsFunc(never, func(n string) bool { return below(dependency, n) }) &&
				!slices.ContainsFunc(shared, func(s string) bool { return below(dependency, s) }) {
				t.Errorf("%s depends on %s", p.ImportPath, dependency)
			}
		}
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// TestLayout_KeepsTheLocalSystemOutOfWhatIsDeployed holds more than the programs and the stacks that are deployed: a package
// that only the local system uses belongs to it.
func TestLayout_KeepsTheLocalSystemOutOfWhatIsDeployed(t *testing.T) {
	const local = module + "/runtime/local"
	seen := map[string]bool{}
	for _, p := range packages(t) {
		if below(p.ImportPath, local) || below(p.ImportPath, module+"/test") {
			continue
		}
		seen[p.ImportPath] = true
		for _, dependency := range p.Deps {
			if below(dependency, local) {
				t.Errorf("%s depends on %s, which is never deployed", p.ImportPath, dependency)
			}
		}
	}
	for _, deployed := range []string{"runtime/cmd/api", "runtime/cmd/aggregator", "runtime/cmd/csvprocessor", "runtime/cmd/repairer", "runtime/cmd/auditor",
		"constructs/sensorflow", "infra"} {
		if !seen[module+"/"+deployed] {
			t.Errorf("%s was not looked at", deployed)
		}
	}
}

// TestLayout_KeepsTheClientOutOfWhatIsDeployed holds that the client and the command line on it are for the service's users alone.
func TestLayout_KeepsTheClientOutOfWhatIsDeployed(t *testing.T) {
	const client, commandLine = module + "/runtime/client", module + "/runtime/cmd/sensorflow"
	looked := 0
	for _, p := range packages(t) {
		if below(p.ImportPath, client) || below(p.ImportPath, commandLine) || below(p.ImportPath, module+"/runtime/local") || below(p.ImportPath, module+"/test") {
			continue
		}
		looked++
		for _, dependency := range p.Deps {
			if below(dependency, client) {
				t.Errorf("%s depends on %s, which is never deployed", p.ImportPath, dependency)
			}
		}
	}
	if looked < 30 {
		t.Errorf("only %d packages were looked at", looked)
	}
}

func TestLayout_KeepsAdaptersApartAndCommandsUnimported(t *testing.T) {
	adapters := []string{module + "/runtime/dynamo", module + "/runtime/s3store", module + "/runtime/cognito", module + "/runtime/sqsqueue"}
	for _, p := range packages(t) {
		for _, i := range p.Imports {
			if strings.HasPrefix(i, module+"/runtime/cmd/") {
				t.Errorf("nothing imports a command: %s imports %s", p.ImportPath, i)
			}
			if slices.Contains(adapters, p.ImportPath) && slices.Contains(adapters, i) {
				t.Errorf("adapters do not import each other: %s imports %s", p.ImportPath, i)
			}
		}
	}
}

func TestLayout_SaysWhatEachPackageIsFor(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		switch p.Name {
		case "util", "utils", "common", "helpers", "helper", "manager", "models", "types", "misc":
			t.Errorf("%s is named after nothing that it provides", p.ImportPath)
		}
	}
}

// TestLayout_HasNoOtherFolders holds the top level that the project's users know.
func TestLayout_HasNoOtherFolders(t *testing.T) {
	allowed := []string{"infra", "runtime", "constructs", "test", "cdk.json", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE"}
	cmd := exec.Command("git", "ls-files")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Skip("not a git checkout: nothing tells the project's files from others")
	}
	for name := range strings.Lines(string(out)) {
		top, _, _ := strings.Cut(strings.TrimSpace(name), "/")
		if !strings.HasPrefix(top, ".") && !slices.Contains(allowed, top) {
			t.Errorf("%s stands at the top level, where only %s do", top, strings.Join(allowed, ", "))
		}
	}
}

func below(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}
