// A new rollout: of what, to whom, in which groups, and what makes it stop; planned before it is made.
import { newKey, post } from "./api.js";
import { bodyOf, controlOf } from "./create_body.js";
import { SECTIONS } from "./create_fields.js";
import { Groups, newGroup } from "./create_groups.js";
import { draftOf, fillFrom, keepDraft } from "./draft.js";
import { html, useLayoutEffect, useRef, useState } from "./html.js";
import { Fault, Field, useFaultShown, Wrong } from "./inputs.js";
import { usePackages } from "./package_field.js";
import { Page, Refused, Waiting } from "./parts.js";
import { Plan } from "./plan.js";

const Section = ({ section: { title, hint, open, of, fields }, packages, chosen }) => {
  const drawn = html`${hint && html`<p class="hint">${hint}</p>`}
    <div class="grid">${fields.map((field, i) => html`<${Field} key=${`${field.name}${i}`} id=${field.several ? `${field.name}-${i}` : field.name}
      field=${field.name === "package_id" ? { ...field, value: chosen } : field} packages=${packages} />`)}</div>
    ${of && html`<${Wrong} of=${of} />`}`;
  return open ? html`<section aria-label=${title}><h2>${title}</h2>${drawn}</section>` : html`<details class="card"><summary>${title}</summary>${drawn}</details>`;
};

/** What stands in the form outlives the session: `state` is what it is drawn by. Returns what notes it as it is now. */
function useKept(me, form, ready, draft, state) {
  const note = () => form.current && keepDraft(me, form.current, state);
  useLayoutEffect(() => {
    if (ready && draft) fillFrom(draft, form.current);
  }, [ready]);
  useLayoutEffect(note, [ready, ...Object.values(state)]);
  return note;
}

export const Create = ({ me, query }) => {
  const form = useRef();
  const [draft] = useState(() => draftOf(me));
  const packages = usePackages(query.get("package"), draft?.state.packages);
  const [groups, setGroups] = useState(() => draft?.state.groups ?? [newGroup("percent", "10"), newGroup("rest")]);
  const [made, setMade] = useState(draft?.state.made ?? null);
  const [fault, setFault] = useState(null);
  const [busy, setBusy] = useState(false);
  const note = useKept(me, form, packages.isReady, draft, { groups, made, packages: packages.all });
  useFaultShown(form, fault?.at ? fault : null);
  const tell = (problem) => {
    const at = problem.field && controlOf(problem.field);
    const known = at && form.current.querySelector(`[data-of="${CSS.escape(at)}"]`);
    setFault({ at: known ? at : undefined, message: problem.message });
  };
  const attempt = async (action) => {
    setBusy(true);
    setFault(null);
    try {
      await action();
    } catch (problem) {
      if (!problem.isForNow) setMade(null);
      tell(problem);
    }
    setBusy(false);
  };
  const plan = (event) => {
    event.preventDefault();
    attempt(async () => {
      const body = bodyOf(new FormData(form.current), groups.length);
      setMade({ body, plan: await post("rollouts/plan", body), key: newKey() });
    });
  };
  // With the seed of the plan: who was shown in a group is in that group.
  const create = () => attempt(async () => {
    const { id } = await post("rollouts", { ...made.body, seed: made.plan.seed }, { "Idempotency-Key": made.key });
    location.hash = `#/rollouts/${id}`;
  });
  const changed = () => {
    setMade(null);
    note();
  };
  if (!packages.isReady) return html`<${Page} title="New rollout"><${Waiting} of=${packages.newest} /><//>`;
  return html`<${Page} title="New rollout"><${Fault.Provider} value=${fault}>
    <form class="create" ref=${form} novalidate onSubmit=${plan} onInput=${changed}>
      <${Section} section=${SECTIONS[0]} packages=${packages} chosen=${query.get("package")} />
      <${Groups} groups=${groups} onChange=${(next) => { changed(); setGroups(next); }} />
      ${SECTIONS.slice(1).map((section) => html`<${Section} key=${section.title} section=${section} packages=${packages} />`)}
      ${fault && !fault.at && html`<${Refused} refusal=${fault} />`}
      <div class="actions"><button class=${made ? "" : "main"} disabled=${busy}>Plan</button></div>
      <p class="quiet">Planning makes nothing: it shows what the rollout would do.</p>
    </form>
    ${made && html`<${Plan} made=${made}><div class="actions"><button type="button" class="main" disabled=${busy} onClick=${create}>Create</button></div><//>`}
  <//><//>`;
};
