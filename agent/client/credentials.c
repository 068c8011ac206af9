/* credentials.c: see credentials.h. */
#include "agent/client/credentials.h"

#include "agent/client/secret_file.h"

#include <string.h>

#define LINE_SIZE (2u * KEDGE_PSK_KEY_MAX + 4u)

static enum kedge_rc take_line(struct kedge_credentials *credentials, const char *line, size_t size)
{
    while (size > 0 && strchr(" \t\r\n", line[size - 1]) != NULL)
        size--;
    if (size == 0 || size % 2 != 0 || size / 2 > KEDGE_PSK_KEY_MAX)
        return KEDGE_E_KEY;
    if (kedge_hex_decode(kedge_slice(line, size), credentials->key, size / 2) != KEDGE_OK)
        return KEDGE_E_KEY;
    credentials->key_size = size / 2;
    credentials->proof = KEDGE_PROOF_PRE_SHARED_KEY;
    return KEDGE_OK;
}

enum kedge_rc kedge_credentials_load(struct kedge_credentials *credentials, const char *identity,
                                     const char *path)
{
    memset(credentials, 0, sizeof *credentials);
    size_t identity_size = strlen(identity);
    if (identity_size == 0 || identity_size > KEDGE_PSK_IDENTITY_MAX)
        return KEDGE_E_KEY;
    memcpy(credentials->identity, identity, identity_size + 1);

    char line[LINE_SIZE];
    size_t size;
    enum kedge_rc rc = kedge_secret_file_read(path, line, sizeof line, &size);
    if (rc == KEDGE_OK)
        rc = take_line(credentials, line, size);
    kedge_wipe(line, sizeof line);
    return rc;
}
