/*
 * state_file.h: what the agent must still know after a restart: object 5 and the words to it.
 *
 * One file, agent.state: "KAS1", a CBOR map, CRC-32 over both. It is replaced as a whole (write,
 * sync, rename, sync the folder), so a cut leaves the old one or the new one. The boot record, not
 * this file, decides what runs; see reconcile.h. Keys that a later agent added are skipped, so that
 * the agent that a rollback brings back still knows its words; it drops them when it next saves.
 */
#ifndef KEDGE_AGENT_STATE_FILE_H
#define KEDGE_AGENT_STATE_FILE_H

#include "agent/client/access.h"
#include "agent/client/consent.h"
#include "agent/client/record_file.h"

#include <kedge/lwm2m.h>

#define KEDGE_AGENT_STATE_FILE "agent.state"
#define KEDGE_AGENT_STATE_SIZE_MAX 2048u

struct kedge_agent_state {
    enum kedge_firmware_state state;
    int result;
    uint64_t changed_at_s; /* Unix time of the last change of `state` */
    uint64_t boot_number;  /* of the boot record that `state` takes into account */
    uint64_t begun;        /* how often the download of `uri` was begun, restarts included */
    uint64_t spent;        /* bytes that this download counts as having cost, see budget.h */
    char uri[KEDGE_LWM2M_STRING_MAX + 1];
    char reason[KEDGE_LWM2M_STRING_MAX + 1];  /* why the last update failed; "" when none did */
    char message[KEDGE_LWM2M_STRING_MAX + 1]; /* for the status command: what it is doing */
    char endpoint[KEDGE_LWM2M_ENDPOINT_MAX + 1];
    uint64_t severity;       /* /5/0/11, of enum kedge_severity */
    uint64_t defer_period_s; /* /5/0/13; KEDGE_CONSENT_NO_LIMIT: never written */
    struct kedge_consent consent;
    bool post_install_due;      /* the hook, once the update that was executed has ended */
    struct kedge_access access; /* as an owner has written it; no instances: none has */
    uint32_t access_mark;       /* of the account that it belongs to, see access_object.h */
};

/** kedge_agent_state_init() is a device to which nothing has happened yet. */
void kedge_agent_state_init(struct kedge_agent_state *state);

enum kedge_rc kedge_agent_state_encode(const struct kedge_agent_state *state,
                                       struct kedge_writer *out) KEDGE_MUST_USE;
/**
 * KEDGE_E_MALFORMED and the like unless every byte is right, KEDGE_E_LIMIT for more than 23 keys;
 * `state` is then as by _init(). Unsigned keys after the last known one are skipped.
 */
enum kedge_rc kedge_agent_state_decode(struct kedge_slice bytes,
                                       struct kedge_agent_state *state) KEDGE_MUST_USE;

/**
 * kedge_agent_state_load_in() reads the file in `folder`. KEDGE_E_NOT_FOUND when there is none
 * yet, KEDGE_E_SYSTEM when it cannot be read, a result of decoding when it is damaged; `state` is
 * then as by _init().
 */
enum kedge_rc kedge_agent_state_load_in(const struct kedge_folder *folder,
                                        struct kedge_agent_state *state) KEDGE_MUST_USE;
/** Replaces the file, durably. KEDGE_E_SYSTEM with errno; the old file is then still there. */
enum kedge_rc kedge_agent_state_save_in(const struct kedge_folder *folder,
                                        const struct kedge_agent_state *state) KEDGE_MUST_USE;

/* The same in an open folder of the system. */
enum kedge_rc kedge_agent_state_load(int folder, struct kedge_agent_state *state) KEDGE_MUST_USE;
enum kedge_rc kedge_agent_state_save(int folder,
                                     const struct kedge_agent_state *state) KEDGE_MUST_USE;

#endif
