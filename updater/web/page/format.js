// Numbers and times as people read them.
import { now } from "./clock.js";

const number = new Intl.NumberFormat("en");
const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

export const count = (value) => number.format(value ?? 0);
export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;
export const percent = (part, whole) => (whole > 0 ? `${Math.floor((100 * part) / whole)} %` : "–");
export const time = (ms) => (ms ? moment.format(new Date(ms)) : "–");
export const words = (state) => state.replaceAll("_", " ");

/** Why something is in its state, to stand beside that: the server begins with the state, or says no more than it. */
export function whyOf({ state, explanation }) {
  if (explanation === state) return "";
  return explanation.startsWith(`${state}: `) ? explanation.slice(state.length + 2) : explanation;
}

export function bytes(size) {
  if (size === null || size === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

/** "3 minutes ago", "in 5 seconds". */
export function ago(ms) {
  if (!ms) return "never";
  const past = now() - ms;
  const seconds = Math.round(Math.abs(past) / 1000);
  const steps = [[60, "second"], [60, "minute"], [24, "hour"], [Infinity, "day"]];
  let value = seconds;
  for (const [size, name] of steps) {
    if (value < size) return past >= 0 ? `${plural(value, name)} ago` : `in ${plural(value, name)}`;
    value = Math.floor(value / size);
  }
  return "";
}

export function span(seconds) {
  if (!seconds) return "none";
  const parts = [];
  for (const [size, name] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
    if (seconds >= size) parts.push(`${Math.floor(seconds / size)} ${name}`);
    seconds %= size;
  }
  return parts.join(" ");
}
