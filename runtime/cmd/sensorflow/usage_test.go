package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// types runs a command line whose service is not there: whoever calls it gets another status than that of wrong usage.
func types(t *testing.T, args ...string) (out, progress string, status int, err error) {
	t.Helper()
	var printed, told bytes.Buffer
	environ := []string{
		"SENSORFLOW_API=http://127.0.0.1:1", "SENSORFLOW_TOKEN_URL=http://127.0.0.1:1/token", "SENSORFLOW_CLIENT_ID=id", "SENSORFLOW_CLIENT_SECRET=secret",
		"XDG_CONFIG_HOME=" + t.TempDir(),
	}
	err = run(t.Context(), args, environ, strings.NewReader(""), &printed, &told)
	return printed.String(), told.String(), statusOf(context.Background(), err), err
}

// TestUsage_IsJudgedBeforeAnythingIsPrinted has all flags of all commands with what does not do.
func TestUsage_IsJudgedBeforeAnythingIsPrinted(t *testing.T) {
	const from, to = "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"
	many := append([]string{"query"}, strings.Fields(strings.Repeat("EQ ", 51))...)
	for _, test := range []struct {
		says string
		args []string
	}{
		{`there is no command "sned"`, []string{"sned"}},
		{`there is no command "sned"`, []string{"help", "sned"}},
		{"takes no arguments", []string{"login", "ada"}},
		{"takes no arguments", []string{"logout", "ada"}},
		{"takes no arguments", []string{"whoami", "ada"}},
		{"-o must be table, json or csv", []string{"whoami", "-o", "xml"}},
		{"not defined: -o", []string{"login", "-o", "json"}},
		{"not defined: -api", []string{"logout", "-api", "http://127.0.0.1:1"}},
		{"-local and -api exclude", []string{"query", "-local", "-api", "http://127.0.0.1:1"}},
		{"-local and -token-url exclude", []string{"query", "-local", "-token-url", "http://127.0.0.1:1"}},
		{"-local and -client-id exclude", []string{"query", "-local", "-client-id", "x"}},
		{"-local and -password-stdin exclude", []string{"login", "-local", "-password-stdin"}},
		{"-client-id and -user exclude", []string{"query", "-client-id", "x", "-user", "y"}},
		{"the address of the service", []string{"query", "-api", "example.com"}},
		{"-token-url has 2", []string{"query", "-token-url", "http://127.0.0.1:1,http://127.0.0.1:2"}},
		{"the password is missing", []string{"query", "-user", "ada"}},
		{"send takes", []string{"send", "EQ-1"}},
		{"send takes", []string{"send", "EQ-1", "1", "now", "then"}},
		{"value must be", []string{"send", "EQ-1", "1,5"}},
		{"timestamp must be", []string{"send", "EQ-1", "1", "yesterday"}},
		{"equipmentId", []string{"send", "EQ 1", "1"}},
		{"upload takes one FILE, not 0", []string{"upload"}},
		{"upload takes one FILE, not 2", []string{"upload", "a", "b"}},
		{"-format must be a JSON object", []string{"upload", "-format", "{", "a"}},
		{"-format must be a JSON object", []string{"upload", "-format", `";"`, "a"}},
		{"is not a file", []string{"upload", t.TempDir()}},
		{"-rejects is given without a value", []string{"upload", "-rejects", "", "a"}},
		{"-granularity needs -from", []string{"query", "-granularity", "1d"}},
		{"-granularity needs -from", []string{"query", "-interval", "1w", "-granularity", "1d"}},
		{"-timezone needs -from", []string{"query", "-timezone", "UTC"}},
		{"-to needs -from", []string{"query", "-to", to}},
		{"-to needs -from", []string{"export", "-aggregates", "-to", to}},
		{"-interval and -from exclude", []string{"query", "-interval", "1w", "-from", from}},
		{"-interval must be one of 24h, 48h, 1w, 1m", []string{"query", "-interval", "3h"}},
		{"-granularity must be one of", []string{"query", "-from", from, "-granularity", "2h"}},
		{"-timezone must be", []string{"query", "-from", from, "-timezone", "Mars/Phobos"}},
		{"-from must be an RFC 3339 timestamp", []string{"query", "-from", "yesterday"}},
		{"-to must be an RFC 3339 timestamp", []string{"query", "-from", from, "-to", "today"}},
		{"-from must lie on full five minutes", []string{"query", "-from", "2026-03-01T00:01:00Z", "-to", to}},
		{"-to must lie on full five minutes", []string{"query", "-from", from, "-to", "2026-03-02T00:01:00Z"}},
		{"-to must be after -from", []string{"query", "-from", to, "-to", from}},
		{"-to must be after -from", []string{"query", "-raw", "-from", to, "-to", to, "EQ-1"}},
		{"-to must be at most 400 days", []string{"query", "-from", from, "-to", "2027-05-01T00:00:00Z"}},
		{"-from lies in the future", []string{"query", "-from", "2999-01-01T00:00:00Z"}},
		{"-from is given without a value", []string{"query", "-from", "", "-to", to}},
		{"-limit must be at least 1", []string{"query", "-limit", "0"}},
		{"-limit must be at least 1", []string{"query", "-raw", "-limit", "-1", "EQ-1"}},
		{`invalid value "ten" for flag -limit`, []string{"query", "-limit", "ten"}},
		{"at most 50 equipments", many},
		{"the equipment \"EQ 1\"", []string{"query", "EQ 1"}},
		{"-interval does not do: -raw", []string{"query", "-raw", "-interval", "1w", "EQ-1"}},
		{"-granularity does not do: -raw", []string{"query", "-raw", "-granularity", "1d", "EQ-1"}},
		{"-timezone does not do: -raw", []string{"query", "-raw", "-timezone", "UTC", "EQ-1"}},
		{"name one equipment, not 0", []string{"query", "-raw"}},
		{"name one equipment, not 2", []string{"query", "-raw", "EQ-1", "EQ-2"}},
		{"name the equipments to watch", []string{"watch"}},
		{"-every must be at least 1s", []string{"watch", "-every", "0s", "EQ-1"}},
		{"-n must be at least 1", []string{"watch", "-n", "-3", "EQ-1"}},
		{"the equipment \"EQ 1\"", []string{"watch", "EQ-2", "EQ 1"}},
		{"equipment takes one PREFIX", []string{"equipment", "a", "b"}},
		{"the equipment \"a b\"", []string{"equipment", "a b"}},
		{"-o json does not do: export", []string{"export", "-o", "json", "EQ-1"}},
		{"name one equipment, not 0; -aggregates", []string{"export"}},
		{"-granularity does not do: it is for -aggregates", []string{"export", "-granularity", "1d", "EQ-1"}},
		{"-timezone does not do: it is for -aggregates", []string{"export", "-timezone", "UTC", "EQ-1"}},
		{"-file is given without a value", []string{"export", "-file", "", "EQ-1"}},
		{"name one equipment, not 0", []string{"delete", "-at", from, "-yes"}},
		{"either -at TIME, or", []string{"delete", "EQ-1", "-yes"}},
		{"either -at TIME, or", []string{"delete", "EQ-1", "-at", from, "-from", from, "-to", to, "-yes"}},
		{"-at must be an RFC 3339 timestamp", []string{"delete", "EQ-1", "-at", "noon", "-yes"}},
		{"-from needs -to", []string{"delete", "EQ-1", "-from", from, "-yes"}},
		{"-to needs -from", []string{"delete", "EQ-1", "-to", to, "-yes"}},
		{"-to must be after -from", []string{"delete", "EQ-1", "-from", to, "-to", from, "-yes"}},
		{"give -yes", []string{"delete", "EQ-1", "-at", from}},
	} {
		t.Run(strings.Join(test.args[:min(len(test.args), 6)], " "), func(t *testing.T) {
			out, progress, status, err := types(t, test.args...)
			if status != statusUsage || !strings.Contains(fmt.Sprint(err), test.says) || strings.Contains(fmt.Sprint(err), "\n") {
				t.Errorf("status %d: %v; want one sentence with %q", status, err, test.says)
			}
			if out+progress != "" {
				t.Errorf("it printed %q", out+progress)
			}
		})
	}
}

