// Signs people in and out, and asks for the password again when a session has ended.

import { element, field, note, whileBusy } from "./dom.js";
import { Fault } from "./service.js";

function basic(username, password) {
  const bytes = new TextEncoder().encode(username + ":" + password);
  return "Basic " + btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

async function signInAs(app, username, password) {
  await app.service.call("POST", "/auth/login", { headers: { Authorization: basic(username, password) }, renew: false });
  return who(app);
}

// The id of the person who has signed in here, for the next visit and for other windows: the cookie, which they share, cannot be seen from
// here. It is empty where the session has ended by itself, and not there where somebody has signed out.
const signedInKey = "sensorflow.signed-in";
/** The person for whom this window shows what it shows. */
let shownTo = "";

async function who(app) {
  const user = await app.service.get("/auth/me", {}, { renew: false });
  localStorage.setItem(signedInKey, user.sub);
  shownTo ||= user.sub;
  return user;
}

/** whoIs is the person whose session has not ended, or null. Where nobody has signed in, the service is not asked. */
export async function whoIs(app) {
  if (!localStorage.getItem(signedInKey)) return null;
  return who(app).catch((error) => {
    if (error.status !== 401) throw error;
    localStorage.setItem(signedInKey, ""); // to take it away would be to sign out, in other windows as well
    return null;
  });
}

/** form asks for name and password, and gives the person who has signed in to done. */
function form(app, { username = "", note: beginning = "", done, cancel }) {
  const { text } = app;
  const name = element("input", { name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: "false", value: username });
  const password = element("input", { name: "password", type: "password", autocomplete: "current-password" });
  const line = note({ role: "alert" });
  const button = element("button", { type: "submit" }, text("session.signIn"));
  line.say(beginning);
  const submit = async () => {
    if (!name.value.trim() || !password.value) {
      line.say(text("session.bothNeeded"), "bad");
      (name.value.trim() ? password : name).focus();
      return;
    }
    try {
      const user = await signInAs(app, name.value.trim(), password.value);
      password.value = "";
      done(user);
    } catch (error) {
      if (error.status === 429) wait(error.retryAfter);
      else line.say(error.status === 401 ? text("session.refused") : app.faultText(error), "bad");
    }
  };
  // What is said of the wait ends with it. A screen reader hears the beginning and the end.
  const wait = (seconds) => {
    const minutes = Math.ceil(seconds / 60);
    line.say(minutes > 2 ? text("session.waitMinutes", { count: minutes }) : text("session.wait", { count: seconds }), "bad");
    const said = line.element.textContent;
    setTimeout(() => { if (line.element.textContent === said) line.say(text("session.mayTry")); }, seconds * 1000);
  };
  return element("form", { novalidate: true, onsubmit: (event) => { event.preventDefault(); whileBusy(button, submit); } },
    field(text("session.username"), name), field(text("session.password"), password),
    element("div", { class: "actions" }, button, cancel && element("button", { type: "button", class: "plain", onclick: cancel }, text("session.notNow"))),
    line.element);
}

/** signIn shows the page for it in root, and resolves to the person who has signed in. */
export function signIn(app, root, beginning = "") {
  return new Promise((resolve) => {
    const asked = form(app, { note: beginning, done: resolve });
    root.replaceChildren(element("main", { class: "sign-in" },
      element("img", { src: "/assets/icon.svg", alt: "", width: 48, height: 48 }),
      element("h1", {}, "SensorFlow"), element("p", { class: "lead" }, app.text("session.lead")), asked,
      element("p", { class: "hint" }, element("a", { href: "/docs" }, app.text("frame.documentation")))));
    root.querySelector("input").focus();
  });
}

/**
 * renew asks for the password above what is shown, which stays as it is. It rejects where the person gives up. Who signs in in another window
 * meanwhile has signed in here too.
 */
export function renew(app) {
  return new Promise((resolve, reject) => {
    const refuse = () => reject(new Fault(401, { own: () => app.text("session.stillEnded") }));
    const done = (sub) => {
      if (sub !== shownTo) return beginAnew();
      resolve();
      return dialog.close();
    };
    const elsewhere = ({ key, newValue }) => { if (key === signedInKey && newValue === shownTo) done(newValue); };
    const asked = form(app, { username: app.user.username, done: ({ sub }) => done(sub), cancel: () => dialog.close() });
    const closed = () => {
      window.removeEventListener("storage", elsewhere);
      dialog.remove();
      refuse();
    };
    const dialog = element("dialog", { "aria-labelledby": "ended", onclose: closed },
      element("h2", { id: "ended" }, app.text("session.ended")), element("p", {}, app.text("session.endedLead")), asked);
    window.addEventListener("storage", elsewhere);
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector("[type=password]").focus();
  });
}

/** signOut ends the session, and empties the document. */
export async function signOut(app) {
  await app.service.call("POST", "/auth/logout", { renew: false }).catch((error) => {
    if (error.status !== 401) throw error; // it has ended by itself
  });
  leave();
}

function leave() {
  localStorage.removeItem(signedInKey);
  beginAnew();
}

/** beginAnew empties the document and loads it again. A browser that keeps the old page for its way back keeps an empty one. */
function beginAnew() {
  document.body.replaceChildren();
  location.replace("/console");
}

window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
// Whoever signs out in one window of the browser signs out in all of them, and whoever signs in there as somebody else does so in all of them:
// what stands here was another person's, and calls would be made in the new one's name.
window.addEventListener("storage", ({ key, newValue }) => {
  if (key !== signedInKey || !shownTo) return;
  if (newValue === null) leave();
  else if (newValue && newValue !== shownTo) beginAnew();
});
