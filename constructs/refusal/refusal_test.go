package refusal_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/refusal"
	"github.com/sensorflow/sensorflow/constructs/sensorflow"
)

// mistake is the environment variable that makes an app of the test binary. Its value names the app's mistake.
const mistake = "SENSORFLOW_TEST_MISTAKE"

func TestMain(m *testing.M) {
	if os.Getenv(mistake) != "" {
		app()
		return
	}
	os.Exit(m.Run())
}

// app is the main function of an app with a mistake.
func app() {
	defer jsii.Close()
	defer refusal.Exit()
	top := awscdk.NewApp(nil)
	stack := awscdk.NewStack(top, jsii.String("Telemetry"), nil)
	switch os.Getenv(mistake) {
	case "props":
		sensorflow.NewSensorFlow(stack, "SensorFlow", &sensorflow.SensorFlowProps{
			Retention: time.Minute, AlarmEmails: []string{"on-call"},
		})
	case "scope":
		sensorflow.NewSensorFlow(top, "SensorFlow", nil)
	case "of the CDK":
		awscdk.NewStack(top, jsii.String("Telemetry"), nil)
	case "nil":
		var none *sensorflow.SensorFlow
		_ = none.Key
	case "none":
		fmt.Println("done")
	}
}

func TestExit_EndsAnAppWithTheSentence(t *testing.T) {
	for _, c := range []struct {
		mistake, want string
		status        int
	}{
		{"props", "Telemetry/SensorFlow: Retention must be at least 24h, got 1m; leave it out to keep readings for " +
			"ever\n" +
			"AlarmEmails[0] must be an e-mail address such as ops@example.com, got \"on-call\"\n", 1},
		{"scope", "SensorFlow: the scope must be a Stack or a construct in one; make one with awscdk.NewStack, " +
			"or those of several regions with sensorflow.NewMultiRegion\n", 1},
		{"of the CDK", "There is already a Construct with name 'Telemetry' in App\n", 1},
		{"none", "", 0},
	} {
		t.Run(c.mistake, func(t *testing.T) {
			said, status := run(t, c.mistake)
			if said != c.want || status != c.status {
				t.Errorf("it ends with the status %d and says\n%s\nwant %d and\n%s", status, said, c.status, c.want)
			}
		})
	}
	t.Run("leaves mistakes of the program their trace", func(t *testing.T) {
		said, _ := run(t, "nil")
		if !strings.Contains(said, "goroutine ") || !strings.Contains(said, "refusal_test.go") {
			t.Errorf("it says\n%s", said)
		}
	})
}

// run returns what the app writes to its standard error, and its status.
func run(t *testing.T, itsMistake string) (string, int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), mistake+"="+itsMistake, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return stderr.String(), cmd.ProcessState.ExitCode()
}

func TestSentence_LeavesOutTheTraceOfJavaScript(t *testing.T) {
	wrapped := fmt.Errorf("Stack/Id: %w", errors.New("no"))
	for name, c := range map[string]struct {
		recovered any
		want      string
	}{
		"an error as it is":  {wrapped, "Stack/Id: no"},
		"a trace":            {errors.New("Error: no\n    at Object.<anonymous> (x.js:1:2)"), "Error: no"},
		"a text":             {"Error: no\n    at f (x.js:1:2)\n    at g (x.js:3:4)", "Error: no"},
		"lines of their own": {"a must be b\nc must be d", "a must be b\nc must be d"},
	} {
		if got := refusal.Sentence(c.recovered); got == nil || got.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
	if got := refusal.Sentence(wrapped); !errors.Is(got, wrapped) {
		t.Errorf("the error is lost: %v", got)
	}
	if got := refusal.Sentence(nil); got != nil {
		t.Errorf("nothing is %v", got)
	}
}

func TestSentence_LeavesMistakesOfTheProgramTheirTrace(t *testing.T) {
	defer func() {
		if own, ok := recover().(runtime.Error); !ok {
			t.Errorf("it panics with %v", own)
		}
	}()
	var none *sensorflow.SensorFlow
	defer func() { t.Errorf("it is the sentence %v", refusal.Sentence(recover())) }()
	_ = none.Key
}
