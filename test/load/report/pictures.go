package report

import (
	"math"
	"strconv"
	"time"

	"github.com/sensorflow/sensorflow/test/load/users"
)

// picture is one drawing of a report.
type picture struct{ name, about, svg string }

// pictures draws them all.
func (r *Report) pictures() []picture {
	return []picture{
		{"latency", "Latency over time", r.latencyChart().svg()},
		{"percentiles", "Latency by percentile", r.percentileChart().svg()},
		{"rate", "Readings a second", r.rateChart().svg()},
		{"failures", "Failures a second", r.failureChart().svg()},
	}
}

func inMilliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// overTime begins a picture whose axis is the measured time. A second stands for what was to be sent in it.
func (r *Report) overTime(title, yName string) chart {
	c := chart{title: title, xName: "seconds of the measured time", yName: yName, xMax: max(float64(len(r.Result.Seconds)-1), 1)}
	for _, t := range ticksUpTo(c.xMax) {
		if t.at <= c.xMax {
			c.xTicks = append(c.xTicks, t)
		}
	}
	return c
}

// bySecond draws a number of each second.
func (r *Report) bySecond(name, colour string, of func(*users.Count) float64) line {
	var stroke []point
	for i := range r.Result.Seconds {
		stroke = append(stroke, point{float64(i), of(&r.Result.Seconds[i])})
	}
	return line{name, colour, [][]point{stroke}}
}

// latencyBySecond draws a percentile of each second. One in which nothing was stored has none, and leaves a gap.
func (r *Report) latencyBySecond(name, colour string, percent float64) line {
	l := line{name: name, colour: colour}
	var stroke []point
	for i := range r.Result.Seconds {
		accepted := &r.Result.Seconds[i].Accepted
		if accepted.Count() > 0 {
			stroke = append(stroke, point{float64(i), inMilliseconds(accepted.Percentile(percent))})
			continue
		}
		l.strokes, stroke = append(l.strokes, stroke), nil
	}
	l.strokes = append(l.strokes, stroke)
	return l
}

func (r *Report) latencyChart() chart {
	c := r.overTime("Latency over time", "ms")
	c.lines = []line{
		r.latencyBySecond("p50", blue, 50),
		r.latencyBySecond("p99", orange, 99),
	}
	return c
}

func (r *Report) rateChart() chart {
	c := r.overTime("Readings a second", "1/s")
	c.lines = []line{
		r.bySecond("offered", grey, func(s *users.Count) float64 { return float64(s.Offered) }),
		r.bySecond("stored", blue, func(s *users.Count) float64 { return float64(s.Accepted.Count()) }),
	}
	return c
}

func (r *Report) failureChart() chart {
	c := r.overTime("Failures a second", "1/s")
	c.yLeast = 4
	c.lines = []line{r.bySecond("failed", orange, func(s *users.Count) float64 { return float64(s.Failures()) })}
	return c
}

// percentileChart has an axis on which each nine takes the same room.
func (r *Report) percentileChart() chart {
	c := chart{title: "Latency by percentile", xName: "percent of the readings stored that took no longer", yName: "ms", xMax: 4}
	c.xTicks = []tick{{0, "0"}, {nines(50), "50"}}
	for n, text := range []string{"90", "99", "99.9", "99.99"} {
		c.xTicks = append(c.xTicks, tick{float64(n + 1), text})
	}
	var stroke []point
	const points = 200
	accepted := &r.Result.Total.Accepted
	for i := range points + 1 {
		if accepted.Count() == 0 {
			break
		}
		at := c.xMax * float64(i) / points
		percent := 100 * (1 - math.Pow(10, -at))
		stroke = append(stroke, point{at, inMilliseconds(accepted.Percentile(percent))})
	}
	c.lines = []line{{"from the intended moment", blue, [][]point{stroke}}}
	return c
}

// nines is the place of a percentile on an axis of nines.
func nines(percent float64) float64 { return -math.Log10(1 - percent/100) }

// fileName is what a report's pages and pictures are called.
func (r *Report) fileName() string { return "users-" + strconv.Itoa(r.Result.Pace.Users) }
