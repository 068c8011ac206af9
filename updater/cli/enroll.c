/* enroll.c: kedge device enroll, unenroll. Keys come from files, never from the command line. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <kedge/base.h>
#include <stdlib.h>
#include <string.h>

#include "updater/cli/cli.h"
#include "updater/cli/json.h"

#define CREDENTIALS "/api/v1/credentials"
#define BOOTSTRAP "/api/v1/bootstrap"
#define HANDOUT_PEM_MAX 8192u
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

/* Whom devices prove themselves to. */
struct purpose {
    const char *path, *list;
};

static const struct purpose to_register = {CREDENTIALS, "credentials"};
static const struct purpose to_bootstrap = {BOOTSTRAP, "devices"};

static const struct purpose *purpose_of(const struct arguments *arguments)
{
    return argument(arguments, "bootstrap") != NULL ? &to_bootstrap : &to_register;
}

/* Sends what has been gathered; takes `list` over. */
static enum status send_list(struct cli *cli, const struct purpose *purpose, json_t *list)
{
    json_t *answer = NULL;
    enum status status =
        ask(cli, "POST", purpose->path, json_pack("{s:o}", purpose->list, list), &answer);
    json_decref(answer);
    return status;
}

static enum status report(struct cli *cli, size_t count)
{
    if (cli->json)
        return print_json(json_pack("{s:I}", "written", (json_int_t)count));
    say("%zu %s enrolled", count, kedge_by_count(count, "device", "devices"));
    return STATUS_DONE;
}

/* ---- one device ---- */

struct enrolment {
    const struct purpose *purpose;
    const char *endpoint, *identity, *psk_path, *public_key_path;
    const char *certificate_name, *serial, *hardware, *batch;
    const char *certificate_path, *private_key_path; /* of what it is given */
    bool no_security;
};

static bool put_text(json_t *one, const char *name, const char *text)
{
    return text == NULL || json_object_set_new(one, name, json_string(text)) == 0;
}

/* Adds the text of a file; NULL is none. */
static bool put_file(json_t *one, const char *name, const char *path)
{
    char text[HANDOUT_PEM_MAX + 1];
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    if (path == NULL)
        return true;
    if (file == NULL) {
        complain("%s: %s", path, strerror(errno));
        return false;
    }
    setvbuf(file, NULL, _IONBF, 0); /* no copy of keys in a buffer that is not wiped */
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    text[size] = '\0';
    bool fits = feof(file) && put_text(one, name, text);
    kedge_wipe(text, sizeof(text));
    fclose(file);
    if (!fits)
        complain("%s: this is not PEM", path);
    return fits;
}

/* Adds what is known of the device besides, and sends it; takes `one` over. */
static enum status send_one(struct cli *cli, const struct enrolment *asked, json_t *one)
{
    if (!put_file(one, "certificate", asked->certificate_path) ||
        !put_file(one, "private_key", asked->private_key_path)) {
        json_decref(one);
        return STATUS_USAGE;
    }
    if (!put_text(one, "serial", asked->serial) || !put_text(one, "hardware", asked->hardware) ||
        !put_text(one, "batch", asked->batch)) {
        complain("--serial, --hardware or --batch is not UTF-8");
        json_decref(one);
        return STATUS_USAGE;
    }
    enum status status = send_list(cli, asked->purpose, json_pack("[o]", one));
    return status == STATUS_DONE ? report(cli, 1) : status;
}

static enum status enroll_one(struct cli *cli, FILE *file, const char *path,
                              const struct enrolment *asked)
{
    char *line = NULL;
    size_t capacity = 0;
    const char *identity = asked->identity != NULL ? asked->identity : asked->endpoint;
    ssize_t size = getline(&line, &capacity, file);
    json_t *one = size > 0 ? credential(asked->endpoint, identity, trim(line)) : NULL;
    if (line != NULL)
        kedge_wipe(line, capacity);
    free(line);
    if (one != NULL)
        return send_one(cli, asked, one);
    complain("%s: one line of hex is expected", path);
    return STATUS_USAGE;
}

static enum status enroll_without_file(struct cli *cli, const struct enrolment *asked)
{
    json_t *one = asked->no_security
                      ? json_pack("{s:s, s:s}", "endpoint", asked->endpoint, "security", "none")
                      : json_pack("{s:s, s:s}", "endpoint", asked->endpoint, "certificate_name",
                                  asked->certificate_name);
    if (one != NULL)
        return send_one(cli, asked, one);
    complain("the endpoint or --certificate-name is not UTF-8");
    return STATUS_USAGE;
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
    const struct purpose *purpose;
    FILE *file;
    const char *path;
    json_t *list;          /* gathered since the last request */
    size_t lines[AT_ONCE]; /* where each of them stands, or of the request before */
    size_t number, written;
};

/* Names the line of what was refused: the field is credentials[7].key, or devices[7].key. */
static void name_line(const struct reading *reading, size_t count)
{
    const char *bracket = strchr(reading->cli->field, '[');
    size_t index = bracket != NULL ? strtoul(bracket + 1, NULL, 10) : count;
    if (index < count)
        complain("%s:%zu: this is the line of it", reading->path, reading->lines[index]);
}

static enum status flush(struct reading *reading)
{
    size_t count = json_array_size(reading->list);
    if (count == 0)
        return STATUS_DONE;
    json_t *list = reading->list;
    reading->list = json_array();
    enum status status = send_list(reading->cli, reading->purpose, list);
    if (status == STATUS_DONE)
        reading->written += count;
    else
        name_line(reading, count);
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
        reading->lines[json_array_size(reading->list)] = reading->number;
        if (!read_row(text, reading->list, reading->path, reading->number))
            return STATUS_USAGE;
        if (json_array_size(reading->list) == AT_ONCE)
            status = flush(reading);
    }
    return status == STATUS_DONE ? flush(reading) : status;
}

