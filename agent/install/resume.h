/*
 * resume.h: an installation that was cut short by a crash, a cut of power or a reboot goes on at
 * the last frame boundary that is an erase boundary, instead of at the beginning.
 *
 * Its user keeps a point and the package's head somewhere; neither is believed. The head is
 * authenticated and judged again, as if it had just come in, and what the slot holds in front of
 * the point is read and hashed again. What a wrong point can do is cost a beginning: here, or at a
 * frame that is not the one it says, or at the very end, when the image's digest is not the signed
 * one. So when a resumed installation fails, its user begins anew before it reports anything.
 *
 * Method: frames are packed each alone, so that expanding needs nothing from before a boundary but
 * the next frame's digest. Each writing behind an erase boundary begins with an erase, so whatever
 * a cut left there is gone. The slot's header is written at the very end, and is erased again at
 * each resumption: the slot cannot be booted before.
 */
#ifndef KEDGE_AGENT_INSTALL_RESUME_H
#define KEDGE_AGENT_INSTALL_RESUME_H

#include "agent/install/install.h"

/** kedge_install_head() is what to keep besides a point: the head, once it has been judged. */
struct kedge_slice kedge_install_head(const struct kedge_install *install);

/**
 * kedge_install_checkpoint() gives the latest point, after what is in front of it has been made to
 * survive a cut of power: keep it now. KEDGE_E_NOT_FOUND when there is none yet. Blocks for the
 * flash's sync.
 */
enum kedge_rc kedge_install_checkpoint(const struct kedge_install *install,
                                       struct kedge_install_point *point) KEDGE_MUST_USE;

/**
 * kedge_install_resume() begins an installation as kedge_install_begin() does, but at `point`: the
 * envelope's bytes from point->offset on are awaited. `head` is borrowed for the call. Reads what
 * the slot holds in front of the point, and blocks for that. After any failure begin anew:
 * KEDGE_E_DIGEST when the slot holds something else or the head is another package's,
 * KEDGE_E_MALFORMED or KEDGE_E_ARGUMENT when there is no such point in this package, a result of
 * kedge_install_begin() and _push() when the head is not one that would be installed now.
 */
enum kedge_rc kedge_install_resume(struct kedge_install *install, const struct kedge_boot *boot,
                                   const struct kedge_install_identity *identity, uint8_t slot,
                                   struct kedge_slice head,
                                   const struct kedge_install_point *point) KEDGE_MUST_USE;

#endif
