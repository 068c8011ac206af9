// What a rollout would do, before there is one.
import { count, plural, span, time } from "./format.js";
import { html, useEffect, useRef } from "./html.js";
import { Table } from "./parts.js";

const SHOWN = 5; // devices of a group that are named

/** What holds for a group alone, in words; "" where nothing does. */
export const rulesOf = (group) => [
  group.filter && `filter ${group.filter}`,
  group.success_threshold_percent != null && `${group.success_threshold_percent} % must succeed`,
  group.error_threshold_percent != null && `stops at errors over ${group.error_threshold_percent} %`,
  group.error_minimum_sample != null && `judged from ${plural(group.error_minimum_sample, "device")} on`,
  group.group_soak_s != null && `soak ${span(group.group_soak_s)}`,
  group.approval != null && (group.approval ? "somebody else approves the next one" : "no approval of the next one"),
].filter(Boolean).join("; ");

const columnsOf = (groups) => [
  ["Group", (group) => group.name, "name"],
  ["Devices", (group) => count(group.device_count)],
  ["Among them", (group) => group.devices.slice(0, SHOWN).join(", ") || "–", "name"],
  ...(groups.some(rulesOf) ? [["Of its own", (group) => rulesOf(group) || "–", "text"]] : []),
];

function beginning(body, plan) {
  if (body.policy.approval === "start" || body.policy.approval === "groups") {
    const then = plan.start_at_ms ? `it starts by itself at ${time(plan.start_at_ms)}, or when that is approved later` : "its author starts it";
    return `Creating makes a rollout that somebody else approves; after that ${then}.`;
  }
  if (body.start) return "Creating makes the rollout and starts it at once.";
  if (plan.start_at_ms) return `Creating makes a rollout that starts by itself at ${time(plan.start_at_ms)}, or earlier when somebody starts it.`;
  return "Creating makes a rollout that begins when somebody starts it.";
}

function standing(plan) {
  const changes = plan.window_changes_at_ms ? time(plan.window_changes_at_ms) : "never";
  return plan.window_open ? `open at its start, and shut at ${changes}` : `shut at its start, and open at ${changes}`;
}

const partsOf = (plan) => [
  plan.windows.length > 0 && `Devices install in the windows ${plan.windows.join(", ")}: ${standing(plan)}, for devices without a zone of their own.`,
  plan.gate_windows.length > 0 && `Further groups begin in the windows ${plan.gate_windows.join(", ")}.`,
  plan.already > 0 && `${plural(plan.already, "device")} of them run it already and will be offered nothing.`,
  ...plan.intermediates.map((one) => `${plural(one.device_count, "device")} ${one.example ? `(${one.example}) ` : ""}will be offered ${one.version} first.`),
  ...plan.overlaps.map((one) => `${plural(one.device_count, "device")} (${one.example}) ${one.goes_first ? "wait for" : "are taken over from"} rollout ${one.rollout_id}, ${one.name}, of priority ${count(one.priority)}.`),
  plan.overlaps_left_out > 0 && `Further rollouts want ${plural(plan.overlaps_left_out, "device")} of them, too.`,
  ...plan.left_out.map((one) => `${plural(one.device_count, "device")} left out: ${one.text} (${one.example}).`),
  plan.unmatched > 0 && `${plural(plan.unmatched, "known device")} are not meant by the filter.`,
].filter(Boolean);

/** `made` is { body, plan }; `children` stand below: what to do with it. */
export const Plan = ({ made: { body, plan }, children }) => {
  const heading = useRef();
  useEffect(() => {
    heading.current.focus();
    heading.current.scrollIntoView({ block: "start" });
  }, [plan]);
  return html`<section class="card plan" aria-live="polite">
    <h2 tabindex="-1" ref=${heading}>It would take ${plural(plan.device_count, "device")} to ${plan.version}</h2>
    <${Table} label="Plan" columns=${columnsOf(plan.groups)} of=${plan.groups} keyOf=${(group) => group.name} empty="" />
    <ul>${partsOf(plan).map((part) => html`<li key=${part}>${part}</li>`)}</ul>
    <p>${beginning(body, plan)}</p>
    ${children}
  </section>`;
};
