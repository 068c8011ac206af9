/*
 * suit.h: the package: an IETF SUIT envelope (draft-ietf-suit-manifest-37), read and written.
 *
 * Kedge's own profile is docs/format.md; the reader also takes the draft's example envelopes.
 * Nothing is believed before kedge_suit_authenticate() said KEDGE_OK: it checks the manifest's
 * digest (over the manifest with its bstr head) and the COSE_Sign1 signatures over that digest.
 */
#ifndef KEDGE_SUIT_H
#define KEDGE_SUIT_H

#include <kedge/cbor.h>
#include <kedge/crypto.h>
#include <kedge/payload.h>

#define KEDGE_SUIT_HEAD_MAX 8192u     /* wrapper and manifest of a package that a device takes */
#define KEDGE_SUIT_SIGNATURES_MAX 8u
#define KEDGE_SUIT_PAYLOADS_MAX 8u    /* integrated payloads ("#name" keys) in one envelope */
#define KEDGE_SUIT_ATTACHMENTS_MAX 3u /* #sbom, #prov, #notes */
#define KEDGE_SUIT_ATTACHMENT_NAME_MAX 8u /* bytes: shorter than "#firmware", so that it sorts first */
#define KEDGE_SUIT_COMPONENTS_MAX 4u
#define KEDGE_SUIT_HARDWARE_MAX 8u       /* hardware revisions that one package names */
#define KEDGE_SUIT_HARDWARE_TEXT_MAX 63u /* bytes of one: what /3/0/18 may read */
#define KEDGE_SUIT_VERSION_PARTS_MAX 8u
#define KEDGE_SUIT_VERSION_TEXT_MAX 64u
#define KEDGE_SUIT_PAYLOAD_NAME "#firmware"

/* IANA registry "Software Update for the Internet of Things (SUIT)". */
enum kedge_suit_command {
    KEDGE_SUIT_CONDITION_VENDOR = 1,
    KEDGE_SUIT_CONDITION_CLASS = 2,
    KEDGE_SUIT_CONDITION_IMAGE_MATCH = 3,
    KEDGE_SUIT_CONDITION_COMPONENT_SLOT = 5,
    KEDGE_SUIT_CONDITION_CHECK_CONTENT = 6,
    KEDGE_SUIT_DIRECTIVE_SET_COMPONENT_INDEX = 12,
    KEDGE_SUIT_CONDITION_ABORT = 14,
    KEDGE_SUIT_DIRECTIVE_TRY_EACH = 15,
    KEDGE_SUIT_DIRECTIVE_WRITE = 18,
    KEDGE_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS = 20,
    KEDGE_SUIT_DIRECTIVE_FETCH = 21,
    KEDGE_SUIT_DIRECTIVE_COPY = 22,
    KEDGE_SUIT_DIRECTIVE_INVOKE = 23,
    KEDGE_SUIT_CONDITION_DEVICE = 24,
    KEDGE_SUIT_CONDITION_VERSION = 28,
    KEDGE_SUIT_DIRECTIVE_SWAP = 31,
    KEDGE_SUIT_DIRECTIVE_RUN_SEQUENCE = 32,
    KEDGE_SUIT_DIRECTIVE_INSTALL_FRAMES = -257, /* ours: receive, check and expand the frames */
    KEDGE_SUIT_CONDITION_HARDWARE = -258        /* ours: the device's hardware revision is listed */
};

