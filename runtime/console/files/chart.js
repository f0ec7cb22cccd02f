// Draws aggregates: averages as lines with their bands from minimum to maximum, counts as bars, over the whole of a window.

import { averageOf, extremes } from "./aggregates.js";
import { element, set, shape } from "./dom.js";
import { divide, Sum } from "./numbers-and-times.js";
import { timeTicks, valueTicks } from "./ticks.js";

const dates = { day: { day: "numeric", month: "short" }, month: { month: "short", year: "numeric" } };
const top = 12, right = 14, bottom = 26, gap = 14, dragMin = 6;

/**
 * seriesOf brings an answer's items together to lines: one for each equipment that was asked for, or one for all. Each is
 * {name, color, steps}, and each of its steps {start, end, items, count, value, low, high}; the last three are numbers for the
 * picture, low and high missing where they are not known.
 */
export function seriesOf(answer) {
  const names = answer.equipments.length > 0 ? answer.equipments : [""];
  const series = new Map(names.map((name, color) => [name, { name, color, steps: [] }]));
  for (const item of answer.items) {
    const { steps } = series.get(answer.equipments.length > 0 ? item.equipment : "");
    if (steps.at(-1)?.start !== item.start) steps.push({ start: item.start, end: item.end, items: [] });
    steps.at(-1).items.push(item);
  }
  for (const { steps } of series.values()) for (const step of steps) summarize(step);
  return [...series.values()];
}

function summarize(step) {
  let total = 0;
  step.count = 0;
  for (const item of step.items) {
    step.count += item.count;
    total += item.total === undefined ? Number(item.average) * item.count : Number(item.total);
    if (item.min === undefined) continue;
    step.low = Math.min(step.low ?? Infinity, Number(item.min));
    step.high = Math.max(step.high ?? -Infinity, Number(item.max));
  }
  step.value = total / step.count;
}

/** figuresOf are the exact figures of a step, as texts: {average, min, max}, and its count. */
export function figuresOf(step) {
  if (step.items.length === 1) {
    const [item] = step.items;
    return { average: averageOf(item), min: item.min, max: item.max, count: item.count };
  }
  const total = new Sum();
  for (const item of step.items) total.add(item.total);
  return { average: divide(total.toString(), step.count), ...extremes(step.items), count: step.count };
}

/**
 * Chart is a picture in an element of its own. zoom(from, to) is called when a part was chosen, pointed(start, end, byKey) when a step
 * is pointed at; both are undefined when none is any more.
 */
export class Chart {
  constructor(app, { zoom, pointed }) {
    this.app = app;
    this.zoom = zoom;
    this.pointed = pointed;
    this.picture = shape("svg", { class: "picture", role: "presentation", focusable: "false" });
    this.element = element("div", {
      class: "chart", tabindex: "0", role: "application", "aria-roledescription": app.text("chart.role"),
      onpointermove: (event) => this.move(event), onpointerleave: (event) => this.leave(event), onpointerdown: (event) => this.press(event),
      onpointerup: (event) => this.release(event), onpointercancel: () => this.forget(), onkeydown: (event) => this.key(event),
      onblur: () => this.point(-1),
    }, this.picture);
  }

  /** width is how many pixels there are for the window. */
  get width() { return Math.max(200, (this.element.clientWidth || 900) - 80); }

  /** draw shows series of an answer; those whose names are in hidden are left out. front is the one whose band shows. */
  draw(answer, series, hidden = new Set(), front = "") {
    Object.assign(this, { answer, series: series.filter(({ name }) => !hidden.has(name)) });
    this.front = this.series.length === 1 ? this.series[0] : this.series.find(({ name }) => name === front);
    this.steps = stepsOf(this.series);
    this.at = Math.min(this.at ?? -1, this.steps.length - 1);
    this.redraw();
  }

  redraw() {
    const { answer, element: { clientWidth } } = this;
    if (!answer || clientWidth === 0) return;
    const height = Math.round(Math.min(520, Math.max(280, clientWidth * 0.36)));
    const values = this.valueAxis(height);
    const left = 16 + 7.2 * Math.max(...values.labels.map((label) => label.length), this.countLabel().length);
    this.place = { left, width: clientWidth - left - right, height, base: height - bottom, ...values };
    set(this.picture, { viewBox: `0 0 ${clientWidth} ${height}`, width: clientWidth, height });
    this.cross = shape("g", { class: "cross" });
    this.picture.replaceChildren(...this.axes(), ...this.bars(), ...this.series.flatMap((one) => this.line(one)), this.cross);
    this.drawCross();
  }

