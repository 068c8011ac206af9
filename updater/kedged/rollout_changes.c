/*
 * rollout_changes.c: rollouts are created and changed. The store says which devices there are, the
 * fleet which of them are there now, and the engine whether it can be.
 */
#define _GNU_SOURCE
#include "updater/kedged/backend.h"
#include "updater/kedged/call.h"
#include "updater/kedged/clock.h"
#include "updater/kedged/group_filters.h"
#include "updater/kedged/overlaps.h"
#include "updater/kedged/rollout_making.h"
#include "updater/kedged/targets.h"
#include "updater/kedged/timing.h"
#include "updater/rollout/divide.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* An event for the engine, taken to it by the network thread. */
struct asking {
    struct kedge_backend_state *state;
    struct kedge_engine_event event;
};

static void done(void *context, enum kedge_rc rc, uint64_t rollout_id, const char *text,
                 const char *field)
{
    struct kedge_call *call = context;
    (void)rollout_id;
    (void)field;
    kedge_call_answer(call, rc, text);
}

static void ask(struct kedge_call *call)
{
    struct asking *asking = call->context;
    kedge_steering_handle(asking->state->bridge->steering, &asking->event, done, call);
}

static enum kedge_rc ask_engine(struct asking *asking, char *text)
{
    struct kedge_call call = {.fn = ask, .context = asking};
    enum kedge_rc rc = kedge_call_network(asking->state->net, &call);
    memcpy(text, call.text, KEDGE_BACKEND_TEXT_MAX);
    return rc;
}

/* ---- creating ---- */

static enum kedge_rc read_targets(struct kedge_targets *targets, struct kedge_reader *reader,
                                  const struct kedge_package_record *package,
                                  const struct kedge_backend_rollout *rollout)
{
    if (rollout->filter != NULL)
        return kedge_targets_take_matching(targets, reader, package, rollout->filter,
                                           kedge_wall_ms());
    if (rollout->all_devices)
        return kedge_targets_take_all(targets, reader, package);
    return kedge_targets_take_listed(targets, reader, package, rollout->endpoints,
                                     rollout->endpoint_count);
}

/* "3 devices have ..., as edge-1; 1 device is ...", from the reason `from` on. */
static void list_left_out(const struct kedge_targets *targets, unsigned from, char *out,
                          size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = from; i < KEDGE_FIT_COUNT; i++)
        if (targets->left_out[i] > 0 && used < size)
            used += (size_t)snprintf(&out[used], size - used, "%s%" PRIu64 ", as %s: %s",
                                     used > 0 ? "; " : "", targets->left_out[i],
                                     targets->example[i], targets->words[i]);
}

static enum kedge_rc refuse_nobody(const struct kedge_targets *targets,
                                   const struct kedge_package_record *package,
                                   const struct kedge_backend_rollout *rollout, char *text)
{
    char why[KEDGE_BACKEND_TEXT_MAX / 2];
    list_left_out(targets, KEDGE_FIT_OK + 1, why, sizeof(why));
    if (rollout->filter != NULL && why[0] == '\0')
        return kedge_backend_refuse(text, KEDGE_E_NOT_FOUND,
                                    "the filter means none of the %" PRIu64 " %s",
                                    targets->unmatched,
                                    kedge_by_count(targets->unmatched, "device", "devices"));
    return kedge_backend_refuse(text, KEDGE_E_NOT_FOUND,
                                "none of the devices is one that the package is for (vendor "
                                "\"%s\", class \"%s\")%s%s",
                                package->vendor, package->class_name, why[0] != '\0' ? ": " : "",
                                why);
}

/* Devices that were asked for by their names must all do: nobody is left out without a word. */
static enum kedge_rc refuse_listed(const struct kedge_targets *targets, unsigned from, char *text)
{
    char why[KEDGE_BACKEND_TEXT_MAX / 2];
    list_left_out(targets, from, why, sizeof(why));
    if (why[0] == '\0')
        return KEDGE_OK;
    return kedge_backend_refuse(text, KEDGE_E_CONDITION,
                                "not all of these devices can take the package: %s", why);
}

