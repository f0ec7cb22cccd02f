// Lists the uploads that there were, and keeps the list true while it is looked at.

import { element, note } from "./dom.js";
import { fileReason } from "./reasons.js";
import { rejects } from "./rejects.js";
import { ended } from "./transfer.js";

const page = "20";
const soonMilliseconds = 2000, laterMilliseconds = 20000;

/**
 * uploadList returns {element, open(), close(), refresh()}. Rows stay where they are: what changes is written into them, new ones come
 * above, and older ones below when they are asked for.
 */
export function uploadList(app) {
  const { text } = app;
  const line = note();
  const body = element("tbody");
  const rows = new Map(); // by the id of the upload
  const more = element("button", { type: "button", class: "plain", hidden: true, onclick: older }, text("uploads.older"));
  let next = "", watched = 0, open = false;

  /** refresh takes the newest. It is done without anybody's asking, so that it never asks for a password. */
  async function refresh() {
    clearTimeout(watched);
    if (!open) return;
    try {
      const { items, nextCursor } = await app.service.background.get("/sensor-data/uploads", { limit: page });
      if (rows.size === 0) { next = nextCursor || ""; more.hidden = !next; }
      put(items, true);
      await lookBelow(items);
      line.say(rows.size === 0 ? text("uploads.none") : "");
    } catch (error) {
      if (error.status !== 401) line.say(app.faultText(error), "bad");
    }
    if (!open) return;
    const busy = [...rows.values()].some(({ upload }) => upload.status === "processing");
    watched = setTimeout(refresh, busy ? soonMilliseconds : laterMilliseconds);
  }

  /** lookBelow asks for those that have not ended and are no longer among the newest. */
  async function lookBelow(newest) {
    const known = new Set(newest.map((one) => one.uploadId));
    const waiting = [...rows.values()].map((row) => row.upload).filter((one) => !ended(one) && !known.has(one.uploadId)).slice(0, 5);
    for (const one of waiting) put([await app.service.background.get("/sensor-data/uploads/" + encodeURIComponent(one.uploadId))], false);
  }

  async function older() {
    try {
      const { items, nextCursor } = await app.service.get("/sensor-data/uploads", { limit: page, cursor: next });
      next = nextCursor || "";
      more.hidden = !next;
      put(items, false);
    } catch (error) {
      line.say(app.faultText(error), "bad");
    }
  }

  /** put writes uploads, the newest first, into the rows; those that have none yet get one above or below the others. */
  function put(items, above) {
    const fresh = [];
    for (const upload of items) {
      const known = rows.get(upload.uploadId);
      if (known) known.write(upload);
      else {
        const row = uploadRow(app, upload);
        rows.set(upload.uploadId, row);
        fresh.push(...row.elements);
      }
    }
    if (above) body.prepend(...fresh);
    else body.append(...fresh);
  }

  return {
    element: element("section", { class: "panel", "aria-labelledby": "uploads-before" }, element("h2", { id: "uploads-before" }, text("uploads.before")),
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": text("uploads.table") }, element("table", {},
        element("thead", {}, element("tr", {}, ["file", "status", "accepted", "rejected", "started"].map((name) =>
          element("th", { scope: "col", class: /ed$/.test(name) && name !== "started" ? "number" : null }, text("uploads.column." + name))))), body)),
      line.element, element("div", { class: "actions" }, more)),
    open() { open = true; for (const row of rows.values()) row.write(row.upload); refresh(); },
    close() { open = false; clearTimeout(watched); },
    refresh,
  };
}

/** uploadRow returns {elements, upload, write(upload)}: a row, and one below it for the refused rows. */
function uploadRow(app, first) {
  const { text } = app;
  const status = element("span");
  const reason = element("p", { class: "hint" });
  const accepted = element("td", { class: "number" }), rejected = element("td", { class: "number" }), started = element("td");
  const below = element("td", { colspan: 5 });
  const details = element("tr", { hidden: true }, below);
  const button = element("button", { type: "button", class: "plain small", "aria-expanded": "false", onclick: toggle }, text("uploads.showRejects"));
  const row = {
    upload: first,
    elements: [element("tr", {}, element("th", { scope: "row" }, first.fileName), element("td", {}, status, reason, button), accepted, rejected, started), details],
    write(upload) {
      row.upload = upload;
      status.className = "status " + upload.status;
      status.textContent = text("uploads.status." + upload.status) + (upload.status === "processing" ? " " + part(app, upload) : "");
      if (upload.reason) fileReason(app, reason, upload.reason);
      reason.hidden = !upload.reason;
      accepted.textContent = app.format.count(upload.rowsAccepted);
      rejected.textContent = app.format.count(upload.rowsRejected);
      started.textContent = app.format.moment(Date.parse(upload.createdAt));
      button.hidden = !(ended(upload) && upload.rowsRejected > 0);
    },
  };

  /** toggle shows the refused rows, by an address that is asked for anew: addresses live for minutes. */
  async function toggle() {
    details.hidden = !details.hidden;
    button.setAttribute("aria-expanded", String(!details.hidden));
    if (details.hidden) return;
    try {
      below.replaceChildren(await rejects(app, await app.service.get("/sensor-data/uploads/" + encodeURIComponent(row.upload.uploadId))));
    } catch (error) {
      below.replaceChildren(element("p", { role: "alert" }, error.status === undefined ? text("rejects.unreachable") : app.faultText(error)));
    }
  }
  row.write(first);
  return row;
}

const part = (app, { bytes, bytesProcessed }) => app.format.number(bytes > 0 ? Math.floor(100 * bytesProcessed / bytes) / 100 : 0, { style: "percent" });
