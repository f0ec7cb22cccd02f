package door

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/await"
)

// root is the module's folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(append([]string{root(t)}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// block is what is to be pasted, and what the page shows that it prints, if anything.
type block struct{ paste, shows string }

var fence = regexp.MustCompile("(?s)```(\\w*)\n(.*?)```")

// quickStart returns the blocks of the quick start.
func quickStart(t *testing.T) (blocks []block) {
	t.Helper()
	_, rest, found := strings.Cut(read(t, "README.md"), "\n## Quick start\n")
	section, _, ended := strings.Cut(rest, "\n## ")
	if !found || !ended {
		t.Fatal("README.md has no quick start")
	}
	for _, match := range fence.FindAllStringSubmatch(section, -1) {
		switch kind, text := match[1], match[2]; kind {
		case "sh":
			blocks = append(blocks, block{paste: strings.TrimRight(text, "\n")})
		case "text":
			blocks[len(blocks)-1].shows = text
		default:
			t.Errorf("the quick start has a block that is neither pasted nor printed:\n%s", text)
		}
	}
	if len(blocks) < 6 {
		t.Fatalf("only %d blocks are pasted", len(blocks))
	}
	return blocks
}

// module is the path of this module, which is the address of its repository.
func module(t *testing.T) string {
	t.Helper()
	return regexp.MustCompile(`(?m)^module (\S+)$`).FindStringSubmatch(read(t, "go.mod"))[1]
}

// TestQuickStart_WorksAsItIsPasted clones what was committed last, by the line of the page, and pastes one block after the other.
func TestQuickStart_WorksAsItIsPasted(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles the whole system")
	}
	if out, err := exec.Command("git", "-C", root(t), "rev-parse", "HEAD").CombinedOutput(); err != nil {
		t.Skipf("not a git checkout, so that nothing can be cloned: %s", out)
	}
	blocks := quickStart(t)
	dir, port := t.TempDir(), freePort(t)
	clone, run, found := strings.Cut(blocks[0].paste, "\nmake run")
	if want := "git clone https://" + module(t) + ".git\ncd "; !found || run != "" || !strings.HasPrefix(clone, want) {
		t.Fatalf("the first block is\n%s", blocks[0].paste)
	}
	first := openTerminal(t, dir, "PORT="+port,
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url.file://"+root(t)+".insteadOf", "GIT_CONFIG_VALUE_0=https://"+module(t)+".git")
	first.paste(clone, time.Minute)
	checkout := filepath.Join(dir, filepath.Base(module(t)))
	bring(t, checkout)
	first.begin("make run")
	await.NoError(t, 8*time.Minute, func() error {
		if _, err := os.Stat(filepath.Join(checkout, ".local", "stack.json")); err != nil {
			return fmt.Errorf("it does not run:\n%s", first.out.String())
		}
		return nil
	})
	await.True(t, 10*time.Second, "it says how it is called", func() bool { return strings.Contains(first.out.String(), "Try it:") })
	comparePrinted(t, blocks[0].shows, first.out.String())

	second := openTerminal(t, checkout)
	for _, b := range blocks[1:] {
		printed := second.paste(b.paste, 30*time.Second)
		if got, want := lasting(printed), lasting(b.shows); got != want {
			t.Errorf("the block\n%s\nprinted\n%s\nand the page shows\n%s", b.paste, got, want)
		}
	}
	if out, err := exec.Command("git", "-C", checkout, "status", "--porcelain").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("what was pasted leaves changes in the checkout: %s%v", out, err)
	}
	first.signal(syscall.SIGINT)
	await.NoError(t, 20*time.Second, func() error {
		if _, err := os.Stat(filepath.Join(checkout, ".local", "stack.json")); !errors.Is(err, os.ErrNotExist) {
			return errors.New("it does not end")
		}
		return nil
	})
	await.Receive(t, 20*time.Second, "the end of make", first.exited)
}

// bring takes DynamoDB Local over from this checkout, where it is there, so that it is not downloaded again.
func bring(t *testing.T, checkout string) {
	t.Helper()
	have := filepath.Join(root(t), ".local", "dynamodb")
	if _, err := os.Stat(have); err != nil {
		return
	}
	if err := os.CopyFS(filepath.Join(checkout, ".local", "dynamodb"), os.DirFS(have)); err != nil {
		t.Fatal(err)
	}
}

// comparePrinted looks for each line of a table by its name.
func comparePrinted(t *testing.T, shows, printed string) {
	t.Helper()
	lines := 0
	for line := range strings.Lines(shows) {
		name, _, isRow := strings.Cut(strings.TrimSpace(line), "  ")
		if !isRow || !strings.HasPrefix(line, "  ") {
			continue
		}
		if lines++; !strings.Contains(printed, "\n  "+name+"  ") {
			t.Errorf("the page shows %q, which is not printed:\n%s", name, printed)
		}
	}
	if lines < 8 {
		t.Errorf("the page shows %d lines of the table", lines)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}
