/* log.c: one line an event, on standard error. */
#define _GNU_SOURCE
#include "updater/kedged/log.h"

#include <kedge/base.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX_SIZE 1024
/* Every character of the text escaped, and what stands around it. */
#define LINE_MAX_SIZE (2 * TEXT_MAX_SIZE + 96)

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const char *const format_names[] = {"text", "json", "journal"};
static enum kedge_log_level highest = KEDGE_LOG_INFO;
static enum kedge_log_format how = KEDGE_LOG_TEXT;

static int find_name(const char *name, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

bool kedge_log_level_read(const char *name, enum kedge_log_level *level)
{
    int found = find_name(name, level_names, sizeof level_names / sizeof level_names[0]);
    if (found >= 0)
        *level = (enum kedge_log_level)found;
    return found >= 0;
}

void kedge_log_set_level(enum kedge_log_level level)
{
    highest = level;
}

bool kedge_log_format_read(const char *name, enum kedge_log_format *format)
{
    int found = find_name(name, format_names, sizeof format_names / sizeof format_names[0]);
    if (found >= 0)
        *format = (enum kedge_log_format)found;
    return found >= 0;
}

void kedge_log_set_format(enum kedge_log_format format)
{
    how = format;
}

/* systemd.exec(5): $JOURNAL_STREAM has device and inode of what it connected. */
bool kedge_log_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char own[64];
    struct stat status;
    if (stream == NULL || fstat(STDERR_FILENO, &status) != 0)
        return false;
    (void)snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    return strcmp(stream, own) == 0;
}

/* ---- a line ---- */

static void put_time(char *out, size_t size)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t head = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(out + head, size - head, ".%03ldZ", now.tv_nsec / 1000000);
}

/* What is printable needs no other escapes (RFC 8259 section 7). */
static void put_escaped(const char *text, char *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            *out++ = '\\';
        *out++ = *text;
    }
    *out = '\0';
}

static int put_line(char line[LINE_MAX_SIZE], enum kedge_log_level level, const char *text)
{
    /* sd-daemon(3): the priority in front, by syslog's numbers; the journal has the time. */
    static const char priorities[] = {'3', '4', '6', '7'};
    char at[32], escaped[2 * TEXT_MAX_SIZE];
    if (how == KEDGE_LOG_JOURNAL)
        return snprintf(line, LINE_MAX_SIZE, "<%c>%s\n", priorities[level], text);
    put_time(at, sizeof at);
    if (how == KEDGE_LOG_TEXT)
        return snprintf(line, LINE_MAX_SIZE, "%s %-7s %s\n", at, level_names[level], text);
    put_escaped(text, escaped);
    return snprintf(line, LINE_MAX_SIZE, "{\"at\":\"%s\",\"level\":\"%s\",\"text\":\"%s\"}\n", at,
                    level_names[level], escaped);
}

void kedge_log(enum kedge_log_level level, const char *format, ...)
{
    char raw[TEXT_MAX_SIZE], text[TEXT_MAX_SIZE], line[LINE_MAX_SIZE];
    if (level > highest)
        return;
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    if (size < 0)
        return;
    /* A name from outside must not forge a line or steer a terminal. */
    kedge_printable(kedge_slice_text(raw), text, sizeof text);
    size = put_line(line, level, text);
    ssize_t written = write(STDERR_FILENO, line, (size_t)size);
    (void)written; /* there is nowhere left to say that saying it failed */
}
