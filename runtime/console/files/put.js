// Sends bytes to an address of the store of files.

import { Fault } from "./service.js";

/** A connection over which nothing moves for so long is given up. */
const stillMilliseconds = 60000;

/**
 * put sends content, a Blob, to a presigned address, and returns the request that was answered. XMLHttpRequest, unlike fetch, reports how
 * far it is: moved is told how many bytes have gone. signal ends it.
 */
export function put({ method, url, headers }, content, { signal, moved }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const giveUp = () => request.abort();
    let timer = setTimeout(giveUp, stillMilliseconds);
    const moving = () => { clearTimeout(timer); timer = setTimeout(giveUp, stillMilliseconds); };
    const fail = () => reject(signal.aborted ? signal.reason : new Fault(request.status, {}));
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) {
      if (!["content-length", "host"].includes(name.toLowerCase())) request.setRequestHeader(name, value); // the browser sets these
    }
    request.upload.addEventListener("progress", (event) => { moving(); moved(event.loaded); });
    request.addEventListener("load", () => { if (request.status < 300) resolve(request); else fail(); });
    request.addEventListener("error", fail);
    request.addEventListener("abort", fail);
    request.addEventListener("loadend", () => { clearTimeout(timer); signal.removeEventListener("abort", giveUp); });
    if (signal.aborted) return fail();
    signal.addEventListener("abort", giveUp);
    // A sliced copy has no media type of its own that could differ from the signed one.
    request.send(content.slice(0, content.size, headers["Content-Type"] || ""));
  });
}
