/* enroll.c: kedge device enroll, unenroll. Keys come from files, never from the command line. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <kedge/base.h>
#include <stdlib.h>
#include <string.h>

#include "updater/cli/cli.h"
#include "updater/cli/json.h"

#define CREDENTIALS "/api/v1/credentials"
#define PEM_MAX 4096u
#define AT_ONCE 1000u /* what the server takes in one request */

/* What stands in a line, without the blanks around it; in place. */
static char *trim(char *text)
{
    static const char blanks[] = " \t\r\n";
    text += strspn(text, blanks);
    size_t size = strlen(text);
    while (size > 0 && strchr(blanks, text[size - 1]) != NULL)
        size--;
    text[size] = '\0';
    return text;
}

static json_t *credential(const char *endpoint, const char *identity, const char *key)
{
    return json_pack("{s:s, s:s, s:s}", "endpoint", endpoint, "identity", identity, "key", key);
}

/* Sends what has been gathered; takes `list` over. */
static enum status send_list(struct cli *cli, json_t *list)
{
    json_t *answer = NULL;
    enum status status =
        ask(cli, "POST", CREDENTIALS, json_pack("{s:o}", "credentials", list), &answer);
    json_decref(answer);
    return status;
}

static enum status report(struct cli *cli, size_t count)
{
    if (cli->json)
        return print_json(json_pack("{s:I}", "written", (json_int_t)count));
    say("%zu %s enrolled", count, count == 1 ? "device" : "devices");
    return STATUS_DONE;
}

/* ---- one device ---- */

static enum status enroll_one(struct cli *cli, FILE *file, const char *path, const char *endpoint,
                              const char *identity)
{
    char *line = NULL;
    size_t capacity = 0;
    enum status status = STATUS_USAGE;
    ssize_t size = getline(&line, &capacity, file);
    json_t *one = size > 0 ? credential(endpoint, identity, trim(line)) : NULL;
    if (one != NULL)
        status = send_list(cli, json_pack("[o]", one));
    else
        complain("%s: one line of hex is expected", path);
    if (line != NULL)
        kedge_wipe(line, capacity);
    free(line);
    return status == STATUS_DONE ? report(cli, 1) : status;
}

/* ---- many ---- */

/* "endpoint,identity,hexkey"; false, with words, when it is none. */
static bool read_row(char *line, json_t *list, const char *path, size_t number)
{
    char *identity = strchr(line, ',');
    char *key = identity != NULL ? strchr(identity + 1, ',') : NULL;
    if (key == NULL || strchr(key + 1, ',') != NULL) {
        complain("%s:%zu: endpoint,identity,hexkey is expected", path, number);
        return false;
    }
    *identity++ = *key++ = '\0';
    json_t *one = credential(trim(line), trim(identity), trim(key));
    if (one != NULL && json_array_append_new(list, one) == 0)
        return true;
    complain("%s:%zu: this is not UTF-8", path, number);
    return false;
}

struct reading {
    struct cli *cli;
    FILE *file;
    const char *path;
    json_t *list; /* gathered since the last request */
    size_t number, written;
};

static enum status flush(struct reading *reading)
{
    size_t count = json_array_size(reading->list);
    if (count == 0)
        return STATUS_DONE;
    json_t *list = reading->list;
    reading->list = json_array();
    enum status status = send_list(reading->cli, list);
    if (status == STATUS_DONE)
        reading->written += count;
    else
        complain("%s: %zu devices were enrolled before line %zu, none after", reading->path,
                 reading->written, reading->number - count + 1);
    return status;
}

static enum status read_rows(struct reading *reading, char **line, size_t *capacity)
{
    enum status status = STATUS_DONE;
    while (status == STATUS_DONE && getline(line, capacity, reading->file) > 0) {
        char *text = trim(*line);
        reading->number++;
        if (text[0] == '\0' ||
            (reading->number == 1 && strcmp(text, "endpoint,identity,hexkey") == 0))
            continue;
        if (!read_row(text, reading->list, reading->path, reading->number))
            return STATUS_USAGE;
        if (json_array_size(reading->list) == AT_ONCE)
            status = flush(reading);
    }
    return status == STATUS_DONE ? flush(reading) : status;
}

static enum status enroll_all(struct cli *cli, FILE *file, const char *path)
{
    struct reading reading = {.cli = cli, .file = file, .path = path, .list = json_array()};
    char *line = NULL;
    size_t capacity = 0;
    enum status status = read_rows(&reading, &line, &capacity);
    if (line != NULL)
        kedge_wipe(line, capacity);
    free(line);
    json_decref(reading.list);
    return status == STATUS_DONE ? report(cli, reading.written) : status;
}

/* ---- a raw public key ---- */

static enum status enroll_public_key(struct cli *cli, FILE *file, const char *path,
                                     const char *endpoint)
{
    char pem[PEM_MAX + 1];
    size_t size = fread(pem, 1, sizeof(pem) - 1, file);
    pem[size] = '\0';
    json_t *one = json_pack("{s:s, s:s}", "endpoint", endpoint, "public_key", pem);
    if (one == NULL || !feof(file)) {
        complain("%s: this is not a public key in PEM", path);
        json_decref(one);
        return STATUS_USAGE;
    }
    enum status status = send_list(cli, json_pack("[o]", one));
    return status == STATUS_DONE ? report(cli, 1) : status;
}

/* ---- the commands ---- */

struct enrolment {
    const char *endpoint, *identity, *psk_path, *public_key_path;
};

static const char *what_is_wrong(const struct enrolment *asked)
{
    if ((asked->psk_path == NULL) == (asked->public_key_path == NULL))
        return "one of --psk-file FILE and --public-key PUB.pem is needed";
    if (asked->endpoint == NULL && asked->public_key_path != NULL)
        return "--public-key goes with an ENDPOINT";
    if (asked->identity != NULL && (asked->endpoint == NULL || asked->psk_path == NULL))
        return "--identity goes with an ENDPOINT and --psk-file; a file of many has its own";
    return NULL;
}

static enum status enroll_from(struct cli *cli, FILE *file, const char *path,
                               const struct enrolment *asked)
{
    if (asked->public_key_path != NULL)
        return enroll_public_key(cli, file, path, asked->endpoint);
    if (asked->endpoint == NULL)
        return enroll_all(cli, file, path);
    return enroll_one(cli, file, path, asked->endpoint,
                      asked->identity != NULL ? asked->identity : asked->endpoint);
}

enum status device_enroll(struct cli *cli, const struct arguments *arguments)
{
    const struct enrolment asked = {
        .endpoint = arguments->positional_count > 0 ? arguments->positional[0] : NULL,
        .identity = argument(arguments, "identity"),
        .psk_path = argument(arguments, "psk-file"),
        .public_key_path = argument(arguments, "public-key")};
    const char *wrong = what_is_wrong(&asked);
    if (wrong != NULL) {
        complain("%s", wrong);
        return STATUS_USAGE;
    }
    const char *path = asked.psk_path != NULL ? asked.psk_path : asked.public_key_path;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        complain("%s: %s", path, strerror(errno));
        return STATUS_USAGE;
    }
    setvbuf(file, NULL, _IONBF, 0); /* no copy of keys in a buffer that is not wiped */
    enum status status = enroll_from(cli, file, path, &asked);
    fclose(file);
    return status;
}

enum status device_unenroll(struct cli *cli, const struct arguments *arguments)
{
    return ask_at(cli, "DELETE", path_of(CREDENTIALS "/", arguments->positional[0], ""), NULL,
                  NULL);
}
