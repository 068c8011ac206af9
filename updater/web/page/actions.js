// What can be done to a rollout now, by whom, and what it will do: said before it is done.
import { path, post } from "./api.js";
import { count, plural } from "./format.js";
import { html } from "./html.js";
import { Careful } from "./parts.js";
import { KINDS, sumOf } from "./progress.js";
import { may, rolesWith } from "./roles.js";

const AT_WORK = KINDS.find(({ kind }) => kind === "work").states;

const gateWaits = (rollout, groups) =>
  rollout.policy.approval === "groups" && rollout.state === "running" && groups.some(({ state }) => state === "waiting_for_gate");

/** Each is there in its states for those who have one of its rights. `what` begins with what it does. */
const ACTIONS = [
  {
    name: "Approve", route: "approve", rights: ["approve"], kind: "main",
    fits: (rollout, groups) => rollout.state === "waiting_for_approval" || gateWaits(rollout, groups),
    what: ({ rollout }) => rollout.state === "waiting_for_approval"
      ? `Says that ${plural(rollout.device_count, "device")} may be moved to ${rollout.version}. Nothing begins yet: ${rollout.author} starts the rollout.`
      : `Lets the rollout go on: the next group begins ${rollout.gate_windows.length > 0 ? "as soon as the windows of its gates let it" : "at once"}.`,
  },
  {
    name: "Start", route: "start", rights: ["author"], kind: "main",
    fits: (rollout) => rollout.state === "ready",
    what: ({ rollout, groups }) => `Offers ${rollout.version} to the devices of the first group (${groups[0]?.name ?? "…"}), ${count(rollout.policy.in_flight_max)} at most at a time.`,
  },
  {
    name: "Pause", route: "pause", rights: ["operate", "author"],
    fits: (rollout) => rollout.state === "running",
    what: ({ busy }) => `Offers nothing more until somebody resumes it. ${plural(busy, "device")} at work will finish; nobody is taken back.`,
  },
  {
    name: "Resume", route: "resume", rights: ["author"], kind: "main",
    fits: (rollout) => rollout.state === "paused",
    what: ({ rollout }) => `Accepts the ${plural(rollout.errors, "error")} so far and goes on offering ${rollout.version}: only errors from now on are judged.`,
  },
  {
    name: "Close", route: "close", rights: ["author"],
    fits: (rollout) => rollout.dynamic && rollout.closed_at_ms === null && ["waiting_for_approval", "ready", "running", "paused"].includes(rollout.state),
    what: () => "Lets no more devices join. It ends when those that it has are done.",
  },
  {
    name: "Abort", route: "abort", rights: ["author"], kind: "danger",
    fits: (rollout) => ["draft", "waiting_for_approval", "ready", "running", "paused"].includes(rollout.state),
    what: ({ rollout, busy }) => `Ends the rollout for good. ${plural(rollout.counts.pending, "device")} that wait will not be offered it; of ${count(busy)} at work, those that install already will finish. Devices that run ${rollout.version} keep it.`,
  },
  {
    name: "Roll back", route: "roll-back", rights: ["author"], kind: "danger",
    fits: (rollout) => rollout.revert_package_id !== null && ["running", "paused"].includes(rollout.state),
    what: ({ rollout }) => `Ends the rollout and takes the ${plural(rollout.counts.succeeded, "device")} that run ${rollout.version} back to ${rollout.revert_version}, by a rollout of its own.`,
  },
  {
    name: "Retry", route: "retry", rights: ["author"],
    fits: (rollout) => ["finished", "aborted"].includes(rollout.state) && rollout.errors > 0,
    what: ({ rollout }) => `Makes another rollout of ${rollout.version} for the devices that ended in error here. It begins when somebody starts it.`,
  },
];

/** By whom it is done, where it is not by whoever looks; null: by them. */
function keptFrom(me, rollout, { route, rights }) {
  if (!may(me, ...rights)) return rolesWith(...rights).join(" or ");
  return route === "approve" && me.name === rollout.author ? "another approver than its author" : null;
}

export const RolloutActions = ({ me, rollout, groups, onDone }) => {
  const known = { rollout, groups, busy: sumOf(rollout.counts, AT_WORK) };
  const fitting = ACTIONS.filter(({ fits }) => fits(rollout, groups));
  return fitting.filter((one) => keptFrom(me, rollout, one) === null).map(
    ({ name, route, kind, what }) => html`<${Careful} key=${name} name=${name} kind=${kind} what=${what(known)}
      action=${async () => { await post(`${path`rollouts/${rollout.id}`}/${route}`); onDone(); }} />`,
  );
};

/** What could be done now, by others, and by whom: why there is no button for it. */
export const OthersActions = ({ me, rollout, groups }) => {
  const kept = ACTIONS.filter(({ fits }) => fits(rollout, groups)).map((one) => [one.name, keptFrom(me, rollout, one)]).filter(([, by]) => by !== null);
  return kept.length > 0 && html`<p class="quiet others">Not yours to do: ${kept.map(([name, by]) => `${name} (${by})`).join(", ")}.</p>`;
};
