package contract_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

func TestReading_IsStoredOnceUnderOneId(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	first := c.send(id, at, "1.5")
	for _, again := range []string{
		oneReading(id, stamp(at), "1.5"), oneReading(id, stamp(at), "1.50"),
		oneReading(id, at.In(time.FixedZone("", -5*3600)).Format(time.RFC3339Nano), "15e-1"),
	} {
		got := decode[struct{ ID string }](t, c.good(probe.Call{Path: "/sensor-data", Body: []byte(again)}, http.StatusCreated))
		if got.ID != first {
			t.Errorf("%s got the id %s after %s", again, got.ID, first)
		}
	}
	if got := c.stored(id); !slices.Equal(got, []string{stamp(at) + " 1.5"}) {
		t.Errorf("stored: %q", got)
	}
	if other := c.send(id, at.Add(time.Nanosecond), "1.5"); other == first {
		t.Error("another instant has the same id")
	}
	if other := c.send(equipment(t), at, "1.5"); other == first {
		t.Error("another equipment has the same id")
	}
}

func TestReading_ACorrectionReplaces(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	first := c.send(id, at, "10")
	if second := c.send(id, at, "12"); second != first {
		t.Errorf("the id changed from %s to %s", first, second)
	}
	if got := c.stored(id); !slices.Equal(got, []string{stamp(at) + " 12"}) {
		t.Errorf("stored: %q", got)
	}
}

func TestReading_KeepsTheValueExactly(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	nines := func(n int) string { return strings.Repeat("9", n) }
	values := map[string]string{
		"0": "0", "-0": "0", "0.0": "0", "0e500": "0", "1": "1", "-1.5": "-1.5", "1e-7": "0.0000001", "1E+2": "100", "0.10": "0.1", "1.000": "1",
		"0.1": "0.1", "0.30000000000000004": "0.30000000000000004", "9007199254740993": "9007199254740993",
		nines(27): nines(27), "-" + nines(27): "-" + nines(27), "0." + nines(27): "0." + nines(27),
		nines(27) + "." + nines(11): nines(27) + "." + nines(11), nines(11) + "." + nines(27): nines(11) + "." + nines(27),
		"1e26": "1" + strings.Repeat("0", 26), "1e-27": "0." + strings.Repeat("0", 26) + "1",
		"1." + strings.Repeat("0", 200): "1", "100e-2": "1", "0.000001e6": "1",
	}
	want := map[string]string{}
	i := 0
	for sent, kept := range values {
		i++
		instant := at.Add(time.Duration(i) * time.Second)
		c.send(id, instant, sent)
		want[stamp(instant)+" "+kept] = sent
	}
	got := c.stored(id)
	for _, line := range got {
		if _, ok := want[line]; !ok {
			t.Errorf("stored: %s", line)
		}
		delete(want, line)
	}
	for line, sent := range want {
		t.Errorf("%s was not stored as %s", sent, line)
	}
}

func TestReading_TakesEveryFormOfTimestamp(t *testing.T) {
	t.Parallel()
	c, id := machine(t), equipment(t)
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3)
	date := day.Format("2006-01-02")
	var want []string
	for _, one := range []struct{ sent, kept string }{
		{date + "T00:00:00Z", date + "T00:00:00Z"},
		{date + "T01:00:00z", date + "T01:00:00Z"},
		{date + "t02:00:00Z", date + "T02:00:00Z"},
		{date + "T03:00:00.5Z", date + "T03:00:00.5Z"},
		{date + "T04:00:00.000000001Z", date + "T04:00:00.000000001Z"},
		{date + "T05:00:00.123456789+00:00", date + "T05:00:00.123456789Z"},
		{date + "T01:30:00-05:00", date + "T06:30:00Z"},
		{date + "T13:00:00+05:45", date + "T07:15:00Z"},
		{date + "T08:00:00-00:00", date + "T08:00:00Z"},
		{date + "T09:00:00.000Z", date + "T09:00:00Z"},
		{day.AddDate(0, 0, 1).Format("2006-01-02") + "T09:59:59+23:59", date + "T10:00:59Z"},
	} {
		c.good(probe.Call{Path: "/sensor-data", Body: []byte(oneReading(id, one.sent, "1"))}, http.StatusCreated)
		want = append(want, one.kept+" 1")
	}
	slices.Reverse(want)
	if got := c.stored(id); !slices.Equal(got, want) {
		t.Errorf("stored: %q\nwant:   %q", got, want)
	}
}

func TestReading_TakesEveryCharacterOfAnEquipmentId(t *testing.T) {
	t.Parallel()
	c, at := machine(t), recent()
	unique := equipment(t)
	for _, id := range []string{"Z", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-", strings.Repeat("x", 128-len(unique)) + unique} {
		c.send(id, at, "1")
		if got := c.stored(id); !slices.Equal(got, []string{stamp(at) + " 1"}) {
			t.Errorf("%s: %q", id, got)
		}
	}
}

