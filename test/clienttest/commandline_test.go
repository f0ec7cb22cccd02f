package clienttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/capture"
)

func asError(err error, to **client.Error) bool { return errors.As(err, to) }

// stamp is a time some minutes ago, as a timestamp.
func stamp(minutes int) string {
	return time.Now().UTC().Add(-time.Duration(minutes) * time.Minute).Format(time.RFC3339)
}

func TestCommandLine_SendsAndQueries(t *testing.T) {
	u := newUser(t)
	first, second := stamp(20), stamp(10)
	u.types(0, "", "send", "cli.one", "78.42", first)
	if got := u.types(0, "", "send", "cli.one", "-0.10", second, "-o", "csv"); !strings.HasSuffix(got.out, ",cli.one,"+second+",-0.1\n") {
		t.Errorf("send printed %q", got.out)
	}
	raw := u.types(0, "", "query", "-raw", "cli.one", "-o", "json")
	var rows []struct {
		EquipmentID, Timestamp, RegisterTime string
		Value                                json.Number
	}
	if err := json.Unmarshal([]byte(raw.out), &rows); err != nil || len(rows) != 2 || rows[0].Value != "-0.1" || rows[1].Value != "78.42" {
		t.Errorf("query -raw printed %s (%v)", raw.out, err)
	}
	if got := u.types(0, "", "query", "-raw", "-limit", "1", "cli.one"); strings.Count(got.out, "\n") != 2 || !strings.HasPrefix(got.out, "EQUIPMENTID  TIMESTAMP") {
		t.Errorf("one row of a table is %q", got.out)
	}
	if got := u.types(0, "", "query", "-raw", "cli.nobody", "-o", "json"); got.out != "[]\n" {
		t.Errorf("no rows are %q", got.out)
	}
	await.NoError(t, time.Minute, func() error {
		got := u.types(0, "", "query", "cli.one", "-o", "csv")
		if !strings.HasPrefix(got.out, "equipmentId,start,count,total,min,max\ncli.one,") || !strings.Contains(got.err, "2 readings with the average 39.16") {
			return fmt.Errorf("query printed\n%s%s", got.out, got.err)
		}
		return nil
	})
	if got := u.types(0, "", "equipment", "cli.o"); !strings.Contains(got.out, "cli.one") || !strings.Contains(got.out, "-0.1") {
		t.Errorf("equipment printed %s", got.out)
	}
	if got := u.types(2, "", "delete", "cli.one", "-at", first); !strings.Contains(got.err, "-yes") {
		t.Errorf("delete without -yes says %s", got.err)
	}
	if got := u.types(0, "", "delete", "cli.one", "-at", first, "-yes", "-o", "csv"); got.out != "equipmentId,deleted\ncli.one,1\n" {
		t.Errorf("delete printed %s", got.out)
	}
}

// TestCommandLine_KeepsEachDigitAndReadsEachZone sends values and times in unusual forms and reads them again.
func TestCommandLine_KeepsEachDigitAndReadsEachZone(t *testing.T) {
	u := newUser(t)
	at := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	var input, want strings.Builder
	for i, value := range []struct{ sent, stored string }{
		{"1e5", "100000"}, {"-0", "0"}, {"-0.0e3", "0"}, {"1E-27", "0.000000000000000000000000001"}, {"7.10", "7.1"},
		{"123456789012345678901234567.12345678901", "123456789012345678901234567.12345678901"},
		{"-999999999999999999999999999", "-999999999999999999999999999"},
	} {
		when := at.Add(-time.Duration(i) * time.Second)
		zone := time.FixedZone("", (i-3)*3600+1800*(i%2))
		fmt.Fprintf(&input, `{"equipmentId":"cli.digits","timestamp":%q,"value":%s}`+"\n", when.In(zone).Format(time.RFC3339), value.sent)
		fmt.Fprintf(&want, "cli.digits,%s,%s\n", when.Format(time.RFC3339), value.stored)
	}
	u.types(0, input.String(), "send", "-")
	if got := u.types(0, "", "export", "cli.digits"); strings.ReplaceAll(got.out, "\r", "") != "equipmentId,timestamp,value\n"+want.String() {
		t.Errorf("what is stored:\n%swant\n%s", got.out, &want)
	}
	single := at.Add(time.Minute)
	got := u.types(0, "", "send", "cli.digits", "-1e5", single.In(time.FixedZone("", -3*3600)).Format(time.RFC3339), "-o", "csv")
	if !strings.HasSuffix(got.out, ",cli.digits,"+single.Format(time.RFC3339)+",-100000\n") {
		t.Errorf("send printed %s", got.out)
	}
}

