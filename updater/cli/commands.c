/* commands.c: the table of commands, which everything about the command line follows. */
#include "updater/cli/cli.h"

#include <string.h>

#define IF_MATCH_ROW                                                                               \
    {                                                                                              \
        "if-match", "ETAG", OPTION_TEXT,                                                           \
            "only while it is what it was when --json showed this etag", NULL                      \
    }
#define ONCE_ROW                                                                                   \
    {                                                                                              \
        "idempotency-key", "KEY", OPTION_TEXT,                                                     \
            "the same once more with this key, within a day, makes nothing more", NULL             \
    }

static const struct option_row change_options[] = {IF_MATCH_ROW};

static const struct option_row device_list_options[] = {
    {"vendor", "DOMAIN", OPTION_TEXT, "only devices of this vendor", NULL},
    {"class", "NAME", OPTION_TEXT, "only devices of this class", NULL},
    {"filter", "FILTER", OPTION_TEXT,
     "only devices that it means, as: class == \"board-a\" and version < 1.4.0", NULL},
};

static const struct option_row device_enroll_options[] = {
    {"psk-file", "FILE", OPTION_TEXT,
     "its key, one line of hex; without ENDPOINT lines of endpoint,identity,hexkey", NULL},
    {"public-key", "PUB.pem", OPTION_TEXT, "or the raw public key that it shows", NULL},
    {"identity", "ID", OPTION_TEXT, "its PSK identity (default: the endpoint name)", NULL},
    {"bootstrap", NULL, OPTION_FLAG,
     "by what it proves itself to the bootstrap server, which gives it a key to register with",
     NULL},
    {"certificate-name", "NAME", OPTION_TEXT,
     "with --bootstrap: the common name of the certificate that it shows", NULL},
    {"no-security", NULL, OPTION_FLAG, "with --bootstrap: it proves nothing, at --bootstrap-coap",
     NULL},
    {"give-certificate", "FILE", OPTION_TEXT,
     "with --bootstrap: it is given this certificate (PEM) in place of a key", NULL},
    {"give-private-key", "FILE", OPTION_TEXT, "and its private key (PEM), unless the device has it",
     NULL},
    {"serial", "TEXT", OPTION_TEXT, "with --bootstrap: its serial number", NULL},
    {"hardware", "TEXT", OPTION_TEXT, "with --bootstrap: its hardware revision", NULL},
    {"batch", "TEXT", OPTION_TEXT, "with --bootstrap: the batch that it was made in", NULL},
};

static const struct option_row device_unenroll_options[] = {
    {"bootstrap", NULL, OPTION_FLAG, "its key for bootstrapping, and what it was given by it",
     NULL},
};

static const struct option_row device_enrolled_options[] = {
    {"bootstrap", NULL, OPTION_FLAG, "to the bootstrap server, with what the factory said of them",
     NULL},
};

static const struct option_row device_import_options[] = {
    {"dry-run", NULL, OPTION_FLAG, "only say what is wrong with the file, and how many it holds",
     NULL},
};

#define TIMEOUT_ROW                                                                                \
    {                                                                                              \
        "timeout", "S", OPTION_NUMBER, "wait so many seconds at most, 1 to 60 (default: 30)", NULL \
    }

static const struct option_row device_ask_options[] = {TIMEOUT_ROW};

#define TYPE_ROW                                                                                   \
    {                                                                                              \
        "type", "TYPE", OPTION_TEXT,                                                               \
            "string, integer, unsigned, boolean, opaque (in Base64), time, float or object_link; " \
            "needed where the server does not know the resource",                                  \
            NULL                                                                                   \
    }

static const struct option_row device_write_options[] = {
    {"replace", "INSTANCE", OPTION_TEXT, "these are all resources that the instance is to have",
     NULL},
    {"update", "INSTANCE", OPTION_TEXT, "the instance's other resources stay as they are", NULL},
    TYPE_ROW,
    TIMEOUT_ROW,
};

static const struct option_row device_create_options[] = {TYPE_ROW, TIMEOUT_ROW};

