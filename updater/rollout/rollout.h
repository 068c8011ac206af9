/*
 * rollout.h: rollouts, their groups and deployments: records, total state tables, and the engine
 * that moves them.
 *
 * The engine is pure: events and the time come in, records to write and commands to carry out go
 * out. It does no input or output and has no thread; one thread owns it. Times are Unix
 * milliseconds (`_at_ms`, 0: not yet), spans are seconds (`_s`). Spans are meant as they pass, not
 * as a clock says that is set meanwhile: whoever feeds the time tells of that.
 *
 * The rule that makes a crash harmless: a command of an output is carried out only after the
 * records of the same output are durable. When they cannot be made durable, the owner treats it as
 * a crash of the engine: it destroys the engine and loads a new one from what is durable.
 */
#ifndef KEDGE_UPDATER_ROLLOUT_H
#define KEDGE_UPDATER_ROLLOUT_H

#include "updater/rollout/filter.h"
#include "updater/rollout/fit.h"
#include "updater/rollout/steps.h"
#include "updater/rollout/window.h"

#define KEDGE_ENDPOINT_MAX 128u      /* bytes of an endpoint name, without the NUL */
#define KEDGE_NAME_MAX 64u           /* of a rollout's, group's, key's or person's name */
#define KEDGE_VENDOR_MAX 128u        /* vendor domain: /3/0/0 */
#define KEDGE_CLASS_MAX 64u          /* class name: /3/0/1 */
#define KEDGE_VERSION_MAX 63u        /* firmware version: /3/0/3 */
#define KEDGE_PACKAGE_ID_SIZE 64u    /* hex digits of the manifest digest */
#define KEDGE_REASON_MAX 255u        /* one sentence for people; longer ones are cut */
#define KEDGE_ROLLOUT_GROUPS_MAX 64u /* groups of one rollout */
#define KEDGE_ROLLOUT_TARGETS_MAX 1000000u
#define KEDGE_SEED_MAX 999999999u   /* of the order of a rollout's devices: nine digits to type */
#define KEDGE_SPAN_MAX_S 31536000u  /* every span of a policy is at most a year */
#define KEDGE_GROUP_FILTER_MAX 255u /* bytes of the filter of a group */
#define KEDGE_RETRIES_MAX 10u       /* of a device, after each kind of failure */
#define KEDGE_PRIORITY_MAX 100u
#define KEDGE_PRIORITY_DEFAULT 50u

/* ---- states: one table each, the names are those of the API, the database and the documents ----
 */

#define KEDGE_ROLLOUT_STATES(X)                                         \
    X(KEDGE_ROLLOUT_DRAFT, "draft", OPEN)                               \
    X(KEDGE_ROLLOUT_WAITING_FOR_APPROVAL, "waiting_for_approval", OPEN) \
    X(KEDGE_ROLLOUT_READY, "ready", OPEN)                               \
    X(KEDGE_ROLLOUT_RUNNING, "running", OPEN)                           \
    X(KEDGE_ROLLOUT_PAUSED, "paused", OPEN)                             \
    X(KEDGE_ROLLOUT_ABORTING, "aborting", OPEN)                         \
    X(KEDGE_ROLLOUT_ABORTED, "aborted", ENDED)                          \
    X(KEDGE_ROLLOUT_ROLLING_BACK, "rolling_back", OPEN)                 \
    X(KEDGE_ROLLOUT_ROLLED_BACK, "rolled_back", ENDED)                  \
    X(KEDGE_ROLLOUT_FINISHED, "finished", ENDED)

#define KEDGE_GROUP_STATES(X)                                 \
    X(KEDGE_GROUP_SCHEDULED, "scheduled", OPEN)               \
    X(KEDGE_GROUP_RUNNING, "running", OPEN)                   \
    X(KEDGE_GROUP_SOAKING, "soaking", OPEN)                   \
    X(KEDGE_GROUP_WAITING_FOR_GATE, "waiting_for_gate", OPEN) \
    X(KEDGE_GROUP_SUCCEEDED, "succeeded", ENDED)              \
    X(KEDGE_GROUP_FAILED, "failed", ENDED)

/* BUSY: something was sent to the device; it holds a place of in_flight_max while it is awake. */
#define KEDGE_DEPLOYMENT_STATES(X)                       \
    X(KEDGE_DEPLOYMENT_PENDING, "pending", OPEN)         \
    X(KEDGE_DEPLOYMENT_OFFERED, "offered", BUSY)         \
    X(KEDGE_DEPLOYMENT_DOWNLOADING, "downloading", BUSY) \
    X(KEDGE_DEPLOYMENT_DOWNLOADED, "downloaded", BUSY)   \
    X(KEDGE_DEPLOYMENT_INSTALLING, "installing", BUSY)   \
    X(KEDGE_DEPLOYMENT_VERIFYING, "verifying", BUSY)     \
    X(KEDGE_DEPLOYMENT_SUCCEEDED, "succeeded", ENDED)    \
    X(KEDGE_DEPLOYMENT_FAILED, "failed", ENDED)          \
    X(KEDGE_DEPLOYMENT_REJECTED, "rejected", ENDED)      \
    X(KEDGE_DEPLOYMENT_TIMED_OUT, "timed_out", ENDED)    \
    X(KEDGE_DEPLOYMENT_CANCELED, "canceled", ENDED)      \
    X(KEDGE_DEPLOYMENT_SUPERSEDED, "superseded", ENDED)

