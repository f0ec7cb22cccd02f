package memory_test

import (
	"testing"
	"testing/fstest"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/memory"
)

func TestLimit_IsTheLeastThatIsSaid(t *testing.T) {
	const mib = 1 << 20
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for name, c := range map[string]struct {
		setting int64
		files   fstest.MapFS
		want    int64
	}{
		"nothing said":      {0, fstest.MapFS{}, memory.LimitDefault},
		"the setting alone": {2048 * mib, fstest.MapFS{}, 2048 * mib},
		"a container, version 2": {0, fstest.MapFS{
			"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("536870912\n"),
		}, 512 * mib},
		"no limit, version 2": {0, fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("max\n")}, memory.LimitDefault},
		"a group around the own": {0, fstest.MapFS{
			"proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/b/memory.max": file("max\n"), "sys/fs/cgroup/a/memory.max": file("1073741824\n"),
		}, 1024 * mib},
		"the setting below the group": {700 * mib, fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("1073741824\n")}, 700 * mib},
		"the group below the setting": {2048 * mib, fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("1073741824\n")}, 1024 * mib},
		"a task, version 1, paths of the host": {0, fstest.MapFS{
			"proc/self/cgroup":                           file("9:cpu,cpuacct:/ecs/task/x\n4:memory:/ecs/task/x\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("1073741824\n"),
		}, 1024 * mib},
		"no limit, version 1": {0, fstest.MapFS{
			"proc/self/cgroup": file("4:memory:/\n"), "sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n"),
		}, memory.LimitDefault},
		"nonsense": {0, fstest.MapFS{"proc/self/cgroup": file("x\n0::\n:::\n"), "sys/fs/cgroup/memory.max": file("-5")}, memory.LimitDefault},
	} {
		if got := memory.Limit(c.setting, c.files); got != c.want {
			t.Errorf("%s: %d MiB, want %d", name, got/mib, c.want/mib)
		}
	}
}

func TestLimitDefault_IsWhatATaskHasAtLeast(t *testing.T) {
	if memory.LimitDefault != contract.TaskMemoryMiBMin<<20 {
		t.Errorf("%d bytes, a task has %d MiB", memory.LimitDefault, contract.TaskMemoryMiBMin)
	}
}

// Whatever the limit, the parts leave a quarter of it and the soft limit lies above them.
func TestPlanFor_LeavesAQuarter(t *testing.T) {
	for _, limit := range []int64{256 << 20, 1 << 30, 1000 << 20, 8 << 30, 30 << 30} {
		p := memory.PlanFor(limit)
		sum := int64(p.Connections)*memory.ConnectionBytes + p.Headers + p.Singles + p.Batches + p.Files + p.Reads +
			int64(p.TableReads)*memory.TableReadBytes + int64(p.RowsRead+p.RowsKept)*memory.RowBytes
		if sum > limit*3/4 || p.Soft >= limit || sum >= p.Soft {
			t.Errorf("of %d MiB %d are shared out, the soft limit is %d", limit>>20, sum>>20, p.Soft>>20)
		}
		if p.Files < 5<<20 || p.Batches < 3<<20 || p.TableReads < 2 || p.Connections < 1000 {
			t.Errorf("with %d MiB something does not fit at all: %+v", limit>>20, p)
		}
	}
}
