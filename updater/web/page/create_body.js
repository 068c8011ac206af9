// What a filled form asks of the API. What cannot be sent is refused here as the server would: by its field.
import { Refusal } from "./api.js";
import { RULES, SECTIONS } from "./create_fields.js";

const UNIT_S = { "": 1, s: 1, m: 60, h: 3600, d: 86400, w: 604800 };
const NUMBER_MAX_DIGITS = 15; // beyond, a number is not the one that was typed

const refuse = (field, detail) => {
  throw new Refusal(400, { detail, field });
};

function number(text, field) {
  if (!/^\d+$/.test(text) || text.length > NUMBER_MAX_DIGITS) refuse(field, `${text} is no whole number`);
  return Number(text);
}

/** "90", "90s", "10m", "2h", "1d" or "1w", in seconds. */
function span(text, field) {
  const [, digits, unit] = /^(\d{1,9})\s*([smhdw]?)$/.exec(text) ?? refuse(field, `${text} is no span: 90s, 10m, 2h, 1d or 1w`);
  return Number(digits) * UNIT_S[unit];
}

function moment(text, field) {
  const at = new Date(text); // by the clock of this browser
  return Number.isNaN(at.getTime()) ? refuse(field, `${text} is no time`) : at.toISOString().replace(/\.\d+/, "");
}

const lines = (text) => text.split("\n").map((line) => line.trim()).filter((line) => line !== "");

const READ = {
  number, span, moment, lines,
  flag: () => true,
  choice: (text) => text,
};

/** The value of one field; undefined where nothing is said. */
function valueOf(form, { name, kind, flag, several }, at = name) {
  if (several) {
    const all = form.getAll(at).filter((one) => one !== "");
    return all.length > 0 ? all : undefined;
  }
  const text = (form.get(at) ?? "").trim();
  if (text === "") return undefined;
  return flag ? text !== "no" : (READ[kind] ?? String)(text, at);
}

/** Where the group stands in the form: groups[1]. */
export const groupAt = (index) => `groups[${index}]`;

function groupOf(form, index) {
  const at = groupAt(index);
  const takes = form.get(`${at}.takes`);
  const size = (form.get(`${at}.size`) ?? "").trim();
  const name = form.get(`${at}.name`).trim();
  if (takes !== "rest" && size === "") refuse(`${at}.size`, "it is missing");
  const rules = RULES.map((rule) => [rule.name, valueOf(form, rule, `${at}.${rule.name}`)]);
  return {
    ...(name === "" ? {} : { name }),
    [takes]: takes === "rest" ? true : takes === "filter" ? size : number(size, `${at}.size`),
    ...Object.fromEntries(rules.filter(([, value]) => value !== undefined)),
  };
}

/** The body of the request; `groupCount` groups stand in the form. */
export function bodyOf(form, groupCount) {
  const body = { policy: {} };
  for (const field of SECTIONS.flatMap(({ fields }) => fields)) {
    const value = valueOf(form, field);
    const policy = field.name.startsWith("policy.");
    if (value !== undefined) (policy ? body.policy : body)[policy ? field.name.slice(7) : field.name] = value;
  }
  if (body.name === undefined) refuse("name", "a rollout has a name");
  if (body.filter === undefined && body.devices === undefined) body.all_devices = true;
  if (groupCount > 0) body.groups = Array.from({ length: groupCount }, (_, index) => groupOf(form, index));
  return body;
}

/** The control at which a refused field stands: "groups[0].percent" and "windows[1]" are no names of any. */
export function controlOf(field) {
  const group = /^(groups\[\d+\])(?:\.(\w+))?$/.exec(field);
  if (group) return `${group[1]}.${[undefined, "percent", "count", "rest", "filter"].includes(group[2]) ? "size" : group[2]}`;
  return field === "all_devices" ? "devices" : field.replace(/\[\d+\]$/, "");
}