enum kedge_suit_parameter {
    KEDGE_SUIT_PARAMETER_VENDOR = 1,
    KEDGE_SUIT_PARAMETER_CLASS = 2,
    KEDGE_SUIT_PARAMETER_IMAGE_DIGEST = 3,
    KEDGE_SUIT_PARAMETER_SLOT = 5,
    KEDGE_SUIT_PARAMETER_STRICT_ORDER = 12,
    KEDGE_SUIT_PARAMETER_SOFT_FAILURE = 13,
    KEDGE_SUIT_PARAMETER_IMAGE_SIZE = 14,
    KEDGE_SUIT_PARAMETER_CONTENT = 18,
    KEDGE_SUIT_PARAMETER_URI = 21,
    KEDGE_SUIT_PARAMETER_SOURCE = 22,
    KEDGE_SUIT_PARAMETER_INVOKE_ARGS = 23,
    KEDGE_SUIT_PARAMETER_DEVICE = 24,
    KEDGE_SUIT_PARAMETER_FETCH_ARGS = 25,
    KEDGE_SUIT_PARAMETER_VERSION = 28,      /* bstr .cbor [comparison, version] */
    KEDGE_SUIT_PARAMETER_FRAMES = -257,     /* bstr .cbor [encoding, encoded size, first digest] */
    KEDGE_SUIT_PARAMETER_DELIVERY = -258,   /* 0 envelope, 1 payload */
    KEDGE_SUIT_PARAMETER_ATTACHMENTS = -259, /* bstr .cbor {"#name": [-16, digest, size]} */
    KEDGE_SUIT_PARAMETER_HARDWARE = -260     /* bstr .cbor [+ tstr]: hardware revisions */
};

enum kedge_suit_delivery { KEDGE_DELIVER_ENVELOPE = 0, KEDGE_DELIVER_PAYLOAD = 1 };

struct kedge_suit_named {
    struct kedge_slice name; /* "#sbom" */
    uint64_t offset;         /* of the bytes, from the envelope's start */
    uint64_t size;
};

/** An envelope taken apart; all slices borrow the bytes that were read. Nothing in it is checked yet. */
struct kedge_suit_envelope {
    struct kedge_slice digest;          /* the encoded SUIT_Digest: what is signed */
    uint8_t manifest_digest[KEDGE_SHA256_SIZE]; /* as the wrapper states it */
    struct kedge_slice signatures[KEDGE_SUIT_SIGNATURES_MAX]; /* encoded COSE_Sign1 */
    size_t signature_count;
    struct kedge_slice manifest_bstr;   /* with its bstr head: what the digest covers */
    struct kedge_slice manifest;        /* the encoded map */
    struct kedge_slice severable[24];   /* by manifest key (16, 20, 23); empty when absent */
    struct kedge_suit_named payloads[KEDGE_SUIT_PAYLOADS_MAX]; /* in the envelope's order */
    size_t payload_count;
    uint64_t envelope_size;             /* where the envelope ends by its own account */
};

/**
 * Takes the whole envelope in `bytes` apart: canonical, complete, nothing behind it.
 * KEDGE_E_UNSUPPORTED when it is no SUIT envelope at all.
 */
enum kedge_rc kedge_suit_envelope_read(struct kedge_slice bytes, struct kedge_suit_envelope *out)
    KEDGE_MUST_USE;
/**
 * Takes apart as much as leads up to the bytes of the last integrated payload ("#firmware"),
 * from the first bytes of an envelope: payloads[payload_count - 1] then says where the payload's
 * bytes start and how many follow. KEDGE_E_TRUNCATED asks for more bytes.
 */
enum kedge_rc kedge_suit_head_read(struct kedge_slice prefix, struct kedge_suit_envelope *out)
    KEDGE_MUST_USE;

/** Which keys count and how many distinct ones must have signed. */
struct kedge_suit_trust {
    const struct kedge_public_key *keys;
    size_t key_count;
    size_t required; /* at least 1 */
    bool allow_development_keys;
};

/**
 * Checks the digest over the manifest and counts the distinct trusted keys that signed it.
 * Signatures that no trusted key made do no harm. `signed_by` (key_count entries, may be NULL) is
 * set for each key that did. KEDGE_E_DIGEST, KEDGE_E_SIGNATURE, or KEDGE_E_DEVELOPMENT_KEY when
 * only development keys would make up the number.
 */
enum kedge_rc kedge_suit_authenticate(const struct kedge_suit_envelope *envelope,
                                      const struct kedge_suit_trust *trust, bool *signed_by)
    KEDGE_MUST_USE;

/**
 * Checks the digest over the manifest alone: it says that the manifest is whole, and nothing about
 * who made it. KEDGE_E_DIGEST.
 */
