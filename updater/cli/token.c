/* token.c: kedge token ... */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "updater/cli/cli.h"
#include "updater/cli/json.h"
#include "updater/cli/table.h"

#define TOKENS "/api/v1/tokens"
#define DAYS_DEFAULT 90u
#define DAYS_MAX 3650u
#define DAY_S 86400u

static const struct column token_columns[] = {
    {"NAME", false, true},     {"ROLE", false, false},    {"MADE BY", false, true},
    {"CREATED", false, false}, {"EXPIRES", false, false},
};

/* When it ends: never, where there is no time. */
static void expiry_text(const json_t *token, char *text, size_t size)
{
    if (json_is_null(json_object_get(token, "expires_at_ms")))
        (void)snprintf(text, size, "never");
    else
        time_text(number_of(token, "expires_at_ms"), text, size);
}

static void print_tokens(const json_t *tokens)
{
    struct table table;
    size_t index;
    json_t *token;
    char text[32];
    table_init(&table, token_columns, sizeof(token_columns) / sizeof(token_columns[0]));
    json_array_foreach(tokens, index, token)
    {
        table_add(&table, text_of(token, "name"));
        table_add(&table, text_of(token, "role"));
        table_add(&table, text_of(token, "creator"));
        time_text(number_of(token, "created_at_ms"), text, sizeof(text));
        table_add(&table, text);
        expiry_text(token, text, sizeof(text));
        table_add(&table, text);
    }
    table_print(&table, stdout, terminal_width(stdout));
}

enum status token_list(struct cli *cli, const struct arguments *arguments)
{
    (void)arguments;
    json_t *list = NULL;
    enum status status = ask_list(cli, TOKENS, "tokens", &list);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(list);
    print_tokens(json_object_get(list, "tokens"));
    json_decref(list);
    return STATUS_DONE;
}

enum status token_show(struct cli *cli, const struct arguments *arguments)
{
    (void)arguments;
    json_t *token = NULL;
    char expiry[32];
    enum status status = ask(cli, "GET", "/api/v1/token", NULL, &token);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(token);
    expiry_text(token, expiry, sizeof(expiry));
    say("%s, with the role %s; expires: %s", text_of(token, "name"), text_of(token, "role"),
        expiry);
    json_decref(token);
    return STATUS_DONE;
}

/* ---- making one ---- */

static bool read_days(const char *text, unsigned long *days)
{
    char *end;
    *days = DAYS_DEFAULT;
    if (text == NULL)
        return true;
    errno = 0;
    *days = strtoul(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *days <= DAYS_MAX;
}

static bool write_line(int file, const char *text)
{
    return dprintf(file, "%s\n", text) == (int)strlen(text) + 1 && fsync(file) == 0;
}

/* Nobody has it. */
static enum status revoke_again(struct cli *cli, const json_t *token)
{
    complain("the token is revoked again");
    (void)ask_at(cli, "DELETE", path_of(TOKENS "/", text_of(token, "name"), ""), NULL, NULL);
    return STATUS_USAGE;
}

static enum status keep(struct cli *cli, int file, const char *path, json_t *token)
{
    bool written = write_line(file, text_of(token, "token"));
    const char *why = strerror(errno);
    (void)json_object_del(token, "token");
    if (written)
        return STATUS_DONE;
    complain("%s: %s", path, why);
    return revoke_again(cli, token);
}

/* Whether it was told: without a file, that is the one time. */
static bool tell(const struct cli *cli, json_t *token, const char *path)
{
    char expiry[32];
    expiry_text(token, expiry, sizeof(expiry));
    if (cli->json)
        (void)print_json(json_incref(token));
    else if (path != NULL)
        say("the token \"%s\" with the role %s is in %s; expires: %s", text_of(token, "name"),
            text_of(token, "role"), path, expiry);
    else
        say("%s", text_of(token, "token"));
    return output_end(STATUS_DONE) == STATUS_DONE;
}

enum status token_create(struct cli *cli, const struct arguments *arguments)
{
    const char *role = argument(arguments, "role"), *path = argument(arguments, "output");
    unsigned long days;
    json_t *token = NULL;
    if (role == NULL) {
        complain("token create needs --role: viewer, operator, release, author, approver or admin");
        return STATUS_USAGE;
    }
    if (!read_days(argument(arguments, "days"), &days)) {
        complain("--days must be 0 (it never expires) to %u", DAYS_MAX);
        return STATUS_USAGE;
    }
    json_t *body = json_pack("{s:s, s:s}", "name", arguments->positional[0], "role", role);
    if (body == NULL ||
        (days > 0 &&
         json_object_set_new(body, "lifetime_s", json_integer((json_int_t)(days * DAY_S))) != 0)) {
        complain("token create: what it was given is not UTF-8");
        return STATUS_USAGE;
    }
    int file = path == NULL ? -1 : file_make(path);
    if (path != NULL && file < 0) {
        json_decref(body);
        return STATUS_USAGE;
    }
    enum status status = ask(cli, "POST", TOKENS, body, &token);
    if (status == STATUS_DONE && file >= 0)
        status = keep(cli, file, path, token);
    if (status != STATUS_DONE && file >= 0)
        (void)unlink(path);
    if (file >= 0)
        (void)close(file);
    if (status == STATUS_DONE && !tell(cli, token, path))
        status = path == NULL ? revoke_again(cli, token) : STATUS_USAGE;
    json_decref(token);
    return status;
}

enum status token_revoke(struct cli *cli, const struct arguments *arguments)
{
    return ask_at(cli, "DELETE", path_of(TOKENS "/", arguments->positional[0], ""), NULL, NULL);
}
