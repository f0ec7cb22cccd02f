package bench_test

import (
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/constructs/goasset/gobuild"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/lambdalocal"
)

// startGoal is what a function may take from the start of its process to its first answer, its SDK clients built. It is not a
// cold start, to which AWS adds what it does before.
const startGoal = 25 * time.Millisecond

// environment is what both functions need to start; nothing is called.
func environment() []string {
	env := []string{"AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none", "AWS_EC2_METADATA_DISABLED=true"}
	for key, value := range map[string]string{
		contract.EnvRegion: "eu-west-1", contract.EnvReadingsTable: "Readings", contract.EnvAggregatesTable: "Aggregates",
		contract.EnvUploadsTable: "Uploads", contract.EnvUploadsBucket: "uploads", contract.EnvCSVQueueURL: "https://sqs.eu-west-1.amazonaws.com/1/csv",
	} {
		env = append(env, key+"="+value)
	}
	return env
}

// start runs a new process of the function until it has answered an event without records.
func start(tb testing.TB, binary string) time.Duration {
	tb.Helper()
	began := time.Now()
	f, err := lambdalocal.New(tb.Context(), lambdalocal.Options{Name: "function", Binary: binary, Env: environment()})
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	answer, err := f.Invoke(tb.Context(), []byte(`{"Records":[]}`))
	if err != nil {
		tb.Fatal(err)
	}
	took := time.Since(began)
	if string(answer) != `{"batchItemFailures":[]}` {
		tb.Fatalf("the answer is %s", answer)
	}
	return took
}

func binary(tb testing.TB, command string) string {
	tb.Helper()
	dir, err := gobuild.Function(command, runtime.GOARCH)
	if err != nil {
		tb.Fatal(err)
	}
	return filepath.Join(dir, gobuild.FunctionBinary)
}

// TestStart_OfEachFunctionMeetsTheGoal looks at the quickest of several starts: the others were delayed by what else the machine was doing.
func TestStart_OfEachFunctionMeetsTheGoal(t *testing.T) {
	for _, command := range []string{"aggregator", "csvprocessor"} {
		t.Run(command, func(t *testing.T) {
			program := binary(t, command)
			var took []time.Duration
			for range 20 {
				took = append(took, start(t, program))
			}
			slices.Sort(took)
			t.Logf("start to first answer: best %v, median %v, worst %v", took[0], took[len(took)/2], took[len(took)-1])
			if took[0] > startGoal {
				t.Errorf("the quickest start took %v, the goal is %v", took[0], startGoal)
			}
		})
	}
}

func BenchmarkStart(b *testing.B) {
	for _, command := range []string{"aggregator", "csvprocessor"} {
		b.Run(command, func(b *testing.B) {
			program := binary(b, command)
			for b.Loop() {
				start(b, program)
			}
		})
	}
}
