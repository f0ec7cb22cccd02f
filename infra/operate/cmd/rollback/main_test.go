package main

import (
	"io"
	"strings"
	"testing"
)

func TestAsk_TakesOnlyYes(t *testing.T) {
	for _, test := range []struct {
		input string
		want  bool
	}{{"yes\n", true}, {" yes \n", true}, {"yes", true}, {"y\n", false}, {"YES\n", false}, {"\n", false}, {"", false}} {
		if got, err := ask(strings.NewReader(test.input), io.Discard); got != test.want || err != nil {
			t.Errorf("%q: %t, error %v", test.input, got, err)
		}
	}
}

func TestRun_WantsAStackAndARegion(t *testing.T) {
	for _, arguments := range [][]string{nil, {"SensorFlow-dev-eu-west-1"}, {"-no", "a", "b"}, {"a", "b", "-yes"}} {
		err := run(t.Context(), arguments, strings.NewReader(""), io.Discard)
		if err == nil || err.Error() != "usage: rollback [-yes] STACK REGION" {
			t.Errorf("%q: error %v", arguments, err)
		}
	}
}
