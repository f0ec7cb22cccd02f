// Lets people choose equipments from those that there are.

import { element, field, id, note } from "./dom.js";

export const equipmentsMax = 10;
const waitMilliseconds = 150, offered = 20;

/** choice returns {element, show(place)}: the equipments that are looked at, and a search for more. chosen(ids) is called with each change. */
export function choice(app, chosen) {
  const { text } = app;
  let ids = [], waiting = 0, asked = 0;
  const list = element("datalist", { id: id("equipments") });
  const input = element("input", {
    type: "text", list: list.id, maxlength: 128, autocapitalize: "none", autocomplete: "off", spellcheck: "false",
    placeholder: text("choice.placeholder"), oninput: typed, onfocus: () => offer(input.value), onkeydown: pressed,
  });
  const chips = element("ul", { class: "chips", "aria-label": text("choice.chosen") });
  const line = note();

  function typed(event) {
    clearTimeout(waiting);
    // A choice from the list is told as such, or as an event that names no key. EQ-1 that is being typed may become EQ-12.
    const picked = event.inputType === undefined || event.inputType === "insertReplacementText";
    if (picked && input.value) add(input.value);
    else waiting = setTimeout(() => offer(input.value), waitMilliseconds);
  }

  function pressed(event) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    add(input.value.trim());
  }

  async function offer(prefix) {
    const mine = ++asked;
    try {
      const page = await app.service.get("/equipment", { prefix: prefix.trim(), limit: String(offered) });
      if (mine !== asked) return; // another was asked for meanwhile
      list.replaceChildren(...page.items.filter((item) => !ids.includes(item.equipmentId))
        .map((item) => element("option", { value: item.equipmentId })));
      line.say(page.items.length === 0 && prefix.trim() ? text("choice.none", { prefix: prefix.trim() }) : "");
    } catch (error) {
      if (mine === asked) line.say(app.faultText(error), "bad");
    }
  }

  function add(name) {
    if (!name) return;
    if (!/^[A-Za-z0-9._:-]{1,128}$/.test(name)) return line.say(text("choice.notAName"), "bad");
    if (ids.length >= equipmentsMax && !ids.includes(name)) return line.say(text("choice.full", { count: equipmentsMax }), "bad");
    clearTimeout(waiting);
    input.value = "";
    list.replaceChildren();
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
