package door

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/child"
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

// blocksOf returns the blocks of a section of the page.
func blocksOf(t *testing.T, heading string) (blocks []block) {
	t.Helper()
	_, rest, found := strings.Cut(read(t, "README.md"), "\n## "+heading+"\n")
	section, _, ended := strings.Cut(rest, "\n## ")
	if !found || !ended {
		t.Fatalf("README.md has no section %q", heading)
	}
	for _, match := range fence.FindAllStringSubmatch(section, -1) {
		switch kind, text := match[1], match[2]; {
		case kind == "sh":
			blocks = append(blocks, block{paste: strings.TrimRight(text, "\n")})
		case kind == "text" && len(blocks) > 0:
			blocks[len(blocks)-1].shows = text
		default:
			t.Errorf("%q has a block that is neither pasted nor printed:\n%s", heading, text)
		}
	}
	return blocks
}

// module is the path of this module, which is the address of its repository.
func module(t *testing.T) string {
	t.Helper()
	return regexp.MustCompile(`(?m)^module (\S+)$`).FindStringSubmatch(read(t, "go.mod"))[1]
}

// TestReadme_WorksAsItIsPasted clones what was committed last, by the line of the page, and pastes one block after the other: those of the
// quick start, and that of two regions.
func TestReadme_WorksAsItIsPasted(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles the whole system")
	}
	if out, err := exec.Command("git", "-C", root(t), "rev-parse", "HEAD").CombinedOutput(); err != nil {
		t.Skipf("not a git checkout, so that nothing can be cloned: %s", out)
	}
	const blocksMin = 6
	blocks := blocksOf(t, "Quick start")
	if len(blocks) < blocksMin {
		t.Fatalf("only %d blocks are pasted", len(blocks))
	}
	dir := t.TempDir()
	clone, run, found := strings.Cut(blocks[0].paste, "\nmake run")
	if want := "git clone https://" + module(t) + ".git\ncd "; !found || run != "" || !strings.HasPrefix(clone, want) {
		t.Fatalf("the first block is\n%s", blocks[0].paste)
	}
	openTerminal(t, dir, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url.file://"+root(t)+".insteadOf", "GIT_CONFIG_VALUE_0=https://"+module(t)+".git").
		paste(clone, 3*time.Minute)
	checkout := filepath.Join(dir, filepath.Base(module(t)))
	bring(t, checkout)

	t.Run("the quick start", func(t *testing.T) {
		first := startsUp(t, checkout, "make run", 8*time.Minute)
		comparePrinted(t, blocks[0].shows, first.out.String())
		pasteAll(t, checkout, blocks[1:])
		ends(t, checkout, first)
	})
	t.Run("two regions", func(t *testing.T) {
		const heading, command = "Two regions on one machine", "make run REGIONS=2"
		if !strings.Contains(read(t, "README.md"), "`"+command+"`") {
			t.Errorf("the page does not say %s", command)
		}
		blocks := blocksOf(t, heading)
		if len(blocks) != 1 || blocks[0].shows == "" {
			t.Fatalf("%d blocks are pasted", len(blocks))
		}
		both := startsUp(t, checkout, command, 8*time.Minute)
		pasteAll(t, checkout, blocks)
		ends(t, checkout, both)
	})
	if out, err := exec.Command("git", "-C", checkout, "status", "--porcelain").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("what was pasted leaves changes in the checkout: %s%v", out, err)
	}
}

// startsUp runs a command that starts the system, in a terminal of its own, and waits until it is there.
func startsUp(t *testing.T, checkout, command string, within time.Duration) *terminal {
	t.Helper()
	port, err := child.FreePort(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	first := openTerminal(t, checkout, "PORT="+strconv.Itoa(port))
	first.begin(command)
	await.NoError(t, within, func() error {
		if _, err := os.Stat(filepath.Join(checkout, ".local", "stack.json")); err != nil {
			return fmt.Errorf("it does not run:\n%s", first.out.String())
		}
		return nil
	})
	await.True(t, time.Minute, "it says how it is called", func() bool { return strings.Contains(first.out.String(), "Try it:") })
	return first
}

// pasteAll pastes blocks into a second terminal and compares what they print with what the page shows.
func pasteAll(t *testing.T, checkout string, blocks []block) {
	t.Helper()
	second := openTerminal(t, checkout)
	for _, b := range blocks {
		printed := second.paste(b.paste, 3*time.Minute)
		if got, want := lasting(printed), lasting(b.shows); got != want {
			t.Errorf("the block\n%s\nprinted\n%s\nand the page shows\n%s", b.paste, got, want)
		}
	}
}

// ends ends the system by Ctrl-C.
func ends(t *testing.T, checkout string, first *terminal) {
	t.Helper()
	first.signal(syscall.SIGINT)
	await.NoError(t, time.Minute, func() error {
		if _, err := os.Stat(filepath.Join(checkout, ".local", "stack.json")); !errors.Is(err, os.ErrNotExist) {
			return errors.New("it does not end")
		}
		return nil
	})
	await.Receive(t, time.Minute, "the end of make", first.exited)
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
