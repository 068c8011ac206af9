/*
 * sleep.c: devices in queue mode, which can be reached only for a while after they have sent
 * something, and devices by DTLS that have no association, which can be reached only after they
 * have made one. Of both it is said here that they sleep, and wake up.
 *
 * A sleeper holds no place in flight: it may sleep for a day, and others can go on meanwhile. What
 * it was only offered is pending again, and offered anew when it is awake and there is a place.
 * What it has begun stays where it is, and goes on when it wakes up, whether there is a place then
 * or not: it listens for a minute and a half, and who knows when again. Nothing new is offered
 * until there are no more at work than there may be.
 */
#include "updater/rollout/engine.h"

#include <inttypes.h>
#include <stdio.h>

const struct sleep_words *engine_sleep_words(const struct device_node *device)
{
    static const struct sleep_words asleep = {"is asleep", "fell asleep", "wakes up",
                                              "is awake again"},
                                    unassociated = {"has no association by DTLS",
                                                    "lost its association by DTLS", "has made one",
                                                    "can be reached again"};
    return device->unassociated ? &unassociated : &asleep;
}

/* The server was restarted, and the device has not been heard of since: its lifetime is on top. */
static enum kedge_rc wait_for_its_lifetime(struct kedge_engine *engine,
                                           struct deployment_node *node)
{
    uint32_t limit_s = engine_phase_limit_s(&node->group->rollout->record.policy, node->state);
    uint64_t at_ms = engine_after_s(node->device->expected_at_ms, limit_s);
    if (node->wait_timer.position == 0 || at_ms <= node->wait_timer.at_ms)
        return KEDGE_OK;
    return kedge_timer_set(&engine->timers, &node->wait_timer, at_ms);
}

static enum kedge_rc withdraw_offer(struct kedge_engine *engine, struct deployment_node *node)
{
    const struct sleep_words *words = engine_sleep_words(node->device);
    char text[160];
    (void)snprintf(text, sizeof(text),
                   "the device %s before it took the package; it is offered again when it %s",
                   words->fell, words->wakes);
    KEDGE_TRY(engine_move_deployment(engine, node, KEDGE_ON_ASLEEP, text, NULL));
    if (engine_deadline_passed(engine, node->group->rollout))
        KEDGE_TRY(engine_end_by_deadline(engine, node));
    KEDGE_TRY(engine_yield(engine, node));
    /* A driver that outlived a reload of the engine may be at it, too. */
    return engine_command(engine, KEDGE_COMMAND_CANCEL, node);
}

static enum kedge_rc note_sleep(struct kedge_engine *engine, const struct deployment_node *node)
{
    char text[96];
    const char *is = engine_sleep_words(node->device)->is;
    uint64_t expected_at_ms = node->device->expected_at_ms;
    if (expected_at_ms > engine->now_ms)
        (void)snprintf(text, sizeof(text), "the device %s; it is expected within %" PRIu64 " s", is,
                       (expected_at_ms - engine->now_ms) / 1000);
    else
        (void)snprintf(text, sizeof(text), "the device %s", is);
    return engine_note_deployment(engine, node, text);
}

enum kedge_rc engine_device_sleeps(struct kedge_engine *engine, struct device_node *device,
                                   const struct kedge_engine_device *now)
{
    struct deployment_node *node = device->working;
    bool was_asleep = device->asleep;
    device->asleep = true;
    device->unassociated = now->unassociated;
    device->expected_at_ms = now->expected_at_ms;
    if (node == NULL)
        return KEDGE_OK;
    if (!node->attended)
        KEDGE_TRY(wait_for_its_lifetime(engine, node));
    if (node->state == KEDGE_DEPLOYMENT_OFFERED)
        return withdraw_offer(engine, node);
    engine_review_place(engine, node);
    return was_asleep ? KEDGE_OK : note_sleep(engine, node);
}

enum kedge_rc engine_device_wakes(struct kedge_engine *engine, struct device_node *device)
{
    bool was_asleep = device->asleep;
    device->asleep = false;
    device->expected_at_ms = 0;
    if (!was_asleep || device->working == NULL)
        return KEDGE_OK;
    char text[64];
    (void)snprintf(text, sizeof(text), "the device %s", engine_sleep_words(device)->woke);
    engine_review_place(engine, device->working);
    return engine_note_deployment(engine, device->working, text);
}
