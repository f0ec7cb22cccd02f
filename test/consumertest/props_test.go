package consumertest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"
)

// files parses the Go files of a folder.
func files(t *testing.T, dir string) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("there is no Go file in %s: %v", dir, err)
	}
	var parsed []*ast.File
	for _, path := range paths {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	return parsed
}

// declared lists the fields of a struct type.
func declared(all []*ast.File, structName string) []string {
	var names []string
	for _, f := range all {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != structName {
				return true
			}
			for _, field := range spec.Type.(*ast.StructType).Fields.List {
				for _, name := range field.Names {
					names = append(names, name.Name)
				}
			}
			return false
		})
	}
	return names
}

// set lists the fields that literals of sensorflow's struct type set.
func set(all []*ast.File, structName string) []string {
	var names []string
	for _, f := range all {
		ast.Inspect(f, func(n ast.Node) bool {
			literal, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if of, ok := literal.Type.(*ast.SelectorExpr); !ok || of.Sel.Name != structName {
				return true
			}
			for _, element := range literal.Elts {
				names = append(names, element.(*ast.KeyValueExpr).Key.(*ast.Ident).Name)
			}
			return true
		})
	}
	return names
}

func TestConsumer_SetsEveryProp(t *testing.T) {
	library, app := files(t, filepath.Join("..", "..", "constructs", "sensorflow")),
		files(t, filepath.Join("..", "consumer"))
	for _, props := range []string{"SensorFlowProps", "MultiRegionProps", "ZoneDomain"} {
		fields := declared(library, props)
		if len(fields) == 0 {
			t.Errorf("there is no %s", props)
		}
		used := set(app, props)
		for _, field := range fields {
			if !slices.Contains(used, field) {
				t.Errorf("the app of test/consumer never sets %s.%s", props, field)
			}
		}
	}
}
