/* class.c: kedge class ... */
#include "updater/cli/cli.h"
#include "updater/cli/json.h"
#include "updater/cli/table.h"

#include <string.h>

#define CLASSES "/api/v1/classes"

static const struct column class_columns[] = {
    {"CLASS", false, true},
    {"VENDOR", false, true},
    {"VERSION AT", false, false},
    {"SUCCESS BY", false, false},
};

static const char *vendor_of(const json_t *one)
{
    return json_is_string(json_object_get(one, "vendor")) ? text_of(one, "vendor") : "any";
}

static void print_classes(const json_t *classes)
{
    struct table table;
    size_t index;
    json_t *one;
    table_init(&table, class_columns, sizeof(class_columns) / sizeof(class_columns[0]));
    json_array_foreach(classes, index, one)
    {
        table_add(&table, text_of(one, "class"));
        table_add(&table, vendor_of(one));
        table_add(&table, text_of(one, "version_path"));
        table_add(&table, text_of(one, "success"));
    }
    table_print(&table, stdout, terminal_width(stdout));
}

static enum status show(struct cli *cli, json_t *list)
{
    if (cli->json)
        return print_json(list);
    print_classes(json_object_get(list, "classes"));
    json_decref(list);
    return STATUS_DONE;
}

enum status class_list(struct cli *cli, const struct arguments *arguments)
{
    (void)arguments;
    json_t *list = NULL;
    enum status status = ask(cli, "GET", CLASSES, NULL, &list);
    return status == STATUS_DONE ? show(cli, list) : status;
}

/* Of one name there may be several, by vendor. */
enum status class_show(struct cli *cli, const struct arguments *arguments)
{
    const char *wanted = arguments->positional[0];
    json_t *list = NULL, *one;
    size_t index;
    enum status status = ask(cli, "GET", CLASSES, NULL, &list);
    if (status != STATUS_DONE)
        return status;
    json_t *found = json_array();
    json_array_foreach(json_object_get(list, "classes"), index,
                       one) if (strcmp(text_of(one, "class"), wanted) == 0)(void)
        json_array_append(found, one);
    (void)json_object_set_new(list, "classes", found);
    if (json_array_size(json_object_get(list, "classes")) > 0)
        return show(cli, list);
    json_decref(list);
    complain("class %s has no settings of its own: its version is read at /3/0/3, and success is "
             "Result 1 with that version",
             wanted);
    return STATUS_REFUSED;
}

enum status class_set(struct cli *cli, const struct arguments *arguments)
{
    const struct command *command = arguments->command;
    json_t *body = json_pack("{s:s}", "class", arguments->positional[0]), *one = NULL;
    for (size_t i = 0; body != NULL && i < command->option_count; i++)
        if (arguments->values[i] != NULL &&
            json_object_set_new(body, command->options[i].field,
                                json_string(arguments->values[i])) != 0) {
            json_decref(body);
            body = NULL;
        }
    if (body == NULL) {
        complain("class set: what it was given is not UTF-8");
        return STATUS_USAGE;
    }
    enum status status = ask(cli, "POST", CLASSES, body, &one);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(one);
    say("class %s of vendor %s: version at %s, success by %s", text_of(one, "class"),
        vendor_of(one), text_of(one, "version_path"), text_of(one, "success"));
    json_decref(one);
    return STATUS_DONE;
}

enum status class_remove(struct cli *cli, const struct arguments *arguments)
{
    char *path = path_of(CLASSES "/", arguments->positional[0], "");
    return ask_at(cli, "DELETE", with_query(path, "vendor", argument(arguments, "vendor")), NULL,
                  NULL);
}
