// Shows the raw readings of an equipment, newest first.

import { spanOf } from "./aggregates.js";
import { element, note, save, say, whileBusy } from "./dom.js";
import { compare } from "./numbers-and-times.js";
import { Table } from "./table.js";

const pageSize = 200;

/** compareInstants orders timestamps of the service, which have up to nine digits behind the second. */
function compareInstants(a, b) {
  const whole = (text) => Date.parse(text.replace(/\.\d+/, ""));
  const digits = (text) => (/\.(\d+)/.exec(text)?.[1] || "").padEnd(9, "0");
  return whole(a) - whole(b) || Number(digits(a)) - Number(digits(b));
}

/** Readings shows those of one equipment in a window; ask(equipment, window) begins with others, and more goes on. */
export class Readings {
  constructor(app) {
    this.app = app;
    const { text } = app;
    this.table = new Table(app, { label: text("readings.title"), columns: this.columns() });
    this.line = note();
    this.older = this.button("readings.older", () => this.more());
    this.older.hidden = true;
    this.newest = this.button("readings.newest", () => this.begin());
    this.export = this.button("result.export", () => this.download());
    this.question = element("p", { class: "hint" });
    const head = element("div", { class: "head" }, element("h2", { id: "readings-title" }, text("readings.title")),
      element("div", { class: "tools" }, this.newest, this.export));
    this.element = element("section", { class: "panel", "aria-labelledby": "readings-title" },
      head, this.question, this.line.element, this.table.element, element("div", { class: "actions" }, this.older));
  }

  columns() {
    const { app } = this, { text } = app;
    const instant = (key, label) => ({
      key, label, cell: (one) => app.format.instant(one[key]), order: (a, b) => compareInstants(a[key], b[key]),
    });
    return [
      instant("timestamp", text("readings.time")),
      { key: "value", label: text("readings.value"), number: true, cell: (one) => app.format.decimal(one.value), order: (a, b) => compare(a.value, b.value) },
      instant("registerTime", text("readings.registered")),
    ];
  }

  button(key, work) {
    const button = element("button", { type: "button", class: "plain small", onclick: () => whileBusy(button, work) }, this.app.text(key));
    return button;
  }

  /** ask begins with the newest readings, where they are not those that are shown. name says the window in words. */
  ask(equipment, window, name) {
    this.named = this.app.text("readings.question", { id: equipment, window: name, zone: this.app.zone });
    const key = JSON.stringify([equipment, window]);
    if (this.key === key) {
      say(this.question, this.named);
      if (this.rows) this.table.show(this.rows, true); // the zone may be another one
      return undefined;
    }
    if (this.rows && this.equipment !== equipment) this.empty();
    Object.assign(this, { key, equipment, window });
    return this.begin();
  }

  /** empty shows nothing until something comes: readings never stand under the name of another equipment. */
  empty() {
    this.rows = undefined;
    say(this.question, "");
    this.table.show([]);
  }

  begin() {
    this.older.hidden = true; // its cursor belongs to the answer before
    const { from, to } = spanOf(this.window, Date.now());
    this.query = { equipmentId: this.equipment, from: new Date(from).toISOString(), to: new Date(to).toISOString() };
    this.giveUp?.abort();
    this.giveUp = new AbortController();
    return this.load([], undefined);
  }

  more() { return this.load(this.rows, this.cursor); }

  /** load asks for the next page that holds anything; pages may be empty where readings were deleted. */
  async load(before, cursor) {
    const { app, giveUp: { signal } } = this;
    const told = this.named;
    this.loading = true;
    this.line.say(app.text("readings.loading"), "busy");
    try {
      let page;
      do {
        page = await app.service.getValues("/sensor-data", { ...this.query, limit: String(pageSize), cursor }, { signal });
        cursor = page.nextCursor;
      } while (page.items.length === 0 && cursor);
      this.cursor = cursor;
      this.rows = before.concat(page.items);
      say(this.question, told);
      this.table.show(this.rows, before.length > 0);
      this.older.hidden = !cursor;
      this.line.say(this.rows.length === 0 ? app.text("readings.none") : "");
    } catch (error) {
      if (signal.aborted) return;
      this.key = "";
      this.line.say(app.faultText(error), "bad");
    } finally {
      if (!signal.aborted) this.loading = false;
    }
  }

  async download() {
    try {
      save(`readings-${this.equipment.replace(/[^\w.-]/g, "_")}.csv`, "text/csv", [await this.app.service.csv("/sensor-data", this.query)]);
    } catch (error) {
      this.line.say(this.app.faultText(error), "bad");
    }
  }

  /** close gives up what is being loaded, so that it is asked for anew when somebody comes back. */
  close() {
    this.giveUp?.abort();
    if (this.loading) this.key = "";
    this.loading = false;
  }
}
