/* state.c: the state folder: lock, and boot record and slots as files, or devices beside it. */
#define _POSIX_C_SOURCE 200809L
#include "agent/port/port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_FILE "boot.record"
#define LOCK_FILE "agent.lock"

static const char *const slot_files[KEDGE_SLOTS] = {"slot0.img", "slot1.img"};

/* A folder just made must not be gone after a cut, with the files that were synced into it. */
static enum kedge_rc sync_parent(int folder)
{
    int parent = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return KEDGE_E_SYSTEM;
    enum kedge_rc rc = fsync(parent) == 0 ? KEDGE_OK : KEDGE_E_SYSTEM;
    close(parent);
    return rc;
}

static enum kedge_rc open_folder(const char *path, bool make, int *folder)
{
    bool made = make && mkdir(path, 0700) == 0;
    if (make && !made && errno != EEXIST)
        return KEDGE_E_SYSTEM;
    *folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*folder < 0)
        return KEDGE_E_SYSTEM;
    return made ? sync_parent(*folder) : KEDGE_OK;
}

static enum kedge_rc open_region(const struct kedge_port_state *state,
                                 struct kedge_port_region *region, const char *device,
                                 enum kedge_port_use use, const char *name, uint32_t size,
                                 bool read_only)
{
    if (device == NULL)
        return kedge_port_flash_open(&region->file, state->folder, name, size, read_only);
    kedge_port_device_open(&region->device, device, use, read_only);
    return KEDGE_OK;
}

static enum kedge_rc open_regions(struct kedge_port_state *state,
                                  const struct kedge_port_places *places, bool read_only)
{
    uint32_t size = places->slot_size != 0 ? places->slot_size : KEDGE_PORT_SLOT_SIZE_DEFAULT;
    KEDGE_TRY(open_region(state, &state->record, places->record, KEDGE_PORT_RECORD, RECORD_FILE,
                          2 * KEDGE_PORT_ERASE_SIZE, read_only));
    for (size_t i = 0; i < KEDGE_SLOTS; i++)
        KEDGE_TRY(open_region(state, &state->slots[i], places->slots[i], KEDGE_PORT_SLOT,
                              slot_files[i], size, read_only));
    return KEDGE_OK;
}

/* An update of one of them would be written over the other. */
static enum kedge_rc check_apart(struct kedge_port_state *state, const struct kedge_port_region *a,
                                 const struct kedge_port_region *b)
{
    if (!kedge_port_devices_overlap(&a->device, &b->device))
        return KEDGE_OK;
    snprintf(state->trouble, sizeof state->trouble, "%.100s is %.100s, or in it, or around it",
             a->device.path, b->device.path);
    return KEDGE_E_CONFLICT;
}

static enum kedge_rc check_all_apart(struct kedge_port_state *state)
{
    KEDGE_TRY(check_apart(state, &state->slots[0], &state->slots[1]));
    for (size_t i = 0; i < KEDGE_SLOTS; i++)
        KEDGE_TRY(check_apart(state, &state->record, &state->slots[i]));
    return KEDGE_OK;
}

static struct kedge_flash *flash_of(struct kedge_port_region *region)
{
    return region->device.path != NULL ? &region->device.flash : &region->file.flash;
}

static void begin_region(struct kedge_port_region *region)
{
    region->file.file = -1;
    region->device = (struct kedge_port_device){.reading = -1, .writing = -1};
}

enum kedge_rc kedge_port_state_open(struct kedge_port_state *state, const char *path,
                                    const struct kedge_suit_trust *trust,
                                    const struct kedge_port_places *places,
                                    enum kedge_port_access access)
{
    static const struct kedge_port_places files = {0};
    bool read_only = access == KEDGE_PORT_READ_ONLY;
    state->folder = -1;
    state->lock = -1;
    state->trouble[0] = '\0';
    begin_region(&state->record);
    for (size_t i = 0; i < KEDGE_SLOTS; i++)
        begin_region(&state->slots[i]);
    enum kedge_rc rc = open_folder(path, !read_only, &state->folder);
    if (rc == KEDGE_OK && !read_only)
        rc = kedge_port_lock(state->folder, LOCK_FILE, &state->lock);
    if (rc == KEDGE_OK)
        rc = open_regions(state, places != NULL ? places : &files, read_only);
    if (rc == KEDGE_OK)
        rc = check_all_apart(state);
    if (rc != KEDGE_OK) {
        int saved = errno;
        kedge_port_state_close(state);
        errno = saved;
        return rc;
    }
    state->boot =
        (struct kedge_boot){.record = flash_of(&state->record),
                            .slots = {flash_of(&state->slots[0]), flash_of(&state->slots[1])},
                            .trust = trust,
                            .work = &state->work};
    return KEDGE_OK;
}

static void close_region(struct kedge_port_region *region)
{
    kedge_port_flash_close(&region->file);
    kedge_port_device_close(&region->device);
}

void kedge_port_state_close(struct kedge_port_state *state)
{
    close_region(&state->record);
    for (size_t i = 0; i < KEDGE_SLOTS; i++)
        close_region(&state->slots[i]);
    if (state->lock >= 0)
        close(state->lock);
    state->lock = -1;
    if (state->folder >= 0)
        close(state->folder);
    state->folder = -1;
}

const char *kedge_port_state_words(const struct kedge_port_state *state, enum kedge_rc rc)
{
    if (rc == KEDGE_E_CONFLICT)
        return state->trouble;
    return rc == KEDGE_E_SYSTEM ? strerror(errno) : kedge_rc_text(rc);
}

const char *kedge_port_state_trouble(const struct kedge_port_state *state)
{
    const struct kedge_port_device *devices[] = {&state->record.device, &state->slots[0].device,
                                                 &state->slots[1].device};
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++)
        if (devices[i]->trouble[0] != '\0')
            return devices[i]->trouble;
    return NULL;
}

enum kedge_rc kedge_port_slot_ready(struct kedge_port_state *state, uint8_t slot,
                                    const char **words)
{
    struct kedge_port_device *device = &state->slots[slot].device;
    *words = device->trouble;
    return device->path == NULL ? KEDGE_OK : kedge_port_device_ready(device);
}