enum kedge_rc kedge_suit_digest_check(const struct kedge_suit_envelope *envelope) KEDGE_MUST_USE;

/** A version as the draft puts it: integers, pre-release marked by -1 rc, -2 beta, -3 alpha. */
struct kedge_suit_version {
    int64_t parts[KEDGE_SUIT_VERSION_PARTS_MAX];
    size_t count; /* 0: none given */
};

/** Parses "1.2.3", "1.2.3-rc.1", "1.2.3-beta", "1.2.3-alpha.4". KEDGE_E_UNSUPPORTED otherwise. */
enum kedge_rc kedge_suit_version_parse(struct kedge_slice text, struct kedge_suit_version *out)
    KEDGE_MUST_USE;
/** Writes it back as text with a NUL. */
enum kedge_rc kedge_suit_version_text(const struct kedge_suit_version *version,
                                      char text[KEDGE_SUIT_VERSION_TEXT_MAX]) KEDGE_MUST_USE;
/** -1, 0 or 1, by SemVer 2.0 precedence (a pre-release is older than its release). */
int kedge_suit_version_compare(const struct kedge_suit_version *a,
                               const struct kedge_suit_version *b);

/** A Kedge package's manifest, decoded. Slices borrow the envelope's bytes. */
struct kedge_suit_manifest {
    uint64_t sequence;
    struct kedge_suit_version version;
    uint8_t vendor[16];
    uint8_t class_id[16];
    uint8_t image_digest[KEDGE_SHA256_SIZE];
    uint64_t image_size;
    struct kedge_payload_plan payload;
    enum kedge_suit_delivery delivery;
    /* Of the firmware being replaced, both inclusive; count 0: no bound on that side. */
    struct kedge_suit_version min_version, max_version;
    struct kedge_slice hardware[KEDGE_SUIT_HARDWARE_MAX]; /* revisions that it runs on */
    size_t hardware_count;                                /* 0: on all of the class */
    uint8_t text_digest[KEDGE_SHA256_SIZE]; /* of the severable text with its bstr head */
    bool has_text;
    struct kedge_suit_attachment {
        struct kedge_slice name;
        uint8_t digest[KEDGE_SHA256_SIZE]; /* of the attached bytes themselves */
        uint64_t size;
    } attachments[KEDGE_SUIT_ATTACHMENTS_MAX];
    size_t attachment_count;
};

/**
 * Decodes the manifest of a Kedge package and checks that it is one: one component [h'00'],
 * known commands only (KEDGE_E_COMMAND), custom ids only in install. Call it only after
 * kedge_suit_authenticate(). Envelopes of others end with KEDGE_E_UNSUPPORTED or what is amiss.
 */
enum kedge_rc kedge_suit_manifest_read(const struct kedge_suit_envelope *envelope,
                                       struct kedge_suit_manifest *out) KEDGE_MUST_USE;

/** Who the device is and what it has, for kedge_suit_manifest_judge(). */
struct kedge_suit_device {
    uint8_t vendor[16];
    uint8_t class_id[16];
    struct kedge_slice hardware;       /* its revision as /3/0/18 reads; empty: it has none */
    struct kedge_suit_version running; /* count 0: not known, and then no window is met */
    bool blank;              /* the factory: nothing is replaced, so no window applies */
    uint64_t sequence_floor; /* a package below it is refused; the same one may be installed again */
    uint64_t slot_size;      /* bytes for the image; 0: unknown */
};

/**
 * Runs the conditions: KEDGE_E_VENDOR, KEDGE_E_CLASS, KEDGE_E_HARDWARE, KEDGE_E_SEQUENCE,
 * KEDGE_E_VERSION, KEDGE_E_SPACE or KEDGE_OK.
 */
enum kedge_rc kedge_suit_manifest_judge(const struct kedge_suit_manifest *manifest,
                                        const struct kedge_suit_device *device) KEDGE_MUST_USE;

/* ---- reading any SUIT manifest, step by step (for inspect, and for envelopes of others) ---- */

