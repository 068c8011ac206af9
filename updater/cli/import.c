/*
 * import.c: kedge device import: a factory's file of devices. The server reads it, all or nothing;
 * it is asked first what is wrong with it, so that every line that is gets named.
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <kedge/base.h>
#include <string.h>

#include "updater/cli/cli.h"
#include "updater/cli/json.h"

#define IMPORT "/api/v1/import"

static enum status send_file(struct cli *cli, const char *path, const char *to,
                             struct client_answer *answer)
{
    uint64_t size;
    FILE *file = file_open(path, &size);
    if (file == NULL)
        return STATUS_USAGE;
    enum client_outcome outcome = client_send(cli->client, to, file, size, false, answer);
    (void)fclose(file);
    if (outcome == CLIENT_DONE)
        return STATUS_DONE;
    complain("%s: %s", path, answer->error);
    return outcome == CLIENT_REFUSED ? STATUS_REFUSED : STATUS_UNREACHABLE;
}

/* "devices.csv:3: key must be hex digits", "devices.json: device 3: ..." */
static void print_errors(const char *path, const json_t *report)
{
    size_t index;
    const json_t *error;
    json_array_foreach(json_object_get(report, "errors"), index, error)
    {
        const char *field = text_of(error, "field");
        const char *space = field[0] != '\0' ? " " : "";
        if (json_object_get(error, "line") != NULL)
            complain("%s:%" PRIu64 ": %s%s%s", path, number_of(error, "line"), field, space,
                     text_of(error, "message"));
        else
            complain("%s: device %" PRIu64 ": %s%s%s", path, number_of(error, "device"), field,
                     space, text_of(error, "message"));
    }
    uint64_t count = number_of(report, "error_count");
    if (count > index)
        complain("%s: and %" PRIu64 " more", path, count - index);
    complain("%s: nothing was imported", path);
}

static enum status print_report(const struct cli *cli, const char *path, json_t *report)
{
    if (cli->json)
        return print_json(report);
    uint64_t count = number_of(report, "devices");
    say("%s: %" PRIu64 " %s %s, %" PRIu64 " of them known before", path, count,
        kedge_by_count(count, "device", "devices"),
        json_is_true(json_object_get(report, "imported")) ? "imported" : "could be imported",
        number_of(report, "replaced"));
    json_decref(report);
    return STATUS_DONE;
}

enum status device_import(struct cli *cli, const struct arguments *arguments)
{
    const char *path = arguments->positional[0];
    bool dry_run = argument(arguments, "dry-run") != NULL;
    struct client_answer answer;
    enum status status = send_file(cli, path, IMPORT "?dry_run=true", &answer);
    if (status != STATUS_DONE)
        return status;
    if (number_of(answer.json, "error_count") > 0) {
        print_errors(path, answer.json);
        json_decref(answer.json);
        return STATUS_REFUSED;
    }
    if (dry_run)
        return print_report(cli, path, answer.json);
    json_decref(answer.json);
    status = send_file(cli, path, IMPORT, &answer);
    return status == STATUS_DONE ? print_report(cli, path, answer.json) : status;
}
