/*
 * device_status.h: where a device stands, gathered from boot record, slots and what the agent
 * knows: the running agent's own knowledge, or its state file.
 */
#ifndef KEDGE_AGENT_DEVICE_STATUS_H
#define KEDGE_AGENT_DEVICE_STATUS_H

#include "agent/client/state_file.h"
#include "agent/local/status.h"

/**
 * kedge_device_status() fills in all but `agent_running` and the bytes of a download. What the
 * record says and `agent` has not taken in yet is in it too. Overwrites boot->work. Fails as
 * kedge_boot_record_read() does.
 */
enum kedge_rc kedge_device_status(const struct kedge_boot *boot,
                                  const struct kedge_agent_state *agent,
                                  struct kedge_status *status) KEDGE_MUST_USE;

#endif
