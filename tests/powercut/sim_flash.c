/* sim_flash.c: see sim_flash.h. */
#include "tests/powercut/sim_flash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *sim_allocate(size_t size)
{
    return must(malloc(size));
}

static void violate(struct sim_flash *sim, const char *words)
{
    if (sim->violation == NULL)
        sim->violation = words;
}

uint8_t *sim_byte(const struct sim_flash *sim, uint8_t *state, const struct sim_op *op,
                  uint32_t offset)
{
    return state + sim->regions[op->region].base + op->offset + offset;
}

static uint8_t *unit_of(const struct sim_flash *sim, uint8_t *state, const struct sim_op *op,
                        uint32_t offset)
{
    uint32_t at = sim->regions[op->region].base + op->offset + offset;
    return state + sim->bytes_size + at / sim->geometry.write_size;
}

void sim_mark(const struct sim_flash *sim, uint8_t *state, const struct sim_op *op, uint32_t first,
              uint32_t end, enum sim_unit unit)
{
    if (first >= end)
        return;
    uint8_t *from = unit_of(sim, state, op, first);
    memset(from, (int)unit, (size_t)(unit_of(sim, state, op, end - 1) - from) + 1);
}

void sim_program(const struct sim_flash *sim, uint8_t *state, const struct sim_op *op,
                 const uint8_t *data, uint32_t first, uint32_t end)
{
    memcpy(sim_byte(sim, state, op, first), data + op->data + first, end - first);
    sim_mark(sim, state, op, first, end, SIM_UNIT_WRITTEN);
}

void sim_erase(const struct sim_flash *sim, uint8_t *state, const struct sim_op *op, uint32_t first,
               uint32_t end)
{
    memset(sim_byte(sim, state, op, first), sim->geometry.erased_value, end - first);
    sim_mark(sim, state, op, first, end, SIM_UNIT_ERASED);
}

/* ---- the seam ---- */

static struct sim_op *record(struct sim_flash *sim, enum sim_kind kind, unsigned region,
                             uint32_t offset, uint32_t size)
{
    if (sim->log_count == sim->log_capacity) {
        sim->log_capacity = sim->log_capacity * 2 + 64;
        sim->log = must(realloc(sim->log, sim->log_capacity * sizeof *sim->log));
    }
    struct sim_op *op = &sim->log[sim->log_count++];
    *op = (struct sim_op){
        .kind = kind, .region = region, .offset = offset, .size = size, .data = sim->data_size};
    return op;
}

static void record_data(struct sim_flash *sim, const void *data, size_t size)
{
    if (sim->data_size + size > sim->data_capacity) {
        sim->data_capacity = (sim->data_capacity + size) * 2;
        sim->data = must(realloc(sim->data, sim->data_capacity));
    }
    memcpy(sim->data + sim->data_size, data, size);
    sim->data_size += size;
}

static bool inside(struct sim_region *region, uint32_t offset, size_t size, uint32_t unit)
{
    const struct kedge_flash *flash = &region->sim->flash[region->index];
    bool good = offset <= flash->size && size <= flash->size - offset && offset % unit == 0 &&
                size % unit == 0;
    if (!good)
        violate(region->sim, "an access is out of bounds or not aligned");
    return good;
}

/* Behind ECC an unstable unit can be corrected at times. */
static bool refuses(const struct sim_flash *sim)
{
    return sim->reading == SIM_READ_BY_LOT ? sim->readings % 3 == 0
                                           : sim->reading == SIM_READ_ERASED;
}

/* The units that an access touches: how many, and the first of them. */
static const uint8_t *units_in(const struct sim_region *region, uint32_t offset, size_t size,
                               size_t *count)
{
    const struct sim_flash *sim = region->sim;
    const uint32_t unit = sim->geometry.write_size;
    const size_t first = (region->base + offset) / unit;
    *count = (region->base + offset + size + unit - 1) / unit - first;
    return sim->state + sim->bytes_size + first;
}

static bool readable(const struct sim_region *region, uint32_t offset, size_t size)
{
    const struct sim_flash *sim = region->sim;
    size_t count;
    const uint8_t *units = units_in(region, offset, size, &count);
    if (sim->geometry.ecc && (memchr(units, SIM_UNIT_TORN, count) != NULL ||
                              (memchr(units, SIM_UNIT_UNSTABLE, count) != NULL && refuses(sim))))
        return false;
    return !sim->fail_reads[region->index];
}

