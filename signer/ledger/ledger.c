/* ledger.c: see ledger.h. */
#define _GNU_SOURCE
#include "signer/ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "signer/files/input.h"
#include "signer/files/output.h"

#define TAIL_SIZE (2u * KEDGE_LEDGER_LINE_MAX) /* a whole line, and an unfinished one behind it */

/* The end of a ledger, as it is found. */
struct tail {
    bool has_last;
    struct kedge_ledger_entry last;
    off_t good_size; /* bytes up to the end of the last whole line */
    off_t size;
};

static enum kedge_rc lock(int file, int how)
{
    while (flock(file, how) != 0)
        if (errno != EINTR)
            return KEDGE_E_SYSTEM;
    return KEDGE_OK;
}

/* ---- the end of the file ---- */

static enum kedge_rc read_tail(int file, uint8_t bytes[TAIL_SIZE], struct kedge_slice *tail,
                               off_t *size)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return KEDGE_E_SYSTEM;
    if (!S_ISREG(status.st_mode)) {
        errno = EINVAL;
        return KEDGE_E_SYSTEM;
    }
    size_t wanted = status.st_size < (off_t)TAIL_SIZE ? (size_t)status.st_size : TAIL_SIZE;
    size_t got = 0;
    while (got < wanted) {
        ssize_t more =
            pread(file, bytes + got, wanted - got, status.st_size - (off_t)wanted + (off_t)got);
        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0)
            return KEDGE_E_SYSTEM;
        got += (size_t)more;
    }
    *tail = kedge_slice(bytes, wanted);
    *size = status.st_size;
    return KEDGE_OK;
}

/* How many bytes of `text` come before what stands after its last line end. */
static size_t whole_lines(struct kedge_slice text)
{
    const uint8_t *end = text.size > 0 ? memrchr(text.data, '\n', text.size) : NULL;
    return end != NULL ? (size_t)(end - text.data) + 1 : 0;
}

static enum kedge_rc judge_tail(struct kedge_slice bytes, struct tail *tail)
{
    size_t whole = whole_lines(bytes);
    if (whole == 0 && (off_t)bytes.size != tail->size)
        return KEDGE_E_LIMIT;
    tail->has_last = whole > 0;
    if (tail->has_last) {
        size_t start = whole_lines(kedge_slice(bytes.data, whole - 1));
        KEDGE_TRY(kedge_ledger_entry_read(kedge_slice(bytes.data + start, whole - 1 - start),
                                          &tail->last));
    }
    struct kedge_slice rest = kedge_slice(bytes.data + whole, bytes.size - whole);
    tail->good_size = tail->size - (off_t)rest.size;
    return kedge_ledger_begins_line(rest, tail->has_last ? &tail->last : NULL) ? KEDGE_OK
                                                                               : KEDGE_E_MALFORMED;
}

/* ---- appending ---- */

static void say_who(struct kedge_ledger_entry *entry)
{
    char host[65] = "", text[200], number[32];
    const struct passwd *user = getpwuid(getuid());
    snprintf(number, sizeof number, "uid %u", (unsigned)getuid());
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    snprintf(text, sizeof text, "%.100s@%s", user != NULL ? user->pw_name : number, host);
    kedge_ledger_who_set(entry, kedge_slice_text(text));
}

static void complete(struct kedge_ledger_entry *entry, const struct tail *tail)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    entry->time_s = now.tv_sec > 0 ? (uint64_t)now.tv_sec : 0;
    say_who(entry);
    entry->number = tail->has_last ? tail->last.number + 1 : 1;
    memset(entry->previous, 0, sizeof entry->previous);
    if (tail->has_last)
        memcpy(entry->previous, tail->last.hash, sizeof entry->previous);
}

/* All of the line is durable, or the file is as long as before. */
static enum kedge_rc write_line(int file, off_t end, struct kedge_slice line)
{
    enum kedge_rc rc = kedge_file_write_at(file, (uint64_t)end, line);
    if (rc == KEDGE_OK && fsync(file) == 0)
        return KEDGE_OK;
    int reason = errno;
    if (ftruncate(file, end) != 0)
        kedge_note("an unfinished line is left at the end of the ledger");
    errno = reason;
    return KEDGE_E_SYSTEM;
}

