/*
 * package.h: a whole package checked: in one piece, by whom has all of it in memory or mapped, or
 * as it arrives, in bounded memory. (A device, which also judges and installs it, works with
 * stream.h, suit.h and payload.h directly, as the latter does.)
 *
 * Reading comes first: envelope, signatures, manifest, text, attachments. Expanding comes second,
 * and is what checks the payload: every frame, then the image. Only when both said KEDGE_OK is the
 * package what its signers signed. Nothing here allocates; all slices borrow the package's bytes.
 */
#ifndef KEDGE_PACKAGE_H
#define KEDGE_PACKAGE_H

#include <kedge/processor.h>
#include <kedge/stream.h>
#include <kedge/suit.h>

/* The parts in which a package can be wrong. X(name, words for people) */
#define KEDGE_PACKAGE_PART_LIST(X)             \
    X(KEDGE_PART_ENVELOPE, "envelope")         \
    X(KEDGE_PART_SIGNATURE, "signature")       \
    X(KEDGE_PART_MANIFEST, "manifest")         \
    X(KEDGE_PART_VERSION, "manifest: version") \
    X(KEDGE_PART_TEXT, "text")                 \
    X(KEDGE_PART_ATTACHMENTS, "attachments")   \
    X(KEDGE_PART_PAYLOAD, "payload")

enum kedge_package_part {
#define KEDGE_PART_ENUM(name, words) name,
    KEDGE_PACKAGE_PART_LIST(KEDGE_PART_ENUM)
#undef KEDGE_PART_ENUM
        KEDGE_PART_COUNT
};

/** kedge_package_part_text() is the part in words for people; static storage, never NULL. */
const char *kedge_package_part_text(enum kedge_package_part part);

/** A package that has been read. */
struct kedge_package {
    struct kedge_suit_envelope envelope;
    struct kedge_suit_manifest manifest;
    char version[KEDGE_SUIT_VERSION_TEXT_MAX]; /* the manifest's, as text; never empty */
    struct kedge_slice text;                   /* the encoded text; empty when it was severed */
    struct kedge_slice attachments[KEDGE_SUIT_ATTACHMENTS_MAX]; /* as manifest.attachments */
    struct kedge_slice payload; /* the frames; not checked until they are expanded */
    struct kedge_suit_refusal refused; /* what the manifest asks for and no package may */
};

/**
 * kedge_package_words() says in words for people where and why a package was refused: the part, the
 * words of `rc`, and the command or parameter if it was one; of what is no envelope at all, that.
 */
#define KEDGE_PACKAGE_WORDS_MAX (32u + KEDGE_SUIT_WORDS_MAX)
void kedge_package_words(const struct kedge_package *package, enum kedge_package_part part,
                         enum kedge_rc rc, char words[KEDGE_PACKAGE_WORDS_MAX]);

/**
 * kedge_package_read() takes the package in `bytes` apart and checks all of it but the payload's
 * frames. With `trust` NULL nobody's signature is asked for: the digests then say that the package
 * is whole, and nothing about who made it. `signed_by` (as in kedge_suit_authenticate(), may be
 * NULL) is set, all false when it does not come to that. On refusal `part` says where it was found
 * and `package` holds what had been read until then: the envelope, if it could be read.
 */
enum kedge_rc kedge_package_read(struct kedge_slice bytes, const struct kedge_suit_trust *trust,
                                 bool *signed_by, struct kedge_package *package,
                                 enum kedge_package_part *part) KEDGE_MUST_USE;

/**
 * kedge_package_take_apart() does the same, asks for nobody's signature, and does not read the
 * attachments: their sizes are as the manifest has them, and whoever uses one asks for it with
 * kedge_package_check_attachment(), which compares its digest with the manifest's (KEDGE_E_DIGEST).
 * `index` is that of package->attachments.
 */
enum kedge_rc kedge_package_take_apart(struct kedge_slice bytes, struct kedge_package *package,
                                       enum kedge_package_part *part) KEDGE_MUST_USE;
enum kedge_rc kedge_package_check_attachment(const struct kedge_package *package,
                                             size_t index) KEDGE_MUST_USE;

/**
 * kedge_package_expand() checks every frame and the image's digest, and hands the image to `sink`
 * (NULL: it is only checked). `reader` is the caller's, for the time of the call. Fails as
 * kedge_payload_push() and kedge_payload_end() do; the sink's own failure is handed on.
 */
enum kedge_rc kedge_package_expand(const struct kedge_package *package,
                                   struct kedge_payload_reader *reader,
                                   const struct kedge_payload_sink *sink) KEDGE_MUST_USE;

/**
 * A package being checked as it arrives: struct kedge_package_stream is about 100 KiB and the
 * caller's, and holds no more of the package than its head (8 KiB), that head as it is read (8 KiB)
 * and one frame (32 KiB). `package` is as kedge_package_read() leaves it, but text, attachments and
 * payload are empty: they were checked and passed by. Its slices borrow this struct.
 */
struct kedge_package_stream {
    struct kedge_package package;
    enum kedge_package_part part; /* where a refusal was found */
    const struct kedge_suit_trust *trust;
    bool *signed_by;
    struct kedge_payload_sink sink;
    const struct kedge_payload_hasher *hasher;
    size_t attachments_seen;
    struct kedge_sha256 member_hash; /* of the text or attachment that comes in */
    struct kedge_suit_stream stream;
    uint8_t head[KEDGE_SUIT_HEAD_MAX];
    struct kedge_payload_reader reader;
};

/**
 * kedge_package_stream_begin() starts at a package's first byte. `trust` and `signed_by` are as in
 * kedge_package_read(), `sink` as in kedge_package_expand(); `hasher` computes the image's digest
 * unless it is NULL. All stay the caller's until the end.
 */
void kedge_package_stream_begin(struct kedge_package_stream *check,
                                const struct kedge_suit_trust *trust, bool *signed_by,
                                const struct kedge_payload_sink *sink,
                                const struct kedge_payload_hasher *hasher);

/** kedge_package_stream_push() takes the next bytes. The first failure is final; see `part`. */
enum kedge_rc kedge_package_stream_push(struct kedge_package_stream *check,
                                        struct kedge_slice bytes) KEDGE_MUST_USE;

/**
 * kedge_package_stream_end() says that no more bytes come. Only KEDGE_OK from here says that the
 * package is what its signers signed; what the sink was given until then is not to be used.
 */
enum kedge_rc kedge_package_stream_end(struct kedge_package_stream *check) KEDGE_MUST_USE;

/**
 * kedge_package_names() reads the text for people. Vendor domain and class name are left empty
 * unless they are the names that the signed UUIDs were made from.
 */
void kedge_package_names(const struct kedge_package *package, struct kedge_suit_text *names);

/**
 * kedge_package_device_head_write() writes what goes before the payload in the envelope that a
 * device is sent: the package without text and attachments, which are for people. At most
 * KEDGE_SUIT_HEAD_MAX bytes; KEDGE_E_BUFFER when `out` has not that room.
 */
enum kedge_rc kedge_package_device_head_write(const struct kedge_package *package,
                                              struct kedge_writer *out) KEDGE_MUST_USE;

#endif
