package permission

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"
)

// Judge judges what the tests of a package have called, once they ended with a status. It returns the status with which the program is
// to end, and prints what is wrong to out.
func (w *Watch) Judge(status int, out io.Writer) int {
	problems, err := w.Problems(status == 0 && everything())
	if err != nil {
		problems = append(problems, err.Error())
	}
	if len(problems) == 0 {
		return status
	}
	_, _ = fmt.Fprintf(out, "--- FAIL: the permissions of what test/%s called\n    %s\n", w.by, strings.Join(problems, "\n    "))
	_, _ = fmt.Fprintln(out, "    Package test/permission says how its table is rewritten; read what changed.")
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
