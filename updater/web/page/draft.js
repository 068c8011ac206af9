// What somebody has typed into a form, kept while the page for logging in stands in its place: in the
// memory of this page alone, and for whoever typed it. Who leaves the form or logs out leaves nothing
// behind, and whoever else logs in finds nothing.
let kept = null; // { whose, state, controls, folds }

/** Whose session it is: a name that was given again is another token's. */
export const whoseOf = ({ name, created_at_ms: made }) => JSON.stringify([name, made]);

export const forgetDraft = () => {
  kept = null;
};

export const isDraftKept = () => kept !== null;

/** What `me` has typed before the session ended, or null. What somebody else has is forgotten. */
export function draftOf(me) {
  if (kept?.whose !== whoseOf(me)) forgetDraft();
  return kept;
}

const hasState = ({ type }) => type === "checkbox" || type === "radio";

/** Keeps what stands in `form` now, with `state`: whatever its page needs to draw the same controls again. */
export function keepDraft(me, form, state) {
  const controls = [...form.elements].filter(({ id }) => id !== "").map((one) => [one.id, hasState(one) ? one.checked : one.value]);
  kept = { whose: whoseOf(me), state, controls: new Map(controls), folds: [...form.querySelectorAll("details")].map(({ open }) => open) };
}

/** Fills `form`, which was drawn by the state of `draft`. What can be chosen no more is left as it is. */
export function fillFrom(draft, form) {
  for (const one of form.elements) {
    const value = draft.controls.get(one.id);
    if (value === undefined) continue;
    if (hasState(one)) one.checked = value;
    else if (!one.options || [...one.options].some((option) => option.value === value)) one.value = value;
  }
  form.querySelectorAll("details").forEach((one, i) => {
    one.open = draft.folds[i] ?? false;
  });
}
