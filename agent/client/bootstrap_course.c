/* bootstrap_course.c: see bootstrap_course.h. */
#include "agent/client/bootstrap_course.h"

#define DOUBLINGS_MAX 20u

void kedge_bootstrap_course_begin(struct kedge_bootstrap_course *course,
                                  const struct kedge_random *random, uint64_t patience_ms)
{
    *course = (struct kedge_bootstrap_course){.random = random, .patience_ms = patience_ms};
    kedge_backoff_reset(&course->backoff);
}

static void begin_anew(struct kedge_bootstrap_course *course, uint64_t at_ms)
{
    course->phase = KEDGE_BOOTSTRAP_DUE;
    course->next_at_ms = at_ms;
    course->failures = 0;
    course->pack_failed = false;
}

void kedge_bootstrap_course_want(struct kedge_bootstrap_course *course, uint32_t hold_off_s,
                                 uint64_t now_ms)
{
    course->by_server = false;
    if (course->phase != KEDGE_BOOTSTRAP_IDLE)
        return;
    uint64_t pause_ms = course->unproven ? kedge_backoff_next(&course->backoff, course->random) : 0;
    begin_anew(course, now_ms + (uint64_t)hold_off_s * 1000 + pause_ms);
}

void kedge_bootstrap_course_trigger(struct kedge_bootstrap_course *course, uint64_t now_ms)
{
    if (kedge_bootstrap_course_runs(course))
        return;
    course->by_server = true;
    kedge_backoff_reset(&course->backoff);
    begin_anew(course, now_ms);
}

/* The pauses between `count` attempts: timer, twice the timer, and so on. */
static uint64_t series_ms(uint32_t count, uint32_t timer_s)
{
    unsigned doublings = count - 1 < DOUBLINGS_MAX ? count - 1 : DOUBLINGS_MAX;
    return (((uint64_t)1 << doublings) - 1) * timer_s * 1000;
}

bool kedge_bootstrap_registration_is_lost(const struct kedge_registration *registration,
                                          const struct kedge_account_server *server,
                                          uint64_t now_ms)
{
    uint32_t count = server->retry_count > 0 ? server->retry_count : 1;
    if (!server->bootstrap_on_failure || registration->stopping)
        return false;
    if (registration->refusals >= count)
        return true;
    return registration->failures >= count &&
           now_ms - registration->failing_since_ms >= series_ms(count, server->retry_timer_s);
}

void kedge_bootstrap_course_registered(struct kedge_bootstrap_course *course)
{
    if (course->phase == KEDGE_BOOTSTRAP_DUE && !course->by_server)
        course->phase = KEDGE_BOOTSTRAP_IDLE;
    if (course->phase == KEDGE_BOOTSTRAP_IDLE)
        kedge_backoff_reset(&course->backoff);
    course->unproven = false;
}

enum kedge_bootstrap_action kedge_bootstrap_course_next(struct kedge_bootstrap_course *course,
                                                        uint64_t now_ms, uint64_t *wait_ms)
{
    *wait_ms = UINT64_MAX;
    if (course->phase == KEDGE_BOOTSTRAP_IDLE)
        return KEDGE_BOOTSTRAP_WAIT;
    bool due = course->phase == KEDGE_BOOTSTRAP_DUE;
    uint64_t at_ms = due ? course->next_at_ms : course->give_up_at_ms;
    if (now_ms < at_ms) {
        *wait_ms = at_ms - now_ms;
        return KEDGE_BOOTSTRAP_WAIT;
    }
    if (!due)
        return KEDGE_BOOTSTRAP_GIVE_UP;
    return course->pack_failed ? KEDGE_BOOTSTRAP_ASK : KEDGE_BOOTSTRAP_ASK_FOR_PACK;
}

void kedge_bootstrap_course_asked(struct kedge_bootstrap_course *course,
                                  enum kedge_bootstrap_action action, uint64_t now_ms)
{
    course->phase =
        action == KEDGE_BOOTSTRAP_ASK ? KEDGE_BOOTSTRAP_REQUESTING : KEDGE_BOOTSTRAP_PACKING;
    course->give_up_at_ms = now_ms + course->patience_ms;
}

void kedge_bootstrap_course_no_pack(struct kedge_bootstrap_course *course, uint64_t now_ms)
{
    course->phase = KEDGE_BOOTSTRAP_DUE;
    course->pack_failed = true;
    course->next_at_ms = now_ms;
}

void kedge_bootstrap_course_accepted(struct kedge_bootstrap_course *course)
{
    if (course->phase == KEDGE_BOOTSTRAP_REQUESTING)
        course->phase = KEDGE_BOOTSTRAP_SERVED;
}

void kedge_bootstrap_course_failed(struct kedge_bootstrap_course *course, uint64_t now_ms)
{
    course->failures++;
    course->pack_failed = false;
    if (course->by_server && course->failures >= KEDGE_BOOTSTRAP_TRIES_MAX) {
        course->phase = KEDGE_BOOTSTRAP_IDLE;
        return;
    }
    course->phase = KEDGE_BOOTSTRAP_DUE;
    course->next_at_ms = now_ms + kedge_backoff_next(&course->backoff, course->random);
}

void kedge_bootstrap_course_finished(struct kedge_bootstrap_course *course)
{
    course->phase = KEDGE_BOOTSTRAP_IDLE;
    course->by_server = false;
    course->unproven = true;
}

bool kedge_bootstrap_course_runs(const struct kedge_bootstrap_course *course)
{
    return course->phase > KEDGE_BOOTSTRAP_DUE;
}
