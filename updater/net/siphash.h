/*
 * siphash.h: SipHash-2-4, for hash tables over what comes from outside: nobody who does not know
 * the key can choose addresses, tokens or names that collide.
 */
#ifndef KEDGE_UPDATER_SIPHASH_H
#define KEDGE_UPDATER_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct kedge_siphash_key {
    uint64_t k0, k1;
};

uint64_t kedge_siphash(const struct kedge_siphash_key *key, const void *data, size_t size);

#endif
