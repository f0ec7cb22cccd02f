package contract_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

type equipmentPage struct {
	Items []struct {
		EquipmentID string
		First, Last *struct {
			Timestamp string
			Value     json.Number
		}
	}
	NextCursor string
}

func TestEquipment_ListsThoseThatHaveSent(t *testing.T) {
	t.Parallel()
	c, at := machine(t), recent()
	prefix := equipment(t)
	for n := range 3 {
		id := fmt.Sprintf("%s:%d", prefix, n)
		c.send(id, at, "1.5")
		c.send(id, at.Add(time.Minute), "2")
		c.send(id, at.Add(-time.Minute), "-0.10")
	}
	lines := func(query string) (all []string, next string) {
		page := decode[equipmentPage](t, c.good(probe.Call{Path: "/equipment?" + query}, http.StatusOK))
		for _, one := range page.Items {
			line := strings.TrimPrefix(one.EquipmentID, prefix)
			if one.First != nil {
				line += fmt.Sprintf(" %s %s %s %s", one.First.Timestamp, one.First.Value, one.Last.Timestamp, one.Last.Value)
			}
			all = append(all, line)
		}
		return all, page.NextCursor
	}
	ends := fmt.Sprintf(" %s -0.1 %s 2", stamp(at.Add(-time.Minute)), stamp(at.Add(time.Minute)))
	want := fmt.Sprint([]string{":0" + ends, ":1" + ends, ":2" + ends})
	await.NoError(t, time.Minute, func() error {
		if got, _ := lines("prefix=" + prefix + ":"); fmt.Sprint(got) != want {
			return fmt.Errorf("equipments %v, want %v", got, want)
		}
		return nil
	})
	first, next := lines("limit=2&prefix=" + prefix + ":")
	rest, last := lines("limit=2&prefix=" + prefix + ":&cursor=" + next)
	if len(first) != 2 || len(rest) != 1 || last != "" || fmt.Sprint(append(first, rest...)) != want {
		t.Errorf("by pages of two: %v and %v", first, rest)
	}
	if all, _ := lines(""); len(all) == 0 { // without a prefix: those of all tests
		t.Error("no equipments at all")
	}
	// One whose readings have gone stays, without ends.
	c.deletes(between(prefix+":1", at.Add(-time.Hour), at.Add(time.Hour)), 3)
	if got, _ := lines("prefix=" + prefix + ":1"); fmt.Sprint(got) != "[:1]" {
		t.Errorf("after all its readings were deleted: %v", got)
	}
	if got, _ := lines("prefix=" + prefix + ":9"); len(got) != 0 {
		t.Errorf("one that never sent: %v", got)
	}
}
