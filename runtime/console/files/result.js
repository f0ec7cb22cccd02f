// Shows the answer to a question about a window: its figures, the picture, the items, and which question it answers.

import { Aggregates, averageOf, granularities, orderTexts } from "./aggregates.js";
import { Chart, figuresOf, seriesOf } from "./chart.js";
import { element, note, save, say, set, shape, whileBusy } from "./dom.js";
import { compare } from "./numbers-and-times.js";
import { Table } from "./table.js";
import { Said } from "./text.js";
import { nameOf, zoomed } from "./window.js";

const liveMilliseconds = 15000;

/**
 * Result shows one answer after the other; ask(place) begins with another question, and close ends the waiting for one. came(answer) is
 * called with each answer.
 */
export class Result {
  constructor(app, came = () => {}) {
    this.app = app;
    this.whenCame = came;
    this.aggregates = new Aggregates(app.service);
    this.unasked = new Aggregates(app.service.background);
    this.hidden = new Set();
    this.build();
    new ResizeObserver(() => this.resized()).observe(this.chart.element);
  }

  build() {
    const { text } = this.app;
    this.question = element("h2", { class: "question" });
    this.line = note();
    this.bar = element("progress", { max: 1, value: 0, "aria-label": text("result.progress"), hidden: true });
    this.came = element("p", { class: "came" });
    this.live = element("input", { type: "checkbox", checked: true, onchange: () => this.wait() });
    this.figures = element("dl", { class: "figures" });
    this.limits = element("p", { class: "hint", hidden: true }, text("result.byTotals"));
    this.chart = new Chart(this.app, { zoom: (from, to) => this.zoom(from, to), pointed: (...at) => this.point(...at) });
    this.readout = element("div", { class: "readout" });
    this.spoken = element("p", { class: "unseen", "aria-live": "polite" });
    this.legend = element("ul", { class: "legend", "aria-label": text("chart.legend") });
    this.table = new Table(this.app, {
      label: text("result.items"), columns: this.columns(), sorted: (by, down) => this.sorted(by, down),
    });
    this.note = element("p", { class: "hint" });
    this.itemsTitle = element("h2", { id: "items-title" }, text("result.items"));
    this.key = element("p", { class: "hint key" }, text("chart.key"));
    this.export = this.button("result.export", () => whileBusy(this.export, () => this.download()));
    const fresh = element("div", { class: "fresh" }, this.came, element("label", { class: "live" }, this.live, text("result.live")));
    const drawn = element("section", { class: "panel", "aria-label": text("result.picture") },
      element("div", { class: "head" }, this.question, fresh), this.bar, this.line.element, this.figures, this.limits, this.legend,
      this.readout, this.chart.element, this.key, this.tools(), element("p", { class: "hint" }, text("chart.keys")), this.spoken);
    const listed = element("section", { class: "panel", "aria-labelledby": "items-title" },
      element("div", { class: "head" }, this.itemsTitle, this.export), this.note, this.table.element);
    this.element = element("div", { class: "result" }, drawn, listed);
  }

  button(key, onclick) { return element("button", { type: "button", class: "plain small", onclick }, this.app.text(key)); }

  tools() {
    this.backButton = this.button("chart.back", () => this.zoomBack());
    this.backButton.hidden = true;
    return element("div", { class: "tools" }, this.backButton,
      this.button("chart.zoomIn", () => this.chart.zoomBy(0.25)), this.button("chart.zoomOut", () => this.chart.zoomBy(1)));
  }

  columns() {
    const { app } = this, { text } = app;
    const figure = (key, read, rough) => ({
      key, label: text("figure." + key), number: true, cell: (item) => written(app, read(item)), order: orderOf(read, rough),
    });
    const link = (name) => name ? element("a", { href: app.address.link({ view: "equipment", own: { id: name } }) }, name) : text("result.all");
    return [
      { key: "start", label: text("result.column.start"), cell: (item) => app.format.moment(item.start), order: (a, b) => a.start - b.start },
      { key: "equipment", label: text("result.column.equipment"), cell: (item) => link(item.equipment), order: (a, b) => orderTexts(a.equipment, b.equipment) },
      { ...figure("average", averageOf, (item) => item.total === undefined ? Number(item.average) : item.total / item.count), cell: (item) => averageShown(app, averageOf(item)) },
      figure("min", (item) => item.min),
      figure("max", (item) => item.max),
      { key: "count", label: text("figure.count"), number: true, cell: (item) => app.format.count(item.count), order: (a, b) => a.count - b.count },
      figure("total", (item) => item.total),
    ];
  }

