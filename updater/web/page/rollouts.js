// Rollouts, newest first.
import { withQuery } from "./api.js";
import { html } from "./html.js";
import { useResource } from "./live.js";
import { Moment, Page, State, Table, Waiting } from "./parts.js";
import { Progress } from "./progress.js";
import { may } from "./roles.js";

const columns = [
  ["Rollout", (rollout) => html`<a href=${`#/rollouts/${rollout.id}`}>${rollout.name}</a>`, "name"],
  ["State", (rollout) => html`<${State} of=${rollout.state} />`],
  ["To version", (rollout) => rollout.version, "name"],
  ["Class", (rollout) => rollout.class, "name"],
  ["Progress", (rollout) => html`<${Progress} label=${rollout.name} counts=${rollout.counts} />`],
  ["Made", (rollout) => html`<${Moment} ms=${rollout.created_at_ms} /> by ${rollout.author}`, "name"],
];

export const RolloutTable = ({ of }) =>
  html`<${Table} label="Rollouts" columns=${columns} of=${of} keyOf=${(rollout) => rollout.id} empty="There is no rollout yet." />`;

export const Rollouts = ({ me, query }) => {
  const cursor = query.get("cursor") ?? "";
  const rollouts = useResource(withQuery("rollouts", { cursor, limit: 50 }));
  const actions = may(me, "author") && html`<a class="button main" href="#/create">New rollout</a>`;
  return html`<${Page} title="Rollouts" actions=${actions}>
    <${Waiting} of=${rollouts} />
    ${rollouts.data && html`<${RolloutTable} of=${rollouts.data.rollouts} />
      <p class="actions">
        ${cursor && html`<a class="button" href="#/rollouts">Newest</a>`}
        ${rollouts.data.next && html`<a class="button" href=${withQuery("#/rollouts", { cursor: rollouts.data.next })}>Older</a>`}
      </p>`}
  <//>`;
};
