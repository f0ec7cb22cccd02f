package main

import (
	"strings"
	"testing"
	"time"
)

func read(text string) (settings, error) {
	values := map[string]string{}
	for pair := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(pair, "=")
		values[key] = value
	}
	return readSettings(func(key string) string { return values[key] })
}

func TestReadSettings_HasDefaults(t *testing.T) {
	s, err := read("")
	if err != nil || s.users != 1000 || s.measured != time.Minute || s.rampOf(s.users) != 5*time.Second || s.url != nil || s.local || s.verify {
		t.Errorf("settings %+v, error %v", s, err)
	}
	if ramp := s.rampOf(10000); ramp != 20*time.Second {
		t.Errorf("10,000 users begin over %v", ramp)
	}
}

func TestReadSettings_NamesEachMistake(t *testing.T) {
	for text, want := range map[string]string{
		"USERS=0":                      `USERS must be a whole number of 1 to 60000, got "0"`,
		"USERS=many":                   `USERS must be a whole number of 1 to 60000, got "many"`,
		"USERS=60001":                  `USERS must be`,
		"DURATION=1m30":                `DURATION must be a duration of at least 1s such as 60s, got "1m30"`,
		"RAMP=-1s":                     `RAMP must be`,
		"URL=localhost:8080":           `URL must be an address such as https://api.example.com with nothing behind the host, got "localhost:8080"`,
		"URL=https://a.example/path":   `URL must be`,
		"URL=http://127.0.0.1:1?x=1":   `URL must be an address such as https://api.example.com with nothing behind the host, got "http://127.0.0.1:1?x=1"`,
		"URL=http://127.0.0.1:1/?x=1":  `URL must be`,
		"URL=http://127.0.0.1:1?":      `URL must be`,
		"URL=http://127.0.0.1:1#part":  `URL must be`,
		"URL=http://me@127.0.0.1:1":    `URL must be`,
		"URL=http://127.0.0.1:1//":     `URL must be`,
		"TABLE=mysql":                  `TABLE must be dynamodb, or left out for the stand-in, got "mysql"`,
		"TABLE=dynamodb URL=http://a":  `give one of them`,
		"TOKEN=x":                      `TOKEN is an access token for URL`,
		"TOKEN=x TABLE=dynamodb":       `give URL too, or no TOKEN`,
		"TOKEN=x SERVE=1":              `TOKEN is`,
		"FAULTS=5":                     `FAULTS needs TABLE=dynamodb`,
		"TABLE=dynamodb FAULTS=51":     `FAULTS must be a whole number of 0 to 50, got "51"`,
		"VERIFY=1":                     `VERIFY needs URL or TABLE=dynamodb`,
		"USERS=0 DURATION=0s":          "DURATION must be",
		"USERS=x RAMP=y URL=z TABLE=a": "TABLE must be",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{"USERS=60000", "DURATION=1s RAMP=0s", "URL=http://127.0.0.1:8080/", "TABLE=dynamodb FAULTS=50", "URL=https://a.example VERIFY=1"} {
		if _, err := read(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestEnoughFiles_SaysWhatIsMissing(t *testing.T) {
	if err := enoughFiles(10); err != nil {
		t.Error(err)
	}
	if err := enoughFiles(1 << 40); err == nil || !strings.Contains(err.Error(), "raise the hard limit (ulimit -Hn ") {
		t.Errorf("error %v", err)
	}
}
