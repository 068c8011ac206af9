/*
 * device_files.h: what is served under /fw/: each file is mapped once, when it is first asked for,
 * and the mapping is shared by all downloads. On the network thread.
 */
#ifndef KEDGE_UPDATER_DEVICE_FILES_H
#define KEDGE_UPDATER_DEVICE_FILES_H

#include "updater/kedged/package_files.h"
#include "updater/net/blob.h"

struct kedge_device_file;

/** Zeroed but for `folder`, which is the data folder and outlives it. */
struct kedge_device_files {
    const char *folder;
    struct kedge_device_file *first;
};

/** Finds the file by its name, 64 hex digits. The blob holds until the file is forgotten. */
bool kedge_device_files_find(struct kedge_device_files *files, const char *name,
                             struct kedge_blob *blob);
/** Lets go of one that is deleted; a name that is not mapped is fine. */
void kedge_device_files_forget(struct kedge_device_files *files, const char *name);
void kedge_device_files_clear(struct kedge_device_files *files);

#endif
