/* upload.c: a package being received, in a file that is gone when the request is. */
#define _GNU_SOURCE
#include "updater/api/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool upload_failed(struct request *request, const char *what)
{
    int error = errno;
    bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    refuse(request, full ? MHD_HTTP_INSUFFICIENT_STORAGE : MHD_HTTP_INTERNAL_SERVER_ERROR,
           full ? "space" : "system", NULL, "the upload could not be %s on the server: %s", what,
           strerror(error));
    upload_discard(&request->upload);
    return false;
}

bool upload_open(struct request *request)
{
    struct upload *upload = &request->upload;
    (void)snprintf(upload->path, sizeof(upload->path), "%s/package-XXXXXX", request->api->uploads);
    upload->file = mkostemp(upload->path, O_CLOEXEC);
    return upload->file >= 0 || upload_failed(request, "begun");
}

bool upload_write(struct request *request, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(request->upload.file, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return upload_failed(request, "stored");
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

void upload_discard(struct upload *upload)
{
    if (upload->file < 0)
        return;
    (void)close(upload->file);
    (void)unlink(upload->path);
    upload->file = -1;
}
