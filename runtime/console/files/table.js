// Shows many rows, of which only those in sight stand in the document.

import { element, say, set } from "./dom.js";

const spare = 10; // rows beyond what is in sight, so that scrolling shows no gap
const pageRows = 10000;

/**
 * Table shows rows of any kind. columns are {key, label, number, cell(row), order(a, b)}; cell returns a text or an element, and a
 * column without order cannot be sorted by. sorted(key, down) is called when another order was chosen.
 */
export class Table {
  constructor(app, { label, columns, sorted = () => {} }) {
    Object.assign(this, { app, columns, sorted, rows: [], page: 0, by: "", down: false, height: 37 });
    this.heads = new Map(columns.map((column) => [column.key, this.head(column)]));
    this.body = element("tbody");
    this.table = element("table", { "aria-label": label },
      element("thead", {}, element("tr", { "aria-rowindex": 1 }, [...this.heads.values()])), this.body);
    this.window = element("div", { class: "rows", tabindex: "0", role: "group", "aria-label": label, onscroll: () => this.draw() }, this.table);
    this.pager = this.pages();
    this.element = element("div", { class: "table" }, this.window, this.pager.element);
  }

  head({ key, label, number, order }) {
    const turn = () => this.order(key, this.by === key && !this.down, true);
    const content = order ? element("button", { type: "button", class: "sort", onclick: turn }, label) : label;
    return element("th", { scope: "col", class: number ? "number" : null }, content);
  }

  pages() {
    const { text } = this.app;
    const turn = (by) => () => { this.page += by; this.window.scrollTop = 0; this.draw(true); };
    const before = element("button", { type: "button", class: "plain small", onclick: turn(-1) }, text("table.before"));
    const after = element("button", { type: "button", class: "plain small", onclick: turn(1) }, text("table.after"));
    const where = element("p", { role: "status" });
    return { element: element("div", { class: "pager" }, before, where, after), before, after, where };
  }

  /** show takes other rows. Where they answer the same question as before, again is true: one stays at the place that one has come to. */
  show(rows, again = false) {
    this.given = rows;
    this.rows = this.inOrder();
    if (!again) {
      this.page = 0;
      this.window.scrollTop = 0;
    }
    this.draw(true);
  }

  /** order sorts by a column; byHand tells whether a person chose it. */
  order(key, down, byHand = false) {
    Object.assign(this, { by: key, down });
    for (const [name, head] of this.heads) set(head, { "aria-sort": name === key ? (down ? "descending" : "ascending") : null });
    if (byHand) this.sorted(key, down);
    if (this.given) this.show(this.given);
  }

  inOrder() {
    const column = this.columns.find(({ key }) => key === this.by);
    if (!column?.order) return this.given;
    const rows = this.given.toSorted(column.order);
    return this.down ? rows.reverse() : rows;
  }

  /** draw puts the rows in sight into the document; anew also where they were the same. */
  draw(anew = false) {
    const pages = Math.max(1, Math.ceil(this.rows.length / pageRows));
    this.page = Math.min(Math.max(0, this.page), pages - 1);
    const rows = this.rows.slice(this.page * pageRows, (this.page + 1) * pageRows);
    const first = Math.max(0, Math.min(rows.length - 1, Math.floor(this.window.scrollTop / this.height)) - spare);
    const last = Math.min(rows.length, first + Math.ceil((this.window.clientHeight || 400) / this.height) + 2 * spare);
    if (!anew && first === this.first && last === this.last) return;
    Object.assign(this, { first, last });
    const held = this.body.contains(document.activeElement);
    const inSight = rows.slice(first, last).map((row, i) => this.row(row, first + i));
    this.body.replaceChildren(...this.space(first), ...inSight, ...this.space(rows.length - last));
    if (held) this.window.focus({ preventScroll: true });
    set(this.table, { "aria-rowcount": this.rows.length + 1 });
    this.measure();
    this.tellPage(pages, rows.length);
  }

  /** space takes the room of rows that are out of sight. */
  space(rows) {
    if (rows <= 0) return [];
    return [element("tr", { class: "space", "aria-hidden": "true" }, element("td", { colspan: this.columns.length, height: rows * this.height }))];
  }

  row(row, index) {
    const cells = this.columns.map(({ number, cell }, i) =>
      element(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: number ? "number" : null }, cell(row)));
    return element("tr", { "aria-rowindex": this.page * pageRows + index + 2 }, cells);
  }

  /** measure learns how high a row is where letters are larger than usual. */
  measure() {
    const height = this.body.querySelector("tr:not(.space)")?.getBoundingClientRect().height;
    if (!height || Math.abs(height - this.height) < 0.5) return;
    this.height = height;
    this.draw(true);
  }

  tellPage(pages, shown) {
    const { before, after, where } = this.pager, { text } = this.app;
    before.hidden = after.hidden = pages === 1;
    set(before, { disabled: this.page === 0 });
    set(after, { disabled: this.page === pages - 1 });
    const start = this.page * pageRows;
    say(where, pages === 1 ? text("table.rows", { count: this.rows.length })
      : text("table.page", { from: start + 1, to: start + shown, count: this.rows.length }));
  }
}
