"use strict";

// The console of SensorFlow. It builds everything with DOM calls, so that nothing from the service is ever read as HTML,
// and it keeps values as the text that the service sent: a JavaScript number would round them.

const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function say(id, text, kind = "") {
  const note = byId(id);
  note.className = "note " + kind;
  note.textContent = text;
}

/** Fault is an error answer; message is a sentence for people. */
class Fault extends Error {
  constructor(status, body) {
    super(body.message || "The service did not answer as expected.");
    this.status = status;
    this.errors = body.errors || [];
    this.requestId = body.requestId || "";
  }
  get text() {
    const more = this.status >= 500 && this.requestId ? ` (request ${this.requestId})` : "";
    return this.message + more;
  }
}

/** exact parses JSON and leaves the named numbers as the text they were sent as. */
function exact(text, names) {
  return JSON.parse(text, function (key, value, context) {
    if (typeof value === "number" && names.includes(key)) return context && context.source ? context.source : String(value);
    return value;
  });
}

async function call(method, path, { headers = {}, body } = {}) {
  let answer;
  try {
    answer = await fetch(path, { method, headers, body, credentials: "same-origin", cache: "no-store" });
  } catch (error) {
    throw new Fault(0, { message: "The service cannot be reached. Check the connection and try again." });
  }
  showRegion(answer.headers.get("X-Region"));
  const text = await answer.text();
  if (!answer.ok) {
    let problem = {};
    try { problem = JSON.parse(text); } catch (error) { /* not from the service itself: the general sentence stands */ }
    const fault = new Fault(answer.status, problem);
    if (answer.status === 401 && path !== "/auth/login") showSignIn("You are no longer signed in.");
    throw fault;
  }
  return exact(text, ["value", "totalValue", "average"]);
}

/** showRegion says which region gave the last answer. */
function showRegion(name) {
  if (!name) return;
  byId("region-name").textContent = name;
  byId("region").hidden = false;
}

function faultText(error) {
  return error instanceof Fault ? error.text : "The console failed: " + error.message;
}

/** whileBusy disables a button until work is done, so that nothing is sent twice by accident. */
async function whileBusy(button, work) {
  button.disabled = true;
  try { await work(); } finally { button.disabled = false; }
}

// ---- signing in and out

function showSignIn(message = "") {
  stopWatching();
  byId("signed-in").hidden = true;
  byId("who").hidden = true;
  byId("sign-in").hidden = false;
  say("sign-in-note", message);
  byId("username").focus();
}

async function showSignedIn() {
  const me = await call("GET", "/auth/me");
  byId("who-name").textContent = me.email || me.username;
  byId("who").hidden = false;
  byId("sign-in").hidden = true;
  byId("signed-in").hidden = false;
  setNow();
  await Promise.all([showAggregates(), showUploads()]);
}

function basic(username, password) {
  const bytes = new TextEncoder().encode(username + ":" + password);
  return "Basic " + btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));
}

byId("sign-in-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  whileBusy(form.querySelector("button"), async () => {
    const username = form.elements.username.value.trim();
    const password = form.elements.password.value;
    if (!username || !password) {
      say("sign-in-note", "Enter the user name and the password.", "bad");
      return;
    }
    try {
      await call("POST", "/auth/login", { headers: { Authorization: basic(username, password) } });
      form.elements.password.value = "";
      await showSignedIn();
    } catch (error) {
      say("sign-in-note", faultText(error), "bad");
    }
  });
});

byId("sign-out").addEventListener("click", (event) => whileBusy(event.target, async () => {
  try {
    await call("POST", "/auth/logout");
    showSignIn("You are signed out.");
  } catch (error) {
    if (error.status !== 401) say("aggregates-note", faultText(error), "bad");
  }
}));

// ---- sending a reading

function setNow() {
  byId("timestamp").value = new Date().toISOString();
}
byId("now").addEventListener("click", setNow);

/** jsonNumber is a number as JSON writes it, so that the value goes out digit by digit as it was typed. */
const jsonNumber = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

byId("send-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = event.target.elements;
  whileBusy(event.target.querySelector("button"), async () => {
    const names = ["equipmentId", "timestamp", "value"];
    for (const name of names) fields[name].removeAttribute("aria-invalid");
    const value = fields.value.value.trim();
    if (!jsonNumber.test(value)) {
      fields.value.setAttribute("aria-invalid", "true");
      fields.value.focus();
      say("send-note", "The value must be a number such as 21.5 or -3e-7.", "bad");
      return;
    }
    const body = `{"equipmentId":${JSON.stringify(fields.equipmentId.value.trim())},` +
      `"timestamp":${JSON.stringify(fields.timestamp.value.trim())},"value":${value}}`;
    try {
      await call("POST", "/sensor-data", { headers: { "Content-Type": "application/json" }, body });
      say("send-note", "Stored. It shows in the aggregates within a few seconds.", "good");
    } catch (error) {
      const wrong = (error.errors || []).map((e) => e.field).filter((name) => names.includes(name));
      for (const name of wrong) fields[name].setAttribute("aria-invalid", "true");
      if (wrong.length > 0) fields[wrong[0]].focus();
      say("send-note", faultText(error), "bad");
    }
  });
});