#define KEDGE_STATE_ENUM_(name, text, phase) name,
enum kedge_rollout_state { KEDGE_ROLLOUT_STATES(KEDGE_STATE_ENUM_) KEDGE_ROLLOUT_STATE_COUNT };
enum kedge_group_state { KEDGE_GROUP_STATES(KEDGE_STATE_ENUM_) KEDGE_GROUP_STATE_COUNT };
enum kedge_deployment_state {
    KEDGE_DEPLOYMENT_STATES(KEDGE_STATE_ENUM_) KEDGE_DEPLOYMENT_STATE_COUNT
};
#undef KEDGE_STATE_ENUM_

/** The state's name, as "running"; "unknown" for a number outside the table; static storage. */
const char *kedge_rollout_state_name(enum kedge_rollout_state state);
const char *kedge_group_state_name(enum kedge_group_state state);
const char *kedge_deployment_state_name(enum kedge_deployment_state state);

/** The state that has this name; false when none has. */
bool kedge_rollout_state_parse(const char *name, enum kedge_rollout_state *out);
bool kedge_group_state_parse(const char *name, enum kedge_group_state *out);
bool kedge_deployment_state_parse(const char *name, enum kedge_deployment_state *out);

/** Whether the state never changes any more. */
bool kedge_rollout_state_ended(enum kedge_rollout_state state);
bool kedge_group_state_ended(enum kedge_group_state state);
bool kedge_deployment_state_ended(enum kedge_deployment_state state);
/** Whether the device is being taken through the update: offered to verifying. It holds an
 * in-flight place then, unless its device sleeps. */
bool kedge_deployment_state_busy(enum kedge_deployment_state state);

/* ---- records: plain data, as they are stored ---- */

enum kedge_error_action {
    KEDGE_ERROR_PAUSE = 0,
    KEDGE_ERROR_ABORT = 1,
    KEDGE_ERROR_ROLL_BACK = 2 /* refused at creation without a revert package */
};

/** "pause", "abort", "roll_back". */
const char *kedge_error_action_name(enum kedge_error_action action);
bool kedge_error_action_parse(const char *name, enum kedge_error_action *out);

/** How urgent an update is, as its devices are told (/5/0/11 of object 5 since version 1.1). */
enum kedge_severity {
    KEDGE_SEVERITY_UNSET, /* they are not told */
    KEDGE_SEVERITY_CRITICAL,
    KEDGE_SEVERITY_MANDATORY,
    KEDGE_SEVERITY_OPTIONAL,
    KEDGE_SEVERITY_COUNT
};

#define KEDGE_DEFER_UNSET UINT32_MAX

/** Where somebody else than the author must approve. */
enum kedge_approval {
    KEDGE_APPROVAL_NONE,
    KEDGE_APPROVAL_START,  /* before it can be started */
    KEDGE_APPROVAL_GROUPS, /* likewise, and at the gate before each further group */
    KEDGE_APPROVAL_COUNT
};

/** "none", "start", "groups"; static storage. */
const char *kedge_approval_name(enum kedge_approval approval);
bool kedge_approval_parse(const char *name, enum kedge_approval *out);

/** "" for UNSET, "critical", ...; static storage. */
const char *kedge_severity_name(enum kedge_severity severity);
bool kedge_severity_parse(const char *name, enum kedge_severity *out);

