/*
 * cli.h: what the commands of `kedge` share.
 *
 * A command gets its arguments already checked against its row in the table of commands, asks the
 * server, prints, and returns its exit status. What goes wrong is said on standard error by the
 * tool that noticed it.
 */
#ifndef KEDGE_UPDATER_CLI_H
#define KEDGE_UPDATER_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "updater/cli/client.h"

enum status {
    STATUS_DONE = 0,
    STATUS_REFUSED = 1,    /* by the server; or what was watched did not finish */
    STATUS_USAGE = 2,      /* the command line, or a file that it names */
    STATUS_UNREACHABLE = 3 /* no server, or no token for it */
};

#define CLI_VALUES_MAX 4096u /* positional arguments and repeated options */

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_NUMBER, /* a whole number; the server knows what it may be */
    OPTION_SPAN,   /* seconds, or with a unit: 90s, 10m, 2h, 7d, 1w */
    OPTION_TEXTS   /* may be repeated, as its help says */
};

/** A row of a command's options, which drives parsing and help. */
struct option_row {
    const char *name;        /* without the dashes */
    const char *placeholder; /* of its value; NULL for a flag */
    enum option_kind kind;
    const char *help;
    const char *field; /* of the policy in a new rollout's JSON, or NULL */
};

#define COMMAND_OPTIONS_MAX 48u

/** What the command line said. Strings are those of argv. */
struct arguments {
    const struct command *command;
    const char *values[COMMAND_OPTIONS_MAX]; /* by the row's index; NULL: not given */
    const char *texts[CLI_VALUES_MAX];       /* of every OPTION_TEXTS of the command, in order */
    const struct option_row *text_rows[CLI_VALUES_MAX]; /* of which one each of them is */
    size_t text_count;
    const char *positional[CLI_VALUES_MAX];
    size_t positional_count;
};

struct cli {
    struct client_server server;
    const char *token_file;
    bool json;
    struct client *client;
    char field[CLIENT_FIELD_MAX + 1]; /* at fault in what was refused last; "": not said */
};

/** A row of the table of commands, which drives dispatch, usage and help. */
struct command {
    const char *noun;
    const char *verb;
    const char *positional; /* for the usage line; "" for none */
    size_t least, most;     /* how many positional arguments */
    const char *help;
    const struct option_row *options;
    size_t option_count;
    enum status (*run)(struct cli *cli, const struct arguments *arguments);
};

extern const struct command commands[];
extern const size_t command_count;
/** A command by its words; NULL when there is none. */
const struct command *command_find(const char *noun, const char *verb);
/** What goes before and behind every command. */
extern const struct option_row global_options[];
extern const size_t global_option_count;

/** The value of an option, by its name; NULL when it was not given ("" for a flag that was). */
const char *argument(const struct arguments *arguments, const char *name);
/** The next value of an option that may be repeated; NULL after the last. *at is 0 at first. */
const char *argument_next(const struct arguments *arguments, const char *name, size_t *at);

/* ---- options.c ---- */

enum options_outcome { OPTIONS_RUN, OPTIONS_END, OPTIONS_USAGE };

/**
 * Reads the whole command line into `cli` and `arguments`. Help and version are printed
 * (OPTIONS_END); what is wrong is said on standard error (OPTIONS_USAGE).
 */
enum options_outcome options_read(int argc, char **argv, struct cli *cli,
                                  struct arguments *arguments);

/* ---- help.c ---- */

/** What the exit statuses 0, 1, ... mean. */
#define STATUS_COUNT 4u
extern const char *const status_words[STATUS_COUNT];

/** Usage of everything, of one noun, or of one command with its options. */
void usage_print(FILE *out, const char *noun, const char *verb);

/* ---- asking ---- */

/** Says what is wrong, after "kedge: ". */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Prints a line on standard output; what came from outside cannot steer the terminal. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * Asks, takes `body` over (NULL: none). On STATUS_DONE *out is the answer (NULL when empty), with
 * its ETag as `etag` where it has one.
 */
enum status ask(struct cli *cli, const char *method, const char *path, json_t *body, json_t **out);
/** The same with a path of path_of(), which it takes over. */
enum status ask_at(struct cli *cli, const char *method, char *path, json_t *body, json_t **out);
/**
 * Has what --if-match and --idempotency-key say go with what the command asks. STATUS_USAGE, with a
 * complaint, when that cannot be.
 */
enum status conditions_add(struct cli *cli, const struct arguments *arguments);
/** Opens a file to be sent, and says how large it is; NULL, with a complaint. */
FILE *file_open(const char *path, uint64_t *size);
/** The PEM text of a public key's file, the caller's; NULL, with a complaint, when it is none. */
char *public_key_read(const char *path);
/** Makes a file that is not there yet, and that nobody else can read; -1, with a complaint. */
int file_make(const char *path);
/** Such a file to write to, or standard output where `path` is NULL; NULL, with a complaint. */
FILE *output_make(const char *path);
/**
 * Ends what output_make() gave: as output_end(), or the file is durable. One that is not whole, or
 * with another status than STATUS_DONE, is removed.
 */
