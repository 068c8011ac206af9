/* child.h: the agent as a process. */
#ifndef KEDGE_AGENT_BOOT_CHILD_H
#define KEDGE_AGENT_BOOT_CHILD_H

#include "agent/port/port.h"

#include <signal.h>
#include <sys/types.h>

/**
 * kedge_child_start() runs `command` as the firmware of `slot`, with the environment of port.h and
 * the signal mask `mask`. When kedge-boot dies, the agent is killed: that is the power going.
 * KEDGE_E_SYSTEM with errno when it cannot be started.
 */
enum kedge_rc kedge_child_start(char **command, uint8_t slot, bool on_trial, const sigset_t *mask,
                                pid_t *child) KEDGE_MUST_USE;

/** kedge_child_ended() reaps it without waiting; false while it still runs. */
bool kedge_child_ended(pid_t child, int *status, int *signal_number);

#endif