static enum kedge_exit append_locked(int file, const char *path, struct kedge_ledger_entry *entry)
{
    uint8_t tail_bytes[TAIL_SIZE], line_bytes[KEDGE_LEDGER_LINE_MAX];
    struct kedge_writer line = kedge_writer(line_bytes, sizeof line_bytes);
    struct kedge_slice bytes;
    struct tail tail = {0};
    if (read_tail(file, tail_bytes, &bytes, &tail.size) != KEDGE_OK)
        return kedge_complain_system("read the ledger", path);
    if (judge_tail(bytes, &tail) != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_POLICY,
                              "%s does not end as a ledger does, so no package is given out: see "
                              "kedge-sign ledger verify %s",
                              path, path);
    if (tail.good_size < tail.size) {
        kedge_note("%s: removing %lld bytes of a line that was never finished; its package was "
                   "never given out",
                   path, (long long)(tail.size - tail.good_size));
        if (ftruncate(file, tail.good_size) != 0)
            return kedge_complain_system("write the ledger", path);
    }
    complete(entry, &tail);
    if (kedge_ledger_entry_write(entry, &line) != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_SYSTEM, "%s: the line is too long", path);
    if (write_line(file, tail.good_size, kedge_writer_slice(&line)) != KEDGE_OK ||
        (!tail.has_last && kedge_output_sync_folder(path) != KEDGE_OK))
        return kedge_complain_system("write the ledger", path);
    return KEDGE_EXIT_DONE;
}

enum kedge_exit kedge_ledger_append(const char *path, struct kedge_ledger_entry *entry)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    if (file < 0)
        return kedge_complain_system("write the ledger", path);
    enum kedge_exit status = lock(file, LOCK_EX) == KEDGE_OK
                                 ? append_locked(file, path, entry)
                                 : kedge_complain_system("lock the ledger", path);
    close(file); /* which gives the lock back */
    return status;
}

/* ---- reading ---- */

static enum kedge_rc check_line(struct kedge_slice line,
                                const struct kedge_ledger_findings *findings,
                                struct kedge_ledger_entry *entry)
{
    enum kedge_rc rc = kedge_ledger_entry_read(line, entry);
    if (rc != KEDGE_OK)
        return rc == KEDGE_E_DIGEST ? rc : KEDGE_E_MALFORMED;
    bool follows = entry->number == findings->lines + 1 &&
                   memcmp(entry->previous, findings->head, sizeof findings->head) == 0;
    return follows ? KEDGE_OK : KEDGE_E_CONFLICT;
}

static enum kedge_rc check_all(struct kedge_slice text, const struct kedge_ledger_sink *sink,
                               struct kedge_ledger_findings *findings)
{
    struct kedge_ledger_entry entry;
    while (text.size > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        if (end == NULL)
            return KEDGE_E_TRUNCATED;
        size_t size = (size_t)(end - text.data);
        KEDGE_TRY(check_line(kedge_slice(text.data, size), findings, &entry));
        findings->lines++;
        memcpy(findings->head, entry.hash, sizeof findings->head);
        if (sink != NULL)
            sink->take(sink->context, &entry);
        text = kedge_slice(end + 1, text.size - size - 1);
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_ledger_walk(const char *path, const struct kedge_ledger_sink *sink,
                                struct kedge_ledger_findings *findings)
{
    struct kedge_slice text;
    *findings = (struct kedge_ledger_findings){0};
    /* The lock keeps a signer from taking away an unfinished line that is being read. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0)
        return KEDGE_E_SYSTEM;
    enum kedge_rc rc = lock(file, LOCK_SH);
    if (rc == KEDGE_OK)
        rc = kedge_file_map(path, &text);
    if (rc == KEDGE_OK) {
        findings->rc = check_all(text, sink, findings);
        kedge_file_unmap(text);
    }
    int reason = errno;
    close(file);
    errno = reason;
    return rc;
}