/** How a rollout goes about it. Fill it with kedge_rollout_policy_default(), then change it. */
struct kedge_rollout_policy {
    uint32_t in_flight_max;           /* devices at work at once; at least 1 */
    uint32_t error_threshold_percent; /* more than this share of the group in error trips; 0..100 */
    uint32_t error_minimum_sample;    /* not judged before so many were tried (or all of them) */
    enum kedge_error_action error_action;
    uint32_t success_threshold_percent; /* the gate: at least this share succeeded; 0..100 */
    uint32_t deployment_soak_s;         /* the device must still be well after it (decision 7) */
    uint32_t group_soak_s;              /* from a group's last end until its gate is judged */
    uint32_t deadline_s;                /* from the start; ends what is pending then; 0: never */
    /* time limits of one deployment, from what was sent or the last progress; at least 1 */
    uint32_t offer_limit_s;
    uint32_t download_limit_s; /* without progress */
    uint32_t install_limit_s;
    uint32_t verify_limit_s; /* from Execute's answer until the device is back and confirmed */
    /* Likewise error_threshold_percent, of one kind of errors alone; 100: does not trip. */
    uint32_t failed_threshold_percent;
    uint32_t rejected_threshold_percent;
    uint32_t timed_out_threshold_percent;
    /* Devices that are offered it in a minute; 0: as many as there are places for. */
    uint32_t offers_per_minute;
    uint32_t offers_per_minute_max; /* it doubles up to this; 0: it does not grow */
    uint32_t ramp_successes;        /* after so many successes each time; at least 1 */
    /* So many more attempts a device has after each kind of failure; 0: none. */
    uint32_t retry_failed;
    uint32_t retry_rejected;
    uint32_t retry_timed_out;
    uint32_t retry_after_s;     /* before the second attempt; at least 1 */
    uint32_t retry_after_max_s; /* it doubles with each attempt up to this; 0: it does not grow */
    uint32_t priority;          /* of two rollouts that want a device the higher one gets it */
    enum kedge_severity severity;
    /* So long a device may put the update off (/5/0/13); KEDGE_DEFER_UNSET: it is not told. */
    uint32_t max_defer_s;
    enum kedge_approval approval;
};

/** 100 in flight, errors above 20 % (sample 10) pause, gate 80 %, no soak, no deadline. */
void kedge_rollout_policy_default(struct kedge_rollout_policy *policy);

/** A number of the policy: its name everywhere, where it stands, and what it may be. */
struct kedge_policy_field {
    const char *name;
    size_t offset;
    uint32_t least, most;
};

#define KEDGE_POLICY_FIELD_COUNT 23u
/** All numbers of a policy that it always has, in the order of the struct. */
extern const struct kedge_policy_field kedge_policy_fields[KEDGE_POLICY_FIELD_COUNT];

uint32_t kedge_policy_get(const struct kedge_rollout_policy *policy,
                          const struct kedge_policy_field *field);
void kedge_policy_set(struct kedge_rollout_policy *policy, const struct kedge_policy_field *field,
                      uint32_t value);

#define KEDGE_GATE_UNSET UINT32_MAX

/** What holds for one group alone; KEDGE_GATE_UNSET: what its rollout's policy says. */
struct kedge_group_gate {
    uint32_t error_threshold_percent;
    uint32_t error_minimum_sample;
    uint32_t success_threshold_percent;
    uint32_t group_soak_s;
    uint32_t approval; /* 1: somebody else approves that the next group begins; 0: nobody need */
};

#define KEDGE_GATE_FIELD_COUNT 4u
/** Its numbers that a policy has as well, under the same names. */
extern const struct kedge_policy_field kedge_gate_fields[KEDGE_GATE_FIELD_COUNT];

void kedge_group_gate_unset(struct kedge_group_gate *gate);
uint32_t kedge_gate_get(const struct kedge_group_gate *gate,
                        const struct kedge_policy_field *field);
void kedge_gate_set(struct kedge_group_gate *gate, const struct kedge_policy_field *field,
                    uint32_t value);

/** A package that is offered first, to devices whose version the rollout's own does not replace. */
struct kedge_intermediate {
    char package_id[KEDGE_PACKAGE_ID_SIZE + 1];
    char version[KEDGE_VERSION_MAX + 1];
    uint64_t sequence;
};

struct kedge_rollout {
    uint64_t id;
    enum kedge_rollout_state state;
    char name[KEDGE_NAME_MAX + 1];
    char package_id[KEDGE_PACKAGE_ID_SIZE + 1];
    char vendor[KEDGE_VENDOR_MAX + 1];
    char class_name[KEDGE_CLASS_MAX + 1];
    char version[KEDGE_VERSION_MAX + 1]; /* what /3/0/3 must read, byte for byte */
    uint64_t sequence;                   /* the package's SUIT sequence number */
    uint32_t intermediate_count;
    struct kedge_intermediate intermediates[KEDGE_INTERMEDIATES_MAX]; /* in their order */
    bool all_devices; /* created for all of the class, not for a list */
    char author[KEDGE_NAME_MAX + 1];
    char approver[KEDGE_NAME_MAX + 1]; /* who let it begin; "": nobody was needed, or has yet */
    struct kedge_rollout_policy policy;
    bool dynamic;          /* devices that come to match later join it, in its last group */
    uint64_t closed_at_ms; /* of a dynamic one: since when nobody joins any more; 0: not yet */
    uint32_t group_count;
    uint32_t device_count;
    uint32_t seed;                          /* of the order in which devices were put into groups */
    char spread_by[KEDGE_NAME_MAX + 1];     /* the tag whose values are spread over it; "": none */
    char filter[KEDGE_FILTER_TEXT_MAX + 1]; /* by which its devices were found; "": by none */
    /* What its devices are taken back to, and that version's sequence; "" and 0: nothing. */
    char revert_package_id[KEDGE_PACKAGE_ID_SIZE + 1];
    char revert_version[KEDGE_VERSION_MAX + 1];
    uint64_t revert_sequence;
    uint64_t revert_rollout_id;  /* the rollout that does so; 0: none yet */
    uint64_t reverts_rollout_id; /* of such a one: whose devices it takes back; else 0 */
    uint64_t
        start_at_ms; /* it starts by itself then, by the wall clock; 0: when somebody says so */
    /* As kedge_windows_text() writes them; "": at any time. */
    char windows[KEDGE_WINDOWS_TEXT_MAX + 1];      /* when its devices may install */
    char gate_windows[KEDGE_WINDOWS_TEXT_MAX + 1]; /* when its gates may open */
    bool download_in_window;                       /* downloads begin in the windows, too */
    uint64_t created_at_ms;
    uint64_t started_at_ms;
    uint64_t deadline_at_ms; /* 0: none */
    uint64_t ended_at_ms;
    char reason[KEDGE_REASON_MAX + 1]; /* of the last change of state */
};

