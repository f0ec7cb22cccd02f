// Sends a file to the store of files, and follows what becomes of it.

import { Fault } from "./service.js";

/** What one address takes; larger files go in parts, for which there are programs. */
export const fileBytesMax = 5 * 2 ** 30;
const smallFileMax = 32 * 2 ** 20;
const lookMilliseconds = 700;

/**
 * transfer sends a file, written as format says, and returns the id of its upload. moved is told how many bytes have gone; signal
 * ends it.
 */
export async function transfer(service, file, format, { signal, moved }) {
  const about = { fileName: file.name, size: file.size };
  if (Object.keys(format).length > 0) about.format = format;
  const ticket = await (await service.call("POST", "/sensor-data/uploads", {
    headers: { "Content-Type": "application/json" }, body: JSON.stringify(about), signal,
  })).json();
  try {
    await put(ticket, file, { signal, moved });
  } catch (error) {
    // A network between here and the store may be closed to browsers; small files can go through the service itself.
    if (signal.aborted || file.size > smallFileMax) throw error;
    return sendThrough(service, file, format, signal);
  }
  return ticket.uploadId;
}

async function sendThrough(service, file, format, signal) {
  const form = new FormData();
  if (Object.keys(format).length > 0) form.append("format", JSON.stringify(format));
  form.append("file", file, file.name);
  return (await (await service.call("POST", "/sensor-data/upload-csv", { body: form, signal, milliseconds: 0 })).json()).uploadId;
}

/** put sends the file to the presigned address; XMLHttpRequest, unlike fetch, reports how far it is. */
function put(ticket, file, { signal, moved }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const fail = () => reject(new Fault(request.status, {}));
    request.open(ticket.method, ticket.url);
    for (const [name, value] of Object.entries(ticket.headers)) {
      if (!["content-length", "host"].includes(name.toLowerCase())) request.setRequestHeader(name, value); // the browser sets these
    }
    request.upload.addEventListener("progress", (event) => moved(event.loaded));
    request.addEventListener("load", () => { if (request.status < 300) resolve(); else fail(); });
    request.addEventListener("error", fail);
    request.addEventListener("abort", () => reject(signal.reason));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    // A sliced copy has no media type of its own that could differ from the signed one.
    request.send(file.slice(0, file.size, ticket.headers["Content-Type"] || ""));
  });
}

/** ended tells whether nothing more will happen to an upload. */
export const ended = ({ status }) => status === "failed" || status === "expired" || status.startsWith("completed");

/** follow returns the upload once it has ended; looked is told of it each time before. */
export async function follow(service, id, looked) {
  for (;;) {
    const upload = await service.get("/sensor-data/uploads/" + encodeURIComponent(id));
    if (ended(upload)) return upload;
    looked(upload);
    await new Promise((resolve) => { setTimeout(resolve, lookMilliseconds); });
  }
}
