// The fleet at a glance.
import { withQuery } from "./api.js";
import { Chart } from "./chart.js";
import { now } from "./clock.js";
import { count, percent } from "./format.js";
import { html } from "./html.js";
import { useResource } from "./live.js";
import { Bar, Figure, Page, Table, Waiting } from "./parts.js";
import { RolloutTable } from "./rollouts.js";

const SAMPLED_MS = 60000; // the server notes the fleet so often
const COLOURS = ["--hue-1", "--hue-2", "--hue-3", "--hue-4", "--hue-5", "--hue-6"];

/** As a text stands in a filter. */
const quoted = (text) => `"${text.replace(/["\\]/g, "\\$&")}"`;

const nameOf = ({ version }) => version || "not known yet";

/** Devices by version, whatever their class: [[version, devices], ...], most first. */
function byVersion(shares) {
  const sums = new Map();
  for (const share of shares) sums.set(nameOf(share), (sums.get(nameOf(share)) ?? 0) + share.devices);
  return [...sums].sort((a, b) => b[1] - a[1]);
}

/** The samples and what is now as series: the versions that count most now, and all others as one. */
function seriesOf(samples, fleet) {
  const points = [...samples, { at_ms: now(), ...fleet }].map((point) => new Map(byVersion(point.versions)));
  const largest = new Map();
  for (const point of points)
    for (const [version, devices] of point) largest.set(version, Math.max(devices, largest.get(version) ?? 0));
  const shown = [...largest].sort((a, b) => b[1] - a[1]).slice(0, COLOURS.length).map(([version]) => version).sort();
  const totals = [...samples, fleet].map(({ devices }) => devices);
  const series = shown.map((version, i) => ({ name: version, colour: COLOURS[i], values: points.map((point) => point.get(version) ?? 0) }));
  const others = totals.map((total, i) => total - series.reduce((sum, { values }) => sum + values[i], 0));
  return others.some((value) => value > 0) ? [...series, { name: "others", colour: "--quiet", values: others }] : series;
}

const shareColumns = (fleet) => [
  ["Version", (share) => html`<a href=${`#/devices?${new URLSearchParams({ filter: `version == ${quoted(share.version)}` })}`}>${nameOf(share)}</a>`, "name"],
  ["Vendor", (share) => share.vendor || "–", "name"],
  ["Class", (share) => share.class || "–", "name"],
  ["Devices", (share) => count(share.devices)],
  ["Online", (share) => count(share.registered)],
  ["Share", (share) => html`<${Bar} label=${nameOf(share)} whole=${fleet.devices} parts=${[{ name: "devices", value: share.devices, kind: "share" }]} />`],
];

export const Fleet = () => {
  const fleet = useResource("fleet");
  const samples = useResource("fleet/samples", SAMPLED_MS);
  const rollouts = useResource(withQuery("rollouts", { limit: 5 }));
  if (!fleet.data) return html`<${Page} title="Fleet"><${Waiting} of=${fleet} /><//>`;
  const { devices, registered, versions, versions_count: different } = fleet.data;
  const past = samples.data?.samples ?? [];
  return html`<${Page} title="Fleet">
    <${Waiting} of=${fleet} />
    <section class="figures" aria-label="Now">
      <${Figure} name="devices" value=${count(devices)} />
      <${Figure} name="online" value=${count(registered)} detail=${percent(registered, devices)} />
      <${Figure} name="silent" value=${count(devices - registered)} />
    </section>
    <section><h2>Versions over time</h2>
      <${Chart} label="Devices by version over time" times=${[...past.map(({ at_ms: at }) => at), Math.max(now(), past.at(-1)?.at_ms ?? 0)]} series=${seriesOf(past, fleet.data)} />
    </section>
    <section><h2>Versions</h2>
      <${Table} label="Versions" columns=${shareColumns(fleet.data)} of=${versions} keyOf=${(share) => `${share.vendor}|${share.class}|${share.version}`} empty="No device has registered yet." />
      ${different > versions.length && html`<p class="quiet">and ${count(different - versions.length)} more, with fewer devices each</p>`}
    </section>
    <section><h2>Latest rollouts</h2><${Waiting} of=${rollouts} />
      ${rollouts.data && html`<${RolloutTable} of=${rollouts.data.rollouts} />`}
    </section>
  <//>`;
};
