package probe_test

import (
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

func TestAverage_RoundsHalfToEvenTo15Digits(t *testing.T) {
	for name, c := range map[string]struct {
		total string
		count int64
		want  string
	}{
		"exact":          {"7", 2, "3.5"},
		"periodic":       {"1", 3, "0.333333333333333"},
		"upwards":        {"2", 3, "0.666666666666667"},
		"negative":       {"-2", 3, "-0.666666666666667"},
		"half to even":   {"1000000000000005", 10, "100000000000000"},
		"half to even 2": {"1000000000000015", 10, "100000000000002"},
		"carries":        {"9999999999999995", 1, "10000000000000000"},
		"large":          {"123456789012345678901234567", 1, "123456789012346000000000000"},
		"small":          {"0.00000000000000000001234567890123456", 1, "0.0000000000000000000123456789012346"},
		"empty":          {"0", 0, "0"},
	} {
		if got := probe.Average(probe.Sum{Count: c.count, Total: probe.Number(c.total)}); got.Cmp(probe.Number(c.want)) != 0 {
			t.Errorf("%s: %s", name, got.FloatString(40))
		}
	}
}

func TestDifferences_TellsEveryKindOfDifference(t *testing.T) {
	at := time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)
	hour := at.Truncate(time.Hour).Unix()
	stored := []probe.Stored{{EquipmentID: "a", At: at, Value: "0.1"}, {EquipmentID: "a", At: at.Add(time.Second), Value: "0.2"}}
	right := probe.Page{Average: "0.15", TotalCount: 2, Items: []probe.Item{{EquipmentID: "a", IntervalStart: hour, TotalValue: "0.3", SampleCount: 2}}}
	if got := probe.Differences(stored, []probe.Page{right}); len(got) > 0 {
		t.Errorf("equal, yet %q", got)
	}
	for name, wrong := range map[string]probe.Page{
		"average":    {"0.150000000000001", 2, right.Items, ""},
		"count":      {"0.15", 3, right.Items, ""},
		"total":      {"0.15", 2, []probe.Item{{EquipmentID: "a", IntervalStart: hour, TotalValue: "0.30000000000000004", SampleCount: 2}}, ""},
		"samples":    {"0.15", 2, []probe.Item{{EquipmentID: "a", IntervalStart: hour, TotalValue: "0.3", SampleCount: 1}}, ""},
		"missing":    {"0.15", 2, nil, ""},
		"additional": {"0.15", 2, append([]probe.Item{{EquipmentID: "A", IntervalStart: hour, TotalValue: "1", SampleCount: 1}}, right.Items...), ""},
		"repeated":   {"0.15", 2, append(right.Items, right.Items...), ""},
	} {
		if got := probe.Differences(stored, []probe.Page{wrong}); len(got) != 1 {
			t.Errorf("%s: %q", name, got)
		}
	}
}
