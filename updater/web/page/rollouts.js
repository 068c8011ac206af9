// Rollouts, newest first.
import { html } from "./html.js";
import { Moment, State, Table } from "./parts.js";
import { Progress } from "./progress.js";

const columns = [
  ["Rollout", (rollout) => html`<a href=${`#/rollouts/${rollout.id}`}>${rollout.name}</a>`],
  ["State", (rollout) => html`<${State} of=${rollout.state} />`],
  ["To version", (rollout) => rollout.version],
  ["Class", (rollout) => rollout.class],
  ["Progress", (rollout) => html`<${Progress} label=${rollout.name} counts=${rollout.counts} />`],
  ["Made", (rollout) => html`<${Moment} ms=${rollout.created_at_ms} />`],
];

export const RolloutTable = ({ of }) =>
  html`<${Table} label="Rollouts" columns=${columns} of=${of} keyOf=${(rollout) => rollout.id} empty="There is no rollout yet." />`;
