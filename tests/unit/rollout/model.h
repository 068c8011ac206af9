/*
 * model.h: the world around the engine that the model test plays: devices that come, go, sleep,
 * fail, die and lie; a driver; people; a clock that is set; a store that makes batches durable
 * later, and loses them in a crash.
 *
 *   model_world.c       the store, the driver, what the engine is told     model_windows.c  zones
 *   model_operations.c  one step: what somebody does                       model_create.c rollouts
 *   model_drafts.c      rollouts made in parts                         model_chains.c  steps
 *   model_ending.c      everybody answers until all has ended
 *   model_outputs.c     what an output may say                             model_figures.c  counts
 *   model_due.c         nobody waits for nothing, nothing due is slept past
 *   model_reverts.c     whom a way back takes along                        model_reasons.c
 * sentences model_history.c     runs a history in a process of its own             model_shrink.c
 * shortens
 *
 * Method: a history is a list of steps, each with a seed of its own, so that any of them can be
 * left out and the others do what they did. After every event the invariants are checked against
 * mirrors that are built from the engine's outputs only.
 */
#ifndef KEDGE_TESTS_MODEL_H
#define KEDGE_TESTS_MODEL_H

#include "updater/rollout/rollout.h"

#include <inttypes.h>
#include <stdio.h>

#define GROUPS_MAX 4u /* of those that people create; three, where devices may join */
#define QUEUE_MAX 64u
#define VENDOR "vendor.example"
#define CLASS "class"
#define EVERY_EVENT_MAX 200u /* devices of a fleet that is looked at whole after every event */
#define SLICES_APART_MS 5u

#define INVARIANT(condition, ...) \
    do {                          \
        if (!(condition))         \
            broken(__VA_ARGS__);  \
    } while (0)

/* ---- histories ---- */

/* What may happen in a step, how often of a thousand times, and what does it. */
#define OPERATIONS(X)              \
    X(WORK, 678, do_work)          \
    X(FLAP, 90, do_flap)           \
    X(JOIN, 10, do_join)           \
    X(FALL_BACK, 20, do_fall_back) \
    X(TIME, 50, do_time)           \
    X(COMMIT, 70, do_commit)       \
    X(CREATE, 12, do_create)       \
    X(ADD, 12, do_add)             \
    X(START, 16, do_start)         \
    X(APPROVE, 3, do_approve)      \
    X(PAUSE, 3, do_pause)          \
    X(RESUME, 14, do_resume)       \
    X(ABORT, 1, do_abort)          \
    X(ROLL_BACK, 1, do_roll_back)  \
    X(CLOSE, 1, do_close)          \
    X(LIE, 4, do_lie)              \
    X(CRASH, 2, do_crash)          \
    X(RELOAD, 2, do_reload)        \
    X(DIE, 5, do_die)              \
    X(ZONE, 4, do_zone)            \
    X(CLOCK, 2, do_clock)

#define OPERATION_ENUM_(name, often, function) OPERATION_##name,
enum operation { OPERATIONS(OPERATION_ENUM_) OPERATION_COUNT };
#undef OPERATION_ENUM_

/* What a new rollout may have; a plain one has nothing of it. */
#define OPTIONS(X)                                                                             \
    X(LEAVES_OUT)                                                                              \
    X(KINDS)                                                                                   \
    X(PACE)                                                                                    \
    X(RETRIES)                                                                                 \
    X(APPROVAL)                                                                                \
    X(GATES) X(REVERT) X(DYNAMIC) X(DEADLINE) X(WINDOWS) X(GATE_WINDOWS) X(START_AT) X(GROUPS) \
        X(SOAK) X(MISHAPS) X(PRIORITY) X(DRAFT) X(CHAIN)

#define OPTION_ENUM_(name) OPTION_##name,
enum option { OPTIONS(OPTION_ENUM_) OPTION_COUNT };
#undef OPTION_ENUM_

struct step {
    enum operation operation;
    uint32_t seed;
};

/** All that a run depends on. */
struct history {
    uint64_t seed; /* of how everything ends */
    uint32_t devices;
    uint32_t slice_moves; /* of the engine; 0: as many as it likes */
    uint32_t plain;       /* bits 1u << option: what does not come about */
    uint64_t cut_at;      /* the server crashes at this commit of its store; 0: at none */
    bool cut_is_told;     /* after what was committed was carried out; else before */
    bool ends;            /* behind the steps everybody answers until all has ended */
    size_t count;
    struct step *steps;
};

