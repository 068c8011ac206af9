// The API of the server, asked as whoever is logged in: the browser adds the cookie by itself.
import { hearTime } from "./clock.js";

const BASE = "/api/v1/";
let onLoggedOut = () => {};

/** A refusal in the server's words (problem details, RFC 9457). */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `the server answered with ${status}`);
    this.status = status;
    this.code = problem.code;
    this.field = problem.field;
    // The same request may do better later, or was done already and its answer did not arrive.
    this.isForNow = [0, 401, 409, 429].includes(status) || status >= 500;
  }
}

/** `action` is called whenever the server does not know (any more) who asks. */
export function whenLoggedOut(action) {
  onLoggedOut = action;
}

/** A path below /api/v1/, each name escaped: path`devices/${endpoint}`. */
export function path(pieces, ...names) {
  return String.raw({ raw: pieces }, ...names.map(encodeURIComponent));
}

/** The path with a query of what is neither undefined nor "". */
export function withQuery(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

function answerOf(status, text) {
  let answer = null;
  try {
    answer = text === "" ? null : JSON.parse(text);
  } catch {
    throw new Refusal(status, { detail: `the answer (${status}) is not from kedged` });
  }
  if (status >= 200 && status < 300) return answer;
  if (status === 401) onLoggedOut();
  throw new Refusal(status, answer ?? {});
}

/** A key by which the server knows the same wish again, when its answer did not arrive. */
export const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

async function ask(method, path, body, headers = {}) {
  const options = { method, credentials: "same-origin", redirect: "error", headers };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "Content-Type": "application/json", ...headers };
  }
  let response;
  try {
    response = await fetch(BASE + path, options);
  } catch {
    throw new Refusal(0, { detail: "the server does not answer" });
  }
  hearTime(response.headers.get("Date"));
  // A proxy that packs what passes makes the tag a weak one, which nothing is compared by.
  const tag = response.headers.get("ETag")?.replace(/^W\//, "");
  return { data: answerOf(response.status, await response.text()), tag };
}

/** What is there, as { data, tag }: the tag is there where a change can be asked for of just what was seen. */
export const look = (path) => ask("GET", path);
export const get = (path) => look(path).then(({ data }) => data);
export const post = (path, body = {}, headers = {}) => ask("POST", path, body, headers).then(({ data }) => data);
export const remove = (path) => ask("DELETE", path);

/** Sends a file as it is; `onProgress` gets the share that has gone out, 0 to 1. */
export function upload(path, file, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", BASE + path);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onerror = () => reject(new Refusal(0, { detail: "the server does not answer" }));
    request.onload = () => {
      try {
        resolve(answerOf(request.status, request.responseText));
      } catch (refusal) {
        reject(refusal);
      }
    };
    request.send(file);
  });
}
