// Shows the list of equipments, and the page of one.

import { element, field, note, say, set } from "./dom.js";
import { Readings } from "./readings.js";
import { Result } from "./result.js";
import { Said } from "./text.js";
import { chooser, nameOf } from "./window.js";

const waitMilliseconds = 200, pageSize = 50;

export function equipment(app) {
  const host = element("div", { class: "view" });
  let list, page, shown;

  /** pageOf is the page of an equipment. Another one gets a page of its own, so that nothing of the first stands under its name. */
  function pageOf(id) {
    if (page?.id !== id) page = equipmentPage(app, id);
    return page;
  }

  return {
    element: host,
    open(place) {
      const next = place.own.id ? pageOf(place.own.id) : (list ||= equipmentList(app));
      if (shown !== next) {
        const moved = shown !== undefined;
        shown?.close();
        shown = next;
        host.replaceChildren(next.element);
        if (moved) app.focusTitle();
      }
      shown.open(place);
    },
    close() { shown?.close(); },
  };
}

/** equipmentList shows equipments by id, those that begin with what is searched for. */
function equipmentList(app) {
  const { text } = app;
  let before = [], cursor = "", next = "", prefix, asked = 0, waiting = 0;
  const input = element("input", {
    type: "search", maxlength: 128, autocapitalize: "none", autocomplete: "off", spellcheck: "false", oninput: typed,
  });
  const line = note();
  const zone = element("p", { class: "hint" });
  const rows = element("tbody");
  const columns = ["id", "value", "last", "first"];
  const turn = (key, onclick) => element("button", { type: "button", class: "plain small", onclick }, text(key));
  const back = turn("equipment.before", () => { cursor = before.pop(); load(); });
  const on = turn("equipment.after", () => { before.push(cursor); cursor = next; load(); });

  function typed() {
    clearTimeout(waiting);
    waiting = setTimeout(() => app.address.go({ own: { search: input.value.trim() } }, { replace: true }), waitMilliseconds);
  }

  const point = (one, read) => one ? read(one) : "–";
  const row = ({ equipmentId, first, last }) => element("tr", {},
    element("th", { scope: "row" }, element("a", { href: app.address.link({ own: { id: equipmentId } }) }, equipmentId)),
    element("td", { class: "number" }, point(last, (one) => app.format.decimal(one.value))),
    element("td", {}, point(last, (one) => app.format.instant(one.timestamp))),
    element("td", {}, point(first, (one) => app.format.instant(one.timestamp))));

  async function load() {
    const mine = ++asked;
    line.say(text("equipment.loading"), "busy");
    try {
      const service = document.activeElement === input ? app.service.background : app.service; // whoever types goes on typing
      const got = await service.getValues("/equipment", { prefix, cursor, limit: String(pageSize) });
      if (mine !== asked) return;
      next = got.nextCursor || "";
      rows.replaceChildren(...got.items.map(row));
      set(back, { hidden: before.length === 0 });
      set(on, { hidden: !next });
      line.say(got.items.length > 0 ? "" : prefix ? text("equipment.noneBegin", { prefix }) : text("equipment.none"));
    } catch (error) {
      if (mine === asked) line.say(app.faultText(error), "bad");
    }
  }

  const heads = columns.map((name) => element("th", { scope: "col", class: name === "value" ? "number" : null }, text("equipment.column." + name)));
  return {
    element: element("div", {}, element("h1", {}, text("view.equipment")),
      element("div", { class: "panel" },
        element("div", { class: "narrow" }, field(text("equipment.search"), input)), zone, line.element,
        element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": text("view.equipment") },
          element("table", {}, element("thead", {}, element("tr", {}, heads)), rows)),
        element("div", { class: "pager" }, back, on))),
    open(place) {
      const search = (place.own.search || "").replace(/[^A-Za-z0-9._:-]/g, "");
      if (document.activeElement !== input) input.value = search;
      say(zone, text("window.zone", { zone: app.zone }));
      if (search !== prefix) {
        [prefix, cursor, next, before] = [search, "", "", []];
        for (const button of [back, on]) set(button, { hidden: true }); // they turn the pages of what was searched for before
      }
      load();
    },
    close() { asked++; },
  };
}

/** equipmentPage shows one equipment: its last reading, its picture and items, and its raw readings. */
function equipmentPage(app, id) {
  const { text } = app;
  const last = element("p", { class: "last" });
  const result = new Result(app, () => showLast());
  const readings = new Readings(app, id);
  const window = chooser(app, (chosen) => result.chose(chosen));
  const back = element("a", {}, text("equipment.all"));

  async function showLast() {
    try {
      const { items: [one] } = await app.service.background.getValues("/equipment", { prefix: id, limit: "1" });
      if (one?.equipmentId !== id) say(last, text("equipment.unknown"));
      else if (!one.last) say(last, text("equipment.empty"));
      else writeLast(one.last);
    } catch (error) {
      if (error.status !== 401) say(last, app.faultText(error));
    }
  }

  function writeLast(reading) {
    last.replaceChildren(element("span", {}, text("equipment.last")), " ", element("strong", {}, new Said(() => app.format.decimal(reading.value))), " ",
      element("span", { class: "hint" }, text("equipment.lastAt", { time: () => app.format.instant(reading.timestamp), zone: () => app.zone })));
  }

  return {
    id,
    element: element("div", {}, element("p", { class: "trail" }, back), element("h1", {}, id), last,
      element("div", { class: "panel controls" }, window.element), result.element, readings.element),
    open(place) {
      document.title = `${id} · SensorFlow`;
      set(back, { href: app.address.link({ own: {} }) });
      window.show(place);
      result.ask({ ...place, equipments: [id] });
      readings.ask(place.window, nameOf(app, place.window));
    },
    close() {
      result.close();
      readings.close();
    },
  };
}