// TestCommandLine_SendsStandardInput has both forms, each with lines that this program and that the service reject.
func TestCommandLine_SendsStandardInput(t *testing.T) {
	u := newUser(t)
	at := stamp(5)
	late := time.Now().UTC().Add(72 * time.Hour).Format(time.RFC3339)
	ndjson := fmt.Sprintf(`
{"equipmentId":"cli.lines","timestamp":%q,"value":1.50}
{"equipmentId":"cli.lines","timestamp":"yesterday","value":1}
{"equipmentId":"cli.lines","timestamp":%q,"value":1}
not JSON
`, at, late)
	got := u.types(4, ndjson, "send", "-")
	for _, want := range []string{"1 reading stored, 3 rejected", "line 2: timestamp must be", "line 4: is no reading", "cli.lines " + late + ": timestamp must not be more than 24 h in the future"} {
		if !strings.Contains(got.err, want) {
			t.Errorf("no %q in\n%s", want, got.err)
		}
	}
	csv := "\ufefftimestamp,value,equipmentId\r\n"
	now := time.Now().UTC() // once: a second that ends meanwhile would have two of them at the same time
	for i := range 3000 {
		csv += fmt.Sprintf("%s,%d.25,cli.csv\r\n", now.Add(-time.Duration(i)*time.Second).Format(time.RFC3339), i)
	}
	if got := u.types(0, csv, "send", "-"); !strings.Contains(got.err, "3000 readings stored, 0 rejected") {
		t.Errorf("sending CSV says\n%s", got.err)
	}
	for _, input := range []string{"", "[1]", "a,b\n1,2\n"} {
		if got := u.types(2, input, "send", "-"); strings.Count(got.err, "\n") != 2 {
			t.Errorf("the input %q: not one sentence:\n%s", input, got.err)
		}
	}
	file := filepath.Join(u.home, "exported.csv")
	u.types(0, "", "export", "cli.csv", "-file", file)
	content, err := os.ReadFile(file)
	if err != nil || strings.Count(string(content), "\n") != 3001 {
		t.Errorf("the export has %d lines: %v", strings.Count(string(content), "\n"), err)
	}
	if got := u.types(0, "", "upload", file, "-o", "json"); !strings.Contains(got.out, `"rowsAccepted":3000,"rowsRejected":0`) {
		t.Errorf("upload printed %s", got.out)
	}
}

func TestCommandLine_TellsWhichRowsOfAFileAreRejected(t *testing.T) {
	u := newUser(t)
	file, rejects := filepath.Join(u.home, "some.csv"), filepath.Join(u.home, "rejects.csv")
	content := "equipmentId,timestamp,value\ncli.file," + stamp(1) + ",1\ncli.file,yesterday,2\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	got := u.types(4, "", "upload", file, "-rejects", rejects)
	if !strings.Contains(got.err, "rejected: 1 of 2 rows; they are in "+rejects) {
		t.Errorf("upload says %s", got.err)
	}
	if content, err := os.ReadFile(rejects); err != nil || !strings.Contains(string(content), "yesterday") {
		t.Errorf("the rejects are %q: %v", content, err)
	}
}

// TestCommandLine_TakesFilesOfOtherForms has one as a spreadsheet of Brazil writes it.
func TestCommandLine_TakesFilesOfOtherForms(t *testing.T) {
	u := newUser(t)
	file := filepath.Join(u.home, "planilha.csv")
	content := "Máquina;Hora;Temperatura\ncli.brasil;" + time.Now().UTC().Add(-time.Hour).Format("02/01/2006 15:04:05") + ";1234,5\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := u.types(4, "", "upload", file); !strings.Contains(got.err, "nothing was stored: ") {
		t.Errorf("without its form it is taken: %s", got.err)
	}
	form := `{"delimiter":";","decimal":",","timestamps":"local","dates":"dmy","timezone":"UTC",` +
		`"columns":{"equipmentId":"Máquina","timestamp":"Hora","value":"Temperatura"}}`
	u.types(0, "", "upload", file, "-format", form)
	if got := u.types(0, "", "query", "-raw", "cli.brasil", "-o", "csv"); !strings.Contains(got.out, ",1234.5,") {
		t.Errorf("query printed %s", got.out)
	}
	if got := u.types(4, "", "upload", file, "-format", `{"comma":1}`); !strings.Contains(got.err, "comma") {
		t.Errorf("upload says of a format that there is not: %s", got.err)
	}
	if got := u.types(2, "", "upload", file, "-format", "{"); !strings.Contains(got.err, "-format must be a JSON object") {
		t.Errorf("a form that is none: %s", got.err)
	}
}

