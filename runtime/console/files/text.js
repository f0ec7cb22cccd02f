// Chooses the language. A language's sentences are loaded only when they are needed.

import { Translation } from "./translation.js";

const languages = {
  en: { name: "English", load: () => import("./text-en.js") },
  pt: { name: "Português", locale: "pt-BR", load: () => import("./text-pt.js"), service: () => import("./service-pt.js") },
};

/** Names of the languages by their codes, each in its own words. */
export const languageNames = Object.fromEntries(Object.entries(languages).map(([code, { name }]) => [code, name]));

/** preferred is the language that the browser asks for, or English. */
export function preferred(wanted = navigator.languages || [navigator.language]) {
  for (const one of wanted) {
    const code = one.toLowerCase().split("-")[0];
    if (languages[code]) return code;
  }
  return "en";
}

/**
 * Said is a text that can be said again: in another language, another zone. It is used as any text is; element, set and say of dom.js keep
 * it, so that what is shown changes in place. write makes the text. detail, where there is one, makes what the
 * service itself says of it, in English; it stands below.
 */
export class Said extends String {
  constructor(write, detail) {
    super(write());
    this.write = write;
    this.detail = detail;
  }
}

/** Speech says the sentences of the language that it was given last. */
export class Speech {
  /** take goes on in a language, as loadLanguage returns it. */
  take({ locale, sentences, translation }) {
    this.sentences = sentences;
    this.translation = translation;
    this.plural = new Intl.PluralRules(locale);
    this.whole = new Intl.NumberFormat(locale);
  }

  /**
   * say is the sentence of a key, with {name} replaced by values.name: a number, a text, or a function that returns one. Where values.count
   * is a number, the sentence may differ by it: its key then ends in .one or .other.
   */
  say(key, values = {}) {
    return new Said(() => this.write(key, values), Object.values(values).find((value) => value?.detail)?.detail);
  }

  write(key, values) {
    let sentence = this.sentences[key];
    if (sentence === undefined && typeof values.count === "number") sentence = this.sentences[`${key}.${this.form(values.count)}`];
    if (sentence === undefined) throw new Error("there is no sentence " + key);
    return sentence.replace(/\{(\w+)\}/g, (_, name) => this.value(values[name]));
  }

  value(value) {
    if (typeof value === "number") return this.whole.format(value);
    if (typeof value === "function") return value();
    return value instanceof Said ? value.write() : value;
  }

  /** told is a sentence of the service in the language, and empty where the language does not know it. */
  told(sentence) { return this.translation ? this.translation.of(sentence) : sentence; }

  /** form is the ending of a key. Portuguese knows a third form for millions, which reads as the second one does. */
  form(count) { return this.plural.select(count) === "one" ? "one" : "other"; }
}

/**
 * loadLanguage returns {code, locale, sentences, translation} of a language, or of the browser's where there is none of that code.
 * translation is of what the service says, null for the service's own language.
 */
export async function loadLanguage(code) {
  if (!languages[code]) code = preferred();
  const { load, service } = languages[code];
  const [{ sentences }, table] = await Promise.all([load(), service?.()]);
  return { code, locale: localeOf(code), sentences, translation: table ? new Translation(table) : null };
}

/** localeOf is the locale for numbers and times: the browser's own where it is one of the language, such as en-GB. */
function localeOf(code) {
  const own = (navigator.languages || []).find((one) => one.toLowerCase().split("-")[0] === code);
  return own || languages[code].locale || code;
}
