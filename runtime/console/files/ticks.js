// Finds round values and times for the axes of a picture.

import { day, floorStep, hour, minute } from "./aggregates.js";
import { fromLocal, toLocal } from "./numbers-and-times.js";

/**
 * valueTicks are round values, about so many, that enclose low and high: {ticks, low, high, digits}, digits being how many stand behind
 * the point.
 */
export function valueTicks(low, high, about) {
  if (low === high) {
    const room = Math.abs(low) / 10 || 1;
    low -= room;
    high += room;
  }
  const rough = (high - low) / about;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * size).find((one) => one >= rough * 0.999);
  const first = Math.floor(low / step), last = Math.ceil(high / step);
  const ticks = [];
  for (let n = first; n <= last; n++) ticks.push(n * step);
  const digits = Math.min(20, Math.max(0, -Math.floor(Math.log10(step)) + (step / size === 2.5 ? 1 : 0)));
  return { ticks, low: first * step, high: last * step, digits };
}

const steps = [5 * minute, 10 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 14 * day];

/**
 * timeTicks are round times of a zone between from and to, at most so many: {at, kind}, kind being "clock" within a day, "day" where
 * one begins, and "month" where only months are marked.
 */
export function timeTicks(from, to, most, zone) {
  const step = steps.find((one) => (to - from) / one <= most);
  if (step === undefined) return monthTicks(from, to, most, zone);
  const ticks = [];
  for (let midnight = floorStep(from, day, zone); midnight < to; midnight = floorStep(midnight + 30 * hour, day, zone)) {
    const date = toLocal(midnight, zone).slice(0, 10);
    if (step >= day && (Date.parse(date) / day + 3) % (step / day) !== 0) continue; // weeks begin on Mondays
    ticks.push({ at: midnight, kind: "day" });
    for (let clock = step; clock < day; clock += step) {
      ticks.push({ at: fromLocal(`${date}T${new Date(clock).toISOString().slice(11, 16)}`, zone), kind: "clock" });
    }
  }
  return ticks.filter(({ at }, i) => at >= from && at <= to && (i === 0 || at > ticks[i - 1].at));
}

function monthTicks(from, to, most, zone) {
  const every = [1, 2, 3, 6].find((n) => (to - from) / (30 * day * n) <= most) || 12;
  const ticks = [];
  let [year, month] = toLocal(from, zone).split("-").map(Number);
  for (;; month++) {
    if (month > 12) [year, month] = [year + 1, 1];
    const at = fromLocal(`${year}-${String(month).padStart(2, "0")}-01T00:00`, zone);
    if (at > to) return ticks;
    if (at >= from && (month - 1) % every === 0) ticks.push({ at, kind: "month" });
  }
}
