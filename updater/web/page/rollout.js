// One rollout: its groups as a staged bar, how far it is and was, its gates, and who is in error, and why.
import { path, withQuery } from "./api.js";
import { OthersActions, RolloutActions } from "./actions.js";
import { Chart } from "./chart.js";
import { now } from "./clock.js";
import { deviceLink } from "./devices.js";
import { count, percent, plural, span, time, whyOf, words } from "./format.js";
import { History } from "./history.js";
import { html } from "./html.js";
import { useResource } from "./live.js";
import { Facts, Moment, Page, State, Table, Waiting } from "./parts.js";
import { rulesOf } from "./plan.js";
import { KINDS, Progress, sumOf, wholeOf } from "./progress.js";

const SAMPLED_MS = 5000; // the server notes it so often while it moves
const ERRORS = KINDS.find(({ kind }) => kind === "error").states;

/** The groups side by side, each as wide as its share of the devices. */
const Stages = ({ groups }) =>
  html`<ol class="stages" aria-label="Groups">${groups.map((group) => html`
    <li key=${group.index} style=${{ flexGrow: wholeOf(group.counts) }}>
      <span class="stage"><b>${group.name}</b> <${State} of=${group.state} /></span>
      <${Progress} label=${group.name} counts=${group.counts} />
    </li>`)}</ol>`;

/** What holds for a group: what it says itself, and else what the policy does. */
const ruleOf = (group, policy, name) => group[name] ?? policy[name];

const shareOf = ({ counts }, part) => `${count(part)} of ${count(wholeOf(counts))} (${percent(part, wholeOf(counts))})`;

const gateColumns = ({ policy }, groups) => [
  ["Group", (group) => group.name, "name"],
  ["State", (group) => html`<${State} of=${group.state} />`],
  ["Succeeded", (group) => `${shareOf(group, group.counts.succeeded)}, must be ${ruleOf(group, policy, "success_threshold_percent")} %`, "rule"],
  ["In error", (group) => `${shareOf(group, group.errors - group.errors_accepted)}, over ${ruleOf(group, policy, "error_threshold_percent")} %: ${words(policy.error_action)}`, "rule"],
  ...(groups.some(rulesOf) ? [["Of its own", (group) => rulesOf(group) || "–", "text"]] : []),
  ["Approved by", (group) => group.approver ?? "–", "name"],
  ["Where it stands", (group) => group.explanation, "text"],
];

const errorColumns = [
  ["Device", (one) => deviceLink(one.endpoint), "name"],
  ["State", (one) => html`<${State} of=${one.state} />`],
  ["Update Result", (one) => one.update_result ?? "–"],
  ["Why", (one) => whyOf(one) || "–", "text"],
  ["Ended", (one) => html`<${Moment} ms=${one.ended_at_ms} />`],
];

/** The samples and what is now as areas that add up to the devices. */
function seriesOf(samples, counts) {
  const points = [...samples.map((sample) => sample.counts), counts];
  return KINDS.map(({ name, states, colour }) => ({ name, colour, values: points.map((point) => sumOf(point, states)) }));
}

/** The samples, from its start on: then all of its devices waited, but that nobody knows of one that others joined. */
function pastOf({ started_at_ms: from, dynamic, device_count: devices }, samples) {
  const whole = from === null || dynamic || (samples.length > 0 && samples[0].at_ms <= from);
  return whole ? samples : [{ at_ms: from, counts: { pending: devices } }, ...samples];
}

