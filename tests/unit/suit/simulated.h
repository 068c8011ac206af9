/*
 * simulated.h: a device of simulated components for the processor of manifests, and what it was
 * asked and told to do, as text. Used by unit tests and by the fuzz target.
 */
#ifndef KEDGE_TESTS_SUIT_SIMULATED_H
#define KEDGE_TESTS_SUIT_SIMULATED_H

#include <kedge/processor.h>
#include <stdio.h>
#include <string.h>

#define SIMULATED_LOG_MAX 2048u
#define SIMULATED_CONTENT_MAX 96u

struct simulated {
    size_t components; /* that the device has */
    struct simulated_component {
        uint8_t digest[KEDGE_SHA256_SIZE]; /* stands for the bytes of an image */
        uint8_t content[SIMULATED_CONTENT_MAX];
        size_t content_size;
        uint64_t slot;
    } component[KEDGE_SUIT_COMPONENTS_MAX];
    uint8_t vendor[16], class_id[16], device[16];
    struct kedge_suit_version running;
    struct kedge_slice hardware;
    enum kedge_rc directive_rc; /* how directives end; KEDGE_E_BUSY to wait */
    size_t reads;
    struct kedge_suit_platform platform;
    size_t log_size;
    char log[SIMULATED_LOG_MAX]; /* "fetch0 match0 " */
};

static inline void simulated_note(struct simulated *sim, const char *what, size_t index)
{
    size_t room = sizeof sim->log - sim->log_size;
    int size = snprintf(sim->log + sim->log_size, room, "%s%zu ", what, index);
    if (size > 0 && (size_t)size < room)
        sim->log_size += (size_t)size;
}

static inline enum kedge_rc simulated_component(void *context, size_t index, struct kedge_slice id)
{
    struct simulated *sim = context;
    (void)id;
    return index < sim->components ? KEDGE_OK : KEDGE_E_UNSUPPORTED;
}

static inline enum kedge_rc simulated_uuid(struct simulated *sim, const char *what, size_t index,
                                           struct kedge_slice uuid, const uint8_t own[16],
                                           enum kedge_rc otherwise)
{
    simulated_note(sim, what, index);
    return memcmp(uuid.data, own, 16) == 0 ? KEDGE_OK : otherwise;
}

static inline enum kedge_rc simulated_vendor(void *context, size_t index, struct kedge_slice uuid)
{
    struct simulated *sim = context;
    return simulated_uuid(sim, "vendor", index, uuid, sim->vendor, KEDGE_E_VENDOR);
}

static inline enum kedge_rc simulated_class(void *context, size_t index, struct kedge_slice uuid)
{
    struct simulated *sim = context;
    return simulated_uuid(sim, "class", index, uuid, sim->class_id, KEDGE_E_CLASS);
}

static inline enum kedge_rc simulated_device(void *context, size_t index, struct kedge_slice uuid)
{
    struct simulated *sim = context;
    return simulated_uuid(sim, "device", index, uuid, sim->device, KEDGE_E_CONDITION);
}

static inline enum kedge_rc simulated_match(void *context, size_t index,
                                            const struct kedge_suit_parameters *set)
{
    struct simulated *sim = context;
    simulated_note(sim, "match", index);
    return memcmp(set->digest.data, sim->component[index].digest, KEDGE_SHA256_SIZE) == 0
               ? KEDGE_OK
               : KEDGE_E_DIGEST;
}

static inline enum kedge_rc simulated_size(void *context, size_t index, uint64_t *size)
{
    struct simulated *sim = context;
    *size = sim->component[index].content_size;
    return KEDGE_OK;
}

static inline enum kedge_rc simulated_read(void *context, size_t index, uint64_t offset, void *out,
                                           size_t size)
{
    struct simulated *sim = context;
    memcpy(out, sim->component[index].content + offset, size);
    sim->reads += size;
    return KEDGE_OK;
}

