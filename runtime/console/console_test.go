package console_test

import (
	"bytes"
	"compress/gzip"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/console"
)

func files(t *testing.T) map[string]string {
	t.Helper()
	all, err := console.Files()
	if err != nil {
		t.Fatal(err)
	}
	text := map[string]string{}
	for name, file := range all {
		text[name] = string(file.Content)
	}
	return text
}

// scripts are the modules but for the texts.
func scripts(t *testing.T) map[string]string {
	t.Helper()
	all := files(t)
	maps.DeleteFunc(all, func(name, _ string) bool {
		return !strings.HasSuffix(name, ".js") || strings.HasPrefix(name, "text-")
	})
	if len(all) < 10 {
		t.Fatalf("there are %d scripts", len(all))
	}
	return all
}

var (
	sentence    = regexp.MustCompile(`(?m)^  "([a-zA-Z0-9.-]+)": "((?:[^"\\]|\\.)*)",$`)
	placeholder = regexp.MustCompile(`\{\w+\}`)
)

// sentences reads a file of texts. Every line of its object must be one, so that no sentence goes unseen.
func sentences(t *testing.T, name string) map[string]string {
	t.Helper()
	_, object, found := strings.Cut(files(t)[name], "export const sentences = {\n")
	object, rest, ended := strings.Cut(object, "\n};\n")
	if !found || !ended || rest != "" {
		t.Fatalf("%s does not hold one object of sentences", name)
	}
	all := map[string]string{}
	for line := range strings.Lines(object + "\n") {
		got := sentence.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		switch {
		case got == nil && strings.TrimSpace(line) != "":
			t.Errorf("%s: this line is no sentence: %s", name, line)
		case got == nil:
		case all[got[1]] != "":
			t.Errorf("%s: %s is there twice", name, got[1])
		default:
			all[got[1]] = got[2]
		}
	}
	return all
}

func TestTexts_SayTheSameInBothLanguages(t *testing.T) {
	english, portuguese := sentences(t, "text-en.js"), sentences(t, "text-pt.js")
	if len(english) < 20 {
		t.Fatalf("there are %d sentences", len(english))
	}
	for key := range portuguese {
		if english[key] == "" {
			t.Errorf("%s is there in Portuguese alone", key)
		}
	}
	for key, text := range english {
		if portuguese[key] == "" {
			t.Errorf("%s is there in English alone", key)
			continue
		}
		// "one second" needs no number.
		if want, got := placeholders(text), placeholders(portuguese[key]); !slices.Equal(want, got) && !strings.HasSuffix(key, ".one") {
			t.Errorf("%s has the values %v in English and %v in Portuguese", key, want, got)
		}
	}
}

