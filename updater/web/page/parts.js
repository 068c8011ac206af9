// Pieces that several pages are made of.
import { count, time, ago, words } from "./format.js";
import { html, useLayoutEffect, useRef, useState } from "./html.js";

export const Page = ({ title, actions, children }) => {
  const heading = useRef();
  useLayoutEffect(() => {
    document.title = `${title} – Kedge`;
    heading.current.focus();
  }, [title]);
  return html`<main id="content">
    <header class="page"><h1 tabindex="-1" ref=${heading}>${title}</h1><div class="actions">${actions}</div></header>
    ${children}
  </main>`;
};

/** What stands there while there is nothing to show, and when the server refuses. */
export const Waiting = ({ of }) => {
  if (of.refusal) return html`<p class="refusal" role="alert">${of.refusal.message}</p>`;
  return of.data === undefined ? html`<p class="quiet" aria-live="polite">…</p>` : null;
};

export const Refused = ({ refusal }) =>
  refusal ? html`<p class="refusal" role="alert">${refusal.message}</p>` : null;

export const State = ({ of }) => html`<span class=${`state ${of}`}>${words(of)}</span>`;

export const Moment = ({ ms }) =>
  ms ? html`<time datetime=${new Date(ms).toISOString()} title=${time(ms)}>${ago(ms)}</time>` : "–";

/** Pairs of a name and what is to be said; those of undefined or "" are left out. */
export const Facts = ({ of }) =>
  html`<dl class="facts">${of
    .filter(([, value]) => value !== undefined && value !== "")
    .map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value ?? "–"}</dd></div>`)}</dl>`;

/**
 * Columns are [title, how to show a row, what stands there]: "name" and "text" may be long and are broken
 * anywhere, all else is kept in words. `of` has an entry for each row.
 */
export const Table = ({ label, columns, of, keyOf, empty }) =>
  of.length === 0
    ? html`<p class="quiet">${empty}</p>`
    : html`<div class="scroll" tabindex="0" role="region" aria-label=${label}><table>
        <thead><tr>${columns.map(([title]) => html`<th scope="col" key=${title}>${title}</th>`)}</tr></thead>
        <tbody>${of.map((row) => html`<tr key=${keyOf(row)}>${columns.map(([title, show, kind]) => html`<td key=${title} class=${kind} data-title=${title}><div>${show(row)}</div></td>`)}</tr>`)}</tbody>
      </table></div>`;

export const Figure = ({ name, value, detail }) =>
  html`<div class="figure"><span class="value">${value}</span><span class="name">${name}</span><span class="quiet">${detail}</span></div>`;

/** A bar of parts { name, value, kind }, each as wide as its share of the whole. */
export const Bar = ({ label, parts, whole }) => {
  const shown = parts.filter((part) => part.value > 0);
  const said = shown.map((part) => `${part.name} ${count(part.value)}`).join(", ");
  return html`<div class="bar" role="img" aria-label=${`${label}: ${said || "nothing yet"}`} title=${said}>
    ${shown.map((part) => html`<span key=${part.name} class=${part.kind} style=${{ width: `${(100 * part.value) / whole}%` }}></span>`)}
  </div>`;
};

/**
 * A button that says what it will do before it does it. `action` gets what was `seen` when the question
 * was asked; it may fail with a refusal, which is shown where the question stood. `over` says why it
 * cannot be done any more, when that comes while the question stands.
 */
export const Careful = ({ name, kind, what, seen, over, action, onOpen, onClose }) => {
  const dialog = useRef();
  const asked = useRef();
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState(null);
  const open = () => {
    setRefusal(null);
    asked.current = seen;
    onOpen?.();
    dialog.current.showModal();
  };
  const go = async () => {
    setBusy(true);
    try {
      await action(asked.current ?? seen);
      dialog.current.close();
    } catch (problem) {
      if (problem.status === 412) asked.current = undefined; // it says so: pressed again, it is by what is shown then
      setRefusal(problem);
    }
    setBusy(false);
  };
  const isOver = over && !busy;
  const said = `${name.replaceAll(" ", "-")}-what`; // read out with the name, when the question is put
  return html`<button type="button" class=${kind} onClick=${open}>${name}</button>
    <dialog ref=${dialog} aria-label=${name} aria-describedby=${said} onClose=${onClose}>
      <h2>${name}</h2><p id=${said} aria-live="polite">${isOver ? over : what}</p>
      <${Refused} refusal=${refusal} />
      <div class="actions">
        <button type="button" onClick=${() => dialog.current.close()}>Leave it</button>
        ${!isOver && html`<button type="button" class=${kind ?? "main"} disabled=${busy} onClick=${go}>${name}</button>`}
      </div>
    </dialog>`;
};
