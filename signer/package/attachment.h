/*
 * attachment.h: the files that travel with a release, by kind, and whether a file is of its kind:
 * an SBOM that is none is found when it is attached, not when somebody needs it.
 */
#ifndef KEDGE_SIGNER_ATTACHMENT_H
#define KEDGE_SIGNER_ATTACHMENT_H

#include <kedge/suit.h>

/* In the canonical order of the envelope's keys. X(name, word on the command line, envelope key) */
#define KEDGE_ATTACHMENT_KIND_LIST(X)               \
    X(KEDGE_ATTACHMENT_PROVENANCE, "prov", "#prov") \
    X(KEDGE_ATTACHMENT_SBOM, "sbom", "#sbom")       \
    X(KEDGE_ATTACHMENT_NOTES, "notes", "#notes")

enum kedge_attachment_kind {
#define KEDGE_ATTACHMENT_ENUM(name, word, key) name,
    KEDGE_ATTACHMENT_KIND_LIST(KEDGE_ATTACHMENT_ENUM)
#undef KEDGE_ATTACHMENT_ENUM
        KEDGE_ATTACHMENT_KINDS
};

_Static_assert(KEDGE_ATTACHMENT_KINDS == KEDGE_SUIT_ATTACHMENTS_MAX, "each kind once");

/** kedge_attachment_word() and _key() name the kind; static storage. */
const char *kedge_attachment_word(enum kedge_attachment_kind kind);
const char *kedge_attachment_key(enum kedge_attachment_kind kind);

#define KEDGE_ATTACHMENT_FORMAT_MAX 96u

/**
 * kedge_attachment_recognise() says in `format` what the bytes are: "CycloneDX 1.5",
 * "SPDX-2.3", "in-toto https://slsa.dev/provenance/v1", "text". KEDGE_E_UNSUPPORTED when they are
 * nothing of this kind; `format` then says what was expected. Known are, all in JSON: CycloneDX;
 * SPDX 2 and 3; in-toto statements, bare or in a DSSE envelope (whose signature is not checked).
 * Release notes are UTF-8. It allocates some 20 times `bytes` for JSON, for the time of the call.
 */
enum kedge_rc kedge_attachment_recognise(enum kedge_attachment_kind kind, struct kedge_slice bytes,
                                         char format[KEDGE_ATTACHMENT_FORMAT_MAX]) KEDGE_MUST_USE;

#endif