// badReadings are bodies that break one rule each, with the fields that the answer must name.
func badReadings() map[string]struct{ body, fields string } {
	at := stamp(recent())
	bad := map[string]struct{ body, fields string }{}
	for name, value := range map[string]string{
		"28 digits before the point": "1" + strings.Repeat("0", 26) + "1", "28 digits after the point": "1e-28", "1e27": "1e27", "1e300": "1e300",
		"39 significant digits": strings.Repeat("9", 20) + "." + strings.Repeat("9", 19), "huge exponent": "1e999999999999", "tiny exponent": "1e-999999999999",
		"text": `"1"`, "null": "null", "true": "true", "array": "[1]", "object": "{}", "text that was turned into 123": `"00123"`,
	} {
		bad["value "+name] = struct{ body, fields string }{oneReading("bad", at, value), "value"}
	}
	for name, value := range map[string]string{
		"leading zeros": "00123", "leading point": ".5", "trailing point": "1.", "plus": "+1", "hexadecimal": "0x1", "NaN": "NaN", "infinite": "-Infinity", "nothing": "", "comma": "1,5", "bare exponent": "1e",
	} {
		bad["value "+name] = struct{ body, fields string }{oneReading("bad", at, value), "?"} // not JSON at all
	}
	for name, id := range map[string]string{
		"empty": "", "129 characters": strings.Repeat("x", 129), "3,000 characters": strings.Repeat("x", 3000), "space": "a b", "slash": "a/b", "hash": "a#b", "umlaut": "ä",
		"newline": "a\n", "NUL": "a\x00", "percent": "%41", "emoji": "🙂", "invisible": "a\u200b",
	} {
		bad["equipmentId "+name] = struct{ body, fields string }{oneReading(id, at, "1"), "equipmentId"}
	}
	for name, timestamp := range badTimestamps() {
		bad["timestamp "+name] = struct{ body, fields string }{oneReading("bad", timestamp, "1"), "timestamp"}
	}
	for name, one := range map[string]struct{ body, fields string }{
		"no body": {"", "?"}, "not JSON": {"{", "?"}, "an array": {"[" + oneReading("bad", at, "1") + "]", "?"}, "text": {`"x"`, "?"}, "null": {"null", "?"},
		"two documents": {oneReading("bad", at, "1") + oneReading("bad", at, "2"), "?"}, "rest": {oneReading("bad", at, "1") + "x", "?"},
		"not UTF-8":             {`{"equipmentId":"a` + "\xff" + `","timestamp":"` + at + `","value":1}`, "?"},
		"unknown field":         {`{"equipmentId":"bad","timestamp":"` + at + `","value":1,"unit":"C"}`, "unit"},
		"other spelling":        {`{"equipmentid":"bad","timestamp":"` + at + `","value":1}`, "equipmentid,equipmentId"},
		"field given twice":     {`{"equipmentId":"bad","timestamp":"` + at + `","value":1,"value":2}`, "value"},
		"empty object":          {"{}", "equipmentId,timestamp,value"},
		"no value":              {`{"equipmentId":"bad","timestamp":"` + at + `"}`, "value"},
		"no timestamp":          {`{"equipmentId":"bad","value":1}`, "timestamp"},
		"no equipmentId":        {`{"timestamp":"` + at + `","value":1}`, "equipmentId"},
		"timestamp as a number": {`{"equipmentId":"bad","timestamp":1700000000,"value":1}`, "timestamp"},
		"id as a number":        {`{"equipmentId":7,"timestamp":"` + at + `","value":1}`, "equipmentId"},
		"nulls":                 {`{"equipmentId":null,"timestamp":null,"value":null}`, "equipmentId,timestamp,value"},
		"everything wrong":      {`{"equipmentId":"","timestamp":"x","value":1e99}`, "equipmentId,timestamp,value"},
	} {
		bad["body "+name] = one
	}
	return bad
}