/** The kinds of errors; every error is of one. */
enum kedge_error_kind {
    KEDGE_ERROR_KIND_FAILED,
    KEDGE_ERROR_KIND_REJECTED,
    KEDGE_ERROR_KIND_TIMED_OUT, /* after an offer */
    KEDGE_ERROR_KIND_COUNT
};

struct kedge_group {
    uint64_t rollout_id;
    uint32_t index; /* from 0 */
    enum kedge_group_state state;
    char name[KEDGE_NAME_MAX + 1];
    uint32_t counts[KEDGE_DEPLOYMENT_STATE_COUNT]; /* deployments by state; their sum is the size */
    uint32_t errors;          /* failed, rejected, and timed out after an offer */
    uint32_t already;         /* of the succeeded: ran the version already, never offered */
    uint32_t errors_accepted; /* what `errors` was when a person resumed the rollout */
    uint32_t kinds_accepted[KEDGE_ERROR_KIND_COUNT]; /* likewise, of each kind */
    char approver[KEDGE_NAME_MAX + 1];               /* of its gate; "" likewise */
    struct kedge_group_gate gate;
    char filter[KEDGE_GROUP_FILTER_MAX + 1]; /* by which devices are in it; "": by none */
    uint64_t started_at_ms;
    uint64_t soak_until_ms;
    uint64_t ended_at_ms;
    char reason[KEDGE_REASON_MAX + 1];
};

/** How many of its errors are of this kind. */
uint32_t kedge_group_errors(const struct kedge_group *group, enum kedge_error_kind kind);

#define KEDGE_UPDATE_RESULT_NONE (-1)

struct kedge_deployment {
    uint64_t id; /* unique over all rollouts, never used again */
    uint64_t rollout_id;
    uint32_t group_index;
    enum kedge_deployment_state state;
    char endpoint[KEDGE_ENDPOINT_MAX + 1];
    char version_before[KEDGE_VERSION_MAX + 1]; /* what ran when it was offered; "" before */
    int32_t update_result;                      /* last /5/0/5, or KEDGE_UPDATE_RESULT_NONE */
    uint64_t bytes_done;                        /* of the download; live figure, lazily durable */
    uint64_t bytes_total;                       /* 0: unknown */
    uint64_t offered_at_ms;                     /* 0: never offered */
    uint8_t steps_done; /* a bit for each intermediate that the device has confirmed */
    uint8_t step;       /* what it is offered now, or was last: an intermediate, or behind them */
    uint8_t retries[KEDGE_ERROR_KIND_COUNT]; /* of what it was given another attempt, how often */
    uint64_t retry_at_ms; /* while it is pending: not offered before; 0: it waits for no attempt */
    uint64_t changed_at_ms; /* of the last change of state */
    uint64_t ended_at_ms;
    char reason[KEDGE_REASON_MAX + 1];
};

/** What happened to a rollout, group or deployment. Written once, never changed. */
struct kedge_history_entry {
    uint64_t id; /* given by the store; rises with time */
    uint64_t at_ms;
    uint64_t rollout_id;
    int64_t group_index;                   /* -1: of the rollout as a whole */
    uint64_t deployment_id;                /* 0: of the rollout or group */
    char endpoint[KEDGE_ENDPOINT_MAX + 1]; /* "" likewise */
    char who[KEDGE_NAME_MAX + 1];          /* a person's token name, "server" or "device" */
    char from[24];                         /* state names; `from` is "" at creation */
    char to[24];
    char text[KEDGE_REASON_MAX + 1];
};

/** What a person did, or a rule of the server. The store adds sequence number and hash chain. */
struct kedge_audit_entry {
    uint64_t sequence; /* given by the store: 1, 2, 3 ... */
    uint64_t at_ms;
    char who[KEDGE_NAME_MAX + 1];
    char what[32];                        /* "rollout.start", "trust.add", ... */
    char subject[KEDGE_ENDPOINT_MAX + 1]; /* the thing's id */
    char before[KEDGE_REASON_MAX + 1];
    char after[KEDGE_REASON_MAX + 1];
    uint8_t hash[32]; /* given by the store: SHA-256 over the previous row's hash and this row */
};

