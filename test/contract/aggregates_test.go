package contract_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

func aggregated(query string) probe.Call {
	return probe.Call{Path: "/sensor-data/aggregated?" + query}
}

// It runs before the parallel tests, which keep the machine busier than the promise is meant for.
func TestAggregates_AreFreshWithinTwoSeconds(t *testing.T) {
	c := machine(t)
	var took []time.Duration
	for range 5 {
		id, at := equipment(t), recent()
		c.hours(id, "24h") // an answer that may be cached
		c.send(id, at, "1")
		began := time.Now()
		c.hours(id, "24h", hourLine(at, 1, "1"))
		c.send(id, at, "2")
		took = append(took, time.Since(began))
		began = time.Now()
		c.hours(id, "24h", hourLine(at, 1, "2"))
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("slowest: %v", took[len(took)-1])
	// Other packages are compiled and tested meanwhile, and each may be what a single one had to wait for.
	if half := took[len(took)/2]; half > 2*time.Second {
		t.Errorf("half of the readings showed only after %v and more", half)
	}
}

func TestAggregates_AreExact(t *testing.T) {
	t.Parallel()
	nines := strings.Repeat("9", 27)
	for name, one := range map[string]struct {
		values         []string
		total, average string
	}{
		"0.1 + 0.2 - 0.2":     {[]string{"0.1", "0.2", "-0.2"}, "0.1", "0.0333333333333333"},
		"thirty times 0.1":    {strings.Fields(strings.Repeat("0.1 ", 30)), "3", "0.1"},
		"adds up to nothing":  {[]string{"5", "-5"}, "0", "0"},
		"large and small":     {[]string{"1e26", "1e-27"}, "100000000000000000000000000.000000000000000000000000001", "50000000000000000000000000"},
		"large cancels":       {[]string{nines, "1e-27", "-" + nines}, "0." + strings.Repeat("0", 26) + "1", "0.000000000000000000000000000333333333333333"},
		"27 nines, four each": {[]string{nines, nines, nines, nines}, "3" + strings.Repeat("9", 26) + "6", "1000000000000000000000000000"},
		"38 digits":           {[]string{nines + "." + nines[:11], "0.00000000001"}, "1" + strings.Repeat("0", 27), "500000000000000000000000000"},
		"beyond a float":      {[]string{"9007199254740993", "9007199254740993"}, "18014398509481986", "9007199254740990"},
		"half to even":        {[]string{"1.00000000000000", "1.00000000000001"}, "2.00000000000001", "1"},
		"half to odd":         {[]string{"1.00000000000001", "1.00000000000002"}, "2.00000000000003", "1.00000000000002"},
		"thirds":              {[]string{"0", "0", "-2"}, "-2", "-0.666666666666667"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, id, at := machine(t), equipment(t), recent()
			lines := make([]string, len(one.values))
			for i, value := range one.values {
				lines[i] = oneReading(id, stamp(at.Add(time.Duration(i)*time.Second)), value)
			}
			c.good(array(lines...), http.StatusCreated)
			page := c.hours(id, "24h", hourLine(at, len(lines), one.total))
			if page.TotalCount != int64(len(lines)) || page.Average.String() != one.average {
				t.Errorf("count %d, average %s, want %s", page.TotalCount, page.Average, one.average)
			}
		})
	}
}

func TestAggregates_ACorrectionReplacesAndADeletionSubtracts(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	c.send(id, at, "10.25")
	c.send(id, at.Add(time.Second), "1")
	c.hours(id, "24h", hourLine(at, 2, "11.25"))
	c.send(id, at, "-0.75")
	c.hours(id, "24h", hourLine(at, 2, "0.25"))
	database := probe.NewDynamoDB(local.Region, local.DynamoDBEndpoint)
	remove := func(instant time.Time) {
		t.Helper()
		table := local.Tables[contract.ReadingsTable().Name]
		if _, err := database.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: map[string]types.AttributeValue{
			contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: id},
			contract.AttrTimestamp:   &types.AttributeValueMemberS{Value: instant.Format("2006-01-02T15:04:05.000000000Z")},
		}}); err != nil {
			t.Fatal(err)
		}
	}
	remove(at)
	c.hours(id, "24h", hourLine(at, 1, "1"))
	remove(at.Add(time.Second))
	if page := c.hours(id, "24h"); page.TotalCount != 0 || page.Average.String() != "0" {
		t.Errorf("after all is gone: %+v", page)
	}
	c.send(id, at, "7")
	c.hours(id, "24h", hourLine(at, 1, "7"))
}

func TestAggregates_TheSameReadingByEveryWayCountsOnce(t *testing.T) {
	t.Parallel()
	c, id, at := machine(t), equipment(t), recent()
	one := oneReading(id, stamp(at), "2.5")
	for range 3 {
		c.send(id, at, "2.5")
		c.good(array(one, one), http.StatusCreated)
		c.good(ndjson(one), http.StatusCreated)
	}
	if u := c.upload(rows(id+","+stamp(at)+",2.50", id+","+at.In(time.FixedZone("", -3600)).Format(time.RFC3339Nano)+",25e-1")); u.RowsAccepted != 2 {
		t.Errorf("upload %+v", u)
	}
	c.hours(id, "24h", hourLine(at, 1, "2.5"))
	// The stream is read in order: what comes after all of these shows only once all of them were taken in.
	c.send(id, at.Add(time.Second), "1")
	c.hours(id, "24h", hourLine(at, 2, "3.5"))
}

