package report

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The size of a picture, and what its axes leave for the lines, in pixels.
const (
	chartWidth, chartHeight                     = 760, 280
	plotLeft, plotRight, plotTop, plotBottom    = 64, 744, 44, 236
	plotWidth, plotHeight                       = plotRight - plotLeft, plotBottom - plotTop
	textDark, textPale, gridColour, paperColour = "#1f2933", "#52606d", "#e4e7eb", "#ffffff"
)

// The colours of lines, which people with any colour vision can tell apart.
const (
	blue   = "#0072b2"
	orange = "#d55e00"
	grey   = "#7b8794"
)

// chart is a picture of lines over one axis.
type chart struct {
	title, xName, yName string
	lines               []line
	xTicks              []tick // what stands below the axis
	xMin, xMax          float64
	yLeast              float64 // the axis reaches at least this high
}

// line is drawn in strokes, between which it has a gap.
type line struct {
	name, colour string
	strokes      [][]point
}

type point struct{ x, y float64 }

// tick is a text beside an axis.
type tick struct {
	at   float64
	text string
}

// svg draws the picture.
func (c chart) svg() string {
	top := c.yLeast
	for _, l := range c.lines {
		for _, p := range slices.Concat(l.strokes...) {
			top = max(top, p.y)
		}
	}
	yTicks := ticksUpTo(top)
	top = yTicks[len(yTicks)-1].at
	x := func(v float64) float64 { return plotLeft + plotWidth*(v-c.xMin)/max(c.xMax-c.xMin, 1e-9) }
	y := func(v float64) float64 { return plotBottom - plotHeight*v/top }

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="sans-serif" font-size="12">`+"\n",
		chartWidth, chartHeight, chartWidth, chartHeight)
	fmt.Fprintf(&b, "<title>%s</title>\n", html.EscapeString(c.title))
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="%s"/>`+"\n", chartWidth, chartHeight, paperColour)
	text(&b, plotLeft, 18, "start", textDark, ` font-size="14" font-weight="bold"`, c.title)
	for _, t := range yTicks {
		fmt.Fprintf(&b, `<path d="M%d %s H%d" stroke="%s"/>`+"\n", plotLeft, number(y(t.at)), plotRight, gridColour)
		text(&b, plotLeft-8, y(t.at)+4, "end", textPale, "", t.text)
	}
	for _, t := range c.xTicks {
		fmt.Fprintf(&b, `<path d="M%s %d v5" stroke="%s"/>`+"\n", number(x(t.at)), plotBottom, textPale)
		text(&b, x(t.at), plotBottom+18, "middle", textPale, "", t.text)
	}
	text(&b, plotRight, chartHeight-8, "end", textPale, "", c.xName)
	text(&b, 8, 36, "start", textPale, "", c.yName)
	at := float64(plotRight)
	for _, l := range slices.Backward(c.lines) {
		text(&b, at, 18, "end", l.colour, ` font-weight="bold"`, l.name)
		at -= float64(8*len([]rune(l.name)) + 20)
	}
	for _, l := range c.lines {
		b.WriteString(`<path fill="none" stroke-width="1.8" stroke-linejoin="round" stroke-linecap="round" stroke="` + l.colour + `" d="`)
		for _, stroke := range l.strokes {
			for i, p := range stroke {
				b.WriteString(map[bool]string{true: "M", false: "L"}[i == 0] + number(x(p.x)) + " " + number(y(p.y)))
			}
			if len(stroke) == 1 {
				b.WriteString("h0") // its round ends make a dot of it
			}
		}
		b.WriteString("\"/>\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func text(b *strings.Builder, x, y float64, anchor, colour, more, s string) {
	fmt.Fprintf(b, `<text x="%s" y="%s" text-anchor="%s" fill="%s"%s>%s</text>`+"\n", number(x), number(y), anchor, colour, more, html.EscapeString(s))
}

// number writes a place on the picture, to a tenth of a pixel.
func number(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// ticksUpTo returns four to six places from 0 on at whole steps of 1, 2 or 5, of which the last is not below most.
func ticksUpTo(most float64) (ticks []tick) {
	most = max(most, 1e-3)
	step := math.Pow(10, math.Floor(math.Log10(most/5)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if most/(step*factor) <= 5 {
			step *= factor
			break
		}
	}
	for n := 0; ; n++ {
		at := float64(n) * step
		ticks = append(ticks, tick{at, thousands(strconv.FormatFloat(at, 'g', 12, 64))})
		if at >= most && n > 0 {
			return ticks
		}
	}
}

// thousands puts commas into the whole part of a number.
func thousands(s string) string {
	whole, part, broken := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if broken {
		return whole + "." + part
	}
	return whole
}
