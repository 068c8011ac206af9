/*
 * device.h: a simulated device: what its factory, its bootloader and its firmware do in one
 * session, from power-on to the reboot, with the real core/boot and agent/install; and what must be
 * true of its flash whenever the power comes on.
 */
#ifndef KEDGE_TESTS_POWERCUT_DEVICE_H
#define KEDGE_TESTS_POWERCUT_DEVICE_H

#include "agent/client/resumption.h"
#include "agent/client/state_file.h"
#include "agent/fetch/download.h"
#include "agent/port/uboot.h"
#include "tests/powercut/sim_folder.h"

#define PACKAGES 3 /* the factory's, and two updates */
#define STEPS_MAX 2
#define MARKS_MAX 32

/* What new firmware does with its trial. */
enum behaviour {
    HEALTHY,   /* confirms */
    SICK,      /* rejects itself */
    CRASHES,   /* ends, each time: three boots */
    HANGS,     /* does nothing: the bootloader's trial limit */
    LATE,      /* crashes twice, and confirms at the third boot */
    MUTE,      /* ends before its agent starts: only another bootloader's count moves */
    BREAKS_OFF /* is never whole: the download ends in its last frame, and the next step follows */
};

/** What the server offers, one after the other; the factory's package is number 0. */
struct plan {
    const char *name;
    bool cut_factory; /* cuts begin at the blank flash, not behind the factory */
    bool fetches;     /* updates of several frames, from one URI, gone on with after a cut */
    bool keeps_state; /* its agent has a state file, and what it tells the server must be true */
    size_t step_count;
    struct {
        unsigned package;
        enum behaviour behaviour;
    } steps[STEPS_MAX];
};

/** A package in memory. */
struct package {
    uint64_t sequence;
    uint8_t *bytes;
    size_t size;
    uint8_t *image; /* what a slot must hold, byte by byte, when it says that it holds this one */
    size_t image_size;
};

/**
 * What the device was told is done, and so must last: kept by the simulator across cuts, as no
 * flash can. Part of what makes two states different.
 */
struct promises {
    uint64_t record_number;              /* of the newest record known to be written */
    uint64_t floor;                      /* the highest it has been */
    uint64_t ceiling;                    /* the highest sequence that anybody asked to confirm */
    uint64_t slot_sequence[KEDGE_SLOTS]; /* of the image that the slot verifies with; 0: none */
    uint64_t rollbacks_seen;             /* by the server */
    uint64_t step;                       /* of the plan */
    uint64_t trial_boots;                /* of the present trial, as they happened */
    uint64_t factory_done;
    uint64_t lot;  /* no promise: what unstable units read as in the next session */
    uint64_t kept; /* bytes of the image that a download is gone on with behind; 0: begins anew */
    uint64_t agent_kept;  /* the agent's state file was saved once */
    uint64_t agent_state; /* the State that it says at least */
    uint64_t told;        /* how the latest update ended, as an Update Result */
    uint64_t damaged;     /* of enum damage: a bit was flipped at rest */
};

enum damage {
    DAMAGE_NONE,
    DAMAGE_FLASH,       /* in record or slots: only what must boot is asked for */
    DAMAGE_ENVIRONMENT, /* in U-Boot's environment: an older one may be back */
    DAMAGE_STATE        /* in the agent's state file: what was on its way may be forgotten */
};

/** A moment in a session: what had been promised when `at` operations had been done. */
struct mark {
    size_t at;
    struct promises promises;
};

enum session_end { SESSION_REBOOT, SESSION_GOAL, SESSION_NOTHING_LEFT };

struct device {
    struct sim_flash sim;
    struct kedge_suit_trust trust;
    struct kedge_boot boot;
    struct kedge_uboot uboot; /* where the geometry has an environment for it */
    struct kedge_slot_image work, check;
    struct kedge_install install;
    struct kedge_install_identity identity;
    struct kedge_resumption resumption;
    struct kedge_agent_state agent;
    struct kedge_download download;
    const struct package *served; /* by that download */
    uint64_t now_ms;
    const struct package *packages;
    const struct plan *plan;
    struct promises promises;
    bool whole[KEDGE_SLOTS];        /* at power-on: the slot has a whole header */
    uint64_t verified[KEDGE_SLOTS]; /* and the sequence of the image that is there; 0: none */
    struct mark marks[MARKS_MAX];
    size_t mark_count;
    char violation[160]; /* the first rule that was broken; "" when none was */
};

/** Makes the packages, once for all devices, the updates of one frame or (`several`) of three; the
 * key that signed them. */
void packages_make(struct package packages[PACKAGES], bool several, struct kedge_public_key *key);
void packages_free(struct package packages[PACKAGES]);

void device_init(struct device *device, const struct sim_geometry *geometry,
                 const struct package *packages, const struct kedge_public_key *key,
                 const struct plan *plan);
void device_free(struct device *device);

/**
 * device_session() runs from power-on to the next reboot on the state and the promises that are in
 * `device`, checking as it goes; the log and the marks tell what happened. NOTHING_LEFT only when
 * the flash was damaged and no image is left that verifies.
 */
enum session_end device_session(struct device *device);

/** Finds `whole` and `verified` of what the flash holds. */
void device_look_at_slots(struct device *device);

#endif
