/* diff.c: in what two packages differ, field by field as inspect --json names them. */
#define _GNU_SOURCE
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signer/commands/commands.h"
#include "signer/commands/inspect.h"
#include "signer/commands/words.h"
#include "signer/package/steps.h"

#define FIELD_MAX 256u
#define DEPTH_MAX 8u

enum { JSON };

static const struct kedge_option options[] = {
    [JSON] = {"json", NULL, KEDGE_OPTIONAL, "print the differences as JSON"},
    {0},
};

/* The steps follow from the rest, and in many words. */
static bool is_left_out(const char *field)
{
    return strcmp(field, "file") == 0 || strcmp(field, "steps") == 0;
}

static void compare(const char *field, const json_t *a, const json_t *b, unsigned depth,
                    json_t *differences);

static void add_difference(const char *field, const json_t *a, const json_t *b, json_t *differences)
{
    json_array_append_new(differences,
                          json_pack("{s:s, s:O?, s:O?}", "field", field, "a",
                                    (json_t *)(uintptr_t)a, "b", (json_t *)(uintptr_t)b));
}

/* Both were told by the same code, so both have the same keys. */
static void compare_objects(const char *field, json_t *a, json_t *b, unsigned depth,
                            json_t *differences)
{
    char inner[FIELD_MAX];
    const char *key;
    json_t *value;
    json_object_foreach(a, key, value)
    {
        snprintf(inner, sizeof inner, "%s%s%s", field, field[0] != '\0' ? "." : "", key);
        if (depth > 0 || !is_left_out(key))
            compare(inner, value, json_object_get(b, key), depth + 1, differences);
    }
}

static void compare_arrays(const char *field, const json_t *a, const json_t *b, unsigned depth,
                           json_t *differences)
{
    char inner[FIELD_MAX];
    size_t count =
        json_array_size(a) > json_array_size(b) ? json_array_size(a) : json_array_size(b);
    for (size_t i = 0; i < count; i++) {
        snprintf(inner, sizeof inner, "%.200s[%zu]", field, i);
        compare(inner, json_array_get(a, i), json_array_get(b, i), depth + 1, differences);
    }
}

static void compare(const char *field, const json_t *a, const json_t *b, unsigned depth,
                    json_t *differences)
{
    if (json_equal(a, b))
        return;
    if (json_is_object(a) && json_is_object(b) && depth < DEPTH_MAX)
        compare_objects(field, (json_t *)(uintptr_t)a, (json_t *)(uintptr_t)b, depth, differences);
    else if (json_is_array(a) && json_is_array(b) && depth < DEPTH_MAX)
        compare_arrays(field, a, b, depth, differences);
    else
        add_difference(field, a, b, differences);
}

/* One value for people; what a package says goes to terminals, so no control characters. */
static void print_value(const json_t *value)
{
    if (value == NULL || json_is_null(value)) {
        fputs("(none)", stdout);
        return;
    }
    char *dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    const char *text = json_is_string(value) ? json_string_value(value) : dumped;
    char printable[512];
    kedge_printable(kedge_slice_text(text != NULL ? text : "?"), printable, sizeof printable);
    fputs(printable, stdout);
    free(dumped);
}

static void report(const struct kedge_arguments *arguments, const json_t *differences)
{
    size_t index;
    json_t *difference;
    if (json_array_size(differences) == 0)
        printf("%s and %s say the same\n", arguments->file, arguments->second);
    json_array_foreach((json_t *)(uintptr_t)differences, index, difference)
    {
        printf("%s: ", json_string_value(json_object_get(difference, "field")));
        print_value(json_object_get(difference, "a"));
        fputs(" -> ", stdout);
        print_value(json_object_get(difference, "b"));
        putchar('\n');
    }
}

static enum kedge_exit tell(const char *path, json_t **told)
{
    struct kedge_package_input input;
    enum kedge_exit status = kedge_package_open(path, &input);
    if (status != KEDGE_EXIT_DONE)
        return status;
    kedge_package_check(&input);
    *told = kedge_inspect_tell(&input);
    if (input.rc != KEDGE_OK)
        status = kedge_package_complain(&input);
    kedge_package_close(&input);
    return status;
}

static enum kedge_exit run(const struct kedge_arguments *arguments)
{
    json_t *a = NULL, *b = NULL;
    enum kedge_exit status = tell(arguments->file, &a);
    if (status == KEDGE_EXIT_DONE)
        status = tell(arguments->second, &b);
    if (status == KEDGE_EXIT_DONE) {
        json_t *differences = json_array();
        compare("", a, b, 0, differences);
        if (kedge_argument_given(arguments, JSON))
            kedge_json_print(json_pack("{s:s, s:s, s:O}", "a", arguments->file, "b",
                                       arguments->second, "differences", differences));
        else
            report(arguments, differences);
        json_decref(differences);
    }
    json_decref(a);
    json_decref(b);
    return status;
}

const struct kedge_command kedge_command_diff = {
    .name = "diff",
    .summary = "Shows in what two packages differ.",
    .file = "A.suit",
    .second = "B.suit",
    .options = options,
    .more =
        "Field by field, as inspect --json names them. Exit status 0 whether they differ or not,\n"
        "1 when one of them is not whole. Who signed them is not asked here.\n",
    .example = "kedge-sign diff board-a-1.3.0.suit board-a-1.4.0.suit\n",
    .run = run,
};
