// Uploads a file, and lists the uploads that there were.

import { element, note, say } from "./dom.js";
import { formatFields, formatWords } from "./file-format.js";
import { reasonOf, rowReasons } from "./reasons.js";
import { rejects } from "./rejects.js";
import { Said } from "./text.js";
import { fileBytesMax, follow, packedBytesMax, Transfer } from "./transfer.js";
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
    const button = element("button", { type: "button", onclick: () => { if (seen.ready()) start(file, seen.format(), back); } }, text("uploads.upload"));
    const shown = [element("h2", { tabindex: "-1" }, file.name), element("p", { class: "hint" }, new Said(() => bytes(app, file.size))), seen.element,
      element("div", { class: "actions" }, button, another("uploads.another"))];
    /** back shows all as it was left, for another attempt. */
    function back() {
      place.replaceChildren(...shown);
      button.focus();
    }
    place.replaceChildren(...shown);
    place.firstChild.focus();
  }

  /** another is the button that begins with another file. */
  const another = (key) => element("button", { type: "button", class: "plain", onclick: clear }, text(key));

  function clear() {
    place.replaceChildren();
    choose.focus();
  }

  /** start sends a file and follows it. back shows what it was described by, where it could not be sent. */
  async function start(file, format, back) {
    running = true;
    line.say("");
    const cancel = new AbortController();
    const stop = element("button", { type: "button", class: "plain", onclick: () => cancel.abort() }, text("uploads.cancel"));
    const seen = progress(app, file);
    place.replaceChildren(element("h2", { tabindex: "-1" }, file.name), ...seen.elements, element("div", { class: "actions" }, stop));
    place.firstChild.focus();
    window.addEventListener("beforeunload", stay);
    seen.moved(0);
    const transfer = new Transfer(app.service, file, format, { signal: cancel.signal, moved: seen.moved, waits: seen.waits, unanswered: seen.unanswered });
    const id = await transfer.send().catch((error) => {
      stop.remove();
      return failed(transfer, error, seen, back);
    });
    window.removeEventListener("beforeunload", stay);
    if (id) {
      seen.moved(file.size);
      stop.remove(); // what has arrived is read in any case
      place.append(element("p", { class: "hint" }, text("uploads.goesOn")));
      list.refresh();
      await watch(id, file, seen);
    }
    running = false;
    list.refresh();
  }

  /** failed says why a transfer has ended early, as far as that is known. It returns the id of the upload where the file has arrived all the same. */
  async function failed(transfer, error, seen, back) {
    const { signal: { aborted }, file: { name: file } } = transfer;
    if (transfer.mayHaveArrived) {
      seen.doubtful();
      if (await transfer.arrived()) {
        if (aborted) line.say(text("uploads.cameAnyway", { file }));
        return transfer.uploadId;
      }
    }
    if (aborted) {
      clear();
      line.say(text(transfer.mayHaveArrived ? "uploads.cancelledLate" : "uploads.cancelled", { file }));
      return "";
    }
    back();
    if (error.message || error.body?.own) line.say(app.faultText(error), "bad");
    else line.say(text(transfer.mayHaveArrived ? "uploads.lost" : "uploads.notSent", { file }), "bad");
    return "";
  }

  /** watch tells how far an upload is, until it has ended. */
  async function watch(id, file, seen) {
    try {
      await finish(await follow(app.service, id, seen));
    } catch (error) {
      const result = note();
      place.replaceChildren(element("h2", { tabindex: "-1" }, file.name), result.element,
        element("p", { class: "hint" }, text("uploads.goesOn")), element("div", { class: "actions" }, another("uploads.done")));
      result.say(app.faultText(error), "bad");
    }
  }

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
    place.append(element("div", { class: "actions" }, another("uploads.done")));
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

/** stay lets the browser ask before a transfer is broken off by leaving, but not who has signed out: the document is empty by then. */
function stay(event) {
  if (document.body.hasChildNodes()) event.preventDefault();
}

/** bytes writes a size. */
export function bytes(app, size) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const step = Math.min(Math.floor(Math.log10(Math.max(size, 1)) / 3), units.length - 1);
  return app.format.number(size / 1000 ** step, { style: "unit", unit: units[step], maximumSignificantDigits: 3 });
}

/** progress returns {elements, moved(sent, again), waits(), doubtful(), looked(upload), unanswered()}: a bar for a file, with words below it. */
function progress(app, file) {
  const { text } = app;
  const bar = element("progress", { max: 1, value: 0, "aria-label": text("uploads.progress") });
  const said = element("p", { class: "hint" });
  const part = (done, all) => ({ done: () => bytes(app, done), all: () => bytes(app, all) });
  let gone = 0;
  // Half of the bar is the way to the service, half is what the service does; each moves by bytes.
  return {
    elements: [bar, said],
    moved(sent, again = false) {
      gone = Math.min(sent, file.size);
      bar.value = gone / file.size / 2;
      say(said, text(again ? "uploads.sendingAgain" : "uploads.sending", part(gone, file.size)));
    },
    waits() { say(said, text("uploads.waits", part(gone, file.size))); },
    doubtful() { say(said, text("uploads.doubtful")); },
    looked(upload) {
      bar.value = 0.5 + (upload.bytes > 0 ? upload.bytesProcessed / upload.bytes : 0) / 2;
      say(said, text("uploads.reading", part(upload.bytesProcessed, upload.bytes)));
    },
    unanswered() { say(said, text("uploads.unanswered")); },
  };
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

function previewRow(app, { line, reading, errors = [] }) {
  const number = element("td", { class: "number" }, new Said(() => app.format.count(line)));
  if (!reading) return element("tr", { class: "wrong" }, number, element("td", { colspan: 3 }, rowReasons(app, errors)));
  return element("tr", {}, number, element("td", {}, reading.equipmentId), element("td", {}, new Said(() => app.format.moment(Date.parse(reading.timestamp)))),
    element("td", { class: "number" }, new Said(() => app.format.decimal(String(reading.value)))));
}
