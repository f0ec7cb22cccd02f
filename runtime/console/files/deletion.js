// Deletes a range of an equipment, after showing what would go.

import { element, field, note, say, whileBusy } from "./dom.js";
import { fromLocal, toLocal } from "./numbers-and-times.js";
import { equipmentInput } from "./suggest.js";
import { Said } from "./text.js";

const stepMilliseconds = 5 * 60000;
/** The longest window that the service adds up in one call. */
const windowMilliseconds = 400 * 86400000;
const page = "1000";
const newestShown = 5;
const lookMilliseconds = 1000;

export function deletion(app) {
  const { text } = app;
  const { input: equipmentId, list } = equipmentInput(app);
  const from = element("input", { name: "from", type: "datetime-local", value: toLocal(startOfToday(app.zone) - 86400000, app.zone) });
  const to = element("input", { name: "to", type: "datetime-local", value: toLocal(startOfToday(app.zone), app.zone) });
  const zoneLine = element("p", { class: "hint" });
  const line = note();
  const found = element("div");
  const button = element("button", { type: "submit" }, text("deletion.look"));
  const fields = { equipmentId, from, to };
  let zone = app.zone;
  let looking = new AbortController();

  /** forget lets what was shown end, and what is still being looked up: it was about something else. */
  function forget() {
    looking.abort();
    found.replaceChildren();
    line.say("");
    for (const input of Object.values(fields)) input.removeAttribute("aria-invalid");
  }

  function refuse(name, sentence) {
    fields[name].setAttribute("aria-invalid", "true");
    fields[name].focus();
    line.say(sentence, "bad");
  }

  async function look() {
    forget();
    const { signal } = looking = new AbortController();
    const range = { signal, equipmentId: equipmentId.value.trim(), from: fromLocal(from.value, zone), to: fromLocal(to.value, zone) };
    if (!range.equipmentId) return refuse("equipmentId", text("deletion.noEquipment"));
    if (Number.isNaN(range.from)) return refuse("from", text("deletion.noTime"));
    if (!(range.from < range.to)) return refuse("to", text("deletion.backwards"));
    line.say(text("deletion.looking"), "busy");
    try {
      const [count, newest] = await Promise.all([countOf(app.service, range), readingsOf(app.service, range, String(newestShown))]);
      if (signal.aborted) return;
      line.say("");
      show(range, count, newest.items);
    } catch (error) {
      if (!signal.aborted) line.say(app.faultText(error), "bad");
    }
  }

  /** show says what would go, and offers to let it go. */
  function show(range, count, newest) {
    const between = { equipment: range.equipmentId, from: () => app.format.moment(range.from), to: () => app.format.moment(range.to), zone };
    if (count === 0 && newest.length === 0) {
      line.say(text("deletion.nothing", between));
      return;
    }
    const go = element("button", { type: "button", class: "danger", onclick: () => whileBusy(go, () => remove(range, between)) }, text("deletion.delete", { count }));
    found.replaceChildren(element("h2", { tabindex: "-1" }, text("deletion.wouldGo", { count })), element("p", {}, text("deletion.between", between)),
      element("p", { class: "hint" }, text("deletion.newest")),
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": text("deletion.newest") }, element("table", {}, element("thead", {},
        element("tr", {}, element("th", { scope: "col" }, text("preview.time")), element("th", { scope: "col", class: "number" }, text("preview.value")))),
      element("tbody", {}, newest.map((one) => element("tr", {}, element("td", {}, new Said(() => app.format.moment(Date.parse(one.timestamp)))),
        element("td", { class: "number" }, new Said(() => app.format.decimal(one.value)))))))),
      element("p", {}, text("deletion.forGood")), element("div", { class: "actions" }, go,
        element("button", { type: "button", class: "plain", onclick: () => { forget(); equipmentId.focus(); } }, text("deletion.keep"))));
    found.querySelector("h2").focus();
  }

  async function remove(range, between) {
    try {
      const answer = await app.service.call("DELETE", "/sensor-data", {
        query: { equipmentId: range.equipmentId, from: instant(range.from), to: instant(range.to) },
      });
      const started = await answer.json();
      const deleted = answer.status === 202 ? await followed(app, answer.headers.get("Location"), line) : started.deleted;
      const shown = !range.signal.aborted; // and nothing else was typed meanwhile
      if (shown) forget();
      line.say(text("deletion.deleted", { ...between, count: deleted }), "good");
      if (shown) equipmentId.focus();
    } catch (error) {
      line.say(app.faultText(error), "bad");
    }
  }

  return {
    element: element("div", {}, element("h1", {}, text("view.deletion")),
      element("form", {
        class: "panel narrow", novalidate: true, oninput: forget, onsubmit: (event) => { event.preventDefault(); look(); },
      },
        field(text("deletion.equipment"), equipmentId), list, field(text("deletion.from"), from), field(text("deletion.to"), to), zoneLine,
        element("div", { class: "actions" }, button), line.element), element("div", { class: "found" }, found)),
    // In another zone the fields go on to mean the same moments.
    open() {
      if (app.zone !== zone) {
        for (const input of [from, to]) {
          const moment = fromLocal(input.value, zone);
          if (!Number.isNaN(moment)) input.value = toLocal(moment, app.zone);
        }
        zone = app.zone;
        forget();
      }
      say(zoneLine, text("deletion.zone", { zone }));
    },
    close() {},
  };
}

function startOfToday(zone) {
  return fromLocal(toLocal(Date.now(), zone).slice(0, 10) + "T00:00", zone);
}

const instant = (milliseconds) => new Date(milliseconds).toISOString();

const readingsOf = (service, { equipmentId, from, to, signal }, limit, cursor) =>
  service.getValues("/sensor-data", { equipmentId, from: instant(from), to: instant(to), limit, cursor }, { signal });

/**
 * countOf is how many readings there are. Few are counted one by one; of many the aggregates know the number for whole steps, and what
 * stands before the first and behind the last whole step is counted.
 */
async function countOf(service, range) {
  const first = await readingsOf(service, range, page);
  if (!first.nextCursor) return first.items.length;
  const from = Math.ceil(range.from / stepMilliseconds) * stepMilliseconds;
  const to = Math.floor(range.to / stepMilliseconds) * stepMilliseconds;
  if (from >= to) return counted(service, range);
  let count = await counted(service, { ...range, to: from }) + await counted(service, { ...range, from: to });
  for (let at = from; at < to; at += windowMilliseconds) {
    const window = await service.getValues("/sensor-data/aggregated", {
      equipmentId: range.equipmentId, from: instant(at), to: instant(Math.min(at + windowMilliseconds, to)), granularity: "1d", timezone: "UTC", limit: "1",
    }, { signal: range.signal });
    count += window.totalCount;
  }
  return count;
}

async function counted(service, range) {
  if (range.from >= range.to) return 0;
  let count = 0, cursor;
  do {
    const { items, nextCursor } = await readingsOf(service, range, page, cursor);
    count += items.length;
    cursor = nextCursor;
  } while (cursor);
  return count;
}

/** followed waits until a long deletion has ended, and returns how many readings went. Where the session ends, the deletion goes on. */
async function followed(app, address, line) {
  const service = app.service.enduring(() => line.say(app.text("deletion.unseen"), "busy"));
  for (;;) {
    const { status, deleted } = await service.get(address);
    if (status === "completed") return deleted;
    line.say(app.text("deletion.running", { count: deleted }), "busy");
    await new Promise((resolve) => { setTimeout(resolve, lookMilliseconds); });
  }
}
