// A package to be chosen: from a list of the newest, and by a field that finds any other.
import { withQuery } from "./api.js";
import { html, useLayoutEffect, useRef, useState } from "./html.js";
import { useResource } from "./live.js";
import { Waiting } from "./parts.js";
import { packagesBy } from "./search.js";

const LISTED_MAX = 100;
const FOUND_MAX = 20;
const KEEP_MS = 60000;
const PAUSE_MS = 300; // of somebody who types

const nameOf = (one) => `${one.version} for ${one.vendor} ${one.class} (sequence ${one.sequence})`;

/**
 * The packages that can be chosen, as { all, choices, isAll, newest, isReady, onFound }: the newest, those that were
 * found, and the one that was `asked` for, however old it is. What was listed once, or was in `all` `before` the form
 * was drawn anew, stays: it may have been chosen.
 */
export function usePackages(asked, before = []) {
  const [found, setFound] = useState(before);
  const seen = useRef(new Map()).current;
  const newest = useResource(withQuery("packages", { limit: LISTED_MAX }), KEEP_MS);
  const one = useResource(asked ? `packages/${encodeURIComponent(asked)}` : null, KEEP_MS);
  for (const each of [...(newest.data?.packages ?? []), ...found, ...(one.data ? [one.data] : [])]) seen.set(each.id, each);
  const all = [...seen.values()];
  const choices = [...all].sort((a, b) => b.uploaded_at_ms - a.uploaded_at_ms).map((each) => [each.id, nameOf(each)]);
  return {
    all, choices, newest, isAll: !newest.data?.next, isReady: Boolean(newest.data && (!asked || one.data || one.refusal)),
    onFound: (another) => setFound((these) => [...these, another]),
  };
}

const Found = ({ of, onPick }) => html`<ul class="found">
  ${of.packages.map((one) => html`<li key=${one.id}><button type="button" onClick=${() => onPick(one)}>${nameOf(one)}</button></li>`)}
  ${of.packages.length === 0 && !of.next && html`<li class="quiet">No package is so.</li>`}
  ${of.next && html`<li class="quiet">Others may be so too: say more of it.</li>`}
</ul>`;

/** What is typed here is no part of the form that it stands in. */
const Finder = ({ label, onPick }) => {
  const input = useRef();
  const pause = useRef();
  const [text, setText] = useState("");
  const found = useResource(text === "" ? null : withQuery("packages", { filter: packagesBy(text), limit: FOUND_MAX }), KEEP_MS);
  const look = () => {
    clearTimeout(pause.current);
    setText(input.current?.value.trim() ?? "");
  };
  const typed = (event) => {
    event.stopPropagation();
    clearTimeout(pause.current);
    pause.current = setTimeout(look, PAUSE_MS);
  };
  const pressed = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    look();
  };
  const pick = (one) => {
    input.current.value = "";
    look();
    onPick(one);
  };
  return html`<input type="search" ref=${input} aria-label=${`Find: ${label}`} placeholder="an older one: 1.4 board-a" autocomplete="off" spellcheck=${false}
      onInput=${typed} onKeyDown=${pressed} />
    <div aria-live="polite">${text !== "" && html`<${Waiting} of=${found} />${found.data && html`<${Found} of=${found.data} onPick=${pick} />`}`}</div>`;
};

/** `packages` is what usePackages() gives. */
export const PackageField = ({ given, label, value, none, packages: { choices, isAll, onFound } }) => {
  const select = useRef();
  const [wanted, setWanted] = useState(null);
  useLayoutEffect(() => {
    if (!choices.some(([id]) => id === wanted)) return;
    setWanted(null);
    select.current.value = wanted;
    select.current.focus();
    select.current.dispatchEvent(new Event("input", { bubbles: true })); // as if it had been chosen in the list
  });
  const pick = (one) => {
    onFound(one);
    setWanted(one.id);
  };
  const listed = none ? [["", none], ...choices] : choices;
  return html`<select ...${given} ref=${select}>${listed.map(([id, name]) => html`<option key=${id} value=${id} selected=${id === value}>${name}</option>`)}</select>
    ${!isAll && html`<${Finder} label=${label} onPick=${pick} />`}`;
};
