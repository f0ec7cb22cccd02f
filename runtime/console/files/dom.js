// Makes elements. Everything is built with DOM calls, so that nothing from the service is ever read as HTML.
// Texts that can be said again are kept, each with the place where it stands.

import { Said } from "./text.js";

/**
 * element makes one element. A value of true sets an attribute that needs no value; false, null and undefined leave one out;
 * a function listens to the event that follows "on". Children that are null or undefined are left out.
 */
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** shape makes an element of a picture (SVG). */
export function shape(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(node, attributes, children) {
  set(node, attributes);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined).flatMap(shown));
  return node;
}

/** What says something, by its attributes, "" standing for the content of a text. What is shown no more is forgotten with its node. */
const spoken = new WeakMap();
const speakers = new Set(); // weak references to the nodes
const forgotten = new FinalizationRegistry((reference) => speakers.delete(reference));

function keep(node, place, said) {
  if (!spoken.has(node)) {
    const reference = new WeakRef(node);
    spoken.set(node, {});
    speakers.add(reference);
    forgotten.register(node, reference);
  }
  spoken.get(node)[place] = said;
}

/** shown is what stands for a child in the document: a text that can be said again has its detail beside it. */
function shown(child) {
  if (!(child instanceof Said)) return [child];
  const node = document.createTextNode(child);
  keep(node, "", child);
  return child.detail ? [node, element("span", { class: "detail", lang: "en" }, new Said(child.detail))] : [node];
}

/** say lets an element hold a text and nothing else. */
export function say(node, text) {
  node.replaceChildren(...(text === "" ? [] : shown(text)));
  return node;
}

/** sayAgain says everything that is shown once more. Nothing else changes: neither what was typed nor where the focus is. */
export function sayAgain() {
  for (const reference of speakers) {
    const node = reference.deref();
    if (!node) continue;
    for (const [place, said] of Object.entries(spoken.get(node))) {
      const text = said.write();
      if (place) node.setAttribute(place, text);
      else if (node.data !== text) node.data = text;
    }
  }
}

/** set changes attributes of an element, as element does. */
export function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value instanceof Said) keep(node, name, value);
    else delete spoken.get(node)?.[name];
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value === false || value === null || value === undefined) node.removeAttribute(name);
    else node.setAttribute(name, value);
  }
  return node;
}

let made = 0;

/** id returns an id that no other element has. */
export function id(name) {
  made += 1;
  return `${name}-${made}`;
}

/**
 * field is a label with its control. hint is text that describes it further. The control's id is made where it has none.
 */
export function field(label, control, hint) {
  if (!control.id) control.id = id("field");
  const parts = [element("label", { for: control.id }, label), control];
  if (hint) {
    const text = element("p", { class: "hint", id: control.id + "-hint" }, hint);
    control.setAttribute("aria-describedby", text.id);
    parts.push(text);
  }
  return element("div", { class: "field" }, parts);
}

/** note is a line that tells people how something went; say writes into it, with
 * what the service says of it below, kind being "", "good", "bad" or "busy". */
export function note(attributes = {}) {
  const node = element("p", { class: "note", role: "status", ...attributes });
  return {
    element: node,
    say(text, kind = "") {
      node.className = "note " + kind;
      say(node, text);
    },
  };
}

/** whileBusy makes a button do nothing until work is done, so that nothing is sent twice. The button keeps the focus. */
export async function whileBusy(button, work) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

/** save hands a file to the person. parts are what a Blob takes. */
export function save(name, media, parts) {
  const address = URL.createObjectURL(new Blob(parts, { type: media }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000); // the browser has begun to read it by then
}
