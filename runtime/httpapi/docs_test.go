package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"html/template"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

var update = flag.Bool("update", false, "rewrite documents/docs.html")

func TestDocs_AreWhatTheDescriptionGives(t *testing.T) {
	want, err := renderDocs()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("documents/docs.html", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("documents/docs.html")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("documents/docs.html is not what documents/openapi.json and testdata/docs.html give; -update rewrites it")
	}
}

func TestDocs_HoldTheAddressesOfTheDeployment(t *testing.T) {
	for _, c := range []struct {
		name     string
		o        Options
		has, not []string
	}{
		{
			"both", Options{PublicURL: "https://api.example.com", TokenURL: "https://auth.example.com/token"},
			[]string{"API=https://api.example.com\n", "https://auth.example.com/token | sed", "grant_type"}, []string{"API=https://…"},
		},
		{"none", Options{}, []string{"API=https://…\n"}, []string{"grant_type"}},
		{
			"hostile", Options{PublicURL: `https://a/"><script>`, TokenURL: "https://b/{public-url}?a&b"},
			[]string{"API=https://a/&#34;&gt;&lt;script&gt;\n", "https://b/{public-url}?a&amp;b |"}, []string{"<script>"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			page, err := docsFor(c.o)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range c.has {
				if !bytes.Contains(page, []byte(text)) {
					t.Errorf("the page does not hold %s", text)
				}
			}
			for _, text := range append(c.not, docsMachines, docsMachinesEnd, docsMachinesURL) {
				if bytes.Contains(page, []byte(text)) {
					t.Errorf("the page holds %s", text)
				}
			}
		})
	}
}

func TestDocs_ExplainEveryProblem(t *testing.T) {
	source, err := os.ReadFile("problem.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := docsFor(Options{})
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`problemKind\{"([^"]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(kinds) != len(docsProblems()) {
		t.Errorf("there are %d kinds of problem, of which %d are explained", len(kinds), len(docsProblems()))
	}
	for _, kind := range kinds {
		if !bytes.Contains(page, []byte(`<dt id="problem-`+kind[1]+`">`)) {
			t.Errorf("the problem %s is not on the page", kind[1])
		}
	}
}

func TestDocs_ShowATextAmongChoicesAsOne(t *testing.T) {
	for text, want := range map[string]string{
		`{"type":"string","enum":["string"]}`:                     `only "string"`,
		`{"type":"string","enum":[",","\t"],"default":","}`:       `one of ",", "\t", default ","`,
		`{"type":"string","const":"ok"}`:                          `only "ok"`,
		`{"type":"integer","minimum":1,"maximum":9,"default":5}`:  "integer, 1 to 9, default 5",
		`{"type":["number","string"],"description":"not a rule"}`: "number or string",
	} {
		var s openSchema
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		if got := s.rule(); got != want {
			t.Errorf("%s reads %q, want %q", text, got, want)
		}
	}
}

// docsPage is the OpenAPI description arranged for reading.
type docsPage struct {
	Title, Summary, Description string
	Sections                    []docsSection
	Problems                    []docsProblem
	// What the program fills in or leaves out.
	PublicURL, TokenURL   string
	Machines, MachinesEnd template.HTML // a template would leave plain comments out
}

type docsSection struct {
	Name, Anchor, Description string
	Calls                     []docsCall
}

type docsCall struct {
	Method, Path, Anchor, Summary, Description, Access string
	Parameters                                         []docsField
	Bodies, Answers                                    []docsContent
}

// docsField is a parameter or a member of an object.
type docsField struct {
	Name, Place, Rule, Description string
	Required                       bool
}

// docsContent is a body that is sent or answered.
type docsContent struct {
	Title, Description string
	Label              string // of its table of fields: no two on the page are alike
	Fields             []docsField
	Examples           []docsExample
}

type docsExample struct{ Summary, Text string }

type docsProblem struct {
	Anchor, Title, Advice string
	Status                int
}

// renderDocs makes the page from the description.
func renderDocs() ([]byte, error) {
	raw, err := documentFiles.ReadFile("documents/openapi.json")
	if err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	var d openAPI
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, fmt.Errorf("decode the description: %w", err)
	}
	page := docsPage{
		Title: d.Info.Title, Summary: d.Info.Summary, Description: d.Info.Description, Problems: docsProblems(),
		PublicURL: docsPublicURL, TokenURL: docsMachinesURL, Machines: docsMachines, MachinesEnd: docsMachinesEnd,
	}
	paths, err := keysInOrder(d.Paths)
	if err != nil {
		return nil, fmt.Errorf("read the paths: %w", err)
	}
	for _, tag := range d.Tags {
		section := docsSection{Name: tag.Name, Anchor: strings.ToLower(tag.Name), Description: tag.Description}
		for _, path := range paths {
			calls, err := d.calls(path, tag.Name)
			if err != nil {
				return nil, fmt.Errorf("read path %s: %w", path, err)
			}
			section.Calls = append(section.Calls, calls...)
		}
		page.Sections = append(page.Sections, section)
	}
	t, err := template.New("docs.html").Funcs(template.FuncMap{"prose": prose}).ParseFiles("testdata/docs.html")
	if err != nil {
		return nil, fmt.Errorf("parse the page's template: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, page); err != nil {
		return nil, fmt.Errorf("render the page: %w", err)
	}
	return b.Bytes(), nil
}

// prose turns blank lines into paragraphs and backticks into code; everything else is escaped.
func prose(text string) template.HTML {
	var b strings.Builder
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		b.WriteString("<p>")
		for i, part := range strings.Split(paragraph, "`") {
			if i%2 == 1 {
				b.WriteString("<code>" + template.HTMLEscapeString(part) + "</code>")
			} else {
				b.WriteString(template.HTMLEscapeString(part))
			}
		}
		b.WriteString("</p>")
	}
	return template.HTML(b.String()) // every part was escaped above
}