/* What an unstable unit reads as this time: what it was, what it was to become, or any between. */
static void read_unstable(const struct sim_flash *sim, uint64_t unit, uint8_t *bytes, size_t size)
{
    uint64_t lot = (sim->readings * 0x9E3779B97F4A7C15u ^ unit) * 0xBF58476D1CE4E5B9u;
    lot ^= lot >> 29;
    for (size_t i = 0; i < size; i++) {
        uint8_t moved = (uint8_t)(bytes[i] ^ sim->geometry.erased_value);
        uint8_t some = (uint8_t)((lot * (2 * i + 0x9E3779B97F4A7C15u)) >> 40);
        uint8_t kept = (lot & 3) == 0 ? 0 : (lot & 3) == 1 ? 0xFF : some;
        if (sim->reading != SIM_READ_BY_LOT)
            kept = sim->reading == SIM_READ_WRITTEN ? 0xFF : 0;
        bytes[i] = (uint8_t)(sim->geometry.erased_value ^ (moved & kept));
    }
}

static void blur(const struct sim_region *region, uint32_t offset, uint8_t *bytes, size_t size)
{
    const struct sim_flash *sim = region->sim;
    const uint32_t unit = sim->geometry.write_size;
    const uint32_t begin = region->base + offset, end = begin + (uint32_t)size;
    size_t count;
    const uint8_t *units = units_in(region, offset, size, &count);
    const uint8_t *at = memchr(units, SIM_UNIT_UNSTABLE, count);
    for (; at != NULL; at = memchr(at + 1, SIM_UNIT_UNSTABLE, count - (size_t)(at + 1 - units))) {
        uint32_t from = (begin / unit + (uint32_t)(at - units)) * unit, to = from + unit;
        from = from > begin ? from : begin;
        to = to < end ? to : end;
        read_unstable(sim, (uint64_t)(at - sim->state), bytes + (from - begin), to - from);
    }
}

static enum kedge_rc read_region(void *context, uint32_t offset, void *out, size_t size)
{
    struct sim_region *region = context;
    region->sim->readings++;
    if (!inside(region, offset, size, 1) || !readable(region, offset, size))
        return KEDGE_E_FLASH;
    memcpy(out, region->sim->state + region->base + offset, size);
    blur(region, offset, out, size);
    return KEDGE_OK;
}

struct sim_op *sim_overwrite(struct sim_flash *sim, unsigned region, uint32_t offset,
                             const void *data, size_t size)
{
    struct sim_op *op = record(sim, SIM_WRITE, region, offset, (uint32_t)size);
    record_data(sim, data, size);
    if (sim->log_count - 1 == sim->weak_op)
        sim->data[op->data] ^= 0x01;
    sim_program(sim, sim->state, op, sim->data, 0, op->size);
    return op;
}

static enum kedge_rc write_region(void *context, uint32_t offset, const void *data, size_t size)
{
    struct sim_region *region = context;
    struct sim_flash *sim = region->sim;
    uint32_t unit = sim->geometry.write_size;
    if (!inside(region, offset, size, unit) || sim->fail_writes[region->index])
        return KEDGE_E_FLASH;
    struct sim_op *op = record(sim, SIM_WRITE, region->index, offset, (uint32_t)size);
    record_data(sim, data, size);
    for (uint32_t at = 0; at < op->size; at += unit)
        if (*unit_of(sim, sim->state, op, at) != SIM_UNIT_ERASED)
            violate(sim, "a write unit is written twice without an erase");
    if (sim->log_count - 1 == sim->weak_op)
        sim->data[op->data] ^= 0x01;
    sim_program(sim, sim->state, op, sim->data, 0, op->size);
    return KEDGE_OK;
}

static enum kedge_rc erase_region(void *context, uint32_t offset, uint32_t size)
{
    struct sim_region *region = context;
    struct sim_flash *sim = region->sim;
    uint32_t sector = sim_erase_size(&sim->geometry, region->index);
    if (!inside(region, offset, size, sector) || sim->fail_writes[region->index])
        return KEDGE_E_FLASH;
    struct sim_op *op = record(sim, SIM_ERASE, region->index, offset, size);
    sim_erase(sim, sim->state, op, 0, size);
    return KEDGE_OK;
}

