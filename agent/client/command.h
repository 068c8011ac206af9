/*
 * command.h: runs an operator's shell command beside the agent, in a process group of its own, so
 * that all of it can be ended when it hangs. A guard in that group ends it when the agent is
 * killed. One at a time; never blocks.
 */
#ifndef KEDGE_AGENT_COMMAND_H
#define KEDGE_AGENT_COMMAND_H

#include <kedge/base.h>
#include <sys/types.h>

struct kedge_command {
    pid_t process; /* also its group; 0: none runs */
    pid_t guard;   /* waits for `life` to close */
    int life;      /* the writing end of a pipe that nobody writes to */
};

/** A variable of the command's environment, beside those of the agent's own. */
struct kedge_variable {
    const char *name, *value;
};

/**
 * kedge_command_start() runs `command` by sh -c with the variables set (the last one has no name),
 * nothing on its standard input and its output on standard error. KEDGE_E_BUSY while one runs,
 * KEDGE_E_SYSTEM.
 */
enum kedge_rc kedge_command_start(struct kedge_command *running, const char *command,
                                  const struct kedge_variable *variables) KEDGE_MUST_USE;
/** True once when it has ended: by `status`, or by `signal_number` when that is not 0. */
bool kedge_command_ended(struct kedge_command *running, int *status, int *signal_number);
/** Ends it and everything it started; does nothing when none runs. */
void kedge_command_kill(struct kedge_command *running);

#endif
