/*
 * processor.c: which command comes next (draft-ietf-suit-manifest-37, sections 6.4 to 6.7).
 *
 * Method: sequences that are inside one another are a small stack of frames, not calls, so that a
 * directive may wait anywhere and be resumed. A command begins once and then runs for each
 * component that the index names; try-each and run-sequence push a frame for each, with that one
 * component as its index. What ends a sequence is told to the frame below:
 *
 *   it came to its end      the command that pushed it has succeeded
 *   a condition failed      try-each: the next sequence, if the failed one was soft; run-sequence:
 *                           the command has succeeded, if soft; else, and in a section's own
 *                           sequence, the procedure ends. So does it when none of a try-each's
 *                           sequences came to its end: a directive that fails always ends it.
 *
 * Soft failure and strict order belong to a frame, parameters and the index do not: an index that a
 * sequence chose stays chosen behind it, unless the command ran for several components or failed.
 */
#include "core/suit/keys.h"
#include "core/suit/parameters.h"
#include "core/suit/processor_parts.h"

#include <string.h>

static struct kedge_suit_frame *top(struct kedge_suit_processor *processor)
{
    return &processor->frames[processor->depth - 1];
}

static struct kedge_suit_targets only(size_t index)
{
    return (struct kedge_suit_targets){.index = {(uint8_t)index}, .count = 1};
}

static enum kedge_rc push(struct kedge_suit_processor *processor, int64_t kind,
                          struct kedge_slice sequence, struct kedge_suit_targets targets)
{
    if (processor->depth == KEDGE_SUIT_NESTING_MAX)
        return KEDGE_E_LIMIT;
    struct kedge_suit_frame *frame = &processor->frames[processor->depth];
    *frame = (struct kedge_suit_frame){.kind = kind,
                                       .targets = targets,
                                       .soft_failure = kind == KEDGE_SUIT_DIRECTIVE_TRY_EACH,
                                       .strict_order = true};
    KEDGE_TRY(kedge_suit_steps_begin(sequence, &frame->steps));
    processor->depth++;
    return KEDGE_OK;
}

/* The command under way is through with one component. */
static void next_target(struct kedge_suit_frame *frame)
{
    frame->target++;
    frame->under_way = frame->target < frame->targets.count;
}

static size_t target_of(const struct kedge_suit_frame *frame)
{
    return frame->targets.index[frame->target];
}

/* ---- the processor's own commands ---- */

static enum kedge_rc choose(struct kedge_suit_processor *processor, struct kedge_suit_frame *frame)
{
    if (frame->may_not_choose)
        return KEDGE_E_UNSUPPORTED;
    /* Section 6.7: in a sequence that might run beside others, the first choice is the only one. */
    frame->may_not_choose = frame->must_choose;
    frame->must_choose = false;
    frame->under_way = false;
    return suit_targets_read(frame->step.argument, processor->parts.component_count,
                             &frame->targets);
}

static enum kedge_rc set_flag(struct kedge_suit_frame *frame, int64_t id,
                              struct kedge_cursor *value)
{
    bool flag;
    KEDGE_TRY(kedge_cbor_bool(value, &flag));
    if (id == KEDGE_SUIT_PARAMETER_SOFT_FAILURE) {
        if (frame->kind == 0)
            return KEDGE_E_UNSUPPORTED;
        frame->soft_failure = flag;
        return KEDGE_OK;
    }
    frame->strict_order = flag;
    frame->written = frame->read = 0; /* all that came before is complete: section 6.7 */
    return KEDGE_OK;
}

static enum kedge_rc override_parameters(struct kedge_suit_processor *processor,
                                         struct kedge_suit_frame *frame)
{
    struct kedge_cursor cursor = kedge_cursor(frame->step.argument);
    struct kedge_cbor_map map;
    KEDGE_TRY(kedge_cbor_map(&cursor, &map));
    while (map.left > 0) {
        struct kedge_cbor_item key;
        int64_t id;
        KEDGE_TRY(kedge_cbor_map_key(&cursor, &map, &key));
        KEDGE_TRY(suit_parameter_id(&key, &id));
        if (suit_parameter_is_flag(id))
            KEDGE_TRY(set_flag(frame, id, &cursor));
        else
            KEDGE_TRY(suit_parameter_set(&processor->parameters[target_of(frame)], id, &cursor));
    }
    next_target(frame);
    return KEDGE_OK;
}

static enum kedge_rc next_alternative(struct kedge_suit_processor *processor,
                                      struct kedge_suit_frame *frame)
{
    struct kedge_slice sequence;
    KEDGE_TRY(suit_alternatives_next(&frame->alternatives, &frame->alternatives_left, &sequence));
    if (sequence.data == NULL) {
        next_target(frame);
        return KEDGE_OK;
    }
    return push(processor, KEDGE_SUIT_DIRECTIVE_TRY_EACH, sequence, only(target_of(frame)));
}

