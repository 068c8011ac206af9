// The fields of a new rollout, as the API names them (docs/api-reference.md#rolloutask), each with how it
// is asked for. The form draws this table, and what is sent is read by it, so that a refusal which names a
// field finds its place.

const percent = { kind: "number" };
const NONE_SAID = [["", "not told"]];

/** `more` stand in a part that is folded; `value` is the API's default. */
export const SECTIONS = [
  {
    title: "What, and for whom",
    open: true,
    fields: [
      { name: "name", label: "Name", maxlength: 64 },
      { name: "package_id", label: "Package", kind: "package" },
      { name: "filter", label: "Devices by filter", hint: "empty: all that the package is for", wide: true },
      { name: "dynamic", label: "Devices that come to match later join it", kind: "flag", wide: true },
    ],
  },
  {
    title: "What lets it go on, and what stops it",
    open: true,
    fields: [
      { name: "policy.success_threshold_percent", label: "Of a group must succeed (%)", ...percent, value: "80" },
      { name: "policy.error_threshold_percent", label: "Stops at errors over (%)", ...percent, value: "20" },
      { name: "policy.error_minimum_sample", label: "Not judged before so many were tried", kind: "number", value: "10" },
      { name: "policy.error_action", label: "Then", kind: "choice", value: "pause", of: [["pause", "pause"], ["abort", "abort"], ["roll_back", "roll back"]] },
      { name: "revert_package_id", label: "Package to roll back to", kind: "package", none: "none" },
      { name: "policy.approval", label: "Somebody else must approve", kind: "choice", value: "none", of: [["none", "nothing"], ["start", "its start"], ["groups", "its start and each further group"]] },
    ],
  },
  {
    title: "When",
    hint: "A window is days, times and a time zone; where a device has a tag tz, its own clock counts.",
    fields: [
      { name: "start", label: "Begins", kind: "choice", value: "", flag: true, of: [["", "when somebody starts it"], ["now", "at once"]] },
      { name: "start_at", label: "Or by itself at", kind: "moment" },
      { name: "windows", label: "Devices install in these windows", kind: "lines", hint: "one in a line; empty: at any time", wide: true },
      { name: "download_in_window", label: "Downloads begin in these windows only, too", kind: "flag", wide: true },
      { name: "gate_windows", label: "Further groups begin in these windows", kind: "lines", hint: "one in a line; empty: at any time", wide: true },
    ],
  },
  {
    title: "How fast",
    fields: [
      { name: "policy.in_flight_max", label: "Devices at once", kind: "number", value: "100" },
      { name: "policy.priority", label: "Priority among rollouts (0 to 100)", kind: "number", value: "50" },
      { name: "policy.deployment_soak_s", label: "Soak of a device", kind: "span", value: "0" },
      { name: "policy.group_soak_s", label: "Soak of a group", kind: "span", value: "0" },
      { name: "policy.offers_per_minute", label: "Offers in a minute", kind: "number", value: "0", hint: "0: as many as there are places for" },
      { name: "policy.offers_per_minute_max", label: "Doubled on success up to", kind: "number", value: "0", hint: "0: not doubled" },
      { name: "policy.ramp_successes", label: "Each time that so many succeeded", kind: "number", value: "10" },
    ],
  },
  {
    title: "Which devices, in which order",
    fields: [
      { name: "devices", label: "These devices alone", kind: "lines", hint: "one in a line, in place of a filter", wide: true },
      { name: "spread_by", label: "Groups are spread over the values of the tag", hint: "as a site: no group takes all of it" },
      { name: "seed", label: "Seed of the order", kind: "number", hint: "empty: drawn" },
    ],
  },
  {
    title: "Intermediate packages",
    hint: "Offered first, in this order, to devices whose version the package does not replace.",
    of: "intermediate_package_ids",
    fields: ["First", "Second", "Third", "Fourth"].map((label) => ({ name: "intermediate_package_ids", label, kind: "package", none: "none", several: true })),
  },
  {
    title: "Errors by kind, and further attempts",
    fields: [
      { name: "policy.failed_threshold_percent", label: "Stops at failed over (%)", ...percent, value: "100" },
      { name: "policy.rejected_threshold_percent", label: "At rejected over (%)", ...percent, value: "100" },
      { name: "policy.timed_out_threshold_percent", label: "At timed out over (%)", ...percent, value: "100" },
      { name: "policy.retry_failed", label: "More attempts where it failed", kind: "number", value: "0" },
      { name: "policy.retry_rejected", label: "Where it was rejected", kind: "number", value: "0" },
      { name: "policy.retry_timed_out", label: "Where it timed out", kind: "number", value: "0" },
      { name: "policy.retry_after_s", label: "The second attempt after", kind: "span", value: "10m" },
      { name: "policy.retry_after_max_s", label: "Doubled each time up to", kind: "span", value: "0", hint: "0: not doubled" },
    ],
  },
  {
    title: "Time limits, and what devices are told",
    fields: [
      { name: "policy.deadline_s", label: "Deadline from its start", kind: "span", value: "0", hint: "0: none" },
      { name: "policy.offer_limit_s", label: "To take up an offer", kind: "span", value: "5m" },
      { name: "policy.download_limit_s", label: "That a download may stand still", kind: "span", value: "10m" },
      { name: "policy.install_limit_s", label: "To install", kind: "span", value: "10m" },
      { name: "policy.verify_limit_s", label: "To come back and confirm", kind: "span", value: "40m" },
      { name: "policy.severity", label: "Severity that devices are told", kind: "choice", value: "", of: [...NONE_SAID, ["critical", "critical"], ["mandatory", "mandatory"], ["optional", "optional"]] },
      { name: "policy.max_defer_s", label: "They may put it off for", kind: "span", value: "", hint: "empty: not told" },
    ],
  },
];

/** What holds for one group alone; empty: as for all. */
export const RULES = [
  { name: "success_threshold_percent", label: "Must succeed (%)", ...percent },
  { name: "error_threshold_percent", label: "Stops at errors over (%)", ...percent },
  { name: "error_minimum_sample", label: "Not judged before so many", kind: "number" },
  { name: "group_soak_s", label: "Soak of the group", kind: "span" },
  { name: "approval", label: "Somebody else approves the next group", kind: "choice", flag: true, value: "", of: [["", "as for all"], ["yes", "must"], ["no", "need not"]] },
];
