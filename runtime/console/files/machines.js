// Shows programs how to reach this deployment, which region answers, and how its parts are.

import { element, id, note, say } from "./dom.js";
import { examples } from "./examples.js";
import { Fault } from "./service.js";

const lookMilliseconds = 15000;
/** The parts that have a name for people. */
const partNames = ["tables", "bucket", "keys", "shutdown"];

export function machines(app) {
  const { text } = app;
  const line = note();
  const code = element("div");
  const health = healthPanel(app);
  let asked = false;

  /** show asks once for the addresses, which the service's own description holds. */
  async function show() {
    if (asked) return;
    asked = true;
    try {
      const description = await app.service.get("/openapi.json");
      const api = new URL(description.servers[0].url, location.origin).href.replace(/\/$/, "");
      const tokenUrl = description.components.securitySchemes.machine?.flows.clientCredentials.tokenUrl;
      code.replaceChildren(...tokenUrl ? programs(app, api, tokenUrl) : [element("p", {}, text("machines.none"))]);
      line.say("");
    } catch (error) {
      asked = false;
      line.say(app.faultText(error), "bad");
    }
  }

  return {
    element: element("div", {}, element("h1", {}, text("view.machines")),
      element("section", { class: "panel", "aria-labelledby": "first-batch" }, element("h2", { id: "first-batch" }, text("machines.first")),
        element("p", {}, text("machines.lead")), line.element, code),
      health.element),
    open() { show(); health.open(); },
    close: health.close,
  };
}

/** programs are the addresses, and tabs with a program in each language. */
function programs(app, api, tokenUrl) {
  const { text } = app;
  const now = Math.floor(Date.now() / 60000) * 60000;
  const readings = [1, 0].map((back) => ({
    equipmentId: "EQ-FIRST", timestamp: new Date(now - back * 60000).toISOString().replace(".000Z", "Z"), value: 21.5 + back,
  }));
  const all = examples({ tokenUrl, api, readings });
  const panels = all.map(({ name, code }) => panel(app, name, code));
  const tabs = all.map(({ name }, at) => element("button", {
    type: "button", role: "tab", id: id("tab"), "aria-controls": panels[at].id, onclick: () => choose(at), onkeydown: (event) => move(event, at),
  }, name));
  panels.forEach((one, at) => one.setAttribute("aria-labelledby", tabs[at].id));

  function choose(at) {
    tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(i === at));
      tab.setAttribute("tabindex", i === at ? "0" : "-1");
      panels[i].hidden = i !== at;
    });
  }

  function move(event, at) {
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = (to + all.length) % all.length;
    choose(next);
    tabs[next].focus();
  }

  choose(0);
  return [
    element("dl", { class: "facts" }, element("dt", {}, text("machines.api")), element("dd", {}, element("code", {}, api)),
      element("dt", {}, text("machines.tokens")), element("dd", {}, element("code", {}, tokenUrl))),
    element("div", { role: "tablist", class: "tabs", "aria-label": text("machines.languages") }, tabs), ...panels,
  ];
}

function panel(app, name, code) {
  const { text } = app;
  const said = element("span", { role: "status", class: "hint" });
  const copy = async () => {
    await navigator.clipboard.writeText(code).then(() => say(said, text("machines.copied")),
      () => say(said, text("machines.notCopied")));
    setTimeout(() => { said.textContent = ""; }, 4000);
  };
  return element("div", { role: "tabpanel", id: id("program"), "data-language": name },
    element("pre", { tabindex: "0" }, element("code", {}, code)),
    element("div", { class: "actions" }, element("button", { type: "button", class: "plain small", onclick: copy }, text("machines.copy")), said));
}

/** healthPanel shows what the service says of itself, and asks again while it is looked at. */
function healthPanel(app) {
  const { text } = app;
  const facts = element("dl", { class: "facts" });
  const said = element("p", { class: "hint" });
  let timer = 0, open = false;

  async function look() {
    clearTimeout(timer);
    try {
      show(await readiness(app.service));
    } catch (error) {
      facts.replaceChildren();
      say(said, app.faultText(error));
    }
    if (open) timer = setTimeout(look, lookMilliseconds);
  }

  function show({ status, parts = {} }) {
    const row = (name, state) => [element("dt", {}, name), element("dd", { class: "status " + state }, text("health." + state))];
    const known = Object.entries(parts).map(([name, state]) => row(partNames.includes(name) ? text("health.part." + name) : name, state));
    facts.replaceChildren(element("dt", {}, text("health.region")), element("dd", {}, app.region || text("health.unnamed")),
      ...row(text("health.whole"), status), ...known.flat());
    const at = Date.now();
    say(said, text("health.at", { time: () => app.format.clock(at, true), zone: () => app.zone }));
  }

  return {
    element: element("section", { class: "panel", "aria-labelledby": "health" }, element("h2", { id: "health" }, text("health.title")), facts, said),
    open() { open = true; look(); },
    close() { open = false; clearTimeout(timer); },
  };
}

/** readiness is what /readyz says, also where it says with 503 that the service is not ready. */
async function readiness(service) {
  try {
    return await service.get("/readyz", {}, { attempts: 1 });
  } catch (error) {
    if (error instanceof Fault && error.body.parts) return error.body;
    throw error;
  }
}
