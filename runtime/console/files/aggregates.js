// Asks the service for the aggregates of a window, in steps that suit the picture, and brings them into the form in which they are
// drawn and listed.

import { compare, divide, fromLocal, offset, Sum, toLocal } from "./numbers-and-times.js";

export const minute = 60000, hour = 60 * minute, day = 24 * hour;

/** The steps that the service knows, in milliseconds. A day is that of a clock that does not change. */
export const granularities = { "5m": 5 * minute, "15m": 15 * minute, "30m": 30 * minute, "1h": hour, "1d": day };

const lengths = { "24h": day, "48h": 2 * day, "1w": 7 * day, "1m": 30 * day };

/** The service's bound on a window of one's own. */
export const windowMax = 400 * day;

// A step takes at least so many pixels of the picture, so that it can be pointed at; hours may stand closer.
const pixelsOfStep = 4, pixelsOfHour = 1;

// Bounds on what is loaded of a fleet item by item. A larger one is shown by its totals, which the service has at hand.
const fleetItemsMax = 40000, fleetSteppedMax = 8000, fleetHoursMax = 60000;

// So many hours of equipments fit into one answer of any granularity.
const hoursOfAnswer = 9000;

const pageSize = 10000, callsAtOnce = 4, totalsAtOnce = 6, totalsMax = 125;

/** spanOf is the time that a window of the address means at a moment: {from, to} in milliseconds, both on full five minutes. */
export function spanOf(window, now) {
  if (!window.last) {
    const five = granularities["5m"];
    return { from: Math.floor(window.from / five) * five, to: Math.ceil(window.to / five) * five };
  }
  const current = Math.floor(now / hour) * hour;
  return { from: current - lengths[window.last], to: current + hour };
}

/** granularityOf is the finest that suits a picture of width pixels, of which suits(name, steps) is true. */
export function granularityOf({ from, to }, width, suits = () => true) {
  for (const [name, length] of Object.entries(granularities)) {
    const steps = (to - from) / length;
    if (steps <= width / (length < hour ? pixelsOfStep : pixelsOfHour) && suits(name, steps)) return name;
  }
  return "1d";
}

/** floorStep is the beginning of the step that holds a time, as the clock of a zone counts steps. */
export function floorStep(at, length, zone) {
  if (length >= day) return fromLocal(toLocal(at, zone).slice(0, 10) + "T00:00", zone);
  const local = at + offset(at, zone);
  return at - (local - Math.floor(local / length) * length);
}

/** endOf is where the step that begins at a time ends. */
function endOf(start, length, zone) {
  return length === day ? floorStep(start + 30 * hour, day, zone) : start + length;
}

const isoOf = (milliseconds) => new Date(milliseconds).toISOString();

/** inParallel works through tasks, so many at a time, and ends with the first failure. */
async function inParallel(tasks, atOnce) {
  const left = tasks.values();
  await Promise.all(Array.from({ length: atOnce }, async () => { for (const task of left) await task(); }));
}

/**
 * Aggregates loads answers to one question after the other. A question is {window, equipments, zone, width}; an answer adds to it
 *   from, to, granularity
 *   byTotals     whether only the totals of all equipments were asked for, step by step
 *   items        {equipment, start, end, count, total, min, max}, by start and then equipment; decimals as texts, times in
 *                milliseconds. By totals, they have an average and neither equipment, total nor extremes.
 *   count, average, min, max   of all of it; min and max are missing where they are not known
 *   at           when it came
 */
export class Aggregates {
  constructor(service) {
    this.service = service;
  }

  /** load asks all of a question. progress is told the part that has come, from 0 to 1. */
  async load(question, now, { signal, progress = () => {} } = {}) {
    const answer = { ...question, ...spanOf(question.window, now), items: [] };
    await this.choose(answer, signal);
    await this.fetch(answer, answer.from, signal, progress);
    return this.conclude(answer, now, signal);
  }

