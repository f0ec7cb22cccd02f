// Sends a large file to the store of files part by part, so that a lost connection costs a part at most.

import { put } from "./put.js";
import { Fault, passes, pause } from "./service.js";

const atOnce = 3;
const attemptsMax = 6; // with pauses of half a minute in all
const pauseSecondsMax = 16;
/** Addresses work for 15 minutes, counted by a clock that is not this one. */
const freshMilliseconds = 10 * 60000;

/**
 * sendParts sends a file to where a ticket says, and makes one file of its parts. moved is told how many bytes have gone, and whether some
 * are being sent again, joining when all parts are there and become the file, and unanswered where nobody answers then; signal ends it.
 */
export async function sendParts(service, ticket, file, { signal, moved, joining, unanswered }) {
  const failed = new AbortController(); // one part that cannot be sent ends the others
  const sending = new Sending(service, ticket, file, { signal: AbortSignal.any([signal, failed.signal]), moved });
  const workers = Array.from({ length: Math.min(atOnce, sending.count) }, () => sending.work());
  try {
    await Promise.all(workers);
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(workers);
    throw error;
  }
  joining();
  await sending.complete(unanswered);
}

class Sending {
  constructor(service, { uploadId, partSize, parts }, file, { signal, moved }) {
    Object.assign(this, { service, partSize, file, signal, moved });
    this.address = "/sensor-data/uploads/" + encodeURIComponent(uploadId);
    this.count = Math.ceil(file.size / partSize);
    this.given = { at: performance.now(), parts: new Map(parts.map((part) => [part.number, part])) };
    this.next = 1;
    this.gone = new Map(); // bytes by part
    this.again = new Set(); // the parts that are being sent again
    this.tags = [];
  }

  /** work sends one part after the other, as long as there are any. */
  async work() {
    while (this.next <= this.count) {
      const number = this.next++;
      this.tags[number - 1] = { number, etag: await this.part(number) };
    }
  }

  /** part sends one part until it has arrived, each time to another address: one that is refused may only have become too old. */
  async part(number) {
    for (let attempt = 1; ; attempt++) {
      try {
        const etag = await this.once(number, attempt);
        this.again.delete(number);
        this.went(number, this.content(number).size);
        return etag;
      } catch (error) {
        if (this.signal.aborted || attempt === attemptsMax || !mayHelp(error)) throw error;
        this.again.add(number);
        this.went(number, 0);
        await pause(between(error, attempt), this.signal);
      }
    }
  }

  async once(number, attempt) {
    const known = attempt === 1 && performance.now() - this.given.at < freshMilliseconds && this.given.parts.get(number);
    const { url, headers } = known || await this.sign(number);
    const answer = await put({ method: "PUT", url, headers }, this.content(number), { signal: this.signal, moved: (bytes) => this.went(number, bytes) });
    const etag = answer.getResponseHeader("ETag");
    if (!etag) throw new Fault(answer.status, {});
    return etag;
  }

  async sign(number) {
    const { parts } = await this.post("/parts", { numbers: [number] });
    return parts[0];
  }

  content(number) { return this.file.slice((number - 1) * this.partSize, number * this.partSize); }

  went(number, bytes) {
    this.gone.set(number, bytes);
    this.moved([...this.gone.values()].reduce((a, b) => a + b, 0), this.again.size > 0);
  }

  /** complete makes the file of its parts. To say so twice does nothing more, so that it is tried again where the answer was lost. */
  async complete(unanswered) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.post("/complete", { parts: this.tags });
      } catch (error) {
        if (this.signal.aborted || attempt === attemptsMax || !mayHelp(error)) throw error;
        unanswered();
        await pause(between(error, attempt), this.signal);
      }
    }
  }

  post(path, body) {
    return this.service.json("POST", this.address + path, {
      headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal: this.signal,
    });
  }
}

/** mayHelp tells whether another attempt may succeed: what is wrong passes, or the store finds an address too old. */
const mayHelp = (error) => passes(error) || (error.status === 403 && !error.message);

/** between is for how many seconds to wait after an attempt that failed. */
export const between = (error, attempt) => Math.max(error.retryAfter, Math.min(2 ** (attempt - 1), pauseSecondsMax));
