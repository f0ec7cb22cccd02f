// Keeps what is looked at in the address, behind its "#": that part never reaches a server. A reload shows the same, and so does
// a link in another browser.

/** Names of the windows that end with the current hour, as the service knows them. */
export const intervals = ["24h", "48h", "1w", "1m"];

export const equipmentName = /^[A-Za-z0-9._:-]{1,128}$/;
export const equipmentsMax = 10;

/**
 * A place is what an address says:
 *   view        the name of a view; empty for the first one
 *   window      {last: "24h"}, or {from, to} in milliseconds since 1970
 *   equipments  their ids, at most ten; none stands for all
 *   zone        an IANA name; empty for the viewer's own
 *   language    "en" or "pt"; empty for the browser's
 *   own         what the view itself keeps there, an object of texts
 *   back        the windows from which one has zoomed, the last one last; the browser keeps them beside the address, for its way back
 *               and for a reload, and no link holds them
 */
function read(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const place = { view: path, window: { last: "24h" }, equipments: [], zone: "", language: "", own: {}, back: history.state?.back || [] };
  const times = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === "window") { if (intervals.includes(value)) place.window = { last: value }; }
    else if (name === "from" || name === "to") times[name] = Date.parse(value);
    else if (name === "equipment") { if (equipmentName.test(value)) place.equipments.push(value); }
    else if (name === "zone") { if (isZone(value)) place.zone = value; }
    else if (name === "language") place.language = value;
    else place.own[name] = value;
  }
  place.equipments = [...new Set(place.equipments)].slice(0, equipmentsMax);
  if (times.from < times.to) place.window = times; // false as well where one is missing
  return place;
}

function write(place) {
  const query = new URLSearchParams();
  if (place.window.last) query.set("window", place.window.last);
  else {
    query.set("from", instant(place.window.from));
    query.set("to", instant(place.window.to));
  }
  for (const name of place.equipments) query.append("equipment", name);
  if (place.zone) query.set("zone", place.zone);
  if (place.language) query.set("language", place.language);
  for (const [name, value] of Object.entries(place.own)) if (value) query.set(name, value);
  return `#/${place.view}?${query.toString().replaceAll("%3A", ":").replaceAll("%2F", "/")}`;
}

const instant = (milliseconds) => new Date(milliseconds).toISOString().replace(/:00\.000Z$/, "Z");

/** isZone tells whether the browser knows a time zone by that name. */
export function isZone(name) {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Address is the browser's address. changed(place, before) is called after each change that is not its own first reading. */
export class Address {
  constructor(changed) {
    this.place = read(location.hash);
    this.changed = changed;
    window.addEventListener("popstate", this.follow = () => this.moved(read(location.hash)));
  }

  /**
   * go changes some of what the address says. Another view forgets what the last one kept of its own. With replace, the way back
   * skips where one was.
   */
  go(change, { replace = false } = {}) {
    const next = this.with(change);
    history[replace ? "replaceState" : "pushState"]({ back: next.back }, "", write(next));
    this.moved(next);
  }

  /** link is the address of a place that differs from the present one by change. */
  link(change) { return write(this.with(change)); }

  with(change) {
    const own = change.own || (change.view !== undefined && change.view !== this.place.view ? {} : this.place.own);
    return { ...this.place, ...change, own };
  }

  moved(next) {
    const before = this.place;
    this.place = next;
    this.changed(next, before);
  }

  close() { window.removeEventListener("popstate", this.follow); }
}
