package main

import (
	"io"
	"strings"
	"testing"
)

func TestRun_WantsAStackAndARegion(t *testing.T) {
	for _, arguments := range [][]string{nil, {"SensorFlow-dev-eu-west-1"}, {"-no", "a", "b"}, {"a", "b", "-yes"}} {
		err := run(t.Context(), arguments, strings.NewReader(""), io.Discard)
		if err == nil || err.Error() != "usage: rollback [-yes] STACK REGION" {
			t.Errorf("%q: error %v", arguments, err)
		}
	}
}
