/* power.h: the power button: boot, watch, boot again. */
#ifndef KEDGE_AGENT_BOOT_POWER_H
#define KEDGE_AGENT_BOOT_POWER_H

#include "agent/boot/options.h"

/**
 * kedge_power_run() runs the device until it is told to end (SIGTERM, SIGINT), the agent switches
 * itself off, or nothing may be run. Returns the program's exit status. Blocks SIGTERM, SIGINT and
 * SIGCHLD.
 */
int kedge_power_run(const struct kedge_boot_options *options);

#endif
