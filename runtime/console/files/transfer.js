// Sends a file to the store of files, and follows what becomes of it.

import { sendParts } from "./parts.js";
import { put } from "./put.js";

/** What the service takes, of compressed files and of others. */
export const fileBytesMax = 50 * 2 ** 30, packedBytesMax = 2 ** 30;
/** Larger files go in parts. */
const wholeBytesMax = 100e6;
const smallFileMax = 32 * 2 ** 20;
const lookMilliseconds = 700;

/**
 * transfer sends a file, written as format says, and returns the id of its upload. moved is told how many bytes have gone, and
 * whether some of them are being sent again; signal ends it.
 */
export async function transfer(service, file, format, { signal, moved }) {
  const about = { fileName: file.name, size: file.size };
  if (Object.keys(format).length > 0) about.format = format;
  if (file.size > wholeBytesMax) about.inParts = true;
  const ticket = await (await service.call("POST", "/sensor-data/uploads", {
    headers: { "Content-Type": "application/json" }, body: JSON.stringify(about), signal,
  })).json();
  try {
    if (ticket.parts) await sendParts(service, ticket, file, { signal, moved });
    else await put(ticket, file, { signal, moved });
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
