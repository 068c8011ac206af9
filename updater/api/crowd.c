/* crowd.c: a host's counter, by the first bytes of a keyed hash. */
#include "updater/api/crowd.h"

#include <kedge/crypto.h>
#include <string.h>
#include <sys/random.h>

#define V6_CUSTOMER_BYTES 8u

enum kedge_rc crowd_init(struct crowd *crowd)
{
    return getrandom(crowd->key, sizeof(crowd->key), 0) == (ssize_t)sizeof(crowd->key)
               ? KEDGE_OK
               : KEDGE_E_SYSTEM;
}

uint32_t *crowd_counter(struct crowd *crowd, const struct host *host)
{
    uint8_t text[sizeof(crowd->key) + sizeof(host->bytes)] = {0}, digest[KEDGE_SHA256_SIZE];
    memcpy(text, crowd->key, sizeof(crowd->key));
    memcpy(&text[sizeof(crowd->key)], host->bytes,
           host_is_v4(host) ? sizeof(host->bytes) : V6_CUSTOMER_BYTES);
    kedge_sha256(kedge_slice(text, sizeof(text)), digest);
    return &crowd->counts[((unsigned)digest[0] << 8 | digest[1]) % CROWD_COUNTERS];
}
