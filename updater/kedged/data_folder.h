/*
 * data_folder.h: the folder of everything that lasts, and the admin's token in it.
 */
#ifndef KEDGE_UPDATER_DATA_FOLDER_H
#define KEDGE_UPDATER_DATA_FOLDER_H

#include "updater/store/store.h"

#include <sys/types.h>

#define KEDGE_ADMIN_TOKEN_FILE "admin.token"
#define KEDGE_ADMIN_TOKEN_NAME "admin"

#define KEDGE_PACKAGE_FOLDER "packages" /* as they were uploaded */
#define KEDGE_DEVICE_FOLDER "fw"        /* the bytes that devices are sent */

/**
 * Makes the folder (0700) and those in it when they are not there; what stands above it must be.
 * They are there after a power cut too. Blocks.
 */
enum kedge_rc kedge_data_folder_make(const char *folder,
                                     char error[KEDGE_STORE_ERROR_MAX]) KEDGE_MUST_USE;

/** Makes the names in the folder durable. KEDGE_E_SYSTEM leaves errno. Blocks. */
enum kedge_rc kedge_folder_sync(const char *folder) KEDGE_MUST_USE;

/**
 * Writes a file of this mode and syncs it; another one of its name is replaced. Its name is durable
 * once the folder is synced. KEDGE_E_SYSTEM leaves errno. Blocks.
 */
enum kedge_rc kedge_file_write(const char *path, mode_t mode,
                               struct kedge_slice content) KEDGE_MUST_USE;

/**
 * Makes the admin's token when the store knows none or its file is gone: it goes to
 * `folder`/admin.token (0600). The store keeps its SHA-256 only, and the audit log that it was
 * made. The file appears only once the store's record is durable. Blocks.
 */
enum kedge_rc kedge_admin_token_ensure(struct kedge_store *store, const char *folder,
                                       char error[KEDGE_STORE_ERROR_MAX]) KEDGE_MUST_USE;

#endif