static enum kedge_rc sync_region(void *context)
{
    struct sim_region *region = context;
    if (region->sim->fail_writes[region->index])
        return KEDGE_E_FLASH;
    record(region->sim, SIM_SYNC, region->index, 0, 0);
    return KEDGE_OK;
}

/* ---- the folder ---- */

void sim_sync_folder(struct sim_flash *sim, uint32_t offset, uint32_t size)
{
    record(sim, SIM_SYNC, SIM_FOLDER, offset, size);
}

/* ---- making it ---- */

static uint32_t round_up(uint32_t value, uint32_t unit)
{
    return (value + unit - 1) / unit * unit;
}

uint32_t sim_erase_size(const struct sim_geometry *geometry, unsigned region)
{
    bool other = region == SIM_RECORD && geometry->record_erase_size != 0;
    return other ? geometry->record_erase_size : geometry->erase_size;
}

static uint32_t region_size(const struct sim_geometry *geometry, unsigned region,
                            uint32_t image_capacity)
{
    uint32_t erase = sim_erase_size(geometry, region);
    if (region >= SIM_ENVIRONMENT(0))
        return region < SIM_ENVIRONMENT(geometry->environment_copies) ? geometry->environment_size
                                                                      : 0;
    if (region == SIM_RECORD)
        return 2 * round_up(KEDGE_BOOT_RECORD_SIZE, erase);
    return round_up(KEDGE_SLOT_HEADER_SIZE + KEDGE_SUIT_HEAD_MAX, erase) +
           round_up(image_capacity, erase);
}

void sim_init(struct sim_flash *sim, const struct sim_geometry *geometry, uint32_t image_capacity)
{
    *sim = (struct sim_flash){.geometry = *geometry, .weak_op = SIZE_MAX};
    for (unsigned i = 0; i < SIM_REGIONS; i++) {
        sim->regions[i] =
            (struct sim_region){.sim = sim, .index = i, .base = (uint32_t)sim->bytes_size};
        sim->flash[i] = (struct kedge_flash){.context = &sim->regions[i],
                                             .size = region_size(geometry, i, image_capacity),
                                             .erase_size = sim_erase_size(geometry, i),
                                             .write_size = geometry->write_size,
                                             .erased_value = geometry->erased_value,
                                             .read = read_region,
                                             .write = write_region,
                                             .erase = erase_region,
                                             .sync = sync_region};
        sim->bytes_size += sim->flash[i].size;
    }
    sim->regions[SIM_FOLDER] =
        (struct sim_region){.sim = sim, .index = SIM_FOLDER, .base = (uint32_t)sim->bytes_size};
    sim->bytes_size += geometry->folder ? SIM_FOLDER_SIZE : 0;
    sim->state_size = sim->bytes_size + sim->bytes_size / geometry->write_size;
    sim->state = sim_allocate(sim->state_size);
    memset(sim->state, geometry->erased_value, sim->bytes_size);
    memset(sim->state + sim->bytes_size, 0, sim->state_size - sim->bytes_size);
    if (geometry->folder)
        memset(sim_bytes(sim, SIM_FOLDER), 0, SIM_FOLDER_SIZE);
}

void sim_free(struct sim_flash *sim)
{
    free(sim->state);
    free(sim->log);
    free(sim->data);
    *sim = (struct sim_flash){0};
}

void sim_clear_log(struct sim_flash *sim)
{
    sim->log_count = 0;
    sim->data_size = 0;
}

bool sim_is_unstable(const struct sim_flash *sim, unsigned region)
{
    const uint8_t *units = sim->state + sim->bytes_size;
    const uint32_t unit = sim->geometry.write_size;
    return memchr(units + sim->regions[region].base / unit, SIM_UNIT_UNSTABLE,
                  sim->flash[region].size / unit) != NULL;
}

uint8_t *sim_bytes(const struct sim_flash *sim, unsigned region)
{
    return sim->state + sim->regions[region].base;
}
