package contract_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

type batchAnswer struct {
	Accepted int
	Rejected []struct {
		Index  int
		Errors []struct{ Field, Reason string }
	}
}

// summary writes the answer as "accepted; index:fields …".
func (b batchAnswer) summary() string {
	lines := []string{fmt.Sprint(b.Accepted)}
	for _, r := range b.Rejected {
		var fields []string
		for _, e := range r.Errors {
			fields = append(fields, e.Field)
		}
		lines = append(lines, fmt.Sprintf("%d:%s", r.Index, strings.Join(fields, ",")))
	}
	return strings.Join(lines, " ")
}

func array(lines ...string) probe.Call {
	return probe.Call{Path: "/sensor-data/batch", Body: []byte("[" + strings.Join(lines, ",") + "]")}
}

func ndjson(lines ...string) probe.Call {
	return probe.Call{
		Path: "/sensor-data/batch", Body: []byte(strings.Join(lines, "\n")), Header: map[string]string{"Content-Type": "application/x-ndjson"},
	}
}

func TestBatch_StoresTheValidOnesAndNamesTheOthers(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(...string) probe.Call{"array": array, "ndjson": ndjson} {
		t.Run(name, func(t *testing.T) {
			c, id, at := machine(t), equipment(t), recent()
			call := wrap(
				oneReading(id, stamp(at), "1"), oneReading(id, "yesterday", "1"), oneReading(id, stamp(at.Add(time.Second)), `"2"`),
				oneReading("", "", "1"), oneReading(id, stamp(at.Add(2*time.Second)), "3"), `{"equipmentId":"`+id+`"}`, "7", `{"unit":1}`,
			)
			got := decode[batchAnswer](t, c.exchange(call, true, http.StatusCreated)).summary()
			if want := "2 1:timestamp 2:value 3:equipmentId,timestamp 5:timestamp,value 6:reading 7:unit,equipmentId,timestamp,value"; got != want {
				t.Errorf("answer %s\nwant   %s", got, want)
			}
			if got := c.stored(id); !slices.Equal(got, []string{stamp(at.Add(2*time.Second)) + " 3", stamp(at) + " 1"}) {
				t.Errorf("stored: %q", got)
			}
		})
	}
}

func TestBatch_AllValidRejectsNothing(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	got := c.good(array(oneReading(id, stamp(at), "1")), http.StatusCreated)
	if body := strings.TrimSpace(string(got.Body)); body != `{"accepted":1,"rejected":[]}` {
		t.Errorf("answer %s", body)
	}
}

func TestBatch_LinesMayEndInAnyWay(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	call := ndjson()
	call.Body = []byte("\n" + oneReading(id, stamp(at), "1") + "\r\n\r\n  " + oneReading(id, stamp(at.Add(time.Second)), "2") + " \n\n" + oneReading(id, stamp(at.Add(2*time.Second)), "3"))
	if got := decode[batchAnswer](t, c.good(call, http.StatusCreated)).summary(); got != "3" {
		t.Errorf("answer %s", got)
	}
	call = ndjson(oneReading(id, stamp(at.Add(3*time.Second)), "4"), "{", "", `{"equipmentId":"`+strings.Repeat("x", 70_000)+`"}`, oneReading(id, stamp(at.Add(4*time.Second)), "5"))
	if got := decode[batchAnswer](t, c.good(call, http.StatusCreated)).summary(); got != "2 1:reading 2:reading" {
		t.Errorf("answer %s", got)
	}
}

func TestBatch_TheLaterOfTwoOfOneIdentityWins(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	var lines []string
	for i := range 60 { // more than one write of 25
		lines = append(lines, oneReading(id, stamp(at.Add(time.Duration(i%4)*time.Second)), fmt.Sprint(i)))
	}
	if got := decode[batchAnswer](t, c.good(array(lines...), http.StatusCreated)).summary(); got != "60" {
		t.Errorf("answer %s", got)
	}
	want := []string{stamp(at.Add(3*time.Second)) + " 59", stamp(at.Add(2*time.Second)) + " 58", stamp(at.Add(time.Second)) + " 57", stamp(at) + " 56"}
	if got := c.stored(id); !slices.Equal(got, want) {
		t.Errorf("stored: %q", got)
	}
	c.hours(id, "24h", hourLine(at, 4, "230"))
}

func TestBatch_TakesFiveThousandAndNotOneMore(t *testing.T) {
	t.Parallel()
	c, id := machine(t), equipment(t)
	at := recent()
	lines := make([]string, 5001)
	for i := range lines {
		lines[i] = oneReading(fmt.Sprintf("%s-%d", id, i%5), stamp(at.Add(time.Duration(i)*100*time.Millisecond)), fmt.Sprintf("%d.1", i))
	}
	for _, wrap := range []func(...string) probe.Call{array, ndjson} {
		c.bad(wrap(lines...), http.StatusBadRequest)
	}
	if got := c.stored(id + "-0"); len(got) > 0 {
		t.Errorf("%d readings of a batch that is too long were stored", len(got))
	}
	// A busy machine may need longer than the service tries. The client then sends the batch again, as the answer asks for.
	whole := array(lines[:5000]...)
	var answer probe.Answer
	await.NoError(t, 2*time.Minute, func() (err error) {
		if answer, err = c.Do(t.Context(), whole); err == nil && answer.Status == http.StatusServiceUnavailable {
			err = fmt.Errorf("status %d: %s", answer.Status, answer.Body)
		}
		return err
	})
	c.check(whole.Body, false, answer)
	if got := decode[batchAnswer](t, answer).summary(); answer.Status != http.StatusCreated || got != "5000" {
		t.Errorf("status %d, answer %s", answer.Status, got)
	}
	c.hours(id+"-0", "24h", hourLine(at, 1000, "2497600"))
}

func TestBatch_RejectsWhenNothingIsValid(t *testing.T) {
	t.Parallel()
	c, id := machine(t), equipment(t)
	for name, call := range map[string]probe.Call{
		"empty array": array(), "empty body": {Path: "/sensor-data/batch", Body: []byte{}}, "no lines": ndjson(""), "blank lines": ndjson("", " ", "\r"),
		"an object": {Path: "/sensor-data/batch", Body: []byte(oneReading(id, stamp(recent()), "1"))}, "not JSON": {Path: "/sensor-data/batch", Body: []byte("[" + oneReading(id, stamp(recent()), "1") + ",")},
		"rest": {Path: "/sensor-data/batch", Body: []byte("[" + oneReading(id, stamp(recent()), "1") + "]]")}, "null": {Path: "/sensor-data/batch", Body: []byte("null")},
		"NDJSON as an array": {Path: "/sensor-data/batch", Body: ndjson(oneReading(id, stamp(recent()), "1"), oneReading(id, stamp(recent()), "1")).Body},
	} {
		if p := c.bad(call, http.StatusBadRequest); p.Message == "" {
			t.Errorf("%s: no message", name)
		}
	}
	p := c.bad(array(oneReading(id, "x", "1"), oneReading("", stamp(recent()), "1")), http.StatusBadRequest)
	if p.fields() != "body[0].timestamp,body[1].equipmentId" {
		t.Errorf("the answer names %q", p.fields())
	}
	if got := c.stored(id); len(got) > 0 {
		t.Errorf("stored all the same: %q", got)
	}
}
