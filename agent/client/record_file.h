/*
 * record_file.h: a record as a file. It is replaced as a whole: written beside the old one, synced,
 * renamed over it, and the folder synced; so a cut at any moment leaves the old one or the new one.
 */
#ifndef KEDGE_AGENT_RECORD_FILE_H
#define KEDGE_AGENT_RECORD_FILE_H

#include <kedge/base.h>

/**
 * The folder that the file is in: a seam, so that a test can cut the power between any two steps.
 * Each function returns 0 (`create` a file's number), or -1 with errno.
 */
struct kedge_folder {
    void *context;
    int (*create)(void *context, const char *name);                  /* anew: empty, mode 0600 */
    int (*write)(void *context, int file, struct kedge_slice bytes); /* all of them */
    int (*sync)(void *context, int file);
    void (*close)(void *context, int file);
    int (*rename)(void *context, const char *from, const char *to);
    int (*sync_names)(void *context);
    /* As kedge_record_file_read(). */
    enum kedge_rc (*read)(void *context, const char *name, uint8_t *bytes, size_t capacity,
                          size_t *size);
    void (*remove)(void *context, const char *name); /* if there is one; needs no sync */
};

/** kedge_folder_of() is an open folder of the system; `number` must outlive it. */
struct kedge_folder kedge_folder_of(const int *number);

#define KEDGE_RECORD_NAME_MAX 32u

/**
 * kedge_record_file_replace() puts `bytes` in place of the file `name`, durably. KEDGE_E_SYSTEM
 * with errno; the old file is then still there, unless only the last step, the sync of the folder,
 * failed: then the new one is, until a cut may bring the old one back. Blocks for the syncs.
 */
enum kedge_rc kedge_record_file_replace(const struct kedge_folder *folder, const char *name,
                                        struct kedge_slice bytes) KEDGE_MUST_USE;

/**
 * kedge_record_file_read() reads all of the file. KEDGE_E_NOT_FOUND when there is none,
 * KEDGE_E_LIMIT when it is longer than `capacity`, KEDGE_E_SYSTEM with errno.
 */
enum kedge_rc kedge_record_file_read(int folder, const char *name, uint8_t *bytes, size_t capacity,
                                     size_t *size) KEDGE_MUST_USE;

#endif
