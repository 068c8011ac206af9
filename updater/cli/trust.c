/* trust.c: kedge trust ... */
#include <stdlib.h>
#include <string.h>

#include "updater/cli/cli.h"
#include "updater/cli/json.h"
#include "updater/cli/table.h"

#define TRUST "/api/v1/trust"
#define KEY_ID_DIGITS 64u

static const struct column trust_columns[] = {
    {"NAME", false, true},   {"ALGORITHM", false, false}, {"KEY ID", false, true},
    {"ADDED", false, false}, {"", false, false},
};

enum status trust_add(struct cli *cli, const struct arguments *arguments)
{
    const char *name = argument(arguments, "name");
    if (name == NULL) {
        complain("trust add needs --name NAME: what people call the key");
        return STATUS_USAGE;
    }
    char *pem = public_key_read(arguments->positional[0]);
    if (pem == NULL)
        return STATUS_USAGE;
    json_t *body = json_pack("{s:s, s:s}", "name", name, "pem", pem), *key = NULL;
    free(pem);
    if (body == NULL) {
        complain("%s: the name or the file is not UTF-8 text", arguments->positional[0]);
        return STATUS_USAGE;
    }
    enum status status = ask(cli, "POST", TRUST, body, &key);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(key);
    say("trusted: %s, %s key %s%s", text_of(key, "name"), text_of(key, "algorithm"),
        text_of(key, "id"),
        json_is_true(json_object_get(key, "development")) ? " (development)" : "");
    json_decref(key);
    return STATUS_DONE;
}

enum status trust_list(struct cli *cli, const struct arguments *arguments)
{
    (void)arguments;
    json_t *list = NULL, *key;
    size_t index;
    struct table table;
    char added[32];
    enum status status = ask_list(cli, TRUST, "trust", &list);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(list);
    table_init(&table, trust_columns, sizeof(trust_columns) / sizeof(trust_columns[0]));
    json_array_foreach(json_object_get(list, "trust"), index, key)
    {
        time_text(number_of(key, "added_at_ms"), added, sizeof(added));
        table_add(&table, text_of(key, "name"));
        table_add(&table, text_of(key, "algorithm"));
        table_add(&table, text_of(key, "id"));
        table_add(&table, added);
        table_add(&table, json_is_true(json_object_get(key, "development")) ? "development" : "");
    }
    table_print(&table, stdout, terminal_width(stdout));
    json_decref(list);
    return STATUS_DONE;
}

/* A key id as it is, or that of the key with this name; NULL when there is none. */
static enum status find_key(struct cli *cli, const char *wanted, char id[KEY_ID_DIGITS + 1])
{
    json_t *list = NULL, *key;
    size_t index, found = 0;
    enum status status = ask_list(cli, TRUST, "trust", &list);
    if (status != STATUS_DONE)
        return status;
    json_array_foreach(json_object_get(list, "trust"), index, key)
    {
        if (strcmp(text_of(key, "id"), wanted) != 0 && strcmp(text_of(key, "name"), wanted) != 0)
            continue;
        (void)snprintf(id, KEY_ID_DIGITS + 1, "%s", text_of(key, "id"));
        found++;
    }
    json_decref(list);
    if (found == 1)
        return STATUS_DONE;
    complain(found == 0 ? "no key \"%s\" is trusted; see kedge trust list"
                        : "several keys are called \"%s\": name its id, from kedge trust list",
             wanted);
    return STATUS_REFUSED;
}

enum status trust_remove(struct cli *cli, const struct arguments *arguments)
{
    char id[KEY_ID_DIGITS + 1];
    enum status status = find_key(cli, arguments->positional[0], id);
    if (status != STATUS_DONE)
        return status;
    return ask_at(cli, "DELETE", path_of(TRUST "/", id, ""), NULL, NULL);
}
