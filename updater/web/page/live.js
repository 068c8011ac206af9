// What a page shows, kept as it is on the server: asked for again whenever something may have changed.
import { get } from "./api.js";
import { useEffect, useState } from "./html.js";

const INTERVAL_MS = 2000;

/** Calls `action` whenever something may have changed; returns what ends that. */
export function subscribe(action) {
  const timer = setInterval(() => document.hidden || action(), INTERVAL_MS);
  const onShown = () => document.hidden || action();
  document.addEventListener("visibilitychange", onShown);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", onShown);
  };
}

/**
 * The resource at `path` (null: none is wanted) as { data, refusal, reload }. `data` is undefined
 * until it is there, and stays what it was while the server does not answer.
 */
export function useResource(path) {
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
        const data = await get(path);
        if (wanted) setState({ path, data });
      } catch (refusal) {
        if (wanted) setState((before) => ({ path, data: before.path === path ? before.data : undefined, refusal }));
      }
      busy = false;
    };
    load();
    const end = subscribe(load);
    return () => {
      wanted = false;
      end();
    };
  }, [path, asked]);
  const current = state.path === path ? state : {};
  return { data: current.data, refusal: current.refusal, reload: () => setAsked(asked + 1) };
}
