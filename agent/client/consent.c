/* consent.c: see consent.h. */
#include "agent/client/consent.h"

const char *kedge_severity_name(uint64_t severity)
{
    static const char *const names[KEDGE_SEVERITY_COUNT] = {
        [KEDGE_SEVERITY_CRITICAL] = "critical",
        [KEDGE_SEVERITY_MANDATORY] = "mandatory",
        [KEDGE_SEVERITY_OPTIONAL] = "optional",
    };
    return severity < KEDGE_SEVERITY_COUNT ? names[severity] : "unknown";
}

bool kedge_consent_is_asked(uint64_t severity, uint64_t period_s)
{
    return severity != KEDGE_SEVERITY_CRITICAL && period_s != 0;
}

void kedge_consent_begin(struct kedge_consent *consent)
{
    *consent = (struct kedge_consent){.wanted = true, .choice_s = KEDGE_CONSENT_NO_LIMIT};
}

static uint64_t limit_s(const struct kedge_consent *consent, uint64_t period_s)
{
    return consent->choice_s < period_s ? consent->choice_s : period_s;
}

static uint64_t step_s(const struct kedge_consent *consent, uint64_t period_s)
{
    uint64_t step = limit_s(consent, period_s) / KEDGE_CONSENT_STEPS;
    return step > KEDGE_CONSENT_STEP_MAX_S ? KEDGE_CONSENT_STEP_MAX_S : step > 0 ? step : 1;
}

void kedge_consent_resume(struct kedge_consent *consent, uint64_t period_s)
{
    consent->counted_s += step_s(consent, period_s);
}

void kedge_consent_defer(struct kedge_consent *consent, uint64_t for_s)
{
    consent->choice_s =
        for_s == KEDGE_CONSENT_NO_LIMIT ? KEDGE_CONSENT_NO_LIMIT : consent->counted_s + for_s;
}

uint64_t kedge_consent_left_s(const struct kedge_consent *consent, uint64_t period_s)
{
    uint64_t limit = limit_s(consent, period_s);
    if (limit == KEDGE_CONSENT_NO_LIMIT)
        return KEDGE_CONSENT_NO_LIMIT;
    return consent->counted_s < limit ? limit - consent->counted_s : 0;
}

void kedge_consent_count(struct kedge_consent *consent, struct kedge_consent_clock *clock,
                         uint64_t now_ms)
{
    uint64_t passed_s = (now_ms - clock->since_ms) / 1000;
    consent->counted_s += passed_s;
    clock->since_ms += passed_s * 1000;
}

enum kedge_consent_step kedge_consent_next(struct kedge_consent *consent,
                                           struct kedge_consent_clock *clock, uint64_t period_s,
                                           uint64_t now_ms, uint64_t *wait_ms)
{
    uint64_t passed_s = (now_ms - clock->since_ms) / 1000;
    uint64_t left_s = kedge_consent_left_s(consent, period_s);
    uint64_t due_s = step_s(consent, period_s);
    if (passed_s >= left_s)
        return KEDGE_CONSENT_OVER;
    if (passed_s >= due_s) {
        kedge_consent_count(consent, clock, now_ms);
        return KEDGE_CONSENT_SAVE;
    }
    if (left_s < due_s)
        due_s = left_s;
    uint64_t own_wait_ms = clock->since_ms + due_s * 1000 - now_ms;
    if (own_wait_ms < *wait_ms)
        *wait_ms = own_wait_ms;
    return KEDGE_CONSENT_WAIT;
}
