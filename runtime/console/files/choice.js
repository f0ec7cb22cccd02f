// Lets people choose equipments from those that there are.

import { equipmentName, equipmentsMax } from "./address.js";
import { element, field, note } from "./dom.js";
import { equipmentInput } from "./suggest.js";


/** choice returns {element, show(place)}: the equipments that are looked at, and a search for more. chosen(ids) is called with each change. */
export function choice(app, chosen) {
  const { text } = app;
  let ids = [];
  const { input, list } = equipmentInput(app, { name: null, placeholder: text("choice.placeholder"), onkeydown: pressed });
  input.addEventListener("input", picked);
  const chips = element("ul", { class: "chips", "aria-label": text("choice.chosen") });
  const line = note();

  /** picked takes a choice from the list, which is told as such, or as an event that names no key. EQ-1 that is being typed may become EQ-12. */
  function picked(event) {
    if (event.inputType === undefined || event.inputType === "insertReplacementText") add(input.value);
  }

  function pressed(event) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    add(input.value.trim());
  }

  function add(name) {
    if (!name) return;
    if (!equipmentName.test(name)) return line.say(text("choice.notAName"), "bad");
    if (ids.length >= equipmentsMax && !ids.includes(name)) return line.say(text("choice.full", { count: equipmentsMax }), "bad");
    input.value = "";
    list.replaceChildren();
    line.say("");
    chosen([...new Set([...ids, name])]);
  }

  function remove(name) {
    const at = ids.indexOf(name);
    chosen(ids.filter((one) => one !== name));
    (chips.querySelectorAll("button")[Math.min(at, chips.childElementCount - 1)] || input).focus();
  }

  const chip = (name) => element("li", {}, element("span", {}, name),
    element("button", { type: "button", class: "remove", "aria-label": text("choice.remove", { name }), onclick: () => remove(name) }, "×"));

  return {
    element: element("div", { class: "choice" }, field(text("choice.label"), input), list, chips, line.element),
    show({ equipments }) {
      if (equipments.join() !== ids.join()) line.say("");
      ids = equipments;
      chips.replaceChildren(...(ids.length > 0 ? ids.map(chip) : [element("li", { class: "all" }, text("choice.all"))]));
    },
  };
}
