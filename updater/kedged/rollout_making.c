/*
 * rollout_making.c: see rollout_making.h.
 *
 * Method: the first part goes alone, and its answer tells the rollout's id. Then each turn of the
 * network thread's loop gives the engine one more part, as long as not too many wait for the store;
 * an answer of the store goes on with it. After a refusal nothing more is given, and the last
 * answer that is awaited ends the call.
 */
#define _GNU_SOURCE
#include "updater/kedged/rollout_making.h"

#include "updater/kedged/backend.h"
#include "updater/kedged/call.h"

#include <stdio.h>
#include <string.h>

struct making {
    struct kedge_net *net;
    struct kedge_bridge *bridge;
    struct kedge_engine_event create;
    struct kedge_targets *targets;
    struct kedge_call *call;
    uint64_t rollout_id; /* 0: not answered yet */
    size_t given;        /* targets */
    size_t awaited;      /* parts that were not answered */
    bool has_turn;       /* on_turn() is posted, or at work: it goes on by itself */
    enum kedge_rc rc;
    char text[KEDGE_BACKEND_TEXT_MAX];
    const char *field;
};

static void fail(struct making *making, enum kedge_rc rc, const char *text, const char *field)
{
    const struct kedge_engine_event abort = {.kind = KEDGE_EVENT_ROLLOUT_ABORT,
                                             .rollout_id = making->rollout_id};
    if (making->rc != KEDGE_OK)
        return;
    making->rc = rc;
    (void)snprintf(making->text, sizeof(making->text), "%s", text);
    making->field = field;
    /* Nobody goes on with the draft; where it is none any more, this is refused. */
    if (making->rollout_id != 0)
        kedge_steering_handle(making->bridge->steering, &abort, NULL, NULL);
}

static bool has_more(const struct making *making)
{
    return making->rc == KEDGE_OK && making->given < making->targets->count;
}

static void on_turn(void *context);

/* The call, and `making` with it, may be gone when this returns. */
static void go_on(struct making *making)
{
    bool may_give = making->rollout_id != 0 && making->awaited < KEDGE_MAKING_PARTS_AHEAD;
    if (making->has_turn)
        return;
    if (has_more(making) && may_give) {
        making->has_turn = kedge_net_post(making->net, on_turn, making) == KEDGE_OK;
        if (!making->has_turn)
            fail(making, KEDGE_E_MEMORY, "out of memory", NULL);
    }
    if (has_more(making) || making->awaited > 0)
        return;
    making->call->rollout_id = making->rollout_id;
    making->call->field = making->field;
    kedge_call_answer(making->call, making->rc, making->text);
}

static void on_answer(void *context, enum kedge_rc rc, uint64_t rollout_id, const char *text,
                      const char *field)
{
    struct making *making = context;
    making->awaited--;
    if (making->rollout_id == 0)
        making->rollout_id = rollout_id;
    if (rc != KEDGE_OK)
        fail(making, rc, text, field);
    go_on(making);
}

/* It is answered at once where it is refused. */
static void give(struct making *making, struct kedge_engine_event *event, size_t count)
{
    for (size_t i = 0; i < count; i++)
        kedge_targets_look(making->bridge->fleet, &making->targets->items[making->given + i]);
    making->given += count;
    making->awaited++;
    kedge_steering_handle(making->bridge->steering, event, on_answer, making);
}

static size_t next_part(const struct making *making)
{
    size_t left = making->targets->count - making->given;
    return left < KEDGE_MAKING_PART ? left : KEDGE_MAKING_PART;
}

static void on_turn(void *context)
{
    struct making *making = context;
    struct kedge_engine_event event = {
        .kind = KEDGE_EVENT_ROLLOUT_ADD,
        .who = making->create.who,
        .rollout_id = making->rollout_id,
        .add = {.targets = &making->targets->items[making->given], .count = next_part(making)}};
    if (has_more(making))
        give(making, &event, event.add.count);
    making->has_turn = false;
    go_on(making);
}

static void begin(struct kedge_call *call)
{
    struct making *making = call->context;
    struct kedge_rollout_spec *spec = &making->create.create;
    spec->targets = making->targets->items;
    spec->target_count = next_part(making);
    spec->target_total = making->targets->count;
    making->has_turn = true;
    give(making, &making->create, spec->target_count);
    making->has_turn = false;
    go_on(making);
}

enum kedge_rc kedge_rollout_check(const struct kedge_rollout_spec *spec, char *text,
                                  const char **field)
{
    struct kedge_engine_output output;
    kedge_engine_output_init(&output);
    enum kedge_rc rc = kedge_rollout_spec_check(spec, &output);
    if (rc != KEDGE_OK) {
        *field = output.refusal_field;
        rc = kedge_backend_refuse(text, rc, "%s",
                                  output.refusal[0] != '\0' ? output.refusal : kedge_rc_text(rc));
    }
    kedge_engine_output_clear(&output);
    return rc;
}

enum kedge_rc kedge_rollout_make(struct kedge_net *net, struct kedge_bridge *bridge,
                                 const struct kedge_engine_event *event,
                                 struct kedge_targets *targets, uint64_t *rollout_id, char *text,
                                 const char **field)
{
    struct making making = {.net = net, .bridge = bridge, .create = *event, .targets = targets};
    struct kedge_call call = {.fn = begin, .context = &making};
    if (targets->count > KEDGE_MAKING_PART)
        KEDGE_TRY(kedge_rollout_check(&event->create, text, field));
    making.call = &call;
    enum kedge_rc rc = kedge_call_network(net, &call);
    memcpy(text, call.text, KEDGE_BACKEND_TEXT_MAX);
    *field = call.field;
    *rollout_id = call.rollout_id;
    return rc;
}