/** The parts of a manifest as encoded bytes: the sequences are the content of their bstr. */
struct kedge_suit_parts {
    uint64_t version;
    uint64_t sequence;
    struct kedge_slice common;
    struct kedge_slice shared_sequence;
    size_t component_count;
    struct kedge_slice components; /* the encoded list of component ids */
    struct kedge_slice set_version;
    struct kedge_slice validate, load, invoke, payload_fetch, install; /* empty when absent */
    bool payload_fetch_severed, install_severed, text_severed; /* a digest stands in their place */
    struct kedge_slice payload_fetch_digest, install_digest, text_digest; /* then: the SHA-256 */
};

enum kedge_rc kedge_suit_parts_read(const struct kedge_suit_envelope *envelope,
                                    struct kedge_suit_parts *out) KEDGE_MUST_USE;

/** A walk over a command sequence. */
struct kedge_suit_steps {
    struct kedge_cursor cursor;
    size_t left;
};

struct kedge_suit_step {
    int64_t command;
    struct kedge_slice argument; /* encoded */
};

enum kedge_rc kedge_suit_steps_begin(struct kedge_slice sequence, struct kedge_suit_steps *steps)
    KEDGE_MUST_USE;
/** KEDGE_E_NOT_FOUND after the last one. */
enum kedge_rc kedge_suit_steps_next(struct kedge_suit_steps *steps, struct kedge_suit_step *step)
    KEDGE_MUST_USE;
/** The registry's name of a command or parameter, "condition-vendor-identifier"; NULL when unknown. */
const char *kedge_suit_command_name(int64_t command);
const char *kedge_suit_parameter_name(int64_t parameter);

/* ---- writing a package ---- */

/** Writes the manifest map for `manifest` (attachments in canonical order of their names). */
enum kedge_rc kedge_suit_manifest_write(const struct kedge_suit_manifest *manifest,
                                        struct kedge_writer *out) KEDGE_MUST_USE;
/** SHA-256 of `content` with the bstr head before it: what SUIT's digests of members cover. */
enum kedge_rc kedge_suit_bstr_digest(struct kedge_slice content, uint8_t digest[KEDGE_SHA256_SIZE])
    KEDGE_MUST_USE;
/** Writes the encoded SUIT_Digest of the manifest (over its bstr head too). */
enum kedge_rc kedge_suit_digest_write(struct kedge_slice manifest, struct kedge_writer *out)
    KEDGE_MUST_USE;
/** Writes the content of the authentication wrapper from the digest and the COSE_Sign1s. */
enum kedge_rc kedge_suit_wrapper_write(struct kedge_slice digest, const struct kedge_slice *signatures,
                                       size_t signature_count, struct kedge_writer *out) KEDGE_MUST_USE;
/** Writes the severable text (encoded SUIT_Text_Map, without its bstr head), language "en". */
enum kedge_rc kedge_suit_text_write(struct kedge_slice description, struct kedge_slice vendor_domain,
                                    struct kedge_slice class_name, struct kedge_slice version,
                                    struct kedge_writer *out) KEDGE_MUST_USE;

struct kedge_suit_text {
    struct kedge_slice description, vendor_domain, class_name, version; /* empty when absent */
};

/** Reads it back; for people only. Text that a foreign tool wrote may lack any of the fields. */
enum kedge_rc kedge_suit_text_read(struct kedge_slice text, struct kedge_suit_text *out)
    KEDGE_MUST_USE;
/**
 * Writes the envelope up to and including the bstr head of "#firmware": tag, map head, wrapper,
 * manifest, text (unless empty), attachments (names and their bytes, sorted). The caller streams
 * `payload_size` bytes after it and the envelope is complete.
 */
enum kedge_rc kedge_suit_head_write(struct kedge_slice wrapper, struct kedge_slice manifest,
                                    struct kedge_slice text, const struct kedge_slice *attachment_names,
                                    const struct kedge_slice *attachments, size_t attachment_count,
                                    uint64_t payload_size, struct kedge_writer *out) KEDGE_MUST_USE;

#endif
