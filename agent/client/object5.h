/*
 * object5.h: the Firmware Update object at work: the state table of core/lwm2m drives a download,
 * the installer and the boot record, and each step is on disk before the server hears of it.
 */
#ifndef KEDGE_AGENT_OBJECT5_H
#define KEDGE_AGENT_OBJECT5_H

#include "agent/client/state_file.h"
#include "agent/fetch/fetch.h"
#include "agent/fetch/intake.h"
#include "agent/install/install.h"

struct kedge_object5 {
    /* The caller's, set before kedge_object5_start(). */
    const struct kedge_boot *boot;
    const struct kedge_clock *clock;
    struct kedge_fetch fetch; /* its first fields, see fetch.h */
    struct kedge_install_identity identity;
    const char *class_name;
    uint8_t slot; /* the running one */
    int folder;
    uint64_t patience_ms; /* of a download, or a push */
    uint64_t budget;      /* bytes that it may cost; 0: by its size, see budget.h */
    enum kedge_firmware_delivery delivery;

    struct kedge_agent_state state;
    struct kedge_install install;
    struct kedge_budget spending;                      /* of the download, or push, that is on */
    struct kedge_intake intake;                        /* of a package that is pushed */
    char version[KEDGE_SUIT_VERSION_TEXT_MAX];         /* of the running slot */
    char package_version[KEDGE_SUIT_VERSION_TEXT_MAX]; /* of what was or is being downloaded */
    int save_error; /* errno of the latest attempt to write the state file; 0: it is written */
    bool reboot_wanted;
    bool update_wanted;                       /* of the registration: a push has gone quiet */
    unsigned told_tenths;                     /* of the download, in the log */
    uint64_t downloaded_bytes, package_bytes; /* of a download; 0: not known */
};

/** What the agent has to do after the start, see reconcile.h. */
enum kedge_object5_start { KEDGE_OBJECT5_RUNS, KEDGE_OBJECT5_ON_TRIAL, KEDGE_OBJECT5_MUST_REBOOT };

/**
 * kedge_object5_start() loads the state file, brings it in line with the boot record, and takes a
 * download that was cut short up again; a push, from its first block when that comes.
 * KEDGE_E_NOT_FOUND when there is no factory firmware.
 */
enum kedge_rc kedge_object5_start(struct kedge_object5 *object,
                                  enum kedge_object5_start *start) KEDGE_MUST_USE;

/* What the server does to it; each answers with a CoAP code. */
uint8_t kedge_object5_write_uri(struct kedge_object5 *object, struct kedge_slice uri);
uint8_t kedge_object5_write_package(struct kedge_object5 *object, struct kedge_slice bytes);
uint8_t kedge_object5_take_block(struct kedge_object5 *object,
                                 const struct kedge_intake_block *block);
uint8_t kedge_object5_execute(struct kedge_object5 *object, uint16_t resource);
/** What resource 1, 3, 5, 6, 7, 8, 9 or 12 holds. */
enum kedge_rc kedge_object5_read(const struct kedge_object5 *object, uint16_t resource,
                                 size_t index, struct kedge_lwm2m_value *value) KEDGE_MUST_USE;

/** Carries a download on, or gives one up that does not get on; `wait_ms` is lowered to when this
 * wants to be called again. */
void kedge_object5_poll(struct kedge_object5 *object, coap_session_t *server,
                        const struct kedge_uri *server_uri, uint64_t *wait_ms);

/** The trial's two ends, written to the boot record; a reboot must follow a rejection. */
enum kedge_rc kedge_object5_confirm(struct kedge_object5 *object) KEDGE_MUST_USE;
void kedge_object5_reject(struct kedge_object5 *object, const char *reason);

/** Changes the status command's message, and the file when it is another one. */
void kedge_object5_message(struct kedge_object5 *object, const char *message);

/** Writes the state file once more, to see whether it can be written now (`save_error`). */
void kedge_object5_save(struct kedge_object5 *object);

/** Stops what runs; the state on disk stays as it is. */
void kedge_object5_stop(struct kedge_object5 *object);

#endif