static const struct option_row device_discover_options[] = {
    {"depth", "N", OPTION_NUMBER,
     "levels below the path that are shown, 0 to 3 (LwM2M 1.2; default: as the device does)", NULL},
    TIMEOUT_ROW,
};

static const struct option_row device_observe_options[] = {
    {"attributes", "NAME=VALUE,...", OPTION_TEXT,
     "what bounds its notifications, as of device attributes, for this observation alone (LwM2M "
     "1.2, one path)",
     NULL},
    {"count", "N", OPTION_NUMBER, "end after N values, 1 to 64 (default: when the time is over)",
     NULL},
    {"cancel", "HOW", OPTION_TEXT,
     "end it by a request, or by the reset of what comes next: request (default) or reset", NULL},
    TIMEOUT_ROW,
};

static const struct option_row package_list_options[] = {
    {"filter", "FILTER", OPTION_TEXT,
     "only packages that it means, as: class == \"board-a\" and version like \"1.4.*\"", NULL},
};

static const struct option_row attachment_options[] = {
    {"output", "FILE", OPTION_TEXT, "write it to this new file", NULL},
};

static const struct option_row class_remove_options[] = {
    {"vendor", "DOMAIN", OPTION_TEXT, "those of this vendor (default: those for any)", NULL},
};

static const struct option_row class_set_options[] = {
    {"vendor", "DOMAIN", OPTION_TEXT, "only devices of this vendor (default: of any)", "vendor"},
    {"version-path", "PATH", OPTION_TEXT, "the resource that reads their version (at first /3/0/3)",
     "version_path"},
    {"success", "WHAT", OPTION_TEXT,
     "what counts after the update: result (Result 1), version (the version, with Result 1 or 0), "
     "or both (Result 1 and the version; at first)",
     "success"},
};

static const struct option_row token_create_options[] = {
    {"role", "ROLE", OPTION_TEXT, "viewer, operator, release, author, approver or admin", NULL},
    {"days", "N", OPTION_NUMBER, "so long it is known (default: 90; 0: for ever)", NULL},
    {"output", "FILE", OPTION_TEXT, "write it to this new file, which only you can read", NULL},
};

static const struct option_row webhook_add_options[] = {
    {"secret-file", "FILE", OPTION_TEXT, "what posts are signed with, in its first line (needed)",
     NULL},
    {"events", "KIND,...", OPTION_TEXT, "of rollout, group and deployment (default: all)", NULL},
    {"attempts", "N", OPTION_NUMBER, "so often each is tried, 1 to 20 (default: 8)", NULL},
    {"allow-http", NULL, OPTION_FLAG, "without TLS to another machine too", NULL},
    ONCE_ROW,
};

static const struct option_row audit_export_options[] = {
    {"output", "FILE", OPTION_TEXT, "write it to this new file", NULL},
};

static const struct option_row audit_verify_options[] = {
    {"head", "ROW:HASH", OPTION_TEXT, "and that it goes on from this head, which was told earlier",
     NULL},
};

static const struct option_row audit_options[] = {
    {"subject", "NAME", OPTION_TEXT, "only what was done to this: an endpoint, an id", NULL},
    {"who", "NAME", OPTION_TEXT, "only what was done by this token, or by server", NULL},
    {"what", "WHAT", OPTION_TEXT,
     "only this, as trust.add; what ends with a dot is all of a kind: trust. is trust.add and "
     "trust.remove",
     NULL},
    {"newest", NULL, OPTION_FLAG, "the newest first", NULL},
};

static const struct option_row trust_add_options[] = {
    {"name", "NAME", OPTION_TEXT, "what people call the key (needed)", NULL},
    ONCE_ROW,
};