static enum kedge_rc take_targets(struct kedge_targets *targets, struct kedge_reader *reader,
                                  const struct kedge_package_record *package,
                                  const struct kedge_backend_rollout *rollout, char *text)
{
    enum kedge_rc rc = read_targets(targets, reader, package, rollout);
    if (rc != KEDGE_OK)
        return kedge_backend_refuse(text, rc, "the devices cannot be read: %s",
                                    rc == KEDGE_E_LIMIT ? "there are too many for one rollout"
                                                        : kedge_reader_error(reader));
    if (targets->count == 0 || targets->vendor[0] == '\0' || targets->class_name[0] == '\0')
        return refuse_nobody(targets, package, rollout, text);
    /* The engine names those that are of another vendor or class, or not known. */
    return rollout->endpoint_count > 0 ? refuse_listed(targets, KEDGE_FIT_HARDWARE, text)
                                       : KEDGE_OK;
}

static const struct kedge_group_plan everybody = {.share = KEDGE_GROUP_REST};

static bool draw_seed(uint32_t *seed)
{
    bool drawn = getrandom(seed, sizeof(*seed), 0) == (ssize_t)sizeof(*seed);
    *seed %= KEDGE_SEED_MAX + 1;
    return drawn;
}

static bool any_filter(const struct kedge_backend_rollout *rollout)
{
    for (uint32_t i = 0; i < rollout->group_count; i++)
        if (rollout->groups[i].share == KEDGE_GROUP_FILTER)
            return true;
    return false;
}

static enum kedge_rc apply_filters(struct kedge_targets *targets, struct kedge_reader *reader,
                                   const struct kedge_backend_rollout *rollout, char *text)
{
    if (!any_filter(rollout))
        return KEDGE_OK;
    enum kedge_rc rc = kedge_group_filters_apply(targets, reader, rollout->groups,
                                                 rollout->group_count, kedge_wall_ms());
    return rc == KEDGE_OK ? rc
                          : kedge_backend_refuse(text, rc, "the groups' devices cannot be read: %s",
                                                 kedge_reader_error(reader));
}

static enum kedge_rc divide(struct kedge_targets *targets, struct kedge_reader *reader,
                            struct kedge_rollout_spec *spec,
                            const struct kedge_backend_rollout *rollout, char *text)
{
    char why[KEDGE_DIVIDE_TEXT_MAX] = "";
    spec->seed = rollout->seed;
    if (!rollout->seed_given && !draw_seed(&spec->seed))
        return kedge_backend_refuse(text, KEDGE_E_SYSTEM, "there are no random numbers for a seed");
    spec->groups = rollout->group_count > 0 ? rollout->groups : &everybody;
    spec->group_count = rollout->group_count > 0 ? rollout->group_count : 1;
    spec->spread_by = rollout->spread_by;
    spec->filter = rollout->filter_text;
    if (targets->count == 0)
        return KEDGE_OK; /* which the engine refuses */
    KEDGE_TRY(apply_filters(targets, reader, rollout, text));
    enum kedge_rc rc = kedge_groups_divide(spec->groups, spec->group_count, spec->seed,
                                           targets->items, targets->count, why);
    return rc == KEDGE_OK ? rc : kedge_backend_refuse(text, rc, "%s", why);
}

static enum kedge_rc find_package(struct kedge_reader *reader, const char *id,
                                  struct kedge_package_record *package, char *text)
{
    enum kedge_rc rc = kedge_reader_package(reader, id, package);
    return rc == KEDGE_OK ? rc
                          : kedge_backend_refuse(text, rc, "package %.64s: %s", id,
                                                 kedge_reader_error(reader));
}

