/*
 * input.h: the files that are read: small ones into memory, packages as a mapping.
 * Why the system refused stays in errno.
 */
#ifndef KEDGE_SIGNER_INPUT_H
#define KEDGE_SIGNER_INPUT_H

#include <kedge/base.h>
#include <sys/types.h>

struct stat;

/** Which file it is, whatever its name. */
struct kedge_file_identity {
    dev_t device;
    ino_t inode;
};

/**
 * kedge_file_identify() follows links. KEDGE_E_NOT_FOUND when there is no such file, KEDGE_E_SYSTEM
 * when the system does not tell.
 */
enum kedge_rc kedge_file_identify(const char *path, struct kedge_file_identity *out) KEDGE_MUST_USE;

/**
 * kedge_file_read() reads a whole file into fresh memory, which kedge_file_release() wipes and
 * gives back. KEDGE_E_LIMIT when it has more than `most` bytes, KEDGE_E_SYSTEM when it cannot be
 * read.
 */
enum kedge_rc kedge_file_read(const char *path, size_t most,
                              struct kedge_slice *bytes) KEDGE_MUST_USE;
void kedge_file_release(struct kedge_slice bytes);

/** kedge_file_status() is fstat(2) of a regular file. KEDGE_E_SYSTEM for another kind, or refused.
 */
enum kedge_rc kedge_file_status(int file, struct stat *out) KEDGE_MUST_USE;

/** A regular file being read from its beginning; close it with kedge_file_close(). */
struct kedge_file {
    int file;
    uint64_t size; /* when it was opened */
};

/** kedge_file_open() opens a regular file. KEDGE_E_SYSTEM when it is another kind, or refused. */
enum kedge_rc kedge_file_open(struct kedge_file *file, const char *path) KEDGE_MUST_USE;
/** kedge_file_next() reads up to `most` bytes more; `size` is 0 at the end only. */
enum kedge_rc kedge_file_next(struct kedge_file *file, void *bytes, size_t most,
                              size_t *size) KEDGE_MUST_USE;
void kedge_file_close(struct kedge_file *file);

/**
 * kedge_file_map() maps a regular file for reading; an empty one gives an empty slice. Nobody may
 * shorten the file meanwhile. KEDGE_E_SYSTEM when it cannot be read.
 */
enum kedge_rc kedge_file_map(const char *path, struct kedge_slice *bytes) KEDGE_MUST_USE;
void kedge_file_unmap(struct kedge_slice bytes);

#endif
