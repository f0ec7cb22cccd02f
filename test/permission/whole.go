package permission

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"
)

// Run runs the tests of a package and then judges what they have called. It returns the status with which the program is to end, and
// prints what is wrong to out.
func (w *Watch) Run(m *testing.M, out io.Writer) int {
	code := m.Run()
	problems, err := w.Problems(code == 0 && everything())
	if err != nil {
		problems = append(problems, err.Error())
	}
	if len(problems) == 0 {
		return code
	}
	fmt.Fprintf(out, "--- FAIL: the permissions of what test/%s called\n    %s\n", w.by, strings.Join(problems, "\n    "))
	fmt.Fprintln(out, "    Package test/permission says how its table is rewritten; read what changed.")
	return 1
}

// everything tells whether no test of the package is left out.
func everything() bool {
	for _, name := range []string{"test.run", "test.skip"} {
		if f := flag.Lookup(name); f == nil || f.Value.String() != "" {
			return false
		}
	}
	return !testing.Short()
}