static enum status enroll_all(struct cli *cli, FILE *file, const char *path,
                              const struct purpose *purpose)
{
    struct reading reading = {
        .cli = cli, .purpose = purpose, .file = file, .path = path, .list = json_array()};
    char *line = NULL;
    size_t capacity = 0;
    enum status status = read_rows(&reading, &line, &capacity);
    if (line != NULL)
        kedge_wipe(line, capacity);
    free(line);
    json_decref(reading.list);
    if (status != STATUS_DONE) {
        complain("%s: %zu %s enrolled before line %zu, none after", path, reading.written,
                 kedge_by_count(reading.written, "device was", "devices were"), reading.lines[0]);
        return status;
    }
    if (!ferror(file) && reading.written > 0)
        return report(cli, reading.written);
    complain("%s: %s", path,
             ferror(file) ? "cannot be read" : "there is no line endpoint,identity,hexkey in it");
    return STATUS_USAGE;
}

/* ---- a raw public key ---- */

static enum status enroll_public_key(struct cli *cli, const struct enrolment *asked)
{
    char *pem = public_key_read(asked->public_key_path);
    if (pem == NULL)
        return STATUS_USAGE;
    json_t *one = json_pack("{s:s, s:s}", "endpoint", asked->endpoint, "public_key", pem);
    free(pem);
    if (one != NULL)
        return send_one(cli, asked, one);
    complain("%s: the endpoint or the file is not UTF-8 text", asked->public_key_path);
    return STATUS_USAGE;
}

/* ---- the commands ---- */

static const char *what_is_wrong(const struct enrolment *asked)
{
    int proofs = (asked->psk_path != NULL) + (asked->public_key_path != NULL) +
                 (asked->certificate_name != NULL) + asked->no_security;
    if (asked->purpose == &to_register &&
        (asked->certificate_name != NULL || asked->no_security || asked->serial != NULL ||
         asked->hardware != NULL || asked->batch != NULL || asked->certificate_path != NULL ||
         asked->private_key_path != NULL))
        return "--certificate-name, --no-security, --serial, --hardware, --batch, "
               "--give-certificate and --give-private-key go with --bootstrap";
    if (asked->private_key_path != NULL && asked->certificate_path == NULL)
        return "--give-private-key goes with --give-certificate";
    if (proofs != 1)
        return asked->purpose == &to_register
                   ? "one of --psk-file FILE and --public-key PUB.pem is needed"
                   : "one of --psk-file FILE, --public-key PUB.pem, --certificate-name NAME and "
                     "--no-security is needed";
    if (asked->endpoint == NULL && asked->psk_path == NULL)
        return asked->public_key_path != NULL ? "--public-key goes with an ENDPOINT"
                                              : "an ENDPOINT is needed";
    if (asked->endpoint == NULL && (asked->serial != NULL || asked->hardware != NULL ||
                                    asked->batch != NULL || asked->certificate_path != NULL))
        return "--serial, --hardware, --batch and --give-certificate go with an ENDPOINT; for many "
               "see device import";
    if (asked->identity != NULL && (asked->endpoint == NULL || asked->psk_path == NULL))
        return "--identity goes with an ENDPOINT and --psk-file; a file of many has its own";
    return NULL;
}

static enum status enroll_psk(struct cli *cli, const struct enrolment *asked)
{
    const char *path = asked->psk_path;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        complain("%s: %s", path, strerror(errno));
        return STATUS_USAGE;
    }
    setvbuf(file, NULL, _IONBF, 0); /* no copy of keys in a buffer that is not wiped */
    enum status status = asked->endpoint == NULL ? enroll_all(cli, file, path, asked->purpose)
                                                 : enroll_one(cli, file, path, asked);
    fclose(file);
    return status;
}

enum status device_enroll(struct cli *cli, const struct arguments *arguments)
{
    const struct enrolment asked = {
        .purpose = purpose_of(arguments),
        .endpoint = arguments->positional_count > 0 ? arguments->positional[0] : NULL,
        .identity = argument(arguments, "identity"),
        .psk_path = argument(arguments, "psk-file"),
        .public_key_path = argument(arguments, "public-key"),
        .certificate_name = argument(arguments, "certificate-name"),
        .serial = argument(arguments, "serial"),
        .hardware = argument(arguments, "hardware"),
        .batch = argument(arguments, "batch"),
        .certificate_path = argument(arguments, "give-certificate"),
        .private_key_path = argument(arguments, "give-private-key"),
        .no_security = argument(arguments, "no-security") != NULL};
    const char *wrong = what_is_wrong(&asked);
    if (wrong != NULL) {
        complain("%s", wrong);
        return STATUS_USAGE;
    }
    if (asked.psk_path != NULL)
        return enroll_psk(cli, &asked);
    return asked.public_key_path != NULL ? enroll_public_key(cli, &asked)
                                         : enroll_without_file(cli, &asked);
}

enum status device_unenroll(struct cli *cli, const struct arguments *arguments)
{
    char prefix[64];
    (void)snprintf(prefix, sizeof(prefix), "%s/", purpose_of(arguments)->path);
    return ask_at(cli, "DELETE", path_of(prefix, arguments->positional[0], ""), NULL, NULL);
}
