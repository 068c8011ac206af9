/* public_key.c: a public key from its file; a private one does not leave where it is. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "updater/cli/cli.h"

#define PEM_FILE_MAX 4096u

char *public_key_read(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = calloc(1, PEM_FILE_MAX + 2);
    size_t size = 0;
    const char *what = NULL;
    if (file == NULL)
        what = strerror(errno);
    else if (text == NULL)
        what = "out of memory";
    else
        size = fread(text, 1, PEM_FILE_MAX + 1, file);
    if (what == NULL && ferror(file))
        what = "cannot be read";
    if (what == NULL && strstr(text, "PRIVATE KEY") != NULL)
        what = "this is a private key: it must not leave where it is; name the public one";
    if (what == NULL && (size > PEM_FILE_MAX || strstr(text, "BEGIN PUBLIC KEY") == NULL))
        what = "this is not a public key in PEM (-----BEGIN PUBLIC KEY-----)";
    if (file != NULL)
        (void)fclose(file);
    if (what == NULL)
        return text;
    complain("%s: %s", path, what);
    free(text);
    return NULL;
}
