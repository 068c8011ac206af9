/* audit.c: kedge audit list. */

#include "updater/cli/cli.h"
#include "updater/cli/json.h"
#include "updater/cli/table.h"

static const struct column audit_columns[] = {
    {"NO.", true, false},        {"WHEN", false, false},   {"WHO", false, true},
    {"WHAT", false, CUT_LAST},   {"SUBJECT", false, true}, {"BEFORE", false, true},
    {"AFTER", false, true},
};

/* What was asked for; NULL: no memory. */
static char *list_path(const struct arguments *arguments)
{
    static const char *const names[] = {"subject", "who", "what"};
    const char *order = argument(arguments, "newest") != NULL ? "newest" : "oldest";
    char *path = path_of("/api/v1/audit?order=", order, "");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        path = with_query(path, names[i], argument(arguments, names[i]));
    return path;
}

enum status audit_list(struct cli *cli, const struct arguments *arguments)
{
    json_t *list = NULL, *entry;
    size_t index;
    struct table table;
    char when[32];
    enum status status = ask_list_at(cli, list_path(arguments), "audit", &list);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(list);
    table_init(&table, audit_columns, sizeof(audit_columns) / sizeof(audit_columns[0]));
    json_array_foreach(json_object_get(list, "audit"), index, entry)
    {
        time_text(number_of(entry, "at_ms"), when, sizeof(when));
        table_add_number(&table, number_of(entry, "sequence"));
        table_add(&table, when);
        table_add(&table, text_of(entry, "who"));
        table_add(&table, text_of(entry, "what"));
        table_add(&table, text_of(entry, "subject"));
        table_add(&table, text_of(entry, "before"));
        table_add(&table, text_of(entry, "after"));
    }
    table_print(&table, stdout, terminal_width(stdout));
    json_decref(list);
    return STATUS_DONE;
}
