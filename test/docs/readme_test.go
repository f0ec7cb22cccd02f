package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/constructs/sensorflow"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

// generated is a piece of a page that stands between two remarks, the first of which says what it is made of.
var generated = regexp.MustCompile(`(?s)<!-- generated: ([^>]*?) -->\n.*?<!-- end -->`)

// fill makes the generated pieces of a page anew and leaves the rest.
func fill(t *testing.T, text string, piece func(t *testing.T, words []string) string) string {
	t.Helper()
	return generated.ReplaceAllStringFunc(text, func(old string) string {
		what := generated.FindStringSubmatch(old)[1]
		return "<!-- generated: " + what + " -->\n\n" + strings.TrimRight(piece(t, strings.Fields(what)), "\n") + "\n\n<!-- end -->"
	})
}

func TestReadme_AgreesWithTheSources(t *testing.T) {
	l := readLibrary(t)
	got := fill(t, readPage(t, "README.md"), func(t *testing.T, words []string) string {
		switch words[0] {
		case "example":
			pkg, function, _ := strings.Cut(words[1], ".")
			return "```go\n" + strings.TrimSpace(l[pkg].body(t, function)) + "\n```"
		case "props":
			pkg, name, _ := strings.Cut(words[1], ".")
			return l.props(t, pkg, name)
		case "parts":
			pkg, name, _ := strings.Cut(words[1], ".")
			return l.parts(t, pkg, name)
		case "versions":
			return versions(t)
		case "methods":
			return l.methods(t, words[1], words[2:]...)
		}
		t.Errorf("the page wants %q, which nobody makes", strings.Join(words, " "))
		return ""
	})
	if n := len(generated.FindAllString(got, -1)); n < 8 {
		t.Errorf("only %d pieces of the page are generated", n)
	}
	cdktest.Golden(t, page("README.md"), got)
}

// versions is the table of what this module was built and tested with.
func versions(t *testing.T) string {
	t.Helper()
	goMod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	table := "| module | version |\n| --- | --- |\n"
	for _, of := range []string{
		"go", "github.com/aws/aws-cdk-go/awscdk/v2", "github.com/aws/constructs-go/constructs/v10", "github.com/aws/jsii-runtime-go",
		"github.com/cdklabs/cdk-nag-go/cdknag/v2",
	} {
		found := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(of) + ` (\S+)`).FindSubmatch(goMod)
		if found == nil {
			t.Fatalf("go.mod says nothing of %s", of)
		}
		table += row("`"+of+"`", string(found[1]))
	}
	return table
}

// TestReadme_QuotesWhatIsSaidOfWrongProps sees that the sentence on the page is the one that is said.
func TestReadme_QuotesWhatIsSaidOfWrongProps(t *testing.T) {
	stack := cdktest.NewStack(cdktest.NewApp(t), "Telemetry", "eu-west-1")
	said := cdktest.Panic(t, func() {
		sensorflow.NewSensorFlow(stack, "SensorFlow", &sensorflow.SensorFlowProps{Retention: 30 * time.Minute, AlarmEmails: []string{"on-call"}})
	})
	if !strings.Contains(readPage(t, "README.md"), "\n"+said+"\n") {
		t.Errorf("the page does not have\n%s", said)
	}
}
