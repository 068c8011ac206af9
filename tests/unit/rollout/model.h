/*
 * model.h: the world around the engine that the model test plays, as far as the invariants look at
 * it.
 */
#ifndef KEDGE_TESTS_MODEL_H
#define KEDGE_TESTS_MODEL_H

#include "updater/rollout/rollout.h"

#define DEVICES 120
#define CREATED_MAX 40
#define ROLLOUTS_MAX (2 * CREATED_MAX) /* each may be rolled back by one of its own */
#define DEPLOYMENTS_MAX (ROLLOUTS_MAX * DEVICES)
#define GROUPS_MAX 3
#define QUEUE_MAX 64
#define VENDOR "vendor.example"
#define CLASS "class"

#define INVARIANT(condition, ...) \
    do {                          \
        if (!(condition))         \
            broken(__VA_ARGS__);  \
    } while (0)

struct mirror {
    struct kedge_rollout rollouts[ROLLOUTS_MAX + 1]; /* by id */
    struct kedge_group groups[ROLLOUTS_MAX + 1][GROUPS_MAX];
    struct kedge_deployment deployments[DEPLOYMENTS_MAX + 1]; /* by id */
    struct kedge_engine_ids last;
};

struct device {
    char endpoint[16];
    char version[16];
    bool present, asleep; /* the truth, which the engine is told at once */
    bool dead;            /* never comes back */
    bool untold;          /* present, but the new engine has not been told yet */
    bool told_asleep;     /* as the engine has been told last: then it holds no place */
    bool woke;            /* it may have taken its place again where there was none free */
    uint64_t kept;        /* deployment that last succeeded, until one begins; 0: none */
    char told[16];        /* version that the engine knows; "": none */
    uint64_t job;         /* deployment that the driver works on; 0: none */
    enum kedge_deployment_state phase;
};

struct world {
    uint64_t seed, random, now_ms, steps;
    struct pace {
        uint64_t since_ms, offers;
        uint32_t peak;         /* the highest rate that was allowed */
    } paces[ROLLOUTS_MAX + 1]; /* since the engine was made */
    uint32_t slice_moves;      /* of the engine; 0: as many as it likes */
    unsigned created;          /* rollouts, by people */
    struct kedge_engine *engine;
    struct mirror seen, durable;
    struct kedge_engine_output queue[QUEUE_MAX]; /* not durable yet, in order */
    size_t queued;
    struct device devices[DEVICES];
};

extern struct world *w;

/** Ends the test: an invariant does not hold. */
void broken(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
struct device *device_of(const char *endpoint);
bool rollout_exists(uint64_t id);

/* ---- model_invariants.c ---- */

/** Of an output that w->seen does not hold yet. */
void check_output(const struct kedge_engine_output *output);
/** Of w->seen, which holds the output by now. */
void check_seen(const struct kedge_engine_output *output);

#endif
