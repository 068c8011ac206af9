/*
 * key_pair_parts.h: what key_pair.c (from files) and key_pair_der.c (from an account) share. They
 * work on what is in the credentials as PEM. KEDGE_E_KEY for what is no such thing.
 */
#ifndef KEDGE_AGENT_KEY_PAIR_PARTS_H
#define KEDGE_AGENT_KEY_PAIR_PARTS_H

#include "agent/client/credentials.h"

#include <gnutls/gnutls.h>

/** GnuTLS counts the text without its NUL. */
gnutls_datum_t key_pair_datum(struct kedge_key_file *pem);
enum kedge_rc key_pair_judge(int gnutls_code);
/** Checks the private key; when it is a raw one, its public half becomes `public_part`. */
enum kedge_rc key_pair_take_private_key(struct kedge_credentials *credentials, bool is_raw);
/** Takes the server's raw public key in. */
enum kedge_rc key_pair_take_server_key(struct kedge_credentials *credentials,
                                       const gnutls_datum_t *key, gnutls_x509_crt_fmt_t format);
/** Whether the certificate is one, and goes with the private key. */
enum kedge_rc key_pair_check_certificate(struct kedge_credentials *credentials);
enum kedge_rc key_pair_check_ca(struct kedge_credentials *credentials);

#endif
