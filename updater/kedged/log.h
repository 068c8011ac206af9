/*
 * log.h: what kedged says on standard error: one line an event, with its level.
 *
 * Thread-safe; each line is written by one call. Secrets never come here, and bytes from outside
 * are written with control characters replaced.
 */
#ifndef KEDGE_UPDATER_LOG_H
#define KEDGE_UPDATER_LOG_H

#include <stdbool.h>

enum kedge_log_level { KEDGE_LOG_ERROR, KEDGE_LOG_WARNING, KEDGE_LOG_INFO, KEDGE_LOG_DEBUG };

/** Sets what is said: this level and the more urgent ones. Before the first thread starts. */
bool kedge_log_set_level(const char *name);

void kedge_log(enum kedge_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
