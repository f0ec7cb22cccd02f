package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
	"github.com/sensorflow/sensorflow/runtime/client/localsystem"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/capture"
)

func TestLocal_ServesTheWholeSystemAndFindsItAgainAfterARestart(t *testing.T) {
	ctx := testContext(t, 8*time.Minute)
	state, data := t.TempDir(), filepath.Join(t.TempDir(), "data")
	began := time.Now()
	p := launch(t, state, "DATA_DIR="+data)
	info := p.ready()
	start := time.Since(began)
	requirePrivate(t, filepath.Join(state, localsystem.StateFile), 0o600)
	requirePrivate(t, data, 0o700)
	requireDescription(t, p.output.String(), info)
	cookie := logIn(t, info)

	c, err := newClient(info)
	if err != nil {
		t.Fatal(err)
	}
	// The first reading pays for the function's cold start, which is part of what the whole system's start takes on this machine.
	now := time.Now().UTC().Truncate(time.Second)
	if rejected, err := c.SendBatch(ctx, []client.Reading{{EquipmentID: "EQ-1", Timestamp: now, Value: decimal("78.42")}}); err != nil || rejected != nil {
		t.Fatal(rejected, err)
	}
	if took := shows(t, func() (string, bool) {
		a, err := c.Summarize(ctx, client.Window{Interval: "24h"})
		return fmt.Sprintf("%v, %v", a, err), err == nil && a.Count == 1 && a.Average.String() == "78.42"
	}); took > showsWithin+start {
		t.Errorf("the first reading showed after %v, where everything was started within %v", took, start)
	}
	upload(ctx, t, c, client.Reading{EquipmentID: "EQ-2", Timestamp: now, Value: decimal("1.5")}, client.Reading{EquipmentID: "EQ-3", Timestamp: now, Value: decimal("2.5")})
	first := shows(t, func() (string, bool) {
		a, err := c.Summarize(ctx, client.Window{Interval: "24h"})
		return fmt.Sprintf("%v, %v", a, err), err == nil && a.Count == 3
	})

	token, err := c.SignIn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	other := launch(t, t.TempDir(), "DATA_DIR="+data)
	if status := other.status(time.Minute); status != 1 || !strings.Contains(other.output.String(), "another stack is using the data folder "+data) {
		t.Errorf("a second stack on the same folder: status %d\n%s", status, other.output)
	}

	children := descendants(t, p.cmd.Process.Pid)
	for _, name := range []string{"java", "api", "s3gateway", "aggregator", "csvprocessor"} {
		find(t, children, name)
	}
	if status := p.end(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d\n%s", status, p.output)
	}
	requireGone(t, children)
	if _, err := os.Stat(filepath.Join(state, localsystem.StateFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", localsystem.StateFile, err)
	}

	p = launch(t, state, "DATA_DIR="+data)
	again := p.ready()
	if again.Password != info.Password || again.ClientSecret != info.ClientSecret {
		t.Error("the restart has other credentials")
	}
	c = clientWith(t, again, token)
	if a, err := c.Summarize(ctx, client.Window{Interval: "24h"}); err != nil || a.Count != 3 {
		t.Errorf("after the restart: %v, %v", a, err)
	}
	if got := whoAmI(t, again, cookie); got != http.StatusOK {
		t.Errorf("the cookie of before: status %d", got)
	}
	upload(ctx, t, c, client.Reading{EquipmentID: "EQ-2", Timestamp: now, Value: decimal("3.5")}, client.Reading{EquipmentID: "EQ-4", Timestamp: now, Value: decimal("1")})
	second := shows(t, func() (string, bool) {
		a, err := c.Summarize(ctx, client.Window{Interval: "24h"})
		return fmt.Sprintf("%v, %v", a, err), err == nil && a.Count == 4 && a.Average.String() == "21.355" // 78.42, 3.5, 2.5 and 1
	})
	if took := min(first, second); took > showsWithin { // the other one may have waited for what else the machine does
		t.Errorf("readings of a file showed only after %v", took)
	}
	if status := p.end(os.Interrupt); status != 0 {
		t.Errorf("exit status %d\n%s", status, p.output)
	}
}

func TestDemo_SendsItsPlanToTheStackThatRuns(t *testing.T) {
	ctx := testContext(t, 8*time.Minute)
	p := launch(t, t.TempDir())
	info := p.ready()
	now := time.Now().UTC()
	hour := now.Truncate(time.Hour)
	plan := month{
		recent: samples(hour, now),
		files:  [][]client.Reading{samples(hour.Add(-2*time.Hour), hour.Add(-time.Hour-1)), samples(hour.Add(-time.Hour), hour.Add(-1))},
	}
	out := new(capture.Buffer)
	if err := demonstrate(ctx, info, plan, printer{out}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		fmt.Sprintf("1m   %8d   ", plan.total()), "\nIt took ", " s. Open " + info.ConsoleURL + " to look at it; the user is " + info.Username, info.Password + "\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if status := p.end(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

func TestLocal_LosesNothingAndLeavesNothingWhenKilled(t *testing.T) {
	ctx := testContext(t, 8*time.Minute)
	state, data := t.TempDir(), t.TempDir()
	p := launch(t, state, "DATA_DIR="+data)
	c, err := newClient(p.ready())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Hour)
	var all []client.Reading
	for i := range 100 {
		id := client.EquipmentID("EQ-" + strconv.Itoa(i%50))
		all = append(all, client.Reading{EquipmentID: id, Timestamp: now.Add(time.Duration(i) * time.Second), Value: decimal("0.1")})
	}
	if rejected, err := c.SendBatch(ctx, all); err != nil || rejected != nil {
		t.Fatal(rejected, err)
	}
	token, err := c.SignIn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	children := descendants(t, p.cmd.Process.Pid)
	p.end(syscall.SIGKILL) // most of the readings are not aggregated yet
	requireGone(t, children)

	p = launch(t, state, "DATA_DIR="+data) // the old stack.json is still there
	await.NoError(t, time.Minute, func() error {
		a, err := clientWith(t, p.ready(), token).Summarize(ctx, client.Window{Interval: "24h"})
		if err == nil && (a.Count != int64(len(all)) || a.Average.String() != "0.1") {
			err = fmt.Errorf("after the restart: %v", a)
		}
		return err
	})
	p.end(syscall.SIGTERM)
}

// TestLocal_TakesNothingFromOneThatRunsAndRemovesWhatOneThatWasKilledHasLeft starts a second one beside the first, and another one
// after that was killed.
func TestLocal_TakesNothingFromOneThatRunsAndRemovesWhatOneThatWasKilledHasLeft(t *testing.T) {
	state, temporary := t.TempDir(), t.TempDir()
	p := launch(t, state, "TMPDIR="+temporary)
	info := p.ready()
	second := launch(t, state, "TMPDIR="+temporary)
	if status := second.status(time.Minute); status != 1 || !strings.Contains(second.output.String(), "SensorFlow runs here already, at "+info.APIURL) {
		t.Errorf("a second one: status %d\n%s", status, second.output)
	}
	if now, err := localsystem.Find(state); err != nil || now.APIURL != info.APIURL {
		t.Errorf("after it the first one is found as %+v, %v", now, err)
	}

	elsewhere := "SensorFlow runs here already, at " + info.APIURL + " and not at port 1;"
	if err := run(t.Context(), []string{commandDemo, "-state", state}, []string{"PORT=1"}, printer{t.Output()}); err == nil || !strings.HasPrefix(err.Error(), elsewhere) {
		t.Errorf("a demonstration at another port: %v", err)
	}
	out := new(capture.Buffer)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- run(ctx, []string{commandDemo, "-state", state}, []string{"DATA_DIR=/elsewhere"}, printer{out})
	}()
	const says = "(it stays as it was started: DATA_DIR=/elsewhere says nothing to it; stop it to start another one)"
	await.True(t, time.Minute, "the demonstration says what it does not do", func() bool { return strings.Contains(out.String(), says) })
	cancel()
	_ = await.Receive(t, time.Minute, "the end of the demonstration", ended)

	children := descendants(t, p.cmd.Process.Pid)
	p.end(syscall.SIGKILL)
	requireGone(t, children)
	left, err := filepath.Glob(filepath.Join(temporary, "sensorflow-*"))
	if _, stat := os.Stat(filepath.Join(state, environFile)); err != nil || len(left) == 0 || stat != nil {
		t.Fatalf("the one that was killed has left %v, %v, %v", left, err, stat)
	}
	for _, args := range [][]string{{commandRunning}, {commandCut, "-region", "eu-central-1"}, {commandHeal, "-region", "eu-central-1"}} {
		if err := run(t.Context(), append(args, "-state", state), nil, printer{t.Output()}); !errors.Is(err, localsystem.ErrNone) {
			t.Errorf("%v: %v", args, err)
		}
	}
	p = launch(t, state, "TMPDIR="+temporary)
	await.NoError(t, time.Minute, func() error {
		now, err := localsystem.Find(state)
		if err == nil && now.Password == info.Password {
			err = errors.New("the old stack.json is there")
		}
		return err
	})
	for _, path := range left {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	if status := p.end(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d\n%s", status, p.output)
	}
	if left, err := filepath.Glob(filepath.Join(temporary, "sensorflow-*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

func TestLocal_EndsWithASentenceWhenAPartEnds(t *testing.T) {
	p := launch(t, t.TempDir())
	p.ready()
	children := descendants(t, p.cmd.Process.Pid)
	if err := syscall.Kill(find(t, children, "s3gateway"), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	status := p.status(time.Minute)
	want := "part s3: its process has ended; its log is " + filepath.Join(p.state, "logs", "s3.log")
	if status != 1 || !strings.Contains(p.output.String(), want) {
		t.Errorf("status %d, want 1 and %q:\n%s", status, want, p.output)
	}
	requireGone(t, children)
}

func TestObey_TakesSignalsThatComeTogetherForOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal)
		asked, forced := 0, 0
		go obey(signals, func() { asked++ }, func() { forced++ })
		for _, step := range []struct {
			after         time.Duration // of the step before
			asked, forced int
		}{
			{0, 1, 0},
			{again, 1, 0}, // as from one Ctrl-C that make passes on
			{time.Millisecond, 1, 1},
		} {
			time.Sleep(step.after)
			signals <- os.Interrupt
			synctest.Wait()
			if asked != step.asked || forced != step.forced {
				t.Errorf("after %v more: asked %d times, forced %d times, want %d and %d", step.after, asked, forced, step.asked, step.forced)
			}
		}
		close(signals)
	})
}

func TestLocal_EndsAtOnceOnTheSecondSignal(t *testing.T) {
	p := launch(t, t.TempDir())
	info := p.ready()
	children := descendants(t, p.cmd.Process.Pid)
	// A request whose body never comes keeps the API draining for seconds.
	connection, err := net.Dial("tcp", strings.TrimPrefix(info.APIURL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	c, err := newClient(info)
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.SignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(connection, "POST /sensor-data HTTP/1.1\r\nHost: local\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 50\r\nExpect: 100-continue\r\n\r\n", token.Value)
	if line, err := bufio.NewReader(connection).ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatalf("the request is not being read: %q, %v", line, err)
	}

	// Signals that come at nearly the same time, as from a Ctrl-C that make passes on, are one wish. A later one is another.
	began := time.Now()
	await.NoError(t, time.Minute, func() error {
		_ = p.cmd.Process.Signal(os.Interrupt) // an impatient person; it has just ended otherwise
		select {
		case <-p.exited:
			return nil
		default:
			return errors.New("it still runs")
		}
	})
	if took := time.Since(began); took < again || took > 4*time.Second { // less than the API drains
		t.Errorf("it took %v", took)
	}
	if status := p.status(time.Second); status != statusAtOnce {
		t.Errorf("exit status %d", status)
	}
	requireGone(t, children)
}

func TestLocal_NamesAPortInUse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	port := listener.Addr().(*net.TCPAddr).Port
	p := launch(t, t.TempDir(), "PORT="+strconv.Itoa(port))
	status := p.status(time.Minute)
	want := fmt.Sprintf("local: start the local stack: port %d is in use by another program; stop that one or choose another PORT\n", port)
	if status != 1 || p.output.String() != want {
		t.Errorf("status %d, output %q, want %q", status, p.output, want)
	}
}

// clientWith returns a client that has the token already.
func clientWith(t *testing.T, info stack.Info, token client.Token) *client.Client {
	t.Helper()
	c, err := client.New(client.Signed{}, []client.Region{{URL: info.APIURL}}, client.Options{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// upload sends a file of readings, all of which are to be accepted.
func upload(ctx context.Context, t *testing.T, c *client.Client, readings ...client.Reading) {
	t.Helper()
	content := csvOf(readings)
	done, err := c.Upload(ctx, "some.csv", bytes.NewReader(content), int64(len(content)), client.UploadOptions{})
	if err != nil || done.RowsAccepted != int64(len(readings)) {
		t.Fatalf("%+v, %v", done, err)
	}
}

func requirePrivate(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	found, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := found.Mode().Perm(); got != want {
		t.Errorf("%s has mode %o, want %o", path, got, want)
	}
}

func requireDescription(t *testing.T, printed string, info stack.Info) {
	t.Helper()
	for _, want := range []string{info.APIURL, info.ConsoleURL, info.DocsURL, info.TokenURL, info.Username, info.Password, info.ClientID, info.ClientSecret} {
		if want == "" || !strings.Contains(printed, want) {
			t.Errorf("%q is not in the table:\n%s", want, printed)
		}
	}
}

// showsWithin is how soon the aggregates have what was stored, which is the service's promise.
const showsWithin = 2 * time.Second

// shows returns how long it takes until the aggregates are as they should.
func shows(t *testing.T, try func() (string, bool)) time.Duration {
	t.Helper()
	began := time.Now()
	await.NoError(t, time.Minute, func() error {
		if what, ok := try(); !ok {
			return errors.New(what)
		}
		return nil
	})
	took := time.Since(began)
	t.Logf("took %v", took)
	return took
}

// logIn signs the person in and returns the cookie.
func logIn(t *testing.T, info stack.Info) *http.Cookie {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, info.APIURL+"/auth/login", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(info.Username, info.Password)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if cookies := response.Cookies(); response.StatusCode == http.StatusOK && len(cookies) == 1 {
		return cookies[0]
	}
	text, _ := io.ReadAll(response.Body)
	t.Fatalf("login: status %d, %s", response.StatusCode, text)
	return nil
}

func whoAmI(t *testing.T, info stack.Info, cookie *http.Cookie) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, info.APIURL+"/auth/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(cookie)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}
