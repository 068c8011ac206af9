/*
 * terms.c: what packages ask of devices beside vendor and class: hardware revisions, and versions
 * that they replace. It is looked at when a rollout is created, by who creates it, and again when
 * the device is about to be offered the package: it may have changed in between.
 */
#include "updater/rollout/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct package_node *engine_package(const struct kedge_engine *engine, const char *package_id)
{
    const struct package_node *package = engine->first_package;
    while (package != NULL && strcmp(package->id, package_id) != 0)
        package = package->next;
    return package;
}

static void free_package(struct package_node *package)
{
    free(package->hardware);
    free(package->min_version);
    free(package->max_version);
    free(package);
}

static enum kedge_rc fill_package(struct package_node *package, const char *package_id,
                                  const struct kedge_fit_conditions *conditions)
{
    engine_copy_text(package->id, sizeof(package->id), package_id);
    package->sequence = conditions->sequence;
    package->image_size = conditions->image_size;
    KEDGE_TRY(engine_set_text(&package->hardware, conditions->hardware));
    KEDGE_TRY(engine_set_text(&package->min_version, conditions->min_version));
    return engine_set_text(&package->max_version, conditions->max_version);
}

/* What an id names never changes, so it is known once. */
enum kedge_rc engine_know_package(struct kedge_engine *engine, const char *package_id,
                                  const struct kedge_fit_conditions *conditions)
{
    if (engine_package(engine, package_id) != NULL)
        return KEDGE_OK;
    struct package_node *package = calloc(1, sizeof(*package));
    enum kedge_rc rc =
        package == NULL ? KEDGE_E_MEMORY : fill_package(package, package_id, conditions);
    if (rc != KEDGE_OK) {
        if (package != NULL)
            free_package(package);
        return rc;
    }
    package->next = engine->first_package;
    engine->first_package = package;
    return KEDGE_OK;
}

enum kedge_rc kedge_engine_load_package(struct kedge_engine *engine, const char *package_id,
                                        const struct kedge_fit_conditions *conditions)
{
    if (!engine->loading)
        return KEDGE_E_STATE;
    KEDGE_TRY(engine_know_package(engine, package_id, conditions));
    struct rollout_node *rollout = engine->first_rollout;
    for (; rollout != NULL; rollout = rollout->next)
        engine_know_steps(engine, rollout);
    return KEDGE_OK;
}

void engine_forget_packages(struct kedge_engine *engine)
{
    while (engine->first_package != NULL) {
        struct package_node *package = engine->first_package;
        engine->first_package = package->next;
        free_package(package);
    }
}

struct kedge_fit_conditions engine_conditions(const struct package_node *package)
{
    return (struct kedge_fit_conditions){.hardware = package->hardware,
                                         .min_version = package->min_version,
                                         .max_version = package->max_version,
                                         .sequence = package->sequence,
                                         .image_size = package->image_size};
}

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

void engine_say_unfit(const struct device_node *device,
                      const struct kedge_fit_conditions *conditions, char why[KEDGE_REASON_MAX + 1])
{
    char words[KEDGE_FIT_WORDS_MAX];
    enum kedge_fit fit = kedge_fit_check(conditions, or_empty(device->hardware),
                                         or_empty(device->version), &device->limits);
    kedge_fit_words(fit, conditions, &device->limits, words);
    if (fit == KEDGE_FIT_HARDWARE || fit == KEDGE_FIT_VERSION)
        (void)snprintf(why, KEDGE_REASON_MAX + 1, "not offered: the device now %s (%s \"%.63s\")",
                       words, kedge_fit_code(fit),
                       or_empty(fit == KEDGE_FIT_HARDWARE ? device->hardware : device->version));
    else
        (void)snprintf(why, KEDGE_REASON_MAX + 1, "not offered: the device %s", words);
}

void engine_raise_floor(const struct deployment_node *node, uint64_t sequence)
{
    uint64_t *floor = &node->device->limits.sequence_floor;
    if (*floor != 0 && *floor < sequence)
        *floor = sequence;
}
