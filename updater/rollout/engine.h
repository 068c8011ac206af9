/*
 * engine.h: the inside of the engine, for the files of this folder only.
 *
 *   engine.c  events in, and looking      create.c  a new rollout, checked     load.c  from records
 *   target_check.c  the devices of a new one      draft.c  one that is made in parts
 *   moves.c   one step of one thing, by the tables, with its counts and its history
 *   rules.c   what the server's own rules have moved, for the audit log
 *   settle.c  what follows from a step: places are filled, groups and rollouts go on
 *   gate_rules.c  what a group says of that itself
 *   gates.c   whether a group goes badly enough to stop, or well enough for the next one
 *   rate.c    how many devices a minute
 *   priority.c  which of two rollouts gets a device
 *   retry.c   attempts that ended in error, and the next ones
 *   slice.c   how much at once
 *   approve.c a second person
 *   revert.c  a rollout that is rolled back
 *   keep.c    devices that do not keep the version
 *   late.c    devices that were canceled too late
 *   sleep.c   devices that sleep
 *   terms.c   what packages ask of devices
 *   chain.c   intermediate packages, offered first
 *   join.c    devices that come to match later
 *   timing.c  start times and windows
 *   clock.c   a wall clock that is set    output.c   records and commands out
 *   explain.c the sentences
 */
#ifndef KEDGE_UPDATER_ROLLOUT_ENGINE_H
#define KEDGE_UPDATER_ROLLOUT_ENGINE_H

#include "updater/rollout/map.h"
#include "updater/rollout/rollout.h"
#include "updater/rollout/tables.h"
#include "updater/rollout/timers.h"

/** What a package asks of devices; all texts are owned. */
struct package_node {
    struct package_node *next;
    char id[KEDGE_PACKAGE_ID_SIZE + 1];
    char *hardware, *min_version, *max_version; /* NULL: nothing */
    uint64_t sequence, image_size;
};

struct rollout_node;
struct rollout_timing;
struct zone_node;
struct group_node;
struct device_node;

/** A deployment, of an open rollout; those of ended rollouts are dropped. */
struct deployment_node {
    struct kedge_map_link link; /* in engine.deployments, by id: the first member */
    uint64_t id;
    struct group_node *group;
    struct device_node *device;
    struct deployment_node *next_in_group;
    struct deployment_node *next_in_device, *previous_in_device; /* while it is open */
    struct deployment_node *next_kept;                           /* in device.kept */
    struct deployment_node *next_of_device;                      /* in device.all */
    struct deployment_node *next_waiting,
        *previous_waiting; /* in group.waiting, or a zone's queue */
    struct deployment_node *next_changed;
    uint64_t bytes_done, bytes_total;
    uint64_t offered_at_ms, changed_at_ms, ended_at_ms;
    char *reason;         /* owned; NULL: none */
    char *version_before; /* owned; NULL: none */
    uint64_t retry_at_ms;
    struct kedge_timer wait_timer; /* in flight at a restart, and not taken up again yet; or
                                      pending, and its next attempt is not due */
    int32_t update_result;
    enum kedge_deployment_state state;
    uint8_t retries[KEDGE_ERROR_KIND_COUNT];
    uint8_t steps_done, step; /* as in the record; chain.c */
    bool slowed;              /* the server holds its bytes back, for the rate of all downloads */
    bool held, queued;        /* downloaded, and not to install yet; timing.c */
    bool may_install;
    bool waiting;  /* could be offered at once if there were a place */
    bool placed;   /* holds a place: in flight, and its device is not asleep */
    bool attended; /* in flight, and an OFFER was given out since the engine was made */
    bool changed;
};

struct group_node {
    struct kedge_group record;
    struct rollout_node *rollout;
    struct deployment_node *deployments; /* all of them, in the order of ids */
    struct deployment_node *last;
    struct deployment_node *first_waiting, *last_waiting;
    uint32_t size, open;
    struct kedge_timer soak_timer;
    bool changed, loaded;
};

