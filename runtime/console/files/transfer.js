// Sends a file to the store of files, and follows what becomes of it.

import { between, sendParts } from "./parts.js";
import { put } from "./put.js";
import { passes, pause } from "./service.js";

/** What the service takes, of compressed files and of others. */
export const fileBytesMax = 50 * 2 ** 30, packedBytesMax = 2 ** 30;
/** Larger files go in parts. */
const wholeBytesMax = 100e6;
const smallFileMax = 32 * 2 ** 20;
/** A browser tells with some delay how much of a file has gone. */
const untoldBytes = 2 ** 20;
const lookSeconds = 0.7, looksMax = 6;

/** addressOf is where the service tells of an upload. */
const addressOf = (id) => "/sensor-data/uploads/" + encodeURIComponent(id);

/**
 * Transfer sends one file, written as format says. moved is told how many bytes have gone, and whether some of them are being sent again,
 * waits that it goes on only after somebody has signed in, and unanswered that nobody answers; signal ends it. The password is asked for when it begins, and not later:
 * a person may be typing elsewhere by then.
 */
export class Transfer {
  constructor(service, file, format, { signal, moved, waits, unanswered }) {
    Object.assign(this, { service, file, format, signal, moved, unanswered });
    this.enduring = service.enduring(waits);
    this.uploadId = ""; // of the way to the store of files
    this.mayHaveArrived = false; // also where nobody has said so: all of it was on its way, and nobody refused it
  }

  /** send returns the id of the upload once the file has arrived. */
  async send() {
    const ticket = await this.ticket();
    this.uploadId = ticket.uploadId;
    try {
      await this.attempt(() => this.toStore(ticket));
      return this.uploadId;
    } catch (error) {
      // A network between here and the store may be closed to browsers; small files can go through the service itself.
      if (this.signal.aborted || this.file.size > smallFileMax) throw error;
      return this.attempt(() => this.through());
    }
  }

  ticket() {
    const { file, format, signal } = this;
    const about = { fileName: file.name, size: file.size };
    if (Object.keys(format).length > 0) about.format = format;
    if (file.size > wholeBytesMax) about.inParts = true;
    return this.service.json("POST", "/sensor-data/uploads", {
      headers: { "Content-Type": "application/json" }, body: JSON.stringify(about), signal,
    });
  }

  /** attempt makes one attempt. A file that was refused has not arrived by it. */
  async attempt(work) {
    const before = this.mayHaveArrived;
    try {
      return await work();
    } catch (error) {
      if (error.status >= 400 && error.status < 500) this.mayHaveArrived = before;
      throw error;
    }
  }

  toStore(ticket) {
    const { file, signal, moved, unanswered } = this;
    const joining = () => { this.mayHaveArrived = true; };
    if (ticket.parts) return sendParts(this.enduring, ticket, file, { signal, moved, joining, unanswered });
    const went = (bytes) => {
      if (bytes > 0 && file.size - bytes <= untoldBytes) this.mayHaveArrived = true;
      moved(bytes);
    };
    return put(ticket, file, { signal, moved: went });
  }

  async through() {
    const { file, format, signal } = this;
    const form = new FormData();
    if (Object.keys(format).length > 0) form.append("format", JSON.stringify(format));
    form.append("file", file, file.name);
    this.mayHaveArrived = true; // nobody tells how much has gone
    return (await this.enduring.json("POST", "/sensor-data/upload-csv", { body: form, signal, milliseconds: 0 })).uploadId;
  }

  /** arrived looks for some seconds whether the file has come to the store of files after all. Who has cancelled need not sign in for that. */
  async arrived() {
    const service = this.signal.aborted ? this.service : this.enduring;
    for (let looks = 0; looks < looksMax; looks++) {
      if (looks > 0) await pause(lookSeconds);
      const upload = await service.get(addressOf(this.uploadId), {}, { renew: false, attempts: 1 }).catch(() => null); // nothing is known then
      if (upload && !["awaiting-upload", "expired"].includes(upload.status)) return true;
    }
    return false;
  }
}

/** ended tells whether nothing more will happen to an upload. */
export const ended = ({ status }) => status === "failed" || status === "expired" || status.startsWith("completed");

/**
 * follow returns the upload once it has ended; looked is told of it each time before, and unanswered each time that nobody could tell. It
 * goes on then: what has arrived is read whether or not somebody looks.
 */
export async function follow(service, id, { looked, unanswered }) {
  for (let failed = 0; ;) {
    let seconds = lookSeconds;
    try {
      const upload = await service.background.get(addressOf(id), {}, { attempts: 1 });
      if (ended(upload)) return upload;
      failed = 0;
      looked(upload);
    } catch (error) {
      const signedOut = error.status === 401; // the frame tells so; a person who types elsewhere is not asked for the password
      if (!signedOut && !passes(error)) throw error;
      failed += 1;
      seconds = between(error, failed);
      if (!signedOut) unanswered();
    }
    await pause(seconds);
  }
}
