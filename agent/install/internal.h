/* internal.h: between the envelope's walk (envelope_stream.c) and what is done with it (install.c).
 */
#ifndef KEDGE_AGENT_INSTALL_INTERNAL_H
#define KEDGE_AGENT_INSTALL_INTERNAL_H

#include "agent/install/install.h"

/** Walks over the next bytes of the envelope. KEDGE_E_TRAILING behind its end. */
enum kedge_rc install_walk(struct kedge_install *install, struct kedge_slice bytes) KEDGE_MUST_USE;

/** Wrapper and manifest are in `kept`: authenticates and judges them. Touches no flash. */
enum kedge_rc install_judge(struct kedge_install *install) KEDGE_MUST_USE;

/** The payload's bytes come next, `size` of them: opens the slot. */
enum kedge_rc install_begin_payload(struct kedge_install *install, uint64_t size) KEDGE_MUST_USE;

/* What the head needs around wrapper and manifest: tag, map, keys, lengths, "#firmware". */
#define INSTALL_HEAD_FRAME 32u

#endif
