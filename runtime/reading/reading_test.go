package reading_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestParseEquipmentID_TakesTheContractsCharacters(t *testing.T) {
	for _, id := range []string{"a", "EQ-12495", "A.b_C:d-9", "00123", strings.Repeat("x", contract.EquipmentIDCharsMax), ":", "-", "."} {
		if got, err := reading.ParseEquipmentID(id); err != nil || string(got) != id {
			t.Errorf("%q: got %q, %v", id, got, err)
		}
	}
	for _, id := range []string{"", " ", "a b", "a#b", "FLEET#0", "a/b", "a\x00", "é", "ａ", "a\n", "a,b", "a$", "@", "[", "`", "{", strings.Repeat("x", contract.EquipmentIDCharsMax+1)} {
		if got, err := reading.ParseEquipmentID(id); err == nil {
			t.Errorf("%q: got %q", id, got)
		}
	}
	for c := range 256 { // every byte, also alone in the middle
		allowed := strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-", rune(c)) && c < 128
		if _, err := reading.ParseEquipmentID("a" + string([]byte{byte(c)}) + "b"); (err == nil) != allowed {
			t.Errorf("byte %#x: %v", c, err)
		}
	}
}

func TestParse_ReportsEveryFieldThatBreaksARule(t *testing.T) {
	limits := reading.Limits{Now: now, Retention: 48 * time.Hour}
	for name, test := range map[string]struct {
		id, timestamp, value string
		fields               string
	}{
		"all well":                                 {"A", "2026-03-01T11:00:00Z", "1", ""},
		"exactly a day ahead":                      {"A", "2026-03-02T12:00:00Z", "1", ""},
		"rejects a nanosecond more":                {"A", "2026-03-02T12:00:00.000000001Z", "1", "timestamp"},
		"a day ahead by its offset":                {"A", "2026-03-02T17:00:00+05:00", "1", ""},
		"exactly as old as is kept":                {"A", "2026-02-27T12:00:00Z", "1", ""},
		"rejects a nanosecond older":               {"A", "2026-02-27T11:59:59.999999999Z", "1", "timestamp"},
		"rejects the year 2999":                    {"A", "2999-01-01T00:00:00Z", "1", "timestamp"},
		"rejects 1e300":                            {"A", "2026-03-01T11:00:00Z", "1e300", "value"},
		"rejects an empty id":                      {"", "2026-03-01T11:00:00Z", "1", "equipmentId"},
		"rejects everything at once":               {"a b", "yesterday", "much", "equipmentId timestamp value"},
		"rejects a timestamp once, not two ways":   {"A", "2999-02-31T00:00:00Z", "1", "timestamp"},
		"rejects texts that only look like fields": {"A ", " 2026-03-01T11:00:00Z", "1 ", "equipmentId timestamp value"},
	} {
		t.Run(name, func(t *testing.T) {
			got, faults := reading.Parse(test.id, test.timestamp, test.value, limits)
			var fields []string
			for _, f := range faults {
				fields = append(fields, f.Field)
				if !strings.HasPrefix(f.Reason, "must ") || f.Error() != f.Field+" "+f.Reason {
					t.Errorf("the reason is %q", f.Error())
				}
			}
			if diff := cmp.Diff(test.fields, strings.Join(fields, " ")); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if len(faults) == 0 && (string(got.EquipmentID) != test.id || got.Value.String() != test.value || got.Timestamp.Location() != time.UTC) {
				t.Errorf("got %+v", got)
			}
		})
	}
	if _, faults := reading.Parse("A", "0001-01-01T00:00:00Z", "1", reading.Limits{Now: now}); len(faults) > 0 {
		t.Errorf("without a retention: %v", faults)
	}
}

func TestReading_TheIdentityIsTheInstantAndItsIdNeverChanges(t *testing.T) {
	one := parsed(t, "EQ-1", "2026-03-01T08:30:00Z", "1")
	same := parsed(t, "EQ-1", "2026-03-01T09:30:00.000000000+01:00", "2")
	if one.Key() != same.Key() || one.ID() != same.ID() {
		t.Errorf("%v and %v differ", one.Key(), same.Key())
	}
	// Stored and given to clients: a change of this text is a break of the contract.
	if got := one.ID(); got != pinnedID {
		t.Errorf("the id is %s", got)
	}
	for _, other := range []reading.Reading{parsed(t, "EQ-1", "2026-03-01T08:30:00.000000001Z", "1"), parsed(t, "EQ-2", "2026-03-01T08:30:00Z", "1")} {
		if other.ID() == one.ID() || other.Key() == one.Key() {
			t.Errorf("%v has the identity of %v", other.Key(), one.Key())
		}
	}
}

const pinnedID = "eb0d17b1-ec2d-54fc-a233-aab6c80aa0f3"

func parsed(t *testing.T, id, timestamp, value string) reading.Reading {
	t.Helper()
	r, faults := reading.Parse(id, timestamp, value, reading.Limits{Now: now})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return r
}

func TestReading_OutlivesTheRetentionByTheMargin(t *testing.T) {
	r := parsed(t, "A", "2026-03-01T08:30:00Z", "1")
	if at, expires := r.ExpiresAt(0); expires || !at.IsZero() {
		t.Errorf("kept forever: %v", at)
	}
	if at, expires := r.ExpiresAt(24 * time.Hour); !expires || !at.Equal(r.Timestamp.Add(24*time.Hour+contract.ExpiryMargin)) {
		t.Errorf("got %v, %t", at, expires)
	}
}