static const struct option_row create_options[] = {
    {"name", "NAME", OPTION_TEXT, "what people call the rollout (needed, but for a plan)", NULL},
    {"package", "ID", OPTION_TEXT, "the package, as `kedge package list` names it (needed)", NULL},
    {"revert-package", "ID", OPTION_TEXT,
     "what devices that have moved are offered when it is rolled back: the older image, signed "
     "again with a higher sequence",
     NULL},
    {"intermediate", "ID", OPTION_TEXTS,
     "a package that is offered first to devices whose version the package does not replace; may "
     "be repeated, in the order in which they are offered",
     NULL},
    {"all", NULL, OPTION_FLAG, "for all devices of the package's vendor and class", NULL},
    {"filter", "FILTER", OPTION_TEXT,
     "for those of them that it means, as: version < 1.4.0 and tag == \"pilot\"", NULL},
    {"device", "ENDPOINT", OPTION_TEXTS, "for this device; may be repeated", NULL},
    {"dynamic", NULL, OPTION_FLAG,
     "devices that come to match later join it, in a last group of their own, until it is closed",
     NULL},
    {"group", "[NAME=]SIZE[,RULE=...]", OPTION_TEXTS,
     "a group of 10% of the devices, of 100 devices, of the rest, or of those that filter=FILTER "
     "means; may be repeated, they go one after the other (default: all in one); for it alone: "
     "success=P, errors=P, sample=N, soak=S, approval=yes, before a filter",
     NULL},
    {"spread-by", "TAG", OPTION_TEXT,
     "spread the groups over the values of this tag, as a site, so that none is updated at once",
     NULL},
    {"seed", "N", OPTION_NUMBER,
     "the order of the devices: the same seed gives the same order (default: drawn, and shown)",
     NULL},
    {"start", NULL, OPTION_FLAG, "start it at once", NULL},
    {"start-at", "TIME", OPTION_TEXT,
     "it starts by itself then, as 2026-11-26T09:00:00Z or 2026-11-26T10:00:00+01:00", NULL},
    {"window", "WINDOW", OPTION_TEXTS,
     "devices install only then, as \"Mon-Fri 22:00-04:00 Europe/Berlin\", by their own time zone "
     "where they have a tag tz; may be repeated",
     NULL},
    {"download-in-window", NULL, OPTION_FLAG, "and begin to download only then", NULL},
    {"gate-window", "WINDOW", OPTION_TEXTS, "further groups begin only then; may be repeated",
     NULL},
    {"soak", "S", OPTION_SPAN, "a device must still be well S seconds after its update",
     "deployment_soak_s"},
    {"in-flight", "N", OPTION_NUMBER, "at most N devices at work at once", "in_flight_max"},
    {"offers-per-minute", "N", OPTION_NUMBER,
     "offer it to N devices a minute (default: to as many as may be at work)", "offers_per_minute"},
    {"offers-per-minute-max", "N", OPTION_NUMBER, "and double that on success, up to N",
     "offers_per_minute_max"},
    {"ramp-successes", "N", OPTION_NUMBER, "each time that N more have succeeded (default: 10)",
     "ramp_successes"},
    {"retry", "KIND=N,...", OPTION_TEXT,
     "N more attempts for devices that failed, rejected or timed-out: failed=2,timed-out=3 "
     "(default: none)",
     NULL},
    {"retry-after", "S", OPTION_SPAN,
     "the second attempt is due after S seconds, or 10m, 2h, 1d (default: 10m)", "retry_after_s"},
    {"retry-after-max", "S", OPTION_SPAN, "and the span doubles with each attempt, up to S",
     "retry_after_max_s"},
    {"priority", "N", OPTION_NUMBER,
     "of two rollouts that want a device the one of the higher priority gets it first, 0 to 100 "
     "(default: 50)",
     "priority"},
    {"error-threshold", "P", OPTION_NUMBER, "more than P percent of a group in error trip it",
     "error_threshold_percent"},
    {"failed-threshold", "P", OPTION_NUMBER,
     "likewise, of those that failed alone (default: 100, which does not trip)",
     "failed_threshold_percent"},
    {"rejected-threshold", "P", OPTION_NUMBER, "of those that rejected the package",
     "rejected_threshold_percent"},
    {"timed-out-threshold", "P", OPTION_NUMBER, "of those that timed out after an offer",
     "timed_out_threshold_percent"},
    {"error-sample", "N", OPTION_NUMBER, "errors are not judged before N devices were tried",
     "error_minimum_sample"},
    {"error-action", "WHAT", OPTION_TEXT, "what tripping does: pause, abort or roll_back",
     "error_action"},
    {"success-threshold", "P", OPTION_NUMBER, "the gate: P percent of a group must succeed",
     "success_threshold_percent"},
    {"group-soak", "S", OPTION_SPAN, "seconds from a group's last end until its gate is judged",
     "group_soak_s"},
    {"deadline", "S", OPTION_SPAN, "devices that never came are given up after S seconds",
     "deadline_s"},
    {"offer-limit", "S", OPTION_SPAN, "seconds a device has to take up an offer", "offer_limit_s"},
    {"download-limit", "S", OPTION_SPAN, "seconds a download may stand still", "download_limit_s"},
    {"install-limit", "S", OPTION_SPAN, "seconds a device has to install", "install_limit_s"},
    {"verify-limit", "S", OPTION_SPAN, "seconds a device has to come back and confirm",
     "verify_limit_s"},
    {"approval", "WHERE", OPTION_TEXT,
     "somebody else must approve it: before the start (start), or before each group (groups)",
     "approval"},
    {"severity", "WHAT", OPTION_TEXT,
     "tell devices how urgent it is: critical, mandatory or optional", "severity"},
    {"max-defer-s", "S", OPTION_SPAN,
     "tell devices that their user may put it off for S seconds at most (0: not at all)",
     "max_defer_s"},
    ONCE_ROW,
};

