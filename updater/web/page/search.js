// Fields that narrow a list: by filters (docs/rollouts.md#filters), and packages also by words alone.
import { withQuery } from "./api.js";
import { html, useLayoutEffect, useRef } from "./html.js";

const OPERATOR = /[=<>]|\s(?:i?like|in)\s*["'(]/; // no filter of packages is without one
const WORDS_IN = ["version", "class", "vendor", "hardware"];

const test = (attribute, pattern) => `${attribute} ilike "${pattern.replace(/["\\]/g, "\\$&")}"`;
const meaning = (word) => [...WORDS_IN.map((attribute) => test(attribute, `*${word}*`)), test("id", `${word}*`)].join(" or ");

/** The filter that is meant: what is typed, where it is one; else each word of it must be in what a package is for, or begin its id. */
export function packagesBy(typed) {
  const text = typed.trim();
  if (text === "" || OPERATOR.test(text)) return text;
  return text.split(/\s+/).map((word) => `(${meaning(word)})`).join(" and ");
}

/** What is typed goes into the address of the page at `hash`, as its `name`, and comes back as `text`. */
export const SearchForm = ({ hash, name = "filter", label, text, placeholder }) => {
  const input = useRef();
  useLayoutEffect(() => {
    input.current.value = text;
  }, [text]);
  const apply = (event) => {
    event.preventDefault();
    location.hash = withQuery(hash, { [name]: input.current.value.trim() });
  };
  return html`<form class="line" role="search" onSubmit=${apply}>
    <label for=${name}>${label}</label>
    <input id=${name} name=${name} ref=${input} placeholder=${placeholder} autocomplete="off" spellcheck=${false} />
    <button>Show</button>
  </form>`;
};