  // ---- asking

  /** ask begins with the question of a place, unless it is the one that is answered or asked already. */
  ask(place) {
    this.hidden = new Set((place.own.without || "").split(",").filter(Boolean));
    const [by = "start", way] = (place.own.sort || "").split("-");
    const down = way === "down";
    if (this.table.by !== by || this.table.down !== down) this.table.order(by, down);
    const question = { window: place.window, equipments: place.equipments, zone: this.app.zone, width: Math.round(this.chart.width) };
    this.backButton.hidden = place.back.length === 0;
    if (this.asked && sameQuestion(this.asked, question)) {
      if (this.answer) this.draw(true);
      return this.stale ? this.refresh() : this.wait();
    }
    return this.load(question);
  }

  /** load asks for the answer to a question. aggregates say in whose name: the person's, or the background's. */
  async load(question, aggregates = this.aggregates) {
    const { app, signal } = this.begin(), { text } = app;
    this.asked = question;
    this.again = null;
    const name = this.nameOf(question);
    this.line.say(this.answer ? text("result.loadingAnother", { question: name }) : text("result.loadingThis", { question: name }), "busy");
    if (!this.answer) say(this.question, name);
    set(this.element, { "aria-busy": "true" });
    this.bar.hidden = false;
    this.bar.value = 0;
    try {
      const answer = await aggregates.load(question, Date.now(), { signal, progress: (part) => { this.bar.value = part; } });
      this.answered(answer, false);
    } catch (error) {
      if (signal.aborted) return;
      this.asked = null;
      if (mayPass(error)) this.again = question;
      this.line.say(text("result.failed", { question: name, reason: app.faultText(error) }), "bad");
    } finally {
      if (!signal.aborted) {
        this.bar.hidden = true;
        set(this.element, { "aria-busy": null });
        this.wait();
      }
    }
  }

  /** begin gives up what is being loaded. */
  begin() {
    this.close();
    this.giveUp = new AbortController();
    return { app: this.app, signal: this.giveUp.signal };
  }

  close() {
    clearTimeout(this.waiting);
    this.giveUp?.abort();
    if (this.element.hasAttribute("aria-busy")) this.asked = null; // nobody will answer it
  }

  /** wait has the answer refreshed after a while, as long as it may still change, or asked for again where that has failed. */
  wait() {
    clearTimeout(this.waiting);
    const due = this.again || (this.answer && this.answer.to > Date.now());
    if (this.live.checked && due) this.waiting = setTimeout(() => this.refresh(), liveMilliseconds);
  }

  async refresh() {
    if (document.hidden) return this.wait();
    if (this.again) return this.load(this.again, this.unasked);
    if (!this.asked || this.element.hasAttribute("aria-busy")) return undefined;
    const { app, signal } = this.begin();
    try {
      this.answered(await this.unasked.refresh(this.answer, Date.now(), { signal }), true);
    } catch (error) {
      const { at } = this.answer;
      const reason = error.status === 401 ? app.text("session.ended") : app.faultText(error);
      const told = { time: () => app.format.clock(at, true), reason };
      this.stale = !signal.aborted;
      if (!signal.aborted) this.line.say(app.text("result.notRefreshed", told), "bad");
    }
    if (!signal.aborted) this.wait();
    return undefined;
  }

  answered(answer, again) {
    this.answer = answer;
    this.stale = false; // whether the last try to refresh it has failed
    if (!again) this.chart.point(-1);
    this.line.say(answer.count === 0 ? this.app.text("result.empty") : "");
    this.draw(again);
    this.whenCame(answer);
  }