const factsOf = (rollout) => [
  ["Package", html`<a href=${`#/packages/${rollout.package_id}`}>${rollout.version}, sequence ${rollout.sequence}</a>`],
  ["For", `${rollout.vendor} ${rollout.class}`],
  ["Devices", `${count(rollout.device_count)}${rollout.filter ? ` by the filter ${rollout.filter}` : ""}`],
  ["Made", html`<${Moment} ms=${rollout.created_at_ms} /> by ${rollout.author}`],
  ["Approved by", rollout.approver ?? undefined],
  ["Started", html`<${Moment} ms=${rollout.started_at_ms} />`],
  ["Ended", html`<${Moment} ms=${rollout.ended_at_ms} />`],
  ["Joined later", rollout.dynamic ? (rollout.closed_at_ms === null ? "by devices that come to match" : html`closed <${Moment} ms=${rollout.closed_at_ms} />`) : undefined],
  ["Starts by itself", rollout.start_at_ms && !rollout.started_at_ms ? time(rollout.start_at_ms) : undefined],
  [rollout.download_in_window ? "Downloads and installs" : "Installs", rollout.windows.length > 0 ? rollout.windows.join(", ") : undefined],
  ["Gates open", rollout.gate_windows.length > 0 ? rollout.gate_windows.join(", ") : undefined],
  ["First to", rollout.intermediates?.length > 0 ? rollout.intermediates.map((one) => one.version).join(", ") : undefined],
  ["Spread by", rollout.spread_by ?? undefined],
  ["Priority", count(rollout.policy.priority)],
  ["At once", `${count(rollout.policy.in_flight_max)} devices at most`],
  ["Soak", `${span(rollout.policy.deployment_soak_s)} for a device, ${span(rollout.policy.group_soak_s)} for a group`],
  ["Way back", rollout.revert_version ?? "none"],
];

const ErrorTables = ({ base }) => {
  const failing = ERRORS.map((state) => useResource(withQuery(`${base}/deployments`, { state, limit: 50 })));
  const found = failing.flatMap(({ data }) => data?.deployments ?? []);
  return html`<section><h2>In error</h2>
    ${failing.map((one, i) => html`<${Waiting} key=${i} of=${one} />`)}
    <${Table} label="Devices in error" columns=${errorColumns} of=${found} keyOf=${(one) => one.id} empty="No device has ended in error." />
    ${failing.some(({ data }) => data?.next) && html`<p class="quiet">These are the first 50 of each kind.</p>`}
  </section>`;
};

export const Rollout = ({ me, match: [id] }) => {
  const base = path`rollouts/${id}`;
  const rollout = useResource(base);
  const groups = useResource(`${base}/groups`);
  const samples = useResource(`${base}/samples`, SAMPLED_MS);
  if (!rollout.data || !groups.data) return html`<${Page} title=${`Rollout ${id}`}><${Waiting} of=${rollout} /><//>`;
  const past = pastOf(rollout.data, samples.data?.samples ?? []);
  const reload = () => [rollout, groups].forEach((one) => one.reload());
  const actions = html`<${RolloutActions} me=${me} rollout=${rollout.data} tag=${rollout.tag} groups=${groups.data.groups} onDone=${reload} />`;
  const at = rollout.data.ended_at_ms ?? now();
  return html`<${Page} title=${rollout.data.name} actions=${actions}>
    <${Waiting} of=${rollout} />
    <p class="where" aria-live="polite"><${State} of=${rollout.data.state} /> ${whyOf(rollout.data)}</p>
    <${OthersActions} me=${me} rollout=${rollout.data} groups=${groups.data.groups} />
    <${Stages} groups=${groups.data.groups} />
    <p class="legend">${KINDS.map(({ kind, name, states }) => html`<span key=${kind} class=${kind}>${plural(sumOf(rollout.data.counts, states), "device")} ${name}</span>`)}</p>
    ${rollout.data.started_at_ms && html`<section><h2>Over time</h2>
      <${Chart} label="Devices by state over time" times=${[...past.map((sample) => sample.at_ms), Math.max(at, past.at(-1)?.at_ms ?? 0)]} series=${seriesOf(past, rollout.data.counts)} /></section>`}
    <section><h2>Gates</h2>
      <${Table} label="Gates" columns=${gateColumns(rollout.data, groups.data.groups)} of=${groups.data.groups} keyOf=${(group) => group.index} empty="" /></section>
    <${ErrorTables} base=${base} />
    <${Facts} of=${factsOf(rollout.data)} />
    <${History} base=${base} empty="Nothing has happened yet." />
  <//>`;
};
