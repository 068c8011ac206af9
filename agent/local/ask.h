/* ask.h: the side that asks a running agent. Blocks, for as long as its caller says. */
#ifndef KEDGE_AGENT_LOCAL_ASK_H
#define KEDGE_AGENT_LOCAL_ASK_H

#include "agent/local/place.h"
#include "agent/local/request.h"
#include "agent/local/status.h"

#define KEDGE_LOCAL_ASK_LIMIT_MS 5000
#define KEDGE_LOCAL_ASK_WITHOUT_LIMIT (-1)

/** A connection to the agent, and what came of it that was not taken yet. */
struct kedge_local_ask {
    int socket;
    size_t size, taken;
    uint8_t bytes[KEDGE_STATUS_JSON_MAX + 1];
};

/**
 * kedge_local_ask_begin() connects and sends `request`. KEDGE_E_NOT_FOUND when no agent listens
 * there, KEDGE_E_BUSY when too many wait for it, KEDGE_E_SYSTEM with errno. Ended by
 * kedge_local_ask_end() in any case.
 */
enum kedge_rc kedge_local_ask_begin(struct kedge_local_ask *ask,
                                    const struct kedge_local_place *place,
                                    const struct kedge_local_request *request) KEDGE_MUST_USE;
/**
 * kedge_local_ask_line() waits for the next line, at most `limit_ms` for each piece of it; `line`
 * is borrowed until the next call. KEDGE_E_TIMEOUT; KEDGE_E_CONNECTION when the agent has ended
 * it; KEDGE_E_LIMIT for a line that is too long; KEDGE_E_SYSTEM with errno.
 */
enum kedge_rc kedge_local_ask_line(struct kedge_local_ask *ask, int limit_ms,
                                   struct kedge_slice *line) KEDGE_MUST_USE;
void kedge_local_ask_end(struct kedge_local_ask *ask);

#endif
