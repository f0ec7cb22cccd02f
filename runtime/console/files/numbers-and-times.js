// Writes numbers and times as the language and the zone want them, and calculates with decimals as text.

/** A decimal is a text such as "-12.50"; as parts it is a whole number of 10^-scale. */
function parts(decimal) {
  const [, sign, whole, fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(decimal);
  return { units: BigInt(sign + whole + fraction), scale: fraction.length };
}

function same(a, b) {
  const scale = Math.max(a.scale, b.scale);
  return [a.units * 10n ** BigInt(scale - a.scale), b.units * 10n ** BigInt(scale - b.scale), scale];
}

function written(units, scale) {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, "0");
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, "");
  const text = digits.slice(0, digits.length - scale) + (scale > 0 && fraction ? "." + fraction : "");
  return (units < 0n ? "-" : "") + text;
}

/** compare is negative where a is less than b, zero where they are equal. */
export function compare(a, b) {
  const [x, y] = same(parts(a), parts(b));
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Sum adds decimals up, exactly. */
export class Sum {
  constructor() { this.units = 0n; this.scale = 0; }
  add(decimal) {
    const other = parts(decimal);
    [this.units, other.units, this.scale] = same(this, other);
    this.units += other.units;
  }
  toString() { return written(this.units, this.scale); }
}

/**
 * divide is a decimal over a positive whole number, rounded half to even to 15 significant digits, as the service rounds its
 * averages.
 */
export function divide(decimal, count) {
  let { units, scale } = parts(decimal);
  const by = BigInt(count);
  const size = (units < 0n ? -units : units) / by;
  const digits = size === 0n ? 1 - leadingZeros(units, by) : size.toString().length;
  const more = 15 - digits; // digits to calculate behind those that there are
  const numerator = more > 0 ? units * 10n ** BigInt(more) : units;
  const denominator = more < 0 ? by * 10n ** BigInt(-more) : by;
  scale += more;
  const quotient = halfEven(numerator, denominator);
  return scale >= 0 ? written(quotient, scale) : written(quotient * 10n ** BigInt(-scale), 0);
}

/** leadingZeros is how many zeros follow the point before the first digit of a fraction below one. */
function leadingZeros(units, by) {
  if (units === 0n) return 0;
  let zeros = 0;
  for (let n = (units < 0n ? -units : units) * 10n; n < by; n *= 10n) zeros += 1;
  return zeros + 1;
}

function halfEven(numerator, denominator) {
  const negative = numerator < 0n;
  const n = negative ? -numerator : numerator;
  let quotient = n / denominator;
  const twice = (n % denominator) * 2n;
  if (twice > denominator || (twice === denominator && quotient % 2n === 1n)) quotient += 1n;
  return negative ? -quotient : quotient;
}

/** Format writes for one locale and one zone. */
export class Format {
  constructor(locale, zone) {
    this.locale = locale;
    this.zone = zone;
    this.whole = new Intl.NumberFormat(locale);
    this.point = new Intl.NumberFormat(locale, { minimumFractionDigits: 1 }).formatToParts(0.5).find((part) => part.type === "decimal").value;
    this.kinds = new Map();
  }

  /** count writes a whole number. */
  count(n) { return this.whole.format(n); }

  /** decimal writes a decimal text with all of its digits. */
  decimal(text) {
    const [, sign, whole, fraction] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
    const grouped = this.whole.format(BigInt(whole));
    return (sign ? "−" : "") + grouped + (fraction ? this.point + fraction : "");
  }

  /** average writes a decimal that was divided, without the digits that say nothing: six, or two behind the point of large ones. */
  average(text) {
    const options = { maximumSignificantDigits: 6, maximumFractionDigits: 2, roundingPriority: "morePrecision" };
    return this.kind("average", () => new Intl.NumberFormat(this.locale, options)).format(text).replace("-", "−");
  }

  /** number writes a number of the picture, such as a tick of its axis. */
  number(n, options) {
    return this.kind("number" + JSON.stringify(options), () => new Intl.NumberFormat(this.locale, options)).format(n).replace("-", "−");
  }

  /** moment writes a time of the zone; seconds only where it has any. */
  moment(milliseconds) {
    return this.time(milliseconds, { dateStyle: "medium", timeStyle: milliseconds % 60000 === 0 ? "short" : "medium" });
  }

  /** instant writes a timestamp of the service with all of its digits, down to nanoseconds. */
  instant(text) {
    const fraction = /\.(\d+)/.exec(text)?.[1];
    const parts = this.kind("instant", () => new Intl.DateTimeFormat(this.locale, { dateStyle: "medium", timeStyle: "medium", timeZone: this.zone }))
      .formatToParts(Date.parse(text.replace(/\.\d+/, "")));
    return parts.map(({ type, value }) => type === "second" && fraction ? value + this.point + fraction : value).join("");
  }

  /** clock writes the time of day alone. */
  clock(milliseconds, seconds = false) { return this.time(milliseconds, { timeStyle: seconds ? "medium" : "short" }); }

  /** day writes the date alone. */
  day(milliseconds) { return this.time(milliseconds, { dateStyle: "medium" }); }

  /** time writes a time by options of Intl.DateTimeFormat. */
  time(milliseconds, options) {
    return this.kind("time" + JSON.stringify(options), () => new Intl.DateTimeFormat(this.locale, { ...options, timeZone: this.zone })).format(milliseconds);
  }

  kind(key, make) {
    if (!this.kinds.has(key)) this.kinds.set(key, make());
    return this.kinds.get(key);
  }
}

/** viewerZone is the zone of the browser. */
export const viewerZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

const clocks = new Map();

/** clockOf returns the parts of what the clock of a zone shows: {year, month, day, hour, minute, second}. */
function clockOf(milliseconds, zone) {
  if (!clocks.has(zone)) {
    clocks.set(zone, new Intl.DateTimeFormat("en-US", {
      timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric",
      hour: "numeric", minute: "numeric", second: "numeric",
    }));
  }
  const shown = {};
  for (const { type, value } of clocks.get(zone).formatToParts(milliseconds)) shown[type] = Number(value);
  return shown;
}

/** offset is how far the clock of a zone is ahead of UTC at a time, in milliseconds. */
export function offset(milliseconds, zone) {
  const c = clockOf(milliseconds, zone);
  return Date.UTC(c.year, c.month - 1, c.day, c.hour, c.minute, c.second) - Math.floor(milliseconds / 1000) * 1000;
}

/** toLocal is what the clock of a zone shows, as a text of an input of the type datetime-local. */
export function toLocal(milliseconds, zone) {
  return new Date(milliseconds + offset(milliseconds, zone)).toISOString().slice(0, 16);
}

/**
 * fromLocal is the time when the clock of a zone shows a text such as "2026-03-01T09:30", in milliseconds; NaN for another text.
 * A time that the clock shows twice is the first of the two; one that it leaves out is as far behind the change as it says.
 */
export function fromLocal(text, zone) {
  const shown = Date.parse(text + "Z");
  if (Number.isNaN(shown)) return NaN;
  const day = 86400000;
  const before = shown - offset(shown - day, zone), after = shown - offset(shown + day, zone);
  const shows = (at) => at + offset(at, zone) === shown;
  return shows(before) || !shows(after) ? before : after;
}
