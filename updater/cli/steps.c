/* steps.c: --group canary=10%,success=95 --group 'filter=tag == "eu"' --group rest, --spread-by and
 * --seed. */
#include "updater/cli/steps.h"
#include "updater/cli/filter.h"
#include "updater/cli/json.h"
#include "updater/cli/spans.h"

#include <inttypes.h>
#include <stdio.h>
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

static const struct {
    const char *key, *field;
    bool is_span;
} rules[] = {{"success=", "success_threshold_percent", false},
             {"errors=", "error_threshold_percent", false},
             {"sample=", "error_minimum_sample", false},
             {"soak=", "group_soak_s", true}};
#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))
#define FILTER "filter="
#define APPROVAL "approval="
#define PART_MAX 64u /* bytes of a size or a rule */

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool begins_with_rule(const char *text)
{
    for (size_t i = 0; i < RULE_COUNT; i++)
        if (begins(text, rules[i].key))
            return true;
    return begins(text, FILTER) || begins(text, APPROVAL);
}

/* Copies one part, which ends at a comma; false, when it is too long for one. */
static bool copy_part(const char *text, char part[PART_MAX])
{
    size_t size = strcspn(text, ",");
    if (size >= PART_MAX)
        return false;
    memcpy(part, text, size);
    part[size] = '\0';
    return true;
}

static bool begins_with_size(const char *text)
{
    char part[PART_MAX];
    json_t *size = copy_part(text, part) ? read_size(part) : NULL;
    json_decref(size);
    return size != NULL;
}

/* "canary=10%": the name ends where a size or a rule begins, for a name may hold "=", too. */
static const char *behind_name(const char *text)
{
    const char *equals = text;
    if (begins_with_rule(text) || begins_with_size(text))
        return text;
    while ((equals = strchr(equals, '=')) != NULL) {
        equals++;
        if (begins_with_rule(equals) || begins_with_size(equals))
            return equals;
    }
    return NULL;
}

/* Each once: a group has one size, and a rule one value. */
static bool put_once(json_t *group, const char *field, json_t *value)
{
    bool twice = json_object_get(group, field) != NULL;
    return json_object_set_new(group, field, value) == 0 && !twice;
}

static bool has_size(const json_t *group)
{
    static const char *const sizes[] = {"percent", "count", "rest"};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        if (json_object_get(group, sizes[i]) != NULL)
            return true;
    return false;
}

static bool add_part(const char *part, json_t *group)
{
    uint32_t number = 0;
    json_t *size = read_size(part);
    if (size != NULL) {
        void *only = json_object_iter(size);
        bool first = !has_size(group) && put_once(group, json_object_iter_key(only),
                                                  json_incref(json_object_iter_value(only)));
        json_decref(size);
        return first;
    }
    if (strcmp(part, APPROVAL "yes") == 0 || strcmp(part, APPROVAL "no") == 0)
        return put_once(group, "approval", json_boolean(part[strlen(APPROVAL)] == 'y'));
    for (size_t i = 0; i < RULE_COUNT; i++) {
        const char *value = &part[strlen(rules[i].key)];
        if (begins(part, rules[i].key))
            return span_read(value, &number) &&
                   (rules[i].is_span || value[strspn(value, "0123456789")] == '\0') &&
                   put_once(group, rules[i].field, json_integer((json_int_t)number));
    }
    return false;
}

/* "10%,success=95,soak=1h", or with a filter, which is all that follows it. */
static bool add_parts(const char *text, json_t *group)
{
    char part[PART_MAX];
    while (!begins(text, FILTER)) {
        if (!copy_part(text, part) || !add_part(part, group))
            return false;
        text += strlen(part);
        if (*text == '\0')
            return true;
        text++;
    }
    text += strlen(FILTER);
    return !has_size(group) && check_filter(KEDGE_FILTER_OF_DEVICE, text) &&
           put_once(group, "filter", json_string(text));
}

static json_t *read_group(const char *text)
{
    json_t *group = json_object();
    const char *parts = behind_name(text);
    if (parts == NULL || !add_parts(parts, group)) {
        complain("--group %s: a group is 10%% of the devices, 100 devices, rest or filter=FILTER, "
                 "with a name as canary=10%%, and before the filter with what holds for it alone: "
                 "canary=10%%,success=95,errors=2,sample=5,soak=1h,approval=yes",
                 text);
    } else if (parts == text ||
               json_object_set_new(group, "name", json_stringn(text, (size_t)(parts - 1 - text))) ==
                   0) {
        return group;
    } else {
        complain("the name of a group is not UTF-8");
    }
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

void print_rules(const json_t *groups)
{
    size_t index;
    json_t *group;
    json_array_foreach(groups, index, group)
    {
        char text[512] = "";
        size_t used = 0;
        const json_t *approval = json_object_get(group, "approval");
        for (size_t i = 0; i < RULE_COUNT; i++) {
            if (!json_is_integer(json_object_get(group, rules[i].field)))
                continue;
            used += (size_t)snprintf(&text[used], sizeof(text) - used, "%s%s%" PRIu64,
                                     used > 0 ? "," : "", rules[i].key,
                                     number_of(group, rules[i].field));
        }
        if (json_is_boolean(approval))
            used += (size_t)snprintf(&text[used], sizeof(text) - used, "%s" APPROVAL "%s",
                                     used > 0 ? "," : "", json_is_true(approval) ? "yes" : "no");
        if (text_of(group, "filter")[0] != '\0')
            (void)snprintf(&text[used], sizeof(text) - used, "%s" FILTER "%s", used > 0 ? "," : "",
                           text_of(group, "filter"));
        if (text[0] != '\0')
            say("  %s: %s", text_of(group, "name"), text);
    }
}
