// What can be done to a rollout now, by whom, and what it will do: said before it is done.
import { newKey, path, post } from "./api.js";
import { count, plural, whyOf, words } from "./format.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { Careful } from "./parts.js";
import { KINDS, sumOf } from "./progress.js";
import { may, rolesWith } from "./roles.js";

const AT_WORK = KINDS.find(({ kind }) => kind === "work").states;

const gateWaits = (rollout, groups) =>
  rollout.policy.approval === "groups" && rollout.state === "running" && groups.some(({ state }) => state === "waiting_for_gate");

/**
 * Each is there in its states for those who have one of its rights. `what` begins with what it does. One that `stops` is not
 * refused because the rollout has moved on since it was asked about; one that `makes` something makes it once.
 */
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
    name: "Pause", route: "pause", rights: ["operate", "author"], stops: true,
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
    name: "Abort", route: "abort", rights: ["author"], kind: "danger", stops: true,
    fits: (rollout) => ["draft", "waiting_for_approval", "ready", "running", "paused"].includes(rollout.state),
    what: ({ rollout, busy }) => `Ends the rollout for good. ${plural(rollout.counts.pending, "device")} that wait will not be offered it; of ${count(busy)} at work, those that install already will finish. Devices that run ${rollout.version} keep it.`,
  },
  {
    name: "Roll back", route: "roll-back", rights: ["author"], kind: "danger",
    fits: (rollout) => rollout.revert_package_id !== null && ["running", "paused"].includes(rollout.state),
    what: ({ rollout }) => `Ends the rollout and takes the ${plural(rollout.counts.succeeded, "device")} that run ${rollout.version} back to ${rollout.revert_version}, by a rollout of its own.`,
  },
  {
    name: "Retry", route: "retry", rights: ["author"], makes: true,
    fits: (rollout) => ["finished", "aborted"].includes(rollout.state) && rollout.errors > 0,
    what: ({ rollout }) => `Makes another rollout of ${rollout.version} for the devices that ended in error here. It begins when somebody starts it.`,
  },
];

/** By whom it is done, where it is not by whoever looks; null: by them. */
function keptFrom(me, rollout, { route, rights }) {
  if (!may(me, ...rights)) return rolesWith(...rights).join(" or ");
  return route === "approve" && me.name === rollout.author ? "another approver than its author" : null;
}

/** Whoever has pressed a button that is gone now goes on at the heading, not at the top of the page. */
function useFocusKept(names) {
  useEffect(() => {
    if (document.activeElement === document.body) document.querySelector("h1")?.focus({ preventScroll: true });
  }, [names]);
}

/** `tag` is the rollout's, as it is shown. */
export const RolloutActions = ({ me, rollout, tag, groups, onDone }) => {
  const [open, setOpen] = useState(null); // whose question stands: it stays, whatever becomes of the rollout
  const key = useRef(newKey());
  const known = { rollout, groups, busy: sumOf(rollout.counts, AT_WORK) };
  const isFor = (one) => one.fits(rollout, groups) && keptFrom(me, rollout, one) === null;
  const shown = ACTIONS.filter((one) => isFor(one) || one.name === open);
  useFocusKept(shown.map(({ name }) => name).join());
  const act = async ({ route, stops, makes }, seen) => {
    try {
      await post(`${path`rollouts/${rollout.id}`}/${route}`, {}, {
        ...(seen && !stops ? { "If-Match": seen } : {}),
        ...(makes ? { "Idempotency-Key": key.current } : {}),
      });
      key.current = newKey();
    } finally {
      onDone();
    }
  };
  return shown.map((one) => html`<${Careful} key=${one.name} name=${one.name} kind=${one.kind} seen=${tag} action=${(seen) => act(one, seen)}
    what=${isFor(one) ? one.what(known) : ""} onOpen=${() => setOpen(one.name)} onClose=${() => setOpen(null)}
    over=${isFor(one) ? undefined : `That cannot be done any more. The rollout is ${words(rollout.state)}: ${whyOf(rollout)}`} />`);
};

/** What could be done now, by others, and by whom: why there is no button for it. */
export const OthersActions = ({ me, rollout, groups }) => {
  const kept = ACTIONS.filter(({ fits }) => fits(rollout, groups)).map((one) => [one.name, keptFrom(me, rollout, one)]).filter(([, by]) => by !== null);
  return kept.length > 0 && html`<p class="quiet others">Not yours to do: ${kept.map(([name, by]) => `${name} (${by})`).join(", ")}.</p>`;
};