enum status output_finish(const char *path, FILE *out, enum status status);
/**
 * Writes what standard output still holds. Where it did not take all that was said, complains and
 * makes STATUS_USAGE of STATUS_DONE: nobody may take the beginning for the whole.
 */
enum status output_end(enum status status);
/** Takes an item, borrowed for the call; false: no more of them. */
typedef bool item_fn(void *context, json_t *item);
/** Each item of a listing, page by page. STATUS_DONE also when `fn` ended it. */
enum status ask_each(struct cli *cli, const char *path, const char *name, item_fn *fn,
                     void *context);
/** All pages of a listing: {"<name>": [...]}. */
enum status ask_list(struct cli *cli, const char *path, const char *name, json_t **out);
/** The same with a path of path_of(), which it takes over. */
enum status ask_list_at(struct cli *cli, char *path, const char *name, json_t **out);
/** "<prefix><escaped name><suffix>" in memory of its own; NULL: no memory. */
char *path_of(const char *prefix, const char *name, const char *suffix);
/** `path` with one query parameter more, unless that is not given (NULL). Takes `path` over. */
char *with_query(char *path, const char *name, const char *value);
/** Prints an answer as JSON and lets go of it. */
enum status print_json(json_t *json);

/* ---- commands ---- */

enum status device_list(struct cli *cli, const struct arguments *arguments);
enum status device_show(struct cli *cli, const struct arguments *arguments);
enum status device_tag(struct cli *cli, const struct arguments *arguments);
enum status device_enroll(struct cli *cli, const struct arguments *arguments);
enum status fleet_samples(struct cli *cli, const struct arguments *arguments);
enum status fleet_show(struct cli *cli, const struct arguments *arguments);
enum status package_attachments(struct cli *cli, const struct arguments *arguments);
enum status package_attachment(struct cli *cli, const struct arguments *arguments);
enum status device_history(struct cli *cli, const struct arguments *arguments);
enum status device_deployments(struct cli *cli, const struct arguments *arguments);
enum status device_watch(struct cli *cli, const struct arguments *arguments);
enum status device_enrolled(struct cli *cli, const struct arguments *arguments);
enum status device_bootstrap(struct cli *cli, const struct arguments *arguments);
enum status device_import(struct cli *cli, const struct arguments *arguments);
enum status device_unenroll(struct cli *cli, const struct arguments *arguments);
enum status device_read(struct cli *cli, const struct arguments *arguments);
enum status device_write(struct cli *cli, const struct arguments *arguments);
enum status device_create(struct cli *cli, const struct arguments *arguments);
enum status device_delete(struct cli *cli, const struct arguments *arguments);
enum status device_attributes(struct cli *cli, const struct arguments *arguments);
enum status device_execute(struct cli *cli, const struct arguments *arguments);
enum status device_discover(struct cli *cli, const struct arguments *arguments);
enum status device_observe(struct cli *cli, const struct arguments *arguments);
enum status package_upload(struct cli *cli, const struct arguments *arguments);
enum status package_list(struct cli *cli, const struct arguments *arguments);
enum status package_show(struct cli *cli, const struct arguments *arguments);
enum status package_delete(struct cli *cli, const struct arguments *arguments);
enum status class_list(struct cli *cli, const struct arguments *arguments);
enum status class_show(struct cli *cli, const struct arguments *arguments);
enum status class_set(struct cli *cli, const struct arguments *arguments);
enum status class_remove(struct cli *cli, const struct arguments *arguments);
enum status trust_add(struct cli *cli, const struct arguments *arguments);
enum status trust_list(struct cli *cli, const struct arguments *arguments);
enum status trust_remove(struct cli *cli, const struct arguments *arguments);
enum status rollout_create(struct cli *cli, const struct arguments *arguments);
enum status rollout_retry(struct cli *cli, const struct arguments *arguments);
enum status rollout_plan(struct cli *cli, const struct arguments *arguments);
enum status rollout_change(struct cli *cli, const struct arguments *arguments);
enum status rollout_show(struct cli *cli, const struct arguments *arguments);
enum status rollout_list(struct cli *cli, const struct arguments *arguments);
enum status rollout_history(struct cli *cli, const struct arguments *arguments);
enum status rollout_samples(struct cli *cli, const struct arguments *arguments);
enum status rollout_watch(struct cli *cli, const struct arguments *arguments);
enum status token_create(struct cli *cli, const struct arguments *arguments);
enum status token_list(struct cli *cli, const struct arguments *arguments);
enum status token_revoke(struct cli *cli, const struct arguments *arguments);
enum status token_show(struct cli *cli, const struct arguments *arguments);
enum status webhook_add(struct cli *cli, const struct arguments *arguments);
enum status webhook_list(struct cli *cli, const struct arguments *arguments);
enum status webhook_remove(struct cli *cli, const struct arguments *arguments);
enum status webhook_undelivered(struct cli *cli, const struct arguments *arguments);
enum status webhook_again(struct cli *cli, const struct arguments *arguments);
enum status audit_export(struct cli *cli, const struct arguments *arguments);
enum status audit_verify(struct cli *cli, const struct arguments *arguments);
enum status audit_list(struct cli *cli, const struct arguments *arguments);

#endif
