// A new rollout: of what, to whom, in which groups, and what makes it stop; planned before it is made.
import { post } from "./api.js";
import { count, plural } from "./format.js";
import { html, useState } from "./html.js";
import { useResource } from "./live.js";
import { Page, Refused, Table, Waiting } from "./parts.js";

const nameOf = (one) => `${one.version} for ${one.vendor} ${one.class} (sequence ${one.sequence})`;

/** Lines of text, and what stands between commas in those without a filter, which has commas of its own. */
function partsOf(text) {
  const parts = text.split("\n").flatMap((line) => (line.includes("filter=") ? [line] : line.split(",")));
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}

/** "10%", "100", "rest" or "filter=...", with a name before "=" where it has one, as kedge rollout create --group. */
function groupOf(part) {
  const filtered = /^(?:([^=]*)=)?\s*filter=(.*)$/.exec(part);
  const [, name, size] = filtered ?? /^(?:([^=]*)=)?(.*)$/.exec(part);
  const named = name === undefined ? {} : { name: name.trim() };
  if (filtered) return { ...named, filter: size.trim() };
  if (size.trim() === "rest") return { ...named, rest: true };
  const number = /^(\d+)\s*(%?)$/.exec(size.trim());
  if (!number) throw new Error(`"${part}" is no size of a group: 10%, 100, rest or filter=...`);
  return { ...named, [number[2] ? "percent" : "count"]: Number(number[1]) };
}

const linesOf = (text) => text.split("\n").map((line) => line.trim()).filter((line) => line !== "");

/** The body of the request, by the fields of the form. */
function bodyOf(form) {
  const text = (name) => form.get(name).trim();
  const number = (name) => Number(text(name));
  const groups = partsOf(text("groups")).map(groupOf);
  const windows = linesOf(text("windows"));
  return {
    name: text("name"),
    package_id: text("package"),
    ...(text("filter") === "" ? { all_devices: true } : { filter: text("filter") }),
    ...(form.has("dynamic") ? { dynamic: true } : {}),
    ...(groups.length > 0 ? { groups } : {}),
    ...(windows.length > 0 ? { windows } : {}),
    ...(text("revert") === "" ? {} : { revert_package_id: text("revert") }),
    policy: {
      priority: number("priority"),
      in_flight_max: number("in_flight_max"),
      success_threshold_percent: number("success_threshold_percent"),
      error_threshold_percent: number("error_threshold_percent"),
      error_minimum_sample: number("error_minimum_sample"),
      error_action: text("error_action"),
      approval: text("approval"),
      deployment_soak_s: number("deployment_soak_s"),
      group_soak_s: number("group_soak_s"),
    },
  };
}

const planColumns = [
  ["Group", (group) => group.name],
  ["Devices", (group) => count(group.device_count)],
  ["Among them", (group) => group.devices.slice(0, 5).join(", ")],
];

const Plan = ({ plan }) =>
  html`<section class="card" aria-live="polite"><h2>It would take ${plural(plan.device_count, "device")} to ${plan.version}</h2>
    <${Table} label="Plan" columns=${planColumns} of=${plan.groups} keyOf=${(group) => group.name} empty="" />
    ${plan.already > 0 && html`<p>${plural(plan.already, "device")} of them run it already and will be offered nothing.</p>`}
    <ul>${plan.overlaps.map((one) => html`<li key=${one.rollout_id}>${plural(one.device_count, "device")} (${one.example}) ${one.goes_first ? "wait for" : "are taken over from"} rollout ${one.rollout_id}, ${one.name}, of priority ${count(one.priority)}</li>`)}</ul>
    <ul>${plan.left_out.map((one) => html`<li key=${one.reason}>${plural(one.device_count, "device")} left out: ${one.text} (${one.example})</li>`)}</ul>
  </section>`;

// What somebody has typed stays through all drawing: `defaultValue` is where it began.
const Field = ({ name, label, ...input }) =>
  html`<div><label for=${name}>${label}</label><input id=${name} name=${name} ...${input} /></div>`;

