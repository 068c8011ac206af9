// A form's fields: each with its label, a hint, and what is wrong with it beside it.
import { createContext, html, useContext, useEffect } from "./html.js";
import { PackageField } from "./package_field.js";

/** { at, message } of what was refused, where it is one field's fault; null: nothing was. */
export const Fault = createContext(null);

const idOf = (name, part = "") => `${name}${part && `-${part}`}`;
export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** What is wrong with a field, or with several that are one of the API's. */
export const Wrong = ({ of }) => {
  const fault = useContext(Fault);
  return html`<p class="wrong" role="alert" tabindex="-1" id=${idOf(of, "wrong")} data-of=${of}>${fault?.at === of ? fault.message : ""}</p>`;
};

const control = (kind, given, { value, of, packages, none, name, label }) => {
  if (kind === "lines") return html`<textarea ...${given} rows="2" spellcheck=${false} placeholder=${name.endsWith("windows") ? `Mon-Fri 22:00-04:00 ${ZONE}` : undefined}></textarea>`;
  if (kind === "moment") return html`<input ...${given} type="datetime-local" step="1" />`;
  if (kind === "package") return html`<${PackageField} given=${given} label=${label} value=${value} none=${none} packages=${packages} />`;
  if (of) return html`<select ...${given}>${of.map(([id, text]) => html`<option key=${id} value=${id} selected=${id === value}>${text}</option>`)}</select>`;
  const numeric = kind === "number" ? "numeric" : undefined;
  return html`<input ...${given} defaultValue=${value} autocomplete="off" spellcheck=${false} inputmode=${numeric} />`;
};

/** One field of create_fields.js. What somebody has typed stays through all drawing: `value` is where it began. */
export const Field = ({ field, at = field.name, packages, id = at }) => {
  const fault = useContext(Fault);
  const { kind, label, wide, several } = field;
  const hint = kind === "span" ? [field.hint, "s, m, h, d"].filter(Boolean).join("; ") : kind === "moment" ? `by the clock here, ${ZONE}` : field.hint;
  const given = {
    id, name: at, maxlength: field.maxlength,
    "aria-invalid": fault?.at === at ? "true" : undefined,
    "aria-describedby": `${idOf(id, "hint")} ${idOf(at, "wrong")}`,
  };
  const below = !several && html`<${Wrong} of=${at} />`;
  if (kind === "flag")
    return html`<div class="wide"><span class="check"><input type="checkbox" ...${given} /><label for=${id}>${label}</label></span>${below}</div>`;
  return html`<div class=${wide ? "wide" : ""}><label for=${id}>${label}</label> ${hint && html`<span class="hint" id=${idOf(id, "hint")}>${hint}</span>`}
    ${control(kind, given, { ...field, packages })}${below}</div>`;
};

/** Shows what is at fault: unfolds what it stands in, and goes there. */
export function useFaultShown(form, fault) {
  useEffect(() => {
    if (!fault) return;
    const named = form.current.elements.namedItem(fault.at);
    const found = named instanceof RadioNodeList ? named[0] : named ?? form.current.querySelector(`[data-of="${CSS.escape(fault.at)}"]`);
    for (let part = found?.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
    found?.focus();
    found?.scrollIntoView({ block: "center" });
  }, [fault]);
}
