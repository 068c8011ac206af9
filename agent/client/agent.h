/* agent.h: the agent as a whole: opens its state folder, serves its server, minds its trial. */
#ifndef KEDGE_AGENT_AGENT_H
#define KEDGE_AGENT_AGENT_H

#include "agent/client/config.h"

#define KEDGE_AGENT_EXIT_USAGE 2

/**
 * kedge_agent_run() runs until it is told to end (SIGTERM, SIGINT) or needs a reboot. Returns the
 * exit status of the program: 0, KEDGE_BOOT_EXIT_REBOOT, 1 when the system or the state folder did
 * not do what it must, 2 when the configuration is at fault. Blocks SIGTERM, SIGINT and SIGCHLD.
 */
int kedge_agent_run(const struct kedge_agent_config *config);

/** kedge_agent_trust() reads the keys that the configuration names; says what is wrong. */
bool kedge_agent_trust(const struct kedge_agent_config *config, struct kedge_port_trust *trust);

#endif