// TestFlags_OfAllCommandsMustHaveValues looks for flags that the cases above have forgotten, too.
func TestFlags_OfAllCommandsMustHaveValues(t *testing.T) {
	for _, c := range commands() {
		c.flagSet(&settings{}).VisitAll(func(one *flag.Flag) {
			if is, ok := one.Value.(interface{ IsBoolFlag() bool }); ok && is.IsBoolFlag() {
				return
			}
			if _, _, status, err := types(t, c.name, "-"+one.Name, "", "EQ-1"); status != statusUsage || !strings.Contains(err.Error(), "-"+one.Name) {
				t.Errorf("%s with an empty -%s: status %d, %v", c.name, one.Name, status, err)
			}
		})
	}
}

// TestHelp_TellsOfEachCommand holds that both ways to ask for it say the same, that no flag is left out, and that each example is one
// that the command takes.
func TestHelp_TellsOfEachCommand(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("january.csv", nil, 0o600); err != nil { // the file of the examples
		t.Fatal(err)
	}
	all, _, status, _ := types(t, "help")
	if status != statusDone {
		t.Errorf("help has the status %d", status)
	}
	for _, c := range commands() {
		out, _, status, err := types(t, "help", c.name)
		flagged, _, flaggedStatus, flaggedErr := types(t, c.name, "-h")
		if status != statusDone || flaggedStatus != statusDone || err != nil || !errors.Is(flaggedErr, flag.ErrHelp) || out != flagged {
			t.Errorf("help %s: %d, %v\n%s\n%s -h: %d, %v\n%s", c.name, status, err, out, c.name, flaggedStatus, flaggedErr, flagged)
		}
		if !strings.Contains(all, "  "+c.usage()+"  ") || !strings.HasPrefix(out, c.usage()+": ") || c.about == "" || len(c.examples) == 0 {
			t.Errorf("help %s says\n%s", c.name, out)
		}
		c.flagSet(&settings{}).VisitAll(func(one *flag.Flag) {
			if !strings.Contains(out, "\n  -"+one.Name) {
				t.Errorf("help %s does not tell of -%s", c.name, one.Name)
			}
		})
		for _, example := range c.examples {
			if err := tryExample(c, example); err != nil || !strings.Contains(out, "\n  "+example+"\n") {
				t.Errorf("the example %s: %v", example, err)
			}
		}
	}
}

