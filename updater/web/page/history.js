// What happened to a device or in a rollout, newest first, page by page.
import { withQuery } from "./api.js";
import { time, words } from "./format.js";
import { html, useRef, useState } from "./html.js";
import { useResource } from "./live.js";
import { Table, Waiting } from "./parts.js";

const PAGE = 100;

const columns = [
  ["When", (entry) => html`<time>${time(entry.at_ms)}</time>`],
  ["Who", (entry) => entry.who, "name"],
  ["Of", (entry) => entry.endpoint || (entry.group_index === null ? "the rollout" : `group ${entry.group_index + 1}`), "name"],
  ["From", (entry) => words(entry.from) || "–"],
  ["To", (entry) => words(entry.to)],
  ["What", (entry) => entry.text, "text"],
];

/** `base` is the path of what has the history. */
export const History = ({ base, empty }) => {
  const heading = useRef();
  const [cursor, setCursor] = useState("");
  const turn = (to) => {
    heading.current.focus(); // the button goes while the page is fetched
    setCursor(to);
  };
  const { data, refusal } = useResource(withQuery(`${base}/history`, { order: "newest", limit: PAGE, cursor }));
  return html`<section><h2 tabindex="-1" ref=${heading}>History</h2><${Waiting} of=${{ data, refusal }} />
    ${data && html`<${Table} label="History" columns=${columns} of=${data.history} keyOf=${(entry) => entry.id} empty=${empty} />
      <p class="actions">
        ${cursor && html`<button type="button" onClick=${() => turn("")}>Newest entries</button>`}
        ${data.next && html`<button type="button" onClick=${() => turn(data.next)}>Older entries</button>`}
      </p>`}
  </section>`;
};
