// Shows the rows of a file that were refused.

import { element } from "./dom.js";
import { cells } from "./file-format.js";
import { rejectCell } from "./reasons.js";
import { Said } from "./text.js";

const shownMax = 100;

/** rejects returns an element with the first refused rows of an upload, and with all of them to take home. */
export async function rejects(app, upload) {
  const { text } = app;
  const found = await firstLines(upload.rejectsUrl);
  const rows = found.map((line) => cells(line, ",")).map(([line, reason, row]) => element("tr", {},
    element("td", { class: "number" }, new Said(() => app.format.count(Number(line)))), rejectCell(app, reason), element("td", {}, element("code", {}, row))));
  const title = upload.rowsRejected > rows.length ? text("rejects.first", { count: rows.length }) : text("rejects.all");
  return element("div", { class: "rejects" }, element("h3", {}, title),
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": new Said(() => `${text("rejects.all")}: ${upload.fileName}`) },
      element("table", {}, element("thead", {}, element("tr", {},
        element("th", { scope: "col", class: "number" }, text("rejects.line")), element("th", { scope: "col" }, text("rejects.reason")),
        element("th", { scope: "col" }, text("rejects.row")))), element("tbody", {}, rows))),
    // The service gives the file the name and the type of a text, so that no spreadsheet runs what looks like a formula in it.
    element("p", {}, element("a", { href: upload.rejectsUrl, download: true }, text("rejects.download"))));
}

/** firstLines reads the first rows of a file that may be large, and no more of it. A row may hold line feeds inside quotes. */
async function firstLines(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error("status " + answer.status);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let all = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    all += value;
    if (records(all).length > shownMax + 2) break; // the header, and one that may be cut
  }
  await reader.cancel();
  return records(all).slice(1, shownMax + 1).filter((line) => line !== "");
}

function records(all) {
  const found = [];
  let begin = 0, quoted = false;
  for (let at = 0; at < all.length; at++) {
    if (all[at] === '"') quoted = !quoted;
    else if (all[at] === "\n" && !quoted) { found.push(all.slice(begin, at).replace(/\r$/, "")); begin = at + 1; }
  }
  return begin < all.length ? [...found, all.slice(begin)] : found;
}
