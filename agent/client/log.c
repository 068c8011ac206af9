/* log.c: see log.h. */
#include "agent/client/log.h"

#include <stdarg.h>
#include <stdio.h>

static enum kedge_log_level most = KEDGE_LOG_INFO;

void kedge_log_set_level(enum kedge_log_level level)
{
    most = level;
}

void kedge_log(enum kedge_log_level level, const char *format, ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    if (level > most)
        return;
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "kedge-agent: %s: %s\n", names[level], line);
}