static enum kedge_rc try_each(struct kedge_suit_processor *processor,
                              struct kedge_suit_frame *frame)
{
    KEDGE_TRY(suit_alternatives_begin(frame->step.argument, &frame->alternatives,
                                      &frame->alternatives_left));
    return next_alternative(processor, frame);
}

/* Section 6.7: what runs while strict order is off must not depend on what runs beside it. */
static enum kedge_rc run_sequence(struct kedge_suit_processor *processor,
                                  struct kedge_suit_frame *frame)
{
    struct kedge_slice sequence;
    KEDGE_TRY(suit_sequence_argument(frame->step.argument, &sequence));
    KEDGE_TRY(push(processor, KEDGE_SUIT_DIRECTIVE_RUN_SEQUENCE, sequence, only(target_of(frame))));
    if (!frame->strict_order) {
        top(processor)->must_choose = !frame->targets.several;
        top(processor)->may_not_choose = frame->targets.several;
    }
    return KEDGE_OK;
}

/* ---- the ends of sequences ---- */

static void came_to_its_end(struct kedge_suit_processor *processor)
{
    struct kedge_suit_targets chosen = top(processor)->targets;
    processor->depth--;
    if (processor->depth == 0)
        return;
    struct kedge_suit_frame *frame = top(processor);
    if (frame->targets.several) {
        next_target(frame);
        return;
    }
    frame->under_way = false;
    frame->targets = chosen;
}

static enum kedge_rc condition_failed(struct kedge_suit_processor *processor, enum kedge_rc rc)
{
    const struct kedge_suit_frame *ended = top(processor);
    if (!ended->soft_failure)
        return rc;
    int64_t kind = ended->kind;
    processor->depth--;
    struct kedge_suit_frame *frame = top(processor);
    if (kind == KEDGE_SUIT_DIRECTIVE_RUN_SEQUENCE) {
        next_target(frame);
        return KEDGE_OK;
    }
    return frame->alternatives_left > 0 ? next_alternative(processor, frame) : rc;
}

/* ---- one command, for one component ---- */

static enum kedge_rc run_command(struct kedge_suit_processor *processor)
{
    struct kedge_suit_frame *frame = top(processor);
    bool failed;
    switch (frame->step.command) {
    case KEDGE_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS:
        return override_parameters(processor, frame);
    case KEDGE_SUIT_DIRECTIVE_TRY_EACH:
        return try_each(processor, frame);
    case KEDGE_SUIT_DIRECTIVE_RUN_SEQUENCE:
        return run_sequence(processor, frame);
    default:
        break;
    }
    enum kedge_rc rc = suit_command_run(processor, frame->step.command, target_of(frame), &failed);
    if (rc == KEDGE_OK)
        next_target(frame);
    if (rc == KEDGE_E_BUSY && suit_command(frame->step.command).kind == SUIT_DIRECTIVE)
        processor->waiting = true;
    return failed ? condition_failed(processor, rc) : rc;
}

static enum kedge_rc begin_command(struct kedge_suit_processor *processor)
{
    struct kedge_suit_frame *frame = top(processor);
    enum kedge_rc rc = kedge_suit_steps_next(&frame->steps, &frame->step);
    if (rc == KEDGE_E_NOT_FOUND) {
        came_to_its_end(processor);
        return KEDGE_OK;
    }
    KEDGE_TRY(rc);
    frame->target = 0;
    frame->under_way = true;
    if (frame->step.command == KEDGE_SUIT_DIRECTIVE_SET_COMPONENT_INDEX)
        return choose(processor, frame);
    return frame->must_choose || frame->targets.count == 0 ? KEDGE_E_MISSING : KEDGE_OK;
}

static enum kedge_rc advance(struct kedge_suit_processor *processor)
{
    if (++processor->steps > KEDGE_SUIT_STEPS_MAX)
        return KEDGE_E_LIMIT;
    return top(processor)->under_way ? run_command(processor) : begin_command(processor);
}

/* ---- sections ---- */

static enum kedge_rc begin_sequence(struct kedge_suit_processor *processor,
                                    enum kedge_suit_section section)
{
    static const struct kedge_suit_targets none;
    const struct kedge_slice sequence = suit_section(&processor->parts, section);
    bool single = processor->parts.component_count == 1;
    processor->section = section;
    if (sequence.size == 0)
        return KEDGE_OK;
    return push(processor, 0, sequence, single ? only(0) : none);
}

