package report_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/load/report"
	"github.com/sensorflow/sensorflow/test/load/users"
)

// madeUp is a report of 4 s with 1,000 readings each, of which the last ones failed.
func madeUp() *report.Report {
	r := &users.Result{
		Pace:  users.Pace{Users: 2000, Ramp: 5 * time.Second, Measured: 4 * time.Second, PauseMin: time.Second, PauseMax: 3 * time.Second},
		Began: time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC),
	}
	for second := range 4 {
		c := users.Count{Offered: 1000, Failed: map[string]int{}}
		for n := range 990 {
			c.Accepted.Add(time.Duration(n+1) * 10 * time.Microsecond * time.Duration(second+1))
		}
		c.Failed["status 503"] = 7
		c.Failed["<no answer>"] = 3
		r.Seconds = append(r.Seconds, c)
		r.Total.Merge(&c)
	}
	return &report.Report{
		Target: "The API <beside> a stand-in", Machine: "2 processors", Result: r,
		Programs: []report.Program{{Name: "api", CPU: 400 * time.Millisecond, MemoryMax: 300 << 20}}, Found: &report.Found{Stored: 3960, Found: 3959},
	}
}

func TestSummary_EndsWithFiguresForPrograms(t *testing.T) {
	var b strings.Builder
	if err := madeUp().Summary(&b); err != nil {
		t.Fatal(err)
	}
	const want = `load_lost 1 readings
load_cpu_us_api 100.0 µs/request
load_memory_mib_api 300 MiB
load_failed 40 requests
load_rps 990.0 requests/s
`
	_, figures, _ := strings.Cut(b.String(), "\n\nload_lost")
	figures = "load_lost" + figures
	if !strings.HasPrefix(figures, want) || !regexp.MustCompile(`\nload_p50_ms 9\.\d\d ms\nload_p99_ms 3\d\.\d ms\n$`).MatchString(figures) {
		t.Errorf("the summary ends with\n%s", figures)
	}
	if lines := strings.Count(b.String(), "\n"); lines > 24 {
		t.Errorf("%d lines are more than a screen", lines)
	}
	for _, part := range []string{"2,000 users for 4s", "4,000", "3,960", "1.00 %", "28 status 503, 12 <no answer>"} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("the summary lacks %q:\n%s", part, b.String())
		}
	}
}

func TestHTML_NeedsNothingElse(t *testing.T) {
	var b strings.Builder
	if err := madeUp().HTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, forbidden := range []string{"src=", "<link", "<script", "@import", "url("} {
		if strings.Contains(page, forbidden) {
			t.Errorf("the page has %s", forbidden)
		}
	}
	if strings.Contains(strings.ReplaceAll(page, `xmlns="http://www.w3.org/2000/svg"`, ""), "http") {
		t.Error("the page names an address")
	}
	if strings.Contains(page, "<beside>") || strings.Contains(page, "<no answer>") {
		t.Error("a text is not escaped")
	}
	if n := strings.Count(page, "<svg"); n != 4 {
		t.Errorf("%d pictures, want 4", n)
	}
}

var linked = regexp.MustCompile(`\]\(([^)]+)\)`)

func TestMarkdown_WritesEveryPageThatItLinksTo(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "reports")
	if err := report.Markdown(folder, "make load-reports", []*report.Report{madeUp()}); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(folder, "*.md"))
	if err != nil || len(pages) != 2 {
		t.Fatalf("pages %v, %v", pages, err)
	}
	links := 0
	for _, page := range pages {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range linked.FindAllStringSubmatch(string(content), -1) {
			links++
			if _, err := os.Stat(filepath.Join(folder, match[1])); err != nil {
				t.Errorf("%s: %v", filepath.Base(page), err)
			}
		}
	}
	if links != 5 { // four pictures and the page
		t.Errorf("%d links, want 5", links)
	}
}

var drawn = regexp.MustCompile(`stroke="#0072b2" d="([^"]*)"`)

