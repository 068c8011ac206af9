/*
 * processor_check.c: what is refused before anything runs. All sequences are walked, each branch of
 * each try-each too: what a device cannot do is found before it has done half of it.
 */
#include "core/suit/parameters.h"
#include "core/suit/processor_parts.h"

#include "core/suit/keys.h"

#define CUSTOM_BELOW (-256) /* ids below are the device maker's own (section 8.4.11) */

struct walk {
    struct kedge_suit_processor *processor;
    enum kedge_suit_section section;
    bool runs; /* this procedure runs the section */
    unsigned commands;
    bool vendor, class_id; /* the conditions were met */
};

static enum kedge_rc refuse(const struct walk *walk, bool parameter, int64_t id, enum kedge_rc rc)
{
    return suit_refuse(walk->processor, walk->section, parameter, id, rc);
}

/* Section 6.2: whoever is another vendor's device would take a custom command for something else.
 */
static bool permitted(const struct walk *walk, bool parameter, int64_t id)
{
    const struct kedge_suit_platform *platform = walk->processor->platform;
    if (walk->section == KEDGE_SUIT_SECTION_SHARED && id < CUSTOM_BELOW)
        return false;
    return !walk->runs || platform->permits == NULL ||
           platform->permits(platform->context, walk->section, parameter, id);
}

/* Section 8.4.8.15: the flag belongs to sequences inside try-each and run-sequence. */
static enum kedge_rc check_flag(const struct walk *walk, int64_t id, size_t depth,
                                struct kedge_cursor *value)
{
    bool flag;
    if (id == KEDGE_SUIT_PARAMETER_SOFT_FAILURE && depth == 0)
        return refuse(walk, true, id, KEDGE_E_UNSUPPORTED);
    return kedge_cbor_bool(value, &flag);
}

static enum kedge_rc check_parameters(const struct walk *walk, struct kedge_slice argument,
                                      size_t depth)
{
    struct kedge_cursor cursor = kedge_cursor(argument);
    struct kedge_suit_parameters scratch = {0};
    struct kedge_cbor_map map;
    KEDGE_TRY(kedge_cbor_map(&cursor, &map));
    while (map.left > 0) {
        struct kedge_cbor_item key;
        int64_t id;
        KEDGE_TRY(kedge_cbor_map_key(&cursor, &map, &key));
        if (suit_parameter_id(&key, &id) != KEDGE_OK)
            return refuse(walk, false, KEDGE_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS, KEDGE_E_COMMAND);
        bool flag = suit_parameter_is_flag(id);
        if ((!flag && !suit_parameter_known(id)) || !permitted(walk, true, id))
            return refuse(walk, true, id, KEDGE_E_COMMAND);
        if (flag)
            KEDGE_TRY(check_flag(walk, id, depth, &cursor));
        else
            KEDGE_TRY(suit_parameter_set(&scratch, id, &cursor));
    }
    return KEDGE_OK;
}

/* The argument of conditions and directives is a reporting policy (section 8.4.7). */
static enum kedge_rc check_policy(struct kedge_slice argument)
{
    struct kedge_cursor cursor = kedge_cursor(argument);
    uint64_t policy;
    KEDGE_TRY(kedge_cbor_uint(&cursor, &policy));
    return policy > SUIT_REPORT_ALL ? KEDGE_E_UNSUPPORTED : KEDGE_OK;
}

static enum kedge_rc check_sequence(struct walk *walk, struct kedge_slice sequence, size_t depth);

static enum kedge_rc check_alternatives(struct walk *walk, struct kedge_slice argument,
                                        size_t depth)
{
    struct kedge_cursor cursor;
    size_t left;
    KEDGE_TRY(suit_alternatives_begin(argument, &cursor, &left));
    while (left > 0) {
        struct kedge_slice sequence;
        KEDGE_TRY(suit_alternatives_next(&cursor, &left, &sequence));
        if (sequence.data != NULL)
            KEDGE_TRY(check_sequence(walk, sequence, depth + 1));
    }
    return KEDGE_OK;
}

static enum kedge_rc check_flow(struct walk *walk, const struct kedge_suit_step *step, size_t depth)
{
    struct kedge_suit_targets targets;
    struct kedge_slice sequence;
    switch (step->command) {
    case KEDGE_SUIT_DIRECTIVE_SET_COMPONENT_INDEX:
        return suit_targets_read(step->argument, walk->processor->parts.component_count, &targets);
    case KEDGE_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS:
        return check_parameters(walk, step->argument, depth);
    case KEDGE_SUIT_DIRECTIVE_TRY_EACH:
        return check_alternatives(walk, step->argument, depth);
    default:
        KEDGE_TRY(suit_sequence_argument(step->argument, &sequence));
        return check_sequence(walk, sequence, depth + 1);
    }
}

