/* queue_mode.c: see queue_mode.h. */
#include "agent/client/queue_mode.h"

bool kedge_queue_mode_stir(struct kedge_queue_mode *queue, uint64_t now_ms)
{
    bool slept = queue->asleep;
    queue->asleep = false;
    queue->stirred_at_ms = now_ms;
    return slept;
}

bool kedge_queue_mode_poll(struct kedge_queue_mode *queue, bool busy, uint64_t now_ms,
                           uint64_t *wait_ms)
{
    if (!queue->on || busy) {
        kedge_queue_mode_stir(queue, now_ms);
        return false;
    }
    if (queue->asleep)
        return false;
    uint64_t passed_ms = now_ms - queue->stirred_at_ms;
    queue->asleep = passed_ms >= queue->awake_ms;
    if (!queue->asleep && queue->awake_ms - passed_ms < *wait_ms)
        *wait_ms = queue->awake_ms - passed_ms;
    return queue->asleep;
}
