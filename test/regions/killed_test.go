package regions_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/runtime/local/s3local"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/capture"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// program is `make run REGIONS=2 DATA_DIR=…` without make, which lives several times.
type program struct {
	t           *testing.T
	bin         string
	state, data string
	cmd         *exec.Cmd
	out         *capture.Buffer
	exited      chan struct{}
}

func newProgram(t *testing.T) *program {
	t.Helper()
	p := &program{t: t, bin: filepath.Join(build(t), "local"), state: t.TempDir(), data: t.TempDir()}
	t.Cleanup(func() {
		if t.Failed() {
			kept := filepath.Join(os.TempDir(), "sensorflow-"+t.Name()+"-logs")
			_ = os.RemoveAll(kept)
			t.Logf("the last life's logs are in %s: %v", kept, os.CopyFS(kept, os.DirFS(filepath.Join(p.state, "logs"))))
		}
	})
	return p
}

// build brings all programs up to date.
func build(t *testing.T) (bin string) {
	t.Helper()
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	if bin, err = checkout.Build(t.Context(), root, ".", "./runtime/local", "./runtime/cmd/..."); err != nil {
		t.Fatal(err)
	}
	if _, err := s3local.Build(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	return bin
}

// live begins a life and returns once it is ready.
func (p *program) live() *drill {
	p.t.Helper()
	p.out, p.exited = new(capture.Buffer), make(chan struct{})
	p.cmd = exec.Command(p.bin, "-state", p.state, "-data-dir", p.data, "-regions", "2", "-regions-delay", regionDelay.String(), "-port", "0")
	p.cmd.Env = append(os.Environ(), "DATA_DIR=", "REGIONS=", "PORT=")
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	before, _ := os.Stat(filepath.Join(p.state, "stack.json"))
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	exited, cmd := p.exited, p.cmd
	go func() { _ = cmd.Wait(); close(exited) }()
	p.t.Cleanup(func() { _ = cmd.Process.Kill(); <-exited })
	d := &drill{t: p.t, log: p.out, Regions: &stack.Regions{}}
	await.NoError(p.t, 5*time.Minute, func() error {
		select {
		case <-p.exited:
			p.t.Fatalf("it ended while starting:\n%s", p.out)
		default:
		}
		path := filepath.Join(p.state, "stack.json")
		if now, err := os.Stat(path); err != nil || before != nil && now.ModTime().Equal(before.ModTime()) {
			return errors.Join(errors.New("it is not ready"), err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return json.Unmarshal(content, &d.Info)
	})
	d.Stacks = p.stacks(d.Info)
	d.first, d.second = d.member(0, 1), d.member(1, 0)
	return d
}

// stacks are what the drills need to know of regions that run in another process.
func (p *program) stacks(info stack.Info) []*stack.Stack {
	p.t.Helper()
	content, err := os.ReadFile(filepath.Join(p.state, "stack.env"))
	if err != nil {
		p.t.Fatal(err)
	}
	environ := map[string]string{}
	for line := range strings.Lines(string(content)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		environ[name] = value
	}
	var stacks []*stack.Stack
	for _, region := range info.Regions {
		s := &stack.Stack{Region: region.Name, DynamoDBEndpoint: environ["AWS_ENDPOINT_URL_DYNAMODB"], Tables: map[string]string{}}
		for _, t := range contract.Tables() {
			s.Tables[t.Name] = strings.Replace(environ[t.EnvKey], environ[contract.EnvRegion], region.Name, 1)
		}
		stacks = append(stacks, s)
	}
	return stacks
}

// kill ends everything with SIGKILL, while clients send.
func (p *program) kill(loads ...*load) {
	p.t.Helper()
	for _, l := range loads {
		l.ends.Store(true)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	<-p.exited
	for _, l := range loads {
		l.end()
	}
}

// command runs cut or heal, as make does.
func (p *program) command(ctx context.Context, name string) (said string, err error) {
	out, err := exec.CommandContext(ctx, p.bin, name, "-state", p.state, "-region", stack.RegionNames()[1]).CombinedOutput()
	return string(out), err
}

// tell is a command that must do.
func (p *program) tell(ctx context.Context, name string) {
	p.t.Helper()
	said, err := p.command(ctx, name)
	if err != nil {
		p.t.Errorf("%s: %v", name, err)
	}
	p.t.Logf("%s: %s", name, said)
}

// TestRegions_GoOnAfterEverythingWasKilled kills two regions, with all that they consist of, while clients send to both: cut off from
// each other, while what had waited arrives, and joined. A last life ends with both equal and exact, and nothing acknowledged is lost.
func TestRegions_GoOnAfterEverythingWasKilled(t *testing.T) {
	ctx := t.Context()
	p := newProgram(t)
	ledgers := [2]*ledger{newLedger(), newLedger()}
	var loads []*load
	begin := func(d *drill) (both []*load) {
		for i, m := range []*member{d.first, d.second} {
			l := newLoad(m, i)
			l.life, l.ledger = len(loads), ledgers[i]
			l.start(ctx)
			both = append(both, l)
		}
		loads = append(loads, both...)
		return both
	}

	d := p.live()
	token, cookie := d.first.client.Token, d.signIn(d.second)
	both := begin(d)
	pause(ctx, togetherFor)
	p.tell(ctx, "cut")
	gone := d.signIn(d.second)
	d.signOut(d.second, gone) // travels once they are joined
	upload := d.sendFile(d.second, 1)
	pause(ctx, togetherFor)
	p.kill(both...)

	d = p.live()
	if !strings.Contains(p.out.String(), "cut off") {
		t.Errorf("it does not say that a region is still cut off:\n%s", p.out)
	}
	both = begin(d)
	pause(ctx, togetherFor)
	apart := len(d.readings(d.first)) - len(d.readings(d.second))
	healed := make(chan error)
	go func() {
		_, err := p.command(ctx, "heal")
		healed <- err
	}()
	await.True(t, time.Minute, "something that had waited arrives", func() bool {
		return len(d.readings(d.first))-len(d.readings(d.second)) != apart
	})
	p.kill(both...)
	if err := <-healed; err == nil {
		t.Log("everything had arrived before it was killed: this time the drill has tested less than it can")
	}

	d = p.live()
	both = begin(d)
	pause(ctx, togetherFor)
	p.kill(both...)

	d = p.live()
	t.Logf("the last life says: %s", firstLine(p.out.String(), "SensorFlow is running"))
	both = begin(d)
	pause(ctx, togetherFor)
	for _, l := range both {
		l.end()
	}
	// An invocation that fails on a busy machine is made again in the next life, or else after a quarter of an hour.
	d.fileEnds(d.second, upload)
	ended := time.Now()
	p.tell(ctx, "heal")
	d.equal(equalWithin)
	d.exact(d.first, equalWithin)
	d.exact(d.second, equalWithin)
	d.equal(equalWithin)
	settled := time.Since(ended)
	d.known(d.first, cookie, http.StatusOK)
	// A logout that arrives more than a minute late is found when its hour is read once more, which each is twice a minute.
	await.NoError(t, equalWithin, func() error { return d.knows(d.first, gone, http.StatusUnauthorized) })
	old := &probe.Client{Base: d.second.client.Base, Token: token}
	if got, err := old.Do(ctx, probe.Call{Path: "/sensor-data/aggregated?interval=24h"}); err != nil || got.Status != http.StatusOK {
		t.Errorf("the token of the first life: %d %s, %v", got.Status, got.Body, err)
	}
	stored := d.readings(d.first)
	found := lost(stored, ledgers[:]...)
	for i, difference := range found {
		if i < 10 {
			t.Error(difference)
		}
	}
	var sent, refused int64
	for _, l := range loads {
		sent, refused = sent+l.sent.Load(), refused+l.refused.Load()
		for _, fault := range l.faults {
			t.Error(fault)
		}
	}
	t.Logf("killed 3 times, sent %d requests, lost %d of %d readings, refused %d; equal and exact %.1f s after the last one",
		sent, len(found), len(stored), refused, settled.Seconds())
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await.Receive(t, time.Minute, "the end of the program", p.exited)
	if status := p.cmd.ProcessState.ExitCode(); status != 0 {
		t.Errorf("it ended with status %d\n%s", status, p.out)
	}
}

func firstLine(text, with string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, with) {
			return strings.TrimSpace(line)
		}
	}
	return fmt.Sprintf("nothing of %q", with)
}
