// Shows programs how to reach this deployment.

import { element } from "./dom.js";

export function machines(app) {
  return { element: element("div", {}, element("h1", {}, app.text("view.machines"))), open() {}, close() {} };
}