/* The shared sequence, then the section's own; a section that the manifest has not is passed over.
 */
static enum kedge_rc next_sequence(struct kedge_suit_processor *processor)
{
    const enum kedge_suit_section *sections = suit_procedures[processor->procedure];
    if (processor->shared) {
        processor->shared = false;
        return begin_sequence(processor, sections[processor->stage++]);
    }
    while (processor->stage < SUIT_PROCEDURE_SECTIONS &&
           suit_section(&processor->parts, sections[processor->stage]).size == 0)
        processor->stage++;
    processor->done = processor->stage == SUIT_PROCEDURE_SECTIONS;
    if (processor->done)
        return KEDGE_OK;
    memset(processor->parameters, 0, sizeof processor->parameters);
    processor->steps = 0;
    processor->shared = true;
    return begin_sequence(processor, KEDGE_SUIT_SECTION_SHARED);
}

static enum kedge_rc fail(struct kedge_suit_processor *processor, enum kedge_rc rc)
{
    processor->failure = rc;
    if (processor->depth > 0 && !processor->refused.named)
        suit_refuse(processor, processor->section, false, top(processor)->step.command, rc);
    return rc;
}

enum kedge_rc kedge_suit_processor_run(struct kedge_suit_processor *processor)
{
    if (processor->failure != KEDGE_OK)
        return processor->failure;
    while (!processor->done) {
        if (processor->waiting)
            return KEDGE_E_BUSY;
        enum kedge_rc rc = processor->depth == 0 ? next_sequence(processor) : advance(processor);
        if (rc != KEDGE_OK && !processor->waiting)
            return fail(processor, rc);
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_suit_processor_resume(struct kedge_suit_processor *processor,
                                          enum kedge_rc result)
{
    if (!processor->waiting)
        return KEDGE_E_STATE;
    processor->waiting = false;
    if (result != KEDGE_OK)
        return fail(processor, result);
    next_target(top(processor));
    return kedge_suit_processor_run(processor);
}

/* ---- the beginning ---- */

/* A member that was moved into the envelope is the one whose digest the manifest has. */
static enum kedge_rc check_severed(struct kedge_slice member, struct kedge_slice vouched)
{
    uint8_t digest[KEDGE_SHA256_SIZE];
    if (member.data == NULL)
        return KEDGE_OK;
    if (vouched.size == 0)
        return KEDGE_E_MISSING;
    KEDGE_TRY(kedge_suit_bstr_digest(member, digest));
    return memcmp(digest, vouched.data, sizeof digest) == 0 ? KEDGE_OK : KEDGE_E_DIGEST;
}

static enum kedge_rc check_all_severed(const struct kedge_suit_processor *processor,
                                       const struct kedge_suit_envelope *envelope)
{
    const struct kedge_suit_parts *parts = &processor->parts;
    const struct kedge_slice *members = envelope->severable;
    KEDGE_TRY(check_severed(members[SUIT_PAYLOAD_FETCH], parts->payload_fetch_digest));
    KEDGE_TRY(check_severed(members[SUIT_INSTALL], parts->install_digest));
    KEDGE_TRY(check_severed(members[SUIT_TEXT], parts->text_digest));
    if (processor->procedure != KEDGE_SUIT_UPDATE)
        return KEDGE_OK;
    bool gone = (parts->payload_fetch_severed && members[SUIT_PAYLOAD_FETCH].data == NULL) ||
                (parts->install_severed && members[SUIT_INSTALL].data == NULL);
    return gone ? KEDGE_E_MISSING : KEDGE_OK;
}

static enum kedge_rc begin(struct kedge_suit_processor *processor,
                           const struct kedge_suit_envelope *envelope,
                           const struct kedge_suit_trust *trust)
{
    if (trust != NULL)
        KEDGE_TRY(kedge_suit_authenticate(envelope, trust, NULL));
    KEDGE_TRY(kedge_suit_parts_read(envelope, &processor->parts));
    if (processor->procedure == KEDGE_SUIT_UPDATE &&
        processor->parts.sequence < processor->platform->sequence_floor)
        return KEDGE_E_SEQUENCE;
    KEDGE_TRY(check_all_severed(processor, envelope));
    return suit_check(processor);
}

enum kedge_rc kedge_suit_processor_begin(struct kedge_suit_processor *processor,
                                         const struct kedge_suit_envelope *envelope,
                                         const struct kedge_suit_trust *trust,
                                         const struct kedge_suit_platform *platform,
                                         enum kedge_suit_procedure procedure)
{
    *processor = (struct kedge_suit_processor){.platform = platform, .procedure = procedure};
    processor->failure = begin(processor, envelope, trust);
    return processor->failure;
}
