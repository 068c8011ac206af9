/*
 * pkcs11_uri.h: which key on which token, as a PKCS#11 URI (RFC 7512) says it. Nothing here opens
 * anything.
 *
 * Taken: token, manufacturer, model, serial, object, id and type (private or public) in the path;
 * module-path and pin-source in the query. Any other attribute is refused and not passed over: it
 * would have narrowed down the choice. A pin-value is refused because the command line is no
 * secret.
 */
#ifndef KEDGE_SIGNER_PKCS11_URI_H
#define KEDGE_SIGNER_PKCS11_URI_H

#include <kedge/base.h>

#define KEDGE_PKCS11_URI_MAX 2048u   /* bytes */
#define KEDGE_PKCS11_TEXT_MAX 64u    /* bytes of what names a token; PKCS#11 has 32 at most */
#define KEDGE_PKCS11_OBJECT_MAX 128u /* bytes of an object's label */
#define KEDGE_PKCS11_ID_MAX 64u      /* bytes of an object's id */
#define KEDGE_PKCS11_PATH_MAX 1024u  /* bytes of a file's name */

/** A URI taken apart and decoded; text has a NUL and is empty when it is not given. */
struct kedge_pkcs11_uri {
    char token[KEDGE_PKCS11_TEXT_MAX + 1]; /* its label: never empty */
    char manufacturer[KEDGE_PKCS11_TEXT_MAX + 1];
    char model[KEDGE_PKCS11_TEXT_MAX + 1];
    char serial[KEDGE_PKCS11_TEXT_MAX + 1];
    char object[KEDGE_PKCS11_OBJECT_MAX + 1]; /* the key's label; this or the id is given */
    uint8_t id[KEDGE_PKCS11_ID_MAX];
    size_t id_size;
    char module_path[KEDGE_PKCS11_PATH_MAX + 1]; /* absolute */
    char pin_source[KEDGE_PKCS11_PATH_MAX + 1];  /* "file:PATH" or "env:NAME" */
};

/** kedge_pkcs11_uri_is() says whether `text` begins as such a URI does. */
bool kedge_pkcs11_uri_is(struct kedge_slice text);

/**
 * kedge_pkcs11_uri_parse() reads a URI. KEDGE_E_URI when it is not well-formed, KEDGE_E_UNSUPPORTED
 * for an attribute or a value that is not taken here, KEDGE_E_REFUSED for pin-value, KEDGE_E_LIMIT
 * for what is too long, KEDGE_E_MISSING without a token's label or without object and id. `fault`
 * is the attribute's name, borrowed from `text`; empty when it is none's fault.
 */
enum kedge_rc kedge_pkcs11_uri_parse(struct kedge_slice text, struct kedge_pkcs11_uri *out,
                                     struct kedge_slice *fault) KEDGE_MUST_USE;

#endif