static enum kedge_rc check_step(struct walk *walk, const struct kedge_suit_step *step, size_t depth)
{
    const struct suit_command command = suit_command(step->command);
    bool able = command.kind == SUIT_FLOW || !walk->runs ||
                suit_platform_has(walk->processor->platform, step->command);
    if (command.kind == SUIT_UNKNOWN || !able || !permitted(walk, false, step->command))
        return refuse(walk, false, step->command, KEDGE_E_COMMAND);
    if (++walk->commands > KEDGE_SUIT_COMMANDS_MAX)
        return KEDGE_E_LIMIT;
    walk->vendor = walk->vendor || step->command == KEDGE_SUIT_CONDITION_VENDOR;
    walk->class_id = walk->class_id || step->command == KEDGE_SUIT_CONDITION_CLASS;
    return command.kind == SUIT_FLOW ? check_flow(walk, step, depth) : check_policy(step->argument);
}

/* `depth` counts what it stands in, and is bounded: so is the recursion. */
static enum kedge_rc check_sequence(struct walk *walk, struct kedge_slice sequence, size_t depth)
{
    struct kedge_suit_steps steps;
    struct kedge_suit_step step;
    enum kedge_rc rc;
    if (depth >= KEDGE_SUIT_NESTING_MAX)
        return KEDGE_E_LIMIT;
    KEDGE_TRY(kedge_suit_steps_begin(sequence, &steps));
    while ((rc = kedge_suit_steps_next(&steps, &step)) == KEDGE_OK)
        KEDGE_TRY(check_step(walk, &step, depth));
    return rc == KEDGE_E_NOT_FOUND ? KEDGE_OK : rc;
}

/* Section 6.2: with several components, a section says first which of them it means. */
static enum kedge_rc check_first(struct kedge_suit_processor *processor,
                                 enum kedge_suit_section section, struct kedge_slice sequence)
{
    struct kedge_suit_steps steps;
    struct kedge_suit_step step;
    if (processor->parts.component_count == 1)
        return KEDGE_OK;
    KEDGE_TRY(kedge_suit_steps_begin(sequence, &steps));
    if (steps.left == 0)
        return KEDGE_OK;
    KEDGE_TRY(kedge_suit_steps_next(&steps, &step));
    return step.command == KEDGE_SUIT_DIRECTIVE_SET_COMPONENT_INDEX
               ? KEDGE_OK
               : suit_refuse(processor, section, false, step.command, KEDGE_E_MISSING);
}

static bool runs(enum kedge_suit_procedure procedure, enum kedge_suit_section section)
{
    for (size_t i = 0; i < SUIT_PROCEDURE_SECTIONS; i++)
        if (suit_procedures[procedure][i] == section)
            return true;
    return section == KEDGE_SUIT_SECTION_SHARED;
}

/* Section 6.2 leaves it a SHOULD that the shared sequence checks vendor and class; here it must. */
static enum kedge_rc check_section(struct kedge_suit_processor *processor,
                                   enum kedge_suit_section section)
{
    const struct kedge_slice sequence = suit_section(&processor->parts, section);
    struct walk walk = {
        .processor = processor, .section = section, .runs = runs(processor->procedure, section)};
    if (sequence.size > 0) {
        KEDGE_TRY(check_sequence(&walk, sequence, 0));
        KEDGE_TRY(check_first(processor, section, sequence));
    }
    if (section != KEDGE_SUIT_SECTION_SHARED || (walk.vendor && walk.class_id))
        return KEDGE_OK;
    return suit_refuse(processor, section, false,
                       walk.vendor ? KEDGE_SUIT_CONDITION_CLASS : KEDGE_SUIT_CONDITION_VENDOR,
                       KEDGE_E_MISSING);
}

static enum kedge_rc check_components(struct kedge_suit_processor *processor)
{
    const struct kedge_suit_platform *platform = processor->platform;
    struct kedge_cursor cursor = kedge_cursor(processor->parts.components);
    size_t count;
    if (processor->parts.component_count == 0)
        return KEDGE_E_MISSING;
    KEDGE_TRY(kedge_cbor_array(&cursor, &count));
    for (size_t i = 0; i < count; i++) {
        struct kedge_slice id;
        KEDGE_TRY(kedge_cbor_skip(&cursor, &id));
        KEDGE_TRY(platform->component(platform->context, i, id));
    }
    return KEDGE_OK;
}

enum kedge_rc suit_check(struct kedge_suit_processor *processor)
{
    KEDGE_TRY(check_components(processor));
    for (int section = 0; section < KEDGE_SUIT_SECTION_COUNT; section++)
        KEDGE_TRY(check_section(processor, (enum kedge_suit_section)section));
    return KEDGE_OK;
}
