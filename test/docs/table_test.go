package docs_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// library is the sources that comments refer to.
type library map[string]*source

func readLibrary(t *testing.T) library {
	t.Helper()
	l := library{}
	for _, folder := range []string{
		"constructs/apiservice", "constructs/identity", "constructs/operations", "constructs/processing", "constructs/sensorflow",
		"constructs/storage", "runtime/contract", "test/consumer",
	} {
		s := readSource(t, folder)
		s.beside = l
		l[s.name()] = s
	}
	return l
}

// passedTo lists the structs to which SensorFlow passes its props on, field by field under the same names.
func passedTo() map[string][][2]string {
	return map[string][][2]string{"SensorFlowProps": {{"apiservice", "ApiServiceProps"}, {"processing", "ProcessingProps"}}}
}

// elsewhere finds comments that send the reader to another struct.
var elsewhere = regexp.MustCompile(`\b(those|that) of (package [a-z]+|[a-z]+\.[A-Z])|\bsee [a-z]+\.[A-Z]`)

// plainDefault finds comments that repeat the number that a constant elsewhere holds.
var plainDefault = regexp.MustCompile(`Defaults?: [0-9]+`)

// explained lists the fields of a struct. Where the comment is missing, sends elsewhere or repeats a number, that of the field holds to
// which they are handed on.
func (l library) explained(t *testing.T, pkg, structName string) []field {
	t.Helper()
	var all []field
	for _, f := range l[pkg].fields(structName) {
		_, more := l.handedOn(structName, f.names[0])
		if f.doc != "" && !elsewhere.MatchString(f.doc) && (!more || !plainDefault.MatchString(f.doc)) {
			all = append(all, f)
			continue
		}
		for _, name := range f.names {
			other, ok := l.handedOn(structName, name)
			if !ok {
				t.Errorf("%s.%s has no comment, nor has what it is handed on to", structName, name)
				continue
			}
			other.names, other.kind = []string{name}, f.kind
			if last := len(all) - 1; last >= 0 && all[last].doc == other.doc {
				all[last].names = append(all[last].names, name)
				continue
			}
			all = append(all, other)
		}
	}
	if len(all) == 0 {
		t.Errorf("there is no %s.%s", pkg, structName)
	}
	return all
}

func (l library) handedOn(structName, name string) (field, bool) {
	for _, to := range passedTo()[structName] {
		for _, f := range l[to[0]].fields(to[1]) {
			if slices.Contains(f.names, name) && f.doc != "" {
				return f, true
			}
		}
	}
	return field{}, false
}

// defaults is the sentence that says what holds when a prop is left out.
var defaults = regexp.MustCompile(`\s*Defaults?: (.*?)\.( [A-Z]|$)`)

// props is the table of a struct's fields with their defaults.
func (l library) props(t *testing.T, pkg, structName string) string {
	t.Helper()
	table := "| prop | type | default | what, and why |\n| --- | --- | --- | --- |\n"
	for _, f := range l.explained(t, pkg, structName) {
		text, byDefault := f.doc, ""
		if at := defaults.FindStringSubmatchIndex(text); at != nil {
			byDefault = text[at[2]:at[3]]
			text = text[:at[0]] + text[at[3]+1:]
		}
		if strings.Contains(text, "Required.") {
			text, byDefault = strings.Replace(text, " Required.", "", 1), "required"
		}
		if byDefault == "" && strings.HasSuffix(f.kind, "Props") {
			byDefault = "its own defaults"
		}
		if byDefault == "" {
			t.Errorf("the comment of %s.%s does not say what its default is", structName, f.names[0])
		}
		table += row("`"+strings.Join(f.names, "`, `")+"`", "`"+f.kind+"`", l.valued(f.of, byDefault), l.valued(f.of, strings.TrimSpace(text)))
	}
	return table
}

var constantNames = regexp.MustCompile(`\b([a-z]+\.)?([A-Z][A-Za-z]*)\b`)

// valued puts the values of constants beside their names, with the reasons that stand behind the values.
func (l library) valued(of *source, text string) string {
	return constantNames.ReplaceAllStringFunc(text, func(name string) string {
		parts := constantNames.FindStringSubmatch(name)
		pkg := of
		if parts[1] != "" {
			pkg = l[strings.TrimSuffix(parts[1], ".")]
		}
		if pkg == nil {
			return name
		}
		c, ok := pkg.constants()[parts[2]]
		switch {
		case !ok:
			return name
		case c.why != "":
			return fmt.Sprintf("`%s` (%s)", pkg.evaluated(c.value), c.why)
		default:
			return "`" + pkg.evaluated(c.value) + "`"
		}
	})
}

// parts is the table of the fields that a construct exposes.
func (l library) parts(t *testing.T, pkg, structName string) string {
	t.Helper()
	table := "| part | type | what |\n| --- | --- | --- |\n"
	described := ""
	for _, f := range l[pkg].fields(structName) {
		if f.doc != "" {
			described = f.doc
		}
		table += row("`"+strings.Join(f.names, "`, `")+"`", "`"+f.kind+"`", described)
		described = "see above"
	}
	if described == "" {
		t.Errorf("there is no part of %s.%s", pkg, structName)
	}
	return table
}

// methods is the table of the methods of a type whose names begin with a prefix; more of a kind are given as triples.
func (l library) methods(t *testing.T, prefix string, of ...string) string {
	t.Helper()
	table := "| on | method | what |\n| --- | --- | --- |\n"
	for _, name := range of {
		pkg, typeName, _ := strings.Cut(name, ".")
		found := l[pkg].methods(typeName, prefix)
		if len(found) == 0 {
			t.Errorf("there is no method %s… of %s", prefix, name)
		}
		for _, m := range found {
			called, _, _ := strings.Cut(m.signature, "(")
			table += row("`"+typeName+"`", "`"+m.signature+"`", sentence(strings.TrimPrefix(m.doc, called+" ")))
		}
	}
	return table
}

// sentence begins with a capital letter.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func row(cells ...string) string {
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(cell, "|", `\|`)
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}
