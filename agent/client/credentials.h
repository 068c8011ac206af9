/*
 * credentials.h: what this device proves itself with, from its files or from an account. The files
 * are read once, at the start, so that one that will not do is named before anything is tried.
 */
#ifndef KEDGE_AGENT_CREDENTIALS_H
#define KEDGE_AGENT_CREDENTIALS_H

#include "agent/fetch/channel.h"

/**
 * kedge_credentials_load() reads the pre-shared key, one line of hex digits, from `path`.
 * KEDGE_E_SYSTEM with errno, KEDGE_E_KEY when it is not 1 to KEDGE_PSK_KEY_MAX bytes of hex or the
 * identity too long.
 */
enum kedge_rc kedge_credentials_load(struct kedge_credentials *credentials, const char *identity,
                                     const char *path) KEDGE_MUST_USE;

/** PEM files. Either `certificate` and `server_ca`, or `server_key`; the others are empty texts. */
struct kedge_key_pair_files {
    const char *private_key; /* not encrypted */
    const char *certificate; /* of the device, then those between it and the CA */
    const char *server_ca;
    const char *server_key; /* raw public key of the server */
};

/**
 * kedge_credentials_load_key_pair() reads a key pair for certificates or raw public keys.
 * KEDGE_E_SYSTEM with errno, KEDGE_E_LIMIT for a file longer than KEDGE_KEY_FILE_MAX, KEDGE_E_KEY
 * for one that is no such thing or (the certificate) does not go with the private key; `wrong` is
 * then the path of the file at fault.
 */
enum kedge_rc kedge_credentials_load_key_pair(struct kedge_credentials *credentials,
                                              const struct kedge_key_pair_files *files,
                                              const char **wrong) KEDGE_MUST_USE;

/** A key pair in DER, as an account holds it. Either the two certificates, or `server_key`. */
struct kedge_key_pair_der {
    struct kedge_slice private_key; /* PKCS #8 or SEC 1; empty: the one of `own` */
    struct kedge_slice certificate;
    struct kedge_slice server_certificate;
    bool server_is_of_it; /* of that CA; else it is that certificate itself */
    struct kedge_slice server_key;
};

/**
 * kedge_credentials_from_der() makes credentials of it. KEDGE_E_KEY for what is no such thing or
 * does not go together, KEDGE_E_LIMIT for what is too long.
 */
enum kedge_rc kedge_credentials_from_der(struct kedge_credentials *credentials,
                                         const struct kedge_key_pair_der *parts,
                                         const struct kedge_credentials *own) KEDGE_MUST_USE;

#endif
