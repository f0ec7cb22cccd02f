// Shows the aggregates of a window.

import { element, note } from "./dom.js";

export function overview(app) {
  const { text, format } = app;
  const line = note();
  const rows = element("tbody");
  const view = element("div", {}, element("h1", {}, text("view.overview")), line.element,
    element("table", {}, rows));
  return {
    element: view,
    async open(place) {
      line.say(text("result.loading"), "busy");
      try {
        const page = await app.service.getValues("/sensor-data/aggregated", { interval: place.window.last || "24h", equipmentId: place.equipments, limit: "100" });
        rows.replaceChildren(...page.items.map((item) => element("tr", {}, element("th", { scope: "row" }, format.moment(item.intervalStart * 1000)),
          element("td", {}, item.equipmentId), element("td", { class: "number" }, format.decimal(item.totalValue)))));
        line.say("");
      } catch (error) {
        line.say(app.faultText(error), "bad");
      }
    },
    close() {},
  };
}