/** What is offered in a step: of an intermediate, or, behind those, of the rollout itself. */
const char *kedge_rollout_step_package(const struct kedge_rollout *rollout, uint32_t step);
const char *kedge_rollout_step_version(const struct kedge_rollout *rollout, uint32_t step);

/* ---- events ---- */

/** One device that a new rollout is meant for. Strings are borrowed for the call. */
struct kedge_rollout_target {
    const char *endpoint;
    bool known;         /* false: a listed endpoint that no device has */
    const char *vendor; /* "" or NULL: not identified yet */
    const char *class_name;
    const char *version;
    const char *hardware; /* NULL or "": not said */
    struct kedge_fit_limits limits;
    bool present;            /* registered now */
    bool asleep;             /* not to be reached now, as in the event */
    bool unassociated;       /* likewise */
    uint64_t expected_at_ms; /* of one that is asleep, as in the event */
    const char *zone;        /* its own, by which windows are meant; NULL or "": it has none */
    const char *place;       /* what kedge_groups_divide() spreads; NULL or "": nowhere */
    uint32_t filter_group;   /* for it: from 1, the first group whose filter means the device; 0 */
    uint32_t group_index;    /* below group_count */
};

enum kedge_group_share {
    KEDGE_GROUP_REST,    /* all that the groups before it leave; the last group only */
    KEDGE_GROUP_PERCENT, /* of the devices of the rollout that no group's filter means */
    KEDGE_GROUP_COUNT,   /* of these, too */
    KEDGE_GROUP_FILTER   /* all that its filter means, and that of no group before it */
};

#define KEDGE_GROUP_JOINED "joined" /* the name of a dynamic rollout's last group */

/** What a person asks a group to be. */
struct kedge_group_plan {
    const char *name; /* NULL: "group N" */
    enum kedge_group_share share;
    uint32_t size;      /* percent, 1..100, or devices, at least 1; of the others: not looked at */
    const char *filter; /* of KEDGE_GROUP_FILTER */
    const struct kedge_group_gate *gate; /* NULL: all as the rollout has it */
};

/** What a person asks for. Strings are borrowed for the call. */
struct kedge_rollout_spec {
    const char *name;
    const char *package_id;
    const char *vendor; /* the package's, as texts */
    const char *class_name;
    const char *version;
    uint64_t sequence;
    struct kedge_fit_conditions conditions; /* the package's: who is offered it must meet them */
    const char *revert_package_id; /* of the same vendor and class, which is not checked here */
    const char *revert_version;    /* NULL, as the id: none */
    uint64_t revert_sequence;
    struct kedge_fit_conditions revert_conditions;
    const struct kedge_intermediate *intermediates; /* so many; of the same vendor and class, which
                                                       is not checked here */
    const struct kedge_fit_conditions *intermediate_conditions;
    uint32_t intermediate_count;
    bool all_devices; /* how the targets came about; for the record */
    bool dynamic;     /* gets one more group, KEDGE_GROUP_JOINED, for devices that join later */
    struct kedge_rollout_policy policy;
    uint32_t seed;         /* for the record, and likewise the next: the targets are in order */
    const char *spread_by; /* NULL: none */
    const char *filter;    /* for the record; NULL: none */
    uint64_t start_at_ms;  /* 0: when somebody says so */
    const char *windows, *gate_windows; /* as the record has them; NULL: none */
    bool download_in_window;
    uint32_t group_count;                       /* at least 1 */
    const struct kedge_group_plan *groups;      /* so many, for their names; NULL: "group N" */
    const struct kedge_rollout_target *targets; /* a group's are offered in this order */
    size_t target_count;
    size_t target_total; /* so many in all, if that are more: the others follow by ROLLOUT_ADD */
};

enum kedge_engine_event_kind {
    KEDGE_EVENT_ROLLOUT_CREATE, /* .create; the output's rollout_id is the new one's */
    KEDGE_EVENT_ROLLOUT_ADD,    /* .rollout_id, .add: the next devices of one that is a draft */
    KEDGE_EVENT_ROLLOUT_START,  /* .rollout_id, and likewise the next six */
    KEDGE_EVENT_ROLLOUT_PAUSE,
    KEDGE_EVENT_ROLLOUT_RESUME,
    KEDGE_EVENT_ROLLOUT_ABORT,
    KEDGE_EVENT_ROLLOUT_ROLL_BACK,
    KEDGE_EVENT_ROLLOUT_APPROVE,
    KEDGE_EVENT_ROLLOUT_CLOSE,     /* nobody joins it any more */
    KEDGE_EVENT_ROLLOUT_JOIN,      /* .rollout_id, .join: a device has come to match */
    KEDGE_EVENT_DEVICE_PRESENT,    /* .device: registered, identified and awake, or changed */
    KEDGE_EVENT_DEVICE_REMEMBERED, /* .device: as it was when it was heard of last, before this
                                      engine was made; not whether it is there */
    KEDGE_EVENT_DEVICE_ASLEEP,     /* .device.endpoint, .unassociated, .expected_at_ms: registered,
                                      and not to be reached until it is PRESENT */
    KEDGE_EVENT_DEVICE_GONE,       /* .device.endpoint: de-registered or expired */
    KEDGE_EVENT_DEVICE_ZONE,       /* .device.endpoint, .zone: by which its windows are meant */
    KEDGE_EVENT_DEPLOYMENT_REPORT, /* .report: from the Object 5 driver */
    KEDGE_EVENT_TICK               /* the time has come that next_tick_at_ms named */
};

