/*
 * target_check.c: whether the devices that a person means can be those of a rollout: before
 * anything of it is made, and of all of them at once.
 */
#include "updater/rollout/engine.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static enum kedge_rc
refuse(char why[KEDGE_REFUSAL_MAX], enum kedge_rc rc, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(why, KEDGE_REFUSAL_MAX, format, arguments);
    va_end(arguments);
    return rc;
}

static int compare_endpoints(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum kedge_rc check_duplicates(const struct kedge_rollout_spec *spec,
                                      char why[KEDGE_REFUSAL_MAX])
{
    const char **endpoints = malloc(spec->target_count * sizeof(*endpoints));
    if (endpoints == NULL)
        return KEDGE_E_MEMORY;
    for (size_t i = 0; i < spec->target_count; i++)
        endpoints[i] = spec->targets[i].endpoint;
    qsort(endpoints, spec->target_count, sizeof(*endpoints), compare_endpoints);
    enum kedge_rc rc = KEDGE_OK;
    for (size_t i = 1; i < spec->target_count && rc == KEDGE_OK; i++)
        if (strcmp(endpoints[i - 1], endpoints[i]) == 0)
            rc = refuse(why, KEDGE_E_ARGUMENT, "device %s is listed twice", endpoints[i]);
    free(endpoints);
    return rc;
}

/* KEDGE_OK when the target is a device that the package is for. */
static enum kedge_rc judge_target(const struct kedge_rollout_spec *spec,
                                  const struct kedge_rollout_target *target, char why[256])
{
    const char *vendor = target->vendor == NULL ? "" : target->vendor;
    const char *class_name = target->class_name == NULL ? "" : target->class_name;
    if (!target->known)
        (void)snprintf(why, 256, "is not known");
    else if (vendor[0] == '\0' || class_name[0] == '\0')
        (void)snprintf(why, 256, "has not said its vendor and class yet");
    else
        (void)snprintf(why, 256, "is of vendor %s, class %s", vendor, class_name);
    if (!target->known)
        return KEDGE_E_NOT_FOUND;
    if (strcmp(vendor, spec->vendor) != 0)
        return KEDGE_E_VENDOR;
    return strcmp(class_name, spec->class_name) != 0 ? KEDGE_E_CLASS : KEDGE_OK;
}

/* Names the first few misfits; the first one gives the result. */
static enum kedge_rc check_fit(const struct kedge_rollout_spec *spec, char why[KEDGE_REFUSAL_MAX])
{
    enum { NAMED_MAX = 5 };
    enum kedge_rc first = KEDGE_OK;
    size_t misfits = 0;
    char list[700] = "";
    size_t used = 0;
    for (size_t i = 0; i < spec->target_count; i++) {
        char own[256], item[400];
        enum kedge_rc rc = judge_target(spec, &spec->targets[i], own);
        if (rc == KEDGE_OK)
            continue;
        if (misfits++ == 0)
            first = rc;
        int size = snprintf(item, sizeof(item), "%s%s %s", misfits == 1 ? "" : "; ",
                            spec->targets[i].endpoint, own);
        if (misfits <= NAMED_MAX && used + (size_t)size < sizeof(list)) {
            memcpy(list + used, item, (size_t)size + 1);
            used += (size_t)size;
        }
    }
    if (misfits == 0)
        return KEDGE_OK;
    return refuse(why, first,
                  "%zu of %zu %s not of vendor %s, class %s, which the package is for: %s%s",
                  misfits, spec->target_count,
                  kedge_by_count(spec->target_count, "device is", "devices are"), spec->vendor,
                  spec->class_name, list,
                  misfits > NAMED_MAX ? "; and others" : "");
}

static enum kedge_rc check_places(const struct kedge_rollout_spec *spec,
                                  bool used[KEDGE_ROLLOUT_GROUPS_MAX], char why[KEDGE_REFUSAL_MAX])
{
    for (size_t i = 0; i < spec->target_count; i++) {
        const char *endpoint = spec->targets[i].endpoint;
        if (endpoint == NULL || endpoint[0] == '\0' || strlen(endpoint) > KEDGE_ENDPOINT_MAX)
            return refuse(why, KEDGE_E_ARGUMENT, "an endpoint name has 1 to %u bytes",
                          KEDGE_ENDPOINT_MAX);
        if (spec->targets[i].group_index >= spec->group_count)
            return refuse(why, KEDGE_E_ARGUMENT, "device %s is in a group that is not there",
                          endpoint);
        used[spec->targets[i].group_index] = true;
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_rollout_targets_check(const struct kedge_rollout_spec *spec,
                                          char why[KEDGE_REFUSAL_MAX])
{
    bool used[KEDGE_ROLLOUT_GROUPS_MAX] = {false};
    if (spec->target_count == 0)
        return refuse(why, KEDGE_E_NOT_FOUND, "no device of vendor %s and class %s is known",
                      spec->vendor, spec->class_name);
    if (spec->target_count > KEDGE_ROLLOUT_TARGETS_MAX)
        return refuse(why, KEDGE_E_LIMIT, "a rollout has at most %u devices",
                      KEDGE_ROLLOUT_TARGETS_MAX);
    KEDGE_TRY(check_places(spec, used, why));
    for (uint32_t i = 0; i < spec->group_count; i++)
        if (!used[i])
            return refuse(why, KEDGE_E_ARGUMENT, "group %" PRIu32 " has no device", i + 1);
    KEDGE_TRY(check_duplicates(spec, why));
    return check_fit(spec, why);
}

enum kedge_rc engine_check_part(struct kedge_engine *engine, const struct kedge_rollout_spec *part)
{
    bool used[KEDGE_ROLLOUT_GROUPS_MAX] = {false};
    char *why = engine->output->refusal;
    KEDGE_TRY(check_places(part, used, why));
    KEDGE_TRY(check_duplicates(part, why));
    return check_fit(part, why);
}
