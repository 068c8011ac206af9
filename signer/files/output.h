/*
 * output.h: files that are whole or absent. The bytes go to a temporary file beside the wanted
 * name; only when all are durable does the file get that name. A program that is interrupted takes
 * the temporary file with it. Why the system refused stays in errno.
 */
#ifndef KEDGE_SIGNER_OUTPUT_H
#define KEDGE_SIGNER_OUTPUT_H

#include "signer/cli/complain.h"
#include <kedge/base.h>
#include <sys/types.h>

#define KEDGE_PATH_MAX 4096u

/** A file being written. Begin with kedge_output_open(), end with keep or drop; one at a time. */
struct kedge_output {
    char path[KEDGE_PATH_MAX];
    char temporary[KEDGE_PATH_MAX];
    int file; /* -1 when there is none */
};

/**
 * kedge_output_open() creates the temporary file with `mode` (0600 for secrets). KEDGE_E_SYSTEM,
 * too, when `path` is something else than a regular file.
 */
enum kedge_rc kedge_output_open(struct kedge_output *output, const char *path,
                                mode_t mode) KEDGE_MUST_USE;

/** kedge_output_write() appends. */
enum kedge_rc kedge_output_write(struct kedge_output *output,
                                 struct kedge_slice bytes) KEDGE_MUST_USE;

/** kedge_output_write_at() writes at `offset`, wherever the end is. */
enum kedge_rc kedge_output_write_at(struct kedge_output *output, uint64_t offset,
                                    struct kedge_slice bytes) KEDGE_MUST_USE;

/**
 * kedge_output_keep() makes the bytes durable and gives them their name. Blocks for fsync. Unless
 * `replace`, a file that has the name already stays, and KEDGE_E_EXISTS comes back.
 */
enum kedge_rc kedge_output_keep(struct kedge_output *output, bool replace) KEDGE_MUST_USE;

/** kedge_output_drop() removes what was not kept; after kedge_output_keep() it does nothing. */
void kedge_output_drop(struct kedge_output *output);

/**
 * kedge_output_save() writes a small file at once; unless `replace`, one that has the name stays.
 * Says what is wrong when it cannot.
 */
enum kedge_exit kedge_output_save(const char *path, mode_t mode, bool replace,
                                  struct kedge_slice bytes);

/**
 * kedge_output_sync_folder() makes the names in the folder of `path` durable. KEDGE_E_SYSTEM when
 * the system does not.
 */
enum kedge_rc kedge_output_sync_folder(const char *path) KEDGE_MUST_USE;

/**
 * kedge_scratch_open() creates a file without a name beside `path` and returns its descriptor, to
 * be closed; -1 when the system refuses.
 */
int kedge_scratch_open(const char *path);

/** kedge_file_write_at() writes all of `bytes` at `offset` of an open file. */
enum kedge_rc kedge_file_write_at(int file, uint64_t offset,
                                  struct kedge_slice bytes) KEDGE_MUST_USE;

#endif