/** Strings are borrowed for the call. */
struct kedge_engine_event {
    enum kedge_engine_event_kind kind;
    const char *who; /* of what a person asks for; NULL: "server" */
    uint64_t rollout_id;
    struct kedge_rollout_spec create;
    struct kedge_rollout_target join; /* its group_index is not looked at */
    struct kedge_rollout_part {
        const struct kedge_rollout_target *targets;
        size_t count;
    } add;
    struct kedge_engine_device {
        const char *endpoint;
        const char *vendor;
        const char *class_name;
        const char *version;  /* NULL or "": not known */
        const char *hardware; /* likewise */
        struct kedge_fit_limits limits;
        const char *zone;        /* NULL or "": none of its own */
        bool unassociated;       /* it has no association by DTLS; else it sleeps, in queue mode */
        uint64_t expected_at_ms; /* when its lifetime is over; 0: it has none */
    } device;
    struct kedge_deployment_report {
        uint64_t deployment_id;
        enum kedge_deployment_state state; /* any but pending and superseded */
        int update_result;                 /* or KEDGE_UPDATE_RESULT_NONE */
        const char *reason;                /* what was sent, what came back; NULL: nothing to say */
        uint64_t bytes_done;
        uint64_t bytes_total;
        /* What the server sends to all devices a second, when this one waits for that; else 0 */
        uint64_t held_bytes_per_s;
    } report;
};

/* ---- output ---- */

#define KEDGE_REFUSAL_MAX 1024u /* with the NUL */

enum kedge_engine_command_kind {
    KEDGE_COMMAND_OFFER,  /* take the device through the update, from whatever state it is in */
    KEDGE_COMMAND_CANCEL, /* stop doing so; carry out before the offers that follow it */
    /* Of a rollout with windows: what is downloaded may be installed, if that begins before
     * .install_until_ms (KEDGE_WINDOW_NEVER: at any time; 0: not any more, or not yet). */
    KEDGE_COMMAND_INSTALL
};

/**
 * Carried out once the output's records are durable, in order. By then a deployment may have ended:
 * skip an OFFER unless kedge_engine_device_deployment() still names it. Both are idempotent: an
 * OFFER of what is at work and a CANCEL of what is not change nothing.
 */
struct kedge_engine_command {
    enum kedge_engine_command_kind kind;
    uint64_t deployment_id;
    uint64_t rollout_id;       /* for kedge_engine_rollout(): package, version, soak, limits */
    uint64_t install_until_ms; /* of INSTALL */
    char endpoint[KEDGE_ENDPOINT_MAX + 1];
};

/**
 * What an event brought about. The arrays belong to the output; every record stands in it once, as
 * it is after the event, whole. `history` and `audit` are in the order of what happened.
 */
struct kedge_engine_output {
    struct kedge_rollout *rollouts;
    struct kedge_group *groups;
    struct kedge_deployment *deployments;
    struct kedge_history_entry *history;
    struct kedge_audit_entry *audit;
    struct kedge_engine_command *commands;
    size_t rollout_count, group_count, deployment_count, history_count, audit_count, command_count;
    uint64_t rollout_id;             /* of a rollout that was created; else 0 */
    uint64_t next_tick_at_ms;        /* send a TICK then; 0: nothing waits for the time */
    char refusal[KEDGE_REFUSAL_MAX]; /* why the event was refused, for the person who asked */
    const char *refusal_field;       /* of a new rollout, which is at fault; NULL: no single one */
    size_t capacity_[6];
};

/** Makes `output` empty; do so once before its first use. */
void kedge_engine_output_init(struct kedge_engine_output *output);
/** Frees the arrays and makes it empty again. */
void kedge_engine_output_clear(struct kedge_engine_output *output);
/** Whether there are records to write; if not, commands may be carried out at once. */
bool kedge_engine_output_has_records(const struct kedge_engine_output *output);

/* ---- the engine ---- */

struct kedge_engine;

/** The highest ids that were ever durable; new ones follow them. */
struct kedge_engine_ids {
    uint64_t rollout_id;
    uint64_t deployment_id;
};

