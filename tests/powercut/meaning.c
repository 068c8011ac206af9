/* meaning.c: see meaning.h. */
#include "tests/powercut/meaning.h"

#include "tests/powercut/visited.h"

#include <string.h>

#define RECORD_COPIES 2
#define LOTS 8 /* ways in which cells between two values read, of all that there are */

static uint64_t add(uint64_t hash, uint64_t value)
{
    return visited_hash(hash, &value, sizeof value);
}

static enum kedge_rc read_copy(struct device *device, unsigned copy,
                               struct kedge_boot_record *record)
{
    const struct kedge_flash *flash = device->boot.record;
    uint8_t bytes[KEDGE_BOOT_RECORD_SIZE];
    KEDGE_TRY(
        flash->read(flash->context, copy * (flash->size / RECORD_COPIES), bytes, sizeof bytes));
    return kedge_boot_record_decode(kedge_slice(bytes, sizeof bytes), record);
}

/* Of a whole record all but its number and its counters; of one that is none, why. */
static uint64_t add_record(uint64_t hash, struct device *device, enum kedge_rc rc,
                           const struct kedge_boot_record *record, uint64_t newest)
{
    hash = add(hash, rc);
    if (rc != KEDGE_OK)
        return hash;
    hash = add(hash, newest - record->number);
    hash = add(hash, record->phase);
    hash = add(hash, record->confirmed_slot | (uint64_t)record->trial_slot << 8 |
                         (uint64_t)record->boots_used << 16 | (uint64_t)record->outcome << 24 |
                         (uint64_t)record->reason << 32);
    hash = add(hash, record->floor);
    hash = add(hash, record->trial_sequence);
    hash = add(hash, record->rolled_back_count > device->promises.rollbacks_seen);
    return visited_hash(hash, record->text, strlen(record->text));
}

static uint64_t add_records(uint64_t hash, struct device *device)
{
    struct kedge_boot_record records[RECORD_COPIES];
    enum kedge_rc rc[RECORD_COPIES];
    uint64_t newest = 0;
    for (unsigned copy = 0; copy < RECORD_COPIES; copy++) {
        rc[copy] = read_copy(device, copy, &records[copy]);
        if (rc[copy] == KEDGE_OK && records[copy].number > newest)
            newest = records[copy].number;
    }
    for (unsigned copy = 0; copy < RECORD_COPIES; copy++)
        hash = add_record(hash, device, rc[copy], &records[copy], newest);
    return add(hash, newest - device->promises.record_number);
}

static uint64_t add_slots(uint64_t hash, struct device *device)
{
    device_look_at_slots(device);
    for (unsigned slot = 0; slot < KEDGE_SLOTS; slot++) {
        hash = add(hash, device->whole[slot]);
        hash = add(hash, device->verified[slot]);
    }
    return hash;
}

static uint64_t add_promises(uint64_t hash, const struct promises *promises)
{
    const uint64_t kept[] = {promises->floor,
                             promises->ceiling,
                             promises->slot_sequence[0],
                             promises->slot_sequence[1],
                             promises->step,
                             promises->trial_boots,
                             promises->factory_done,
                             promises->lot % LOTS,
                             promises->damaged};
    return visited_hash(hash, kept, sizeof kept);
}

/* Cells that are between two values count as both: as if all had moved, and as if none had. */
uint64_t meaning_hash(struct device *device)
{
    const enum sim_reading readings[] = {SIM_READ_WRITTEN, SIM_READ_ERASED};
    uint64_t hash = add_promises(1, &device->promises);
    bool any = false;
    for (unsigned region = 0; region < SIM_REGIONS; region++) {
        bool unstable = sim_is_unstable(&device->sim, region);
        hash = add(hash, unstable);
        any |= unstable;
    }
    for (size_t i = 0; i < (any ? 2 : 1); i++) {
        device->sim.reading = readings[i];
        hash = add_records(hash, device);
        hash = add_slots(hash, device);
    }
    device->sim.reading = SIM_READ_BY_LOT;
    return hash;
}