  // ---- showing

  draw(again) {
    const { app, answer } = this, { text, format } = app;
    this.series = seriesOf(answer);
    say(this.question, this.nameOf(answer));
    say(this.came, text("result.came", { time: format.clock(answer.at, true), zone: answer.zone }));
    this.drawFigures();
    this.drawLegend();
    this.drawChart();
    say(this.note, text("window.zone", { zone: answer.zone }));
    this.limits.hidden = !answer.byTotals;
    say(this.itemsTitle, answer.byTotals ? text("result.itemsOfAll", { steps: () => stepName(app, answer.length) }) : text("result.items." + answer.granularity));
    say(this.key, text(answer.byTotals ? "chart.keyOfAll" : "chart.key"));
    this.table.show(answer.items, again);
  }

  drawFigures() {
    const { app, answer } = this, { text, format } = app;
    const figures = [["average", answer.count > 0 ? answer.average : undefined], ["min", answer.min], ["max", answer.max]];
    const shown = figures.map(([key, value]) => [text("figure." + key), key === "average" ? averageShown(app, value) : written(app, value)]);
    shown.push([text("figure.count"), format.count(answer.count)]);
    this.figures.replaceChildren(...shown.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
  }

  drawLegend() {
    const focused = this.legend.contains(document.activeElement) ? document.activeElement.value : undefined;
    this.legend.hidden = this.series.length < 2;
    this.legend.replaceChildren(...this.series.map((one) => {
      const before = (name) => () => { this.front = name; this.drawChart(); };
      return element("li", {}, element("button", {
        type: "button", value: one.name, "aria-pressed": String(!this.hidden.has(one.name)), onclick: () => this.toggle(one.name),
        onpointerenter: before(one.name), onpointerleave: before(""), onfocus: before(one.name), onblur: before(""),
      }, sample(one.color), element("span", {}, one.name)));
    }));
    if (focused !== undefined) [...this.legend.querySelectorAll("button")].find((button) => button.value === focused)?.focus();
  }

  drawChart() {
    const { app, answer, series, chart } = this;
    set(chart.element, { "aria-label": app.text("chart.label", { question: this.nameOf(answer) }) });
    chart.draw(answer, series, this.hidden, this.front);
    chart.tell(false);
  }

  /** point tells what the steps that begin at a time hold. */
  point(start, end, byKey) {
    const { app } = this, { text } = app;
    if (start === undefined) {
      this.readout.replaceChildren(element("span", { class: "hint" }, text("chart.hint")));
      this.spoken.textContent = "";
      return;
    }
    const { format } = app;
    const when = text("chart.span", { from: format.moment(start), to: sameDay(app, start, end) ? format.clock(end) : format.moment(end) });
    const told = [];
    for (const { name, color, steps } of this.series) {
      const step = steps.find((one) => one.start === start);
      if (step && !this.hidden.has(name)) told.push({ name, color, sentence: this.sentence(figuresOf(step)) });
    }
    this.readout.replaceChildren(element("strong", {}, when), ...told.map(({ name, color, sentence }) =>
      element("span", { class: "told" }, told.length > 1 || name ? sample(color) : null, name ? element("b", {}, name) : null, sentence)));
    if (byKey) this.spoken.textContent = `${when}. ${told.map(({ name, sentence }) => (name ? name + ": " : "") + sentence).join(". ")}`;
  }

  sentence(figures) {
    const { app } = this;
    const known = figures.min !== undefined;
    return app.text(known ? "chart.told" : "chart.toldAverage", {
      average: app.format.average(figures.average), min: written(app, figures.min), max: written(app, figures.max),
      readings: app.text("figure.readings", { count: figures.count }),
    });
  }

  /** nameOf says a question in words: which equipments, which window, in which zone, and how long the steps are where that is known. */
  nameOf({ equipments, window, zone, length }) {
    const { app } = this, { text } = app;
    const what = equipments.length === 0 ? text("result.all") : equipments.join(", ");
    const name = text("result.question", { what, window: nameOf(app, window), zone });
    return length ? new Said(() => `${name.write()} · ${stepName(app, length)}`) : name;
  }

  // ---- choosing

  toggle(name) {
    if (this.hidden.has(name)) this.hidden.delete(name);
    else this.hidden.add(name);
    this.keep({ without: [...this.hidden].join(",") });
  }

  sorted(by, down) { this.keep({ sort: by === "start" && !down ? "" : `${by}-${down ? "down" : "up"}` }); }

  /** keep writes what was chosen here into the address. */
  keep(own) {
    const { address } = this.app;
    address.go({ own: { ...address.place.own, ...own } }, { replace: true });
  }

  /** zoom shows a part of the picture, or more than it. It leads into the future only where the dates that were chosen do. */
  zoom(from, to) {
    const { address } = this.app, { window, back } = address.place;
    const last = window.last ? Date.now() : Math.max(Date.now(), this.answer.to);
    this.chart.point(-1);
    address.go({ window: zoomed(from, Math.min(to, last)), back: [...back, window] });
  }

  zoomBack() {
    const { address } = this.app, { back } = address.place;
    this.chart.element.focus({ preventScroll: true });
    address.go({ window: back.at(-1), back: back.slice(0, -1) });
  }

  /** chose shows a window that was chosen by hand: nothing was zoomed, and the answer is asked for anew also where it is the same. */
  chose(window) {
    this.asked = null;
    this.app.address.go({ window, back: [] });
  }

  resized() {
    this.chart.redraw();
    clearTimeout(this.resizing);
    this.resizing = setTimeout(() => {
      if (!this.asked || this.element.offsetParent === null) return;
      const width = Math.round(this.chart.width);
      if (Math.abs(width - this.asked.width) > this.asked.width / 5) this.load({ ...this.asked, width }, this.unasked);
    }, 400);
  }

  async download() {
    const { app, answer } = this;
    if (!answer) return;
    try {
      const name = ["aggregates", ...answer.equipments.slice(0, 3), new Date(answer.from).toISOString().slice(0, 10)].join("-");
      save(`${name.replace(/[^\w.-]/g, "_")}.csv`, "text/csv", await this.aggregates.csv(answer));
    } catch (error) {
      this.line.say(app.faultText(error), "bad");
    }
  }
}

/** mayPass tells whether a failure may end without anybody's asking for something else. */
const mayPass = ({ status }) => status === 0 || status === 401 || status === 429 || status >= 500;

const sameQuestion = (a, b) => JSON.stringify([a.window, a.equipments, a.zone]) === JSON.stringify([b.window, b.equipments, b.zone]);

const sample = (color) => shape("svg", { class: "sample", width: 22, height: 10, "aria-hidden": "true", viewBox: "0 0 22 10" },
  shape("path", { class: `line s${color}`, d: "M1 5H21" }));

/** averageShown is a rounded average, which tells all of its digits when it is pointed at. */
function averageShown(app, value) {
  if (value === undefined) return "–";
  const [short, whole] = [app.format.average(value), app.format.decimal(value)];
  return short === whole ? whole : element("span", { title: whole }, short);
}

const written = (app, value) => value === undefined ? "–" : app.format.decimal(value);

const sameDay = (app, a, b) => app.format.day(a) === app.format.day(b);

/**
 * orderOf orders items by a decimal that may be missing. Floats tell most of them apart, at a fraction of the work; where they do not,
 * the texts do. rough is the decimal as a float, where its text is not at hand.
 */
function orderOf(read, rough = (item) => Number(read(item))) {
  return (a, b) => {
    const x = rough(a), y = rough(b);
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(y) - Number.isNaN(x);
    return x - y || compare(read(a), read(b));
  };
}

/** stepName says how long steps are. */
function stepName(app, length) {
  if (length < granularities["1h"]) return app.text("step.minutes", { count: length / 60000 });
  if (length < granularities["1d"]) return app.text("step.hours", { count: length / granularities["1h"] });
  return app.text("step.days", { count: length / granularities["1d"] });
}
