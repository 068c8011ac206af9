/* steps.c: --group canary=10% --group 100 --group rest, --spread-by and --seed. */
#include "updater/cli/steps.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 7u /* a million devices */

/* A size as the server takes it: {"percent": 10}, {"count": 100} or {"rest": true}. */
static json_t *read_size(const char *text)
{
    if (strcmp(text, "rest") == 0)
        return json_pack("{s:b}", "rest", 1);
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > DIGITS_MAX)
        return NULL;
    long long size = strtoll(text, NULL, 10);
    if (text[digits] == '\0')
        return json_pack("{s:I}", "count", (json_int_t)size);
    if (strcmp(&text[digits], "%") == 0)
        return json_pack("{s:I}", "percent", (json_int_t)size);
    return NULL;
}

/* The size stands behind the last "=": a name may hold one, too. */
static json_t *read_group(const char *text)
{
    const char *equals = strrchr(text, '=');
    json_t *group = read_size(equals == NULL ? text : equals + 1);
    if (group == NULL) {
        complain("--group %s: a size is 10%% of the devices, 100 devices, or rest, with a name as "
                 "canary=10%%",
                 text);
        return NULL;
    }
    if (equals == NULL ||
        json_object_set_new(group, "name", json_stringn(text, (size_t)(equals - text))) == 0)
        return group;
    complain("the name of a group is not UTF-8");
    json_decref(group);
    return NULL;
}

static bool add_groups(const struct arguments *arguments, json_t *body)
{
    json_t *groups = json_array(), *group;
    size_t at = 0;
    const char *text;
    while ((text = argument_next(arguments, "group", &at)) != NULL) {
        group = read_group(text);
        if (group == NULL || json_array_append_new(groups, group) != 0) {
            json_decref(groups);
            return false;
        }
    }
    return json_object_set_new(body, "groups", groups) == 0;
}

bool add_steps(const struct arguments *arguments, json_t *body)
{
    const char *tag = argument(arguments, "spread-by"), *seed = argument(arguments, "seed");
    if (tag != NULL && json_object_set_new(body, "spread_by", json_string(tag)) != 0) {
        complain("the name of the tag is not UTF-8");
        return false;
    }
    if (seed != NULL &&
        json_object_set_new(body, "seed", json_integer(strtoll(seed, NULL, 10))) != 0)
        return false;
    return argument(arguments, "group") == NULL || add_groups(arguments, body);
}
