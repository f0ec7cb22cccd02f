// Shows the list of equipments, and the page of one.

import { element } from "./dom.js";

export function equipment(app) {
  return { element: element("div", {}, element("h1", {}, app.text("view.equipment"))), open() {}, close() {} };
}
