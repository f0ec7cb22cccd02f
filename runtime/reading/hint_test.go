package reading_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// A hint to write something in another way names what is taken.
func TestParseValue_HintsAtWhatIsTaken(t *testing.T) {
	const write = "write it as "
	for text, want := range map[string]string{
		"":                              "it is empty",
		"NaN":                           reading.HintNotFinite,
		"-infinity":                     reading.HintNotFinite,
		"+Inf":                          reading.HintNotFinite,
		"1.234.567":                     write + "1234567",
		"-1,234,567":                    write + "-1234567",
		"1,234.5":                       write + "1234.5",
		"1.234,50":                      write + "1234.50",
		"1 234":                         write + "1234",
		"1\u00a0234,5":                  write + "1234.5",
		"12\u202f345":                   write + "12345",
		"1'234'567.25":                  write + "1234567.25",
		"+5":                            write + "5",
		"007":                           write + "7",
		"-00.50":                        write + "-0.50",
		".5":                            write + "0.5",
		"5.":                            write + "5",
		"00":                            write + "0",
		"1,234":                         "", // a decimal comma to some
		"1.234.56":                      "",
		"1.2345.678":                    "",
		"1234.567.890":                  "",
		"0.123.456":                     "",
		"1,234,567,":                    "",
		"1.234,567.8":                   "",
		"12..5":                         "",
		"-":                             "",
		".":                             "",
		"+-5":                           "",
		"0x10":                          "",
		"five":                          "",
		strings.Repeat("1.234.567", 10): "",
	} {
		_, err := reading.ParseValue(text)
		if err == nil {
			t.Errorf("%q is taken", text)
			continue
		}
		_, hint, _ := strings.Cut(err.Error(), "; ")
		if hint != want {
			t.Errorf("%q: got %q, want %q", text, hint, want)
		}
		if plain, ok := strings.CutPrefix(hint, write); ok {
			if _, err := reading.ParseValue(plain); err != nil {
				t.Errorf("%q is to be written as %q, which is not taken: %v", text, plain, err)
			}
		}
	}
}

func TestParseCommaValue_HintsAtWhatIsTaken(t *testing.T) {
	for text, want := range map[string]string{
		"1.234,5": "1234,5", "1.234.567": "1234567", "1,234.5": "1234,5", "+1,5": "1,5", ",5": "0,5", "1.5": "", "1,234,567": "1234567", "NaN": "",
	} {
		_, err := reading.ParseCommaValue(text)
		if err == nil {
			t.Errorf("%q is taken", text)
			continue
		}
		_, hint, _ := strings.Cut(err.Error(), "; write it as ")
		if hint != want {
			t.Errorf("%q: got %q, want %q", text, hint, want)
		}
		if _, err := reading.ParseCommaValue(hint); hint != "" && err != nil {
			t.Errorf("%q is to be written as %q, which is not taken: %v", text, hint, err)
		}
	}
}

func TestParseTimestamp_HintsAtWhatIsMissing(t *testing.T) {
	const alone, offset = "it is a date without a time of day", "write its offset with hours and minutes, "
	for text, want := range map[string]string{
		"":                           "it is empty",
		"2026-03-01":                 alone,
		"1/3/2026":                   alone,
		"13/31/2026":                 "", // no day in any order
		"31.12.2026":                 alone,
		"2026-02-30":                 "",
		"2026-03-01T":                "",
		"2026-03-01T08:30:00":        "",
		"2026-03-01T08:30:00+00":     offset + "+00:00",
		"2026-03-01T08:30:00.5-03":   offset + "-03:00",
		"2026-03-01 08:30+0530":      offset + "+05:30",
		"2026-03-01T08:30:00+25":     "",
		"2026-03-01T08:30:00+0":      "",
		"2026-03-01T08:30:00+ab":     "",
		"2026-03-01T08-03":           "",
		"2026-03-01T08:30:00+00:00Z": "",
	} {
		_, err := reading.ParseTimestamp(text)
		if err == nil {
			t.Errorf("%q is taken", text)
			continue
		}
		if _, hint, _ := strings.Cut(err.Error(), "; "); hint != want {
			t.Errorf("%q: got %q, want %q", text, hint, want)
		}
	}
}

func TestLocalClock_HintsAtWhatIsMissing(t *testing.T) {
	clock := reading.NewLocalClock(time.UTC, reading.DayFirst)
	for text, want := range map[string]string{
		"25/11/2026": "it is a date without a time of day", "25/11/2026 14:30-03": "write its offset with hours and minutes, -03:00", "25/11/2026 14": "",
	} {
		_, err := clock.Parse(text)
		if err == nil {
			t.Errorf("%q is taken", text)
			continue
		}
		if _, hint, _ := strings.Cut(err.Error(), "; "); hint != want {
			t.Errorf("%q: got %q, want %q", text, hint, want)
		}
	}
}
