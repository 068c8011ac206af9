// links: kedge-uboot
#define _POSIX_C_SOURCE 200809L
/* fuzz_uboot_text.c: what U-Boot and its tools write: what is taken keeps its limits, and a
 * selection that is written is read again as itself. */
#include "agent/port/uboot_text.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define VALUES 4

/* The input's lines as the values of the variables; an empty input leaves them out. */
static void split(const uint8_t *data, size_t size, char texts[VALUES][512],
                  const char *values[VALUES])
{
    size_t at = 0;
    for (size_t i = 0; i < VALUES; i++) {
        size_t length = 0;
        values[i] = at < size ? texts[i] : NULL;
        while (at < size && data[at] != '\n' && data[at] != '\0' && length < sizeof texts[i] - 1)
            texts[i][length++] = (char)data[at++];
        texts[i][length] = '\0';
        at++;
    }
}

static void try_selection(const char *const values[VALUES])
{
    const struct kedge_uboot_variables variables = {
        .order = values[0], .left = {values[1], values[2]}, .trial = values[3]};
    struct kedge_selection selection, again;
    char order[KEDGE_UBOOT_ORDER_MAX + 1];
    if (kedge_uboot_selection_read(&variables, &selection) != KEDGE_OK)
        return;
    FUZZ_REQUIRE(selection.count >= 1 && selection.count <= KEDGE_SLOTS);
    FUZZ_REQUIRE(selection.trial < KEDGE_SLOTS || selection.trial == KEDGE_SLOT_NONE);
    kedge_uboot_order_write(&selection, values[0], order);
    FUZZ_REQUIRE(strlen(order) <= KEDGE_UBOOT_ORDER_MAX);
    const struct kedge_uboot_variables written = {
        .order = order, .left = {values[1], values[2]}, .trial = values[3]};
    FUZZ_REQUIRE(kedge_uboot_selection_read(&written, &again) == KEDGE_OK);
    FUZZ_REQUIRE(again.count == selection.count);
    FUZZ_REQUIRE(memcmp(again.order, selection.order, selection.count) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char texts[VALUES][512];
    const char *values[VALUES];
    struct kedge_uboot_places places;
    uint8_t slot;
    if (kedge_uboot_places_read(kedge_slice(data, size), &places) == KEDGE_OK) {
        FUZZ_REQUIRE(places.count >= 1 && places.count <= KEDGE_UBOOT_COPIES_MAX);
        for (size_t i = 0; i < places.count; i++)
            FUZZ_REQUIRE(strnlen(places.devices[i], sizeof places.devices[i]) <=
                         KEDGE_UBOOT_DEVICE_MAX);
    }
    if (kedge_uboot_slot_read(kedge_slice(data, size), &slot) == KEDGE_OK)
        FUZZ_REQUIRE(slot < KEDGE_SLOTS);
    split(data, size, texts, values);
    try_selection(values);
    return 0;
}