// ---- uploading a file

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

async function upload(file) {
  const bar = byId("upload-progress");
  bar.value = 0;
  bar.hidden = false;
  say("upload-note", `Uploading ${file.name} …`);
  try {
    const ticket = await call("POST", "/sensor-data/uploads", {
      headers: { "Content-Type": "application/json" }, body: JSON.stringify({ fileName: file.name, size: file.size }),
    });
    try {
      await put(ticket, file, (part) => { bar.value = part; });
    } catch (error) {
      // A network between here and the bucket may be closed to browsers; small files can go through the service itself.
      if (file.size > smallFileMax) {
        throw new Fault(0, { message: "The file store cannot be reached from here. Files up to 32 MiB can be sent without it." });
      }
      const form = new FormData();
      form.append("file", file, file.name);
      await call("POST", "/sensor-data/upload-csv", { body: form });
    }
    bar.value = 1;
    say("upload-note", `${file.name} is uploaded. Its rows are being read.`, "good");
    await showUploads();
  } catch (error) {
    say("upload-note", faultText(error), "bad");
  } finally {
    bar.hidden = true;
  }
}

function takeFile(file) {
  if (!file) return;
  if (!/\.csv$/i.test(file.name)) say("upload-note", "Only CSV files are allowed: the name must end in .csv.", "bad");
  else if (file.size === 0) say("upload-note", `${file.name} is empty.`, "bad");
  else upload(file);
}

byId("file").addEventListener("change", (event) => {
  takeFile(event.target.files[0]);
  event.target.value = ""; // the same file may be chosen again
});

const drop = byId("drop");
for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
for (const name of ["dragleave", "drop"]) {
  drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.remove("over"); });
}
drop.addEventListener("drop", (event) => takeFile(event.dataTransfer.files[0]));
// A file dropped beside the field would otherwise replace the page.
for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());

// ---- the list of uploads

let watch = 0;
let olderUploads = "";

function stopWatching() {
  clearTimeout(watch);
  watch = 0;
}

const unfinished = (u) => u.status === "processing" || (u.status === "awaiting-upload" && Date.now() - Date.parse(u.createdAt) < 15 * 60 * 1000);

function percent(u) {
  return u.bytes > 0 ? Math.floor(100 * u.bytesProcessed / u.bytes) + " %" : "–";
}

function uploadRow(u) {
  const status = element("td", {}, element("span", { class: "status " + u.status }, u.status.replaceAll("-", " ")));
  if (u.reason) status.append(element("div", { class: "hint" }, u.reason));
  if (u.rowsRejected > 0 && !unfinished(u)) {
    const button = element("button", { type: "button", class: "plain" }, "Rejected rows");
    button.addEventListener("click", () => whileBusy(button, () => openRejects(u.uploadId)));
    status.append(element("div", {}, button));
  }
  return element("tr", {}, element("th", { scope: "row" }, u.fileName), status, element("td", { class: "number" }, percent(u)),
    element("td", { class: "number" }, u.rowsAccepted.toLocaleString("en")), element("td", { class: "number" }, u.rowsRejected.toLocaleString("en")),
    element("td", {}, new Date(u.createdAt).toLocaleString()));
}

async function openRejects(id) {
  try {
    const u = await call("GET", "/sensor-data/uploads/" + encodeURIComponent(id));
    if (!u.rejectsUrl) throw new Fault(0, { message: "There is no list of rejected rows yet; try again shortly." });
    const link = element("a", { href: u.rejectsUrl, rel: "noreferrer", download: u.fileName.replace(/\.csv$/i, "") + "-rejects.csv" });
    link.click();
  } catch (error) {
    say("uploads-note", faultText(error), "bad");
  }
}

async function showUploads(cursor = "") {
  stopWatching();
  try {
    const page = await call("GET", "/sensor-data/uploads?limit=20" + (cursor ? "&cursor=" + encodeURIComponent(cursor) : ""));
    const rows = page.items.map(uploadRow);
    if (cursor) byId("uploads").append(...rows); else byId("uploads").replaceChildren(...rows);
    olderUploads = page.nextCursor || "";
    byId("more-uploads").hidden = olderUploads === "";
    say("uploads-note", byId("uploads").childElementCount === 0 ? "No uploads yet." : "");
    if (!cursor && page.items.some(unfinished)) watch = setTimeout(() => showUploads(), 2000);
  } catch (error) {
    say("uploads-note", faultText(error), "bad");
  }
}
byId("refresh-uploads").addEventListener("click", (event) => whileBusy(event.target, () => showUploads()));
byId("more-uploads").addEventListener("click", (event) => whileBusy(event.target, () => showUploads(olderUploads)));

// ---- aggregates

