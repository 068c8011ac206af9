/* package_input.c: see package_input.h. */
#include "signer/commands/package_input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signer/cli/progress.h"
#include "signer/files/input.h"

/* Where the image goes, and how far it is. */
struct unpacking {
    struct kedge_output *image; /* NULL: only checked */
    struct kedge_progress progress;
};

enum kedge_exit kedge_package_open(const char *path, struct kedge_package_input *input)
{
    memset(input, 0, sizeof *input);
    input->path = path;
    return kedge_file_map(path, &input->bytes) == KEDGE_OK ? KEDGE_EXIT_DONE
                                                           : kedge_complain_system("read", path);
}

void kedge_package_close(struct kedge_package_input *input)
{
    kedge_file_unmap(input->bytes);
}

static enum kedge_rc take_image(void *context, uint64_t offset, struct kedge_slice bytes)
{
    struct unpacking *unpacking = context;
    (void)offset;
    kedge_progress_add(&unpacking->progress, bytes.size);
    return unpacking->image != NULL ? kedge_output_write(unpacking->image, bytes) : KEDGE_OK;
}

static enum kedge_rc expand(const struct kedge_package *package, struct kedge_output *image)
{
    struct kedge_payload_reader *reader = malloc(sizeof *reader);
    if (reader == NULL)
        return KEDGE_E_MEMORY;
    struct unpacking unpacking = {.image = image};
    const struct kedge_payload_sink sink = {.context = &unpacking, .write = take_image};
    kedge_progress_begin(&unpacking.progress, "checking", package->manifest.image_size);
    enum kedge_rc rc = kedge_package_expand(package, reader, &sink);
    kedge_progress_end(&unpacking.progress);
    free(reader);
    return rc;
}

void kedge_package_check(struct kedge_package_input *input, const struct kedge_suit_trust *trust,
                         bool *signed_by, struct kedge_output *image)
{
    input->rc = kedge_package_read(input->bytes, trust, signed_by, &input->package, &input->part);
    if (input->rc == KEDGE_OK)
        input->rc = expand(&input->package, image);
}

enum kedge_exit kedge_package_complain(const struct kedge_package_input *input)
{
    if (input->rc == KEDGE_E_MEMORY)
        return kedge_complain(KEDGE_EXIT_SYSTEM, "%s: %s", input->path, kedge_rc_text(input->rc));
    if (input->bytes.size == 0)
        return kedge_complain(KEDGE_EXIT_INVALID, "%s: the file is empty", input->path);
    if (input->part == KEDGE_PART_ENVELOPE && input->rc == KEDGE_E_UNSUPPORTED)
        return kedge_complain(KEDGE_EXIT_INVALID, "%s: this is no package (no SUIT envelope)",
                              input->path);
    return kedge_complain(KEDGE_EXIT_INVALID, "%s: %s: %s", input->path,
                          kedge_package_part_text(input->part), kedge_rc_text(input->rc));
}
