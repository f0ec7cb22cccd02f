// Lets people choose which window of time to look at.

import { intervals } from "./address.js";
import { granularities, spanOf, windowMax } from "./aggregates.js";
import { element, field, id, note, say, set } from "./dom.js";
import { fromLocal, toLocal } from "./numbers-and-times.js";

/** nameOf says a window in words; its zone stands beside it. */
export function nameOf(app, window) {
  if (window.last) return app.text("window.last." + window.last);
  const { from, to } = spanOf(window, 0);
  return app.text("window.between", { from: () => app.format.moment(from), to: () => app.format.moment(to) });
}

/** chooser returns {element, show(place)}: four windows that end now, and dates of one's own. chosen(window) is called with each choice. */
export function chooser(app, chosen) {
  const { text } = app;
  const segment = (key, more) => element("button", { type: "button", class: "segment", ...more }, text(key));
  const buttons = intervals.map((name) => segment("window.last." + name, { onclick: () => chosen({ last: name }) }));
  const typed = () => { draft = true; };
  const from = element("input", { type: "datetime-local", step: 300, oninput: typed });
  const to = element("input", { type: "datetime-local", step: 300, oninput: typed });
  const line = note();
  const zone = element("span");
  let byHand = false; // whether the dates were asked for, and do not only show a window that has some
  let draft = false; // whether the dates are typed ones that are not shown yet
  let shown = "", shownZone; // the window and the zone that the dates were written for
  const panel = element("form", { class: "dates row", id: id("dates"), hidden: true, novalidate: true, onsubmit: apply },
    field(text("window.from"), from), field(text("window.to"), to), element("button", { type: "submit" }, text("window.show")),
    element("p", { class: "hint" }, zone), line.element);
  const own = segment("window.own", { "aria-controls": panel.id, onclick: () => open(byHand = panel.hidden) });

  function open(wide) {
    panel.hidden = !wide;
    set(own, { "aria-expanded": String(wide) });
  }

  function apply(event) {
    event.preventDefault();
    const window = { from: fromLocal(from.value, app.zone), to: fromLocal(to.value, app.zone) };
    const wrong = refusal(window);
    set(from, { "aria-invalid": wrong ? "true" : null });
    set(to, { "aria-invalid": wrong ? "true" : null });
    line.say(wrong ? text(wrong) : "", "bad");
    if (wrong) from.focus();
    else {
      draft = false;
      chosen(window);
    }
  }

  /** write writes a window into the dates. What was typed stays until another window is shown; in another zone it means the same moments. */
  function write(window) {
    const key = JSON.stringify(window);
    if (draft && key === shown) {
      for (const input of [from, to]) {
        const moment = fromLocal(input.value, shownZone);
        if (app.zone !== shownZone && !Number.isNaN(moment)) input.value = toLocal(moment, app.zone);
      }
    } else {
      const span = spanOf(window, Date.now());
      from.value = toLocal(span.from, app.zone);
      to.value = toLocal(span.to, app.zone);
      line.say("");
      draft = false;
    }
    [shown, shownZone] = [key, app.zone];
  }

  return {
    element: element("div", { class: "window" },
      element("div", { class: "segments", role: "group", "aria-label": text("window.label") }, buttons, own), panel),
    show({ window }) {
      buttons.forEach((button, i) => set(button, { "aria-pressed": String(window.last === intervals[i]) }));
      open(!window.last || byHand);
      own.classList.toggle("pressed", !window.last);
      write(window);
      say(zone, text("window.zone", { zone: app.zone }));
    },
  };
}

/** refusal is the key of the sentence that says what is wrong with a window of one's own; empty where nothing is. */
function refusal({ from, to }) {
  if (Number.isNaN(from) || Number.isNaN(to)) return "window.incomplete";
  if (to <= from) return "window.backwards";
  return to - from > windowMax ? "window.tooLong" : "";
}

/**
 * zoomed is the window between two times of a picture, on full five minutes and not shorter than three of them; a long one is on full
 * hours, of which the service answers more at a time.
 */
export function zoomed(from, to) {
  const unit = granularities[to - from > granularities["1d"] ? "1h" : "5m"];
  const start = Math.floor(from / unit) * unit;
  const end = Math.max(Math.ceil(to / unit) * unit, start + 3 * unit);
  return { from: start, to: Math.min(end, start + windowMax) };
}
