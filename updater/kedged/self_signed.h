/*
 * self_signed.h: a certificate for HTTPS where the operator gives none, and by what it is known.
 */
#ifndef KEDGE_UPDATER_SELF_SIGNED_H
#define KEDGE_UPDATER_SELF_SIGNED_H

#include "updater/store/store.h"

#define KEDGE_TLS_CERTIFICATE_FILE "tls.crt"
#define KEDGE_TLS_KEY_FILE "tls.key"
#define KEDGE_TLS_FINGERPRINT_SIZE (sizeof("sha256//") + 44u)

/**
 * Makes `folder`/tls.key (ECDSA P-256, mode 0600) and `folder`/tls.crt when the certificate is not
 * there; a key that is there is taken, so that its fingerprint stays. The certificate is good for
 * ten years, for localhost, this host's name, the loopback addresses and `address` ("" or a numeric
 * one). Both are durable when it returns. Blocks.
 */
enum kedge_rc kedge_self_signed_ensure(const char *folder, const char *address,
                                       char error[KEDGE_STORE_ERROR_MAX]) KEDGE_MUST_USE;

/**
 * The fingerprint of a certificate's public key, as curl's --pinnedpubkey and kedge --fingerprint
 * take it: "sha256//" and the SHA-256 of its SubjectPublicKeyInfo in base64. KEDGE_E_KEY for a file
 * that is no certificate in PEM.
 */
enum kedge_rc kedge_certificate_fingerprint(const char *file,
                                            char out[KEDGE_TLS_FINGERPRINT_SIZE]) KEDGE_MUST_USE;

#endif
