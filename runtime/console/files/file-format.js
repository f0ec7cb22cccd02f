// How a CSV file is written: the fields in which a person says it.

import { element, field, set } from "./dom.js";
import { isZone } from "./address.js";
import { equipmentInput } from "./suggest.js";

/** The strict form, as it is where nothing is said, with all that can be chosen instead. */
const choices = {
  delimiter: [",", ";", "\t"],
  decimal: [".", ","],
  timestamps: ["rfc3339", "local", "unix-seconds", "unix-millis"],
  dates: ["iso", "dmy", "mdy"],
};
const columns = ["equipmentId", "timestamp", "value"];
/** Stands in the list of columns for: the file has none, all rows are of one equipment. */
const none = "\u0000";
/** Keys of sentences cannot hold these signs. */
const signs = { ",": "comma", ";": "semicolon", "\t": "tab", ".": "point" };

/**
 * formatFields returns {element, format(), missing(), take(format), header(text)}; missing is what has yet to be filled in, as a
 * sentence, or an empty text. changed is called after each change by the person.
 */
export function formatFields(app, changed) {
  const { text } = app;
  const named = (name, value) => text("format." + name + "." + (signs[value] || value));
  const lists = {};
  for (const [name, values] of Object.entries(choices)) {
    lists[name] = element("select", { name }, values.map((value) => element("option", { value }, named(name, value))));
  }
  const columnLists = Object.fromEntries(columns.map((name) => [name, element("select", { name: "column-" + name })]));
  const zone = element("input", { name: "timezone", value: app.zone, list: "zones", autocomplete: "off", spellcheck: "false" });
  const { input: equipment, list: equipments } = equipmentInput(app, { name: "oneEquipment" });
  const ignore = element("input", { type: "checkbox", name: "otherColumns" });
  const skip = element("input", { type: "number", name: "skipLines", min: 0, max: 100, value: 0 });
  const parts = {
    dates: field(text("format.dates"), lists.dates), zone: field(text("format.timezone"), zone),
    equipment: element("div", {}, field(text("format.oneEquipment"), equipment), equipments),
  };
  let beginning = "";

  /** header offers the columns that the beginning of a file names. */
  function header(text) {
    beginning = text;
    offer();
  }

  function offer() {
    const names = columnNames(beginning, lists.delimiter.value, Number(skip.value));
    for (const name of columns) {
      const list = columnLists[name];
      const chosen = list.value || name;
      const all = [...new Set([...names, chosen === none ? name : chosen])];
      list.replaceChildren(...all.map((one) => element("option", { value: one, selected: one === chosen }, one)));
      if (name === "equipmentId") list.append(element("option", { value: none, selected: chosen === none }, text("format.noColumn")));
    }
    show();
  }

  /** show hides what has no meaning for what is chosen. */
  function show() {
    const local = lists.timestamps.value === "local";
    parts.dates.hidden = parts.zone.hidden = !local;
    parts.equipment.hidden = columnLists.equipmentId.value !== none;
  }

  /** format is what is chosen, as the service takes it: without what is so anyway. */
  function format() {
    const all = {};
    for (const [name, [standard]] of Object.entries(choices)) if (lists[name].value !== standard) all[name] = lists[name].value;
    if (all.timestamps === "local") all.timezone = zone.value.trim();
    else delete all.dates;
    const other = columns.filter((name) => columnLists[name].value && ![name, none].includes(columnLists[name].value));
    if (other.length > 0) all.columns = Object.fromEntries(other.map((name) => [name, columnLists[name].value]));
    if (columnLists.equipmentId.value === none) all.equipmentId = equipment.value.trim();
    if (ignore.checked) all.otherColumns = "ignore";
    if (Number(skip.value) > 0) all.skipLines = Number(skip.value);
    return all;
  }

  function missing() {
    if (!parts.zone.hidden && !isZone(zone.value.trim())) return text("format.noZone");
    if (!parts.equipment.hidden && !equipment.value.trim()) return text("format.noEquipment");
    return "";
  }

  /** take chooses what a format says. The zone and the equipment, which no file tells, stay where it does not say them. */
  function take(chosen) {
    for (const [name, [standard]] of Object.entries(choices)) lists[name].value = chosen[name] || standard;
    if (chosen.timezone) zone.value = chosen.timezone;
    skip.value = chosen.skipLines || 0;
    ignore.checked = chosen.otherColumns === "ignore";
    const whole = chosen.equipmentId !== undefined;
    for (const name of columns) {
      const value = name === "equipmentId" && whole ? none : chosen.columns?.[name] || name;
      columnLists[name].replaceChildren(element("option", { value, selected: true }, value));
    }
    if (whole && chosen.equipmentId) equipment.value = chosen.equipmentId;
    offer();
  }

  function touched(event) {
    if (event.target === zone) set(zone, { "aria-invalid": isZone(zone.value.trim()) ? null : "true" });
    offer();
    changed();
  }

  take({});
  const zones = element("datalist", { id: "zones" }, Intl.supportedValuesOf("timeZone").map((value) => element("option", { value })));
  return {
    format, missing, take, header,
    element: element("fieldset", { class: "fields", "aria-label": text("format.title"), onchange: touched },
      field(text("format.delimiter"), lists.delimiter), field(text("format.decimal"), lists.decimal),
      field(text("format.timestamps"), lists.timestamps), parts.dates, parts.zone, zones,
      columns.map((name) => field(text("format.column." + name), columnLists[name])), parts.equipment,
      field(text("format.skipLines"), skip),
      element("label", { class: "check" }, ignore, " ", text("format.ignore"))),
  };
}

/** formatWords says in words how a format differs from the strict form. */
export function formatWords(app, format) {
  const words = Object.keys(choices).filter((name) => format[name])
    .map((name) => `${app.text("format." + name)}: ${app.text("format." + name + "." + (signs[format[name]] || format[name]))}`);
  for (const [name, column] of Object.entries(format.columns || {})) words.push(`${app.text("format.column." + name)}: ${column}`);
  if (format.otherColumns === "ignore") words.push(app.text("format.ignore"));
  if (format.skipLines) words.push(`${app.text("format.skipLines")}: ${format.skipLines}`);
  return words;
}

/** columnNames reads a header, without a mark of the byte order and with quotes undone. */
function columnNames(beginning, delimiter, skipped) {
  const line = beginning.replace(/^\ufeff/, "").split(/\r?\n/)[skipped] || "";
  return cells(line, delimiter).map((cell) => cell.trim()).filter(Boolean);
}

/** cells divides a row of a CSV file. */
export function cells(line, delimiter) {
  const found = [];
  let cell = "", quoted = false;
  for (let at = 0; at < line.length; at++) {
    const c = line[at];
    if (quoted && c === '"' && line[at + 1] === '"') { cell += c; at += 1; }
    else if (c === '"') quoted = !quoted;
    else if (c === delimiter && !quoted) { found.push(cell); cell = ""; }
    else cell += c;
  }
  return [...found, cell];
}
