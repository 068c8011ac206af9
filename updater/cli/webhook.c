/* webhook.c: kedge webhook ... */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "updater/cli/cli.h"
#include "updater/cli/json.h"
#include "updater/cli/table.h"

#define WEBHOOKS "/api/v1/webhooks"
#define UNDELIVERED "/api/v1/undelivered"
#define SECRET_LINE_MAX 256u /* with its end; the server takes fewer, and says so */

static const struct column webhook_columns[] = {
    {"NAME", false, true},     {"URL", false, true},     {"EVENTS", false, false},
    {"ATTEMPTS", true, false}, {"MADE BY", false, true}, {"CREATED", false, false},
};
static const struct column undelivered_columns[] = {
    {"ID", false, false},      {"WEBHOOK", false, true},   {"EVENT", true, false},
    {"ATTEMPTS", true, false}, {"GIVEN UP", false, false}, {"ERROR", false, true},
};

/* "rollout,group" */
static void events_text(const json_t *webhook, char *text, size_t size)
{
    size_t index, used = 0;
    json_t *event;
    text[0] = '\0';
    json_array_foreach(json_object_get(webhook, "events"), index, event)
    {
        int more = snprintf(&text[used], size - used, "%s%s", index > 0 ? "," : "",
                            json_string_value(event));
        if (more < 0 || (size_t)more >= size - used)
            return;
        used += (size_t)more;
    }
}

static void print_webhooks(const json_t *webhooks)
{
    struct table table;
    size_t index;
    json_t *webhook;
    char text[64];
    table_init(&table, webhook_columns, sizeof(webhook_columns) / sizeof(webhook_columns[0]));
    json_array_foreach(webhooks, index, webhook)
    {
        table_add(&table, text_of(webhook, "name"));
        table_add(&table, text_of(webhook, "url"));
        events_text(webhook, text, sizeof(text));
        table_add(&table, text);
        table_add_number(&table, number_of(webhook, "attempts"));
        table_add(&table, text_of(webhook, "creator"));
        time_text(number_of(webhook, "created_at_ms"), text, sizeof(text));
        table_add(&table, text);
    }
    table_print(&table, stdout, terminal_width(stdout));
}

static void print_undelivered(const json_t *events)
{
    struct table table;
    size_t index;
    json_t *event;
    char text[32];
    table_init(&table, undelivered_columns,
               sizeof(undelivered_columns) / sizeof(undelivered_columns[0]));
    json_array_foreach(events, index, event)
    {
        table_add(&table, text_of(event, "id"));
        table_add(&table, text_of(event, "webhook"));
        table_add_number(&table, number_of(event, "event_id"));
        table_add_number(&table, number_of(event, "attempts"));
        time_text(number_of(event, "at_ms"), text, sizeof(text));
        table_add(&table, text);
        table_add(&table, text_of(event, "error"));
    }
    table_print(&table, stdout, terminal_width(stdout));
}

/* What was asked for, as it was answered; takes the answer over. */
static enum status show(const struct cli *cli, enum status status, json_t *answer, const char *name,
                        void (*print)(const json_t *items))
{
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(answer);
    print(json_object_get(answer, name));
    json_decref(answer);
    return STATUS_DONE;
}

enum status webhook_list(struct cli *cli, const struct arguments *arguments)
{
    (void)arguments;
    json_t *answer = NULL;
    enum status status = ask(cli, "GET", WEBHOOKS, NULL, &answer);
    return show(cli, status, answer, "webhooks", print_webhooks);
}

enum status webhook_undelivered(struct cli *cli, const struct arguments *arguments)
{
    (void)arguments;
    json_t *answer = NULL;
    enum status status = ask_list(cli, UNDELIVERED, "undelivered", &answer);
    return show(cli, status, answer, "undelivered", print_undelivered);
}

enum status webhook_again(struct cli *cli, const struct arguments *arguments)
{
    return ask_at(cli, "POST", path_of(UNDELIVERED "/", arguments->positional[0], "/again"),
                  json_object(), NULL);
}

enum status webhook_remove(struct cli *cli, const struct arguments *arguments)
{
    return ask_at(cli, "DELETE", path_of(WEBHOOKS "/", arguments->positional[0], ""), NULL, NULL);
}

/* ---- making one ---- */

/* The first line of the file, without its end. */
static bool read_secret(const char *path, char secret[SECRET_LINE_MAX])
{
    uint64_t size;
    FILE *file = file_open(path, &size);
    if (file == NULL)
        return false;
    bool read = fgets(secret, SECRET_LINE_MAX, file) != NULL;
    (void)fclose(file);
    if (read && strlen(secret) < SECRET_LINE_MAX - 1) {
        secret[strcspn(secret, "\r\n")] = '\0';
        return true;
    }
    complain("%s: the secret must be one line of 16 to 128 characters", path);
    return false;
}

/* "rollout,group" as a list. */
static json_t *events_json(const char *text)
{
    json_t *events = json_array();
    for (const char *at = text; events != NULL; at++) {
        size_t size = strcspn(at, ",");
        if (json_array_append_new(events, json_stringn(at, size)) != 0) {
            json_decref(events);
            return NULL;
        }
        at += size;
        if (*at == '\0')
            break;
    }
    return events;
}

static json_t *body_of(const struct arguments *arguments, const char *secret)
{
    const char *events = argument(arguments, "events"), *attempts = argument(arguments, "attempts");
    json_t *body = json_pack("{s:s, s:s, s:s, s:b}", "name", arguments->positional[0], "url",
                             arguments->positional[1], "secret", secret, "allow_http",
                             argument(arguments, "allow-http") != NULL);
    bool good = body != NULL;
    if (good && events != NULL)
        good = json_object_set_new(body, "events", events_json(events)) == 0;
    if (good && attempts != NULL)
        good = json_object_set_new(body, "attempts",
                                   json_integer((json_int_t)strtoul(attempts, NULL, 10))) == 0;
    if (good)
        return body;
    json_decref(body);
    complain("webhook add: what it was given is not UTF-8");
    return NULL;
}

enum status webhook_add(struct cli *cli, const struct arguments *arguments)
{
    const char *path = argument(arguments, "secret-file");
    char secret[SECRET_LINE_MAX];
    json_t *webhook = NULL;
    if (path == NULL) {
        complain("webhook add needs --secret-file FILE: what posts are signed with, for whoever "
                 "gets them to check");
        return STATUS_USAGE;
    }
    if (!read_secret(path, secret))
        return STATUS_USAGE;
    json_t *body = body_of(arguments, secret);
    explicit_bzero(secret, sizeof(secret));
    if (body == NULL)
        return STATUS_USAGE;
    enum status status = ask(cli, "POST", WEBHOOKS, body, &webhook);
    if (status == STATUS_DONE && cli->json)
        return print_json(webhook);
    if (status == STATUS_DONE)
        say("what happens from now on is posted to %s", text_of(webhook, "url"));
    json_decref(webhook);
    return status;
}
