/* package.c: kedge package ... */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "updater/cli/filter.h"
#include "updater/cli/json.h"
#include "updater/cli/table.h"

#define PACKAGES "/api/v1/packages/"

static const struct column package_columns[] = {
    {"ID", false, true},       {"CLASS", false, true}, {"VERSION", false, false},
    {"SEQUENCE", true, false}, {"IMAGE", true, false}, {"UPLOADED", false, false},
};

static void add_package(struct table *table, const json_t *package)
{
    char size[32], uploaded[32];
    size_text(number_of(package, "image_size"), size, sizeof(size));
    time_text(number_of(package, "uploaded_at_ms"), uploaded, sizeof(uploaded));
    table_add(table, text_of(package, "id"));
    table_add(table, text_of(package, "class"));
    table_add(table, text_of(package, "version"));
    table_add_number(table, number_of(package, "sequence"));
    table_add(table, size);
    table_add(table, uploaded);
}

enum status package_list(struct cli *cli, const struct arguments *arguments)
{
    json_t *list = NULL, *package;
    size_t index;
    struct table table;
    enum status status = ask_matching(cli, KEDGE_FILTER_OF_PACKAGE, arguments,
                                      path_of("/api/v1/packages", "", ""), "packages", &list);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(list);
    table_init(&table, package_columns, sizeof(package_columns) / sizeof(package_columns[0]));
    json_array_foreach(json_object_get(list, "packages"), index, package)
        add_package(&table, package);
    table_print(&table, stdout, terminal_width(stdout));
    json_decref(list);
    return STATUS_DONE;
}

/* Asks about one package by its id; *out may be NULL. */
static enum status ask_package(struct cli *cli, const char *method, const char *id, json_t **out)
{
    return ask_at(cli, method, path_of(PACKAGES, id, ""), NULL, out);
}

enum status package_show(struct cli *cli, const struct arguments *arguments)
{
    json_t *package = NULL;
    enum status status = ask_package(cli, "GET", arguments->positional[0], &package);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(package);
    print_details(package);
    json_decref(package);
    return STATUS_DONE;
}

enum status package_delete(struct cli *cli, const struct arguments *arguments)
{
    return ask_package(cli, "DELETE", arguments->positional[0], NULL);
}

/* ---- uploading ---- */

static enum status print_uploaded(const struct cli *cli, const char *path,
                                  struct client_answer *answer)
{
    if (cli->json)
        return print_json(answer->json);
    char size[32];
    size_text(number_of(answer->json, "image_size"), size, sizeof(size));
    say("%s: version %s for %s, sequence %" PRIu64 ", image %s%s", path,
        text_of(answer->json, "version"), text_of(answer->json, "class"),
        number_of(answer->json, "sequence"), size,
        answer->http_status == 200 ? " (was there already)" : "");
    say("package %s", text_of(answer->json, "id"));
    json_decref(answer->json);
    return STATUS_DONE;
}

enum status package_upload(struct cli *cli, const struct arguments *arguments)
{
    const char *path = arguments->positional[0];
    struct client_answer answer;
    uint64_t size;
    FILE *file = file_open(path, &size);
    if (file == NULL)
        return STATUS_USAGE;
    bool progress = isatty(STDERR_FILENO) == 1;
    enum client_outcome outcome =
        client_send(cli->client, "/api/v1/packages", file, size, progress, &answer);
    (void)fclose(file);
    if (outcome == CLIENT_DONE)
        return print_uploaded(cli, path, &answer);
    complain("%s: %s", path, answer.error);
    return outcome == CLIENT_REFUSED ? STATUS_REFUSED : STATUS_UNREACHABLE;
}