// TestCommandLine_KeepsTokens holds that a login is kept where nobody else can read it, without the secret, that it is used, and that it
// is forgotten.
func TestCommandLine_KeepsTokens(t *testing.T) {
	u := newUser(t)
	info := local.Info
	u.types(0, "", "whoami")
	before := private(t, u)
	u.types(0, "", "whoami")
	if after := private(t, u); len(before) != 1 || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("a second call changed the kept token: %v, then %v", before, after)
	}
	u.types(0, "", "login")
	for path, content := range private(t, u) {
		if strings.Contains(content, info.ClientSecret) {
			t.Errorf("%s holds the secret", path)
		}
	}
	bare := u.with()
	if got := bare.types(0, "", "whoami"); !strings.Contains(got.out, "sensor-flow/write") {
		t.Errorf("whoami by the login printed %s", got.out)
	}
	bare.types(0, "", "logout")
	if got := bare.types(2, "", "whoami"); !strings.Contains(got.err, "sensorflow login") {
		t.Errorf("without any address: %s", got.err)
	}

	person := u.with("SENSORFLOW_API=" + info.APIURL)
	person.types(0, info.Password+"\n", "login", "-user", info.Username, "-password-stdin")
	if got := person.types(0, "", "whoami"); !strings.Contains(got.out, "sensor-flow/read") {
		t.Errorf("whoami of a person printed %s", got.out)
	}
	var kept map[string]any
	content, err := os.ReadFile(filepath.Join(u.home, "config", "sensorflow", "login.json"))
	if err != nil || json.Unmarshal(content, &kept) != nil || strings.Contains(string(content), info.Password) {
		t.Fatalf("the login is kept as %s: %v", content, err)
	}
	person.types(0, "", "logout")
	person.types(3, "", "whoami")
	c, err := client.New(client.Signed{}, []client.Region{{URL: info.APIURL}}, client.Options{
		Token: client.Token{Value: kept["token"].(string), ExpiresAt: time.Now().Add(time.Hour)},
	})
	if err != nil {
		t.Fatal(err)
	}
	await.NoError(t, time.Minute, func() error {
		if _, err := c.Me(t.Context()); !errors.Is(err, client.ErrSignIn) {
			return fmt.Errorf("the person's token after the logout: %w", err)
		}
		return nil
	})
}

