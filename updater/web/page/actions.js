// What can be done to a rollout now, by whom, and what it will do: said before it is done.
import { path, post } from "./api.js";
import { count, plural } from "./format.js";
import { html } from "./html.js";
import { Careful } from "./parts.js";
import { KINDS, sumOf } from "./progress.js";
import { may } from "./roles.js";

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
      : "Lets the rollout go on: the next group begins at once.",
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

export const RolloutActions = ({ me, rollout, groups, onDone }) => {
  const known = { rollout, groups, busy: sumOf(rollout.counts, AT_WORK) };
  return ACTIONS.filter(({ rights, fits }) => may(me, ...rights) && fits(rollout, groups)).map(
    ({ name, route, kind, what }) => html`<${Careful} key=${name} name=${name} kind=${kind} what=${what(known)}
      action=${async () => { await post(`${path`rollouts/${rollout.id}`}/${route}`); onDone(); }} />`,
  );
};
