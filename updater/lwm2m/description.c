/*
 * description.c: what devices say of themselves, each combination of texts once for all devices
 * that say the same: a fleet has few.
 */
#include "updater/lwm2m/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 20u /* digits */

static const size_t text_max[TEXT_COUNT] = {
    [TEXT_VENDOR] = KEDGE_DEVICE_VENDOR_MAX,
    [TEXT_CLASS] = KEDGE_DEVICE_CLASS_MAX,
    [TEXT_VERSION] = KEDGE_DEVICE_VERSION_MAX,
    [TEXT_HARDWARE] = KEDGE_DEVICE_HARDWARE_MAX,
    [TEXT_LWM2M_VERSION] = KEDGE_REGISTRATION_VERSION_MAX,
    [TEXT_BINDING] = KEDGE_REGISTRATION_BINDING_MAX,
    [TEXT_ROOT] = KEDGE_REGISTRATION_ROOT_MAX,
    [TEXT_SEQUENCE_FLOOR] = NUMBER_MAX,
    [TEXT_SLOT_CAPACITY] = NUMBER_MAX,
};

#define DESCRIPTION_MAX                                                                            \
    (KEDGE_DEVICE_VENDOR_MAX + KEDGE_DEVICE_CLASS_MAX + KEDGE_DEVICE_VERSION_MAX +                 \
     KEDGE_DEVICE_HARDWARE_MAX + KEDGE_REGISTRATION_VERSION_MAX + KEDGE_REGISTRATION_BINDING_MAX + \
     KEDGE_REGISTRATION_ROOT_MAX + 2 * NUMBER_MAX + TEXT_COUNT)

struct description {
    struct kedge_index_link by_bytes;
    size_t users;
    size_t size;
    uint16_t offsets[TEXT_COUNT];
    char bytes[]; /* the texts one behind the other, each with a NUL */
};

const char *device_text(const struct device *device, enum device_text which)
{
    const struct description *description = device->description;
    return description != NULL ? description->bytes + description->offsets[which] : "";
}

static struct description *find(const struct kedge_fleet *fleet, const char *bytes, size_t size,
                                uint64_t hash)
{
    struct kedge_index_link *link = kedge_index_find(&fleet->descriptions, hash);
    for (; link != NULL; link = kedge_index_find_next(link)) {
        struct description *description = KEDGE_INDEX_THING(link, struct description, by_bytes);
        if (description->size == size && memcmp(description->bytes, bytes, size) == 0)
            return description;
    }
    return NULL;
}

static struct description *make(struct kedge_fleet *fleet, const char *bytes, size_t size,
                                const uint16_t offsets[TEXT_COUNT], uint64_t hash)
{
    struct description *description = malloc(sizeof *description + size);
    if (description == NULL)
        return NULL;
    *description = (struct description){.size = size};
    memcpy(description->offsets, offsets, sizeof description->offsets);
    memcpy(description->bytes, bytes, size);
    kedge_index_insert(&fleet->descriptions, &description->by_bytes, hash);
    return description;
}

void device_drop_texts(struct device *device)
{
    struct description *description = device->description;
    device->description = NULL;
    if (description == NULL || --description->users > 0)
        return;
    kedge_index_remove(&device->fleet->descriptions, &description->by_bytes);
    free(description);
}

enum kedge_rc device_set_text(struct device *device, enum device_text which,
                              struct kedge_slice text)
{
    struct kedge_fleet *fleet = device->fleet;
    char bytes[DESCRIPTION_MAX];
    uint16_t offsets[TEXT_COUNT];
    size_t size = 0;
    if (text.size > text_max[which])
        text.size = 0;
    if (kedge_slice_equal(text, kedge_slice_text(device_text(device, which))))
        return KEDGE_OK;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        struct kedge_slice part =
            i == which ? text : kedge_slice_text(device_text(device, (enum device_text)i));
        offsets[i] = (uint16_t)size;
        if (part.size > 0)
            memcpy(bytes + size, part.data, part.size);
        bytes[size + part.size] = '\0';
        size += part.size + 1;
    }
    uint64_t hash = kedge_siphash(&fleet->key, bytes, size);
    struct description *description = find(fleet, bytes, size, hash);
    if (description == NULL)
        description = make(fleet, bytes, size, offsets, hash);
    if (description == NULL)
        return KEDGE_E_MEMORY;
    description->users++;
    device_drop_texts(device);
    device->description = description;
    return KEDGE_OK;
}

uint64_t device_figure(const struct device *device, enum device_text which)
{
    return strtoull(device_text(device, which), NULL, 10);
}

enum kedge_rc device_set_figure(struct device *device, enum device_text which, uint64_t number)
{
    char digits[NUMBER_MAX + 1] = "";
    if (number > 0)
        (void)snprintf(digits, sizeof digits, "%" PRIu64, number);
    return device_set_text(device, which, kedge_slice_text(digits));
}
