// What every module draws with: Preact's elements by htm's templates. Values that stand in a template
// become text or properties, never markup.
import htm from "./htm.js";
import { h } from "./preact.js";

export { createContext, render } from "./preact.js";
export { useContext, useEffect, useLayoutEffect, useRef, useState } from "./hooks.js";
export const html = htm.bind(h);
