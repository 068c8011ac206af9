// A chart over time: areas on top of each other, drawn by uPlot.
import { count, time } from "./format.js";
import { html, useLayoutEffect, useRef } from "./html.js";
import uPlot from "./uplot.js";

const HEIGHT_PX = 220;
const SPAN_MIN_S = 15;

const hours = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const seconds = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** What stands at the ticks, `step` seconds apart: times of day, and the day at the first one of each. */
function timesAt(ticks, step) {
  let before = "";
  return ticks.map((tick) => {
    const day = days.format(tick * 1000);
    const first = day !== before;
    before = day;
    if (step >= 86400) return day;
    return `${(step >= 60 ? hours : seconds).format(tick * 1000)}${first ? `\n${day}` : ""}`;
  });
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Each series on top of those before it. */
function stacked(series) {
  const sums = series.length > 0 ? series[0].values.map(() => 0) : [];
  return series.map(({ values }) => values.map((value, i) => (sums[i] += value)));
}

function optionsFor(series, tops, width) {
  const ink = colour("--ink");
  const grid = { stroke: colour("--line"), width: 1 };
  return {
    width,
    height: HEIGHT_PX,
    cursor: { drag: { x: false, y: false } },
    // What stood still was not noted again: so a line goes on level until the next point.
    scales: {
      x: { range: (plot, first, last) => [Math.min(first, last - SPAN_MIN_S), last] },
      y: { range: (plot, low, high) => [0, Math.max(high, 1)] },
    },
    axes: [
      { stroke: ink, grid, ticks: grid, size: 56, values: (plot, ticks, axis, space, step) => timesAt(ticks, step) },
      { stroke: ink, grid, ticks: grid, values: (plot, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? count(tick) : "")) },
    ],
    series: [
      { label: "At", value: (plot, at) => (at === null ? "the last" : time(at * 1000)) },
      // uPlot draws in this order: the highest area first, so that the others come in front of it.
      ...series.map(({ name, values, colour: its }, i) => ({
        label: name,
        stroke: colour(its),
        fill: colour(its),
        paths: uPlot.paths.stepped({ align: 1 }),
        points: { show: tops[i].length < 2 },
        value: (plot, top, at, index) => count(values[Math.min(index ?? values.length - 1, values.length - 1)]),
      })),
    ],
  };
}

/** uPlot's columns. It takes a lonely point for one of years: so nothing stands some seconds before it. */
function columnsOf(times, tops) {
  const lonely = times.length === 1;
  const seconds = times.map((ms) => ms / 1000);
  return lonely ? [[seconds[0] - SPAN_MIN_S, seconds[0]], ...tops.map(([top]) => [null, top])] : [seconds, ...tops];
}

/** `times` in milliseconds; each of `series` is { name, colour (a CSS variable), values }. */
export const Chart = ({ label, times, series }) => {
  const place = useRef();
  useLayoutEffect(() => {
    const tops = stacked(series).reverse();
    const drawn = [...series].reverse();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    let plot = null;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(optionsFor(drawn, tops, place.current.clientWidth), columnsOf(times, tops), place.current);
    };
    draw();
    const resized = new ResizeObserver(() => plot.setSize({ width: place.current.clientWidth, height: HEIGHT_PX }));
    resized.observe(place.current);
    dark.addEventListener("change", draw);
    return () => {
      resized.disconnect();
      dark.removeEventListener("change", draw);
      plot.destroy();
    };
  }, [JSON.stringify(times), JSON.stringify(series)]);
  return html`<figure class="chart" aria-label=${label} ref=${place}></figure>`;
};
