package memory

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// LimitDefault is what a process takes for its limit where nothing tells one: what a task of the API has at least.
const LimitDefault = 1 << 30

// unlimited is more than any machine has: control groups write "no limit" as a number of this size.
const unlimited = 1 << 50

// Limit returns the limit of this process in bytes: the least of setting, if it is above 0, and of what the control groups say
// that the process is in; LimitDefault where neither says anything. files is the root of the file system, os.DirFS("/").
func Limit(setting int64, files fs.FS) int64 {
	limit := int64(unlimited)
	if setting > 0 {
		limit = setting
	}
	for _, group := range groups(files) {
		if n, known := read(files, group); known {
			limit = min(limit, n)
		}
	}
	if limit == unlimited {
		return LimitDefault
	}
	return limit
}

// groups lists the files that may tell a limit: those of the process's own group and of the groups around it, of both versions
// of control groups. Within a container the paths of the host may not exist, and the root is the container's own group.
func groups(files fs.FS) []string {
	own, err := fs.ReadFile(files, "proc/self/cgroup")
	if err != nil {
		return nil // another system than Linux
	}
	var found []string
	for line := range strings.Lines(string(own)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		root, name := "sys/fs/cgroup", "memory.max"
		switch {
		case parts[1] == "memory": // version 1
			root, name = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		case parts[1] != "":
			continue
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			found = append(found, path.Join(root, group, name))
			if group == "/" {
				break
			}
		}
	}
	return found
}

func read(files fs.FS, name string) (limit int64, known bool) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return 0, false
	}
	limit, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // "max" is no number
	return limit, err == nil && limit > 0 && limit < unlimited
}
