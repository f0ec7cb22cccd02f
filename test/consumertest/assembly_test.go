package consumertest_test

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// assembly is what an app was synthesized to, with the assemblies of its stages.
type assembly struct {
	// stacks are by their paths, such as Prod/Coldchain-prod-state.
	stacks map[string]stack
	// errors are what constructs complained of, by the names of stacks.
	errors map[string][]string
}

// stack is a stack with its assets.
type stack struct {
	name     string
	template map[string]any
	assets   map[string]asset
}

// asset is a file, a folder or an image's folder, by its place.
type asset struct{ path, dockerPlatform string }

func (s stack) count(resourceType string) int {
	n := 0
	resources, _ := s.template["Resources"].(map[string]any)
	for _, r := range resources {
		if body, _ := r.(map[string]any); body["Type"] == resourceType {
			n++
		}
	}
	return n
}

type manifest struct {
	Artifacts map[string]struct {
		Type        string
		Properties  struct{ TemplateFile, DirectoryName, File string }
		DisplayName string
		// AdditionalMetadataFile holds what constructs complain of.
		AdditionalMetadataFile string
	}
}

// metadata is what constructs say of themselves, by their paths.
type metadata map[string][]struct {
	Type string
	Data any
}

func readAssembly(t *testing.T, dir string) *assembly {
	t.Helper()
	a := &assembly{stacks: map[string]stack{}, errors: map[string][]string{}}
	a.read(t, dir)
	return a
}

func (a *assembly) read(t *testing.T, dir string) {
	t.Helper()
	var m manifest
	readJSON(t, filepath.Join(dir, "manifest.json"), &m)
	for id, artifact := range m.Artifacts {
		switch artifact.Type {
		case "cdk:cloud-assembly":
			a.read(t, filepath.Join(dir, artifact.Properties.DirectoryName))
		case "aws:cloudformation:stack":
			name, _, _ := strings.Cut(artifact.DisplayName, " ")
			s := stack{name: name, assets: assets(t, dir, id)}
			readJSON(t, filepath.Join(dir, artifact.Properties.TemplateFile), &s.template)
			a.stacks[name] = s
			var said metadata
			readJSON(t, filepath.Join(dir, artifact.AdditionalMetadataFile), &said)
			for path, entries := range said {
				for _, e := range entries {
					if e.Type == "aws:cdk:error" {
						text, _ := e.Data.(string)
						a.errors[name] = append(a.errors[name], path+": "+text)
					}
				}
			}
		}
	}
}

// assets reads what is published with a stack; each must lie in the assembly itself.
func assets(t *testing.T, dir, stackID string) map[string]asset {
	t.Helper()
	var list struct {
		Files map[string]struct {
			Source struct{ Path string }
		}
		DockerImages map[string]struct {
			Source struct{ Directory, Platform string }
		}
	}
	readJSON(t, filepath.Join(dir, stackID+".assets.json"), &list)
	found := map[string]asset{}
	for hash, f := range list.Files {
		found[hash] = asset{path: filepath.Join(dir, f.Source.Path)}
	}
	for hash, i := range list.DockerImages {
		found[hash] = asset{path: filepath.Join(dir, i.Source.Directory), dockerPlatform: i.Source.Platform}
	}
	for hash, one := range found {
		if _, err := os.Stat(one.path); err != nil {
			t.Errorf("%s: asset %s is not there: %v", stackID, hash, err)
		}
	}
	return found
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// checkPrograms wants five functions and an image in each stack that makes the service of its own, all for ARM and all
// made of the module in the cache.
func (a *assembly) checkPrograms(t *testing.T) {
	t.Helper()
	for name, s := range a.stacks {
		want := map[string]int{"bootstrap": 5, "app": 1}
		if name == "Existing" || s.count("AWS::ECS::Service") == 0 {
			want = map[string]int{}
		}
		for _, program := range []string{"bootstrap", "app"} {
			found := 0
			for _, one := range s.assets {
				path := filepath.Join(one.path, program)
				if _, err := os.Stat(path); err != nil {
					continue
				}
				found++
				if program == "app" && one.dockerPlatform != "linux/arm64" {
					t.Errorf("%s: the image is for %q", name, one.dockerPlatform)
				}
				checkProgram(t, path)
			}
			if found != want[program] {
				t.Errorf("%s: there are %d of %s, want %d", name, found, program, want[program])
			}
		}
	}
}

func checkProgram(t *testing.T, path string) {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := elf.NewFile(bytes.NewReader(body))
	if err != nil || file.Machine != elf.EM_AARCH64 {
		t.Errorf("%s is no program for ARM: %v", path, err)
	}
	if !bytes.Contains(body, []byte(mark)) {
		t.Errorf("%s was not built from the module in the cache", path)
	}
}
