/* trust.c: trusted keys from PEM files. */
#define _POSIX_C_SOURCE 200809L
#include "agent/port/port.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void kedge_port_trust_init(struct kedge_port_trust *trust, bool allow_development_keys)
{
    trust->trust = (struct kedge_suit_trust){.keys = trust->keys,
                                             .key_count = 0,
                                             .required = 1,
                                             .allow_development_keys = allow_development_keys};
}

/* KEDGE_E_KEY for a file that is longer than any key. */
static enum kedge_rc read_pem(const char *path, uint8_t pem[KEDGE_PORT_PEM_MAX + 1], size_t *size)
{
    ssize_t got = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return KEDGE_E_SYSTEM;
    *size = 0;
    do {
        got = read(file, pem + *size, KEDGE_PORT_PEM_MAX + 1 - *size);
        if (got > 0)
            *size += (size_t)got;
    } while (got > 0 || (got < 0 && errno == EINTR));
    int saved = errno;
    close(file);
    errno = saved;
    if (got < 0)
        return KEDGE_E_SYSTEM;
    return *size <= KEDGE_PORT_PEM_MAX ? KEDGE_OK : KEDGE_E_KEY;
}

enum kedge_rc kedge_port_trust_add(struct kedge_port_trust *trust, const char *path)
{
    uint8_t pem[KEDGE_PORT_PEM_MAX + 1];
    size_t size;
    struct kedge_public_key key;
    KEDGE_TRY(read_pem(path, pem, &size));
    if (kedge_public_key_from_pem(kedge_slice(pem, size), &key) != KEDGE_OK)
        return KEDGE_E_KEY;
    for (size_t i = 0; i < trust->trust.key_count; i++)
        if (memcmp(trust->keys[i].key_id, key.key_id, KEDGE_KEY_ID_SIZE) == 0)
            return KEDGE_OK;
    if (trust->trust.key_count == KEDGE_PORT_TRUST_MAX)
        return KEDGE_E_LIMIT;
    trust->keys[trust->trust.key_count++] = key;
    return KEDGE_OK;
}
