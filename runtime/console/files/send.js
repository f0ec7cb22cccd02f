// Sends a reading.

import { element, field, note, whileBusy } from "./dom.js";

/** A number as JSON writes it, so that the value goes out digit by digit as it was typed. */
const jsonNumber = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

export function send(app) {
  const { text } = app;
  const equipmentId = element("input", { name: "equipmentId", autocapitalize: "none", spellcheck: "false", maxlength: 128 });
  const timestamp = element("input", { name: "timestamp", spellcheck: "false", value: new Date().toISOString() });
  const value = element("input", { name: "value", inputmode: "decimal", spellcheck: "false" });
  const fields = { equipmentId, timestamp, value };
  const line = note();
  const button = element("button", { type: "submit" }, text("send.send"));

  function refuse(names, sentence) {
    for (const [name, input] of Object.entries(fields)) input.toggleAttribute("aria-invalid", names.includes(name));
    for (const name of names) fields[name].setAttribute("aria-invalid", "true");
    if (names.length > 0) fields[names[0]].focus();
    line.say(sentence, "bad");
  }

  async function submit() {
    if (!jsonNumber.test(value.value.trim())) return refuse(["value"], text("send.notANumber"));
    const body = `{"equipmentId":${JSON.stringify(equipmentId.value.trim())},"timestamp":${JSON.stringify(timestamp.value.trim())},` +
      `"value":${value.value.trim()}}`;
    try {
      await app.service.call("POST", "/sensor-data", { headers: { "Content-Type": "application/json" }, body });
      refuse([], "");
      line.say(text("send.stored"), "good");
    } catch (error) {
      refuse((error.errors || []).map((one) => one.field).filter((name) => fields[name]), app.faultText(error));
    }
  }

  return {
    element: element("div", {}, element("h1", {}, text("view.send")),
      element("form", { class: "panel narrow", novalidate: true, onsubmit: (event) => { event.preventDefault(); whileBusy(button, submit); } },
        field(text("send.equipment"), equipmentId), field(text("send.time"), timestamp, text("send.timeHint")), field(text("send.value"), value),
        element("div", { class: "actions" }, button,
          element("button", { type: "button", class: "plain", onclick: () => { timestamp.value = new Date().toISOString(); } }, text("send.now"))),
        line.element)),
    open() {},
    close() {},
  };
}
