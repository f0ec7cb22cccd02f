// A field for the id of an equipment, which suggests those that there are.

import { element, id } from "./dom.js";

const shown = "20";
const pauseMilliseconds = 200;

/** equipmentInput returns {input, list}: a field and the list of its suggestions, which stands beside it. */
export function equipmentInput(app, attributes = {}) {
  const list = element("datalist", { id: id("equipments") });
  const input = element("input", {
    name: "equipmentId", autocapitalize: "none", autocomplete: "off", spellcheck: "false", maxlength: 128, list: list.id, ...attributes,
    oninput: () => { clearTimeout(timer); timer = setTimeout(suggest, pauseMilliseconds); }, onfocus: () => { if (!list.firstChild) suggest(); },
  });
  let timer = 0, asked = 0;

  // Suggestions are a help: where they cannot be had, the field works without, and nobody is asked for a password.
  async function suggest() {
    const number = ++asked;
    const prefix = input.value.trim();
    try {
      const page = await app.service.background.get("/equipment", { prefix, limit: shown });
      if (number === asked) list.replaceChildren(...page.items.map((one) => element("option", { value: one.equipmentId })));
    } catch {
      list.replaceChildren();
    }
  }
  return { input, list };
}
