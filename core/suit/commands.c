/*
 * commands.c: the commands that ask or do something with a component
 * (draft-ietf-suit-manifest-37, sections 8.4.9 and 8.4.10). The platform answers and acts; what it
 * has to be told is looked up here.
 */
#include "core/suit/processor_parts.h"

#include <string.h>

#define CONTENT_PIECE 64u

#define CONDITION(needed, code)                                      \
    {                                                                \
        .kind = SUIT_CONDITION, .needs = (needed), .failure = (code) \
    }
#define DIRECTIVE(needed, ...)                                 \
    {                                                          \
        .kind = SUIT_DIRECTIVE, .needs = (needed), __VA_ARGS__ \
    }
#define FLOW              \
    {                     \
        .kind = SUIT_FLOW \
    }

#define FRAMES_NEED                                                         \
    (KEDGE_SUIT_HAS_URI | KEDGE_SUIT_HAS_FRAMES | KEDGE_SUIT_HAS_DELIVERY | \
     KEDGE_SUIT_HAS_DIGEST | KEDGE_SUIT_HAS_SIZE)

static const struct {
    int64_t id;
    struct suit_command command;
} commands[] = {
    {KEDGE_SUIT_DIRECTIVE_SET_COMPONENT_INDEX, FLOW},
    {KEDGE_SUIT_DIRECTIVE_TRY_EACH, FLOW},
    {KEDGE_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS, FLOW},
    {KEDGE_SUIT_DIRECTIVE_RUN_SEQUENCE, FLOW},
    {KEDGE_SUIT_CONDITION_VENDOR, CONDITION(KEDGE_SUIT_HAS_VENDOR, KEDGE_E_VENDOR)},
    {KEDGE_SUIT_CONDITION_CLASS, CONDITION(KEDGE_SUIT_HAS_CLASS, KEDGE_E_CLASS)},
    {KEDGE_SUIT_CONDITION_IMAGE_MATCH, CONDITION(KEDGE_SUIT_HAS_DIGEST, KEDGE_E_DIGEST)},
    {KEDGE_SUIT_CONDITION_COMPONENT_SLOT, CONDITION(KEDGE_SUIT_HAS_SLOT, KEDGE_E_CONDITION)},
    {KEDGE_SUIT_CONDITION_CHECK_CONTENT, CONDITION(KEDGE_SUIT_HAS_CONTENT, KEDGE_E_CONDITION)},
    {KEDGE_SUIT_CONDITION_ABORT, CONDITION(0, KEDGE_E_CONDITION)},
    {KEDGE_SUIT_CONDITION_DEVICE, CONDITION(KEDGE_SUIT_HAS_DEVICE, KEDGE_E_CONDITION)},
    {KEDGE_SUIT_CONDITION_VERSION, CONDITION(KEDGE_SUIT_HAS_VERSION, KEDGE_E_VERSION)},
    {KEDGE_SUIT_CONDITION_HARDWARE, CONDITION(KEDGE_SUIT_HAS_HARDWARE, KEDGE_E_HARDWARE)},
    {KEDGE_SUIT_DIRECTIVE_WRITE, DIRECTIVE(KEDGE_SUIT_HAS_CONTENT, .writes = true)},
    {KEDGE_SUIT_DIRECTIVE_FETCH, DIRECTIVE(KEDGE_SUIT_HAS_URI, .writes = true)},
    {KEDGE_SUIT_DIRECTIVE_COPY, DIRECTIVE(KEDGE_SUIT_HAS_SOURCE, .writes = true, .reads = true)},
    {KEDGE_SUIT_DIRECTIVE_SWAP, DIRECTIVE(KEDGE_SUIT_HAS_SOURCE, .writes = true, .reads = true)},
    {KEDGE_SUIT_DIRECTIVE_INVOKE, DIRECTIVE(0, .writes = false)},
    {KEDGE_SUIT_DIRECTIVE_INSTALL_FRAMES, DIRECTIVE(FRAMES_NEED, .writes = true)},
};

struct suit_command suit_command(int64_t id)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (commands[i].id == id)
            return commands[i].command;
    return (struct suit_command){.kind = SUIT_UNKNOWN};
}

/* Who answers with all parameters: most commands. */
typedef enum kedge_rc (*with_parameters)(void *context, size_t index,
                                         const struct kedge_suit_parameters *set);

static with_parameters function_of(const struct kedge_suit_platform *platform, int64_t id)
{
    switch (id) {
    case KEDGE_SUIT_CONDITION_IMAGE_MATCH:
        return platform->match;
    case KEDGE_SUIT_CONDITION_VERSION:
        return platform->version;
    case KEDGE_SUIT_CONDITION_HARDWARE:
        return platform->hardware;
    case KEDGE_SUIT_DIRECTIVE_FETCH:
        return platform->fetch;
    case KEDGE_SUIT_DIRECTIVE_WRITE:
        return platform->write;
    case KEDGE_SUIT_DIRECTIVE_COPY:
        return platform->copy;
    case KEDGE_SUIT_DIRECTIVE_SWAP:
        return platform->swap;
    case KEDGE_SUIT_DIRECTIVE_INVOKE:
        return platform->invoke;
    case KEDGE_SUIT_DIRECTIVE_INSTALL_FRAMES:
        return platform->install;
    default:
        return NULL;
    }
}

