/*
 * interrupt.h: what an interrupted program leaves behind: no half-written file, and a terminal that
 * shows again what is typed.
 */
#ifndef KEDGE_SIGNER_INTERRUPT_H
#define KEDGE_SIGNER_INTERRUPT_H

#include <signal.h>

struct termios;

/**
 * kedge_interrupt_begin() catches SIGINT, SIGTERM, SIGHUP and SIGQUIT from now on, but for those
 * that the program was started to ignore.
 */
void kedge_interrupt_begin(void);

/** kedge_interrupt_removes() names the file to remove; it is the caller's, NULL for none. */
void kedge_interrupt_removes(const char *path);

/**
 * kedge_interrupt_hold() lets signals wait until kedge_interrupt_release(), so that none comes
 * between making a file and naming it here. `before` is the caller's.
 */
void kedge_interrupt_hold(sigset_t *before);
void kedge_interrupt_release(const sigset_t *before);

/** kedge_interrupt_restores() says how the open terminal was before; NULL for not at all. */
void kedge_interrupt_restores(int terminal, const struct termios *before);

#endif
