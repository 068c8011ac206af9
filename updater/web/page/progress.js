// How far devices are, by the states of their deployments.
import { html } from "./html.js";
import { Bar } from "./parts.js";

/** What the states mean for the eye; each state is in exactly one of them. */
export const KINDS = [
  { kind: "done", name: "succeeded", states: ["succeeded"], colour: "--done" },
  { kind: "error", name: "in error", states: ["failed", "rejected", "timed_out"], colour: "--error" },
  { kind: "work", name: "at work", states: ["offered", "downloading", "downloaded", "installing", "verifying"], colour: "--work" },
  { kind: "gone", name: "left out", states: ["canceled", "superseded"], colour: "--quiet" },
  { kind: "wait", name: "waiting", states: ["pending"], colour: "--line" },
];

export const sumOf = (counts, states) => states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
export const wholeOf = (counts) => Object.values(counts).reduce((sum, value) => sum + value, 0);

export const Progress = ({ label, counts }) =>
  html`<${Bar} label=${label} whole=${wholeOf(counts)} parts=${KINDS.map(({ kind, name, states }) => ({ kind, name, value: sumOf(counts, states) }))} />`;