static const struct option_row retry_options[] = {
    {"start", NULL, OPTION_FLAG, "start it at once", NULL},
    IF_MATCH_ROW,
    ONCE_ROW,
};

static const struct option_row rollout_list_options[] = {
    {"watch", NULL, OPTION_FLAG, "the newest, as they go, until it is interrupted", NULL},
};

static const struct option_row show_options[] = {
    {"devices", NULL, OPTION_FLAG, "each device's part too", NULL},
    {"device", "ENDPOINT", OPTION_TEXT,
     "the part of this device, and its history: what it was sent and what it answered", NULL},
    {"state", "STATE", OPTION_TEXT, "the parts that are in this state, as failed", NULL},
    {"group", "N", OPTION_NUMBER, "the parts of this group; the first is 1", NULL},
};

static const struct option_row newest_options[] = {
    {"newest", NULL, OPTION_FLAG, "the newest first", NULL},
};

static const struct option_row rollout_history_options[] = {
    {"device", "ENDPOINT", OPTION_TEXT, "only what is of this device", NULL},
    {"newest", NULL, OPTION_FLAG, "the newest first", NULL},
};

#define NONE NULL, 0
#define ROWS(table) table, sizeof(table) / sizeof((table)[0])

const struct command commands[] = {
    {"fleet", "show", "", 0, 0, "how many devices there are, and what they run", NONE, fleet_show},
    {"fleet", "samples", "", 0, 0, "how many there were, and what they ran, time by time", NONE,
     fleet_samples},
    {"device", "list", "", 0, 0, "the devices that the server knows", ROWS(device_list_options),
     device_list},
    {"device", "show", "ENDPOINT", 1, 1, "one device", NONE, device_show},
    {"device", "watch", "ENDPOINT", 1, 1,
     "follow the deployment that a device has, or gets next, to its end: exit status 0 when it "
     "succeeded",
     NONE, device_watch},
    {"device", "deployments", "ENDPOINT", 1, 1, "a device's part in each rollout",
     ROWS(newest_options), device_deployments},
    {"device", "history", "ENDPOINT", 1, 1,
     "what happened to a device in rollouts: what it was sent and what it answered",
     ROWS(newest_options), device_history},
    {"device", "tag", "ENDPOINT NAME=VALUE|NAME- ...", 2, CLI_VALUES_MAX,
     "set tags of a device, or remove them with a dash behind the name", ROWS(change_options),
     device_tag},
    {"device", "enroll", "[ENDPOINT]", 0, 1,
     "write the keys by which devices prove who they are; replaces former ones",
     ROWS(device_enroll_options), device_enroll},
    {"device", "unenroll", "ENDPOINT", 1, 1, "take a device's key away",
     ROWS(device_unenroll_options), device_unenroll},
    {"device", "enrolled", "", 0, 0, "by what devices prove who they are; never with a key",
     ROWS(device_enrolled_options), device_enrolled},
    {"device", "bootstrap", "ENDPOINT", 1, 1,
     "have a registered device ask the bootstrap server for a new key (executes /1/0/9)",
     ROWS(device_ask_options), device_bootstrap},
    {"device", "import", "FILE", 1, 1,
     "enroll the devices of a factory's file (CSV or JSON) for bootstrapping, all or none",
     ROWS(device_import_options), device_import},
    {"device", "read", "ENDPOINT PATH ...", 2, 65,
     "what a device answers at /object/instance/resource; of several paths in one request",
     ROWS(device_ask_options), device_read},
    {"device", "write", "ENDPOINT PATH VALUE ...", 3, 129,
     "write to a device; several paths all or none, unless they are of one INSTANCE",
     ROWS(device_write_options), device_write},
    {"device", "execute", "ENDPOINT PATH [ARGUMENTS]", 2, 3, "execute a resource of a device",
     ROWS(device_ask_options), device_execute},
    {"device", "create", "ENDPOINT OBJECT [PATH VALUE ...]", 2, 130,
     "create an instance of an object; the paths say which one", ROWS(device_create_options),
     device_create},
    {"device", "delete", "ENDPOINT INSTANCE", 2, 2, "delete an instance on a device",
     ROWS(device_ask_options), device_delete},
    {"device", "discover", "ENDPOINT PATH", 2, 2, "what a device has below a path",
     ROWS(device_discover_options), device_discover},
    {"device", "attributes", "ENDPOINT PATH NAME=VALUE|NAME ...", 3, CLI_VALUES_MAX,
     "set what bounds the notifications of a path: pmin, pmax, gt, lt, st, epmin, epmax, edge, "
     "con, hqmax; a NAME alone takes it back",
     ROWS(device_ask_options), device_attributes},
    {"device", "observe", "ENDPOINT PATH ...", 2, 65,
     "watch a resource until the time is over; several paths in one observation",
     ROWS(device_observe_options), device_observe},
    {"package", "upload", "FILE.suit", 1, 1, "check a signed package and keep it on the server",
     NONE, package_upload},
    {"package", "list", "", 0, 0, "the packages on the server, newest first",
     ROWS(package_list_options), package_list},
    {"package", "show", "ID", 1, 1, "one package", NONE, package_show},
    {"package", "attachments", "ID", 1, 1, "what a package carries for people", NONE,
     package_attachments},
    {"package", "attachment", "ID NAME", 2, 2, "one of them as a file: sbom, prov or notes",
     ROWS(attachment_options), package_attachment},
    {"package", "delete", "ID", 1, 1, "remove a package that no rollout names",
     ROWS(change_options), package_delete},
    {"class", "set", "CLASS", 1, 1,
     "where devices of a class have their version, and what counts as success of an update",
     ROWS(class_set_options), class_set},
    {"class", "list", "", 0, 0, "the classes with settings of their own", NONE, class_list},
    {"class", "show", "CLASS", 1, 1, "the settings of one class", NONE, class_show},
    {"class", "remove", "CLASS", 1, 1, "take settings of a class away: it is as others again",
     ROWS(class_remove_options), class_remove},
    {"trust", "add", "PUB.pem", 1, 1, "accept packages that are signed by this key",
     ROWS(trust_add_options), trust_add},
    {"trust", "list", "", 0, 0, "the keys that are trusted", NONE, trust_list},
    {"trust", "remove", "ID|NAME", 1, 1, "no longer accept new packages by this key", NONE,
     trust_remove},
    {"rollout", "create", "", 0, CLI_VALUES_MAX, "prepare to bring a package to devices",
     ROWS(create_options), rollout_create},
    {"rollout", "plan", "", 0, CLI_VALUES_MAX,
     "which devices `rollout create` with the same options would take, group by group, and why it "
     "leaves others out; nothing is made",
     ROWS(create_options), rollout_plan},
    {"rollout", "start", "ID", 1, 1, "start a rollout that was created", ROWS(change_options),
     rollout_change},
    {"rollout", "pause", "ID", 1, 1, "offer to no more devices for now", ROWS(change_options),
     rollout_change},
    {"rollout", "resume", "ID", 1, 1, "go on after a pause", ROWS(change_options), rollout_change},
    {"rollout", "abort", "ID", 1, 1, "end it; devices that install already finish doing so",
     ROWS(change_options), rollout_change},
    {"rollout", "close", "ID", 1, 1,
     "let no more devices join a dynamic rollout, so that it ends when the others are done",
     ROWS(change_options), rollout_change},
    {"rollout", "approve", "ID", 1, 1,
     "let somebody else's rollout begin, or go on behind the gate that waits for it",
     ROWS(change_options), rollout_change},
    {"rollout", "retry", "ID", 1, 1,
     "prepare another rollout for those of its devices that ended in error or were never reached",
     ROWS(retry_options), rollout_retry},
    {"rollout", "roll-back", "ID", 1, 1,
     "end it, and take the devices that have moved back to its revert package",
     ROWS(change_options), rollout_change},
    {"rollout", "show", "ID", 1, 1, "where a rollout stands, and why", ROWS(show_options),
     rollout_show},
    {"rollout", "history", "ID", 1, 1, "what happened in a rollout, one by one",
     ROWS(rollout_history_options), rollout_history},
    {"rollout", "samples", "ID", 1, 1, "how many deployments were in each state, time by time",
     NONE, rollout_samples},
    {"rollout", "list", "", 0, 0, "the rollouts, newest first", ROWS(rollout_list_options),
     rollout_list},
    {"rollout", "watch", "ID", 1, 1,
     "follow a rollout to its end: exit status 0 when it finished, 1 when it stopped otherwise",
     NONE, rollout_watch},
    {"token", "create", "NAME", 1, 1,
     "make a token for somebody, or for a program; it is shown once", ROWS(token_create_options),
     token_create},
    {"token", "list", "", 0, 0, "the tokens, without what they are", NONE, token_list},
    {"token", "revoke", "NAME", 1, 1, "no longer know a token", NONE, token_revoke},
    {"token", "show", "", 0, 0, "whose token is used here, and its role", NONE, token_show},
    {"webhook", "add", "NAME URL", 2, 2, "have what happens posted there from now on",
     ROWS(webhook_add_options), webhook_add},
    {"webhook", "list", "", 0, 0, "where it is posted to", NONE, webhook_list},
    {"webhook", "remove", "NAME", 1, 1, "post nothing more there", NONE, webhook_remove},
    {"webhook", "undelivered", "", 0, 0, "events that did not arrive, oldest first", NONE,
     webhook_undelivered},
    {"webhook", "again", "ID", 1, 1, "post one of these once more", NONE, webhook_again},
    {"audit", "export", "", 0, 0, "the audit log as JSON lines", ROWS(audit_export_options),
     audit_export},
    {"audit", "verify", "[FILE]", 0, 1,
     "whether the audit log, or one that was exported, is whole: exit status 1 when it is not",
     ROWS(audit_verify_options), audit_verify},
    {"audit", "list", "", 0, 0, "who did what", ROWS(audit_options), audit_list},
};
const size_t command_count = sizeof(commands) / sizeof(commands[0]);

const struct command *command_find(const char *noun, const char *verb)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i].noun, noun) == 0 && strcmp(commands[i].verb, verb) == 0)
            return &commands[i];
    return NULL;
}
