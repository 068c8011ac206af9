/*
 * http_trust.h: whether the server of a TLS session has a certificate of a CA that is believed.
 *
 * GnuTLS judges it, as libcurl would have it do; but of the file of CAs only those are loaded that
 * can have issued what the server shows. A system's whole store is some 140 certificates, which
 * take over 3 MiB when they are parsed: more than everything else that an agent needs at work.
 */
#ifndef KEDGE_AGENT_HTTP_TRUST_H
#define KEDGE_AGENT_HTTP_TRUST_H

#include <gnutls/gnutls.h>
#include <kedge/base.h>

#define KEDGE_HTTP_CHAIN_MAX 16u /* certificates that a server may show */
#define KEDGE_HTTP_CA_SIZE_MAX \
    16384u /* of a certificate in the file, as text; longer ones are skipped */

/**
 * kedge_http_trust_check() judges what was shown in the handshake, which is over: `status` gets
 * GnuTLS's bits (gnutls_certificate_status_t), 0 when all is well. It is loaded from `ca_file`
 * (PEM) into the session's own credentials. KEDGE_E_SYSTEM with errno when the file cannot be read,
 * KEDGE_E_LIMIT for a longer chain, KEDGE_E_KEY when nothing that can be judged was shown; `status`
 * is then GNUTLS_CERT_INVALID. Blocks for as long as the file takes to read.
 */
enum kedge_rc kedge_http_trust_check(gnutls_session_t session, const char *ca_file,
                                     unsigned *status) KEDGE_MUST_USE;

/** Whether a file has any certificate that can be read: KEDGE_E_KEY when not. Blocks likewise. */
enum kedge_rc kedge_http_trust_usable(const char *ca_file) KEDGE_MUST_USE;

#endif