// docsProblems explains the problems, in the order of their status.
func docsProblems() []docsProblem {
	advice := []struct {
		kind problemKind
		text string
	}{
		{problemMalformed, "The request cannot be read as what it should be. Correct it before sending it again."},
		{problemInvalid, "A field or a parameter breaks a rule; errors names each. Correct it before sending it again."},
		{problemUnauthenticated, "Sign in again, or ask the token endpoint for a new access token."},
		{problemForbidden, "The token does not allow this, or a page of another origin tried to act for a person signed in."},
		{problemNotFound, "What was asked for does not exist, or no longer."},
		{problemMethodNotAllowed, "The header Allow lists the methods of this address."},
		{problemSlowBody, "Send the body again, on a connection that carries it in time."},
		{problemConflict, "The state has changed meanwhile. Read it again before the next attempt."},
		{problemTooLarge, "Send less at once: several batches, or a CSV file; several files above 50 GiB."},
		{problemUnsupportedMediaType, "Set the Content-Type that the message names, and compress the body with gzip or not at all."},
		{problemHeadersTooLarge, "Send fewer or shorter headers."},
		{problemTooManyRequests, "Wait for as many seconds as Retry-After says."},
		{problemInternal, "Report the request id; the log of the service holds the reason under it."},
		{problemUnavailable, "Send the request again after as many seconds as Retry-After says. Nothing is counted twice."},
	}
	rows := make([]docsProblem, len(advice))
	for i, a := range advice {
		rows[i] = docsProblem{"problem-" + a.kind.name, a.kind.title, a.text, a.kind.status}
	}
	return rows
}

// keysInOrder lists the keys of a JSON object as they are written.
func keysInOrder(raw json.RawMessage) ([]string, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if _, err := decoder.Token(); err != nil {
		return nil, fmt.Errorf("read the object: %w", err)
	}
	var keys []string
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("read a key: %w", err)
		}
		key, _ := token.(string)
		keys = append(keys, key)
		var skipped json.RawMessage
		if err := decoder.Decode(&skipped); err != nil {
			return nil, fmt.Errorf("read the value of %s: %w", key, err)
		}
	}
	return keys, nil
}

// methodsInOrder is the order in which a path's calls are shown.
var methodsInOrder = []string{"post", "get", "delete"}

func accessText(security []map[string][]string) string {
	var ways []string
	person := "a person signed in"
	for _, way := range security {
		for _, scopes := range way {
			if slices.Contains(scopes, contract.ScopeAdmin) {
				person = "a person of the group " + contract.AdminGroup
			}
		}
	}
	for _, way := range security {
		for name, scopes := range way {
			switch {
			case name == "cookie":
				ways = append(ways, person)
			case name == "basic":
				ways = append(ways, "user name and password")
			case len(scopes) > 0:
				ways = append(ways, "a machine with the scope "+strings.Join(scopes, ", "))
			default:
				ways = append(ways, "a machine")
			}
		}
	}
	if len(ways) == 0 {
		return "open to everyone"
	}
	slices.Sort(ways)
	return "for " + strings.Join(ways, " or ")
}