func badTimestamps() map[string]string {
	day := recent().Format("2006-01-02")
	return map[string]string{
		"empty": "", "no offset": day + "T01:00:00", "no time": day, "space": day + " 01:00:00Z", "basic format": "20230215T013000Z", "week date": "2023-W07-3",
		"ordinal date": "2023-046T01:00:00Z", "February 31": "2023-02-31T01:00:00Z", "February 29 in no leap year": "2023-02-29T01:00:00Z", "month 13": "2023-13-01T01:00:00Z",
		"hour 24": day + "T24:00:00Z", "minute 60": day + "T01:60:00Z", "leap second": "2016-12-31T23:59:60Z", "one-digit hour": day + "T1:00:00Z", "no seconds": day + "T01:00Z",
		"10 fractional digits": day + "T01:00:00.0000000001Z", "comma": day + "T01:00:00,5Z", "no fraction after the point": day + "T01:00:00.Z", "offset without colon": day + "T01:00:00+0100",
		"offset 25 h": day + "T01:00:00+25:00", "offset without minutes": day + "T01:00:00+01", "zone name": day + "T01:00:00 UTC", "space around": " " + day + "T01:00:00Z ",
		"Unix seconds": "1700000000", "year 0": "0000-01-01T00:00:00Z", "year 10000": "10000-01-01T00:00:00Z", "the year 2999": "2999-01-01T00:00:00Z",
		"negative year": "-2023-02-15T01:00:00Z", "two-digit year": "23-02-15T01:00:00Z", "text": "yesterday", "huge": day + "T01:00:00Z" + strings.Repeat(" ", 3000),
		"more than 24 h ahead": stamp(time.Now().UTC().Add(24*time.Hour + 2*time.Minute)), "older than the retention": stamp(time.Now().UTC().Add(-retention - time.Minute)),
	}
}

func TestReading_RejectsWhatBreaksARule(t *testing.T) {
	t.Parallel()
	c := machine(t)
	for name, one := range badReadings() {
		got, err := c.Do(t.Context(), probe.Call{Path: "/sensor-data", Body: []byte(one.body)})
		if err != nil {
			t.Fatal(err)
		}
		if c.check(nil, true, got); got.Status != http.StatusBadRequest {
			t.Errorf("%s: %.300q is answered with %d: %s", name, one.body, got.Status, got.Body)
			continue
		}
		p := c.problem(got)
		if one.fields != "?" && p.fields() != one.fields {
			t.Errorf("%s: the answer names %q, not %q: %s", name, p.fields(), one.fields, p.Message)
		}
	}
	if got := c.stored("bad"); len(got) > 0 {
		t.Errorf("stored all the same: %q", got)
	}
}

func TestReading_TakesAlmostADayAheadAndAlmostTheRetention(t *testing.T) {
	t.Parallel()
	c, id := machine(t), equipment(t)
	c.send(id, time.Now().UTC().Add(24*time.Hour-time.Minute), "1")
	c.send(id, time.Now().UTC().Add(time.Minute-retention), "2")
	if got := c.stored(id); len(got) != 2 {
		t.Errorf("stored: %q", got)
	}
}

func TestReading_ConcurrentRepeatsLeaveOne(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	done := make(chan string, 20)
	for range cap(done) {
		go func() {
			got, err := c.Do(t.Context(), probe.Call{Path: "/sensor-data", Body: []byte(oneReading(id, stamp(at), "5"))})
			if err != nil || got.Status != http.StatusCreated {
				done <- "no answer"
				return
			}
			done <- string(got.Body)
		}()
	}
	answers := map[string]bool{}
	for range cap(done) {
		answers[<-done] = true
	}
	if len(answers) != 1 || answers["no answer"] {
		t.Errorf("answers: %v", answers)
	}
	c.hours(id, "24h", hourLine(at, 1, "5"))
}

// What some clients send besides plain JSON.
func TestReading_InOtherClothes(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	one, two := oneReading(id, stamp(at), "1"), oneReading(id, stamp(at.Add(time.Second)), "2")
	zipped := func(text string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(text)) // a buffer takes all
		_ = w.Close()
		return b.Bytes()
	}
	gzipped := map[string]string{"Content-Encoding": "gzip"}
	c.exchange(probe.Call{Path: "/sensor-data", Body: zipped(one), Header: gzipped}, true, http.StatusCreated)
	c.exchange(probe.Call{Path: "/sensor-data", Body: []byte("\ufeff" + one)}, true, http.StatusCreated)
	c.exchange(probe.Call{Path: "/sensor-data/batch", Body: zipped("[" + one + "," + two + "]"), Header: gzipped}, true, http.StatusCreated)
	broken := c.bad(probe.Call{Path: "/sensor-data", Body: []byte(one), Header: gzipped}, http.StatusBadRequest)
	if !strings.Contains(broken.Message, "gzip") {
		t.Errorf("what is not compressed: %s", broken.Message)
	}
	c.bad(probe.Call{Path: "/sensor-data/batch", Body: zipped("[" + strings.Repeat(" ", 20<<20) + "]"), Header: gzipped}, http.StatusRequestEntityTooLarge)
	partly := c.exchange(probe.Call{Path: "/sensor-data/batch", Body: []byte("\ufeff[" + one + `,{"value":NaN},` + two + ",]")}, true, http.StatusCreated)
	if got := string(partly.Body); !strings.HasPrefix(got, `{"accepted":2,"rejected":[{"index":1,`) || !strings.Contains(got, `{"index":3,`) {
		t.Errorf("an array with NaN and a comma at its end: %s", got)
	}
	c.hours(id, "24h", hourLine(at, 2, "3"))
}