/* What is done with one deployment after the other; a later kind replaces an earlier one. */
enum sweep_kind {
    SWEEP_NONE,
    SWEEP_REVIEW,   /* the group has begun: who may be offered the package */
    SWEEP_CLAIM,    /* the rollout has begun: its devices are taken from others */
    SWEEP_DEADLINE, /* what is pending ends */
    SWEEP_CANCEL,   /* what is not installing yet ends */
    SWEEP_DROP      /* the rollout has ended: nothing of it is needed any more */
};

struct sweep {
    enum sweep_kind kind;
    uint32_t group_index;
    struct deployment_node *next; /* NULL: the next group's first */
};

struct rollout_node {
    struct kedge_map_link link; /* in engine.rollouts, by id: the first member */
    struct kedge_rollout record;
    struct group_node *groups; /* record.group_count of them */
    struct rollout_node *next;
    const struct package_node *package; /* NULL: not known, and likewise of */
    const struct package_node *intermediates[KEDGE_INTERMEDIATES_MAX];
    struct rollout_node *next_dynamic; /* in engine.first_dynamic */
    struct rollout_node *next_changed, *next_unsettled;
    uint32_t current;                /* the group that is at work, or would be */
    uint32_t busy;                   /* deployments in flight, */
    uint32_t placed;                 /* of which so many hold a place */
    uint64_t credit, credited_at_ms; /* for offers, by the rate; 0: not at any time yet */
    struct sweep sweep;
    uint64_t slice_ends_at_ms; /* then there is a whole slice again */
    uint32_t slice_left;
    struct kedge_timer deadline_timer, offer_timer, slice_timer;
    struct rollout_timing *timing; /* NULL: it has neither a start time nor windows */
    bool changed; /* stands in engine.changed_rollouts: the record or one of its groups */
    bool record_changed;
    bool unsettled;
    bool orphaned; /* a draft that was loaded */
};

/** A device that a deployment of an open rollout names. */
struct device_node {
    struct kedge_map_link link;      /* in engine.devices, by endpoint: the first member */
    struct deployment_node *open;    /* its open deployments */
    struct deployment_node *working; /* the one in flight; at most one */
    struct deployment_node *kept;    /* those that succeeded on it since one began */
    struct deployment_node *all;     /* all that are held, also those that have ended */
    size_t references;               /* deployments that point here */
    char *vendor, *class_name, *version, *hardware; /* owned; NULL: not known */
    struct kedge_fit_limits limits;
    char *zone;              /* owned; one that there is; NULL: none of its own */
    bool present, asleep;    /* one that has gone may have been asleep */
    bool unassociated;       /* that is why it is asleep, as the event says */
    uint64_t expected_at_ms; /* while it is asleep; 0: nobody knows */
    char endpoint[];         /* NUL-terminated */
};

struct kedge_engine {
    struct kedge_map rollouts, deployments, devices;
    struct rollout_node *first_rollout, *first_dynamic;
    struct package_node *first_package;
    struct kedge_timers timers;
    const struct kedge_zones *zones; /* NULL: there is UTC */
    struct kedge_engine_ids last;
    uint32_t slice_moves;
    uint64_t download_bytes_per_s; /* of the server, as it was told last; 0: nobody waits for it */
    bool loading, broken;
    /* during one call */
    struct kedge_engine_output *output;
    struct kedge_gate_decisions decisions;
    uint64_t now_ms;
    const char *who;
    struct rollout_node *changed_rollouts, *unsettled;
    struct deployment_node *changed_deployments, *last_changed_deployment;
};