// tryExample prepares what a command line asks for.
func tryExample(c command, example string) error {
	_, line, found := strings.Cut(example, "sensorflow "+c.name)
	line, _, _ = strings.Cut(line, "<")
	line, _, _ = strings.Cut(line, ">")
	if !found {
		return errors.New("it is of another command")
	}
	s := &session{settings: settings{format: formatTable}}
	flags := c.flagSet(&s.settings)
	var err error
	if s.args, err = parse(flags, strings.Fields(strings.ReplaceAll(line, "'", ""))); err != nil {
		return err
	}
	_, prepared := c.prepare(s)
	return errors.Join(s.checkFlags(flags), prepared)
}

func TestReadme_SaysWhatTheExitStatusesMean(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if page := strings.Join(strings.Fields(string(content)), " "); !strings.Contains(page, "tells a script what came of it: "+statuses()+".") {
		t.Errorf("README.md does not say: %s", statuses())
	}
	out, _, _, _ := types(t, "help")
	for line := range strings.SplitSeq(statuses(), "; ") {
		if !strings.Contains(out, "\n  "+line+"\n") {
			t.Errorf("help does not say: %s", line)
		}
	}
}

// TestOutput_PrintsNothingOfWhatFailed holds that what failed prints no head of a table, and that an array that broke off does not pass
// for a whole one.
func TestOutput_PrintsNothingOfWhatFailed(t *testing.T) {
	for _, test := range []struct {
		format             string
		rows               int
		broken, done, live bool
		want               string
	}{
		{"table", 0, false, true, false, "A\n"},
		{"table", 0, true, false, false, ""},
		{"csv", 0, true, false, false, ""},
		{"csv", 1, true, false, false, "a\n1\n"},
		{"json", 0, false, true, false, "[]\n"},
		{"json", 0, true, false, false, ""},
		{"json", 1, false, true, false, "[{\"a\":1}]\n"},
		{"json", 1, false, false, false, "[{\"a\":1}]\n"}, // as of an upload some of whose rows were rejected
		{"json", 1, true, false, false, "[{\"a\":1}\n"},
		{"json", 1, false, true, true, "{\"a\":1}\n"},
	} {
		var printed bytes.Buffer
		o, err := newOutput(&printed, test.format)
		if err != nil {
			t.Fatal(err)
		}
		o.live, o.broken = test.live, test.broken
		o.columns("a")
		for range test.rows {
			if err := o.row(whole(1)); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.end(test.done); err != nil || printed.String() != test.want {
			t.Errorf("%+v printed %q: %v", test, &printed, err)
		}
	}
}
