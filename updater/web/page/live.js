// What a page shows, kept as it is on the server: asked for again whenever something may have changed.
// The server's events say when that is; where there are none, the time that has passed does.
import { look } from "./api.js";
import { useEffect, useState } from "./html.js";

const STREAM = "/api/v1/events?kinds=rollout,group";
const QUIET_MS = 5000; // what the stream does not tell (devices, packages, words that count time) is this old at most
const GATHER_MS = 500; // events that come together are one
const AGAIN_MS = 10000; // a stream that was refused (there are only so many) is asked for again
const KEPT_MS = 10000; // a stream that nobody follows: who goes from page to page opens no new one

const followers = new Set();
let stream = null;
let timer = null; // of one of the two

function tell() {
  if (!document.hidden) for (const follower of followers) follower();
}

function open() {
  stream = new EventSource(STREAM);
  for (const kind of ["rollout", "group", "reset"]) stream.addEventListener(kind, tell);
  stream.onerror = () => {
    if (stream?.readyState !== EventSource.CLOSED) return; // the browser comes back by itself
    stream = null;
    if (followers.size > 0) timer = setTimeout(open, AGAIN_MS);
  };
}

function close() {
  stream?.close();
  stream = null;
}

function follow(follower) {
  clearTimeout(timer);
  if (stream === null) open();
  followers.add(follower);
}

function leave(follower) {
  followers.delete(follower);
  if (followers.size > 0) return;
  clearTimeout(timer);
  timer = setTimeout(close, KEPT_MS);
}

/** Calls `action` whenever something may have changed; returns what ends that. */
export function subscribe(action, quietMs = QUIET_MS) {
  let gathering = null;
  const soon = () => {
    gathering ??= setTimeout(() => {
      gathering = null;
      action();
    }, GATHER_MS);
  };
  const quiet = setInterval(() => document.hidden || action(), quietMs);
  document.addEventListener("visibilitychange", soon);
  follow(soon);
  return () => {
    clearInterval(quiet);
    clearTimeout(gathering);
    document.removeEventListener("visibilitychange", soon);
    leave(soon);
  };
}

/**
 * The resource at `path` (null: none is wanted) as { data, tag, refusal, reload }. `data` is undefined
 * until it is there, and stays what it was, with its entity tag, while the server does not answer.
 */
export function useResource(path, quietMs) {
  const [state, setState] = useState({});
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    if (path === null) return undefined;
    let wanted = true;
    let busy = false;
    const load = async () => {
      if (busy) return;
      busy = true;
      try {
        const seen = await look(path);
        if (wanted) setState({ path, ...seen });
      } catch (refusal) {
        if (wanted) setState((before) => ({ ...(before.path === path ? before : { path }), refusal }));
      }
      busy = false;
    };
    load();
    const end = subscribe(load, quietMs);
    return () => {
      wanted = false;
      end();
    };
  }, [path, asked]);
  const current = state.path === path ? state : {};
  return { data: current.data, tag: current.tag, refusal: current.refusal, reload: () => setAsked((before) => before + 1) };
}
