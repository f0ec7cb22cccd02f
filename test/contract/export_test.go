package contract_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// An export is what was sent, and an upload takes it back.
func TestExport_IsTakenBackByAnUpload(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	var lines []string
	for n := range 1500 {
		lines = append(lines, oneReading(id, stamp(at.Add(-time.Duration(n)*time.Second)), fmt.Sprintf("%d.25", n)))
	}
	c.good(array(lines...), http.StatusCreated)
	csv := func() string {
		t.Helper()
		return string(c.good(probe.Call{Path: "/sensor-data?equipmentId=" + id, Header: map[string]string{"Accept": "text/csv"}}, http.StatusOK).Body)
	}
	file := csv()
	if got := strings.Split(strings.TrimSuffix(file, "\r\n"), "\r\n"); len(got) != 1501 || got[0] != "equipmentId,timestamp,value" ||
		!slices.Contains(got, fmt.Sprintf("%s,%s,7.25", id, stamp(at.Add(-7*time.Second)))) {
		t.Fatalf("%d lines: %.200s", len(got), file)
	}
	c.deletes(between(id, at.Add(-time.Hour), at.Add(time.Hour)), 1500)
	if u := c.upload(file); u.RowsAccepted != 1500 || u.RowsRejected != 0 {
		t.Fatalf("upload %+v", u)
	}
	if again := csv(); again != file {
		t.Errorf("the file that comes back differs: %.200s", again)
	}
}