const Lines = ({ name, label, ...input }) =>
  html`<div><label for=${name}>${label}</label><textarea id=${name} name=${name} spellcheck="false" ...${input}></textarea></div>`;

const Choice = ({ name, label, value, of }) =>
  html`<div><label for=${name}>${label}</label><select id=${name} name=${name}>${of.map(([id, text]) => html`<option key=${id} value=${id} selected=${id === value}>${text}</option>`)}</select></div>`;

const PERCENT = { type: "number", min: 0, max: 100, required: true };
const SECONDS = { type: "number", min: 0, max: 31536000, required: true };

export const Create = ({ query }) => {
  const packages = useResource("packages", 60000);
  const [plan, setPlan] = useState(null);
  const [refusal, setRefusal] = useState(null);
  const ask = async (event) => {
    event.preventDefault();
    const planned = event.submitter?.value === "plan";
    setRefusal(null);
    try {
      const body = bodyOf(new FormData(event.target));
      if (planned) setPlan(await post("rollouts/plan", body));
      else location.hash = `#/rollouts/${(await post("rollouts", body)).id}`;
    } catch (problem) {
      setRefusal(problem);
    }
  };
  if (!packages.data) return html`<${Page} title="New rollout"><${Waiting} of=${packages} /><//>`;
  const choices = packages.data.packages.map((one) => [one.id, nameOf(one)]);
  return html`<${Page} title="New rollout">
    <form class="create" onSubmit=${ask}>
      <${Field} name="name" label="Name" required=${true} maxlength="64" />
      <${Choice} name="package" label="Package" of=${choices} value=${query.get("package")} />
      <${Field} name="filter" label="Devices by filter (empty: all that it is for)" spellcheck="false" />
      <div class="check"><input type="checkbox" id="dynamic" name="dynamic" /><label for="dynamic">Devices that come to match later join it</label></div>
      <${Lines} name="groups" label="Groups, one after the other: 10%, 100, rest, or in a line of its own filter=..., each NAME=... where it has one" defaultValue="10%, rest" rows="2" />
      <${Lines} name="windows" label="When devices install, a line for each window, as Mon-Fri 22:00-04:00 Europe/Berlin (empty: at any time)" rows="1" />
      <fieldset><legend>What lets it go on, and what stops it</legend>
        <${Field} name="success_threshold_percent" label="Of a group must succeed (%)" defaultValue="80" ...${PERCENT} />
        <${Field} name="error_threshold_percent" label="Errors over (%)" defaultValue="20" ...${PERCENT} />
        <${Field} name="error_minimum_sample" label="Not judged before so many were tried" type="number" min="0" max="1000000" defaultValue="10" />
        <${Choice} name="error_action" label="then" value="pause" of=${[["pause", "pause"], ["abort", "abort"], ["roll_back", "roll back"]]} />
        <${Choice} name="revert" label="Package to roll back to" value="" of=${[["", "none"], ...choices]} />
        <${Choice} name="approval" label="Somebody else must approve" value="none" of=${[["none", "nothing"], ["start", "its start"], ["groups", "its start and each further group"]]} />
      </fieldset>
      <fieldset><legend>How fast</legend>
        <${Field} name="priority" label="Priority among rollouts" type="number" min="0" max="100" required=${true} defaultValue="50" />
        <${Field} name="in_flight_max" label="Devices at once" type="number" min="1" max="1000000" defaultValue="100" />
        <${Field} name="deployment_soak_s" label="Soak of a device (s)" defaultValue="0" ...${SECONDS} />
        <${Field} name="group_soak_s" label="Soak of a group (s)" defaultValue="0" ...${SECONDS} />
      </fieldset>
      <${Refused} refusal=${refusal} />
      <div class="actions"><button name="do" value="plan">Plan</button><button class="main" name="do" value="create">Create</button></div>
      <p class="quiet">Planning makes nothing. Creating makes a rollout that begins when somebody starts it.</p>
    </form>
    ${plan && html`<${Plan} plan=${plan} />`}
  <//>`;
};
