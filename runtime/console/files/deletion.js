// Deletes a range of an equipment.

import { element } from "./dom.js";

export function deletion(app) {
  return { element: element("div", {}, element("h1", {}, app.text("view.deletion"))), open() {}, close() {} };
}
