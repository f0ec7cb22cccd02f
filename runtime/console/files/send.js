// Sends a reading.

import { element, field, note, say, whileBusy } from "./dom.js";
import { offset } from "./numbers-and-times.js";
import { equipmentInput } from "./suggest.js";

/** A number as JSON writes it, so that the value goes out digit by digit as it was typed. */
const jsonNumber = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

export function send(app) {
  const { text } = app;
  const { input: equipmentId, list } = equipmentInput(app);
  const timestamp = element("input", { name: "timestamp", autocomplete: "off", spellcheck: "false", value: written(Date.now(), app.zone) });
  const value = element("input", { name: "value", inputmode: "decimal", autocomplete: "off", spellcheck: "false" });
  const fields = { equipmentId, timestamp, value };
  const meant = element("p", { class: "hint", role: "status" });
  const line = note();
  const button = element("button", { type: "submit" }, text("send.send"));

  function mark(names) {
    for (const [name, input] of Object.entries(fields)) {
      if (names.includes(name)) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
  }

  function refuse(names, sentence) {
    mark(names);
    if (names.length > 0) fields[names[0]].focus();
    line.say(sentence, "bad");
  }

  /** changed lets what was said of other values end. */
  function changed() {
    mark([]);
    line.say("");
    explain();
  }

  /** explain says which moment the typed time is in the viewer's zone. */
  function explain() {
    const moment = Date.parse(timestamp.value);
    say(meant, Number.isNaN(moment) ? "" : text("send.meant", { time: () => app.format.moment(moment), zone: () => app.zone }));
  }

  // What is told of a reading is what was sent: the fields may hold another one by then.
  async function submit() {
    const equipment = equipmentId.value.trim(), time = timestamp.value.trim(), typed = value.value.trim();
    if (!equipment) return refuse(["equipmentId"], text("send.noEquipment"));
    if (mayBeGrouped(typed, app.format)) return refuse(["value"], text("send.ambiguous", { typed, ...readings(typed, app.format) }));
    const plain = ungrouped(typed, app.format);
    if (plain) return refuse(["value"], text("send.grouped", { typed, plain }));
    const number = point(typed, app.format);
    if (!jsonNumber.test(number)) return refuse(["value"], text("send.notANumber", { example: () => app.format.decimal("21.5") }));
    const body = `{"equipmentId":${JSON.stringify(equipment)},"timestamp":${JSON.stringify(time)},"value":${number}}`;
    try {
      await app.service.call("POST", "/sensor-data", { headers: { "Content-Type": "application/json" }, body });
      mark([]);
      line.say(text("send.stored", { equipment, value: () => shown(number, app.format), time }), "good");
    } catch (error) {
      refuse((error.errors || []).map((one) => one.field).filter((name) => fields[name]), app.faultText(error));
    }
  }

  function now() {
    timestamp.value = written(Date.now(), app.zone);
    changed();
  }

  return {
    element: element("div", {}, element("h1", {}, text("view.send")),
      element("form", {
        class: "panel narrow", novalidate: true, oninput: changed, onsubmit: (event) => { event.preventDefault(); whileBusy(button, submit); },
      },
        field(text("send.equipment"), equipmentId), list,
        field(text("send.time"), timestamp, text("send.timeHint")), meant, field(text("send.value"), value),
        element("div", { class: "actions" }, button, element("button", { type: "button", class: "plain", onclick: now }, text("send.now"))),
        line.element)),
    open: explain,
    close() {},
  };
}

/** written is a time as the clock of a zone shows it, with the zone's offset: whoever reads it needs no zone. */
function written(milliseconds, zone) {
  const ahead = Math.round(offset(milliseconds, zone) / 60000);
  const shown = new Date(milliseconds + ahead * 60000).toISOString().slice(0, 19);
  if (ahead === 0) return shown + "Z";
  const two = (n) => String(n).padStart(2, "0");
  return shown + (ahead < 0 ? "-" : "+") + two(Math.floor(Math.abs(ahead) / 60)) + ":" + two(Math.abs(ahead) % 60);
}

/** point writes a decimal comma as a point, for those whose language has one. */
function point(typed, format) {
  return format.point === "," && /^-?\d+,\d+$/.test(typed) ? typed.replace(",", ".") : typed;
}

/**
 * mayBeGrouped tells whether a number may have been meant with a mark between thousands: "1.234" where the language writes 1234 so, and
 * 1.234 as "1,234". Zero begins no thousands.
 */
function mayBeGrouped(typed, format) {
  return (format.point === "," ? /^-?[1-9]\d{0,2}\.\d{3}$/ : /^-?[1-9]\d{0,2},\d{3}$/).test(typed);
}

/**
 * ungrouped is how to type a number that is surely written with marks between groups of digits: two of them, one before a decimal mark, or
 * one that is no decimal mark. It is empty for another number.
 */
function ungrouped(typed, { point: mark }) {
  const [, whole, between, fraction] = /^(-?[1-9]\d{0,2}([.,\s'’])\d{3}(?:\2\d{3})*)(?:(?!\2)[.,](\d+))?$/.exec(typed) || [];
  if (!whole || (/[.,]/.test(between) && !fraction && whole.split(between).length === 2)) return "";
  return whole.replaceAll(between, "") + (fraction ? mark + fraction : "");
}

/** readings are the two ways in which such a number can be read, each as it can be typed without a doubt. */
const readings = (typed, { point: mark }) => ({ whole: typed.replace(/[.,]/, ""), decimal: typed.replace(/[.,]/, mark) });

/** shown is a number of JSON as the language writes it, with all of its digits. */
function shown(number, format) {
  const [, decimal, exponent] = /^([^eE]*)(.*)$/.exec(number);
  return format.decimal(decimal) + exponent;
}
