// Devices, page by page, narrowed by the filter language of rollouts.
import { withQuery } from "./api.js";
import { html } from "./html.js";
import { useResource } from "./live.js";
import { Moment, Page, Table, Waiting } from "./parts.js";
import { SearchForm } from "./search.js";

export const deviceLink = (endpoint) => html`<a href=${`#/devices/${encodeURIComponent(endpoint)}`}>${endpoint}</a>`;

export const Online = ({ device }) =>
  html`<span class=${`state ${device.registered ? "online" : "offline"}`}>${device.registered ? "online" : "silent"}</span>`;

const tagsOf = ({ tags }) => {
  const all = Object.entries(tags).map(([name, value]) => html`<span class="tag" key=${name}>${name}=${value}</span>`);
  return all.length > 0 ? all : "–";
};

const columns = [
  ["Device", (device) => deviceLink(device.endpoint), "name"],
  ["Now", (device) => html`<${Online} device=${device} />`],
  ["Version", (device) => device.version || "–", "name"],
  ["Class", (device) => device.class || "–", "name"],
  ["Tags", (device) => tagsOf(device), "name"],
  ["Seen", (device) => html`<${Moment} ms=${device.last_seen_ms} />`],
];

const HASH = "#/devices";

export const Devices = ({ query }) => {
  const filter = query.get("filter") ?? "";
  const cursor = query.get("cursor") ?? "";
  const devices = useResource(withQuery("devices", { filter, cursor, limit: 100 }));
  return html`<${Page} title="Devices">
    <${SearchForm} hash=${HASH} label="Filter" text=${filter} placeholder='version < 2.0.0 and tag.site == "hall-3"' />
    <${Waiting} of=${devices} />
    ${devices.data && html`
      <${Table} label="Devices" columns=${columns} of=${devices.data.devices} keyOf=${(device) => device.endpoint} empty="No device here is so." />
      <p class="actions">
        ${cursor && html`<a class="button" href=${withQuery(HASH, { filter })}>First page</a>`}
        ${devices.data.next && html`<a class="button" href=${withQuery(HASH, { filter, cursor: devices.data.next })}>Next page</a>`}
      </p>`}
  <//>`;
};
