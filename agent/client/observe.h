/*
 * observe.h: which paths the server observes (RFC 7641; OMA LwM2M Core 1.1, section 6.4), alone or
 * several by one Observe-Composite, and which of them have a new value.
 * Pure: values are told apart by a CRC-32 over their encoding.
 */
#ifndef KEDGE_AGENT_OBSERVE_H
#define KEDGE_AGENT_OBSERVE_H

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
    uint32_t value;    /* CRC-32 of what the server was told last */
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
                                            struct kedge_slice token, struct kedge_slice value);
/** Ends the observation of `paths` or with `token`, whichever matches; fine when there is none. */
void kedge_observe_cancel(struct kedge_observe *observe, const struct kedge_model_paths *paths,
                          struct kedge_slice token);
/** A notification with `token` was reset or never acknowledged: true when that ended one. */
bool kedge_observe_reset(struct kedge_observe *observe, struct kedge_slice token);
/** True when `value` is not what the server was told last; the sequence number has then moved on.
 */
bool kedge_observe_changed(struct kedge_observation *observation, struct kedge_slice value);
void kedge_observe_clear(struct kedge_observe *observe);

#endif
