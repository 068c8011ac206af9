// The audit log: who did what, of what, before and after.
import { withQuery } from "./api.js";
import { time } from "./format.js";
import { html } from "./html.js";
import { useResource } from "./live.js";
import { Page, Table, Waiting } from "./parts.js";
import { SearchForm } from "./search.js";

const columns = [
  ["Row", (entry) => entry.sequence],
  ["When", (entry) => html`<time>${time(entry.at_ms)}</time>`],
  ["Who", (entry) => entry.who, "name"],
  ["What", (entry) => entry.what],
  ["Of", (entry) => entry.subject, "name"],
  ["Before", (entry) => entry.before || "–", "name"],
  ["After", (entry) => entry.after || "–", "name"],
];

export const Audit = ({ query }) => {
  const subject = query.get("subject") ?? "";
  const cursor = query.get("cursor") ?? "";
  const audit = useResource(withQuery("audit", { subject, cursor, order: "newest", limit: 100 }));
  return html`<${Page} title="Audit">
    <${SearchForm} hash="#/audit" name="subject" label="Of" text=${subject} placeholder="an endpoint, an id, a name" />
    <${Waiting} of=${audit} />
    ${audit.data && html`
      <${Table} label="Audit log" columns=${columns} of=${audit.data.audit} keyOf=${(entry) => entry.sequence} empty="Nothing was done to it." />
      <p class="actions">
        ${cursor && html`<a class="button" href=${withQuery("#/audit", { subject })}>Newest</a>`}
        ${audit.data.next && html`<a class="button" href=${withQuery("#/audit", { subject, cursor: audit.data.next })}>Older</a>`}
      </p>`}
    <p class="quiet"><code>kedge audit verify</code> follows the chain of hashes and names the first row that was altered.</p>
  <//>`;
};
