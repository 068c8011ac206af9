/*
 * health.h: runs the operator's health command beside the agent, in a process group of its own,
 * so that all of it can be ended when it hangs. A guard in that group ends it when the agent is
 * killed. One at a time; never blocks.
 */
#ifndef KEDGE_AGENT_HEALTH_H
#define KEDGE_AGENT_HEALTH_H

#include <kedge/base.h>
#include <sys/types.h>

struct kedge_health {
    pid_t process; /* also its group; 0: none runs */
    pid_t guard;   /* waits for `life` to close */
    int life;      /* the writing end of a pipe that nobody writes to */
};

/**
 * kedge_health_start() runs `command` by sh -c with KEDGE_SLOT, KEDGE_VERSION and KEDGE_ENDPOINT
 * set, nothing on its standard input and its output on standard error.
 */
enum kedge_rc kedge_health_start(struct kedge_health *health, const char *command, uint8_t slot,
                                 const char *version, const char *endpoint) KEDGE_MUST_USE;
/** True once when it has ended: by `status`, or by `signal_number` when that is not 0. */
bool kedge_health_ended(struct kedge_health *health, int *status, int *signal_number);
/** Ends it and everything it started; does nothing when none runs. */
void kedge_health_kill(struct kedge_health *health);

#endif
