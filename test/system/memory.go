package system

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Memory returns what the largest of some processes holds in memory now and what one of them held at most since it started, in
// bytes. Where the system does not tell, which Linux alone does, the test is skipped.
func Memory(t testing.TB, pids ...int) (now, most int64) {
	t.Helper()
	for _, pid := range pids {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Skipf("memory can be measured on Linux alone: %v", err)
		}
		for line := range strings.Lines(string(status)) {
			name, value, _ := strings.Cut(line, ":")
			kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			switch name {
			case "VmRSS":
				now = max(now, kilobytes<<10)
			case "VmHWM":
				most = max(most, kilobytes<<10)
			}
		}
	}
	return now, most
}

// Mebibytes is a number of bytes in units of 2^20.
func Mebibytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }
