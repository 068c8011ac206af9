/* running.c: see running.h. */
#include "agent/main/running.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum kedge_rc say_why(struct running *running, enum kedge_rc rc)
{
    snprintf(running->why, sizeof running->why, "%s",
             rc == KEDGE_E_NOT_FOUND ? "none runs here"
             : rc == KEDGE_E_SYSTEM  ? strerror(errno)
                                     : kedge_rc_text(rc));
    return rc;
}

enum kedge_rc running_ask(struct running *running, const struct kedge_agent_config *config,
                          const struct kedge_local_request *request)
{
    running->ask.socket = -1;
    enum kedge_rc rc = kedge_local_place_open(&running->place, config->socket, config->state);
    if (rc == KEDGE_OK)
        rc = kedge_local_ask_begin(&running->ask, &running->place, request);
    return say_why(running, rc);
}

enum kedge_rc running_status(struct running *running, int limit_ms, struct kedge_status *status)
{
    struct kedge_slice line;
    enum kedge_rc rc = kedge_local_ask_line(&running->ask, limit_ms, &line);
    if (rc == KEDGE_OK && kedge_local_error_read(line, running->why))
        return KEDGE_E_REFUSED;
    if (rc == KEDGE_OK)
        rc = kedge_status_read(line, status);
    return say_why(running, rc);
}

void running_end(struct running *running)
{
    kedge_local_ask_end(&running->ask);
    kedge_local_place_close(&running->place);
}
