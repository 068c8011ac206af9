/*
 * pkcs11_module.h: the libraries that speak for tokens (PKCS#11 modules), each loaded once, and the
 * choice of one token among all that they know.
 */
#ifndef KEDGE_SIGNER_PKCS11_MODULE_H
#define KEDGE_SIGNER_PKCS11_MODULE_H

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/wc_pkcs11.h>

#include "signer/cli/complain.h"
#include "signer/keys/pkcs11_uri.h"

/**
 * kedge_pkcs11_module_open() loads the module for `uri`, or counts one more user of it when it is
 * loaded already, and returns it in `module`. Says what is wrong (KEDGE_EXIT_KEY). Give it back
 * with kedge_pkcs11_module_close(), which may get NULL.
 */
enum kedge_exit kedge_pkcs11_module_open(const struct kedge_pkcs11_uri *uri, Pkcs11Dev **module);
void kedge_pkcs11_module_close(Pkcs11Dev *module);

/** The token chosen. */
struct kedge_pkcs11_slot {
    CK_SLOT_ID id;
    bool login_required;
    bool has_own_keypad; /* the PIN is entered at the reader */
};

/**
 * kedge_pkcs11_slot_choose() finds the one slot whose token has the label, and the manufacturer,
 * model and serial number where they are given. Says what is wrong (KEDGE_EXIT_KEY): no such token,
 * or more than one.
 */
enum kedge_exit kedge_pkcs11_slot_choose(const Pkcs11Dev *module,
                                         const struct kedge_pkcs11_uri *uri,
                                         struct kedge_pkcs11_slot *slot);

#endif