/* `back` stays the spec's to point into. */
static enum kedge_rc add_revert(struct kedge_reader *reader,
                                const struct kedge_package_record *package,
                                const char *revert_package_id, struct kedge_package_record *back,
                                struct kedge_rollout_spec *spec, char *text)
{
    if (revert_package_id == NULL)
        return KEDGE_OK;
    KEDGE_TRY(find_package(reader, revert_package_id, back, text));
    if (memcmp(back->vendor_id, package->vendor_id, sizeof(back->vendor_id)) != 0 ||
        memcmp(back->class_id, package->class_id, sizeof(back->class_id)) != 0)
        return kedge_backend_refuse(text, KEDGE_E_CLASS,
                                    "the revert package is for devices of another vendor or class");
    spec->revert_package_id = back->id;
    spec->revert_version = back->version;
    spec->revert_sequence = back->sequence;
    spec->revert_conditions = kedge_package_conditions(back);
    return KEDGE_OK;
}

/* What the spec borrows for them. */
struct chain {
    struct kedge_package_record records[KEDGE_INTERMEDIATES_MAX];
    struct kedge_intermediate intermediates[KEDGE_INTERMEDIATES_MAX];
    struct kedge_fit_conditions conditions[KEDGE_INTERMEDIATES_MAX];
};

/* Read before the devices are, which may need them. */
static enum kedge_rc find_intermediates(struct kedge_reader *reader,
                                        const struct kedge_package_record *package,
                                        const struct kedge_backend_rollout *rollout,
                                        struct chain *chain, struct kedge_targets *targets,
                                        char *text)
{
    struct kedge_step steps[KEDGE_STEPS_MAX];
    char why[KEDGE_STEPS_TEXT_MAX];
    for (uint32_t i = 0; i < rollout->intermediate_count; i++) {
        struct kedge_package_record *one = &chain->records[i];
        KEDGE_TRY(find_package(reader, rollout->intermediate_package_ids[i], one, text));
        if (memcmp(one->vendor_id, package->vendor_id, sizeof(one->vendor_id)) != 0 ||
            memcmp(one->class_id, package->class_id, sizeof(one->class_id)) != 0)
            return kedge_backend_refuse(text, KEDGE_E_CLASS,
                                        "intermediate package %" PRIu32
                                        " is for devices of another vendor or class",
                                        i + 1);
        memcpy(chain->intermediates[i].package_id, one->id, sizeof(one->id));
        memcpy(chain->intermediates[i].version, one->version, sizeof(one->version));
        chain->intermediates[i].sequence = one->sequence;
        chain->conditions[i] = kedge_package_conditions(one);
    }
    targets->intermediates = chain->records;
    targets->intermediate_count = rollout->intermediate_count;
    size_t count = kedge_targets_steps(chain->records, rollout->intermediate_count, package, steps);
    enum kedge_rc rc = kedge_steps_check(steps, count, why);
    return rc == KEDGE_OK ? rc : kedge_backend_refuse(text, rc, "%s", why);
}

/* What was read for a new rollout; its spec points into it, and into the targets. */
struct reading {
    struct kedge_package_record package, back;
    struct chain chain;
    struct kedge_timing timing;
};

/* A refusal is the fault of the field of this name. */
static enum kedge_rc in_field(const char *name, enum kedge_rc rc, const char **field)
{
    if (rc != KEDGE_OK)
        *field = name;
    return rc;
}

static const char *field_of_devices(const struct kedge_backend_rollout *rollout)
{
    if (rollout->filter != NULL)
        return "filter";
    return rollout->all_devices ? "package_id" : "devices";
}

