// Shows aggregates of all equipments, or of up to ten that one chooses.

import { choice } from "./choice.js";
import { element } from "./dom.js";
import { Result } from "./result.js";
import { chooser } from "./window.js";

export function overview(app) {
  const result = new Result(app);
  const window = chooser(app, (chosen) => result.chose(chosen));
  const equipments = choice(app, (ids) => app.address.go({ equipments: ids, own: { ...app.address.place.own, without: "" } }));
  return {
    element: element("div", { class: "view" }, element("h1", {}, app.text("view.overview")),
      element("div", { class: "panel controls" }, window.element, equipments.element), result.element),
    open(place) {
      window.show(place);
      equipments.show(place);
      result.ask(place);
    },
    close() { result.close(); },
  };
}