static inline enum kedge_rc simulated_slot(void *context, size_t index, uint64_t *slot)
{
    struct simulated *sim = context;
    *slot = sim->component[index].slot;
    return KEDGE_OK;
}

static inline enum kedge_rc simulated_version(void *context, size_t index,
                                              const struct kedge_suit_parameters *set)
{
    struct simulated *sim = context;
    simulated_note(sim, "version", index);
    return kedge_suit_version_holds(&sim->running, set) ? KEDGE_OK : KEDGE_E_VERSION;
}

static inline enum kedge_rc simulated_hardware(void *context, size_t index,
                                               const struct kedge_suit_parameters *set)
{
    struct simulated *sim = context;
    simulated_note(sim, "hardware", index);
    return kedge_suit_hardware_listed(sim->hardware, set) ? KEDGE_OK : KEDGE_E_HARDWARE;
}

/* What was fetched or installed is what was asked for. */
static inline enum kedge_rc simulated_obtain(struct simulated *sim, const char *what, size_t index,
                                             const struct kedge_suit_parameters *set)
{
    simulated_note(sim, what, index);
    if ((set->set & KEDGE_SUIT_HAS_DIGEST) != 0)
        memcpy(sim->component[index].digest, set->digest.data, KEDGE_SHA256_SIZE);
    return sim->directive_rc;
}

static inline enum kedge_rc simulated_fetch(void *context, size_t index,
                                            const struct kedge_suit_parameters *set)
{
    return simulated_obtain(context, "fetch", index, set);
}

static inline enum kedge_rc simulated_install(void *context, size_t index,
                                              const struct kedge_suit_parameters *set)
{
    return simulated_obtain(context, "install", index, set);
}

static inline enum kedge_rc simulated_write(void *context, size_t index,
                                            const struct kedge_suit_parameters *set)
{
    struct simulated *sim = context;
    struct simulated_component *component = &sim->component[index];
    simulated_note(sim, "write", index);
    if (set->content.size > sizeof component->content)
        return KEDGE_E_SPACE;
    component->content_size = set->content.size;
    if (set->content.size > 0)
        memcpy(component->content, set->content.data, set->content.size);
    return sim->directive_rc;
}

static inline enum kedge_rc simulated_copy(void *context, size_t index,
                                           const struct kedge_suit_parameters *set)
{
    struct simulated *sim = context;
    simulated_note(sim, "copy", index);
    uint64_t slot = sim->component[index].slot;
    sim->component[index] = sim->component[set->source];
    sim->component[index].slot = slot;
    return sim->directive_rc;
}

static inline enum kedge_rc simulated_swap(void *context, size_t index,
                                           const struct kedge_suit_parameters *set)
{
    struct simulated *sim = context;
    struct simulated_component kept = sim->component[index];
    simulated_note(sim, "swap", index);
    sim->component[index] = sim->component[set->source];
    sim->component[set->source] = kept;
    return sim->directive_rc;
}

static inline enum kedge_rc simulated_invoke(void *context, size_t index,
                                             const struct kedge_suit_parameters *set)
{
    struct simulated *sim = context;
    (void)set;
    simulated_note(sim, "invoke", index);
    return sim->directive_rc;
}

static inline void simulated_begin(struct simulated *sim, size_t components)
{
    memset(sim, 0, sizeof *sim);
    sim->components = components;
    sim->platform = (struct kedge_suit_platform){.context = sim,
                                                 .component = simulated_component,
                                                 .vendor = simulated_vendor,
                                                 .class_id = simulated_class,
                                                 .device = simulated_device,
                                                 .match = simulated_match,
                                                 .size = simulated_size,
                                                 .read = simulated_read,
                                                 .slot = simulated_slot,
                                                 .version = simulated_version,
                                                 .hardware = simulated_hardware,
                                                 .fetch = simulated_fetch,
                                                 .write = simulated_write,
                                                 .copy = simulated_copy,
                                                 .swap = simulated_swap,
                                                 .invoke = simulated_invoke,
                                                 .install = simulated_install};
}

#endif