/* `rollout` as the engine judges it, by what is known now. */
static enum kedge_rc fill_spec(struct kedge_reader *reader,
                               const struct kedge_backend_rollout *rollout, struct reading *reading,
                               struct kedge_targets *targets, struct kedge_rollout_spec *spec,
                               char *text, const char **field)
{
    const struct kedge_package_record *package = &reading->package;
    KEDGE_TRY(kedge_timing_read(rollout, &reading->timing, text, field));
    KEDGE_TRY(in_field("package_id",
                       find_package(reader, rollout->package_id, &reading->package, text), field));
    KEDGE_TRY(in_field("intermediate_package_ids",
                       find_intermediates(reader, package, rollout, &reading->chain, targets, text),
                       field));
    KEDGE_TRY(in_field(field_of_devices(rollout),
                       take_targets(targets, reader, package, rollout, text), field));
    *spec = (struct kedge_rollout_spec){.name = rollout->name,
                                        .package_id = package->id,
                                        .vendor = targets->vendor,
                                        .class_name = targets->class_name,
                                        .version = package->version,
                                        .sequence = package->sequence,
                                        .conditions = kedge_package_conditions(package),
                                        .intermediates = reading->chain.intermediates,
                                        .intermediate_conditions = reading->chain.conditions,
                                        .intermediate_count = rollout->intermediate_count,
                                        .all_devices = rollout->all_devices,
                                        .dynamic = rollout->dynamic,
                                        .policy = rollout->policy,
                                        .start_at_ms = rollout->start_at_ms,
                                        .windows = reading->timing.windows,
                                        .gate_windows = reading->timing.gate_windows,
                                        .download_in_window = rollout->download_in_window,
                                        .targets = targets->items,
                                        .target_count = targets->count};
    KEDGE_TRY(in_field(
        "revert_package_id",
        add_revert(reader, package, rollout->revert_package_id, &reading->back, spec, text),
        field));
    return in_field("groups", divide(targets, reader, spec, rollout, text), field);
}

static enum kedge_rc create(struct kedge_backend_state *state, struct kedge_reader *reader,
                            const char *who, const struct kedge_backend_rollout *rollout,
                            struct kedge_targets *targets, uint64_t *rollout_id, char *text,
                            const char **field)
{
    struct reading reading;
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_ROLLOUT_CREATE, .who = who};
    KEDGE_TRY(fill_spec(reader, rollout, &reading, targets, &event.create, text, field));
    return kedge_rollout_make(state->net, state->bridge, &event, targets, rollout_id, text, field);
}

/* Who came to match after the devices were read and before the engine knew the rollout. */
static void join_missed(struct kedge_backend_state *state, struct kedge_reader *reader,
                        const struct kedge_backend_rollout *rollout,
                        const struct kedge_targets *before)
{
    struct kedge_targets after = {.count = 0};
    struct kedge_package_record package;
    struct chain chain;
    char text[KEDGE_BACKEND_TEXT_MAX];
    if (find_package(reader, rollout->package_id, &package, text) == KEDGE_OK &&
        find_intermediates(reader, &package, rollout, &chain, &after, text) == KEDGE_OK &&
        read_targets(&after, reader, &package, rollout) == KEDGE_OK)
        kedge_backend_join_missed(state, before, &after);
    kedge_targets_clear(&after);
}

enum kedge_rc kedge_backend_rollout_create(void *context, const char *who,
                                           const struct kedge_backend_rollout *rollout,
                                           uint64_t *rollout_id, char *text,
                                           const char **field)
{
    struct kedge_backend_state *state = context;
    struct kedge_targets targets = {.spread_by = rollout->spread_by};
    struct kedge_reader *reader;
    KEDGE_TRY(kedge_backend_reader(state, &reader, text));
    enum kedge_rc rc = create(state, reader, who, rollout, &targets, rollout_id, text, field);
    if (rc == KEDGE_OK && rollout->dynamic)
        join_missed(state, reader, rollout, &targets);
    kedge_targets_clear(&targets);
    kedge_reader_close(reader);
    return rc;
}

/* ---- planning ---- */

/* What creating would refuse is refused here; a plan may be made before the rollout has a name. */
static enum kedge_rc check_plan(const struct kedge_rollout_spec *spec, char *text,
                                const char **field)
{
    struct kedge_rollout_spec named = *spec;
    if (named.name == NULL || named.name[0] == '\0')
        named.name = "plan";
    return kedge_rollout_check(&named, text, field);
}