struct verdict {
    bool broken;
    size_t step;      /* from 0, of the one in which it broke; `count`: while everything ended */
    uint64_t events;  /* that the engine was told of */
    uint64_t commits; /* of the store */
    char text[300];   /* what is broken */
};

/** Makes `count` steps from its seed; free `steps`. */
void history_make(struct history *history, uint64_t seed, uint32_t devices, size_t count);
/** Runs it in a process of its own; with `trace` each step is written to stdout in words. */
struct verdict history_run(const struct history *history, bool trace);
/** Makes it the shortest one that is found to break anything, in so many runs. */
void history_shrink(struct history *history, unsigned runs_max);

/* ---- the world ---- */

struct mirror {
    struct kedge_rollout *rollouts;           /* by id, as the others */
    struct kedge_group (*groups)[GROUPS_MAX]; /* by rollout and index */
    struct kedge_deployment *deployments;
    struct kedge_engine_ids last;
};

struct device {
    char endpoint[16];
    char version[16];
    char zone[16];             /* "": none of its own */
    bool present, asleep;      /* the truth, which the engine is told at once */
    bool dead;                 /* never comes back */
    bool untold;               /* present, but the new engine has not been told yet */
    bool told_present;         /* as the engine has been told last, and likewise: */
    bool told_asleep;          /* then it holds no place */
    bool woke;                 /* it may have taken its place again where there was none free */
    uint64_t kept;             /* deployment that last succeeded, until one begins; 0: none */
    char told[16];             /* version that the engine knows; "": none */
    char wanted[16];           /* version that the driver takes it to */
    uint64_t job;              /* deployment that the driver works on; 0: none */
    uint64_t working;          /* deployment in flight, as it was seen; 0: none */
    uint64_t install_until_ms; /* as the driver was told */
    enum kedge_deployment_state phase;
};

/* Of one rollout, added up from its deployments. */
struct tally {
    uint32_t counts[GROUPS_MAX][KEDGE_DEPLOYMENT_STATE_COUNT];
    uint32_t errors[GROUPS_MAX], already[GROUPS_MAX];
    uint32_t in_flight; /* that hold a place */
    uint32_t uninvited; /* in flight, and slept since they were offered */
};

/* Offers since the engine was made. */
struct pace {
    uint64_t since_ms, offers;
    uint32_t peak; /* the highest rate that was allowed */
};

/* How a group stood when its rollout stopped to run. */
struct stop {
    bool stopped;
    uint64_t most; /* errors that there were, or could still come */
};

/* A rollout that somebody is making. */
struct draft {
    uint64_t rollout_id; /* 0: nobody is */
    uint32_t given, count;
    struct part {
        uint32_t device, group_index;
    } *parts;
};

struct world {
    const struct history *history;
    uint64_t random, now_ms, events, commits;
    int64_t clock_ms; /* by so much the wall clock has been set */
    size_t step;
    bool cut; /* the store has been lost; the crash follows the step */
    bool trace;
    uint32_t device_count, created, created_max, rollouts_max;
    uint64_t deployments_max;
    struct kedge_engine *engine;
    struct kedge_engine_output output; /* of the event that is handled */
    struct mirror seen, durable;
    struct queued {
        struct kedge_engine_output output;
        int64_t clock_ms;
    } queue[QUEUE_MAX]; /* not durable yet, in order */
    size_t queued;
    int64_t durable_clock_ms;
    struct device *devices;
    struct draft draft;
    /* of what was seen, each by id */
    struct tally *tallies;
    struct pace *paces;
    struct stop (*stops)[GROUPS_MAX];
    uint64_t *install_until_ms; /* of deployments: as the engine said; 0: it may not */
    uint8_t *places;            /* of deployments: PLACE_ bits */
    uint8_t *states;            /* of deployments: while a history is replayed */
    uint64_t *deployment_of;    /* by rollout and device */
};

#define PLACE_HELD 1u
#define PLACE_UNINVITED 2u

extern struct world *w;

void world_make(const struct history *history);
void world_free(void);

