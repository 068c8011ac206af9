// Packages: what they are for, who signed them; uploading another one.
import { path, remove, upload, withQuery } from "./api.js";
import { bytes } from "./format.js";
import { html, useState } from "./html.js";
import { useResource } from "./live.js";
import { Careful, Facts, Moment, Page, Refused, Table, Waiting } from "./parts.js";
import { may } from "./roles.js";
import { packagesBy, SearchForm } from "./search.js";

const HASH = "#/packages";

const short = (digest) => `${digest.slice(0, 12)}…`;

/** Names of the keys by which it was accepted; of one that is trusted no more, the start of its id. */
const signersOf = (one, trust) =>
  one.signers.map((id) => trust.find((key) => key.id === id)?.name ?? `${short(id)} (not trusted any more)`).join(", ");

const columnsFor = (trust) => [
  ["Version", (one) => html`<a href=${`#/packages/${one.id}`}>${one.version}</a>`, "name"],
  ["For", (one) => `${one.vendor} ${one.class}`, "name"],
  ["Sequence", (one) => one.sequence],
  ["Signed by", (one) => signersOf(one, trust), "name"],
  ["Image", (one) => bytes(one.image_size)],
  ["Uploaded", (one) => html`<${Moment} ms=${one.uploaded_at_ms} /> by ${one.uploader}`, "name"],
];

const Upload = ({ onDone }) => {
  const [share, setShare] = useState(null);
  const [refusal, setRefusal] = useState(null);
  const send = async (event) => {
    event.preventDefault();
    const form = event.target;
    setRefusal(null);
    setShare(0);
    try {
      await upload("packages", form.elements.file.files[0], setShare);
      form.reset();
      onDone();
    } catch (problem) {
      setRefusal(problem);
    }
    setShare(null);
  };
  return html`<form class="card" onSubmit=${send}>
    <label for="file">Upload a signed package</label>
    <input id="file" name="file" type="file" accept=".suit" required />
    <p class="quiet">It is checked whole against the trusted keys before it is kept.</p>
    ${share !== null && html`<progress aria-label="Upload" max="1" value=${share}></progress>`}
    <${Refused} refusal=${refusal} />
    <button class="main" disabled=${share !== null}>Upload</button>
  </form>`;
};

export const Packages = ({ me, query }) => {
  const filter = query.get("filter") ?? "";
  const cursor = query.get("cursor") ?? "";
  const packages = useResource(withQuery("packages", { filter: packagesBy(filter), cursor, limit: 100 }));
  const trust = useResource("trust");
  const keys = trust.data?.trust ?? [];
  return html`<${Page} title="Packages">
    <${SearchForm} hash=${HASH} label="Find" text=${filter} placeholder='1.4 board-a, or: class == "board-a" and version < 2.0.0' />
    <${Waiting} of=${packages} />
    ${packages.data && html`<${Table} label="Packages" columns=${columnsFor(keys)} of=${packages.data.packages} keyOf=${(one) => one.id} empty=${filter || cursor ? "No package here is so." : "There is no package yet."} />`}
    <p class="actions">
      ${cursor && html`<a class="button" href=${withQuery(HASH, { filter })}>Newest</a>`}
      ${packages.data?.next && html`<a class="button" href=${withQuery(HASH, { filter, cursor: packages.data.next })}>Older</a>`}
    </p>
    ${may(me, "release") && html`<${Upload} onDone=${packages.reload} />`}
  <//>`;
};

const factsOf = (one, trust) => [
  ["For", `${one.vendor} ${one.class}`],
  ["Hardware", one.hardware.length > 0 ? one.hardware.join(", ") : "every revision"],
  ["Replaces", one.min_version || one.max_version ? `${one.min_version ?? "any"} to ${one.max_version ?? "any"}` : "any version"],
  ["Signed by", signersOf(one, trust)],
  ["Sequence number", one.sequence],
  ["Image", `${bytes(one.image_size)}, SHA-256 ${one.image_digest}`],
  ["Sent to devices", `${bytes(one.device_size)} (${one.deliver === "payload" ? "the bare image" : "the signed envelope"})`],
  ["Manifest digest", one.id],
  ["Uploaded", html`<${Moment} ms=${one.uploaded_at_ms} /> by ${one.uploader}`],
];

const attachmentColumns = (id) => [
  ["Name", (one) => html`<a href=${`/api/v1/${path`packages/${id}`}/${encodeURIComponent(one.name)}`} download>${one.name}</a>`],
  ["Size", (one) => bytes(one.size)],
  ["SHA-256", (one) => html`<code>${one.sha256}</code>`, "text"],
];

/** What it carries for people, by the digests that its signers signed. */
const Attachments = ({ id }) => {
  const carried = useResource(path`packages/${id}/attachments`, 60000);
  const all = carried.data?.attachments ?? [];
  return html`<section><h2>Attached</h2><${Waiting} of=${carried} />
    ${carried.data && html`<${Table} label="Attached" columns=${attachmentColumns(id)} of=${all} keyOf=${(one) => one.name} empty="Nothing: neither a bill of materials nor notes." />`}
    ${all.filter(({ text }) => text !== null).map(({ name, text }) => html`<h2 key=${name}>Notes</h2><pre class="card">${text}</pre>`)}
  </section>`;
};

export const Package = ({ me, match: [id] }) => {
  const one = useResource(path`packages/${id}`);
  const trust = useResource("trust");
  const title = one.data ? `Package ${one.data.version}` : "Package";
  const drop = async () => {
    await remove(path`packages/${id}`);
    location.hash = HASH;
  };
  const actions = one.data && html`
    ${may(me, "author") && html`<a class="button main" href=${`#/create?package=${id}`}>Roll it out</a>`}
    ${may(me, "release") && html`<${Careful} name="Delete" kind="danger" action=${drop} what="The package is removed from this server. That is refused as long as a rollout names it; devices that run it are not touched." />`}`;
  return html`<${Page} title=${title} actions=${actions}>
    <${Waiting} of=${one} />
    ${one.data && html`<${Facts} of=${factsOf(one.data, trust.data?.trust ?? [])} />
      <${Attachments} id=${id} />`}
  <//>`;
};
