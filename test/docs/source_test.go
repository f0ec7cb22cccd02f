package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// source is the Go files of one folder, tests included.
type source struct {
	folder string
	fset   *token.FileSet
	files  []*ast.File
	// beside are the packages whose constants this one's may repeat.
	beside library
}

// readSource parses a folder, given from the module's root.
func readSource(t *testing.T, folder string) *source {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(folder), "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("there is no Go file in %s: %v", folder, err)
	}
	s := &source{folder: folder, fset: token.NewFileSet()}
	for _, path := range paths {
		file, err := parser.ParseFile(s.fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, file)
	}
	return s
}

// name is what other packages call the package.
func (s *source) name() string { return filepath.Base(s.folder) }

// field is one line of a struct: its names, which share type and comment.
type field struct {
	names []string
	kind  string
	doc   string
	// of is the package whose names the comment uses.
	of *source
}

// fields lists the exported fields of a struct.
func (s *source) fields(structName string) []field {
	var found []field
	for _, file := range s.files {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != structName {
				return true
			}
			for _, f := range spec.Type.(*ast.StructType).Fields.List {
				one := field{kind: types.ExprString(f.Type), doc: flat(f.Doc.Text()), of: s}
				for _, name := range f.Names {
					if name.IsExported() {
						one.names = append(one.names, name.Name)
					}
				}
				if len(one.names) > 0 {
					found = append(found, one)
				}
			}
			return false
		})
	}
	return found
}

// method is an exported method with its comment.
type method struct{ signature, doc string }

// methods lists the methods of a type whose names begin with a prefix.
func (s *source) methods(typeName, prefix string) []method {
	var found []method
	for _, file := range s.files {
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !f.Name.IsExported() || !strings.HasPrefix(f.Name.Name, prefix) {
				continue
			}
			if strings.TrimPrefix(types.ExprString(f.Recv.List[0].Type), "*") != typeName {
				continue
			}
			signature := f.Name.Name + strings.TrimPrefix(types.ExprString(f.Type), "func")
			found = append(found, method{signature, flat(f.Doc.Text())})
		}
	}
	return found
}

// body is the text of a function between its braces, without the checked output of an example.
func (s *source) body(t *testing.T, name string) string {
	t.Helper()
	for _, file := range s.files {
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || f.Recv != nil || f.Name.Name != name {
				continue
			}
			text, err := os.ReadFile(s.fset.Position(f.Pos()).Filename)
			if err != nil {
				t.Fatal(err)
			}
			inside := string(text[s.fset.Position(f.Body.Lbrace).Offset+1 : s.fset.Position(f.Body.Rbrace).Offset])
			inside, _, _ = strings.Cut(inside, "\t// Output:")
			inside = strings.ReplaceAll(strings.Trim(inside, "\n"), "\n\t", "\n")[1:]
			return printing.ReplaceAllString(strings.TrimSpace(inside), "")
		}
	}
	t.Fatalf("there is no function %s in %s", name, s.folder)
	return ""
}

// constants are the values of the package's constants as they are written, with the comments behind them.
func (s *source) constants() map[string]named {
	found := map[string]named{}
	for _, file := range s.files {
		for _, declaration := range file.Decls {
			group, ok := declaration.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			for _, spec := range group.Specs {
				value := spec.(*ast.ValueSpec)
				for i, name := range value.Names {
					if i < len(value.Values) && types.ExprString(value.Values[i]) != "iota" {
						found[name.Name] = named{value.Values[i], flat(value.Comment.Text())}
					}
				}
			}
		}
	}
	return found
}

// named is a constant's value and the remark behind it.
type named struct {
	value ast.Expr
	why   string
}

// evaluated is an expression with the constants put in, as text.
func (s *source) evaluated(expression ast.Expr) string {
	switch e := expression.(type) {
	case *ast.Ident:
		if c, ok := s.constants()[e.Name]; ok {
			return s.evaluated(c.value)
		}
	case *ast.SelectorExpr:
		other := s.beside[types.ExprString(e.X)]
		if other == nil {
			break
		}
		if c, ok := other.constants()[e.Sel.Name]; ok {
			return other.evaluated(c.value)
		}
	case *ast.BinaryExpr:
		left, right := s.evaluated(e.X), s.evaluated(e.Y)
		if e.Op == token.ADD && strings.HasSuffix(left, `"`) && strings.HasPrefix(right, `"`) {
			return left[:len(left)-1] + right[1:]
		}
		return left + " " + e.Op.String() + " " + right
	}
	return types.ExprString(expression)
}

// printing is the end of an example that only makes its output.
var printing = regexp.MustCompile(`\n\n(fmt\.Println\(.*\)\n?)+$`)

var blanks = regexp.MustCompile(`\s+`)

// flat makes one line of a comment.
func flat(text string) string { return strings.TrimSpace(blanks.ReplaceAllString(text, " ")) }
