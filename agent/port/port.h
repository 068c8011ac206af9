/*
 * port.h: Linux under the agent and the reference bootloader: a folder of files, and devices, as
 * flash, trusted keys from PEM files, clock and random, and what kedge-boot and its agent say to
 * each other.
 *
 * The state folder holds boot.record, slot0.img, slot1.img (flash with 4096-byte erase units and
 * write unit 1, erased value 0x00, so that an erased slot is a hole and takes no room), agent.lock
 * and boot.lock. Other files in it are the agent's own. Each of the first three may be a device
 * instead: device.h.
 */
#ifndef KEDGE_AGENT_PORT_H
#define KEDGE_AGENT_PORT_H

#include "agent/port/device.h"

#include <kedge/boot.h>

/* ---- between kedge-boot and the agent it starts ---- */

#define KEDGE_BOOT_EXIT_REBOOT 75        /* the exit status by which an agent asks for a reboot */
#define KEDGE_BOOT_ENV_SLOT "KEDGE_SLOT" /* "0" or "1": which slot is running */
#define KEDGE_BOOT_ENV_TRIAL "KEDGE_BOOT_TRIAL" /* "1" while that slot is on trial, else "0" */

/**
 * kedge_port_running() reads those two variables. KEDGE_E_NOT_FOUND when the agent was not started
 * by kedge-boot, KEDGE_E_ARGUMENT when they make no sense.
 */
enum kedge_rc kedge_port_running(uint8_t *slot, bool *on_trial) KEDGE_MUST_USE;

/* ---- trusted keys ---- */

#define KEDGE_PORT_TRUST_MAX 16u
#define KEDGE_PORT_PEM_MAX 8192u

/** The keys and the trust record over them. Do not copy it: `trust` points into it. */
struct kedge_port_trust {
    struct kedge_public_key keys[KEDGE_PORT_TRUST_MAX];
    struct kedge_suit_trust trust;
};

/** kedge_port_trust_init() begins with no key, one signature required. */
void kedge_port_trust_init(struct kedge_port_trust *trust, bool allow_development_keys);
/**
 * Adds the public key in the PEM file at `path`; the same key twice counts once. KEDGE_E_SYSTEM
 * with errno when it cannot be read, KEDGE_E_KEY when it holds no key, KEDGE_E_LIMIT when there are
 * KEDGE_PORT_TRUST_MAX already.
 */
enum kedge_rc kedge_port_trust_add(struct kedge_port_trust *trust, const char *path) KEDGE_MUST_USE;

/* ---- a file as flash ---- */

struct kedge_port_flash {
    int file;
    bool read_only;
    struct kedge_flash flash;
};

/**
 * kedge_port_flash_open() opens or makes the file `name` in the open folder `folder`. A file that
 * exists keeps its size (rounded down to erase units); a new one is `size` bytes, all erased.
 * KEDGE_E_SYSTEM with errno. When `read_only`, the file must exist, and writing is KEDGE_E_SYSTEM.
 */
enum kedge_rc kedge_port_flash_open(struct kedge_port_flash *flash, int folder, const char *name,
                                    uint32_t size, bool read_only) KEDGE_MUST_USE;
void kedge_port_flash_close(struct kedge_port_flash *flash);

/* ---- the state folder ---- */

#define KEDGE_PORT_ERASE_SIZE 4096u
#define KEDGE_PORT_SLOT_SIZE_DEFAULT (64u * 1024u * 1024u)

enum kedge_port_access {
    KEDGE_PORT_EXCLUSIVE, /* the agent, or kedge-boot while no agent runs: holds agent.lock */
    KEDGE_PORT_READ_ONLY  /* looks only, beside whoever runs; no lock; makes nothing */
};

/** Paths of devices; NULL: a file in the state folder. The caller's, for as long as it is open. */
struct kedge_port_places {
    const char *record;
    const char *slots[KEDGE_SLOTS];
    uint32_t slot_size; /* of slots that are made as files; 0: the default */
};

/** A boot record or a slot: `device.path` says which of the two it is. */
struct kedge_port_region {
    struct kedge_port_flash file;
    struct kedge_port_device device;
};

/** An open state folder. Do not copy it: `boot` points into it. */
struct kedge_port_state {
    int folder;
    int lock;
    struct kedge_port_region record;
    struct kedge_port_region slots[KEDGE_SLOTS];
    char trouble[KEDGE_PORT_DEVICE_WORDS_MAX]; /* what KEDGE_E_CONFLICT is about */
    struct kedge_slot_image work;
    struct kedge_boot boot;
};

/**
 * kedge_port_state_open() opens the folder at `path`, and unless read-only makes it and its files
 * where they are missing. `places` (NULL: all are files) and `trust` stay the caller's and must
 * outlive the state. KEDGE_E_BUSY when another process holds the lock; KEDGE_E_CONFLICT, with
 * `trouble`, when two of the devices are one; KEDGE_E_SYSTEM with errno otherwise. On failure
 * nothing stays open. A device that is of no use is no failure: kedge_port_state_trouble().
 */
enum kedge_rc kedge_port_state_open(struct kedge_port_state *state, const char *path,
                                    const struct kedge_suit_trust *trust,
                                    const struct kedge_port_places *places,
                                    enum kedge_port_access access) KEDGE_MUST_USE;
/** What is said of a kedge_port_state_open() that failed with `rc`, errno still being its own. */
const char *kedge_port_state_words(const struct kedge_port_state *state, enum kedge_rc rc);
/** The words about the first device that is of no use; NULL when there is none. */
const char *kedge_port_state_trouble(const struct kedge_port_state *state);
/**
 * kedge_port_slot_ready() sees to it that `slot` can be written, before it is: a device is opened
 * anew and claimed. KEDGE_E_SYSTEM with `words` (the state's) when that does not work.
 */
enum kedge_rc kedge_port_slot_ready(struct kedge_port_state *state, uint8_t slot,
                                    const char **words) KEDGE_MUST_USE;
/** Closes it and gives the lock back; may be called again. */
void kedge_port_state_close(struct kedge_port_state *state);

/* Takes the lock file `name` in `folder` without waiting: KEDGE_E_BUSY when another has it. */
enum kedge_rc kedge_port_lock(int folder, const char *name, int *lock) KEDGE_MUST_USE;

/* ---- clock and random ---- */

/** CLOCK_BOOTTIME and CLOCK_REALTIME. Static storage. */
const struct kedge_clock *kedge_port_clock(void);
/** getrandom(2); KEDGE_E_SYSTEM when it fails. Static storage. */
const struct kedge_random *kedge_port_random(void);

#endif
