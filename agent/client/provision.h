/*
 * provision.h: what a bootstrap server does to a device (OMA LwM2M Core 1.1, section 6.1.7): it
 * writes, deletes, discovers and reads, on a copy of the account. Whether the copy takes the
 * account's place is decided at Finish, by others. Pure.
 *
 * It says too what the server of the account, and others, may do (object 2).
 *
 * There is room for one account, and instance 0 of the Security object is the one with the
 * bootstrap server itself: it stays whatever is deleted, and only its hold-off time (resource 11)
 * can be changed.
 */
#ifndef KEDGE_AGENT_PROVISION_H
#define KEDGE_AGENT_PROVISION_H

#include "agent/client/account.h"
#include "agent/client/model.h"

#define KEDGE_PROVISION_OWN_INSTANCE 0u
#define KEDGE_PROVISION_PAYLOAD_MAX 16384u /* bytes of what is written at once, and of a pack */

/** Holds keys: wipe it. */
struct kedge_provision {
    struct kedge_account account; /* as the bootstrap server has made it */
    const struct kedge_uri *own;  /* of the bootstrap server; the caller's */
    enum kedge_account_mode mode; /* of the account with it */
    struct kedge_account next;    /* while a request is carried out */
    uint8_t scratch[KEDGE_PROVISION_PAYLOAD_MAX];
};

/** kedge_provision_begin() starts with a copy of `account`. */
void kedge_provision_begin(struct kedge_provision *provision, const struct kedge_account *account,
                           const struct kedge_uri *own, enum kedge_account_mode mode);

/** Carries a request out, whole or not at all; a payload of the answer goes to `out`. */
struct kedge_model_answer kedge_provision_handle(struct kedge_provision *provision,
                                                 const struct kedge_model_request *request,
                                                 struct kedge_writer *out);

/**
 * kedge_provision_pack() takes all that a Bootstrap-Pack holds, in place of the account that there
 * is: 0x44 (2.04), or the code that it would be refused with, and then nothing has changed.
 */
uint8_t kedge_provision_pack(struct kedge_provision *provision, uint32_t format,
                             struct kedge_slice payload);

/* ---- provision_read.c ---- */

struct kedge_model_answer kedge_provision_discover(const struct kedge_provision *provision,
                                                   const struct kedge_lwm2m_path *path,
                                                   struct kedge_writer *out);
struct kedge_model_answer kedge_provision_read(const struct kedge_provision *provision,
                                               const struct kedge_model_request *request,
                                               struct kedge_writer *out);

#endif
