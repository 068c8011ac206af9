// The groups of a new rollout, one after the other, each with rules of its own where it has some.
import { groupAt } from "./create_body.js";
import { RULES } from "./create_fields.js";
import { html } from "./html.js";
import { Field, Wrong } from "./inputs.js";

const GROUPS_MAX = 64; // as the server has it
const TAKES = [["percent", "a percentage"], ["count", "a number"], ["filter", "those that a filter means"], ["rest", "the rest"]];
const SIZES = {
  percent: { label: "Percent of the devices", kind: "number" },
  count: { label: "Devices", kind: "number" },
  filter: { label: "Filter" },
};

let made = 0;
export const newGroup = (takes, value = "", name = "") => ({ key: (made += 1), takes, value, name });

const Group = ({ group, index, onChange, onRemove }) => {
  const at = groupAt(index);
  const size = SIZES[group.takes];
  return html`<li><fieldset>
    <legend>Group ${index + 1}</legend>
    <${Field} field=${{ label: "Name of the group", maxlength: 64, hint: "may be empty", value: group.name }} at=${`${at}.name`} />
    <div><label for=${`${at}.takes`}>Takes</label>
      <select id=${`${at}.takes`} name=${`${at}.takes`} onChange=${(event) => onChange({ ...group, takes: event.target.value })}>
        ${TAKES.map(([id, text]) => html`<option key=${id} value=${id} selected=${id === group.takes}>${text}</option>`)}</select>
      ${!size && html`<${Wrong} of=${`${at}.size`} />`}</div>
    ${size && html`<${Field} key=${group.takes} field=${{ ...size, value: group.value }} at=${`${at}.size`} />`}
    <details class="wide"><summary>Rules of its own</summary>
      <div class="grid">${RULES.map((rule) => html`<${Field} key=${rule.name} field=${{ ...rule, hint: rule.of ? undefined : "empty: as for all" }} at=${`${at}.${rule.name}`} />`)}</div>
    </details>
    <p class="wide"><button type="button" aria-label=${`Remove group ${index + 1}`} onClick=${onRemove}>Remove</button></p>
  </fieldset></li>`;
};

/** `groups` as newGroup() makes them; `onChange` gets the changed list. */
export const Groups = ({ groups, onChange }) => {
  const add = () => {
    const before = groups.at(-1)?.takes === "rest" ? groups.length - 1 : groups.length;
    onChange(groups.toSpliced(before, 0, newGroup("percent")));
  };
  return html`<section aria-label="Groups"><h2>Groups, one after the other</h2>
    <ol class="groups">${groups.map((group, index) => html`<${Group} key=${group.key} group=${group} index=${index}
      onChange=${(changed) => onChange(groups.with(index, changed))} onRemove=${() => onChange(groups.toSpliced(index, 1))} />`)}</ol>
    ${groups.length === 0 && html`<p class="quiet">Without any, all devices are in one group.</p>`}
    <${Wrong} of="groups" />
    <button type="button" disabled=${groups.length >= GROUPS_MAX} onClick=${add}>Add a group</button>
  </section>`;
};
