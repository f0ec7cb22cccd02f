package stack_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/stack"
)

// begin starts one region or several on a folder, and returns what that says where it does not work.
func begin(t *testing.T, data string, regions int) error {
	t.Helper()
	o := stack.Options{DataDir: data, Log: t.Output(), Environ: []string{"IGNORED=1"}}
	var running interface{ Stop() error }
	var err error
	if regions == 1 {
		running, err = stack.Start(t.Context(), o)
	} else {
		running, err = stack.StartRegions(t.Context(), stack.RegionsOptions{Options: o, Count: regions, Delay: time.Millisecond})
	}
	if err == nil {
		err = running.Stop()
	}
	return err
}

func TestStart_RefusesAFolderOfAnotherNumberOfRegions(t *testing.T) {
	of := func(files ...string) string {
		dir := t.TempDir()
		for i := 0; i < len(files); i += 2 {
			if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	const two = `{"regions":["eu-west-1","eu-central-1"]}`
	for _, test := range []struct {
		name    string
		data    string
		regions int
		want    string
	}{
		{"one region's with two", of("credentials.json", "{}"), 2, "holds the data of one region; leave REGIONS out, or choose another DATA_DIR"},
		{"two regions' with one", of("credentials.json", "{}", "regions.json", two), 1, "holds the data of 2 regions (eu-west-1, eu-central-1); open it with REGIONS=2, or choose another DATA_DIR"},
		{"two regions' with three", of("regions.json", two), 3, "open it with REGIONS=2"},
		{"one that says nothing", of("regions.json", "two"), 2, "regions.json"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := begin(t, test.data, test.regions)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.data) || strings.Contains(err.Error(), "\n") {
				t.Errorf("it says %v, want %q", err, test.want)
			}
		})
	}
	// What it was made with is refused no more than a new one, and a start that was refused has changed nothing.
	data := of()
	for range 2 {
		if err := begin(t, data, 2); err != nil {
			t.Fatal(err)
		}
	}
	if err := begin(t, data, 1); err == nil {
		t.Error("the folder of two regions was opened with one")
	}
}
