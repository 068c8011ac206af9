/*
 * consent.h: an update that was executed and waits for the device's own software to agree, for as
 * long as the server lets it (object 5 version 1.1, resources 11 and 13). Pure: time goes in.
 *
 * Time here is what the agent has counted while it ran, by a clock that nobody sets
 * (CLOCK_BOOTTIME): wall clocks of devices stand in 1970 or 2099. What was counted is written down
 * every now and then, at most KEDGE_CONSENT_STEPS times in a period. What passes while no agent
 * runs is not counted; instead each restart counts as one step, so that a device that restarts
 * again and again comes to the end of the period too, and never later than if it had run on.
 */
#ifndef KEDGE_AGENT_CONSENT_H
#define KEDGE_AGENT_CONSENT_H

#include <kedge/base.h>

#define KEDGE_CONSENT_NO_LIMIT UINT64_MAX
#define KEDGE_CONSENT_STEPS 64u
#define KEDGE_CONSENT_STEP_MAX_S 3600u
#define KEDGE_CONSENT_S_MAX                                               \
    UINT32_MAX /* of a period, and of what the device's software asks for \
                */

enum kedge_severity { KEDGE_SEVERITY_CRITICAL, KEDGE_SEVERITY_MANDATORY, KEDGE_SEVERITY_OPTIONAL };
#define KEDGE_SEVERITY_COUNT 3

/** "critical", "mandatory", "optional"; "unknown" otherwise. Static storage. */
const char *kedge_severity_name(uint64_t severity);

/** What is kept over restarts. Zeroed, nothing waits. */
struct kedge_consent {
    bool wanted;
    uint64_t counted_s; /* since Execute */
    uint64_t choice_s;  /* of `counted_s`, when the device's software wants it to go on; NO_LIMIT */
};

/**
 * kedge_consent_is_asked() says whether an update may wait at all: not a critical one, and not
 * when the period is 0.
 */
bool kedge_consent_is_asked(uint64_t severity, uint64_t period_s);

/** kedge_consent_begin() waits from now on. */
void kedge_consent_begin(struct kedge_consent *consent);
/** What was read after a restart: counts the step that a restart is. */
void kedge_consent_resume(struct kedge_consent *consent, uint64_t period_s);
/** Puts it off for `for_s` from `counted_s` on, or for the rest of the period (NO_LIMIT). */
void kedge_consent_defer(struct kedge_consent *consent, uint64_t for_s);

/** How much longer it may wait when `counted_s` have been; NO_LIMIT. */
uint64_t kedge_consent_left_s(const struct kedge_consent *consent, uint64_t period_s);

/** Counts, while the agent runs; `since_ms` is when `counted_s` was as it is. */
struct kedge_consent_clock {
    uint64_t since_ms;
};

/** Brings `counted_s` up to `now_ms`. */
void kedge_consent_count(struct kedge_consent *consent, struct kedge_consent_clock *clock,
                         uint64_t now_ms);

enum kedge_consent_step {
    KEDGE_CONSENT_WAIT, /* `wait_ms` is lowered to when this wants to be asked again */
    KEDGE_CONSENT_SAVE, /* `counted_s` has moved on by a step: write it down */
    KEDGE_CONSENT_OVER  /* it has waited for as long as it may */
};
enum kedge_consent_step kedge_consent_next(struct kedge_consent *consent,
                                           struct kedge_consent_clock *clock, uint64_t period_s,
                                           uint64_t now_ms, uint64_t *wait_ms);

#endif
