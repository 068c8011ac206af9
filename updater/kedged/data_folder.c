/*
 * data_folder.c: making the folder and the admin's token.
 */
#define _GNU_SOURCE
#include "updater/kedged/data_folder.h"

#include "updater/kedged/access_token.h"
#include "updater/kedged/call.h"
#include "updater/kedged/clock.h"
#include "updater/kedged/log.h"

#include <kedge/crypto.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum kedge_rc failed(char error[KEDGE_STORE_ERROR_MAX], const char *what, const char *path)
{
    (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "cannot %s %.300s: %s", what, path,
                   strerror(errno));
    return KEDGE_E_SYSTEM;
}

enum kedge_rc kedge_folder_sync(const char *folder)
{
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return KEDGE_E_SYSTEM;
    int failed = fsync(descriptor);
    int reason = errno;
    (void)close(descriptor);
    errno = reason;
    return failed == 0 ? KEDGE_OK : KEDGE_E_SYSTEM;
}

enum kedge_rc kedge_file_write(const char *path, mode_t mode, struct kedge_slice content)
{
    (void)unlink(path);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file < 0)
        return KEDGE_E_SYSTEM;
    bool written = fchmod(file, mode) == 0 &&
                   write(file, content.data, content.size) == (ssize_t)content.size &&
                   fsync(file) == 0;
    int reason = errno;
    (void)close(file);
    errno = reason;
    return written ? KEDGE_OK : KEDGE_E_SYSTEM;
}

/* A folder that was made is gone after a power cut until the one above it has been synced. */
static enum kedge_rc make_folder(const char *path, const char *above,
                                 char error[KEDGE_STORE_ERROR_MAX])
{
    struct stat status;
    if (mkdir(path, 0700) == 0)
        return kedge_folder_sync(above) == KEDGE_OK ? KEDGE_OK : failed(error, "sync", above);
    if (errno != EEXIST)
        return failed(error, "make the data folder", path);
    if (stat(path, &status) != 0)
        return failed(error, "look at the data folder", path);
    if (S_ISDIR(status.st_mode))
        return KEDGE_OK;
    errno = ENOTDIR;
    return failed(error, "use the data folder", path);
}

enum kedge_rc kedge_data_folder_make(const char *folder, char error[KEDGE_STORE_ERROR_MAX])
{
    static const char *const inside[] = {KEDGE_PACKAGE_FOLDER, KEDGE_DEVICE_FOLDER};
    char path[PATH_MAX];
    int size = snprintf(path, sizeof(path), "%s/..", folder);
    if (size < 0 || (size_t)size + sizeof(KEDGE_PACKAGE_FOLDER) >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return failed(error, "make the data folder", folder);
    }
    KEDGE_TRY(make_folder(folder, path, error));
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, inside[i]);
        KEDGE_TRY(make_folder(path, folder, error));
    }
    return KEDGE_OK;
}

/* ---- the admin's token ---- */

static bool find_admin(void *context, const struct kedge_token_record *record)
{
    bool *found = context;
    *found = strcmp(record->name, KEDGE_ADMIN_TOKEN_NAME) == 0;
    return !*found;
}

static enum kedge_rc admin_is_stored(const char *folder, bool *found,
                                     char error[KEDGE_STORE_ERROR_MAX])
{
    struct kedge_reader *reader;
    *found = false;
    KEDGE_TRY(kedge_reader_open(folder, &reader, error));
    enum kedge_rc rc = kedge_reader_tokens(reader, NULL, find_admin, found);
    if (rc != KEDGE_OK)
        (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "cannot read the tokens: %.400s",
                       kedge_reader_error(reader));
    kedge_reader_close(reader);
    return rc;
}

static enum kedge_rc store_token(struct kedge_store *store, struct kedge_token_record *record,
                                 char *text)
{
    struct kedge_audit_entry entry = {
        .who = "server", .what = "token.create", .subject = KEDGE_ADMIN_TOKEN_NAME};
    record->created_at_ms = entry.at_ms = kedge_wall_ms();
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = kedge_batch_put_token(batch, record);
    if (rc == KEDGE_OK)
        rc = kedge_batch_add_audit(batch, &entry);
    if (rc == KEDGE_OK)
        return kedge_call_commit(store, batch, text);
    kedge_batch_destroy(batch);
    return rc;
}

/* Durable under a name of its own first: the token's name is given to it when the store has it. */
static enum kedge_rc write_token(const char *path, const char *token,
                                 char error[KEDGE_STORE_ERROR_MAX])
{
    char line[KEDGE_TOKEN_SIZE + 2];
    int size = snprintf(line, sizeof(line), "%s\n", token);
    enum kedge_rc rc = kedge_file_write(path, 0600, kedge_slice(line, (size_t)size));
    kedge_wipe(line, sizeof(line));
    return rc == KEDGE_OK ? rc : failed(error, "write", path);
}

static enum kedge_rc make_token(struct kedge_store *store, const char *folder, const char *path,
                                char error[KEDGE_STORE_ERROR_MAX])
{
    struct kedge_token_record record = {
        .name = KEDGE_ADMIN_TOKEN_NAME, .role = KEDGE_ROLE_ADMIN, .creator = "server"};
    char token[KEDGE_TOKEN_SIZE + 1], fresh[PATH_MAX + 8], text[KEDGE_BACKEND_TEXT_MAX] = "";
    if (kedge_access_token_make(token, record.hash) != KEDGE_OK)
        return failed(error, "get random numbers for", path);
    (void)snprintf(fresh, sizeof(fresh), "%s.new", path);
    enum kedge_rc rc = write_token(fresh, token, error);
    if (rc != KEDGE_OK)
        goto cleanup;
    rc = store_token(store, &record, text);
    if (rc != KEDGE_OK) {
        (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "cannot store the admin's token: %.300s",
                       text[0] != '\0' ? text : kedge_rc_text(rc));
        goto cleanup;
    }
    if (rename(fresh, path) != 0 || kedge_folder_sync(folder) != KEDGE_OK)
        rc = failed(error, "make", path);
    if (rc == KEDGE_OK)
        kedge_log(KEDGE_LOG_INFO, "the admin's token is in %s", path);

cleanup:
    if (rc != KEDGE_OK)
        (void)unlink(fresh);
    kedge_wipe(token, sizeof(token));
    return rc;
}

enum kedge_rc kedge_admin_token_ensure(struct kedge_store *store, const char *folder,
                                       char error[KEDGE_STORE_ERROR_MAX])
{
    char path[PATH_MAX];
    bool stored;
    int size = snprintf(path, sizeof(path), "%s/%s", folder, KEDGE_ADMIN_TOKEN_FILE);
    if (size < 0 || (size_t)size >= sizeof(path)) {
        (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "the name of the data folder is too long");
        return KEDGE_E_ARGUMENT;
    }
    KEDGE_TRY(admin_is_stored(folder, &stored, error));
    if (stored && access(path, F_OK) == 0)
        return KEDGE_OK;
    return make_token(store, folder, path, error);
}
