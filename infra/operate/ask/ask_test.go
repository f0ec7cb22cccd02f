package ask_test

import (
	"io"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/infra/operate/ask"
)

func TestYes_TakesOnlyYes(t *testing.T) {
	for _, test := range []struct {
		input string
		want  bool
	}{{"yes\n", true}, {" yes \n", true}, {"yes", true}, {"y\n", false}, {"YES\n", false}, {"\n", false}, {"", false}} {
		if got, err := ask.Yes(strings.NewReader(test.input), io.Discard); got != test.want || err != nil {
			t.Errorf("%q: %t, error %v", test.input, got, err)
		}
	}
}
