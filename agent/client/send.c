/* send.c: see send.h. */
#include "agent/client/send.h"

#include <kedge/coap.h>

void kedge_send_begin(struct kedge_send *send, bool muted)
{
    *send = (struct kedge_send){.muted = muted};
    kedge_backoff_reset(&send->backoff);
}

bool kedge_send_due(const struct kedge_send *send, uint32_t mark, uint64_t now_ms,
                    uint64_t *wait_ms)
{
    if (send->muted || send->waiting || (send->told && send->mark == mark))
        return false;
    if (now_ms >= send->next_at_ms)
        return true;
    if (send->next_at_ms - now_ms < *wait_ms)
        *wait_ms = send->next_at_ms - now_ms;
    return false;
}

void kedge_send_sent(struct kedge_send *send, uint32_t mark)
{
    send->waiting = true;
    send->told = false;
    send->mark = mark;
}

bool kedge_send_answered(struct kedge_send *send, uint8_t code, const struct kedge_random *random,
                         uint64_t now_ms)
{
    if (code >> 5 == 5) {
        kedge_send_lost(send, random, now_ms);
        return true;
    }
    send->waiting = false;
    send->told = code != KEDGE_COAP_NOT_FOUND;
    send->next_at_ms = now_ms;
    kedge_backoff_reset(&send->backoff);
    return send->told;
}

void kedge_send_lost(struct kedge_send *send, const struct kedge_random *random, uint64_t now_ms)
{
    send->waiting = false;
    send->next_at_ms = now_ms + kedge_backoff_next(&send->backoff, random);
}