enum kedge_rc kedge_engine_create(const struct kedge_engine_ids *last,
                                  struct kedge_engine **out) KEDGE_MUST_USE;
void kedge_engine_destroy(struct kedge_engine *engine);
/** By these zones windows are meant, from now on; it borrows them. Without any, there is UTC. */
void kedge_engine_use_zones(struct kedge_engine *engine, const struct kedge_zones *zones);
/** Whether a rollout that has not ended has windows: then say DEVICE_ZONE. O(rollouts). */
bool kedge_engine_uses_windows(const struct kedge_engine *engine);

#define KEDGE_ENGINE_SLICE_MOVES 250u
/**
 * How many deployments of one rollout are moved at once where all of them are to be, before other
 * events have their turn: offers, an abort, a deadline. The rest follows by TICKs that
 * next_tick_at_ms names, 5 ms apart. At least 1; KEDGE_ENGINE_SLICE_MOVES from the beginning on.
 */
void kedge_engine_set_slice(struct kedge_engine *engine, uint32_t moves);

/*
 * Loading what is durable, in this order: every rollout that has not ended (ended ones are
 * welcome, for kedge_engine_rollout() and the explanations), their groups, all deployments of those
 * that have not ended; then kedge_engine_load_done(), then DEVICE_PRESENT for each device as it
 * comes. Counts are taken from the deployments. KEDGE_E_MALFORMED for records that do not fit
 * together (`engine` is then only good for destroying).
 */
enum kedge_rc kedge_engine_load_rollout(struct kedge_engine *engine,
                                        const struct kedge_rollout *record) KEDGE_MUST_USE;
enum kedge_rc kedge_engine_load_group(struct kedge_engine *engine,
                                      const struct kedge_group *record) KEDGE_MUST_USE;
enum kedge_rc kedge_engine_load_deployment(struct kedge_engine *engine,
                                           const struct kedge_deployment *record) KEDGE_MUST_USE;
/**
 * What a package asks of devices, which is copied: for each one that a rollout names which has not
 * ended, after the rollouts are loaded. Of one that is not known, it asks nothing but vendor and
 * class.
 */
enum kedge_rc
kedge_engine_load_package(struct kedge_engine *engine, const char *package_id,
                          const struct kedge_fit_conditions *conditions) KEDGE_MUST_USE;
/**
 * Ends the loading. A deployment in flight is offered again when its device is present; one whose
 * device does not come back within the time limit of its phase, from `now_ms` on, has timed out. No
 * deadline or soak has more left than the whole of its span: a clock that went back is not waited
 * for.
 */
enum kedge_rc kedge_engine_load_done(struct kedge_engine *engine, uint64_t now_ms,
                                     struct kedge_engine_output *output) KEDGE_MUST_USE;

/**
 * Takes one event. A JOIN of a device that the rollout names already, or of a rollout that cannot
 * be joined, changes nothing and is no refusal. `output` is emptied first and then filled. Costs
 * O(what changes), not O(what there is); creating, adding and starting cost O(targets). Devices
 * that no open deployment names are ignored, and so are reports on deployments that have ended.
 *
 * A rollout that is created in parts is a draft, which can be aborted and nothing else, until all
 * its devices were added; each planned group needs one of them, for which only the check of all
 * targets at once answers. A draft that is loaded is aborted: nobody goes on with it.
 *
 * A refusal changes nothing and leaves its words in output->refusal: KEDGE_E_NOT_FOUND (no such
 * rollout, or no device matches), KEDGE_E_STATE (not possible in this state), KEDGE_E_ARGUMENT (a
 * policy or text out of range, a duplicate target, a revert package that takes nobody back, or none
 * where errors roll back), KEDGE_E_VENDOR / KEDGE_E_CLASS (targets of another vendor or class,
 * listed), KEDGE_E_CONFLICT (who approves is the author).
 * After KEDGE_E_MEMORY the engine refuses all further events: destroy it and load anew.
 */
enum kedge_rc kedge_engine_handle(struct kedge_engine *engine, uint64_t now_ms,
                                  const struct kedge_engine_event *event,
                                  struct kedge_engine_output *output) KEDGE_MUST_USE;

/**
 * Whether CREATE would refuse it, as kedge_engine_handle() has it: its texts, its policy, its
 * groups and its targets; its times are judged by kedge_rollout_timing_check(). Makes nothing, and
 * needs no engine. The words are in output->refusal. O(targets).
 */
enum kedge_rc kedge_rollout_spec_check(const struct kedge_rollout_spec *spec,
                                       struct kedge_engine_output *output) KEDGE_MUST_USE;

/**
 * "The wall clock was set, by `step_ms`": deadlines and soaks move with it, so that what is left of
 * them stays what it was. Between two events, or between loading and kedge_engine_load_done(); the
 * records that changed are in the output of the next call that is not refused. O(what is open).
 */
void kedge_engine_clock_stepped(struct kedge_engine *engine, int64_t step_ms);

