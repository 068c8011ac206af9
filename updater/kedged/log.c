/* log.c: one line an event, on standard error. */
#define _GNU_SOURCE
#include "updater/kedged/log.h"

#include <kedge/base.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_SIZE 1024

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static enum kedge_log_level highest = KEDGE_LOG_INFO;

bool kedge_log_set_level(const char *name)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(level_names[i], name) == 0) {
            highest = (enum kedge_log_level)i;
            return true;
        }
    }
    return false;
}

void kedge_log(enum kedge_log_level level, const char *format, ...)
{
    if (level > highest)
        return;
    char line[LINE_MAX_SIZE];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t head = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
    head += (size_t)snprintf(line + head, sizeof line - head, ".%03ldZ %-7s ",
                             now.tv_nsec / 1000000, level_names[level]);
    va_list arguments;
    va_start(arguments, format);
    int body = vsnprintf(line + head, sizeof line - head - 1, format, arguments);
    va_end(arguments);
    size_t size = body < 0 ? head : head + (size_t)body;
    if (size > sizeof line - 2)
        size = sizeof line - 2;
    /* A name from outside must not forge a line or steer a terminal. */
    kedge_printable(kedge_slice(line + head, size - head), line + head, sizeof line - 1 - head);
    size = strlen(line);
    line[size++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, size);
    (void)written; /* there is nowhere left to say that saying it failed */
}
