/* device.c: see device.h. */
#include "tests/powercut/device_parts.h"

#include "agent/client/trial.h"
#include "tests/powercut/sim_environment.h"
#include "tests/powercut/uboot_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_CAPACITY 8192u
#define LONG_IMAGE_CAPACITY 73728u
#define PIECE 1000u /* of a download: smaller than a frame, no multiple of a write unit */

/* A device whose bootloader is U-Boot. */
static void attach_uboot(struct device *device)
{
    unsigned copies = device->sim.geometry.environment_copies;
    sim_environment_attach(&device->sim);
    if (kedge_uboot_open(&device->uboot, sim_environment_config(copies),
                         sim_environment_defaults()) != KEDGE_OK) {
        fputs("the environment's files cannot be opened\n", stderr);
        abort();
    }
    device->boot.selector = &device->uboot.selector;
}

void device_init(struct device *device, const struct sim_geometry *geometry,
                 const struct package *packages, const struct kedge_public_key *key,
                 const struct plan *plan)
{
    struct sim_geometry with_folder = *geometry;
    memset(device, 0, sizeof *device);
    with_folder.folder = plan->fetches || plan->keeps_state;
    sim_init(&device->sim, &with_folder, plan->fetches ? LONG_IMAGE_CAPACITY : IMAGE_CAPACITY);
    device->trust = (struct kedge_suit_trust){.keys = key, .key_count = 1, .required = 1};
    device->boot = (struct kedge_boot){
        .record = &device->sim.flash[SIM_RECORD],
        .slots = {&device->sim.flash[SIM_SLOT(0)], &device->sim.flash[SIM_SLOT(1)]},
        .trust = &device->trust,
        .work = &device->work};
    kedge_vendor_uuid(kedge_slice_text("example.com"), device->identity.vendor);
    kedge_class_uuid(device->identity.vendor, kedge_slice_text("board-a"),
                     device->identity.class_id);
    device->packages = packages;
    device->plan = plan;
    if (geometry->environment_copies > 0)
        attach_uboot(device);
}

void device_free(struct device *device)
{
    sim_free(&device->sim);
}

/* ---- rules ---- */

bool device_broken(struct device *device, const char *words)
{
    if (device->violation[0] == '\0')
        snprintf(device->violation, sizeof device->violation, "%s", words);
    return false;
}

static bool is_broken(struct device *device)
{
    if (device->sim.violation != NULL)
        device_broken(device, device->sim.violation);
    return device->violation[0] != '\0';
}

void device_mark(struct device *device)
{
    if (device->mark_count == MARKS_MAX) {
        device_broken(device, "a session promises more than the simulator can hold");
        return;
    }
    device->marks[device->mark_count++] =
        (struct mark){.at = device->sim.log_count, .promises = device->promises};
}