  /**
   * refresh asks for what may have changed since an answer: its last two hours, and whether the rest is as it was. It returns a new
   * answer, which is loaded as a whole where more has changed.
   */
  async refresh(old, now, { signal } = {}) {
    const { from, to } = spanOf(old.window, now);
    const recent = Math.min(now, to) - 2 * hour;
    const since = old.byTotals ? boundaries(old, from).findLast((bound) => bound <= recent) ?? from : floorStep(recent, old.length, old.zone);
    const kept = old.items.filter((item) => item.start < since);
    const stays = from === old.from && to === old.to && since > from && await this.unchanged(old, kept, since, signal);
    if (!stays) return this.load(questionOf(old), now, { signal });
    const answer = { ...old, items: kept };
    await this.fetch(answer, since, signal, () => {});
    return this.conclude(answer, now, signal);
  }

  /** unchanged tells whether the service's totals until a moment are still those of the items. */
  async unchanged(answer, items, until, signal) {
    const { count, average } = await this.sums({ ...answer, to: until }, signal);
    const own = sumUp(items);
    return count === own.count && (answer.byTotals || average === undefined || compare(average, own.average) === 0);
  }

  /** conclude fills in what all items together come to. */
  async conclude(answer, now, signal) {
    const sums = answer.byTotals ? await this.sums(answer, signal) : sumUp(answer.items);
    return Object.assign(answer, sums, extremes(answer.items), { at: now });
  }

  /** choose decides in which steps to ask, and whether item by item. */
  async choose(answer, signal) {
    const hours = (answer.to - answer.from) / hour;
    answer.byTotals = false;
    if (answer.equipments.length === 0) {
      const page = await this.service.get("/equipment", { limit: "100" }, { signal });
      const fleet = page.items.length;
      answer.byTotals = Boolean(page.nextCursor) || fleet * hours > fleetHoursMax;
      answer.granularity = granularityOf(answer, answer.width, (name, steps) => fleet * steps <= (name === "1h" ? fleetItemsMax : fleetSteppedMax));
    } else {
      answer.granularity = granularityOf(answer, answer.width);
    }
    answer.length = answer.byTotals ? totalsLength(answer.to - answer.from) : granularities[answer.granularity];
  }

  async fetch(answer, since, signal, progress) {
    if (answer.byTotals) await this.totals(answer, since, signal, progress);
    else await this.itemwise(answer, since, signal, progress);
    answer.items.sort((a, b) => a.start - b.start || orderTexts(a.equipment, b.equipment));
  }

  query(answer, from, to) {
    return {
      from: isoOf(from), to: isoOf(to), granularity: answer.granularity, timezone: answer.zone, equipmentId: answer.equipments,
    };
  }

  /** itemwise asks for parts of the window side by side, each page by page. */
  async itemwise(answer, since, signal, progress) {
    const parts = cut(answer, since, callsAtOnce);
    const done = parts.map(() => 0);
    const tell = (i, part) => {
      done[i] = part;
      progress(done.reduce((sum, one) => sum + one, 0) / done.length);
    };
    await inParallel(parts.map(([from, to], i) => async () => {
      const query = { ...this.query(answer, from, to), limit: String(pageSize) };
      for (let cursor; ;) {
        const page = await this.service.getValues("/sensor-data/aggregated", { ...query, cursor }, { signal });
        for (const item of page.items) answer.items.push(itemOf(item, answer));
        cursor = page.nextCursor;
        if (!cursor) return tell(i, 1);
        const last = page.items.at(-1);
        if (last) tell(i, (last.intervalStart * 1000 - from) / (to - from));
      }
    }), callsAtOnce);
  }

  /** totals asks for each step's totals of all equipments by themselves. */
  async totals(answer, since, signal, progress) {
    const bounds = boundaries(answer, since);
    let done = 0;
    await inParallel(bounds.slice(1).map((end, i) => async () => {
      const start = bounds[i];
      const query = { from: isoOf(start), to: isoOf(end), limit: "1" };
      const { totalCount: count, average } = await this.service.getValues("/sensor-data/aggregated", query, { signal });
      if (count > 0) answer.items.push({ equipment: "", start, end, count, average });
      progress(++done / (bounds.length - 1));
    }), totalsAtOnce);
  }

