/*
 * probe.c: whether somebody receives at an address, asked without remembering whom.
 *
 * Method. The question is a ping, an Empty confirmable message, which every endpoint has to answer
 * with its message id (RFC 7252 section 4.3). That id is a keyed hash of the address and the time,
 * so it is recognised when it comes back, and made-up addresses cost nothing. Who has answered is
 * noted in a table of fixed size, where the newest of those that share a line takes the place of
 * the oldest; that one is asked again. With a single place in each line, two that share one and
 * keep asking in turn would shut each other out. Two ids of 65,536 are right at any time: a forger
 * who guesses gets in once in 32,768 datagrams. So this proves enough to be listened to before
 * others, and not enough to be trusted.
 */
#include "updater/net/internal.h"

#include <string.h>

#define EPOCH_MS 64000u /* an answer counts for one to two of these */

struct answer {
    uint16_t message_id;
    uint32_t line, mark; /* mark is never 0 */
};

static struct answer expected(const struct kedge_net *net, const struct kedge_address *from,
                              uint64_t epoch)
{
    const uint64_t what[] = {kedge_address_hash(&net->key, from), epoch};
    uint64_t hash = kedge_siphash(&net->key, what, sizeof what);
    return (struct answer){.message_id = (uint16_t)hash,
                           .line = (uint32_t)(hash >> 16) % PROBE_LINES,
                           .mark = (uint32_t)(hash >> 32) | 1u};
}

static bool is_noted(const struct kedge_net *net, const struct answer *answer)
{
    const uint32_t *line = net->admission.present[answer->line];
    for (unsigned i = 0; i < PROBE_WAYS; i++)
        if (line[i] == answer->mark)
            return true;
    return false;
}

static void note(struct kedge_net *net, const struct answer *answer)
{
    uint32_t *line = net->admission.present[answer->line];
    if (is_noted(net, answer))
        return;
    memmove(line + 1, line, (PROBE_WAYS - 1) * sizeof line[0]);
    line[0] = answer->mark;
}

uint16_t probe_message_id(const struct kedge_net *net, const struct kedge_address *to)
{
    return expected(net, to, net->now_ms / EPOCH_MS).message_id;
}

void probe_on_empty(struct kedge_net *net, const struct kedge_address *from, uint16_t message_id)
{
    const uint64_t epoch = net->now_ms / EPOCH_MS;
    for (uint64_t ago = 0; ago < 2 && ago <= epoch; ago++) {
        if (expected(net, from, epoch - ago).message_id != message_id)
            continue;
        struct answer now = expected(net, from, epoch);
        note(net, &now);
        net->counters.probes_answered++;
        return;
    }
}

bool kedge_net_is_present(const struct kedge_net *net, const struct kedge_address *from)
{
    const uint64_t epoch = net->now_ms / EPOCH_MS;
    for (uint64_t ago = 0; ago < 2 && ago <= epoch; ago++) {
        struct answer answer = expected(net, from, epoch - ago);
        if (is_noted(net, &answer))
            return true;
    }
    return false;
}
