/* secret_file.c: see secret_file.h. */
#include "agent/client/secret_file.h"

#include <errno.h>
#include <stdio.h>

enum kedge_rc kedge_secret_file_read(const char *path, char *text, size_t capacity, size_t *size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return KEDGE_E_SYSTEM;
    setvbuf(file, NULL, _IONBF, 0); /* no copy in a buffer that is not wiped */
    *size = fread(text, 1, capacity, file);
    enum kedge_rc rc = ferror(file) ? KEDGE_E_SYSTEM : KEDGE_OK;
    int saved_errno = errno;
    fclose(file);
    errno = saved_errno;
    return rc;
}
