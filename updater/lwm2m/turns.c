/* turns.c: see turns.h. */
#include "updater/lwm2m/turns.h"

#include <stdlib.h>

#define NS_PER_MS 1000000u
#define AT_ONCE_MAX 64u /* turns that are served before anything else gets its time */

/** One request that waits. */
struct turn {
    STAILQ_ENTRY(turn) next;
    struct kedge_index_link by_address;
    struct kedge_address from;
    struct kedge_net_deferred *request; /* as it came last */
    size_t size;
    uint64_t due_ms;
};

enum kedge_rc turns_init(struct turns *turns, struct kedge_net *net, struct kedge_pace *pace)
{
    *turns = (struct turns){.net = net, .pace = pace};
    STAILQ_INIT(&turns->waiting);
    return kedge_index_init(&turns->by_address);
}

static void free_turn(struct turn *turn)
{
    kedge_net_deferred_free(turn->request);
    free(turn);
}

void turns_free(struct turns *turns)
{
    if (turns->net == NULL)
        return;
    kedge_net_timer_cancel(turns->net, &turns->timer);
    struct turn *turn;
    while ((turn = STAILQ_FIRST(&turns->waiting)) != NULL) {
        STAILQ_REMOVE_HEAD(&turns->waiting, next);
        free_turn(turn);
    }
    kedge_index_free(&turns->by_address);
    *turns = (struct turns){0};
}

static struct turn *find(const struct turns *turns, uint64_t hash, const struct kedge_address *from)
{
    struct kedge_index_link *link = kedge_index_find(&turns->by_address, hash);
    for (; link != NULL; link = kedge_index_find_next(link)) {
        struct turn *turn = KEDGE_INDEX_THING(link, struct turn, by_address);
        if (kedge_address_equal(&turn->from, from))
            return turn;
    }
    return NULL;
}

/* ---- serving ---- */

static void on_due(void *context);

static void await_first(struct turns *turns)
{
    const struct turn *first = STAILQ_FIRST(&turns->waiting);
    if (first != NULL)
        kedge_net_timer_arm(turns->net, &turns->timer, first->due_ms, on_due, turns);
}

static void serve_first(struct turns *turns)
{
    struct turn *turn = STAILQ_FIRST(&turns->waiting);
    STAILQ_REMOVE_HEAD(&turns->waiting, next);
    kedge_index_remove(&turns->by_address, &turn->by_address);
    turns->served = turn;
    kedge_net_resume(turns->net, turn->request);
    turns->served = NULL;
    turn->request = NULL;
    free_turn(turn);
}

static bool is_due(const struct turns *turns)
{
    const struct turn *first = STAILQ_FIRST(&turns->waiting);
    return first != NULL && first->due_ms <= kedge_net_now_ms(turns->net);
}

/* Those that are late go on after what has come in meanwhile. */
static void on_due(void *context)
{
    struct turns *turns = context;
    for (unsigned i = 0; i < AT_ONCE_MAX && is_due(turns); i++)
        serve_first(turns);
    if (!is_due(turns) || kedge_net_post(turns->net, on_due, turns) != KEDGE_OK)
        await_first(turns);
}

/* ---- waiting ---- */

/* It was sent again, or the client has given the one before up: its place stays. */
static void replace(struct turn *turn, struct kedge_net_reply *reply)
{
    struct kedge_net_deferred *request = kedge_net_defer(reply);
    if (request == NULL)
        return;
    kedge_net_deferred_free(turn->request);
    turn->request = request;
}

/* Without memory nothing goes back, and the sender asks again. */
static void append(struct turns *turns, uint64_t hash, const struct turn_request *request,
                   uint64_t due_ns)
{
    struct turn *turn = calloc(1, sizeof *turn);
    struct kedge_net_deferred *deferred = kedge_net_defer(request->reply);
    if (turn == NULL || deferred == NULL) {
        kedge_net_deferred_free(deferred);
        free(turn);
        return;
    }
    *turn = (struct turn){.from = *request->from,
                          .request = deferred,
                          .size = request->size,
                          .due_ms = (due_ns + NS_PER_MS - 1) / NS_PER_MS};
    kedge_index_insert(&turns->by_address, &turn->by_address, hash);
    STAILQ_INSERT_TAIL(&turns->waiting, turn, next);
    if (STAILQ_FIRST(&turns->waiting) == turn)
        await_first(turns);
}

static void refuse(struct kedge_net_reply *reply, uint64_t wait_ms)
{
    kedge_coap_add_uint(kedge_net_reply(reply, KEDGE_COAP_UNAVAILABLE), KEDGE_COAP_MAX_AGE,
                        (uint32_t)((wait_ms + 999u) / 1000u));
}

bool turns_take(struct turns *turns, uint64_t hash, const struct turn_request *request,
                uint64_t *wait_ms)
{
    *wait_ms = 0;
    if (turns->pace == NULL || turns->pace->bytes_per_s == 0)
        return true;
    if (turns->served != NULL && kedge_address_equal(&turns->served->from, request->from) &&
        request->size <= turns->served->size)
        return true;
    const uint64_t now_ms = kedge_net_now_ms(turns->net), now_ns = now_ms * NS_PER_MS;
    struct turn *turn = find(turns, hash, request->from);
    if (turn != NULL && request->size <= turn->size) {
        replace(turn, request->reply);
        *wait_ms = turn->due_ms > now_ms ? turn->due_ms - now_ms : 0;
        return false;
    }
    *wait_ms = kedge_pace_wait_ns(turns->pace, request->size, now_ns) / NS_PER_MS;
    const uint64_t most_ms =
        request->is_first ? KEDGE_TURN_BEGIN_WAIT_MAX_MS : KEDGE_TURN_WAIT_MAX_MS;
    if (turn != NULL || *wait_ms > most_ms || turns->by_address.count >= KEDGE_TURNS_MAX) {
        refuse(request->reply, *wait_ms);
        return false;
    }
    const uint64_t due_ns = kedge_pace_take(turns->pace, request->size, now_ns);
    if (due_ns <= now_ns)
        return true;
    append(turns, hash, request, due_ns);
    return false;
}
