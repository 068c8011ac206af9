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

enum kedge_log_format {
    KEDGE_LOG_TEXT,
    KEDGE_LOG_JSON,   /* an object with `at`, `level` and `text` */
    KEDGE_LOG_JOURNAL /* the level as systemd's journal reads it, which adds the time itself */
};

/** "error", "warning", "info", "debug"; false for any other name. */
bool kedge_log_level_read(const char *name, enum kedge_log_level *level);
/** Sets what is said: this level and the more urgent ones; info at first. Before the first thread
 * starts. */
void kedge_log_set_level(enum kedge_log_level level);
/** "text", "json", "journal"; false for any other name. */
bool kedge_log_format_read(const char *name, enum kedge_log_format *format);
/** Sets how it is said; text at first. Before the first thread starts. */
void kedge_log_set_format(enum kedge_log_format format);
/** Whether standard error leads to systemd's journal. */
bool kedge_log_is_journal(void);

void kedge_log(enum kedge_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
