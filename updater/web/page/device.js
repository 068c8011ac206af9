// One device: what it is, its slots as far as the server has seen, what it waits for, and what happened.
import { path, withQuery } from "./api.js";
import { bytes, whyOf, words } from "./format.js";
import { History } from "./history.js";
import { html } from "./html.js";
import { useResource } from "./live.js";
import { Online } from "./devices.js";
import { Facts, Moment, Page, State, Table, Waiting } from "./parts.js";
import { sumOf, KINDS } from "./progress.js";

const AT_WORK = KINDS.find(({ kind }) => kind === "work").states;
const rolloutLink = (id) => html`<a href=${`#/rollouts/${id}`}>${id}</a>`;

/**
 * What each slot holds, by its deployments (newest first), which is what the server has seen: it runs from one; an update goes into the other,
 * which then keeps what ran before as the way back.
 */
function slotsOf(device, deployments) {
  const last = deployments.find(({ state }) => state !== "pending" && state !== "canceled" && state !== "superseded");
  if (!last) return { running: device.version, other: "nothing that this server put there" };
  if (AT_WORK.includes(last.state)) {
    const share = last.bytes_total ? `, ${bytes(last.bytes_done)} of ${bytes(last.bytes_total)}` : "";
    return { running: device.version, other: `being written (${words(last.state)}${share})` };
  }
  if (last.state === "succeeded" && last.version_before) return { running: device.version, other: `${last.version_before}, the way back` };
  return { running: device.version, other: `what was left there (${words(last.state)})` };
}

const deploymentColumns = [
  ["Rollout", (one) => rolloutLink(one.rollout_id)],
  ["State", (one) => html`<${State} of=${one.state} />`],
  ["Before", (one) => one.version_before || "–", "name"],
  ["Why", (one) => whyOf(one) || "–", "text"],
  ["Changed", (one) => html`<${Moment} ms=${one.changed_at_ms} />`],
];

const factsOf = (device) => [
  ["Vendor", device.vendor], ["Class", device.class], ["Hardware", device.hardware],
  ["Address", device.address], ["LwM2M", device.lwm2m_version],
  ["First seen", html`<${Moment} ms=${device.first_seen_ms} />`],
  ["Last seen", html`<${Moment} ms=${device.last_seen_ms} />`],
  ["Sleeps", device.asleep === null ? undefined : device.asleep ? "now" : device.queue_mode ? "at times" : "never"],
  ["Expected", device.expected_at_ms ? html`<${Moment} ms=${device.expected_at_ms} />` : undefined],
  ...Object.entries(device.tags).map(([name, value]) => [`Tag ${name}`, value]),
];

export const Device = ({ match: [endpoint] }) => {
  const base = path`devices/${endpoint}`;
  const device = useResource(base);
  const parts = useResource(withQuery(`${base}/deployments`, { order: "newest", limit: 100 }));
  if (!device.data) return html`<${Page} title=${endpoint}><${Waiting} of=${device} /><//>`;
  const deployments = parts.data?.deployments ?? [];
  const slots = slotsOf(device.data, deployments);
  const waits = deployments.filter((one) => one.state === "pending" || AT_WORK.includes(one.state));
  return html`<${Page} title=${endpoint} actions=${html`<${Online} device=${device.data} />`}>
    <${Waiting} of=${device} />
    <section class="figures" aria-label="Slots">
      <div class="figure"><span class="value">${slots.running || "–"}</span><span class="name">slot in use</span></div>
      <div class="figure"><span class="value small">${slots.other}</span><span class="name">other slot</span></div>
    </section>
    <section><h2>What it waits for</h2>
      ${waits.length === 0 ? html`<p class="quiet">Nothing: no rollout has anything more for it.</p>` : html`<ul>${waits.map((one) => html`<li key=${one.id}>Rollout ${rolloutLink(one.rollout_id)}: <${State} of=${one.state} /> ${whyOf(one)}</li>`)}</ul>`}
    </section>
    <${Facts} of=${factsOf(device.data)} />
    <section><h2>Deployments</h2><${Waiting} of=${parts} />
      <${Table} label="Deployments" columns=${deploymentColumns} of=${deployments} keyOf=${(one) => one.id} empty="No rollout has had it yet." />
      ${parts.data?.next && html`<p class="quiet">These are the newest 100.</p>`}
    </section>
    <${History} base=${base} empty="Nothing has happened to it yet." />
  <//>`;
};
