/* package_pass.c: see package_pass.h. */
#include "signer/commands/package_pass.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signer/cli/progress.h"
#include "signer/files/input.h"
#include "signer/package/second_hash.h"

#define PIECE_SIZE 4096u

/* Too much for the stack; given back by kedge_package_close(), because what was read borrows it. */
struct kedge_package_pass {
    struct kedge_package_stream stream;
    struct kedge_second_hash second;
    uint8_t piece[PIECE_SIZE];
};

static enum kedge_rc write_image(void *context, uint64_t offset, struct kedge_slice bytes)
{
    (void)offset; /* the reader gives the image in order */
    return kedge_output_write(context, bytes);
}

/* Pushes the whole file; `read_rc` is the file's fault, the result the package's. */
static enum kedge_rc push_file(struct kedge_package_pass *pass, struct kedge_file *file,
                               enum kedge_rc *read_rc)
{
    struct kedge_progress progress;
    enum kedge_rc rc = KEDGE_OK;
    size_t size;
    kedge_progress_begin(&progress, "checking", file->size);
    do {
        *read_rc = kedge_file_next(file, pass->piece, sizeof pass->piece, &size);
        if (*read_rc == KEDGE_OK)
            rc = kedge_package_stream_push(&pass->stream, kedge_slice(pass->piece, size));
        kedge_progress_add(&progress, size);
    } while (*read_rc == KEDGE_OK && rc == KEDGE_OK && size > 0);
    kedge_progress_end(&progress);
    return rc == KEDGE_OK ? kedge_package_stream_end(&pass->stream) : rc;
}

static enum kedge_exit check_file(struct kedge_package_pass *pass, struct kedge_file *file,
                                  struct kedge_package_input *input)
{
    enum kedge_rc read_rc;
    input->size = file->size;
    kedge_second_hash_begin(&pass->second);
    input->rc = push_file(pass, file, &read_rc);
    int reason = errno;
    kedge_second_hash_end(&pass->second);
    errno = reason;
    input->part = pass->stream.part;
    input->package = pass->stream.package;
    return read_rc == KEDGE_OK ? KEDGE_EXIT_DONE : kedge_complain_system("read", input->path);
}

enum kedge_exit kedge_package_pass(const char *path, const struct kedge_suit_trust *trust,
                                   bool *signed_by, struct kedge_output *image,
                                   struct kedge_package_input *input)
{
    struct kedge_file file;
    const struct kedge_payload_sink sink = {.context = image, .write = write_image};
    memset(input, 0, sizeof *input);
    input->path = path;
    if (kedge_file_open(&file, path) != KEDGE_OK)
        return kedge_complain_system("read", path);
    struct kedge_package_pass *pass = malloc(sizeof *pass);
    enum kedge_exit status = KEDGE_EXIT_DONE;
    input->pass = pass;
    if (pass == NULL) {
        input->rc = KEDGE_E_MEMORY;
    } else {
        kedge_package_stream_begin(&pass->stream, trust, signed_by, image != NULL ? &sink : NULL,
                                   &pass->second.hasher);
        status = check_file(pass, &file, input);
    }
    kedge_file_close(&file);
    return status;
}
