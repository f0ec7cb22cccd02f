// Translates what the service says, which is in English: sentences of a table, with values of the moment in them.

/** Text in quotes is the client's, and is never taken apart. */
const quoted = `"(?:[^"\\\\]|\\\\.)*"`;
const value = `((?:${quoted}|[^"])*?)`;
/** One of a list, with which a part of a sentence may begin. */
const single = `((?:${quoted}|[^",]|,(?! ))*?)`;
const plain = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** The marks between the values of a list with how they are said. */
const marks = { ", ": ", ", " and ": " e ", " or ": " ou " };

/**
 * Translation knows tables of sentences and of what stands within them, {} being a value, and the names with which sentences about a field
 * begin.
 */
export class Translation {
  constructor({ sentences, fragments, subjects }) {
    this.subjects = subjects;
    this.sentences = templatesOf(sentences, value);
    this.all = [...this.sentences, ...templatesOf(fragments, single)].sort((a, b) => b.length - a.length);
    this.known = new Map();
  }

  /** of is a sentence in the other language, or empty where a part of it is not in the table. */
  of(sentence) {
    if (!this.known.has(sentence)) this.known.set(sentence, cut(sentence, "; ").map((part) => this.part(part)));
    const parts = this.known.get(sentence);
    return parts.includes("") ? "" : parts.join("; ");
  }

  /** part is what stands between two semicolons: a sentence of the table, which may follow the name of a field. */
  part(text) {
    const whole = this.templated(text);
    if (whole) return whole;
    const [, subject, rule] = /^(the row|[a-zA-Z][\w.[\]]*) (.*)$/s.exec(text) || [];
    const told = rule && this.templated(rule);
    if (told) return `${this.subjects[subject] || subject} ${told}`;
    const at = text.lastIndexOf(", ");
    const [first, last] = at < 0 ? [] : [this.templated(text.slice(0, at)), this.templated(text.slice(at + 2), this.all)];
    return first && last ? `${first}, ${last}` : "";
  }

  templated(text, templates = this.sentences) {
    for (const { pattern, to } of templates) {
      const found = pattern.exec(text);
      if (found) return to.reduce((said, piece, i) => said + this.value(found[i]) + piece);
    }
    return "";
  }

  /** value is what is put into a sentence: another one, a list of such, or something of the client's, which stays as it is. */
  value(text) {
    const whole = this.templated(text, this.all);
    if (whole || text === "") return whole;
    const cuts = places(text, new RegExp(Object.keys(marks).join("|"), "y"));
    for (const { at, mark } of cuts.toReversed()) {
      const first = this.templated(text.slice(0, at), this.all);
      if (first) return first + marks[mark] + this.value(text.slice(at + mark.length));
    }
    const [{ at, mark } = { at: text.length, mark: "" }] = cuts;
    return text.slice(0, at) + (marks[mark] || "") + this.value(text.slice(at + mark.length));
  }
}

/** templatesOf makes patterns of a table, beginning being the pattern of a value that is the first. Of two that fit, the longer one is meant. */
function templatesOf(table, beginning) {
  return Object.entries(table).map(([from, to]) => {
    const [first, ...more] = from.split("{}").map(plain);
    const pattern = [first, ...more].join(value).replace(value, () => first ? value : beginning);
    return { length: from.length, pattern: new RegExp(`^${pattern}$`, "s"), to: to.split("{}") };
  }).sort((a, b) => b.length - a.length);
}

/** places are where a mark stands outside of quotes. */
function places(text, mark) {
  const found = [], skip = new RegExp(quoted, "y");
  for (let at = 0; at < text.length;) {
    mark.lastIndex = skip.lastIndex = at;
    const [inQuotes] = skip.exec(text) || [""], [here] = mark.exec(text) || [""];
    if (here) found.push({ at, mark: here });
    at += (inQuotes || here || text[at]).length;
  }
  return found;
}

function cut(text, mark) {
  let from = 0;
  const parts = places(text, new RegExp(mark, "y")).map(({ at }) => {
    const part = text.slice(from, at);
    from = at + mark.length;
    return part;
  });
  return [...parts, text.slice(from)];
}
