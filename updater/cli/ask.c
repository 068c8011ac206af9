/* ask.c: asking with complaints, all pages of a listing, and printing JSON. */
#define _POSIX_C_SOURCE 200809L
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <kedge/base.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "updater/cli/cli.h"
#include "updater/cli/table.h"

#define LINE_SIZE (CLIENT_ERROR_MAX + 256u)

__attribute__((format(printf, 3, 0))) static void print_line(FILE *out, const char *prefix,
                                                             const char *format, va_list arguments)
{
    char text[LINE_SIZE], printable[LINE_SIZE];
    (void)vsnprintf(text, sizeof(text), format, arguments);
    kedge_printable(kedge_slice_text(text), printable, sizeof(printable));
    (void)fprintf(out, "%s%s\n", prefix, printable);
}

void complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(stderr, "kedge: ", format, arguments);
    va_end(arguments);
}

void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(stdout, "", format, arguments);
    va_end(arguments);
}

enum status ask(struct cli *cli, const char *method, const char *path, json_t *body, json_t **out)
{
    struct client_answer answer;
    enum client_outcome outcome = client_ask(cli->client, method, path, body, &answer);
    json_decref(body);
    if (outcome != CLIENT_DONE) {
        complain("%s", answer.error);
        memcpy(cli->field, answer.field, sizeof(cli->field));
        return outcome == CLIENT_REFUSED ? STATUS_REFUSED : STATUS_UNREACHABLE;
    }
    if (answer.etag[0] != '\0' && json_is_object(answer.json))
        (void)json_object_set_new(answer.json, "etag", json_string(answer.etag));
    if (out != NULL)
        *out = answer.json;
    else
        json_decref(answer.json);
    return STATUS_DONE;
}

enum status ask_at(struct cli *cli, const char *method, char *path, json_t *body, json_t **out)
{
    if (path == NULL) {
        complain("out of memory");
        json_decref(body);
        return STATUS_UNREACHABLE;
    }
    enum status status = ask(cli, method, path, body, out);
    free(path);
    return status;
}

char *path_of(const char *prefix, const char *name, const char *suffix)
{
    char *escaped = curl_easy_escape(NULL, name, 0);
    if (escaped == NULL)
        return NULL;
    size_t size = strlen(prefix) + strlen(escaped) + strlen(suffix) + 1;
    char *path = malloc(size);
    if (path != NULL)
        (void)snprintf(path, size, "%s%s%s", prefix, escaped, suffix);
    curl_free(escaped);
    return path;
}

char *with_query(char *path, const char *name, const char *value)
{
    char prefix[CLIENT_PATH_MAX];
    if (path == NULL || value == NULL)
        return path;
    int size = snprintf(prefix, sizeof(prefix), "%s%c%s=", path,
                        strchr(path, '?') == NULL ? '?' : '&', name);
    free(path);
    return size < 0 || (size_t)size >= sizeof(prefix) ? NULL : path_of(prefix, value, "");
}

/* The next page's path; `cursor` is NULL for the first. */
static char *page_path(const char *path, const char *cursor)
{
    char prefix[CLIENT_PATH_MAX];
    int size = snprintf(prefix, sizeof(prefix), "%s%climit=500%s", path,
                        strchr(path, '?') == NULL ? '?' : '&', cursor == NULL ? "" : "&cursor=");
    if (size < 0 || (size_t)size >= sizeof(prefix))
        return NULL;
    return path_of(prefix, cursor == NULL ? "" : cursor, "");
}

/* Whether `fn` wants more than these. */
static bool take_items(const json_t *items, item_fn *fn, void *context)
{
    size_t index;
    json_t *item;
    json_array_foreach(items, index, item)
    {
        if (!fn(context, item))
            return false;
    }
    return true;
}

enum status ask_each(struct cli *cli, const char *path, const char *name, item_fn *fn,
                     void *context)
{
    json_t *page = NULL;
    enum status status = STATUS_DONE;
    for (const char *cursor = NULL; status == STATUS_DONE;) {
        char *next_path = page_path(path, cursor);
        json_decref(page);
        page = NULL;
        status = ask_at(cli, "GET", next_path, NULL, &page);
        cursor = json_string_value(json_object_get(page, "next"));
        if (!take_items(json_object_get(page, name), fn, context) || cursor == NULL)
            break;
    }
    json_decref(page);
    return status;
}

static bool keep_item(void *context, json_t *item)
{
    return json_array_append(context, item) == 0;
}

enum status ask_list(struct cli *cli, const char *path, const char *name, json_t **out)
{
    json_t *items = json_array();
    enum status status = ask_each(cli, path, name, keep_item, items);
    *out = status == STATUS_DONE ? json_pack("{s:o}", name, items) : NULL;
    if (status != STATUS_DONE)
        json_decref(items);
    return status;
}

enum status ask_list_at(struct cli *cli, char *path, const char *name, json_t **out)
{
    if (path == NULL) {
        complain("out of memory");
        return STATUS_UNREACHABLE;
    }
    enum status status = ask_list(cli, path, name, out);
    free(path);
    return status;
}

enum status print_json(json_t *json)
{
    (void)json_dumpf(json, stdout, JSON_INDENT(2));
    (void)fputc('\n', stdout);
    json_decref(json);
    return STATUS_DONE;
}

int file_make(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        complain("%s: %s%s", path, strerror(errno),
                 errno == EEXIST ? "; name a file that is not there yet" : "");
    return file;
}

FILE *output_make(const char *path)
{
    if (path == NULL)
        return stdout;
    int file = file_make(path);
    FILE *out = file < 0 ? NULL : fdopen(file, "w");
    if (file >= 0 && out == NULL) {
        complain("%s: %s", path, strerror(errno));
        (void)close(file);
    }
    return out;
}

/* Writes what the stream still holds: why it did not take all of it, or NULL. */
static const char *write_rest(FILE *out)
{
    if (fflush(out) != 0)
        return strerror(errno);
    return ferror(out) != 0 ? "not all of it could be written" : NULL;
}

enum status output_end(enum status status)
{
    const char *why = write_rest(stdout);
    clearerr(stdout); /* it has been said */
    if (why != NULL)
        complain("standard output: %s", why);
    return why != NULL && status == STATUS_DONE ? STATUS_USAGE : status;
}

enum status output_finish(const char *path, FILE *out, enum status status)
{
    if (path == NULL)
        return output_end(status);
    const char *why = write_rest(out);
    if (why == NULL && fsync(fileno(out)) != 0)
        why = strerror(errno);
    if (fclose(out) != 0 && why == NULL)
        why = strerror(errno);
    if (why != NULL && status == STATUS_DONE) {
        complain("%s: %s", path, why);
        status = STATUS_USAGE;
    }
    if (status != STATUS_DONE)
        (void)unlink(path);
    return status;
}

FILE *file_open(const char *path, uint64_t *size)
{
    struct stat status;
    FILE *file = fopen(path, "re");
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        complain("%s: %s", path, strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        complain("%s: not a file", path);
    } else {
        *size = (uint64_t)status.st_size;
        return file;
    }
    if (file != NULL)
        (void)fclose(file);
    return NULL;
}
