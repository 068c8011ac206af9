// The server's clock, by which all times of the fleet are: this browser's may go wrong.
const TOLD_WITHIN_MS = 2000; // the server tells its time in whole seconds, and the answer took some

let behindMs = 0; // how far the browser's clock is behind the server's

/** `date` is an answer's field Date; null: it has none. */
export function hearTime(date) {
  const apart = Date.parse(date) - Date.now();
  if (!Number.isNaN(apart)) behindMs = Math.abs(apart) > TOLD_WITHIN_MS ? apart : 0;
}

export const now = () => Date.now() + behindMs;
