/*
 * rate.c: how many devices a minute are offered the package. It begins slowly, doubles with every
 * so many successes, and ends at a bound.
 *
 * Method: a credit in device-milliseconds a minute. With every millisecond that passes it grows by
 * the rate, and an offer takes one minute's worth for one device, 60,000. It never holds more than
 * a second is worth, or one offer, so that a pause is not made up for at once. The rate follows
 * from the counts alone, which are durable; after a restart of the server the credit is one offer.
 */
#include "updater/rollout/engine.h"

#define OFFER_COST 60000u

uint32_t engine_offers_per_minute(const struct rollout_node *rollout)
{
    const struct kedge_rollout_policy *policy = &rollout->record.policy;
    uint64_t rate = policy->offers_per_minute, successes = 0;
    for (uint32_t i = 0; i < rollout->record.group_count; i++) {
        const struct kedge_group *group = &rollout->groups[i].record;
        successes += group->counts[KEDGE_DEPLOYMENT_SUCCEEDED] - group->already;
    }
    for (uint64_t step = successes / policy->ramp_successes;
         step > 0 && rate < policy->offers_per_minute_max; step--)
        rate *= 2;
    return policy->offers_per_minute_max != 0 && rate > policy->offers_per_minute_max
               ? policy->offers_per_minute_max
               : (uint32_t)rate;
}

static void grow_credit(const struct kedge_engine *engine, struct rollout_node *rollout,
                        uint32_t rate)
{
    uint64_t most = (uint64_t)rate * 1000 > OFFER_COST ? (uint64_t)rate * 1000 : OFFER_COST;
    uint64_t passed_ms =
        engine->now_ms > rollout->credited_at_ms ? engine->now_ms - rollout->credited_at_ms : 0;
    if (rollout->credited_at_ms == 0)
        rollout->credit = OFFER_COST;
    else if (passed_ms >= OFFER_COST)
        rollout->credit = most;
    else
        rollout->credit += passed_ms * rate;
    if (rollout->credit > most)
        rollout->credit = most;
    rollout->credited_at_ms = engine->now_ms;
}

enum kedge_rc engine_take_offer(struct kedge_engine *engine, struct rollout_node *rollout,
                                bool *taken)
{
    uint32_t rate = engine_offers_per_minute(rollout);
    *taken = true;
    if (rate == 0)
        return KEDGE_OK;
    grow_credit(engine, rollout, rate);
    *taken = rollout->credit >= OFFER_COST;
    if (*taken) {
        rollout->credit -= OFFER_COST;
        return KEDGE_OK;
    }
    uint64_t wait_ms = (OFFER_COST - rollout->credit + rate - 1) / rate;
    return kedge_timer_set(&engine->timers, &rollout->offer_timer, engine->now_ms + wait_ms);
}
