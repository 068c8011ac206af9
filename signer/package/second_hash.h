/*
 * second_hash.h: the image's SHA-256 on a thread of its own, while the first one checks frames:
 * each byte of a package is hashed twice, and neither hash waits for the other.
 */
#ifndef KEDGE_SIGNER_SECOND_HASH_H
#define KEDGE_SIGNER_SECOND_HASH_H

#include <kedge/payload.h>
#include <pthread.h>
#include <stdatomic.h>

#define KEDGE_SECOND_HASH_PIECES 2u
#define KEDGE_SECOND_HASH_PIECE 4096u

/** The thread and what lies between: at most 8 KiB. The caller's; it stays in its place. */
struct kedge_second_hash {
    struct kedge_payload_hasher hasher; /* for kedge_package_stream_begin() */
    pthread_t thread;
    bool threaded; /* the system gave a thread; without one, update hashes by itself */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    atomic_uint filled, hashed; /* pieces so far; the difference is what waits */
    atomic_bool ended;
    size_t sizes[KEDGE_SECOND_HASH_PIECES];
    uint8_t pieces[KEDGE_SECOND_HASH_PIECES][KEDGE_SECOND_HASH_PIECE];
    struct kedge_sha256 hash;
};

/** kedge_second_hash_begin() starts the thread. */
void kedge_second_hash_begin(struct kedge_second_hash *second);

/** kedge_second_hash_end() ends it, whether the digest was asked for or not. */
void kedge_second_hash_end(struct kedge_second_hash *second);

#endif