/** Ends the run: an invariant does not hold. */
void broken(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/** What happens in this step, for people. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint64_t random_number(void);
unsigned below(unsigned limit);
bool chance(unsigned percent);
/** The same, of what a plain history has nothing of. */
bool option(enum option which, unsigned percent);

struct device *device_of(const char *endpoint);
uint32_t index_of(const struct device *device);
bool rollout_exists(uint64_t id);
/** NULL: the rollout does not name the device. */
const struct kedge_deployment *deployment_of(uint64_t rollout_id, const struct device *device);
bool goes_on(const struct kedge_rollout *rollout);
/** What goes first with the device of this deployment, by its priority; NULL: nothing. */
const struct kedge_deployment *goes_first(const struct kedge_deployment *record);
/** What another one, started later and of no lower priority, has with its device; NULL: nothing. */
const struct kedge_deployment *superseding(const struct kedge_deployment *record);
bool may_grow(const struct kedge_rollout *rollout, uint32_t group);
uint32_t own_or(uint32_t own, uint32_t of_rollout);

/* ---- model_world.c ---- */

/** Tells the engine, and checks all that follows. */
enum kedge_rc handle(const struct kedge_engine_event *event);
void make_durable(size_t count);
void load(void);
/** The engine is lost with all that is not durable; of a whole server, the driver too. */
void crash(bool whole_server);
/** The crash that cut_at asks for, when it is due. */
void crash_where_cut(void);
/** Tells the engine how the device is. */
void tell(struct device *device);
void report(struct device *device, enum kedge_deployment_state state);
/** Lets the driver and its device go on by one step. */
void work(struct device *device);

/* ---- model_operations.c, model_create.c, model_ending.c ---- */

void take_step(const struct step *step);
void do_create(void);
struct kedge_rollout_target target_of(struct device *device, uint32_t group_index);
/** Time passes, and the engine is told when it has asked for that; `until_work`: not longer than
 * until it has something for a driver to do. */
void pass_time(uint64_t span_ms, bool until_work);
void everything_ends(void);

/* ---- model_drafts.c, model_chains.c ---- */

/** Leaves it at a first part of the devices, sometimes; true: the others are to be added. */
bool draft_begin(struct kedge_rollout_spec *spec);
void do_add(void);
/** Of w->seen. */
void check_drafts(void);
/** Gives it intermediate packages, sometimes. */
void chain_choose(struct kedge_rollout_spec *spec);
void chain_load_packages(void);
/** Of an output that w->seen does not hold yet. */
void check_chains(const struct kedge_engine_output *output);
/** What a deployment was at work on has been confirmed, and w->seen says so. */
void check_confirmed(const struct kedge_deployment *before);

/* ---- model_windows.c ---- */

extern const struct kedge_zones model_zones;
/** The text of one of them, by any number. */
const char *model_window(unsigned number);
/** A zone, or what is none. */
const char *model_zone(unsigned number);
/** Whether windows with this text are open, for a device of that zone; "" always are. */
bool windows_open(const char *text, const char *zone, uint64_t at_ms);
/** Whether they are open at any time of the span, for a device without a zone of its own. */
bool windows_open_within(const char *text, uint64_t from_ms, uint32_t span_s);

/* ---- invariants ---- */

/** Of an output that w->seen does not hold yet. */
void check_output(const struct kedge_engine_output *output);
/** Of w->seen, which holds the output by now. */
void check_seen(const struct kedge_engine_output *output);
/** Of an output that has just become durable: gates rest on durable counts. */
void check_durable(const struct kedge_engine_output *output);
/** The same that happens at a load is looked at from here on. */
void count_all(void);
/** Takes what was seen of a deployment into the figures, and out of them. */
void count_one(const struct kedge_deployment *record, bool add);
/** Looks again at whether a deployment holds a place. */
void review_place(uint64_t deployment_id);
void check_figures(const struct kedge_engine_output *output);
/** How many offers a minute the rollout may make now; 0: as many as it likes. */
uint32_t rate_of(const struct kedge_rollout *rollout);
bool gate_is_met(const struct kedge_rollout *rollout, const struct kedge_group *group);
bool gate_waits_for_somebody(const struct kedge_rollout *rollout, const struct kedge_group *group);
/** A slice is over, and the next one has not come yet. */
bool between_slices(void);
bool goes_on_soon(uint64_t within_ms);
/** Whether it is downloaded and must wait for its window, or for a place in it. */
bool is_held(const struct kedge_deployment *record);
/** How the engine waits for the time, after any event, or a TICK. */
void check_next_tick(bool after_tick);
/** Nothing that is due is left, as far as the engine says so; of everything, or of rollouts. */
void check_due(bool everything);
void check_reverts(const struct kedge_engine_output *output);
/** That a sentence says what the deployment waits for. */
void check_reason(const struct kedge_deployment *record);

#endif