static uint64_t highest(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static bool check_promises(struct device *device, const struct kedge_boot_record *record)
{
    const struct promises *promises = &device->promises;
    if (record->number < promises->record_number)
        return device_broken(device, "a boot record that was written is not there any more");
    if (record->floor < promises->floor)
        return device_broken(device, "the anti-rollback floor is lower than it was");
    if (record->floor > promises->ceiling)
        return device_broken(device, "the anti-rollback floor rose before a confirmation");
    return true;
}

/* What the record says was reported as written, or was found at power-on: it must last. */
static bool note_record(struct device *device, struct kedge_boot_record *record)
{
    if (kedge_boot_record_read(&device->boot, record) != KEDGE_OK)
        return device_broken(device, "the boot record is lost");
    if (device->promises.damaged != DAMAGE_FLASH && !check_promises(device, record))
        return false;
    device->promises.record_number = record->number;
    device->promises.floor = record->floor;
    device_mark(device);
    return true;
}

bool device_holds(const struct device *device, uint8_t slot, uint64_t sequence, uint64_t size)
{
    const struct kedge_flash *flash = device->boot.slots[slot];
    const uint8_t *bytes =
        sim_bytes(&device->sim, SIM_SLOT(slot)) + flash->size - kedge_slot_capacity(flash);
    for (size_t i = 0; i < PACKAGES; i++)
        if (device->packages[i].sequence == sequence)
            return size <= device->packages[i].image_size &&
                   memcmp(bytes, device->packages[i].image, (size_t)size) == 0;
    return false;
}

/* Whether the slot's bytes are an image as it was signed, whatever its header has come to. */
static bool holds_any(const struct device *device, uint8_t slot)
{
    for (size_t i = 0; i < PACKAGES; i++)
        if (device_holds(device, slot, device->packages[i].sequence,
                         device->packages[i].image_size))
            return true;
    return false;
}

/* What may run, before the bootloader has its say: a whole header, and the bytes that were signed.
 */
void device_look_at_slots(struct device *device)
{
    for (uint8_t slot = 0; slot < KEDGE_SLOTS; slot++) {
        bool whole =
            kedge_slot_manifest(device->boot.slots[slot], slot, &device->check) == KEDGE_OK;
        uint64_t sequence = whole ? device->check.manifest.sequence : 0;
        device->whole[slot] = whole;
        device->verified[slot] =
            whole && device_holds(device, slot, sequence, device->check.manifest.image_size)
                ? sequence
                : 0;
    }
}

/* A whole header always describes the bytes behind it, and a promised image is there. */
static bool check_slots(struct device *device)
{
    for (uint8_t slot = 0; slot < KEDGE_SLOTS; slot++) {
        uint64_t promised = device->promises.slot_sequence[slot];
        if (device->whole[slot] && device->verified[slot] == 0)
            return device_broken(device, "a whole header describes an image that is not there");
        if (promised != 0 && device->verified[slot] != promised)
            return device_broken(device, "an image that was installed is not there any more");
    }
    return true;
}

static bool check_record(struct device *device)
{
    struct kedge_boot_record record;
    if (!note_record(device, &record))
        return false;
    return device->verified[record.confirmed_slot] != 0 ||
           device_broken(device, "the confirmed slot, the way back, does not verify");
}

static bool anything_verifies(const struct device *device)
{
    return device->verified[0] != 0 || device->verified[1] != 0;
}

/* A device switched on before its factory was through: what verifies runs, and nothing else. */
static bool check_unfinished(struct device *device)
{
    struct kedge_boot_decision decision;
    uint8_t *kept = sim_allocate(device->sim.state_size);
    memcpy(kept, device->sim.state, device->sim.state_size);
    bool expected = anything_verifies(device);
    bool runs = kedge_boot_select(&device->boot, &decision) == KEDGE_OK;
    bool good = runs && device_holds(device, decision.slot, device->work.manifest.sequence,
                                     device->work.manifest.image_size);
    /* A header of which a cell is between two values may be seen now, and not the next time. */
    bool either = sim_is_unstable(&device->sim, SIM_SLOT(0)) && (good || !runs);
    memcpy(device->sim.state, kept, device->sim.state_size);
    sim_clear_log(&device->sim);
    free(kept);
    return (runs == expected && runs == good) || either ||
           device_broken(device, "an unfinished device does not boot as it should");
}

static bool check_power_on(struct device *device)
{
    device_look_at_slots(device);
    if (device->promises.damaged == DAMAGE_FLASH)
        return true;
    if (!check_slots(device))
        return false;
    return device->promises.factory_done != 0 ? check_record(device) : check_unfinished(device);
}

/* ---- what the device does ---- */

/* A failure is expected only where the simulator lets a written bit not hold, and in a factory
 * whose first record cannot make up its mind: that one is run again. */
bool device_failed(struct device *device, enum kedge_rc rc, const char *what)
{
    if (rc == KEDGE_OK)
        return false;
    bool again = device->promises.factory_done == 0 && sim_is_unstable(&device->sim, SIM_RECORD);
    if (device->sim.weak_op == SIZE_MAX && !again) {
        char words[120];
        snprintf(words, sizeof words, "%s: %s", what, kedge_rc_text(rc));
        device_broken(device, words);
    }
    return true;
}

static enum kedge_rc push_package(struct device *device, const struct package *package)
{
    for (size_t at = 0; at < package->size; at += PIECE) {
        size_t take = package->size - at < PIECE ? package->size - at : PIECE;
        KEDGE_TRY(kedge_install_push(&device->install, kedge_slice(package->bytes + at, take)));
    }
    return kedge_install_end(&device->install);
}

/* Lets the package come in at once, as in a factory or by a push. */
static bool take(struct device *device, uint8_t slot, const struct package *package)
{
    enum kedge_rc rc =
        kedge_install_begin(&device->install, &device->boot, &device->identity, slot);
    if (rc == KEDGE_OK)
        rc = push_package(device, package);
    if (rc != KEDGE_OK && device->promises.factory_done != 0)
        device_agent_applies(device, KEDGE_FIRMWARE_DOWNLOAD_FAILED, kedge_rc_update_result(rc),
                             kedge_rc_text(rc));
    return !device_failed(device, rc, "an installation failed");
}

static bool install(struct device *device, uint8_t slot, const struct package *package)
{
    bool fetches = device->plan->fetches && device->promises.factory_done != 0;
    device->promises.slot_sequence[slot] = 0;
    device_mark(device);
    if (fetches ? !device_download(device, slot, package) : !take(device, slot, package))
        return false;
    device->promises.slot_sequence[slot] = package->sequence;
    device_mark(device);
    return true;
}

static enum session_end factory(struct device *device)
{
    struct kedge_boot_record record;
    const struct package *package = &device->packages[0];
    enum kedge_rc rc = kedge_boot_blank(&device->boot);
    device->promises.ceiling = package->sequence;
    if (rc != KEDGE_OK && rc != KEDGE_E_EXISTS) {
        device_failed(device, rc, "a factory that was cut cannot go on");
        return SESSION_REBOOT;
    }
    if (rc == KEDGE_OK && !install(device, 0, package))
        return SESSION_REBOOT;
    if (rc == KEDGE_OK &&
        device_failed(device, kedge_boot_factory(&device->boot, 0), "the factory failed"))
        return SESSION_REBOOT;
    device->promises.factory_done = 1;
    note_record(device, &record);
    return SESSION_REBOOT;
}

/* The server learns how the update ended: the next step, or the same again after mere power cuts.
 */
static void learn(struct device *device, const struct kedge_boot_record *record)
{
    struct promises *promises = &device->promises;
    const struct plan *plan = device->plan;
    if (promises->step == plan->step_count)
        return;
    bool rolled_back = record->rolled_back_count > promises->rollbacks_seen;
    enum behaviour behaviour = plan->steps[promises->step].behaviour;
    bool healthy = behaviour == HEALTHY || behaviour == LATE;
    uint64_t wanted = device->packages[plan->steps[promises->step].package].sequence;
    promises->rollbacks_seen = record->rolled_back_count;
    if ((rolled_back && !healthy) || (healthy && device->work.manifest.sequence == wanted)) {
        promises->step++;
        promises->trial_boots = 0;
    }
}

/* What the server's command comes to: the package is in the slot, and nothing but a reboot is
 * left. */
static bool take_update(struct device *device, uint8_t spare, const struct package *package)
{
    if (!device_agent_has_package(device)) {
        device->promises.trial_boots = 0;
        device_mark(device);
        device_agent_is_offered(device, "coap://server/fw/package");
        if (!install(device, spare, package))
            return false;
        device_agent_applies(device, KEDGE_FIRMWARE_DOWNLOAD_DONE, KEDGE_RESULT_INITIAL, "");
    }
    device_agent_applies(device, KEDGE_FIRMWARE_UPDATE_EXECUTED, KEDGE_RESULT_INITIAL, "");
    enum kedge_rc rc = kedge_boot_activate(&device->boot, spare);
    if (!device_failed(device, rc, "an activation failed"))
        return true;
    device_agent_applies(device, KEDGE_FIRMWARE_INSTALL_FAILED, KEDGE_RESULT_FAILED,
                         kedge_rc_text(rc));
    return false;
}

static enum session_end run_confirmed(struct device *device, uint8_t slot)
{
    struct kedge_boot_record record;
    uint8_t spare = (uint8_t)(1 - slot);
    if (!note_record(device, &record))
        return SESSION_REBOOT;
    device_agent_starts(device, &record, slot);
    if (record.phase != KEDGE_BOOT_STEADY)
        return SESSION_REBOOT;
    learn(device, &record);
    device_mark(device);
    if (device->promises.step == device->plan->step_count)
        return SESSION_GOAL;
    const struct package *package =
        &device->packages[device->plan->steps[device->promises.step].package];
    if (take_update(device, spare, package))
        note_record(device, &record);
    return SESSION_REBOOT;
}

static enum kedge_rc confirm(struct device *device)
{
    device->promises.ceiling = highest(device->promises.ceiling, device->work.manifest.sequence);
    device_mark(device);
    KEDGE_TRY(kedge_boot_confirm(&device->boot));
    device_agent_has_confirmed(device);
    return KEDGE_OK;
}

static bool crashes(const struct device *device, enum behaviour behaviour)
{
    return behaviour == CRASHES || behaviour == MUTE || behaviour == BREAKS_OFF ||
           (behaviour == LATE && device->promises.trial_boots < KEDGE_BOOT_TRIAL_BOOTS);
}

/* The agent's own policy, on a clock that runs when it waits. A health command of firmware that
 * hangs never ends, and the trial's limit comes first. */
static enum kedge_rc end_trial(struct device *device, enum behaviour behaviour)
{
    const struct kedge_trial_policy policy = {
        .has_command = true, .command_limit_ms = 3600000, .limit_ms = 1800000};
    struct kedge_trial trial;
    uint64_t now_ms = 0, wait_ms;
    if (crashes(device, behaviour))
        return KEDGE_OK;
    kedge_trial_begin(&trial, &policy, now_ms);
    kedge_trial_server_reached(&trial);
    for (;;) {
        switch (kedge_trial_next(&trial, now_ms, &wait_ms)) {
        case KEDGE_TRIAL_RUN_HEALTH:
            kedge_trial_health_started(&trial, true, now_ms);
            if (behaviour != HANGS)
                kedge_trial_health_ended(&trial, behaviour == SICK ? 1 : 0, 0);
            break;
        case KEDGE_TRIAL_WAIT:
            now_ms += wait_ms;
            break;
        case KEDGE_TRIAL_CONFIRM:
            if (behaviour == SICK || behaviour == HANGS)
                device_broken(device, "firmware that is not well was confirmed");
            return confirm(device);
        case KEDGE_TRIAL_REJECT:
            return kedge_boot_reject(&device->boot,
                                     trial.out_of_time ? KEDGE_BOOT_REASON_TIME
                                                       : KEDGE_BOOT_REASON_HEALTH,
                                     trial.reason);
        default: /* a command that hangs is killed; nothing else is asked of a trial that runs */
            break;
        }
    }
}

static void count_trial_boot(struct device *device)
{
    device->promises.trial_boots++;
    device_mark(device);
    if (device->promises.trial_boots > KEDGE_BOOT_TRIAL_BOOTS &&
        device->promises.damaged == DAMAGE_NONE)
        device_broken(device, "an image ran on trial more often than three times");
}

static enum session_end run_on_trial(struct device *device)
{
    struct kedge_boot_record record;
    if (!note_record(device, &record))
        return SESSION_REBOOT;
    count_trial_boot(device);
    device_agent_starts(device, &record, (uint8_t)(1 - record.confirmed_slot));
    if (device->promises.step == device->plan->step_count) /* an old trial, back after damage */
        return SESSION_GOAL;
    enum behaviour behaviour = device->plan->steps[device->promises.step].behaviour;
    if (!device_failed(device, end_trial(device, behaviour), "a trial could not be ended"))
        note_record(device, &record);
    return SESSION_REBOOT;
}

static bool check_reason(struct device *device, enum kedge_boot_reason reason)
{
    bool expected = reason == KEDGE_BOOT_REASON_NONE || reason == KEDGE_BOOT_REASON_BOOTS;
    return expected || device->promises.damaged == DAMAGE_FLASH ||
           device_broken(device, kedge_boot_reason_text(reason));
}

/* A header of which a cell is between two values may not have been seen at power-on. */
static bool is_there(const struct device *device, uint8_t slot)
{
    return device->verified[slot] != 0 ||
           (sim_is_unstable(&device->sim, SIM_SLOT(slot)) &&
            device_holds(device, slot, device->work.manifest.sequence,
                         device->work.manifest.image_size));
}

static bool check_decision(struct device *device, const struct kedge_boot_decision *decision)
{
    if (decision->slot >= KEDGE_SLOTS || !is_there(device, decision->slot))
        return device_broken(device, "an image runs that does not verify");
    const uint64_t checked = device->verified[decision->slot];
    if (checked != 0 && checked != device->work.manifest.sequence)
        return device_broken(device, "another image runs than the one that was checked");
    if (!check_reason(device, decision->reason))
        return false;
    return !device_failed(device, decision->write_rc,
                          "the bootloader could not write its record") ||
           !is_broken(device);
}

/* A header of which a cell is between two values may verify at power-on, and then not: such a slot
 * is no loss, as nobody was told that it was written; but any other that verifies must run. */
static bool surely_verifies(const struct device *device)
{
    for (uint8_t slot = 0; slot < KEDGE_SLOTS; slot++)
        if (device->verified[slot] != 0 && !sim_is_unstable(&device->sim, SIM_SLOT(slot)))
            return true;
    return false;
}

static enum session_end boot(struct device *device)
{
    struct kedge_boot_decision decision;
    enum kedge_rc rc = kedge_boot_select(&device->boot, &decision);
    if (rc != KEDGE_OK && !surely_verifies(device) && device->promises.damaged == DAMAGE_FLASH)
        return SESSION_NOTHING_LEFT;
    if (rc != KEDGE_OK) {
        device_broken(device, "the bootloader finds nothing to run");
        return SESSION_REBOOT;
    }
    if (!check_decision(device, &decision))
        return SESSION_REBOOT;
    return decision.on_trial ? run_on_trial(device) : run_confirmed(device, decision.slot);
}

/* ---- a device whose bootloader is U-Boot ---- */

/* U-Boot does not look at what it has written: a count that was lost is a boot more. */
static bool save_environment(void *context, const struct kedge_selection *selection)
{
    struct device *device = context;
    enum kedge_rc rc = device->uboot.selector.write(&device->uboot, selection);
    if (rc == KEDGE_E_FLASH)
        device->promises.damaged = DAMAGE_ENVIRONMENT;
    return rc == KEDGE_OK || rc == KEDGE_E_FLASH;
}

/* The script looks for a header; the image behind it is U-Boot's to check, as signed FIT images
 * are. */
static uint8_t pick_by_environment(struct device *device)
{
    struct kedge_selection selection;
    bool loads[KEDGE_SLOTS];
    if (!sim_environment_boots(&device->sim))
        device_broken(device, "U-Boot's own variables are gone from its environment");
    if (device->uboot.selector.read(&device->uboot, &selection) != KEDGE_OK)
        selection.count = 0;
    for (uint8_t slot = 0; slot < KEDGE_SLOTS; slot++)
        loads[slot] = memcmp(sim_bytes(&device->sim, SIM_SLOT(slot)), "KEDG", 4) == 0 &&
                      (device->promises.damaged != DAMAGE_FLASH || holds_any(device, slot));
    return uboot_model_boot(&selection, loads, save_environment, device);
}

/* The agent of this image never gets as far as to say anything. */
static bool is_mute(const struct device *device, uint8_t slot)
{
    const struct plan *plan = device->plan;
    uint64_t step = device->promises.step;
    return step < plan->step_count && plan->steps[step].behaviour == MUTE &&
           device->verified[slot] == device->packages[plan->steps[step].package].sequence;
}

static bool check_start(struct device *device, const struct kedge_boot_start *start)
{
    return check_reason(device, start->reason) &&
           (!device_failed(device, start->write_rc,
                           "record and environment could not be written") ||
            !is_broken(device));
}

static enum session_end start_firmware(struct device *device, uint8_t slot)
{
    struct kedge_boot_start start;
    if (device_failed(device, kedge_boot_started(&device->boot, slot, &start),
                      "firmware cannot start") ||
        !check_start(device, &start))
        return SESSION_REBOOT;
    if (start.slot != slot)
        return SESSION_REBOOT;
    enum kedge_rc rc =
        kedge_slot_verify(device->boot.slots[slot], slot, &device->trust, &device->work);
    if (device->promises.damaged == DAMAGE_FLASH && !anything_verifies(device))
        return SESSION_NOTHING_LEFT;
    if (device_failed(device, rc, "an image runs that does not verify"))
        return SESSION_REBOOT;
    return start.on_trial ? run_on_trial(device) : run_confirmed(device, slot);
}

static enum session_end boot_by_uboot(struct device *device)
{
    uint8_t slot = pick_by_environment(device);
    if (slot == KEDGE_SLOT_NONE && !anything_verifies(device) &&
        device->promises.damaged == DAMAGE_FLASH)
        return SESSION_NOTHING_LEFT;
    if (slot == KEDGE_SLOT_NONE) {
        device_broken(device, "the bootloader finds nothing to run");
        return SESSION_REBOOT;
    }
    if (!holds_any(device, slot)) {
        device_broken(device, "an image runs that is not there as it was signed");
        return SESSION_REBOOT;
    }
    if (!is_mute(device, slot))
        return start_firmware(device, slot);
    count_trial_boot(device);
    bool only_this = device->verified[1 - slot] == 0;
    return only_this && device->promises.damaged == DAMAGE_FLASH ? SESSION_NOTHING_LEFT
                                                                 : SESSION_REBOOT;
}

/* Cells that are between two values read as something else in each session. */
static void draw_readings(struct device *device)
{
    bool unstable = false;
    for (unsigned region = 0; region < SIM_REGIONS; region++)
        unstable = unstable || sim_is_unstable(&device->sim, region);
    device->promises.lot = unstable ? device->promises.lot + 1 : 0;
    device->sim.readings = device->promises.lot * 1000;
}

enum session_end device_session(struct device *device)
{
    sim_clear_log(&device->sim);
    draw_readings(device);
    device->mark_count = 0;
    device_mark(device);
    enum session_end end = SESSION_REBOOT;
    if (check_power_on(device)) {
        if (device->promises.factory_done == 0)
            end = factory(device);
        else
            end = device->boot.selector != NULL ? boot_by_uboot(device) : boot(device);
    }
    is_broken(device);
    return end;
}