/** When the next TICK is due; 0: nothing waits for the time. */
uint64_t kedge_engine_next_tick_at_ms(const struct kedge_engine *engine);

/**
 * Whether the targets can be those of the rollout, all of them at once; what ROLLOUT_CREATE refuses
 * of targets that come with it. O(targets), and of no engine, so on any thread. `why` is the
 * refusal.
 */
enum kedge_rc kedge_rollout_targets_check(const struct kedge_rollout_spec *spec,
                                          char why[KEDGE_REFUSAL_MAX]) KEDGE_MUST_USE;

/* Looking, not touching. The pointers hold until the next event. NULL / KEDGE_E_NOT_FOUND: unknown.
 */
const struct kedge_rollout *kedge_engine_rollout(const struct kedge_engine *engine,
                                                 uint64_t rollout_id);
const struct kedge_group *kedge_engine_group(const struct kedge_engine *engine, uint64_t rollout_id,
                                             uint32_t index);
/** The deployment as it is now, with live progress; only of rollouts that have not ended. */
enum kedge_rc kedge_engine_deployment(const struct kedge_engine *engine, uint64_t deployment_id,
                                      struct kedge_deployment *out) KEDGE_MUST_USE;
/**
 * The newest rollout older than `before_id` (0: than none) that devices can join now: a dynamic one
 * that nobody has closed and that has not stopped for good; 0: there is none. O(dynamic rollouts).
 */
uint64_t kedge_engine_joinable(const struct kedge_engine *engine, uint64_t before_id);
/** Calls `fn` for each rollout that runs or is paused in which the device's part has not ended. */
void kedge_engine_device_rollouts(const struct kedge_engine *engine, const char *endpoint,
                                  void (*fn)(void *context, const struct kedge_rollout *rollout),
                                  void *context);
/** The deployment that is at work on the device now; 0: none. */
uint64_t kedge_engine_device_deployment(const struct kedge_engine *engine, const char *endpoint);
/** How many rollouts are running and how many deployments are busy. O(rollouts). */
void kedge_engine_figures(const struct kedge_engine *engine, uint64_t *rollouts_running,
                          uint64_t *deployments_busy);

/** What gates have decided since the engine was made. */
struct kedge_gate_decisions {
    uint64_t passed, failed; /* a group's success threshold was met, or was not */
    uint64_t paused, aborted,
        rolled_back; /* a rollout was, by a gate or by a threshold of errors */
};
struct kedge_gate_decisions kedge_engine_gate_decisions(const struct kedge_engine *engine);
/** Whether a rollout that has not ended rests on the package, or may go back to it. O(rollouts). */
bool kedge_engine_package_in_use(const struct kedge_engine *engine, const char *package_id);

#define KEDGE_TIMING_TEXT_MAX 192u /* with the NUL */

/**
 * Whether a rollout that is created at `now_ms` can have this start time, these windows, and this
 * deadline; its groups are counted. KEDGE_E_ARGUMENT, and why, with the figures; `*field` gets the
 * field at fault where it is a single one, else NULL.
 */
enum kedge_rc kedge_rollout_timing_check(const struct kedge_rollout *record,
                                         const struct kedge_zones *zones, uint64_t now_ms,
                                         char why[KEDGE_TIMING_TEXT_MAX],
                                         const char **field) KEDGE_MUST_USE;
/** The same of windows alone, of one that starts at `from_ms`. */
enum kedge_rc kedge_rollout_opening_check(const struct kedge_rollout *record,
                                          const struct kedge_zones *zones, uint64_t from_ms,
                                          char why[KEDGE_TIMING_TEXT_MAX]) KEDGE_MUST_USE;

#define KEDGE_EXPLANATION_MAX 512u /* with the NUL */

/*
 * "Why is it where it is, and what is it waiting for?" One sentence with figures. A deployment of
 * an ended rollout is no longer held: use kedge_deployment_explain() on its record.
 */
enum kedge_rc kedge_engine_explain_rollout(const struct kedge_engine *engine, uint64_t rollout_id,
                                           uint64_t now_ms,
                                           char text[KEDGE_EXPLANATION_MAX]) KEDGE_MUST_USE;
enum kedge_rc kedge_engine_explain_group(const struct kedge_engine *engine, uint64_t rollout_id,
                                         uint32_t index, uint64_t now_ms,
                                         char text[KEDGE_EXPLANATION_MAX]) KEDGE_MUST_USE;
enum kedge_rc kedge_engine_explain_deployment(const struct kedge_engine *engine,
                                              uint64_t deployment_id, uint64_t now_ms,
                                              char text[KEDGE_EXPLANATION_MAX]) KEDGE_MUST_USE;
/** From the record alone: all there is to say of a deployment that has ended. What its Update Result
 * has to do with it, its reason says: here nothing is added. */
void kedge_deployment_explain(const struct kedge_deployment *record,
                              char text[KEDGE_EXPLANATION_MAX]);

#endif
