/*
 * object5.h: the Firmware Update object at work: the state table of core/lwm2m drives a download,
 * the installer and the boot record, and each step is on disk before the server hears of it.
 */
#ifndef KEDGE_AGENT_OBJECT5_H
#define KEDGE_AGENT_OBJECT5_H

#include "agent/client/hooks.h"
#include "agent/client/resumption.h"
#include "agent/client/state_file.h"
#include "agent/fetch/fetch.h"
#include "agent/fetch/intake.h"
#include "agent/install/install.h"
#include "agent/port/port.h"

/** How far an update that was executed has come. */
enum kedge_update_stage {
    KEDGE_UPDATE_NOTHING,
    KEDGE_UPDATE_INSTALL, /* the pre-install hook runs, or is to */
    KEDGE_UPDATE_SWITCH,  /* the boot record is to be written */
    KEDGE_UPDATE_REBOOT,  /* the pre-reboot hook runs, or is to */
    KEDGE_UPDATE_LEAVE    /* only the reboot is left */
};

struct kedge_object5 {
    /* The caller's, set before kedge_object5_start(). */
    const struct kedge_boot *boot;
    struct kedge_port_state *port; /* where `boot` has its slots */
    const struct kedge_clock *clock;
    struct kedge_fetch fetch; /* its first fields, see fetch.h */
    struct kedge_install_identity identity;
    const char *class_name;
    uint8_t slot; /* the running one */
    int folder;
    uint64_t patience_ms; /* of a download, or a push */
    uint64_t budget;      /* bytes that it may cost; 0: by its size, see budget.h */
    enum kedge_firmware_delivery delivery;
    bool asks_consent; /* of the device's own software, before an update */
    struct kedge_hooks hooks;

    struct kedge_agent_state state;
    struct kedge_install install;
    struct kedge_resumption resumption;                /* of a download */
    struct kedge_budget spending;                      /* of the download, or push, that is on */
    struct kedge_intake intake;                        /* of a package that is pushed */
    char version[KEDGE_SUIT_VERSION_TEXT_MAX];         /* of the running slot */
    char package_version[KEDGE_SUIT_VERSION_TEXT_MAX]; /* of what was or is being downloaded */
    int save_error; /* errno of the latest attempt to write the state file; 0: it is written */
    enum kedge_update_stage stage;
    struct kedge_consent_clock consent_clock;
    uint64_t go_on_at_ms; /* not before this is it tried again */
    bool reboot_wanted;
    bool update_wanted;      /* of the registration: a push, or a download, has gone quiet */
    uint64_t quiet_since_ms; /* when that was last wanted for a download */
    unsigned told_tenths;    /* of the download, in the log */
    uint64_t downloaded_bytes, package_bytes; /* of a download; 0: not known */
    struct kedge_agent_state held_from;       /* while a write is held: what it began with */
    bool held, saved_since;
};

/** What the agent has to do after the start, see reconcile.h. */
enum kedge_object5_start { KEDGE_OBJECT5_RUNS, KEDGE_OBJECT5_ON_TRIAL, KEDGE_OBJECT5_MUST_REBOOT };

/**
 * kedge_object5_start() loads the state file, brings it in line with the boot record, and takes a
 * download that was cut short up again, see resumption.h; a push, from its first block when that
 * comes.
 * KEDGE_E_NOT_FOUND when there is no factory firmware.
 */
enum kedge_rc kedge_object5_start(struct kedge_object5 *object,
                                  enum kedge_object5_start *start) KEDGE_MUST_USE;

/* What the server does to it; each answers with a CoAP code. */
uint8_t kedge_object5_write_uri(struct kedge_object5 *object, struct kedge_slice uri);
/** Whether resource 0, 1, 11 or 13 can be `value` at all; a package and its URI are judged when
 * they are written. */
bool kedge_object5_value_fits(uint16_t resource, const struct kedge_lwm2m_value *value);
/** Severity and maximum defer period are what they are until they are written; held. */
void kedge_object5_unset(struct kedge_object5 *object);
/**
 * kedge_object5_hold() begins a write: what a server sets in `state` (severity, maximum defer
 * period, access) is in memory alone until kedge_object5_release() has put it on the disk: 2.04.
 * Where that fails it answers 5.00, and then or without `keep` it is all as it was.
 */
void kedge_object5_hold(struct kedge_object5 *object);
uint8_t kedge_object5_release(struct kedge_object5 *object, bool keep);
/** Writes resource 0 or 1 at once, 11 or 13 held, with a value that fits. */
uint8_t kedge_object5_write(struct kedge_object5 *object, uint16_t resource,
                            const struct kedge_lwm2m_value *value);
uint8_t kedge_object5_write_package(struct kedge_object5 *object, struct kedge_slice bytes);
uint8_t kedge_object5_take_block(struct kedge_object5 *object,
                                 const struct kedge_intake_block *block);
uint8_t kedge_object5_execute(struct kedge_object5 *object, uint16_t resource);
/** What resource 1, 3, 5, 6, 7, 8, 9, 11, 12 or 13 holds. */
enum kedge_rc kedge_object5_read(const struct kedge_object5 *object, uint16_t resource,
                                 size_t index, struct kedge_lwm2m_value *value) KEDGE_MUST_USE;

/** How much of the package has come, in percent: 0 too where its size is not known. In steps that a
 * server can be told of one by one, however fast it comes. */
unsigned kedge_object5_percent(const struct kedge_object5 *object);

/** Carries an update that was executed on, or a download, or gives one up that does not get on;
 * `wait_ms` is lowered to when this wants to be called again. */
void kedge_object5_poll(struct kedge_object5 *object, const struct kedge_pull_server *server,
                        uint64_t *wait_ms);

/** The trial's two ends, written to the boot record; a reboot must follow a rejection. */
enum kedge_rc kedge_object5_confirm(struct kedge_object5 *object) KEDGE_MUST_USE;
void kedge_object5_reject(struct kedge_object5 *object, enum kedge_boot_reason reason,
                          const char *text);

/** Has the device restarted, after the pre-reboot hook. */
void kedge_object5_reboot(struct kedge_object5 *object);

/* What the device's own software says to an update that waits for it; NULL, or why it is no use. */
const char *kedge_object5_accept(struct kedge_object5 *object);
/** `for_s`: KEDGE_CONSENT_NO_LIMIT for as long as the server lets it. */
const char *kedge_object5_defer(struct kedge_object5 *object, uint64_t for_s);
/** How many seconds it may still wait; KEDGE_CONSENT_NO_LIMIT. Means nothing when none waits. */
uint64_t kedge_object5_consent_left_s(const struct kedge_object5 *object);

/** Changes the status command's message, and the file when it is another one. */
void kedge_object5_message(struct kedge_object5 *object, const char *message);

/** Writes the state file once more, to see whether it can be written now (`save_error`). */
void kedge_object5_save(struct kedge_object5 *object);

/** What `fetch.context` was is gone, or (NULL) about to go: a download goes on in the new one. */
void kedge_object5_attach(struct kedge_object5 *object, coap_context_t *context);

/** Stops what runs; the state on disk stays as it is, and a download can be gone on with. */
void kedge_object5_stop(struct kedge_object5 *object);

#endif