// Where nothing was stored there is no latency, and above all none of 0 ms.
func TestReport_HasNoLatencyWhereNothingWasStored(t *testing.T) {
	r := madeUp()
	for _, second := range []int{1, 3} {
		r.Result.Seconds[second].Accepted = users.Histogram{}
	}
	folder := t.TempDir()
	for _, want := range []string{`^M[\d.]+ [\d.]+h0M[\d.]+ [\d.]+h0$`, `^$`} {
		if err := report.Markdown(folder, "x", []*report.Report{r}); err != nil {
			t.Fatal(err)
		}
		picture, err := os.ReadFile(filepath.Join(folder, "users-2000-latency.svg"))
		if match := drawn.FindSubmatch(picture); err != nil || match == nil || !regexp.MustCompile(want).Match(match[1]) {
			t.Errorf("the line is %s, want %s, error %v", match, want, err)
		}
		r.Result.Seconds[0].Accepted, r.Result.Seconds[2].Accepted, r.Result.Total.Accepted = users.Histogram{}, users.Histogram{}, users.Histogram{}
	}
	var summary, page strings.Builder
	if err := errors.Join(r.Summary(&summary), r.HTML(&page)); err != nil {
		t.Fatal(err)
	}
	overview, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil || !strings.Contains(string(overview), "| - | - | - |") {
		t.Errorf("the overview is\n%s\nerror %v", overview, err)
	}
	for _, text := range []string{summary.String(), page.String()} {
		if strings.Contains(text, "0.00 ms") || strings.Contains(text, "p50 0") || strings.Contains(text, "load_p") {
			t.Errorf("a latency in\n%s", text)
		}
	}
	if !strings.Contains(page.String(), "<td>Latency p99</td><td>-</td>") {
		t.Error("the page does not say that there is no latency")
	}
}

// Each picture is well-formed, and all of its lines lie within it.
func TestPictures_AreWhole(t *testing.T) {
	empty := &report.Report{Result: &users.Result{Pace: users.Pace{Users: 1, Measured: time.Second}, Seconds: make([]users.Count, 1)}}
	for name, r := range map[string]*report.Report{"made up": madeUp(), "nothing": empty} {
		folder := t.TempDir()
		if err := report.Markdown(folder, "x", []*report.Report{r}); err != nil {
			t.Fatal(err)
		}
		pictures, err := filepath.Glob(filepath.Join(folder, "*.svg"))
		if err != nil || len(pictures) != 4 {
			t.Fatalf("pictures %v, %v", pictures, err)
		}
		for _, picture := range pictures {
			content, err := os.ReadFile(picture)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(content), "NaN") || strings.Contains(string(content), "Inf") {
				t.Errorf("%s, %s: a place is no number", name, filepath.Base(picture))
			}
			checkPicture(t, name+", "+filepath.Base(picture), content)
		}
	}
}

var place = regexp.MustCompile(`[ML](-?[\d.]+) (-?[\d.]+)`)

func checkPicture(t *testing.T, name string, content []byte) {
	t.Helper()
	paths := 0
	for decoder := xml.NewDecoder(strings.NewReader(string(content))); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		element, is := token.(xml.StartElement)
		if !is || element.Name.Local != "path" {
			continue
		}
		for _, a := range element.Attr {
			for _, match := range place.FindAllStringSubmatch(a.Value, -1) {
				paths++
				if len(match[1]) > 6 || len(match[2]) > 6 || match[1][0] == '-' || match[2][0] == '-' {
					t.Errorf("%s: a line goes to %s %s", name, match[1], match[2])
				}
			}
		}
	}
	if paths == 0 {
		t.Errorf("%s: no lines", name)
	}
}

func TestMilliseconds_HasThreeDigitsThatCount(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.00", 1234 * time.Microsecond: "1.23", 12345 * time.Microsecond: "12.3", 123456 * time.Microsecond: "123", 12345 * time.Millisecond: "12,345",
	} {
		if got := report.Milliseconds(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
