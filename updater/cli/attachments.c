/* attachments.c: kedge package attachments, and attachment: what a package carries for people. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "updater/cli/cli.h"
#include "updater/cli/json.h"
#include "updater/cli/table.h"

#define PACKAGES "/api/v1/packages/"

static const struct column attachment_columns[] = {
    {"NAME", false, false},
    {"SIZE", true, false},
    {"SHA-256", false, true},
};

enum status package_attachments(struct cli *cli, const struct arguments *arguments)
{
    json_t *list = NULL, *attachment;
    size_t index;
    struct table table;
    char size[32];
    enum status status = ask_at(
        cli, "GET", path_of(PACKAGES, arguments->positional[0], "/attachments"), NULL, &list);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(list);
    table_init(&table, attachment_columns,
               sizeof(attachment_columns) / sizeof(attachment_columns[0]));
    json_array_foreach(json_object_get(list, "attachments"), index, attachment)
    {
        size_text(number_of(attachment, "size"), size, sizeof(size));
        table_add(&table, text_of(attachment, "name"));
        table_add(&table, size);
        table_add(&table, text_of(attachment, "sha256"));
    }
    table_print(&table, stdout, terminal_width(stdout));
    json_decref(list);
    return STATUS_DONE;
}

enum status package_attachment(struct cli *cli, const struct arguments *arguments)
{
    const char *output = argument(arguments, "output");
    struct client_answer answer;
    char suffix[64];
    const char *name = arguments->positional[1];
    if (strcmp(name, "sbom") != 0 && strcmp(name, "prov") != 0 && strcmp(name, "notes") != 0) {
        complain("\"%s\" is no attachment: sbom, prov or notes", name);
        return STATUS_USAGE;
    }
    (void)snprintf(suffix, sizeof(suffix), "/%s", name);
    char *path = path_of(PACKAGES, arguments->positional[0], suffix);
    if (path == NULL) {
        complain("out of memory");
        return STATUS_UNREACHABLE;
    }
    FILE *out = output_make(output);
    if (out == NULL) {
        free(path);
        return STATUS_USAGE;
    }
    enum client_outcome outcome = client_fetch(cli->client, path, out, &answer);
    free(path);
    if (outcome != CLIENT_DONE)
        complain("%s", answer.error);
    return output_finish(output, out,
                         outcome == CLIENT_DONE      ? STATUS_DONE
                         : outcome == CLIENT_REFUSED ? STATUS_REFUSED
                                                     : STATUS_UNREACHABLE);
}
