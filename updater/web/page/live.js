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

const isFollowed = () => followers.size > 0 && !document.hidden;

function tell() {
  if (!document.hidden) for (const follower of followers) follower();
}

function open() {
  stream = new EventSource(STREAM);
  for (const kind of ["rollout", "group", "reset"]) stream.addEventListener(kind, tell);
  stream.onerror = () => {
    if (stream?.readyState !== EventSource.CLOSED) return; // the browser comes back by itself
    stream = null;
    if (isFollowed()) timer = setTimeout(open, AGAIN_MS);
  };
}

function close() {
  clearTimeout(timer);
  stream?.close();
  stream = null;
}

/** Opens a stream where one is wanted and none is there. */
function settle() {
  if (!isFollowed()) return;
  clearTimeout(timer);
  if (stream === null) open();
}

// A browser has six connections to a server for all of its tabs: one that nobody looks at keeps none.
document.addEventListener("visibilitychange", () => (document.hidden ? close() : settle()));

function follow(follower) {
  followers.add(follower);
  settle();
}

function leave(follower) {
  followers.delete(follower);
  if (followers.size > 0) return;
  clearTimeout(timer);
  timer = setTimeout(close, KEPT_MS);
}

/** Calls `action` whenever something may have changed, or, of what no event tells, every `everyMs` alone; returns what ends that. */
function subscribe(action, everyMs) {
  let gathering = null;
  const soon = () => {
    gathering ??= setTimeout(() => {
      gathering = null;
      action();
    }, GATHER_MS);
  };
  const quiet = setInterval(() => document.hidden || action(), everyMs ?? QUIET_MS);
  document.addEventListener("visibilitychange", soon);
  if (everyMs === undefined) follow(soon);
  return () => {
    clearInterval(quiet);
    clearTimeout(gathering);
    document.removeEventListener("visibilitychange", soon);
    if (everyMs === undefined) leave(soon);
  };
}

/**
 * The resource at `path` (null: none is wanted) as { data, tag, refusal, reload }. `data` is undefined
 * until it is there, and stays what it was, with its entity tag, while the server does not answer.
 * With `everyMs` it is asked for so often, whatever happens.
 */
export function useResource(path, everyMs) {
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
    const end = subscribe(load, everyMs);
    return () => {
      wanted = false;
      end();
    };
  }, [path, asked]);
  const current = state.path === path ? state : {};
  return { data: current.data, tag: current.tag, refusal: current.refusal, reload: () => setAsked((before) => before + 1) };
}
