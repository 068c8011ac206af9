/* running.h: what the commands say to the agent that runs, and what it answers. */
#ifndef KEDGE_AGENT_RUNNING_H
#define KEDGE_AGENT_RUNNING_H

#include "agent/client/config.h"
#include "agent/local/ask.h"

struct running {
    struct kedge_local_place place;
    struct kedge_local_ask ask;
    char why[KEDGE_LOCAL_WORDS_MAX + 1]; /* it is no use, after a failure */
};

/** running_ask() sends a request. Fails as kedge_local_ask_begin() does; running_end() in any case.
 */
enum kedge_rc running_ask(struct running *running, const struct kedge_agent_config *config,
                          const struct kedge_local_request *request) KEDGE_MUST_USE;
/** Waits for a status, KEDGE_E_REFUSED for an error; else as the reading of the line fails. */
enum kedge_rc running_status(struct running *running, int limit_ms,
                             struct kedge_status *status) KEDGE_MUST_USE;
void running_end(struct running *running);

#endif
