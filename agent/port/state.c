/* state.c: the state folder: lock, boot record and slots as files. */
#define _POSIX_C_SOURCE 200809L
#include "agent/port/port.h"

#include <errno.h>
#include <fcntl.h>
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

static enum kedge_rc open_flash(struct kedge_port_state *state, uint32_t slot_size, bool read_only)
{
    KEDGE_TRY(kedge_port_flash_open(&state->record, state->folder, RECORD_FILE,
                                    2 * KEDGE_PORT_ERASE_SIZE, read_only));
    for (size_t i = 0; i < KEDGE_SLOTS; i++)
        KEDGE_TRY(kedge_port_flash_open(&state->slots[i], state->folder, slot_files[i], slot_size,
                                        read_only));
    return KEDGE_OK;
}

enum kedge_rc kedge_port_state_open(struct kedge_port_state *state, const char *path,
                                    const struct kedge_suit_trust *trust, uint32_t slot_size,
                                    enum kedge_port_access access)
{
    bool read_only = access == KEDGE_PORT_READ_ONLY;
    uint32_t size = slot_size != 0 ? slot_size : KEDGE_PORT_SLOT_SIZE_DEFAULT;
    state->folder = -1;
    state->lock = -1;
    state->record.file = -1;
    state->slots[0].file = -1;
    state->slots[1].file = -1;
    enum kedge_rc rc = open_folder(path, !read_only, &state->folder);
    if (rc == KEDGE_OK && !read_only)
        rc = kedge_port_lock(state->folder, LOCK_FILE, &state->lock);
    if (rc == KEDGE_OK)
        rc = open_flash(state, size, read_only);
    if (rc != KEDGE_OK) {
        int saved = errno;
        kedge_port_state_close(state);
        errno = saved;
        return rc;
    }
    state->boot = (struct kedge_boot){.record = &state->record.flash,
                                      .slots = {&state->slots[0].flash, &state->slots[1].flash},
                                      .trust = trust,
                                      .work = &state->work};
    return KEDGE_OK;
}

void kedge_port_state_close(struct kedge_port_state *state)
{
    kedge_port_flash_close(&state->record);
    for (size_t i = 0; i < KEDGE_SLOTS; i++)
        kedge_port_flash_close(&state->slots[i]);
    if (state->lock >= 0)
        close(state->lock);
    state->lock = -1;
    if (state->folder >= 0)
        close(state->folder);
    state->folder = -1;
}