  /** valueAxis chooses the values that are marked, and where the lines and the bars have their room. */
  valueAxis(height) {
    let low = Infinity, high = -Infinity;
    for (const { steps } of this.series) {
      for (const { value } of steps) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    for (const step of this.front?.steps || []) {
      low = Math.min(low, step.low ?? low);
      high = Math.max(high, step.high ?? high);
    }
    if (low > high) [low, high] = [0, 1];
    const floor = Math.round((height - bottom) * 0.78);
    const marks = valueTicks(low, high, Math.max(3, (floor - top) / 56));
    const large = Math.max(Math.abs(marks.low), Math.abs(marks.high)) >= 1e7;
    const options = large ? { notation: "compact", maximumFractionDigits: 3 }
      : { minimumFractionDigits: marks.digits, maximumFractionDigits: marks.digits };
    return { ...marks, floor, labels: marks.ticks.map((tick) => this.app.format.number(tick, options)) };
  }

  get most() { return Math.max(1, ...this.steps.map((step) => step.count)); }

  countLabel() { return this.app.format.number(this.most, { notation: "compact" }); }

  x(time) {
    const { left, width } = this.place, { from, to } = this.answer;
    return left + (time - from) / (to - from) * width;
  }

  y(value) {
    const { low, high, floor } = this.place;
    return top + (high - value) / (high - low) * (floor - top);
  }

  axes() {
    const { left, width, floor, base, height, ticks, labels } = this.place, { answer, app: { format } } = this;
    const across = (y, kind) => shape("line", { class: kind, x1: left, x2: left + width, y1: y, y2: y });
    const parts = ticks.flatMap((tick, i) => [across(round(this.y(tick)), "grid"),
      shape("text", { x: left - 8, y: this.y(tick) + 4, "text-anchor": "end" }, labels[i])]);
    const times = timeTicks(answer.from, answer.to, Math.max(2, Math.floor(width / 58)), answer.zone);
    for (const { at, kind } of times) {
      const x = round(this.x(at));
      const label = kind === "clock" ? format.clock(at) : format.time(at, dates[kind]);
      parts.push(shape("line", { class: kind === "clock" ? "grid" : "grid day", x1: x, x2: x, y1: top, y2: base + 4 }));
      if (x < left + 8 || x > left + width - 20) continue; // half of the label would stand outside
      parts.push(shape("text", { class: kind, x, y: height - 7, "text-anchor": "middle" }, label));
    }
    return [...parts, across(base, "axis"), shape("text", { x: left - 8, y: floor + gap + 10, "text-anchor": "end" }, this.countLabel()),
      shape("text", { x: left - 8, y: base, "text-anchor": "end" }, "0")];
  }

  bars() {
    const { floor, base } = this.place, most = this.most;
    const path = this.steps.map(({ start, end, count }) => {
      const x1 = this.x(start), x2 = this.x(end), inset = x2 - x1 < 3 ? 0 : Math.min(1.5, (x2 - x1) * 0.12);
      const height = Math.max(1, count / most * (base - floor - gap));
      return `M${near(x1 + inset)} ${base}V${near(base - height)}H${near(Math.max(x2 - inset, x1 + inset + 0.6))}V${base}Z`;
    });
    return [shape("path", { class: "bars", d: path.join("") })];
  }

  /** line is the line of a series, and its band where it is the one in front. Where steps are missing, both have gaps. */
  line(series) {
    const runs = runsOf(series.steps), middle = (step) => near(this.x((step.start + step.end) / 2));
    const kind = `line s${series.color}${this.front && this.front !== series ? " behind" : ""}`;
    const path = runs.map((run) => run.map((step, i) => `${i === 0 ? "M" : "L"}${middle(step)} ${near(this.y(step.value))}`).join(""));
    const alone = runs.filter((run) => run.length === 1) // of a line without length, the round ends show
      .map(([step]) => `M${middle(step)} ${near(this.y(step.value))}h0.01`);
    const drawn = [shape("path", { class: kind, d: path.join("") }), shape("path", { class: kind + " alone", d: alone.join("") })];
    if (series === this.front) drawn.unshift(shape("path", { class: `band s${series.color}`, d: runs.map((run) => this.band(run)).join("") }));
    return drawn;
  }

  band(run) {
    const known = run.filter((step) => step.low !== undefined);
    if (known.length === 0) return "";
    const corner = (step, value, aside = 0) => `${near(this.x((step.start + step.end) / 2) + aside)} ${near(this.y(value))}`;
    if (known.length === 1) {
      const [step] = known;
      return `M${corner(step, step.high, -2)}L${corner(step, step.high, 2)}L${corner(step, step.low, 2)}L${corner(step, step.low, -2)}Z`;
    }
    const above = known.map((step) => corner(step, step.high)), below = known.toReversed().map((step) => corner(step, step.low));
    return `M${[...above, ...below].join("L")}Z`;
  }

  // ---- pointing

  timeOf(event) {
    const { left, width } = this.place, { from, to } = this.answer;
    const x = event.clientX - this.picture.getBoundingClientRect().left;
    return from + Math.min(1, Math.max(0, (x - left) / width)) * (to - from);
  }

  move(event) {
    if (!this.place) return;
    if (this.drag && event.pointerId === this.drag.pointer) this.drag.to = event.clientX;
    this.point(nearest(this.steps, this.timeOf(event)));
  }

  press(event) {
    if (!this.place || event.button !== 0) return;
    this.point(nearest(this.steps, this.timeOf(event)));
    if (event.pointerType === "touch") return; // it moves the cross, or the page
    this.drag = { pointer: event.pointerId, from: event.clientX, to: event.clientX, time: this.timeOf(event) };
    this.element.setPointerCapture(event.pointerId);
  }

  release(event) {
    const { drag } = this;
    this.forget();
    if (!drag || Math.abs(event.clientX - drag.from) < dragMin) return;
    const ends = [drag.time, this.timeOf(event)].sort((a, b) => a - b);
    this.zoom(...ends);
  }

  forget() {
    this.drag = null;
    this.drawCross();
  }

  leave(event) {
    if (event.pointerType === "touch" || this.drag || document.activeElement === this.element) return;
    this.point(-1);
  }

  key(event) {
    if (!this.steps || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.steps.length - 1, far = Math.max(1, Math.round(this.steps.length / 10));
    const targets = {
      ArrowLeft: this.at < 0 ? last : this.at - 1, ArrowRight: this.at < 0 ? 0 : this.at + 1, Home: 0, End: last,
      PageUp: this.at - far, PageDown: this.at + far,
    };
    if (event.key in targets) this.point(Math.min(last, Math.max(0, targets[event.key])), true);
    else if (event.key === "+" || event.key === "Enter") this.zoomBy(0.25);
    else if (event.key === "-") this.zoomBy(1);
    else if (event.key === "Escape") this.point(-1, true);
    else return;
    event.preventDefault();
  }

  /** zoomBy asks for so many times the window to each side of what is pointed at, or of the middle. */
  zoomBy(part) {
    if (!this.answer) return;
    const { from, to } = this.answer, step = this.steps[this.at];
    const middle = step ? (step.start + step.end) / 2 : (from + to) / 2;
    this.zoom(middle - part * (to - from), middle + part * (to - from));
  }

  point(at, byKey = false) {
    if (at === this.at && !this.drag) return;
    this.at = at;
    this.drawCross();
    this.tell(byKey);
  }

  tell(byKey) {
    const step = this.steps?.[this.at];
    this.pointed(step?.start, step?.end, byKey);
  }

  drawCross() {
    if (!this.cross) return;
    const step = this.steps[this.at], { base } = this.place, parts = [];
    if (this.drag) {
      const edge = this.picture.getBoundingClientRect().left;
      const [a, b] = [this.drag.from, this.drag.to].map((x) => x - edge).sort((x, y) => x - y);
      parts.push(shape("rect", { class: "chosen", x: a, y: top, width: b - a, height: base - top }));
    }
    if (step) {
      const x = round(this.x((step.start + step.end) / 2));
      parts.push(shape("line", { class: "hair", x1: x, x2: x, y1: top, y2: base }));
      for (const { color, steps } of this.series) {
        const own = steps.find((one) => one.start === step.start);
        if (own) parts.push(shape("circle", { class: `dot s${color}`, cx: x, cy: near(this.y(own.value)), r: 4.5 }));
      }
    }
    this.cross.replaceChildren(...parts);
  }
}

const near = (n) => Math.round(n * 10) / 10;
const round = (n) => Math.round(n) + 0.5; // a line of one pixel stands on whole pixels

/** stepsOf are the steps of all series together, each with its count. */
function stepsOf(series) {
  const all = new Map();
  for (const { steps } of series) {
    for (const { start, end, count } of steps) {
      const step = all.get(start);
      if (step) step.count += count;
      else all.set(start, { start, end, count });
    }
  }
  return [...all.values()].sort((a, b) => a.start - b.start);
}

/** runsOf divides steps where one is missing. */
function runsOf(steps) {
  const runs = [];
  for (const step of steps) {
    if (runs.length === 0 || runs.at(-1).at(-1).end < step.start) runs.push([]);
    runs.at(-1).push(step);
  }
  return runs;
}

/** nearest is the index of the step that is nearest to a time; -1 where there is none. */
function nearest(steps, time) {
  let low = 0, high = steps.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle].end <= time) low = middle + 1;
    else high = middle;
  }
  const before = steps[low - 1];
  return before && time - before.end < steps[low].start - time ? low - 1 : low <= high ? low : -1;
}