/* engine.c */
/** Leaves words in the output and hands `rc` back. */
enum kedge_rc engine_refuse(struct kedge_engine *engine, enum kedge_rc rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct rollout_node *engine_rollout(const struct kedge_engine *engine, uint64_t id);
struct deployment_node *engine_deployment(const struct kedge_engine *engine, uint64_t id);
struct device_node *engine_device(const struct kedge_engine *engine, const char *endpoint);
void engine_deployment_record(const struct deployment_node *node, struct kedge_deployment *out);
uint64_t engine_after_s(uint64_t from_ms, uint32_t span_s); /* saturating */

/* create.c, also used for loading */
enum kedge_rc engine_create_rollout(struct kedge_engine *engine,
                                    const struct kedge_rollout_spec *spec) KEDGE_MUST_USE;
enum kedge_rc engine_add_rollout(struct kedge_engine *engine, const struct kedge_rollout *record,
                                 struct rollout_node **out) KEDGE_MUST_USE;
enum kedge_rc engine_add_deployment(struct kedge_engine *engine, struct group_node *group,
                                    uint64_t id, const char *endpoint,
                                    enum kedge_deployment_state state,
                                    struct deployment_node **out) KEDGE_MUST_USE;
/** Adds a device that waits, under a new id, and counts it. */
enum kedge_rc engine_add_pending(struct kedge_engine *engine, struct group_node *group,
                                 const char *endpoint) KEDGE_MUST_USE;
/** The same of a target, with what is known of its device. */
enum kedge_rc engine_add_target(struct kedge_engine *engine, struct group_node *group,
                                const struct kedge_rollout_target *target) KEDGE_MUST_USE;
/** History and audit of a new rollout. */
enum kedge_rc engine_say_created(struct kedge_engine *engine,
                                 const struct kedge_rollout *record) KEDGE_MUST_USE;
/** Frees the first deployment that is left of a rollout that has ended; false: there is none. */
bool engine_drop_deployment(struct kedge_engine *engine, struct rollout_node *rollout);
enum kedge_rc engine_set_text(char **text, const char *value) KEDGE_MUST_USE;

/* target_check.c */
/** Of some of the targets of a rollout: each of them for itself. */
enum kedge_rc engine_check_part(struct kedge_engine *engine,
                                const struct kedge_rollout_spec *part) KEDGE_MUST_USE;

/* draft.c */
/** The reason for the state that a new rollout is in. */
void engine_say_what_for(const struct kedge_rollout *record, char reason[KEDGE_REASON_MAX + 1]);
uint32_t engine_devices_written(const struct rollout_node *rollout);
enum kedge_rc engine_add_part(struct kedge_engine *engine,
                              const struct kedge_engine_event *event) KEDGE_MUST_USE;
/** Of a draft: it is for those who are written, and for nobody else any more. */
void engine_cut_draft(struct kedge_engine *engine, struct rollout_node *rollout);
/** Aborts a draft that was loaded. */
enum kedge_rc engine_end_orphan(struct kedge_engine *engine,
                                struct rollout_node *rollout) KEDGE_MUST_USE;

/*
 * moves.c. A move that the table does not make is no failure: *moved (which may be NULL) tells.
 * `text` is the reason for people.
 */
enum kedge_rc engine_move_rollout(struct kedge_engine *engine, struct rollout_node *rollout,
                                  enum kedge_rollout_event event, const char *text,
                                  bool *moved) KEDGE_MUST_USE;
enum kedge_rc engine_move_group(struct kedge_engine *engine, struct group_node *group,
                                enum kedge_group_event event, const char *text) KEDGE_MUST_USE;
enum kedge_rc engine_move_deployment(struct kedge_engine *engine, struct deployment_node *node,
                                     enum kedge_deployment_event event, const char *text,
                                     bool *moved) KEDGE_MUST_USE;
/** Takes a place for the deployment, or gives its place back, as it and its device stand. */
void engine_review_place(struct kedge_engine *engine, struct deployment_node *node);
/** Says of a deployment what changes no state. */
enum kedge_rc engine_note_deployment(struct kedge_engine *engine,
                                     const struct deployment_node *node,
                                     const char *text) KEDGE_MUST_USE;
/** Adds to or takes from the group's figures, as the deployment stands. */
void engine_count_deployment(struct deployment_node *node, bool add);

/* settle.c */
/** Looks again at whether a pending deployment may be offered. */
enum kedge_rc engine_review_deployment(struct kedge_engine *engine,
                                       struct deployment_node *node) KEDGE_MUST_USE;
enum kedge_rc engine_review_device(struct kedge_engine *engine,
                                   struct device_node *device) KEDGE_MUST_USE;
void engine_stop_waiting(struct deployment_node *node);
/** Offers the package to those of the running group that wait, as far as there are places. */
enum kedge_rc engine_fill_places(struct kedge_engine *engine,
                                 struct group_node *group) KEDGE_MUST_USE;
bool engine_device_fits(const struct device_node *device, const struct rollout_node *rollout);
/** Whether it runs or is paused: it has begun, and is not ending. */
bool engine_goes_on(const struct rollout_node *rollout);
void engine_unsettle(struct kedge_engine *engine, struct rollout_node *rollout);
/** Carries on until nothing more follows from what has happened. */
enum kedge_rc engine_settle(struct kedge_engine *engine) KEDGE_MUST_USE;
/** Gives the device's deployment in flight to the driver anew, unless it has been given already. */
enum kedge_rc engine_attend_device(struct kedge_engine *engine,
                                   struct device_node *device) KEDGE_MUST_USE;
/** Moves by `event`, ON_ABORT or ON_ERRORS_ABORT, and cancels what is not installing yet. */
enum kedge_rc engine_abort_rollout(struct kedge_engine *engine, struct rollout_node *rollout,
                                   enum kedge_rollout_event event, const char *text) KEDGE_MUST_USE;
/** The same by any event. */
enum kedge_rc engine_cancel_rollout(struct kedge_engine *engine, struct rollout_node *rollout,
                                    enum kedge_rollout_event event,
                                    const char *text) KEDGE_MUST_USE;
/** Of a device that was installing when its rollout was stopped, and has lost what it had since:
 * nobody tells it to begin anew. */
enum kedge_rc engine_cancel_restarted(struct kedge_engine *engine,
                                      struct deployment_node *node) KEDGE_MUST_USE;
/** Ends the groups that have not ended. */
enum kedge_rc engine_end_groups(struct kedge_engine *engine, struct rollout_node *rollout,
                                const char *why) KEDGE_MUST_USE;
bool engine_deadline_passed(const struct kedge_engine *engine, const struct rollout_node *rollout);
/** Ends a deployment that is pending: nobody looks at it again after the deadline. */
enum kedge_rc engine_end_by_deadline(struct kedge_engine *engine,
                                     struct deployment_node *node) KEDGE_MUST_USE;
enum kedge_rc engine_tick(struct kedge_engine *engine) KEDGE_MUST_USE;

/* priority.c */
/** When a rollout begins that is started now: no two that go on have the same moment, and later
 * ones have later ones, also after the wall clock was set back. */
uint64_t engine_start_moment(const struct kedge_engine *engine);
/** What its device has open in a rollout by which it is superseded; NULL: nothing. */
const struct deployment_node *engine_superseding(const struct deployment_node *node);
/** What its device has open in the rollout that goes first, by its priority; NULL: nothing. */
const struct deployment_node *engine_goes_first(const struct deployment_node *node);
/** Of a rollout that has begun: has it claim its devices, where there is another to claim them
 * from, before its first group begins. */
void engine_begin_claims(struct kedge_engine *engine, struct rollout_node *rollout);
/** Ends it when another one supersedes it, unless it has really begun. */
enum kedge_rc engine_yield(struct kedge_engine *engine,
                           struct deployment_node *node) KEDGE_MUST_USE;
/** Its device has come to the rollout since that was created: where the rollout has begun, what it
 * supersedes there ends, or it does itself. */
enum kedge_rc engine_enter(struct kedge_engine *engine,
                           struct deployment_node *node) KEDGE_MUST_USE;
/** Its rollout has begun: what it supersedes there ends. */
enum kedge_rc engine_claim_device(struct kedge_engine *engine,
                                  struct deployment_node *node) KEDGE_MUST_USE;

/* join.c */
/** Also when its part has ended: nobody is taken through a rollout twice. */
bool engine_names_device(const struct kedge_engine *engine, uint64_t rollout_id,
                         const char *endpoint);
/** Whether devices may still join the group, so that it does not end by itself. */
bool engine_may_grow(const struct group_node *group);
enum kedge_rc engine_join(struct kedge_engine *engine,
                          const struct kedge_engine_event *event) KEDGE_MUST_USE;
/** "Nobody joins it any more", as the history says in `text`; of one that can be joined. */
enum kedge_rc engine_close(struct kedge_engine *engine, struct rollout_node *rollout,
                           const char *text) KEDGE_MUST_USE;
/** What a person asks: closes it, or refuses. */
enum kedge_rc engine_close_rollout(struct kedge_engine *engine, uint64_t rollout_id) KEDGE_MUST_USE;

/* gate_rules.c: what a group's thresholds are: its own, or those of its rollout */
uint32_t engine_error_threshold_percent(const struct group_node *group);
uint32_t engine_error_minimum_sample(const struct group_node *group);
uint32_t engine_success_threshold_percent(const struct group_node *group);
uint32_t engine_group_soak_s(const struct group_node *group);
/** Whether somebody else than the author must approve what follows the group. */
bool engine_gate_asks_somebody(const struct group_node *group);

/* gates.c */
/**
 * Takes the error action when a running group has more errors than the policy allows, beyond those
 * that a person has accepted; *acted tells.
 */
enum kedge_rc engine_judge_errors(struct kedge_engine *engine, struct group_node *group,
                                  bool *acted) KEDGE_MUST_USE;
/** Ends a group that waits for its gate, and goes on to the next one; not before a person has
 * approved that, where somebody must: *judged tells. */
enum kedge_rc engine_judge_gate(struct kedge_engine *engine, struct group_node *group,
                                bool *judged) KEDGE_MUST_USE;

/* rate.c */
/** The rate now; 0: there is no bound. */
uint32_t engine_offers_per_minute(const struct rollout_node *rollout);
/** Whether one more device may be offered the package now; if not, a timer says when. */
enum kedge_rc engine_take_offer(struct kedge_engine *engine, struct rollout_node *rollout,
                                bool *taken) KEDGE_MUST_USE;

/* retry.c */
/** Attempts that ended in error and were followed by another one. */
unsigned engine_retries(const struct deployment_node *node);
/** "The attempt ended so": by `event`, a report of it, or with another attempt to follow. */
enum kedge_rc engine_end_attempt(struct kedge_engine *engine, struct deployment_node *node,
                                 enum kedge_deployment_event event, const char *text,
                                 bool *moved) KEDGE_MUST_USE;
/** Has the engine look at a deployment that waits for its next attempt when that is due. */
enum kedge_rc engine_await_retry(struct kedge_engine *engine,
                                 struct deployment_node *node) KEDGE_MUST_USE;
/** How long the next attempt waits, after so many that were followed by another one. */
uint32_t engine_retry_after_s(const struct kedge_rollout_policy *policy, unsigned retries);
/** ", attempt 2" of one that has had one; "" of one that has not. */
const char *engine_attempt_words(const struct deployment_node *node, char text[24]);

/* slice.c */
/** Whether one more deployment may be moved now; if not, a timer says when. */
enum kedge_rc engine_take_move(struct kedge_engine *engine, struct rollout_node *rollout,
                               bool *taken) KEDGE_MUST_USE;
/** Begins to go over the deployments, of the current group (SWEEP_REVIEW) or of all; the next
 * settling goes on with it. */
void engine_begin_sweep(struct kedge_engine *engine, struct rollout_node *rollout,
                        enum sweep_kind kind);
/** Goes on with it, for a slice; without one, nothing happens. */
enum kedge_rc engine_sweep(struct kedge_engine *engine,
                           struct rollout_node *rollout) KEDGE_MUST_USE;
void engine_end_sweep(struct kedge_engine *engine, struct rollout_node *rollout);

/* start.c */
enum kedge_rc engine_start_rollout(struct kedge_engine *engine, struct rollout_node *rollout,
                                   const char *text) KEDGE_MUST_USE;
/** KEDGE_E_STATE, with the reason: if it began now, no window would open before its deadline. */
enum kedge_rc engine_check_start(struct kedge_engine *engine,
                                 const struct rollout_node *rollout) KEDGE_MUST_USE;
/** Starts a rollout that takes devices back; or when its windows open, where they would not before
 * its deadline. */
enum kedge_rc engine_start_revert(struct kedge_engine *engine, struct rollout_node *revert,
                                  const char *text) KEDGE_MUST_USE;
/** Whether it has a start time, which has come. */
bool engine_start_is_due(const struct kedge_engine *engine, const struct rollout_node *rollout);
/** Waits for the start time, where there is one. */
enum kedge_rc engine_await_start(struct kedge_engine *engine,
                                 struct rollout_node *rollout) KEDGE_MUST_USE;
/** Starts the rollout when its time has come; when that is too late for its windows, says so. */
enum kedge_rc engine_start_in_time(struct kedge_engine *engine,
                                   struct rollout_node *rollout) KEDGE_MUST_USE;

/* timing.c */
/** By the record: KEDGE_E_MALFORMED for windows that are none. */
enum kedge_rc engine_add_timing(struct rollout_node *rollout) KEDGE_MUST_USE;
/** Nothing is waited for any more. */
void engine_end_timing(struct kedge_engine *engine, struct rollout_node *rollout);
void engine_free_timing(struct kedge_engine *engine, struct rollout_node *rollout);
/** Holds a deployment back that has come to `downloaded`, and forgets one that has left it. */
enum kedge_rc engine_review_hold(struct kedge_engine *engine,
                                 struct deployment_node *node) KEDGE_MUST_USE;
/** The same at loading; *waits: and for its window, so that nobody waits for its device. */
enum kedge_rc engine_hold_at_load(struct kedge_engine *engine, struct deployment_node *node,
                                  bool *waits) KEDGE_MUST_USE;
/** Its device fell asleep, woke up, or is attended again. */
enum kedge_rc engine_review_held_device(struct kedge_engine *engine, struct device_node *device,
                                        bool woke) KEDGE_MUST_USE;
/** Lets those install whose window is open, as far as there are places. */
enum kedge_rc engine_let_install(struct kedge_engine *engine,
                                 struct rollout_node *rollout) KEDGE_MUST_USE;
/** Whether its download may begin now. */
enum kedge_rc engine_may_download(struct kedge_engine *engine, const struct deployment_node *node,
                                  bool *may) KEDGE_MUST_USE;
/** The time has come at which the windows open or shut in the zone. */
enum kedge_rc engine_pass_window(struct kedge_engine *engine,
                                 struct zone_node *zone) KEDGE_MUST_USE;
/** What waits for its window is pending again, and taken back from its device. */
enum kedge_rc engine_withdraw_held(struct kedge_engine *engine, struct deployment_node *node,
                                   const char *why) KEDGE_MUST_USE;
/** Ends what is held back after the deadline, and would have to wait for another window. */
enum kedge_rc engine_end_late_hold(struct kedge_engine *engine,
                                   struct deployment_node *node) KEDGE_MUST_USE;
enum kedge_rc engine_set_zone(struct kedge_engine *engine, struct device_node *device,
                              const char *name) KEDGE_MUST_USE;
/** Whether the gate's window is open; if not, a timer says when it is. */
enum kedge_rc engine_await_gate_window(struct kedge_engine *engine, const struct group_node *group,
                                       bool *open) KEDGE_MUST_USE;
/** Before and after the other timers move with the wall clock: these do not. */
void engine_unset_wall_times(struct kedge_engine *engine, struct rollout_node *rollout);
void engine_set_wall_times(struct kedge_engine *engine, struct rollout_node *rollout);

/* explain_timing.c */
#define ENGINE_OPENING_MAX 160u
/** "opens 2026-11-27T21:00:00Z (...), in 3 h"; whether it is open now: then when it shuts. */
bool engine_say_window(const struct kedge_engine *engine, const struct deployment_node *node,
                       uint64_t now_ms, char text[ENGINE_OPENING_MAX]);
bool engine_say_gate_window(const struct kedge_engine *engine, const struct group_node *group,
                            uint64_t now_ms, char text[ENGINE_OPENING_MAX]);
/** "" when it has no start time. */
void engine_say_start(const struct rollout_node *rollout, uint64_t now_ms,
                      char text[ENGINE_OPENING_MAX]);
/** How many wait for their window; and the words for it, "" when none does. */
uint32_t engine_held(const struct rollout_node *rollout);
void engine_say_held(const struct rollout_node *rollout, uint64_t now_ms,
                     char text[ENGINE_OPENING_MAX]);

/* approve.c */
/** Lets the rollout begin, or go on behind the gate that waits, by engine->who; or refuses. */
enum kedge_rc engine_approve_rollout(struct kedge_engine *engine, struct rollout_node *rollout,
                                     const char *text) KEDGE_MUST_USE;
/** Whether nobody has let the rollout go on behind this group yet, and somebody must. */
bool engine_gate_needs_approval(const struct group_node *group);

/* revert.c */
/** Moves by `event`, ON_ROLL_BACK or ON_ERRORS_ROLL_BACK, and cancels as an abort does. */
enum kedge_rc engine_roll_back_rollout(struct kedge_engine *engine, struct rollout_node *rollout,
                                       enum kedge_rollout_event event,
                                       const char *text) KEDGE_MUST_USE;
/** Of a rollout that is rolling back: begins to take its devices back, or ends. */
enum kedge_rc engine_settle_revert(struct kedge_engine *engine,
                                   struct rollout_node *rollout) KEDGE_MUST_USE;
/** "It has ended": the rollout whose devices it took back can end, too. */
void engine_tell_reverted(struct kedge_engine *engine, const struct rollout_node *revert);

/* load.c */
/** How long a deployment may stand in this state without a sign of its device. */
uint32_t engine_phase_limit_s(const struct kedge_rollout_policy *policy,
                              enum kedge_deployment_state state);

/* terms.c */
enum kedge_rc engine_know_package(struct kedge_engine *engine, const char *package_id,
                                  const struct kedge_fit_conditions *conditions) KEDGE_MUST_USE;
const struct package_node *engine_package(const struct kedge_engine *engine,
                                          const char *package_id);
void engine_forget_packages(struct kedge_engine *engine);
/** Its device has confirmed a package of this sequence number: where it says which ones it takes,
 * none below that from now on. */
void engine_raise_floor(const struct deployment_node *node, uint64_t sequence);
struct kedge_fit_conditions engine_conditions(const struct package_node *package);
/** Why the device, as it is now, cannot take the package. */
void engine_say_unfit(const struct device_node *device,
                      const struct kedge_fit_conditions *conditions,
                      char why[KEDGE_REASON_MAX + 1]);

/* chain.c */
#define ENGINE_STEP_MAX 192u
/** Which package its device, as it is now, takes next: node->step. False: none, and `why` says what
 * keeps it from that of the rollout. */
bool engine_find_step(struct deployment_node *node, char why[KEDGE_REASON_MAX + 1]);
/** ", step 1 of 2: to version 1.4.0 (package 0f3a91c2), then to 2.0.0"; "" where there is one. */
const char *engine_step_words(const struct deployment_node *node, char text[ENGINE_STEP_MAX]);
/** Whether what it was offered last is an intermediate package. */
bool engine_is_at_step(const struct deployment_node *node);
/** Its device has confirmed the intermediate package: the next one follows. */
enum kedge_rc engine_end_step(struct kedge_engine *engine, struct deployment_node *node,
                              const char *words, bool *moved) KEDGE_MUST_USE;
/** Of what it was offered last. */
const char *engine_offered_version(const struct deployment_node *node);
void engine_know_steps(const struct kedge_engine *engine, struct rollout_node *rollout);
enum kedge_rc engine_check_steps(struct kedge_engine *engine,
                                 const struct kedge_rollout_spec *spec) KEDGE_MUST_USE;

/* late.c */
/** Of a device that says its version: what an abort or a way back came too late for is said, and
 * taken back. */
enum kedge_rc engine_check_late(struct kedge_engine *engine,
                                struct device_node *device) KEDGE_MUST_USE;

/* keep.c */
/** What the device ran when it was heard of last; what it has said since counts more. */
enum kedge_rc engine_remember(struct kedge_engine *engine,
                              const struct kedge_engine_device *then) KEDGE_MUST_USE;
void engine_keep(struct deployment_node *node);
void engine_forget_kept(struct deployment_node *node);
/** At loading, when all are there: another rollout may have begun with its device since. */
void engine_review_kept(struct deployment_node *node);
/** "The device runs `version`" (NULL: not known), before that is written down: a success that this
 * takes back fails. */
enum kedge_rc engine_check_kept(struct kedge_engine *engine, struct device_node *device,
                                const char *version) KEDGE_MUST_USE;

/* sleep.c */
enum kedge_rc engine_device_sleeps(struct kedge_engine *engine, struct device_node *device,
                                   const struct kedge_engine_device *now) KEDGE_MUST_USE;
/** How that is said of a device: "the device {is}"; "when it {wakes}"; ... */
struct sleep_words {
    const char *is, *fell, *wakes, *woke;
};

const struct sleep_words *engine_sleep_words(const struct device_node *device);
enum kedge_rc engine_device_wakes(struct kedge_engine *engine,
                                  struct device_node *device) KEDGE_MUST_USE;

/* output.c */
void engine_rollout_changed(struct kedge_engine *engine, struct rollout_node *rollout);
void engine_group_changed(struct kedge_engine *engine, struct group_node *group);
void engine_deployment_changed(struct kedge_engine *engine, struct deployment_node *node);
enum kedge_rc engine_say(struct kedge_engine *engine, const struct kedge_history_entry *entry,
                         const char *text) KEDGE_MUST_USE;
enum kedge_rc engine_audit(struct kedge_engine *engine, const char *what, uint64_t subject,
                           const char *before, const char *after) KEDGE_MUST_USE;
/* rules.c: of a move that nobody asked for; `entry` is its history, `text` the reason. */
enum kedge_rc engine_audit_rollout(struct kedge_engine *engine, enum kedge_rollout_event event,
                                   const struct kedge_history_entry *entry,
                                   const char *text) KEDGE_MUST_USE;
enum kedge_rc engine_audit_group(struct kedge_engine *engine, enum kedge_group_event event,
                                 const struct kedge_history_entry *entry,
                                 const char *text) KEDGE_MUST_USE;
enum kedge_rc engine_command(struct kedge_engine *engine, enum kedge_engine_command_kind kind,
                             const struct deployment_node *node) KEDGE_MUST_USE;
/** Writes the records of all that changed into the output. */
enum kedge_rc engine_output_records(struct kedge_engine *engine) KEDGE_MUST_USE;
/** Copies as much of `text` (NULL: nothing) as fits, never half a UTF-8 character. */
void engine_copy_text(char *out, size_t capacity, const char *text);

#endif