let shown = [];
let asked = "";
let moreHours = "";

byId("aggregates-form").addEventListener("submit", (event) => {
  event.preventDefault();
  whileBusy(event.target.querySelector("button"), showAggregates);
});
byId("more-hours").addEventListener("click", (event) => whileBusy(event.target, () => loadHours(moreHours)));

async function showAggregates() {
  const filter = byId("filter").value.trim();
  asked = "interval=" + byId("interval").value + "&limit=1000" + (filter ? "&equipmentId=" + encodeURIComponent(filter) : "");
  shown = [];
  await loadHours("");
}

async function loadHours(cursor) {
  say("aggregates-note", "Loading …");
  try {
    const page = await call("GET", "/sensor-data/aggregated?" + asked + (cursor ? "&cursor=" + encodeURIComponent(cursor) : ""));
    shown = shown.concat(page.items);
    moreHours = page.nextCursor || "";
    byId("average").textContent = page.totalCount === 0 ? "–" : page.average;
    byId("total-count").textContent = page.totalCount.toLocaleString("en");
    byId("hours").replaceChildren(...shown.map(hourRow));
    byId("more-hours").hidden = moreHours === "";
    drawChart();
    byId("aggregates-result").hidden = false;
    say("aggregates-note", shown.length === 0 ? "No readings in this window." : moreHours ? `The first ${shown.length} hours of equipments are shown.` : "");
  } catch (error) {
    byId("aggregates-result").hidden = true;
    say("aggregates-note", faultText(error), "bad");
  }
}

const hourName = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");

function hourRow(item) {
  return element("tr", {}, element("th", { scope: "row" }, hourName(item.intervalStart)), element("td", {}, item.equipmentId),
    element("td", { class: "number" }, item.sampleCount.toLocaleString("en")), element("td", { class: "number" }, item.totalValue));
}

function shape(name, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

/** hourly sums the shown items by hour, for the picture alone: here a rounded number is good enough. */
function hourly() {
  const hours = new Map();
  for (const item of shown) {
    const hour = hours.get(item.intervalStart) || { start: item.intervalStart, total: 0, count: 0 };
    hour.total += Number(item.totalValue);
    hour.count += item.sampleCount;
    hours.set(item.intervalStart, hour);
  }
  return [...hours.values()].sort((a, b) => a.start - b.start);
}

function drawChart() {
  const hours = hourly();
  if (hours.length === 0) {
    byId("chart").replaceChildren();
    return;
  }
  const width = 960, height = 260, left = 72, right = 56, top = 16, bottom = 28;
  const first = hours[0].start, slots = (hours[hours.length - 1].start - first) / 3600 + 1;
  const averages = hours.map((h) => h.total / h.count);
  let low = Math.min(...averages), high = Math.max(...averages);
  if (low === high) { low -= 1; high += 1; }
  const most = Math.max(...hours.map((h) => h.count));
  const slot = (width - left - right) / slots;
  const x = (h) => left + ((h.start - first) / 3600 + 0.5) * slot;
  const y = (average) => top + (high - average) / (high - low) * (height - top - bottom);
  const label = `Averages of ${hours.length} hours from ${hourName(first)} UTC, between ${low.toPrecision(4)} and ${high.toPrecision(4)}; the table below has the numbers.`;
  const chart = shape("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  for (const part of [0, 0.5, 1]) {
    const line = top + part * (height - top - bottom);
    chart.append(shape("line", { class: "axis", x1: left, x2: width - right, y1: line, y2: line }),
      shape("text", { x: left - 8, y: line + 4, "text-anchor": "end" }, String(Number((high - part * (high - low)).toPrecision(5)))),
      shape("text", { x: width - right + 8, y: line + 4 }, String(Math.round(most * (1 - part)))));
  }
  for (const h of hours) {
    const size = h.count / most * (height - top - bottom);
    chart.append(shape("rect", { class: "bar", x: x(h) - slot * 0.4, y: height - bottom - size, width: slot * 0.8, height: size }));
  }
  chart.append(shape("path", { class: "line", d: hours.map((h, i) => (i === 0 || hours[i - 1].start !== h.start - 3600 ? "M" : "L") + x(h).toFixed(1) + " " + y(averages[i]).toFixed(1)).join("") }));
  hours.forEach((h, i) => {
    const dot = shape("circle", { class: "dot", cx: x(h), cy: y(averages[i]), r: 3 });
    dot.append(shape("title", {}, `${hourName(h.start)} UTC: average ${averages[i].toPrecision(6)}, ${h.count} readings`));
    chart.append(dot);
  });
  chart.append(shape("text", { x: left, y: height - 8 }, hourName(first)),
    shape("text", { x: width - right, y: height - 8, "text-anchor": "end" }, hourName(hours[hours.length - 1].start)));
  byId("chart").replaceChildren(chart);
}

// ---- start

showSignedIn().catch((error) => {
  showSignIn(error.status === 401 ? "" : faultText(error));
});
