/*
 * stream.h: an envelope as its bytes come in, in any pieces. Wrapper and manifest are kept until
 * both are whole; text, attachments and the payload are handed on as they arrive. The device
 * installs through it, and a release engineer's verify runs the same code.
 *
 * The profile is that of kedge_suit_envelope_read(), which wants the bytes in one piece: canonical
 * order, byte strings as values, nothing that is not known, and "#firmware" last. Bounded memory,
 * no heap. Nothing survives a reboot.
 */
#ifndef KEDGE_STREAM_H
#define KEDGE_STREAM_H

#include <kedge/suit.h>

/** A member of the envelope behind wrapper and manifest. */
struct kedge_suit_member {
    uint64_t key;            /* of a severable member: 16, 20, 23; 0 for a named one */
    struct kedge_slice name; /* "#firmware"; borrowed for the time of the call */
    bool firmware;           /* it is the payload, and the last one */
    uint64_t size;           /* bytes of its content */
};

/** What is done with the parts. The first failure ends the walk and is handed on. */
struct kedge_suit_stream_hooks {
    void *context;
    /** Wrapper and manifest are whole, borrowed until the end. Before KEDGE_OK nothing else comes.
     */
    enum kedge_rc (*head)(void *context, struct kedge_slice wrapper, struct kedge_slice manifest);
    /** A member begins; then its content comes in pieces (none when it is empty), then its end. */
    enum kedge_rc (*begin)(void *context, const struct kedge_suit_member *member);
    enum kedge_rc (*take)(void *context, struct kedge_slice bytes);
    enum kedge_rc (*end)(void *context);
};

enum kedge_suit_stage {
    KEDGE_SUIT_STAGE_TOP = 0,  /* the tag and the head of the map */
    KEDGE_SUIT_STAGE_KEY,      /* a key of the envelope, and the head of its value */
    KEDGE_SUIT_STAGE_KEPT,     /* wrapper or manifest, being collected */
    KEDGE_SUIT_STAGE_MEMBER,   /* what is handed on */
    KEDGE_SUIT_STAGE_COMPLETE, /* every byte came */
    KEDGE_SUIT_STAGE_FAILED    /* `failure` says why */
};

/** The walk; the caller's. */
struct kedge_suit_stream {
    struct kedge_suit_stream_hooks hooks;
    enum kedge_suit_stage stage;
    enum kedge_rc failure;
    bool headed;            /* the head has been taken */
    bool firmware;          /* the present member is the payload */
    uint64_t taken;         /* bytes of the envelope, those that were skipped too */
    uint64_t pairs_left;    /* of the envelope's map */
    uint64_t value_left;    /* bytes of the present value still to come */
    uint32_t last_key_size; /* the key before, for the order */
    uint8_t last_key[32];
    size_t pending_size; /* bytes of a CBOR head or key that is not whole yet */
    uint8_t pending[32];
    size_t wrapper_size, kept_size; /* what `kept` holds: wrapper, then manifest */
    uint8_t kept[KEDGE_SUIT_HEAD_MAX];
};

/** kedge_suit_stream_begin() starts at an envelope's first byte. */
void kedge_suit_stream_begin(struct kedge_suit_stream *stream,
                             const struct kedge_suit_stream_hooks *hooks);

/**
 * kedge_suit_stream_push() takes the next bytes. KEDGE_E_TRAILING behind the end; KEDGE_E_LIMIT
 * when wrapper and manifest are more than a device keeps. The first failure is final and handed
 * out again by every later call.
 */
enum kedge_rc kedge_suit_stream_push(struct kedge_suit_stream *stream,
                                     struct kedge_slice bytes) KEDGE_MUST_USE;

/**
 * kedge_suit_stream_skip() passes over the next `size` bytes of the present member's content, which
 * do not come: its user has them. KEDGE_E_ARGUMENT when they are not all in it, or are all that is
 * left of it.
 */
enum kedge_rc kedge_suit_stream_skip(struct kedge_suit_stream *stream,
                                     uint64_t size) KEDGE_MUST_USE;

/** kedge_suit_stream_end() says that no more bytes come: KEDGE_E_TRUNCATED unless all did. */
enum kedge_rc kedge_suit_stream_end(struct kedge_suit_stream *stream) KEDGE_MUST_USE;

#endif