static enum kedge_rc plan_targets(struct kedge_backend_state *state, struct kedge_reader *reader,
                                  const struct kedge_backend_rollout *rollout,
                                  struct kedge_targets *targets, struct kedge_backend_plan *plan,
                                  char *text, const char **field)
{
    struct reading reading;
    struct kedge_rollout_spec spec;
    KEDGE_TRY(kedge_timing_plan(rollout, plan, text, field));
    KEDGE_TRY(fill_spec(reader, rollout, &reading, targets, &spec, text, field));
    if (rollout->endpoint_count > 0)
        KEDGE_TRY(in_field("devices", refuse_listed(targets, KEDGE_FIT_OK + 1, text), field));
    KEDGE_TRY(check_plan(&spec, text, field));
    memcpy(plan->vendor, targets->vendor, sizeof(plan->vendor));
    memcpy(plan->class_name, targets->class_name, sizeof(plan->class_name));
    memcpy(plan->version, reading.package.version, sizeof(plan->version));
    plan->seed = spec.seed;
    plan->device_count = targets->count;
    plan->already = targets->already;
    plan->unmatched = targets->unmatched;
    memcpy(plan->left_out, targets->left_out, sizeof(plan->left_out));
    memcpy(plan->example, targets->example, sizeof(plan->example));
    memcpy(plan->words, targets->words, sizeof(plan->words));
    memcpy(plan->through, targets->through, sizeof(plan->through));
    memcpy(plan->through_example, targets->through_example, sizeof(plan->through_example));
    memcpy(plan->intermediates, reading.chain.intermediates, sizeof(plan->intermediates));
    plan->intermediate_count = rollout->intermediate_count;
    targets->intermediates = NULL;
    return kedge_overlaps_find(state, targets, plan);
}

enum kedge_rc kedge_backend_rollout_plan(void *context, const struct kedge_backend_rollout *rollout,
                                         struct kedge_backend_plan *plan,
                                         kedge_backend_target_fn *fn, void *fn_context, char *text,
                                         const char **field)
{
    struct kedge_targets targets = {.spread_by = rollout->spread_by};
    struct kedge_reader *reader;
    KEDGE_TRY(kedge_backend_reader(context, &reader, text));
    enum kedge_rc rc = plan_targets(context, reader, rollout, &targets, plan, text, field);
    for (size_t i = 0; rc == KEDGE_OK && i < targets.count; i++)
        fn(fn_context, &targets.items[i]);
    kedge_targets_clear(&targets);
    kedge_reader_close(reader);
    return rc;
}

/* ---- changing ---- */

enum kedge_rc kedge_backend_rollout_change(void *context, const char *who, uint64_t rollout_id,
                                           enum kedge_backend_rollout_change change, char *text)
{
    static const enum kedge_engine_event_kind events[] = {
        [KEDGE_BACKEND_ROLLOUT_START] = KEDGE_EVENT_ROLLOUT_START,
        [KEDGE_BACKEND_ROLLOUT_PAUSE] = KEDGE_EVENT_ROLLOUT_PAUSE,
        [KEDGE_BACKEND_ROLLOUT_RESUME] = KEDGE_EVENT_ROLLOUT_RESUME,
        [KEDGE_BACKEND_ROLLOUT_ABORT] = KEDGE_EVENT_ROLLOUT_ABORT,
        [KEDGE_BACKEND_ROLLOUT_ROLL_BACK] = KEDGE_EVENT_ROLLOUT_ROLL_BACK,
        [KEDGE_BACKEND_ROLLOUT_CLOSE] = KEDGE_EVENT_ROLLOUT_CLOSE,
        [KEDGE_BACKEND_ROLLOUT_APPROVE] = KEDGE_EVENT_ROLLOUT_APPROVE,
    };
    struct asking asking = {
        .state = context,
        .event = {.kind = events[change], .who = who, .rollout_id = rollout_id},
    };
    return ask_engine(&asking, text);
}
