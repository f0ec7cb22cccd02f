package browser_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMachines_ProgramsRunAsTheyStand pastes each program into a file and runs it with a machine's credentials in its environment.
func TestMachines_ProgramsRunAsTheyStand(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/machines")
	p.see(`[role="tab"]`)
	p.says("main", local.Info.TokenURL)
	p.shot("programs")
	p.accessible("programs")
	source := eval[string](p, `document.documentElement.outerHTML`)
	if strings.Contains(source, local.Info.ClientSecret) || strings.Contains(source, local.Info.ClientID) {
		t.Error("the page holds a machine's credentials")
	}
	for _, program := range []struct {
		language, name string
		command        []string
	}{
		{"curl", "first.sh", []string{"sh", "first.sh"}},
		{"Python", "first.py", []string{"python3", "first.py"}},
		{"Go", "first.go", []string{"go", "run", "first.go"}},
		{"JavaScript", "first-batch.mjs", []string{"node", "first-batch.mjs"}},
	} {
		code := eval[string](p, `document.querySelector(%s).textContent`, `[data-language="`+program.language+`"] code`)
		if _, err := exec.LookPath(program.command[0]); err != nil && os.Getenv("CI") != "true" {
			t.Logf("left out: %s is not here", program.command[0])
			continue
		}
		if out := runProgram(t, code, program.name, program.command); !strings.Contains(out, `"accepted":2`) {
			t.Errorf("%s printed %q", program.language, out)
		}
	}
	var stored struct{ Items []struct{ Value string } }
	p.ask("/sensor-data?numbers=string&equipmentId=EQ-FIRST", &stored)
	if len(stored.Items) != 2 {
		t.Errorf("stored %+v", stored.Items)
	}
}

func runProgram(t *testing.T, code, name string, command []string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, command[0], command[1:]...)
	run.Dir = folder
	run.Env = append(os.Environ(), "CLIENT_ID="+local.Info.ClientID, "CLIENT_SECRET="+local.Info.ClientSecret, "GOFLAGS=-mod=mod")
	out, err := run.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v\n%s", command, err, out)
	}
	return string(out)
}

func TestMachines_TabsAreChosenByArrows(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/machines")
	p.click(`[role="tab"]`)
	p.key("\u0303") // the arrow to the right
	p.await("the next program is shown", `document.activeElement.textContent === "Python" && !document.querySelector('[data-language="Python"]').hidden
		&& document.querySelector('[data-language="curl"]').hidden`)
}

func TestMachines_TellRegionAndHealth(t *testing.T) {
	t.Parallel()
	p := open(t, look{language: "pt-BR"})
	p.signIn("#/machines")
	p.says("#console section:last-child", "eu-west-1")
	for _, part := range []string{"Tabelas", "Depósito de arquivos", "Chaves de acesso"} {
		p.says("#console section:last-child", part)
	}
	p.await("all works", `document.querySelectorAll("main .status.ready").length === 4`)
	p.answerWith("/readyz", http.StatusServiceUnavailable, map[string]any{
		"type": "about:blank", "title": "Unavailable", "status": "unready", "parts": map[string]string{"tables": "unready", "bucket": "ready"},
		"message": "Not reachable from here: tables.",
	})
	p.faults.expect("status of 503")
	p.click(`nav a[data-view="send"]`)
	p.click(`nav a[data-view="machines"]`)
	p.says("main .status.unready", "não funciona")
	p.shot("unready")
}
