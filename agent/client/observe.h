/*
 * observe.h: which paths the server observes (RFC 7641; OMA LwM2M Core 1.1, section 6.4), alone or
 * several by one Observe-Composite, and which of them are to be
 * notified. Pure: values are told apart by the model's mark.
 */
#ifndef KEDGE_AGENT_OBSERVE_H
#define KEDGE_AGENT_OBSERVE_H

#include "agent/client/attributes.h"
#include "agent/client/model.h"

#define KEDGE_OBSERVE_COUNT 8u
#define KEDGE_OBSERVE_TOKEN_MAX 8u

struct kedge_observation {
    bool used;
    struct kedge_model_paths paths;
    uint32_t format; /* as the answer to the request had it */
    uint8_t token[KEDGE_OBSERVE_TOKEN_MAX];
    uint8_t token_size;
    uint32_t sequence; /* of the latest notification: 24 bits, ascending */
    uint32_t mark;     /* of what the server was told last */
    bool has_number;
    double number; /* the same, where it is one number */
    uint64_t told_at_ms, looked_at_ms;
};

/** What is at the observed paths. */
struct kedge_observed {
    uint32_t mark;   /* as the answer to a read of them has it */
    bool has_number; /* one numeric resource */
    double number;
};

struct kedge_observe {
    struct kedge_observation entries[KEDGE_OBSERVE_COUNT];
};

/**
 * kedge_observe_add() begins or renews the observation of `paths`; NULL when there is no place
 * (the request is then answered as a plain read, RFC 7641 section 4.1).
 */
struct kedge_observation *kedge_observe_add(struct kedge_observe *observe,
                                            const struct kedge_model_paths *paths, uint32_t format,
                                            struct kedge_slice token,
                                            const struct kedge_observed *observed, uint64_t now_ms);
/** Ends the observation of `paths` or with `token`, whichever matches; fine when there is none. */
void kedge_observe_cancel(struct kedge_observe *observe, const struct kedge_model_paths *paths,
                          struct kedge_slice token);
/** A notification with `token` was reset or never acknowledged: true when that ended one. */
bool kedge_observe_reset(struct kedge_observe *observe, struct kedge_slice token);
/**
 * kedge_observe_due() says whether the server is to be told `observed` now, as the attributes have
 * it; then it counts as told, and the sequence number has moved on. Otherwise see
 * kedge_attributes_due() for `wait_ms`.
 */
bool kedge_observe_due(struct kedge_observation *observation, const struct kedge_observed *observed,
                       const struct kedge_attribute_values *attributes, uint64_t now_ms,
                       uint64_t *wait_ms);
void kedge_observe_clear(struct kedge_observe *observe);

#endif