bool suit_platform_has(const struct kedge_suit_platform *platform, int64_t id)
{
    switch (id) {
    case KEDGE_SUIT_CONDITION_ABORT:
        return true;
    case KEDGE_SUIT_CONDITION_VENDOR:
        return platform->vendor != NULL;
    case KEDGE_SUIT_CONDITION_CLASS:
        return platform->class_id != NULL;
    case KEDGE_SUIT_CONDITION_DEVICE:
        return platform->device != NULL;
    case KEDGE_SUIT_CONDITION_COMPONENT_SLOT:
        return platform->slot != NULL;
    case KEDGE_SUIT_CONDITION_CHECK_CONTENT:
        return platform->size != NULL && platform->read != NULL;
    default:
        return function_of(platform, id) != NULL;
    }
}

static enum kedge_rc check_slot(const struct kedge_suit_platform *platform, size_t index,
                                uint64_t wanted)
{
    uint64_t slot;
    KEDGE_TRY(platform->slot(platform->context, index, &slot));
    return slot == wanted ? KEDGE_OK : KEDGE_E_CONDITION;
}

/* Section 8.4.9.3: all of it is looked at, wherever the first difference is. */
static enum kedge_rc check_content(const struct kedge_suit_platform *platform, size_t index,
                                   struct kedge_slice content)
{
    uint8_t piece[CONTENT_PIECE];
    uint64_t size;
    bool equal = true;
    KEDGE_TRY(platform->size(platform->context, index, &size));
    if (size != content.size)
        return KEDGE_E_CONDITION;
    for (size_t at = 0; at < content.size; at += sizeof piece) {
        size_t taken = content.size - at < sizeof piece ? content.size - at : sizeof piece;
        KEDGE_TRY(platform->read(platform->context, index, at, piece, taken));
        bool same = kedge_equal_constant_time(piece, content.data + at, taken);
        equal = same && equal;
    }
    return equal ? KEDGE_OK : KEDGE_E_CONDITION;
}

static enum kedge_rc ask(const struct kedge_suit_platform *platform, int64_t id, size_t index,
                         const struct kedge_suit_parameters *set)
{
    switch (id) {
    case KEDGE_SUIT_CONDITION_ABORT:
        return KEDGE_E_CONDITION;
    case KEDGE_SUIT_CONDITION_VENDOR:
        return platform->vendor(platform->context, index, set->vendor);
    case KEDGE_SUIT_CONDITION_CLASS:
        return platform->class_id(platform->context, index, set->class_id);
    case KEDGE_SUIT_CONDITION_DEVICE:
        return platform->device(platform->context, index, set->device);
    case KEDGE_SUIT_CONDITION_COMPONENT_SLOT:
        return check_slot(platform, index, set->slot);
    case KEDGE_SUIT_CONDITION_CHECK_CONTENT:
        return check_content(platform, index, set->content);
    default:
        return function_of(platform, id)(platform->context, index, set);
    }
}

/*
 * Section 6.7: without strict order commands might run at the same time, so in such a sequence no
 * component may be written and be a source too. A sequence that runs inside it counts as its part.
 */
static enum kedge_rc note_access(struct kedge_suit_processor *processor,
                                 const struct suit_command *command, size_t index, size_t source,
                                 bool swaps)
{
    for (size_t i = 0; i < processor->depth; i++) {
        struct kedge_suit_frame *frame = &processor->frames[i];
        if (frame->strict_order)
            continue;
        if (command->writes)
            frame->written |= (uint8_t)(1u << index);
        if (command->reads)
            frame->read |= (uint8_t)(1u << source);
        if (swaps)
            frame->written |= (uint8_t)(1u << source);
        if ((frame->written & frame->read) != 0)
            return KEDGE_E_UNSUPPORTED;
    }
    return KEDGE_OK;
}

static enum kedge_rc run_directive(struct kedge_suit_processor *processor,
                                   const struct suit_command *command, int64_t id, size_t index)
{
    const struct kedge_suit_parameters *set = &processor->parameters[index];
    size_t source = 0;
    if (command->reads) {
        if (set->source >= processor->parts.component_count)
            return KEDGE_E_MISSING;
        source = (size_t)set->source;
        if (source == index)
            return KEDGE_E_UNSUPPORTED;
    }
    KEDGE_TRY(note_access(processor, command, index, source, id == KEDGE_SUIT_DIRECTIVE_SWAP));
    return ask(processor->platform, id, index, set);
}

enum kedge_rc suit_command_run(struct kedge_suit_processor *processor, int64_t id, size_t index,
                               bool *failed)
{
    struct kedge_suit_parameters *set = &processor->parameters[index];
    const struct suit_command command = suit_command(id);
    bool condition = command.kind == SUIT_CONDITION;
    *failed = false;
    if ((set->set & command.needs) != command.needs) {
        *failed = condition;
        return KEDGE_E_MISSING;
    }
    if (!condition)
        return run_directive(processor, &command, id, index);
    enum kedge_rc rc = ask(processor->platform, id, index, set);
    *failed = rc == command.failure;
    set->unjudged &= ~command.needs;
    return rc;
}
