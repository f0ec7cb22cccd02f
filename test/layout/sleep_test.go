package layout_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// sleepers are the files and folders of tests that may let real time pass, and why.
var sleepers = map[string]string{
	"test/await/":               "the others wait by it",
	"test/attack/":              "the pace of attackers and of their victims is part of these tests",
	"test/faults/load_test.go":  "the pace of clients and of kills is part of these tests",
	"test/regions/load_test.go": "the pace of clients, and how long regions are parted, is part of these drills",
	"test/soak/":                "how often changes come and programs are looked at is part of it",
	"test/overload/":            "the pace of slow clients is part of these tests",
	"test/load/":                "its command lets the machine rest between two runs",
	"test/load/users/":          "the pace of users is what it is for",
	"runtime/cmd/csvprocessor/measure_test.go":     "its stand-in answers as slowly as DynamoDB does",
	"runtime/local/s3local/s3gateway/main_test.go": "a module of its own, which cannot import test/await",
}

// TestLayout_TestsWaitForConditions holds that tests neither sleep nor wait in loops of their own: they wait by test/await, or
// run in virtual time, which a file is taken to do that imports testing/synctest.
func TestLayout_TestsWaitForConditions(t *testing.T) {
	found := map[string]bool{}
	eachFile(t, root(t), func(name string, source []byte) {
		if !strings.HasSuffix(name, "_test.go") && !strings.HasPrefix(name, "test/") {
			return
		}
		for _, at := range sleepsIn(t, name, source) {
			by := name
			if sleepers[by] == "" {
				by = filepath.Dir(name) + "/"
			}
			if found[by] = true; sleepers[by] == "" {
				t.Errorf("%s:%d lets real time pass: wait by test/await, or use testing/synctest", name, at)
			}
		}
	})
	for name := range sleepers {
		if !found[name] {
			t.Errorf("%s does not sleep, and may be left out of the list", name)
		}
	}
}

// eachFile calls do with every Go file of the tree, in whichever module, by its path from the root.
func eachFile(t *testing.T, base string, do func(name string, source []byte)) {
	t.Helper()
	err := filepath.WalkDir(base, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if strings.HasPrefix(entry.Name(), ".") && path != base || entry.Name() == "node_modules" {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(base, path)
		if err != nil {
			return err
		}
		do(filepath.ToSlash(name), source)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sleepsIn returns the lines of a file on which it sleeps in real time.
func sleepsIn(t *testing.T, name string, source []byte) (lines []int) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range file.Imports {
		if imported, _ := strconv.Unquote(i.Path.Value); imported == "testing/synctest" {
			return nil
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, isCall := n.(*ast.CallExpr)
		if !isCall {
			return true
		}
		if called, isSelector := call.Fun.(*ast.SelectorExpr); isSelector {
			if of, isName := called.X.(*ast.Ident); isName && of.Name == "time" {
				switch called.Sel.Name {
				case "Sleep", "After", "Tick", "NewTicker", "NewTimer":
					lines = append(lines, files.Position(call.Pos()).Line)
				}
			}
		}
		return true
	})
	return lines
}
