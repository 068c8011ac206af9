/*
 * steering.h: the rollout engine, its store and the clock, bound together on the network thread.
 *
 * The one rule kept here: what the engine puts out is durable before its commands are carried out
 * and before the person who asked is answered (design decision 6). When the store cannot make it
 * durable, the engine is thrown away and loaded again from what is: as after a crash.
 */
#ifndef KEDGE_UPDATER_STEERING_H
#define KEDGE_UPDATER_STEERING_H

#include "updater/net/net.h"
#include "updater/rollout/rollout.h"
#include "updater/store/store.h"

struct kedge_steering;

/** What the engine's commands and reloads bring about; called on the network thread. */
struct kedge_steering_crew {
    void *context;
    void (*offer)(void *context, const struct kedge_deployment *deployment,
                  const struct kedge_rollout *rollout);
    void (*cancel)(void *context, uint64_t deployment_id);
    /** It may begin to install for so long from now; UINT64_MAX: at any time; 0: not any more. */
    void (*install)(void *context, uint64_t deployment_id, uint64_t for_ms);
    /** The engine was loaded anew: say kedge_steering_handle(DEVICE_PRESENT) for each device that
     * is there. */
    void (*reloaded)(void *context);
};

/** Loads the engine from the store. `net`, `store` and `folder` outlive it. */
enum kedge_rc kedge_steering_create(struct kedge_net *net, struct kedge_store *store,
                                    const char *folder, const struct kedge_steering_crew *crew,
                                    struct kedge_steering **out,
                                    char error[KEDGE_STORE_ERROR_MAX]) KEDGE_MUST_USE;
/**
 * Nothing is carried out or written any more. What was submitted before is still answered, as the
 * store and the posts of `net` get to it. Before kedge_net_destroy(), when the loop has ended.
 */
void kedge_steering_end(struct kedge_steering *steering);
/** After kedge_steering_end(), when the store is closed and `net` destroyed. NULL is fine. */
void kedge_steering_destroy(struct kedge_steering *steering);

/**
 * "Something else than a rollout could not be written": the store is held now, so the engine is
 * thrown away and loaded again, and the store let go, as after a failure of its own.
 */
void kedge_steering_store_failed(struct kedge_steering *steering, const char *error);

/**
 * How an event ended, told once on the network thread: `text` is the refusal, or the store's error;
 * `field` is that of a new rollout which is at fault for the refusal, NULL: no single one.
 */
typedef void kedge_steering_done_fn(void *context, enum kedge_rc rc, uint64_t rollout_id,
                                    const char *text, const char *field);

/**
 * Takes an event, on the network thread. `done` (may be NULL) is called when what it brought about
 * is durable, or at once when it is refused; KEDGE_E_BUSY while the store is held.
 */
void kedge_steering_handle(struct kedge_steering *steering, const struct kedge_engine_event *event,
                           kedge_steering_done_fn *done, void *context);

/** The engine for looking only; NULL while the store is held. */
const struct kedge_engine *kedge_steering_engine(const struct kedge_steering *steering);

#endif
