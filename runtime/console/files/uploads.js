// Uploads a file, and lists the uploads that there were.

import { element, note, say } from "./dom.js";
import { formatFields, formatWords } from "./file-format.js";
import { rejects } from "./rejects.js";
import { Said } from "./text.js";
import { fileBytesMax, follow, packedBytesMax, transfer } from "./transfer.js";
import { uploadList } from "./upload-list.js";

/** What the service looks at for a preview. */
const headBytes = 64 * 1024;
const pauseMilliseconds = 300;

export function uploads(app) {
  const { text } = app;
  const list = uploadList(app);
  const line = note();
  const choose = element("input", { type: "file", class: "covert", accept: ".csv,.gz,text/csv", onchange: () => { take(choose.files[0]); choose.value = ""; } });
  const drop = element("label", { class: "drop" }, element("strong", {}, text("uploads.choose")), " ", text("uploads.drop"), choose);
  const place = element("div", { class: "upload" });
  let running = false;

  /** take begins with a file that was chosen or dropped. */
  function take(file) {
    if (!file) return;
    line.say("");
    if (running) line.say(text("uploads.oneAtATime"), "bad");
    else if (!/\.csv(\.gz)?$/i.test(file.name)) line.say(text("uploads.notCsv", { file: file.name }), "bad");
    else if (file.size === 0) line.say(text("uploads.empty", { file: file.name }), "bad");
    else if (/gz$/i.test(file.name) && file.size > packedBytesMax) line.say(text("uploads.tooLargePacked", { file: file.name }), "bad");
    else if (file.size > fileBytesMax) line.say(text("uploads.tooLarge", { file: file.name }), "bad");
    else prepare(file);
  }

  /** prepare shows what would become of the first rows, and lets the person say how the file is written. */
  function prepare(file) {
    const seen = preview(app, file);
    const button = element("button", { type: "button", onclick: () => { if (seen.ready()) start(file, seen.format()); } }, text("uploads.upload"));
    place.replaceChildren(element("h2", { tabindex: "-1" }, file.name), element("p", { class: "hint" }, new Said(() => bytes(app, file.size))), seen.element,
      element("div", { class: "actions" }, button,
        element("button", { type: "button", class: "plain", onclick: () => { place.replaceChildren(); choose.focus(); } }, text("uploads.another"))));
    place.firstChild.focus();
  }

  async function start(file, format) {
    running = true;
    const cancel = new AbortController();
    const bar = element("progress", { max: 1, value: 0, "aria-label": text("uploads.progress") });
    const said = element("p", { class: "hint" });
    const stop = element("button", { type: "button", class: "plain", onclick: () => cancel.abort() }, text("uploads.cancel"));
    place.replaceChildren(element("h2", { tabindex: "-1" }, file.name), bar, said, element("div", { class: "actions" }, stop));
    place.firstChild.focus();
    window.addEventListener("beforeunload", stay);
    // Half of the bar is the way to the service, half is what the service does; each moves by bytes.
    const moved = (sent, again = false) => {
      bar.value = Math.min(sent / file.size, 1) / 2;
      const done = () => bytes(app, Math.min(sent, file.size));
      say(said, text(again ? "uploads.sendingAgain" : "uploads.sending", { done, all: () => bytes(app, file.size) }));
    };
    const looked = (upload) => {
      bar.value = 0.5 + (upload.bytes > 0 ? upload.bytesProcessed / upload.bytes : 0) / 2;
      say(said, text("uploads.reading", { done: () => bytes(app, upload.bytesProcessed), all: () => bytes(app, upload.bytes) }));
    };
    try {
      moved(0);
      const id = await transfer(app.service, file, format, { signal: cancel.signal, moved });
      window.removeEventListener("beforeunload", stay);
      moved(file.size);
      stop.remove(); // what has arrived is read in any case
      place.append(element("p", { class: "hint" }, text("uploads.goesOn")));
      list.refresh();
      await finish(await follow(app.service, id, looked));
    } catch (error) {
      place.replaceChildren();
      line.say(cancel.signal.aborted ? text("uploads.cancelled", { file: file.name }) : failure(error, file), cancel.signal.aborted ? "" : "bad");
    } finally {
      window.removeEventListener("beforeunload", stay);
      running = false;
      list.refresh();
    }
  }

  const failure = (error, file) => (error.message || error.body?.own ? app.faultText(error) : text("uploads.notSent", { file: file.name }));

  /** finish says how an upload has ended, until another file is chosen. */
  async function finish(upload) {
    const kinds = { completed: "good", "completed-with-rejects": "", failed: "bad", expired: "bad" };
    const result = note();
    place.replaceChildren(element("h2", { tabindex: "-1" }, upload.fileName), result.element);
    result.say(text("uploads.result." + upload.status, {
      accepted: upload.rowsAccepted, rejected: upload.rowsRejected, reason: reasonOf(app, upload),
    }),
      kinds[upload.status]);
    if (upload.rejectsUrl) place.append(await rejects(app, upload).catch(() => element("p", {}, text("rejects.unreachable"))));
    place.append(element("div", { class: "actions" }, element("button", {
      type: "button", class: "plain", onclick: () => { place.replaceChildren(); choose.focus(); },
    }, text("uploads.done"))));
  }

  const zone = element("div", { class: "panel" }, drop, line.element, place);
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  for (const name of ["dragleave", "drop"]) {
    zone.addEventListener(name, (event) => { event.preventDefault(); drop.classList.remove("over"); });
  }
  zone.addEventListener("drop", (event) => take(event.dataTransfer.files[0]));
  return {
    element: element("div", {}, element("h1", {}, text("view.uploads")), zone, list.element),
    open: () => list.open(),
    close: () => list.close(),
  };
}

