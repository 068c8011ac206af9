/*
 * trust.h: the server's own trust records as keys that can verify.
 */
#ifndef KEDGE_UPDATER_TRUST_H
#define KEDGE_UPDATER_TRUST_H

#include "updater/kedged/package_files.h"
#include "updater/store/store.h"

/** The trusted keys as they are committed now. */
struct kedge_trusted_keys {
    struct kedge_public_key keys[KEDGE_PACKAGE_KEYS_MAX];
    size_t count;
};

/**
 * kedge_trusted_keys_load() reads all trust records. KEDGE_E_KEY when a stored key cannot be used,
 * KEDGE_E_LIMIT when there are more than KEDGE_PACKAGE_KEYS_MAX.
 */
enum kedge_rc kedge_trusted_keys_load(struct kedge_reader *reader,
                                      struct kedge_trusted_keys *out) KEDGE_MUST_USE;

#endif
