// Uploads files, and lists the uploads that there were.

import { element, field, note } from "./dom.js";

const smallFileMax = 32 * 1024 * 1024;

/** put sends the file to the presigned address; XMLHttpRequest, unlike fetch, reports how far it is. */
function put(ticket, file, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(ticket.method, ticket.url);
    for (const [name, value] of Object.entries(ticket.headers)) {
      if (!["content-length", "host"].includes(name.toLowerCase())) request.setRequestHeader(name, value); // the browser sets these
    }
    request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) progress(event.loaded / event.total); });
    request.addEventListener("load", () => request.status < 300 ? resolve() : reject(new Error("status " + request.status)));
    request.addEventListener("error", () => reject(new Error("network")));
    // A sliced copy has no media type of its own that could differ from the signed one.
    request.send(file.slice(0, file.size, ticket.headers["Content-Type"] || ""));
  });
}

export function uploads(app) {
  const { text, format } = app;
  const line = note();
  const bar = element("progress", { max: 1, value: 0, "aria-label": text("uploads.progress"), hidden: true });
  const choose = element("input", { type: "file", accept: ".csv,.gz,text/csv", onchange: () => { upload(choose.files[0]); } });
  const rows = element("tbody");

  async function upload(file) {
    if (!file) return;
    bar.hidden = false;
    bar.value = 0;
    line.say(text("uploads.uploading", { file: file.name }), "busy");
    try {
      await transfer(file);
      line.say(text("uploads.uploaded", { file: file.name }), "good");
      await list();
    } catch (error) {
      line.say(app.faultText(error), "bad");
    } finally {
      bar.hidden = true;
      choose.value = ""; // the same file may be chosen again
    }
  }

  async function transfer(file) {
    const ticket = await (await app.service.call("POST", "/sensor-data/uploads", {
      headers: { "Content-Type": "application/json" }, body: JSON.stringify({ fileName: file.name, size: file.size }),
    })).json();
    try {
      await put(ticket, file, (part) => { bar.value = part; });
    } catch (error) {
      // A network between here and the bucket may be closed to browsers; small files can go through the service itself.
      if (file.size > smallFileMax) throw error;
      const form = new FormData();
      form.append("file", file, file.name);
      await app.service.call("POST", "/sensor-data/upload-csv", { body: form });
    }
  }

  const row = (one) => element("tr", {}, element("th", { scope: "row" }, one.fileName), element("td", {}, one.status, one.reason && element("p", { class: "hint" }, one.reason)),
    element("td", { class: "number" }, format.count(one.rowsAccepted)), element("td", { class: "number" }, format.count(one.rowsRejected)),
    element("td", {}, format.moment(Date.parse(one.createdAt))));

  async function list() {
    const page = await app.service.get("/sensor-data/uploads", { limit: "20" });
    rows.replaceChildren(...page.items.map(row));
  }

  return {
    element: element("div", {}, element("h1", {}, text("view.uploads")),
      element("div", { class: "panel" }, field(text("uploads.choose"), choose), bar, line.element),
      element("div", { class: "panel scroll" }, element("table", {}, element("thead", {}, element("tr", {},
        ["file", "status", "accepted", "rejected", "started"].map((name) => element("th", { scope: "col" }, text("uploads.column." + name))))), rows))),
    open: () => list().catch((error) => line.say(app.faultText(error), "bad")),
    close() {},
  };
}
