// Shows the raw readings of an equipment, newest first.

import { spanOf } from "./aggregates.js";
import { element, note, save, whileBusy } from "./dom.js";
import { compare } from "./numbers-and-times.js";
import { Table } from "./table.js";

const pageSize = 200;

/** Readings shows those of one equipment in a window; ask(equipment, window) begins with others, and more goes on. */
export class Readings {
  constructor(app) {
    this.app = app;
    const { text } = app;
    const order = (read) => (a, b) => (read(a) < read(b) ? -1 : read(a) > read(b) ? 1 : 0);
    this.table = new Table(app, {
      label: text("readings.title"),
      columns: [
        { key: "timestamp", label: text("readings.time"), cell: (one) => app.format.instant(one.timestamp) },
        { key: "value", label: text("readings.value"), number: true, cell: (one) => app.format.decimal(one.value), order: (a, b) => compare(a.value, b.value) },
        { key: "registerTime", label: text("readings.registered"), cell: (one) => app.format.instant(one.registerTime), order: order((one) => one.registerTime) },
      ],
    });
    this.line = note();
    this.older = element("button", { type: "button", class: "plain small", hidden: true, onclick: () => whileBusy(this.older, () => this.more()) }, text("readings.older"));
    this.newest = element("button", { type: "button", class: "plain small", onclick: () => whileBusy(this.newest, () => this.begin()) }, text("readings.newest"));
    this.export = element("button", { type: "button", class: "plain small", onclick: () => whileBusy(this.export, () => this.download()) }, text("result.export"));
    this.element = element("section", { class: "panel", "aria-labelledby": "readings-title" },
      element("div", { class: "head" }, element("h2", { id: "readings-title" }, text("readings.title")), element("div", { class: "tools" }, this.newest, this.export)),
      this.question = element("p", { class: "hint" }), this.line.element, this.table.element, element("div", { class: "actions" }, this.older));
  }

  /** ask begins with the newest readings, where they are not those that are shown. name says the window in words. */
  ask(equipment, window, name) {
    this.named = this.app.text("readings.question", { id: equipment, window: name, zone: this.app.zone });
    const key = JSON.stringify([equipment, window]);
    if (this.key === key) {
      this.question.textContent = this.named;
      if (this.rows) this.table.show(this.rows, true); // the zone may be another one
      return undefined;
    }
    Object.assign(this, { key, equipment, window });
    return this.begin();
  }

  begin() {
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
    this.line.say(app.text("readings.loading"), "busy");
    try {
      let page;
      do {
        page = await app.service.getValues("/sensor-data", { ...this.query, limit: String(pageSize), cursor }, { signal });
        cursor = page.nextCursor;
      } while (page.items.length === 0 && cursor);
      this.cursor = cursor;
      this.rows = before.concat(page.items);
      this.question.textContent = told;
      this.table.show(this.rows, before.length > 0);
      this.older.hidden = !cursor;
      this.line.say(this.rows.length === 0 ? app.text("readings.none") : "");
    } catch (error) {
      if (signal.aborted) return;
      this.key = "";
      this.line.say(app.faultText(error), "bad");
    }
  }

  async download() {
    try {
      save(`readings-${this.equipment.replace(/[^\w.-]/g, "_")}.csv`, "text/csv", [await this.app.service.csv("/sensor-data", this.query)]);
    } catch (error) {
      this.line.say(this.app.faultText(error), "bad");
    }
  }

  close() {
    this.giveUp?.abort();
    if (!this.rows) this.key = "";
  }
}
