package browser_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// The console's averages are the service's, digit by digit.
func TestNumbers_AreDividedAsTheServiceDoes(t *testing.T) {
	p := open(t, look{})
	p.visit("/console")
	random := rand.New(rand.NewPCG(1, 2))
	var cases [][2]any
	for text, count := range map[string]int64{
		"0": 7, "1": 3, "-2": 3, "0.5": 1, "100": 1, "123456789012345678901234567": 1, "0.000000000000000000000000001": 7,
		"1000000000000005": 10, "1000000000000015": 10, "-1000000000000025": 10, "9999999999999995": 10, "99999999999999995": 1,
	} {
		cases = append(cases, [2]any{text, count})
	}
	for range 400 {
		cases = append(cases, [2]any{randomDecimal(random), 1 + random.Int64N(1000)})
	}
	got := evalCases[string](p, cases, "m.divide(a, b)")
	for i, c := range cases {
		total, err := reading.ParseDecimal(c[0].(string))
		if err != nil {
			t.Fatal(err)
		}
		if want := reading.Average(total, c[1].(int64)).String(); got[i] != want {
			t.Errorf("%s / %v is %s, and the service's %s", c[0], c[1], got[i], want)
		}
	}
}

func randomDecimal(random *rand.Rand) string {
	digits := func(most int) string {
		var b strings.Builder
		for range 1 + random.IntN(most) {
			b.WriteByte(byte('0' + random.IntN(10)))
		}
		return b.String()
	}
	text := strings.TrimLeft(digits(19), "0")
	if text == "" {
		text = "0"
	}
	if random.IntN(4) > 0 {
		text += "." + digits(18)
	}
	if random.IntN(3) == 0 {
		text = "-" + text
	}
	return text
}

// evalCases gives what an expression of the module m makes of pairs a and b.
func evalCases[T any](p *page, cases any, expression string) []T {
	p.t.Helper()
	return eval[[]T](p, fmt.Sprintf(`import("/console/numbers-and-times.js").then((m) => %%s.map(([a, b]) => %s))`, expression), cases)
}

func TestNumbers_AreComparedAndAddedExactly(t *testing.T) {
	p := open(t, look{})
	p.visit("/console")
	random := rand.New(rand.NewPCG(3, 4))
	var cases [][2]string
	for range 300 {
		cases = append(cases, [2]string{randomDecimal(random), randomDecimal(random)})
	}
	cases = append(cases, [2]string{"1.10", "1.1"}, [2]string{"-0.5", "-0.50"}, [2]string{"0.1", "0.2"})
	compared := evalCases[int](p, cases, "m.compare(a, b)")
	added := evalCases[string](p, cases, "(() => { const s = new m.Sum(); s.add(a); s.add(b); return String(s); })()")
	for i, c := range cases {
		a, errA := reading.ParseDecimal(c[0])
		b, errB := reading.ParseDecimal(c[1])
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if compared[i] != a.Cmp(b) || added[i] != a.Add(b).String() {
			t.Errorf("%s and %s compare to %d and add to %s, and not to %d and %s", c[0], c[1], compared[i], added[i], a.Cmp(b), a.Add(b))
		}
	}
}

// The zones are those of the browser, and Go's database says the same.
func TestTimes_AreThoseOfTheZone(t *testing.T) {
	p := open(t, look{})
	p.visit("/console")
	random := rand.New(rand.NewPCG(5, 6))
	for _, zone := range []string{"UTC", "America/Sao_Paulo", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		var cases [][2]any
		var times []time.Time
		for range 200 {
			at := time.Unix(1735689600+300*random.Int64N(210_000), 0).In(location) // within 2025 and 2026
			times, cases = append(times, at), append(cases, [2]any{at.UnixMilli(), zone})
		}
		shown := evalCases[string](p, cases, "m.toLocal(a, b)")
		back := evalCases[int64](p, cases, "m.fromLocal(m.toLocal(a, b), b)")
		for i, at := range times {
			if want := at.Format("2006-01-02T15:04"); shown[i] != want {
				t.Errorf("%s: %s is shown as %s, and not as %s", zone, at.UTC(), shown[i], want)
			}
			if again := time.UnixMilli(back[i]).In(location); !again.Equal(at) && (again.After(at) || again.Format("15:04") != at.Format("15:04")) {
				t.Errorf("%s: %s comes back as %s", zone, at, again)
			}
		}
	}
}

// The axis of times is marked at round times of the zone, evenly, also where its clock changes.
func TestTicks_AreRoundTimesOfTheZone(t *testing.T) {
	p := open(t, look{})
	p.visit("/console")
	type tick struct {
		At   int64
		Kind string
	}
	random := rand.New(rand.NewPCG(7, 8))
	for _, zone := range []string{"UTC", "America/Sao_Paulo", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, length := range []time.Duration{15 * time.Minute, 3 * time.Hour, 25 * time.Hour, 49 * time.Hour, 7 * 24 * time.Hour, 721 * time.Hour, 400 * 24 * time.Hour} {
			from := time.Unix(1735689600+300*random.Int64N(100_000), 0)
			if random.IntN(2) == 0 { // around a change of Europe's clocks
				from = time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC).Add(-length / 2).Truncate(5 * time.Minute)
			}
			to, most := from.Add(length), 4+random.IntN(12)
			got := eval[[]tick](p, `import("/console/ticks.js").then((m) => m.timeTicks(%s, %s, %s, %s).map(({ at, kind }) => ({ At: at, Kind: kind })))`,
				from.UnixMilli(), to.UnixMilli(), most, zone)
			if len(got) > most+2 || (len(got) < 2 && length > 20*time.Minute) {
				t.Errorf("%s: %s from %s have %d marks, and there is room for %d", zone, length, from, len(got), most)
			}
			for i, mark := range got {
				at := time.UnixMilli(mark.At).In(location)
				round := at.Minute()%5 == 0 && at.Second() == 0
				if mark.Kind != "clock" {
					round = at.Hour() == 0 && at.Minute() == 0
				}
				if mark.Kind == "month" {
					round = round && at.Day() == 1
				}
				if !round || at.Before(from) || at.After(to) || i > 0 && mark.At <= got[i-1].At {
					t.Errorf("%s: %s from %s is marked at %s as a %s", zone, length, from, at, mark.Kind)
				}
			}
		}
	}
}
