package soak_test

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/profiling"
	"github.com/sensorflow/sensorflow/test/soak"
)

// What is seen is what is there: this process itself, with goroutines and files that the test adds.
func TestInspect_SeesWhatIsLeftBehind(t *testing.T) {
	programs := soak.NewPrograms()
	stop, err := profiling.Serve(t.Context(), "127.0.0.1:0", slog.New(slog.NewJSONHandler(programs.Log("test"), nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	look := func() soak.Inspection {
		t.Helper()
		seen, err := programs.Inspect(t.Context(), "test", []int{os.Getpid()})
		if err != nil {
			t.Fatal(err)
		}
		return seen
	}
	before := look()
	if before.Instances != 1 || before.Heap == 0 || before.Goroutines == 0 || before.Files == 0 || before.Resident < before.Heap {
		t.Errorf("seen %+v", before)
	}
	const goroutines, files, bytes = 50, 40, 32 << 20
	end := make(chan struct{})
	defer close(end)
	for range goroutines {
		go func() { <-end }()
	}
	for range files {
		file, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close() }()
	}
	held := make([]byte, bytes)
	after := look()
	const slack = 10 // connections and goroutines of the asking itself
	if n := after.Goroutines - before.Goroutines; n < goroutines-slack || n > goroutines+slack {
		t.Errorf("%d goroutines more are seen, %d there are", n, goroutines)
	}
	if n := after.Files - before.Files; n < files-slack || n > files+slack {
		t.Errorf("%d files more are seen, %d there are", n, files)
	}
	runtime.KeepAlive(held)
	if n := after.Heap - before.Heap; n < bytes*9/10 {
		t.Errorf("%d bytes more are seen, %d there are", n, bytes)
	}
	if _, err := programs.Inspect(t.Context(), "another", []int{os.Getpid()}); err == nil {
		t.Error("a program that serves no profiles is seen")
	}
}

func TestPrograms_ReadTheAddressInPieces(t *testing.T) {
	programs := soak.NewPrograms()
	stop, err := profiling.Serve(t.Context(), "127.0.0.1:0", slog.New(slog.NewJSONHandler(pieces{programs}, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if seen, err := programs.Inspect(t.Context(), "test", nil); err != nil || seen.Instances != 1 {
		t.Errorf("seen %+v, error %v", seen, err)
	}
}

// pieces writes a log byte by byte, behind another line.
type pieces struct{ programs *soak.Programs }

func (p pieces) Write(b []byte) (int, error) {
	to := p.programs.Log("test")
	if _, err := fmt.Fprintln(to, `{"msg":"configured"}`); err != nil {
		return 0, err
	}
	for i := range b {
		if _, err := to.Write(b[i : i+1]); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}
