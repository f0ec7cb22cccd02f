package contract_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// series stores n readings a second apart, from start on, with the values 0, 1, 2 …
func series(c *caller, id string, start time.Time, n int) {
	c.t.Helper()
	lines := make([]string, n)
	for i := range lines {
		lines[i] = oneReading(id, stamp(start.Add(time.Duration(i)*time.Second)), fmt.Sprint(i))
	}
	c.good(array(lines...), http.StatusCreated)
}

func (c *caller) page(query url.Values) itemsPage {
	c.t.Helper()
	return decode[itemsPage](c.t, c.good(probe.Call{Path: "/sensor-data?" + query.Encode()}, http.StatusOK))
}

func values(items []item) []string {
	all := make([]string, len(items))
	for i, one := range items {
		all[i] = one.Value.String()
	}
	return all
}

func TestListing_PagesNewestFirstAndCoversEverythingOnce(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	series(c, id, at, 25)
	query := url.Values{"equipmentId": {id}, "limit": {"10"}}
	var got []string
	for n := 0; ; n++ {
		page := c.page(query)
		got = append(got, values(page.Items)...)
		for _, one := range page.Items {
			registered, err := time.Parse(time.RFC3339Nano, one.RegisterTime)
			if err != nil || one.EquipmentID != id || time.Since(registered).Abs() > 5*time.Minute {
				t.Errorf("item %+v", one)
			}
		}
		if page.NextCursor == "" {
			break
		}
		if n == 0 { // what arrives meanwhile neither repeats nor hides anything
			c.send(id, at.Add(time.Minute), "100")
			query.Set("limit", "4") // and the limit may change
		}
		query.Set("cursor", page.NextCursor)
	}
	var want []string
	for i := 24; i >= 0; i-- {
		want = append(want, fmt.Sprint(i))
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages: %q", got)
	}
}

func TestListing_EndsExactlyOnAFullPage(t *testing.T) {
	t.Parallel()
	c, id := machine(t), equipment(t)
	series(c, id, recent(), 6)
	query := url.Values{"equipmentId": {id}, "limit": {"3"}}
	first := c.page(query)
	query.Set("cursor", first.NextCursor)
	second := c.page(query)
	if len(first.Items) != 3 || first.NextCursor == "" || len(second.Items) != 3 {
		t.Fatalf("pages: %+v %+v", first, second)
	}
	if second.NextCursor != "" {
		query.Set("cursor", second.NextCursor)
		if third := c.page(query); len(third.Items) > 0 || third.NextCursor != "" {
			t.Errorf("after the last page: %+v", third)
		}
	}
}

func TestListing_KeepsToItsBounds(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	series(c, id, at, 10)
	second := func(n int) string { return stamp(at.Add(time.Duration(n) * time.Second)) }
	for name, one := range map[string]struct {
		query url.Values
		want  []string
	}{
		"from, included": {url.Values{"from": {second(7)}}, []string{"9", "8", "7"}},
		"to, excluded":   {url.Values{"to": {second(3)}}, []string{"2", "1", "0"}},
		"both":           {url.Values{"from": {second(4)}, "to": {second(6)}}, []string{"5", "4"}},
		"a nanosecond":   {url.Values{"from": {stamp(at.Add(4*time.Second + 1))}, "to": {second(6)}}, []string{"5"}},
		"an offset":      {url.Values{"from": {at.Add(8 * time.Second).In(time.FixedZone("", 3600)).Format(time.RFC3339)}}, []string{"9", "8"}},
		"none between":   {url.Values{"from": {second(4)}, "to": {second(4)}}, nil},
		"none":           {url.Values{"to": {second(0)}}, nil},
	} {
		one.query.Set("equipmentId", id)
		one.query.Set("limit", "2")
		var got []string
		for {
			page := c.page(one.query)
			got = append(got, values(page.Items)...)
			if page.NextCursor == "" {
				break
			}
			one.query.Set("cursor", page.NextCursor)
		}
		if !slices.Equal(got, one.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestListing_OfNothingIsAnEmptyPage(t *testing.T) {
	t.Parallel()
	page := machine(t).page(url.Values{"equipmentId": {equipment(t)}})
	if page.Items == nil || len(page.Items) > 0 || page.NextCursor != "" {
		t.Errorf("page %+v", page)
	}
}

func TestListing_RejectsBadParameters(t *testing.T) {
	t.Parallel()
	c, id := machine(t), equipment(t)
	series(c, id, recent(), 3)
	cursor := c.page(url.Values{"equipmentId": {id}, "limit": {"1"}}).NextCursor
	if cursor == "" {
		t.Fatal("no cursor")
	}
	for query, fields := range map[string]string{
		"":                                      "equipmentId",
		"equipmentId=":                          "equipmentId",
		"equipmentId=a%20b":                     "equipmentId",
		"equipmentId=" + id + "&limit=0":        "limit",
		"equipmentId=" + id + "&limit=1001":     "limit",
		"equipmentId=" + id + "&limit=-1":       "limit",
		"equipmentId=" + id + "&limit=ten":      "limit",
		"equipmentId=" + id + "&limit=1.5":      "limit",
		"equipmentId=" + id + "&limit=":         "limit",
		"equipmentId=" + id + "&from=yesterday": "from",
		"equipmentId=" + id + "&to=2026-01-01":  "to",
		"equipmentId=" + id + "&from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z": "to",
		"equipmentId=" + id + "&cursor=":                                           "cursor",
		"equipmentId=" + id + "&cursor=nonsense":                                   "cursor",
		"equipmentId=" + id + "&cursor=" + cursor + "A":                            "cursor",
		"equipmentId=other&cursor=" + cursor:                                       "cursor",
		"equipmentId=" + id + "&from=2020-01-01T00:00:00Z&cursor=" + cursor:        "cursor",
	} {
		if p := c.bad(probe.Call{Path: "/sensor-data?" + query}, http.StatusBadRequest); p.fields() != fields {
			t.Errorf("%s: the answer names %q", query, p.fields())
		}
	}
}
