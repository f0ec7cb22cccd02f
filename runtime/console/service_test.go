package console_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// saying are the packages whose sentences reach people by previews, refused rows and failed uploads.
var saying = []string{"../reading", "../csvfile"}

// silent are calls whose texts no person reads: of errors that end in the log, and of what cannot happen.
var silent = []string{"panic", "never", "InfoContext", "WarnContext", "ErrorContext", "MustCompile"}

var (
	verb  = regexp.MustCompile(`%[-+#.0-9]*[a-z]`)
	words = regexp.MustCompile(`[A-Za-z]+(?:[ -][A-Za-z0-9]+)+`)
	// apart is what stands between two parts of a sentence, as the console cuts it: outside of quotes.
	apart = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|; `)
)

// said collects what the service can say: the texts of its sources, with {} for what is put into them. Those of one word are in all alone.
type said struct {
	sentences map[string]string // and where they stand
	all       map[string]bool
}

func saidByTheService(t *testing.T) said {
	t.Helper()
	s := said{sentences: map[string]string{}, all: map[string]bool{}}
	for _, folder := range saying {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s holds %d files: %v", folder, len(files), err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(node ast.Node) bool { return s.look(node, name) })
		}
	}
	return s
}

// look takes the sentence that a node is, and tells whether to look into the node.
func (s said) look(node ast.Node, file string) bool {
	switch node := node.(type) {
	case *ast.ImportSpec, *ast.Field:
		return false
	case *ast.CallExpr:
		return !slices.Contains(silent, called(node))
	case *ast.BinaryExpr:
		text, ok := textOf(node)
		if ok {
			s.take(text, file)
			ast.Inspect(node, func(inner ast.Node) bool { // and what is put into it
				if call, ok := inner.(*ast.CallExpr); ok {
					ast.Inspect(call, func(deep ast.Node) bool { return deep == call || s.look(deep, file) })
					return false
				}
				return true
			})
		}
		return !ok
	case *ast.BasicLit:
		if text, ok := textOf(node); ok {
			s.take(text, file)
		}
	}
	return true
}

func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// textOf is a text with {} for what it is not certain of; ok is false for what is no text.
func textOf(node ast.Expr) (text string, ok bool) {
	switch node := node.(type) {
	case *ast.BasicLit:
		if node.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(node.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		if node.Op != token.ADD {
			return "", false
		}
		left, one := textOf(node.X)
		right, two := textOf(node.Y)
		if !one {
			left = "{}"
		}
		if !two {
			right = "{}"
		}
		return left + right, one || two
	}
	return "", false
}

// take keeps the parts of a text. One that wraps an error is for the log.
func (s said) take(text, file string) {
	if strings.Contains(text, "%w") {
		return
	}
	for _, part := range parts(verb.ReplaceAllString(text, "{}")) {
		s.all[part] = true
		if words.MatchString(strings.ReplaceAll(part, "{}", "")) {
			s.sentences[part] = file
		}
	}
}

// parts cuts a sentence as the console does.
func parts(text string) (all []string) {
	begin := 0
	for _, at := range apart.FindAllStringIndex(text, -1) {
		if text[at[0]:at[1]] == "; " {
			all = append(all, text[begin:at[0]])
			begin = at[1]
		}
	}
	all = append(all, text[begin:])
	for i, part := range all {
		for strings.Contains(part, "{}{}") { // they cannot be told apart
			part = strings.ReplaceAll(part, "{}{}", "{}")
		}
		all[i] = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSuffix(part, "; "), ", "), "the row ")
	}
	return slices.DeleteFunc(all, func(part string) bool { return part == "" || part == "{}" })
}

// untranslated are sentences that the console does not meet.
var untranslated = []string{
	// They go to the log.
	"number {}: out of range", "a part of the rejects is damaged", "range {} is not done though all are", "another worker has moved the range on",
	"the file has changed", "no version is above {}", "does not name an hour such as 2026-03-01T08",
	// They are names, which nobody reads.
	"unix-seconds", "unix-millis", "sensorflow.csv-range.v1", "sensorflow.csv-range.v2", "awaiting-upload", "completed-with-rejects",
	// The console asks for parts as it should, or its list offers only what is taken.
	"begin another upload", "is not that of the part {} that arrived", "must be 1 to {} numbers", "must be 1 to {}",
	"must be the ETag that answered the part's PUT: letters, digits and + / = _ -", "must name each part from 1 to {}",
	"must not name part {} again", "part {} has not arrived", "part {} has {} bytes and must have {}", "part {} is missing", "send it",
	"send it again, or name its ETag", "the file of this upload goes to one address and not in parts", "the file of this upload is complete",
	"must be \",\", \";\" or \"\\t\"", "must be \".\" or \",\"", "must be iso, dmy or mdy", "must be refuse or ignore",
	"must be rfc3339, local, unix-seconds or unix-millis", "must be left out unless format.timestamps is local",
	"must be left out where format.columns.equipmentId names a column",
	// It looks at the size first, and sends no digest.
	"the file is too large", "a compressed file", "a file", "a file sent in a form must be at most {} MiB",
	"ask for an upload address for a larger one", "must be at least 1: an empty file holds no readings", "must be at most {}",
	"split it and send the parts", "{} must be at most {} GiB ({} bytes)", "the file is not a CSV file", "S3 checks each part by itself",
	"is not taken for a file that is sent in parts", "must be a SHA-256, 64 hexadecimal digits or the Base64 of its 32 bytes",
}

var entry = regexp.MustCompile(`(?m)^  "((?:[^"\\]|\\.)*)": "((?:[^"\\]|\\.)*)",$`)

// translated reads the objects of service-pt.js: every line within must be a sentence.
func translated(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, object := range []string{"sentences", "fragments"} {
		_, text, found := strings.Cut(files(t)["service-pt.js"], "export const "+object+" = {\n")
		text, _, ended := strings.Cut(text, "\n};\n")
		if !found || !ended {
			t.Fatalf("there is no object of %s", object)
		}
		for line := range strings.Lines(text + "\n") {
			got := entry.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
			if got == nil {
				if strings.TrimSpace(line) != "" {
					t.Errorf("this line is no sentence: %s", line)
				}
				continue
			}
			from, one := strconv.Unquote(`"` + got[1] + `"`)
			to, two := strconv.Unquote(`"` + got[2] + `"`)
			if one != nil || two != nil || all[from] != "" {
				t.Errorf("%q is there twice, or cannot be read: %v %v", from, one, two)
			}
			all[from] = to
		}
	}
	return all
}

func TestService_SaysNothingThatIsNotTranslated(t *testing.T) {
	s, table := saidByTheService(t), translated(t)
	if len(s.sentences) < 100 {
		t.Fatalf("the service says %d sentences", len(s.sentences))
	}
	for _, text := range slices.Sorted(maps.Keys(s.sentences)) {
		if table[text] == "" && !slices.Contains(untranslated, text) {
			t.Errorf("%s says %q, which service-pt.js lacks; translate it there, or list it here with the reason", s.sentences[text], text)
		}
	}
	for from, to := range table {
		if !s.all[from] {
			t.Errorf("the service does not say %q any more", from)
		}
		if slices.Contains(untranslated, from) {
			t.Errorf("%q is translated, and listed as untranslated", from)
		}
		if strings.Count(from, "{}") != strings.Count(to, "{}") {
			t.Errorf("%q puts another number of values into %q", from, to)
		}
	}
	for _, text := range untranslated {
		if !s.all[text] {
			t.Errorf("the service does not say %q any more, which is listed as untranslated", text)
		}
	}
}
