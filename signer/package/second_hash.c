/*
 * second_hash.c: see second_hash.h.
 *
 * Method: one thread fills pieces, the other hashes them, in a ring. Both go at the same speed, so
 * each looks a while before it lies down, because waking up costs as much as hashing a piece; and
 * it lets others run while it looks, because the one it waits for may have no processor. The lock
 * is only for lying down and waking.
 */
#include "signer/package/second_hash.h"

#include <sched.h>
#include <string.h>

#define LOOKS 300u
#define LOOKS_BETWEEN_YIELDS 32u

/* The thread that fills waits for room, the other one for a piece, or for the end. */
static bool has_room(struct kedge_second_hash *second)
{
    return atomic_load(&second->filled) - atomic_load(&second->hashed) < KEDGE_SECOND_HASH_PIECES;
}

static bool has_piece(struct kedge_second_hash *second)
{
    return atomic_load(&second->filled) != atomic_load(&second->hashed) ||
           atomic_load(&second->ended);
}

static void wait_until(struct kedge_second_hash *second,
                       bool (*holds)(struct kedge_second_hash *second))
{
    for (unsigned i = 0; i < LOOKS; i++) {
        if (holds(second))
            return;
        if (i % LOOKS_BETWEEN_YIELDS == LOOKS_BETWEEN_YIELDS - 1)
            sched_yield();
    }
    pthread_mutex_lock(&second->mutex);
    while (!holds(second))
        pthread_cond_wait(&second->changed, &second->mutex);
    pthread_mutex_unlock(&second->mutex);
}

/* The lock is taken so that nobody lies down between looking and being woken. */
static void count_one(struct kedge_second_hash *second, atomic_uint *pieces)
{
    pthread_mutex_lock(&second->mutex);
    atomic_fetch_add(pieces, 1u);
    pthread_cond_signal(&second->changed);
    pthread_mutex_unlock(&second->mutex);
}

static void *hash_pieces(void *context)
{
    struct kedge_second_hash *second = context;
    for (;;) {
        wait_until(second, has_piece);
        unsigned number = atomic_load(&second->hashed);
        if (number == atomic_load(&second->filled))
            return NULL; /* the end, and nothing waits */
        size_t place = number % KEDGE_SECOND_HASH_PIECES;
        kedge_sha256_update(&second->hash,
                            kedge_slice(second->pieces[place], second->sizes[place]));
        count_one(second, &second->hashed);
    }
}

static void update(void *context, struct kedge_slice bytes)
{
    struct kedge_second_hash *second = context;
    if (!second->threaded) {
        kedge_sha256_update(&second->hash, bytes);
        return;
    }
    while (bytes.size > 0) {
        size_t size = bytes.size < KEDGE_SECOND_HASH_PIECE ? bytes.size : KEDGE_SECOND_HASH_PIECE;
        wait_until(second, has_room);
        size_t place = atomic_load(&second->filled) % KEDGE_SECOND_HASH_PIECES;
        memcpy(second->pieces[place], bytes.data, size);
        second->sizes[place] = size;
        count_one(second, &second->filled);
        bytes = kedge_slice(bytes.data + size, bytes.size - size);
    }
}

static void stop(struct kedge_second_hash *second)
{
    if (!second->threaded)
        return;
    pthread_mutex_lock(&second->mutex);
    atomic_store(&second->ended, true);
    pthread_cond_signal(&second->changed);
    pthread_mutex_unlock(&second->mutex);
    pthread_join(second->thread, NULL);
    second->threaded = false;
}

static void final(void *context, uint8_t digest[KEDGE_SHA256_SIZE])
{
    struct kedge_second_hash *second = context;
    stop(second);
    struct kedge_sha256 hash = second->hash;
    kedge_sha256_final(&hash, digest);
}

void kedge_second_hash_begin(struct kedge_second_hash *second)
{
    second->hasher =
        (struct kedge_payload_hasher){.context = second, .update = update, .final = final};
    pthread_mutex_init(&second->mutex, NULL);
    pthread_cond_init(&second->changed, NULL);
    atomic_init(&second->filled, 0u);
    atomic_init(&second->hashed, 0u);
    atomic_init(&second->ended, false);
    kedge_sha256_init(&second->hash);
    second->threaded = pthread_create(&second->thread, NULL, hash_pieces, second) == 0;
}

void kedge_second_hash_end(struct kedge_second_hash *second)
{
    stop(second);
    pthread_cond_destroy(&second->changed);
    pthread_mutex_destroy(&second->mutex);
}
