package contract_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// TestAggregates_OfWindowsOfOnesOwn asks for a week in Kathmandu, whose hours begin at a quarter of the UTC's, in steps of all sizes.
func TestAggregates_OfWindowsOfOnesOwn(t *testing.T) {
	t.Parallel()
	c := machine(t)
	ids := []string{equipment(t), equipment(t)}
	slices.Sort(ids)
	zone, err := time.LoadLocation("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	year, month, today := time.Now().In(zone).Date()
	midnight := time.Date(year, month, today-5, 0, 0, 0, 0, zone)
	var lines []string
	for hour := range 3 * 24 {
		for n, id := range ids {
			at := midnight.Add(time.Duration(hour)*time.Hour + time.Duration(1+n*31)*time.Minute)
			lines = append(lines, oneReading(id, at.UTC().Format(time.RFC3339), fmt.Sprintf("%d.5", hour-n*100)))
		}
	}
	c.good(array(lines...), http.StatusCreated)
	ask := func(from, to time.Time, granularity string) probe.Page {
		t.Helper()
		query := url.Values{
			"from": {from.Format(time.RFC3339)}, "to": {to.Format(time.RFC3339)}, "granularity": {granularity}, "timezone": {zone.String()}, "equipmentId": ids,
		}
		return decode[probe.Page](t, c.good(aggregated(query.Encode()), http.StatusOK))
	}
	await.NoError(t, time.Minute, func() error {
		if page := ask(midnight, midnight.AddDate(0, 0, 3), "1h"); page.TotalCount != int64(len(lines)) {
			return fmt.Errorf("%d readings of %d are in", page.TotalCount, len(lines))
		}
		return nil
	})
	day := ask(midnight, midnight.AddDate(0, 0, 3), "1d")
	want := fmt.Sprintf("%s %d 24 288 0.5 23.5", ids[0], midnight.Unix())
	if got := itemLine(day.Items[0]); got != want || len(day.Items) != 6 {
		t.Errorf("%d items, the first %q, want %q", len(day.Items), got, want)
	}
	// An hour of the zone is a part of two of the UTC's.
	hours := ask(midnight.Add(5*time.Minute), midnight.Add(2*time.Hour), "1h")
	if got := itemLine(hours.Items[0]); got != fmt.Sprintf("%s %d 1 -100.5 -100.5 -100.5", ids[1], midnight.Unix()) || hours.TotalCount != 3 {
		t.Errorf("the cut hour is %q of %d readings", got, hours.TotalCount)
	}
	for granularity, items := range map[string]int{"5m": 144, "15m": 144, "30m": 144, "1h": 144, "1d": 6} {
		if page := ask(midnight, midnight.AddDate(0, 0, 3), granularity); len(page.Items) != items || page.TotalCount != 144 {
			t.Errorf("%s: %d items of %d readings", granularity, len(page.Items), page.TotalCount)
		}
	}
	quoted := c.good(aggregated("interval=24h&numbers=string&equipmentId="+ids[0]), http.StatusOK)
	if !strings.HasPrefix(string(quoted.Body), `{"average":"0"`) {
		t.Errorf("numbers=string: %s", quoted.Body)
	}
}

// itemLine writes an item as "equipment start count total least largest".
func itemLine(i probe.Item) string {
	return fmt.Sprintf("%s %d %d %s %s %s", i.EquipmentID, i.IntervalStart, i.SampleCount, i.TotalValue, i.MinValue, i.MaxValue)
}