// Each window is its hours before the current full hour, and that hour itself; what lies ahead is not in it yet.
func TestAggregates_CoverTheirWindow(t *testing.T) {
	t.Parallel()
	c, id := machine(t), equipment(t)
	current := time.Now().UTC().Truncate(time.Hour)
	var lines []string
	back := []int{-1, 0, 1, 23, 24, 25, 47, 48, 49, 100, 168, 169, 500, 720, 721}
	for _, hours := range back {
		lines = append(lines, oneReading(id, stamp(current.Add(-time.Duration(hours)*time.Hour)), fmt.Sprintf("%d.5", hours+2)))
	}
	c.good(array(lines...), http.StatusCreated)
	for interval, length := range windows {
		var want []string
		total := 0
		for i := len(back) - 1; i >= 0; i-- {
			if hours := back[i]; hours >= 0 && hours <= length {
				want = append(want, hourLine(current.Add(-time.Duration(hours)*time.Hour), 1, fmt.Sprintf("%d.5", hours+2)))
				total += 10*(hours+2) + 5
			}
		}
		page := c.hours(id, interval, want...)
		if time.Now().UTC().Truncate(time.Hour) != current {
			t.Skip("the hour ended meanwhile")
		}
		average := probe.Average(probe.Sum{Count: int64(len(want)), Total: probe.Number(fmt.Sprintf("%de-1", total))})
		if page.TotalCount != int64(len(want)) || probe.Number(page.Average.String()).Cmp(average) != 0 {
			t.Errorf("%s: count %d, average %s, want %d and %s", interval, page.TotalCount, page.Average, len(want), average.FloatString(20))
		}
	}
}

func TestAggregates_PagesCoverEverythingOnceAndTellTheWholeWindow(t *testing.T) {
	t.Parallel()
	c, id := machine(t), equipment(t)
	start := time.Now().UTC().Truncate(time.Hour).Add(-20 * time.Hour)
	var lines, want []string
	for hour := range 17 {
		at := start.Add(time.Duration(hour) * time.Hour)
		lines = append(lines, oneReading(id, stamp(at), fmt.Sprint(hour)), oneReading(id, stamp(at.Add(59*time.Minute)), "0.001"))
		want = append(want, hourLine(at, 2, fmt.Sprintf("%d.001", hour)))
	}
	c.good(array(lines...), http.StatusCreated)
	whole := c.hours(id, "24h", want...)
	for _, limit := range []int{1, 4, 16, 17, 18, 10_000} {
		pages, err := c.Aggregates(t.Context(), "24h", id, limit)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, page := range pages {
			if page.Average != whole.Average || page.TotalCount != 34 {
				t.Errorf("limit %d, page %d: average %s, count %d", limit, i, page.Average, page.TotalCount)
			}
			if i < len(pages)-1 && len(page.Items) != limit {
				t.Errorf("limit %d: page %d has %d items", limit, i, len(page.Items))
			}
			for _, one := range page.Items {
				got = append(got, fmt.Sprintf("%d %d %s", one.IntervalStart, one.SampleCount, one.TotalValue))
			}
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("limit %d: %q", limit, got)
		}
	}
}

func TestAggregates_RejectsBadParameters(t *testing.T) {
	t.Parallel()
	c := machine(t)
	for _, query := range []string{"", "interval=", "interval=1h", "interval=24H", "interval=1d", "interval=24h&interval=24h", "interval=48", "interval=%2024h"} {
		if p := c.bad(aggregated(query), http.StatusBadRequest); p.Message != "Invalid interval. Supported values are 24h, 48h, 1w, 1m" {
			t.Errorf("%q: message %q", query, p.Message)
		}
	}
	id := equipment(t)
	current := time.Now().UTC().Truncate(time.Hour)
	c.send(id, current.Add(-2*time.Hour), "1")
	c.send(id, current.Add(-time.Hour), "1")
	c.hours(id, "24h", hourLine(current.Add(-2*time.Hour), 1, "1"), hourLine(current.Add(-time.Hour), 1, "1"))
	first := decode[probe.Page](t, c.good(aggregated("interval=24h&limit=1&equipmentId="+id), http.StatusOK))
	if first.NextCursor == "" {
		t.Fatal("no cursor")
	}
	for query, fields := range map[string]string{
		"interval=24h&limit=0":                                            "limit",
		"interval=24h&limit=10001":                                        "limit",
		"interval=24h&limit=x":                                            "limit",
		"interval=24h&equipmentId=":                                       "equipmentId",
		"interval=24h&equipmentId=a%20b":                                  "equipmentId",
		"interval=24h&cursor=":                                            "cursor",
		"interval=24h&cursor=nonsense":                                    "cursor",
		"interval=24h&cursor=" + first.NextCursor:                         "cursor",
		"interval=48h&equipmentId=" + id + "&cursor=" + first.NextCursor:  "cursor",
		"interval=24h&equipmentId=" + id + "x&cursor=" + first.NextCursor: "cursor",
	} {
		if p := c.bad(aggregated(query), http.StatusBadRequest); p.fields() != fields {
			t.Errorf("%s: the answer names %q", query, p.fields())
		}
	}
}

func TestAggregates_OfNothingAreZero(t *testing.T) {
	t.Parallel()
	got := machine(t).good(aggregated("interval=1m&equipmentId="+equipment(t)), http.StatusOK)
	if body := strings.TrimSpace(string(got.Body)); body != `{"average":0,"totalCount":0,"items":[]}` {
		t.Errorf("answer %s", body)
	}
}
