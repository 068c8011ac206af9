// The dashboard: who is logged in, and which page the address names.
import { get, remove, whenLoggedOut } from "./api.js";
import { Audit } from "./audit.js";
import { Create } from "./create.js";
import { Device } from "./device.js";
import { Devices } from "./devices.js";
import { forgetDraft, whoseOf } from "./draft.js";
import { Fleet } from "./fleet.js";
import { html, render, useEffect, useState } from "./html.js";
import { Login } from "./login.js";
import { Package, Packages } from "./packages.js";
import { Refused } from "./parts.js";
import { Rollout } from "./rollout.js";
import { Rollouts } from "./rollouts.js";

const pages = [
  { name: "Fleet", pattern: /^$/, at: "", page: Fleet },
  { name: "Devices", pattern: /^devices$/, at: "devices", page: Devices },
  { name: "Devices", pattern: /^devices\/([^/]+)$/, page: Device },
  { name: "Packages", pattern: /^packages$/, at: "packages", page: Packages },
  { name: "Packages", pattern: /^packages\/([^/]+)$/, page: Package },
  { name: "Rollouts", pattern: /^rollouts$/, at: "rollouts", page: Rollouts },
  { name: "Rollouts", pattern: /^rollouts\/(\d+)$/, page: Rollout },
  { name: "Rollouts", pattern: /^create$/, page: Create },
  { name: "Audit", pattern: /^audit$/, at: "audit", page: Audit },
];

/** What stands behind the "#": the parts of its path, decoded, and its query. */
function placeNow() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?", 2);
  return { path, query: new URLSearchParams(query ?? "") };
}

/** Another page of a list is another page: it begins at its heading. A list that is narrowed goes on. */
const leafOf = ({ path, query }) => `${path}?${query.get("cursor") ?? ""}`;

function decoded(name) {
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // somebody wrote it by hand, and no device is called so
  }
}

/** Ends the session, and says so when it could not: whoever sits here next would have it. */
const LogOut = ({ onDone }) => {
  const [refusal, setRefusal] = useState(null);
  const logOut = async () => {
    try {
      await remove("session");
    } catch (problem) {
      if (problem.status !== 401) return setRefusal({ message: `Still logged in: ${problem.message}` });
    }
    forgetDraft();
    return onDone();
  };
  return html`<button type="button" onClick=${logOut}>Log out</button><${Refused} refusal=${refusal} />`;
};

const Shell = ({ me, place, onLogOut }) => {
  const page = pages.find(({ pattern }) => pattern.test(place.path));
  const match = page ? page.pattern.exec(place.path).slice(1).map(decoded) : [];
  return html`
    <a class="skip" href="#content" onClick=${(event) => { event.preventDefault(); document.querySelector("h1")?.focus(); }}>To the content</a>
    <header class="top">
      <a class="mark" href="#/"><img src="/assets/icon.svg" alt="" width="24" height="24" /> Kedge</a>
      <nav aria-label="Pages">${pages
        .filter(({ at }) => at !== undefined)
        .map(({ name, at }) => html`<a key=${name} href=${`#/${at}`} aria-current=${page?.name === name ? "page" : undefined}>${name}</a>`)}</nav>
      <div class="me">${me.name} <span class="quiet">(${me.role})</span> <${LogOut} onDone=${onLogOut} /></div>
    </header>
    ${page ? html`<${page.page} key=${leafOf(place)} me=${me} match=${match} query=${place.query} />` : html`<main id="content"><h1 tabindex="-1">There is no such page</h1></main>`}
    <footer class="quiet"><a href="/assets/licenses.txt">Licenses</a></footer>`;
};

const App = () => {
  const [me, setMe] = useState(undefined);
  const [place, setPlace] = useState(placeNow());
  useEffect(() => {
    const onMoved = () => {
      forgetDraft();
      setPlace(placeNow());
    };
    addEventListener("hashchange", onMoved);
    whenLoggedOut(() => setMe(null));
    // Another tab of this browser may have logged out, in, or as somebody else.
    const look = () => document.hidden || get("token").then(setMe, (refusal) => refusal.status === 401 || setMe((before) => before ?? null));
    look();
    document.addEventListener("visibilitychange", look);
    addEventListener("focus", look);
    return () => {
      removeEventListener("hashchange", onMoved);
      document.removeEventListener("visibilitychange", look);
      removeEventListener("focus", look);
    };
  }, []);
  if (me === undefined) return null;
  return me === null ? html`<${Login} onDone=${setMe} />` : html`<${Shell} key=${whoseOf(me)} me=${me} place=${place} onLogOut=${() => setMe(null)} />`;
};

render(html`<${App} />`, document.body);
