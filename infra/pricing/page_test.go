package pricing_test

import (
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/infra/pricing"
)

var dollars = regexp.MustCompile(`^\$([\d,]+(\.\d)?)$`)

// tenths reads the figures of a row, in tenths of a dollar.
func tenths(t *testing.T, row string) (figures []int) {
	t.Helper()
	for _, cell := range strings.Split(strings.Trim(row, "|"), "|")[1:] {
		if cell = strings.TrimSpace(cell); cell == "" {
			continue
		}
		match := dollars.FindStringSubmatch(cell)
		if match == nil {
			t.Fatalf("%q is no amount: %s", cell, row)
		}
		figure, err := strconv.ParseFloat(strings.ReplaceAll(match[1], ",", ""), 64)
		if err != nil {
			t.Fatal(err)
		}
		figures = append(figures, int(figure*10+0.5))
	}
	return figures
}

// TestTable_AddsUpAsItIsShown adds up what a reader sees: the parts to their sums, the regions to "all", and both sums to the last row.
func TestTable_AddsUpAsItIsShown(t *testing.T) {
	const readingsPerSecond, millions = 100, 100 * 730 * 3600 / 1e6
	chance := rand.New(rand.NewPCG(1, 2))
	lines := func(n int, most float64) (made []pricing.Line) {
		for range n {
			least := chance.Float64() * most
			made = append(made, pricing.Line{What: "part", USD: []float64{least, least * chance.Float64()}})
		}
		return append(made, pricing.Line{What: "small", USD: []float64{1.2, 1.1}}, pricing.Line{What: "large", USD: []float64{most, most}})
	}
	for range 200 {
		e := pricing.Estimate{
			Regions: []string{"eu-west-1", "eu-central-1"}, AtRest: lines(4, 90), WithReadings: lines(5, 2*millions),
			Usage: pricing.Usage{ReadingsPerSecond: readingsPerSecond},
		}
		table := pricing.Table(e)
		if addsUp(t, table); t.Failed() {
			t.Fatalf("of\n%s", table)
		}
	}
}

// addsUp goes through the rows of a table that has two regions.
func addsUp(t *testing.T, table string) {
	t.Helper()
	var open []int // what the parts below the last sum have still to bring
	var sums [][]int
	for _, row := range strings.Split(strings.TrimSpace(table), "\n")[2:] {
		figures := tenths(t, row)
		if len(figures) == 3 && figures[0]+figures[1] != figures[2] {
			t.Errorf("the regions do not make up all: %s", row)
		}
		if strings.HasPrefix(row, "| …") {
			for i, figure := range figures {
				if open[i] -= figure; strings.Contains(row, "everything else") && open[i] != 0 {
					t.Errorf("the parts leave %d tenths of a dollar open: %s", open[i], row)
				}
			}
			continue
		}
		sums, open = append(sums, figures), append([]int{}, figures...)
	}
	if len(sums) != 4 || strings.Count(table, "everything else") != 2 {
		t.Fatalf("there are %d sums", len(sums))
	}
	for i, figure := range sums[3] {
		if sums[0][i]+sums[2][i] != figure {
			t.Errorf("at rest and the readings do not make up all: %v", sums)
		}
	}
}