// private returns the files of the user's configuration folder, which nobody else can read.
func private(t *testing.T, u *user) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(filepath.Join(u.home, "config", "sensorflow"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v: %v", path, info.Mode(), err)
		}
		if entry.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		files[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestCommandLine_FindsTheLocalSystem(t *testing.T) {
	u := newUser(t).with()
	if got := u.types(5, "", "whoami", "-local"); !strings.Contains(got.err, "start it with make run") {
		t.Errorf("without a system: %s", got.err)
	}
	end := u.stackFile()
	defer end()
	u.types(0, "", "send", "cli.local", "1", "-local")
	u.types(0, "", "send", "cli.local", "2")
	// Whoever has credentials means a system, and not the one that happens to run here.
	named := u.with("SENSORFLOW_CLIENT_ID=x", "SENSORFLOW_CLIENT_SECRET=y")
	for _, command := range []string{"query", "login"} {
		if got := named.types(2, "", command); !strings.Contains(got.err, "say whom these credentials are for") {
			t.Errorf("%s with credentials alone: %s", command, got.err)
		}
	}
	if got := u.types(0, "", "whoami", "-local", "-user", local.Info.Username); !strings.Contains(got.out, local.Info.Username) {
		t.Errorf("whoami printed %s", got.out)
	}
	end()
	path := filepath.Join(u.home, ".local", "stack.json")
	for _, args := range [][]string{{"query"}, {"query", "-local"}, {"login"}, {"send", "-", "-local"}} {
		if got := u.types(5, "", args...); got.err != "sensorflow: the local system of "+path+" no longer runs: it ended without removing that file; start it again with make run\n" || got.out != "" {
			t.Errorf("%v, after it was killed: %s%s", args, got.out, got.err)
		}
	}
}

func TestCommandLine_SaysWhatIsWrong(t *testing.T) {
	u := newUser(t)
	info := local.Info
	for _, test := range []struct {
		name    string
		status  int
		environ []string
		args    []string
		says    string
	}{
		{"no such command", 2, u.environ, []string{"sned"}, `there is no command "sned"`},
		{"no such flag", 2, u.environ, []string{"query", "-intreval", "24h"}, "flag provided but not defined: -intreval"},
		{"a value that is none", 2, u.environ, []string{"send", "cli.one", "1,5"}, "value must be a JSON number"},
		{"a time that is none", 2, u.environ, []string{"query", "-from", "yesterday"}, "-from must be an RFC 3339 timestamp"},
		{"an export of another form", 2, u.environ, []string{"export", "cli.one", "-o", "json"}, "-o json does not do: export writes CSV"},
		{"no such file", 2, u.environ, []string{"upload", "nothing.csv"}, "no such file"},
		{"nobody", 3, []string{"SENSORFLOW_API=" + info.APIURL}, []string{"query"}, "sign in first"},
		{"a wrong secret", 3, []string{"SENSORFLOW_API=" + info.APIURL, "SENSORFLOW_TOKEN_URL=" + info.TokenURL, "SENSORFLOW_CLIENT_ID=" + info.ClientID, "SENSORFLOW_CLIENT_SECRET=x"},
			[]string{"query"}, "invalid_client"},
		{"a wrong password", 3, []string{"SENSORFLOW_API=" + info.APIURL, "SENSORFLOW_USER=nobody", "SENSORFLOW_PASSWORD=x"}, []string{"query"}, "The user name or the password is wrong"},
		{"a granularity of no window", 2, u.environ, []string{"query", "-granularity", "1d"}, "-granularity needs -from"},
		{"what the service refuses", 4, u.environ, []string{"send", "cli.one", "1", stamp(-72 * 60)}, "status 400"},
		{"nobody there", 5, []string{"SENSORFLOW_API=http://127.0.0.1:1", "SENSORFLOW_USER=a", "SENSORFLOW_PASSWORD=b"}, []string{"query"}, "connection refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			as := &user{t, t.TempDir(), test.environ}
			got := as.types(test.status, "", test.args...)
			if !strings.Contains(got.err, test.says) || strings.Count(got.err, "\n") != 1 || !strings.HasPrefix(got.err, "sensorflow: ") {
				t.Errorf("it says %q, want one line with %q", got.err, test.says)
			}
		})
	}
	if got := u.types(0, "", "help"); !strings.Contains(got.out, "sensorflow upload FILE") || got.err != "" {
		t.Errorf("help printed %s%s", got.out, got.err)
	}
	if got := u.types(0, "", "query", "-h"); !strings.Contains(got.out, "-granularity") {
		t.Errorf("query -h printed %s", got.out)
	}
}

func TestCommandLine_WatchesWhatComes(t *testing.T) {
	u := newUser(t)
	u.types(0, "", "send", "cli.watched", "1", stamp(3))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd, _, _ := u.command(ctx, "watch", "cli.watched", "-every", "1s", "-n", "2", "-o", "json")
	var out, progress capture.Buffer // both are read while they are written
	cmd.Stdout, cmd.Stderr = &out, &progress
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await.True(t, time.Minute, "it watches", func() bool { return strings.Contains(progress.String(), "watching cli.watched") })
	for _, value := range []string{"2", "3"} {
		u.types(0, "", "send", "cli.watched", value)
		await.True(t, time.Minute, "it shows "+value, func() bool { return strings.Contains(out.String(), `"value":`+value+`,`) })
	}
	if err := cmd.Wait(); err != nil || strings.Count(out.String(), "\n") != 2 || strings.Contains(out.String(), `"value":1,`) {
		t.Errorf("it printed\n%s%s%v", &out, &progress, err)
	}
}

// TestCommandLine_StoresWhatItReadBeforeItIsInterrupted interrupts a command whose standard input stays open.
func TestCommandLine_StoresWhatItReadBeforeItIsInterrupted(t *testing.T) {
	u := newUser(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd, _, progress := u.command(ctx, "send", "-")
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(input, "equipmentId,timestamp,value\ncli.interrupted,%s,1\n", stamp(2))
	await.NoError(t, time.Minute, func() error {
		if got := u.types(0, "", "query", "-raw", "cli.interrupted", "-o", "csv"); strings.Count(got.out, "\n") != 2 {
			return errors.New("the reading is not stored yet")
		}
		return nil
	})
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 130 || !strings.Contains(progress.String(), "1 reading stored, 0 rejected") {
		t.Errorf("status %d: %s", status, progress)
	}
}