func placeholders(text string) []string {
	all := placeholder.FindAllString(text, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

var (
	// A key is written out, or its beginning is and the rest comes from a value: text("view." + name).
	usedKey    = regexp.MustCompile(`\btext\(\s*"([a-zA-Z0-9.-]+)"(\s*\+)?`)
	quotedKeys = regexp.MustCompile(`"([a-z]+\.[a-zA-Z0-9.-]+)"`)
)

func TestTexts_AreThereAndUsed(t *testing.T) {
	english := sentences(t, "text-en.js")
	used := map[string]bool{}
	for name, script := range scripts(t) {
		for _, got := range usedKey.FindAllStringSubmatch(script, -1) {
			begins := got[2] != ""
			found := false
			for key := range english {
				if base := strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other"); base == got[1] || begins && strings.HasPrefix(key, got[1]) {
					used[key], found = true, true
				}
			}
			if !found {
				t.Errorf("%s says %q, which no language has", name, got[1])
			}
		}
		for _, got := range quotedKeys.FindAllStringSubmatch(script, -1) { // chosen by a condition
			used[got[1]] = true
		}
	}
	for key := range english {
		base := strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")
		if !used[key] && !used[base] {
			t.Errorf("no module says %s", key)
		}
	}
}

var (
	staticImport = regexp.MustCompile(`(?m)^(?:import|export)\b[^;]*? from "([^"]+)";`)
	anyImport    = regexp.MustCompile(`\bimport\(\s*"([^"]+)"\s*\)`)
	preload      = regexp.MustCompile(`<link rel="modulepreload" href="/console/([^"]+)">`)
)

// What is seen first is what main.js imports, the first view, and all that these import: a browser that learns of them one after the
// other waits once for each.
func TestPage_PreloadsWhatIsSeenFirst(t *testing.T) {
	all := files(t)
	need := map[string]bool{}
	var follow func(name string)
	follow = func(name string) {
		if need[name] {
			return
		}
		need[name] = true
		if all[name] == "" {
			t.Errorf("a module imports %s, which is not there", name)
		}
		for _, got := range staticImport.FindAllStringSubmatch(all[name], -1) {
			follow(strings.TrimPrefix(got[1], "./"))
		}
	}
	follow("main.js")
	follow("overview.js")
	delete(need, "main.js") // the page names it as its script
	var named []string
	for _, got := range preload.FindAllStringSubmatch(all[console.Page], -1) {
		named = append(named, got[1])
	}
	if want := slices.Sorted(maps.Keys(need)); !slices.Equal(named, want) {
		t.Errorf("the page preloads\n%v, and what is seen first needs\n%v", named, want)
	}
}

// The first view is to come within 100 kB, compressed, with the headers of its answers and the icon.
func TestPage_IsSmall(t *testing.T) {
	all := files(t)
	total := packedSize(t, all[console.Page]) + packedSize(t, all["console.css"]) + packedSize(t, all["main.js"]) +
		max(packedSize(t, all["text-en.js"]), packedSize(t, all["text-pt.js"]))
	for _, got := range preload.FindAllStringSubmatch(all[console.Page], -1) {
		total += packedSize(t, all[got[1]])
	}
	t.Logf("the first view takes %d bytes", total)
	if total < 10_000 || total > 90_000 {
		t.Errorf("the first view takes %d bytes", total)
	}
}

func packedSize(t *testing.T, text string) int {
	t.Helper()
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := zip.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Len()
}

// Every file is reached from the page, and every import leads to a file.
func TestFiles_AreAllReached(t *testing.T) {
	all := files(t)
	reached := map[string]bool{console.Page: true, "console.css": true, "main.js": true}
	for name, script := range all {
		for _, imports := range []*regexp.Regexp{staticImport, anyImport} {
			for _, got := range imports.FindAllStringSubmatch(script, -1) {
				target, relative := strings.CutPrefix(got[1], "./")
				if reached[target] = true; !relative || all[target] == "" {
					t.Errorf("%s imports %s, which is not among the console's files", name, got[1])
				}
			}
		}
	}
	for name := range all {
		if !reached[name] {
			t.Errorf("nothing loads %s", name)
		}
	}
}

// forbidden is what the page's policy would refuse, or what would load something from elsewhere.
var forbidden = map[string]*regexp.Regexp{
	".html": regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|\son[a-z]+=|\sstyle=|javascript:|(src|href)="(https?:)?//`),
	".css":  regexp.MustCompile(`(?i)url\(|@import`),
	".js": regexp.MustCompile(`\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\.style\b|["']style["']|` +
		"[\"'`](https?:)?//[a-z]"),
}

func TestFiles_NeedNothingThatThePolicyForbids(t *testing.T) {
	for name, text := range files(t) {
		text = strings.ReplaceAll(text, "http://www.w3.org/2000/svg", "") // the name of a namespace, which nobody fetches
		if found := forbidden[name[strings.LastIndex(name, "."):]].FindString(text); found != "" {
			t.Errorf("%s holds %q", name, found)
		}
	}
}

func TestPolicy_LetsThePageReachItsOriginAndTheBucketAlone(t *testing.T) {
	const bucket = "https://bucket.example"
	if got := console.Policy(bucket); !strings.Contains(got, "connect-src 'self' "+bucket+";") {
		t.Errorf("files cannot be sent to the bucket: %s", got)
	}
	policy := console.Policy("")
	for _, rule := range []string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'", "base-uri 'none'",
		"form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
	} {
		if !slices.Contains(strings.Split(policy, "; "), rule) {
			t.Errorf("the policy lacks %s: %s", rule, policy)
		}
	}
	if len(strings.Split(policy, "; ")) != 10 {
		t.Errorf("the policy has another rule: %s", policy)
	}
}
