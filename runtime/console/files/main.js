// Starts the console: knows the views, shows the one that the address names, and holds the frame around it.

import { Address } from "./address.js";
import { element, say, sayAgain, set } from "./dom.js";
import { Format, viewerZone } from "./numbers-and-times.js";
import { Fault, Service } from "./service.js";
import { renew, signIn, signOut, whoIs } from "./session.js";
import { languageNames, loadLanguage, Said, Speech } from "./text.js";

/** The views by their names in the address, the first one first. needs is a scope without which a view is not offered. */
const views = {
  overview: { load: () => import("./overview.js").then((module) => module.overview) },
  equipment: { load: () => import("./equipment.js").then((module) => module.equipment) },
  send: { load: () => import("./send.js").then((module) => module.send), needs: "sensor-flow/write" },
  uploads: { load: () => import("./uploads.js").then((module) => module.uploads), needs: "sensor-flow/write" },
  deletion: { load: () => import("./deletion.js").then((module) => module.deletion), needs: "sensor-flow/admin" },
  machines: { load: () => import("./machines.js").then((module) => module.machines) },
};
const first = Object.keys(views)[0];

/** The kinds of errors that the service answers, as it names them. */
const problems = [
  "malformed", "invalid", "unauthenticated", "forbidden", "not-found", "method-not-allowed", "slow-body", "conflict", "too-large",
  "unsupported-media-type", "headers-too-large", "too-many-requests", "internal", "unavailable",
];

/** Console is what views are given. */
class Console {
  constructor(root) {
    this.root = root;
    this.region = "";
    this.open = new Map(); // views by their names
    const speech = new Speech();
    this.speech = speech;
    this.text = (key, values) => speech.say(key, values);
    this.service = new Service({ renew: () => renew(this), answered: (region) => this.answeredBy(region), ended: (has) => this.sessionEnded(has) });
    this.address = new Address((place, before) => this.follow(place, before));
  }

  async start() {
    await this.speak();
    this.user = await whoIs(this) || await signIn(this, this.root);
    this.frame();
    this.address.go({ zone: this.zone }, { replace: true }); // a link shows the same to somebody in another zone
  }

  /** speak takes the language and the zone that the address names, or the browser's, and says in it what is shown already. */
  async speak() {
    const wanted = this.address.place.language;
    const language = await loadLanguage(wanted);
    if (this.address.place.language !== wanted) return; // another one was chosen meanwhile
    this.speech.take(language);
    Object.assign(this, { language: language.code, locale: language.locale });
    document.documentElement.lang = this.locale;
    this.tell(this.address.place.zone);
  }

  /** tell tells times of a zone from now on. Views take format anew each time that they write something. */
  tell(zone) {
    this.zone = zone || viewerZone();
    this.format = new Format(this.locale, this.zone);
    this.zones?.replaceChildren(...this.zoneOptions());
    sayAgain();
    if (this.languages) this.languages.value = this.language; // one may have gone back to it
  }

  /** frame makes what stands around the views. */
  frame() {
    const { text } = this;
    this.main = element("main", { id: "main", tabindex: "-1" });
    this.tabs = Object.keys(views).filter((name) => this.may(name)).map((name) => element("a", { "data-view": name, onclick: (event) => this.tabClicked(event, name) }, text("view." + name)));
    this.regionLine = element("p", { class: "region" });
    this.ended = element("div", { class: "ended", role: "status" });
    this.root.replaceChildren(
      element("a", { class: "skip", href: "#main", onclick: (event) => { event.preventDefault(); this.main.focus(); } }, text("frame.skip")),
      element("header", { class: "top" },
        element("p", { class: "brand" }, element("img", { src: "/assets/icon.svg", alt: "", width: 28, height: 28 }), "SensorFlow"),
        element("nav", { "aria-label": text("frame.views") }, element("ul", {}, this.tabs.map((tab) => element("li", {}, tab)))),
        element("div", { class: "who" }, this.zoneChooser(), this.languageChooser(), this.person())),
      this.ended, this.main,
      element("footer", {}, this.regionLine, element("p", {}, element("a", { href: "/docs" }, text("frame.documentation")), " ",
        element("a", { href: "/openapi.json" }, "OpenAPI"))));
    this.answeredBy(this.region);
  }

  person() {
    const trouble = element("span", { role: "alert" });
    const leave = () => signOut(this).catch((error) => { say(trouble, this.faultText(error)); });
    return element("div", { class: "person" }, element("span", { class: "name" }, this.user.email || this.user.username),
      element("button", { type: "button", class: "plain", onclick: leave }, this.text("session.signOut")), trouble);
  }

  /** sessionEnded tells that the session has ended, or that there is one again. To sign in is the person's own choice. */
  sessionEnded(has) {
    const { ended, main, service } = this;
    if (!ended || has === ended.hasChildNodes()) return;
    const focused = ended.contains(document.activeElement);
    const again = () => service.signInAgain().then(() => this.show(this.address.place), () => {}); // whoever gives up is told so here
    ended.replaceChildren(...has ? [element("p", {}, this.text("session.endedUnasked")),
      element("button", { type: "button", onclick: again }, this.text("session.signIn"))] : []);
    if (focused) main.focus();
  }