// A file that is dropped beside the place for it would otherwise replace the page.
for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());

/** stay lets the browser ask before a transfer is broken off by leaving. */
function stay(event) { event.preventDefault(); }

/** bytes writes a size. */
export function bytes(app, size) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const step = Math.min(Math.floor(Math.log10(Math.max(size, 1)) / 3), units.length - 1);
  return app.format.number(size / 1000 ** step, { style: "unit", unit: units[step], maximumSignificantDigits: 3 });
}

/** preview returns {element, format(), ready()}: the first rows of a file as the service reads them, beside the fields of its format. */
function preview(app, file) {
  const { text } = app;
  const line = note();
  const rows = element("tbody");
  const hint = element("div", { class: "suggestion", role: "status" });
  const fields = formatFields(app, () => { clearTimeout(timer); timer = setTimeout(look, pauseMilliseconds); });
  // Who has a file of the usual form need not read what other forms there are.
  const written = element("details", {}, element("summary", {}, text("format.title")), fields.element);
  let timer = 0, looks = 0;

  async function look() {
    const number = ++looks;
    if (fields.missing()) return clear(fields.missing());
    line.say(text("preview.looking"), "busy");
    try {
      const answer = await ask(app, file, fields.format());
      if (number === looks) show(answer);
    } catch (error) {
      if (number === looks) clear(app.faultText(error));
    }
  }

  function clear(sentence) {
    rows.replaceChildren();
    hint.replaceChildren();
    line.say(sentence, "bad");
  }

  function show({ rows: found, suggestedFormat: suggested }) {
    rows.replaceChildren(...found.map((row) => previewRow(app, row)));
    const good = found.filter((row) => row.reading).length;
    const refused = found.some((row) => row.errors?.some((one) => one.field === "file"));
    line.say(refused ? text("preview.refused") : text("preview.count", { good, count: found.length }), good === found.length ? "good" : "bad");
    if (good < found.length) written.open = true;
    hint.replaceChildren();
    if (!suggested) return;
    const takeOver = element("button", { type: "button", class: "small", onclick: () => { fields.take(suggested); look(); } }, text("preview.takeOver"));
    hint.append(element("p", {}, text("preview.suggestion")), element("ul", {}, formatWords(app, suggested).map((_, i) => element("li", {}, new Said(() => formatWords(app, suggested)[i])))), takeOver);
  }

  headerOf(file).then(fields.header).catch(() => {}); // what is wrong with a file, the preview says
  look();
  return {
    format: fields.format,
    /** ready tells whether the file can be sent as it is described, and leads to what is missing. */
    ready() {
      if (!fields.missing()) return true;
      written.open = true;
      clear(fields.missing());
      return false;
    },
    element: element("div", { class: "preview" }, hint, written,
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": text("preview.title") }, element("table", {},
        element("thead", {}, element("tr", {}, ["line", "equipment", "time", "value"].map((name) =>
          element("th", { scope: "col", class: name === "line" || name === "value" ? "number" : null }, text("preview." + name))))), rows)),
      line.element),
  };
}

/** headerOf is the text with which a file begins, from which its header is read; of what is in it where it is compressed. */
async function headerOf(file) {
  const head = file.slice(0, headBytes);
  if (!/\.gz$/i.test(file.name)) return head.text();
  const reader = head.stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const { value } = await reader.read();
  reader.cancel().catch(() => {}); // the rest may be cut
  return new TextDecoder().decode(value);
}

async function ask(app, file, format) {
  const form = new FormData();
  if (Object.keys(format).length > 0) form.append("format", JSON.stringify(format));
  form.append("file", file.slice(0, headBytes), file.name);
  return (await app.service.call("POST", "/sensor-data/uploads/preview", { query: { numbers: "string" }, body: form })).json();
}

/** reasonOf is why an upload has failed. The service says so in English: it stands below what other languages say. */
function reasonOf(app, { reason = "" }) {
  const own = () => app.language === "en" && reason !== "";
  return new Said(() => own() ? reason : app.text("uploads.seeReason").write(), () => own() ? "" : reason);
}

/** The fields that the service names in what is wrong with a row. */
const fieldsOfRow = ["equipmentId", "timestamp", "value"];

/**
 * reasons are what is wrong with a row, below the field of which other languages than the service's say that it is wrong. What a refused file
 * looks like is said beside the button that takes it over.
 */
const reasons = (app, errors) => errors.map(({ field, reason }) => {
  const own = () => app.language === "en";
  const said = reason.split("; it looks like")[0];
  const wrong = () => (fieldsOfRow.includes(field) ? app.text("preview.wrong." + field) : app.text("preview.wrong.row")).write();
  return element("p", {}, new Said(() => own() ? said : wrong(), () => own() ? "" : said));
});

function previewRow(app, { line, reading, errors = [] }) {
  const number = element("td", { class: "number" }, new Said(() => app.format.count(line)));
  if (!reading) return element("tr", { class: "wrong" }, number, element("td", { colspan: 3 }, reasons(app, errors)));
  return element("tr", {}, number, element("td", {}, reading.equipmentId), element("td", {}, new Said(() => app.format.moment(Date.parse(reading.timestamp)))),
    element("td", { class: "number" }, new Said(() => app.format.decimal(String(reading.value)))));
}
