// Package ask asks a person whether to go on.
package ask

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Yes takes only "yes" as a yes; the end of the input is a no.
func Yes(in io.Reader, out io.Writer) (bool, error) {
	if _, err := fmt.Fprint(out, "Go on? Only yes is taken as a yes: "); err != nil {
		return false, err
	}
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return strings.TrimSpace(answer) == "yes", nil
}