  zoneChooser() {
    this.zones = element("select", { "aria-label": this.text("frame.zone"), onchange: () => this.address.go({ zone: this.zones.value }) },
      this.zoneOptions());
    return this.zones;
  }

  zoneOptions() {
    const own = viewerZone();
    const label = (zone) => zone === own && zone !== "UTC" ? this.text("frame.ownZone", { zone }) : zone;
    return [...new Set([own, "UTC", this.zone])]
      .map((zone) => element("option", { value: zone, selected: zone === this.zone }, label(zone)));
  }

  languageChooser() {
    this.languages = element("select", { "aria-label": this.text("frame.language"), onchange: () => this.address.go({ language: this.languages.value }) },
      Object.entries(languageNames).map(([code, name]) => element("option", { value: code, lang: code, selected: code === this.language }, name)));
    return this.languages;
  }

  tabClicked(event, name) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // another window
    event.preventDefault();
    this.address.go({ view: name });
  }

  /** follow shows what the address says after it has changed. */
  async follow(place, before) {
    if (!this.user) return;
    if (place.language !== before.language) await this.speak();
    else if (place.zone !== before.zone) this.tell(place.zone);
    await this.show(this.address.place);
  }

  /** show opens the view that a place names, in the same state in which it was left. */
  async show(place) {
    const name = views[place.view] ? place.view : first;
    const changed = this.shown?.name !== name;
    if (changed) {
      const view = this.open.get(name) || (this.may(name) ? (await views[name].load())(this) : this.refusal(name));
      if (this.address.place !== place) return; // somebody has gone on while it was loaded
      this.open.set(name, view);
      const before = this.shown;
      before?.view.close();
      this.shown = { name, view };
      this.main.replaceChildren(view.element);
      if (before) this.focusTitle();
    }
    this.mark(name);
    this.shown.view.open(place);
  }

  /** may tells whether the person has the right that a view needs. */
  may(name) {
    const { needs } = views[name];
    return !needs || this.user.scopes.includes(needs);
  }

  /** refusal stands in place of a view for those who come by its address and have not the right to it. */
  refusal(name) {
    return {
      element: element("div", {}, element("h1", {}, this.text("view." + name)),
        element("p", { class: "panel", role: "alert" }, this.text("frame.noRight", { right: views[name].needs }))),
      open() {},
      close() {},
    };
  }

  /** focusTitle lets a screen reader begin at the title of the view that has come, and the next Tab lead into it. */
  focusTitle() {
    const title = this.main.querySelector("h1");
    title?.setAttribute("tabindex", "-1");
    title?.focus();
  }

  mark(name) {
    document.title = `${this.text("view." + name)} · SensorFlow`;
    for (const tab of this.tabs) {
      set(tab, { href: this.address.link({ view: tab.dataset.view, own: {} }), "aria-current": tab.dataset.view === name ? "page" : null });
    }
  }

  answeredBy(region) {
    if (!region) return;
    this.region = region;
    if (this.regionLine) say(this.regionLine, this.text("frame.region", { region }));
  }

  /**
   * faultText is an error as a sentence for people. The service's own sentences are in English: those who read another language have them
   * translated, or are told of which kind the error is, and the service's sentence is the detail of that.
   */
  faultText(error) {
    if (!(error instanceof Fault)) return this.text("fault.console", { reason: error.message });
    if (error.body.own) return error.body.own();
    if (error.status === 0) return this.text("fault.unreachable");
    const request = () => error.status >= 500 && error.requestId ? ` (${this.text("fault.request", { id: error.requestId })})` : "";
    const own = () => this.language === "en" ? error.message : this.faultTold(error);
    return new Said(() => (own() || this.kindOf(error)) + request(), () => this.language === "en" ? "" : error.message);
  }

  /** faultTold is what the service says of an error in the language, of each field that is wrong; empty where the language does not know it. */
  faultTold({ message, errors }) {
    const said = errors.length > 0 ? errors.map(({ field, reason }) => `${field} ${reason}`).join("; ") : message.replace(/\.$/, "");
    const told = this.speech.told(errors.length > 0 ? said : said.slice(0, 1).toLowerCase() + said.slice(1));
    return told && told[0].toUpperCase() + told.slice(1) + ".";
  }

  /** kindOf says of which kind an error is, which the service names in an address that explains it. */
  kindOf({ body: { type = "" } }) {
    const name = /#problem-([a-z-]+)$/.exec(type)?.[1];
    return problems.includes(name) ? this.text("problem." + name) : this.text("fault.unexpected");
  }
}

const root = document.getElementById("console");
const app = new Console(root);
app.start().catch((error) => {
  root.replaceChildren(element("main", { class: "sign-in" }, element("h1", {}, "SensorFlow"),
    element("p", { role: "alert" }, app.locale ? app.faultText(error) : String(error)),
    element("button", { type: "button", onclick: () => location.reload() }, app.locale ? app.text("frame.again") : "Try again")));
});
