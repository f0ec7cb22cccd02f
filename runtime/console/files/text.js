// Chooses the language. A language's sentences are loaded only when they are needed.

const languages = {
  en: { name: "English", load: () => import("./text-en.js") },
  pt: { name: "Português", locale: "pt-BR", load: () => import("./text-pt.js") },
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
 * loadText returns {code, locale, text}. text(key, values) is the sentence of that key with {name} replaced by values.name.
 * Where values.count is a number, the sentence may differ by it: its key then ends in .one or .other.
 */
export async function loadText(code) {
  if (!languages[code]) code = preferred();
  const { sentences } = await languages[code].load();
  const locale = localeOf(code);
  const plural = new Intl.PluralRules(locale);
  const whole = new Intl.NumberFormat(locale);
  function text(key, values = {}) {
    let sentence = sentences[key];
    if (sentence === undefined && typeof values.count === "number") sentence = sentences[`${key}.${form(plural, values.count)}`];
    if (sentence === undefined) throw new Error("there is no sentence " + key);
    return sentence.replace(/\{(\w+)\}/g, (_, name) => typeof values[name] === "number" ? whole.format(values[name]) : values[name]);
  }
  return { code, locale, text };
}

// Portuguese knows a third form for millions, which reads as the second one does.
const form = (plural, count) => plural.select(count) === "one" ? "one" : "other";

/** localeOf is the locale for numbers and times: the browser's own where it is one of the language, such as en-GB. */
function localeOf(code) {
  const own = (navigator.languages || []).find((one) => one.toLowerCase().split("-")[0] === code);
  return own || languages[code].locale || code;
}
