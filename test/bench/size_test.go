package bench_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sensorflow/sensorflow/constructs/goasset/gobuild"
)

// TestSize_OfWhatIsDeployed holds the sizes, as deployed on ARM: a new dependency, or one that calls methods by name and so makes
// the linker keep everything, shows here. Functions count unzipped; an image has two layers and nothing else, uncompressed. The CSV
// processor has the time zones and the client of S3 besides; fasthttp is 0.4 MB of each.
func TestSize_OfWhatIsDeployed(t *testing.T) {
	const mebibyte = 1 << 20
	for _, c := range []struct {
		name, command string
		build         func(command, architecture string) (string, error)
		bytesMax      int64
	}{
		{"the function aggregator", "aggregator", gobuild.Function, 12 * mebibyte},
		{"the function repairer", "repairer", gobuild.Function, 12 * mebibyte},
		{"the function auditor", "auditor", gobuild.Function, 12 * mebibyte},
		{"the function csvprocessor", "csvprocessor", gobuild.Function, 13 * mebibyte},
		{"the image of the API", "api", gobuild.Image, 15 * mebibyte},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, err := c.build(c.command, gobuild.ARM64)
			if err != nil {
				t.Fatal(err)
			}
			var size int64
			for _, name := range []string{gobuild.FunctionBinary, "app", "ca-certificates.crt"} {
				if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
					size += info.Size()
				}
			}
			t.Logf("%.1f MB", float64(size)/1e6)
			if size == 0 || size > c.bytesMax {
				t.Errorf("it has %d bytes, more than %d", size, c.bytesMax)
			}
		})
	}
}
