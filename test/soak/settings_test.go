package soak_test

import (
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/soak"
)

func TestReadSettings(t *testing.T) {
	for _, c := range []struct {
		duration, users string
		want            soak.Settings
		wrong           string
	}{
		{"10m", "", soak.Settings{Lasts: 10 * time.Minute, Users: 1000}, ""},
		{"1m", "1", soak.Settings{Lasts: time.Minute, Users: 1}, ""},
		{"abc", "", soak.Settings{}, `DURATION must be a duration of at least 1m, got "abc"`},
		{"59s", "", soak.Settings{}, `DURATION must be a duration of at least 1m, got "59s"`},
		{"", "", soak.Settings{}, `DURATION must be a duration of at least 1m, got ""`},
		{"1h", "0", soak.Settings{}, `USERS must be a number of users, from 1, got "0"`},
		{"1h", "many", soak.Settings{}, `USERS must be a number of users, from 1, got "many"`},
	} {
		environment := map[string]string{"DURATION": c.duration, "USERS": c.users}
		got, err := soak.ReadSettings(func(key string) string { return environment[key] })
		wrong := ""
		if err != nil {
			wrong = err.Error()
		}
		if got != c.want || wrong != c.wrong {
			t.Errorf("DURATION=%s USERS=%s: %+v, error %q", c.duration, c.users, got, wrong)
		}
	}
}
