package browser_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/sensorflow/sensorflow/runtime/client/localsystem"
	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/capture"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// local is the system that all tests share, and the browser that they open pages in.
var local struct {
	// own is the system that the tests have started, nil where they use one that runs; Info says how to reach it.
	own  *stack.Stack
	Info stack.Info
	// client is a machine with all scopes.
	client *probe.Client
	// browser is Chromium; each test opens a page of its own, with cookies of its own.
	browser context.Context
	// axe is the source of axe-core.
	axe string
	// shots is the folder of the screenshots.
	shots string
	log   capture.Buffer
}

const (
	// startWithin bounds the start, of which the month of readings takes the most, and the first time what is compiled.
	startWithin = 10 * time.Minute
	// The month has a reading an hour of the first ten equipments, and one every four hours of the others.
	monthEquipments, monthHours      = 50, 720
	hourlyEquipments, seldom, oneDay = 10, 4, 24
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	root, err := checkout.Root()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	chromium, axe, err := tools(root)
	if err != nil {
		return leftOut(err)
	}
	local.axe, local.shots = axe, filepath.Join(root, ".local", "browser")
	if err := errors.Join(os.RemoveAll(local.shots), os.MkdirAll(local.shots, 0o750)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	began := time.Now()
	if err := start(ctx, root, chromium); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, local.log.String())
		return 1
	}
	fmt.Printf("the system and its month of readings were ready after %.0f s\n", time.Since(began).Seconds())
	code := m.Run()
	if err := errors.Join(chromedp.Cancel(local.browser), stop()); err != nil {
		fmt.Fprintf(os.Stderr, "--- FAIL: stop the browser and the system: %v\n", err)
		code = 1
	}
	if code != 0 {
		file := filepath.Join(local.shots, "system.log")
		_ = os.WriteFile(file, []byte(local.log.String()), 0o600)
		fmt.Fprintln(os.Stderr, "the system's log is in", file)
	}
	return code
}

// leftOut ends a run that cannot take place: quietly on somebody's machine, as a failure in the gate.
func leftOut(why error) int {
	if os.Getenv("CI") == "true" {
		fmt.Fprintf(os.Stderr, "--- FAIL: the browser's tests cannot be left out here: %v\n", why)
		return 1
	}
	fmt.Fprintf(os.Stderr, "the browser's tests are left out: %v\n", why)
	return 0
}

// tools finds the browser and reads axe-core.
func tools(root string) (chromium, axe string, err error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if chromium, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if chromium == "" {
		return "", "", errors.New("no Chromium was found; `make browser` gets it on Debian")
	}
	source, err := os.ReadFile(filepath.Join(root, ".local", "axe", "axe.min.js"))
	if err != nil {
		return "", "", fmt.Errorf("axe-core is not there; `make browser` gets it: %w", err)
	}
	return chromium, string(source), nil
}

// start runs the system and the browser, and fills the system with a month.
func start(ctx context.Context, root, chromium string) error {
	starting, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	if err := system(starting, root); err != nil {
		return err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.Flag("lang", "en-US"))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium has none for root
	}
	allocator, _ := chromedp.NewExecAllocator(ctx, options...)
	local.browser, _ = chromedp.NewContext(allocator)
	if err := chromedp.Do(local.browser); err != nil {
		return fmt.Errorf("start Chromium: %w", err)
	}
	token, err := probe.MachineToken(starting, local.Info.TokenURL, local.Info.ClientID, local.Info.ClientSecret)
	if err != nil {
		return err
	}
	local.client = &probe.Client{Base: local.Info.APIURL, Token: token, HTTP: probe.NewHTTP()}
	return fillMonth(starting)
}

// system starts a system. With RUNNING=yes it takes the one that `make demo` has started here, with what it holds, for those who change
// the console.
func system(ctx context.Context, root string) (err error) {
	if os.Getenv("RUNNING") == "" {
		if local.own, err = stack.Start(ctx, stack.Options{Log: &local.log}); err == nil {
			local.Info = local.own.Info
		}
		return err
	}
	if local.Info, err = localsystem.Find(filepath.Join(root, localsystem.StateFolder)); err != nil {
		return fmt.Errorf("find the running system: %w", err)
	}
	return nil
}

func stop() error {
	if local.own == nil {
		return nil
	}
	return local.own.Stop()
}

// monthReadings is how many readings the month has.
const monthReadings = (hourlyEquipments + (monthEquipments-hourlyEquipments)/seldom) * monthHours

// fillMonth uploads the month and waits until the aggregates hold it.
func fillMonth(ctx context.Context) error {
	if local.own == nil {
		return nil
	}
	id, err := local.client.UploadFile(ctx, "month.csv", month(time.Now()))
	if err != nil {
		return err
	}
	upload, err := local.client.WaitForUpload(ctx, id)
	if err != nil {
		return err
	}
	if upload.RowsAccepted != monthReadings {
		return fmt.Errorf("the month's upload ended as %s with %d of %d rows", upload.Status, upload.RowsAccepted, monthReadings)
	}
	return await.Until(ctx, func() error { return heldReadings(ctx) })
}

// heldReadings returns an error as long as the aggregates hold less than the month.
func heldReadings(ctx context.Context) error {
	answer, err := local.client.Do(ctx, probe.Call{Path: "/sensor-data/aggregated?interval=1m&limit=1"})
	if err != nil {
		return err
	}
	var window struct{ TotalCount int }
	if err := answer.Decode(&window); err != nil {
		return err
	}
	if window.TotalCount < monthReadings {
		return fmt.Errorf("the aggregates hold %d of %d readings", window.TotalCount, monthReadings)
	}
	return nil
}

// month makes the file: each equipment has a level of its own and a daily wave, so that lines can be told apart.
func month(now time.Time) []byte {
	var b bytes.Buffer
	b.WriteString("equipmentId,timestamp,value\n")
	first := now.UTC().Truncate(time.Hour).Add(-(monthHours - 1) * time.Hour)
	for i := range monthEquipments {
		step := 1
		if i >= hourlyEquipments {
			step = seldom
		}
		for hour := 0; hour < monthHours; hour += step {
			at := first.Add(time.Duration(hour) * time.Hour)
			wave := min(at.Hour(), oneDay-at.Hour())
			fmt.Fprintf(&b, "EQ-%05d,%s,%d.%d\n", 12001+i, at.Format(time.RFC3339), 20+i+wave, (i*7+hour)%10)
		}
	}
	return b.Bytes()
}
