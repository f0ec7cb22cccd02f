// Says why the service refuses a file or a row of it. The service says so in English.

import { element, say, set } from "./dom.js";
import { Said } from "./text.js";

/** The fields that the service names in what is wrong with a row. */
const fieldsOfRow = ["equipmentId", "timestamp", "value"];

const own = (app) => app.language === "en";

/**
 * tell fills an element with a sentence of the service as the language says it, the service's own being its title. Where the language does
 * not know it, a general sentence stands there, with the service's below it.
 */
function tell(app, node, sentence, general, translated = sentence) {
  const told = () => own(app) ? sentence : app.speech.told(translated);
  set(node, { title: new Said(() => own(app) ? "" : sentence) });
  return say(node, new Said(() => told() || general.write(), () => told() ? "" : sentence));
}

/** fileReason fills an element with why an upload has failed. */
export const fileReason = (app, node, reason) => tell(app, node, reason, app.text("uploads.seeReason"));

/** reasonOf is the same within a sentence; the service's own stands below that. */
export function reasonOf(app, { reason = "" }) {
  const general = app.text("uploads.seeReason");
  return new Said(() => app.speech.told(reason) || general.write(), () => own(app) ? "" : reason);
}

/**
 * rowReasons are what is wrong with a row of a preview, an element each. What a refused file looks like is said beside the button that
 * takes it over.
 */
export const rowReasons = (app, errors) => errors.map(({ field, reason }) => {
  const sentence = field === "file" ? reason.split("; it looks like")[0] : reason;
  const general = fieldsOfRow.includes(field) ? app.text("preview.wrong." + field) : app.text("preview.wrong.row");
  return tell(app, element("p"), sentence, general, subjectOf(field, sentence) + sentence);
});

/** subjectOf begins a sentence that the service says without it: of a row it says "must be UTF-8", and "a quoted field is not closed". */
function subjectOf(field, sentence) {
  if (field === "row") return sentence.startsWith("must ") ? "the row " : "";
  return fieldsOfRow.includes(field) ? field + " " : "";
}

/** rejectCell says why a row was refused. */
export const rejectCell = (app, reason) => tell(app, element("td"), reason, app.text("preview.wrong.row"));