  /**
   * sums asks for the count of the whole window, and its average where that fits into one answer. By hours, the one item that cannot be
   * left out costs the service least.
   */
  async sums(answer, signal) {
    const pages = await Promise.all(cut(answer, answer.from, 1).map(([from, to]) => this.service.getValues("/sensor-data/aggregated",
      { from: isoOf(from), to: isoOf(to), equipmentId: answer.equipments, limit: "1" }, { signal })));
    return {
      count: pages.reduce((sum, page) => sum + page.totalCount, 0), average: pages.length === 1 ? pages[0].average : undefined,
    };
  }

  /** csv asks for all items of an answer as a file, as the service writes it: the parts of one, to be put together. */
  async csv(answer, options) {
    const files = [];
    for (const [from, to] of cut(answer, answer.from, 1)) {
      const file = await this.service.csv("/sensor-data/aggregated", this.query(answer, from, to), options);
      files.push(files.length === 0 ? file : (await file.text()).replace(/^[^\n]*\n/, "")); // one header is enough
    }
    return files;
  }
}

/** orderTexts orders by the codes of characters, as the service does. */
export const orderTexts = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

const questionOf = ({ window, equipments, zone, width }) => ({ window, equipments, zone, width });

function itemOf(item, { length, zone, from, to }) {
  const start = item.intervalStart * 1000;
  return {
    equipment: item.equipmentId, start: Math.max(start, from), end: Math.min(endOf(start, length, zone), to),
    count: item.sampleCount, total: item.totalValue, min: item.minValue, max: item.maxValue,
  };
}

/** averageOf is the average of an item as a text. */
export const averageOf = (item) => item.average ?? divide(item.total, item.count);

/** sumUp is what items come to: their count, and their average unless they are totals. */
function sumUp(items) {
  const total = new Sum();
  let count = 0;
  for (const item of items) {
    count += item.count;
    if (item.total !== undefined) total.add(item.total);
  }
  return { count, average: count > 0 ? divide(total.toString(), count) : "0" };
}

/** extremes are the smallest and the largest value of items, missing where one of them does not know its own. */
export function extremes(items) {
  if (items.length === 0 || items.some((item) => item.min === undefined)) return { min: undefined, max: undefined };
  let { min, max } = items[0];
  for (const item of items) {
    if (Number(item.min) <= Number(min) && compare(item.min, min) < 0) min = item.min;
    if (Number(item.max) >= Number(max) && compare(item.max, max) > 0) max = item.max;
  }
  return { min, max };
}

/** totalsLength is a round length of which not too many make up a window. */
function totalsLength(window) {
  const round = [5 * minute, 15 * minute, 30 * minute, hour, 3 * hour, 6 * hour, 12 * hour];
  return round.find((length) => window / length <= totalsMax) || Math.ceil(window / totalsMax / day) * day;
}

/** boundaries are the times from since to the end of the window at which steps meet, both ends included. */
function boundaries({ to, zone, length }, since) {
  const bounds = [since];
  for (let at = since; at < to;) {
    at = Math.min(meetingAfter(at, length, zone), to);
    bounds.push(at);
  }
  return bounds;
}

/** meetingAfter is the next time after at at which steps of a length meet. Steps of several days begin where the first one does. */
function meetingAfter(at, length, zone) {
  if (length >= day) return floorStep(at + length + 6 * hour, day, zone);
  const next = floorStep(at, length, zone) + length;
  return next > at ? next : at + length; // a clock that was set back
}

/**
 * cut divides the time since a moment into at least so many parts, where that is worth it, each of which fits into one answer. They
 * meet where steps do.
 */
function cut({ from, to, length, zone, equipments, granularity }, since, atLeast) {
  const named = equipments.length;
  const most = named === 0 ? to - from : Math.max(Math.floor(hoursOfAnswer / named) * hour, length);
  const worth = named === 0 && granularity === "1h" ? atLeast : 1;
  const size = Math.max(Math.min(most, (to - since) / worth), length);
  const parts = [];
  for (let at = since; at < to;) {
    const meeting = floorStep(at + size, Math.min(length, day), zone);
    const next = at + size >= to ? to : meeting > at ? meeting : at + length;
    parts.push([at, next]);
    at = next;
  }
  return parts;
}
