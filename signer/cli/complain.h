/*
 * complain.h: how the program ends and what it says when it cannot do what was asked.
 */
#ifndef KEDGE_SIGNER_COMPLAIN_H
#define KEDGE_SIGNER_COMPLAIN_H

#include <kedge/base.h>

/** The exit statuses; scripts rely on them. */
enum kedge_exit {
    KEDGE_EXIT_DONE = 0,
    KEDGE_EXIT_INVALID = 1, /* a readable file is not a valid package by these keys */
    KEDGE_EXIT_USAGE = 2,
    KEDGE_EXIT_POLICY = 3, /* the package is whole, but a rule refuses it */
    KEDGE_EXIT_KEY = 4,
    KEDGE_EXIT_SYSTEM = 5 /* the system refused to read or write */
};

/**
 * kedge_complain() writes "kedge-sign: ", what is wrong and a line end to standard error, and
 * returns `status`, so that a command can end with it.
 */
enum kedge_exit kedge_complain(enum kedge_exit status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** kedge_complain_system() is about a file that the system did not let us read or write (errno). */
enum kedge_exit kedge_complain_system(const char *doing, const char *path);

/** kedge_note() writes a remark to standard error. */
void kedge_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
