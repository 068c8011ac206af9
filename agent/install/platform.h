/* platform.h: the device that a manifest is executed on: this one, and its spare slot. */
#ifndef KEDGE_AGENT_INSTALL_PLATFORM_H
#define KEDGE_AGENT_INSTALL_PLATFORM_H

#include "agent/install/install.h"

/**
 * Runs the manifest up to where it waits for the payload: every condition on the device has been
 * judged by then, and no flash has changed. install->manifest is what the rehearsal said; a run
 * that comes to something else is refused.
 */
enum kedge_rc install_run(struct kedge_install *install,
                          const struct kedge_suit_envelope *envelope) KEDGE_MUST_USE;

/** The payload is complete: runs the manifest to its end. */
enum kedge_rc install_run_on(struct kedge_install *install) KEDGE_MUST_USE;

#endif
