/* package_files.c: packages as files: check, keep, and make what devices are sent. */
#define _GNU_SOURCE
#include "updater/kedged/package_files.h"

#include "updater/kedged/data_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <kedge/package.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096u
#define NEW_FILE_PREFIX ".new-"
#define PACKAGE_ENDING ".suit"

static enum kedge_rc map_file(const char *path, struct kedge_slice *bytes)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return KEDGE_E_SYSTEM;
    enum kedge_rc rc = KEDGE_E_SYSTEM;
    struct stat status;
    if (fstat(file, &status) != 0)
        goto cleanup;
    if (status.st_size == 0) {
        rc = KEDGE_E_TRUNCATED;
        goto cleanup;
    }
    void *mapping = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, file, 0);
    if (mapping == MAP_FAILED)
        goto cleanup;
    *bytes = kedge_slice(mapping, (size_t)status.st_size);
    rc = KEDGE_OK;
cleanup:
    close(file);
    return rc;
}

static void unmap(struct kedge_slice bytes)
{
    if (bytes.data != NULL)
        munmap((void *)(uintptr_t)bytes.data, bytes.size);
}

/* ---- files that are whole or absent ---- */

static enum kedge_rc write_failed(void)
{
    return errno == ENOSPC || errno == EDQUOT ? KEDGE_E_SPACE : KEDGE_E_SYSTEM;
}

struct new_file {
    char path[PATH_SIZE];
    char temporary[PATH_SIZE + 16];
    char folder[PATH_SIZE];
    int file;
    struct kedge_sha256 hash;
    uint64_t size;
};

static enum kedge_rc new_file_open(struct new_file *new, const char *data_folder, const char *sub)
{
    kedge_sha256_init(&new->hash);
    new->size = 0;
    snprintf(new->folder, sizeof new->folder, "%s/%s", data_folder, sub);
    snprintf(new->temporary, sizeof new->temporary, "%s/" NEW_FILE_PREFIX "XXXXXX", new->folder);
    new->file = mkostemp(new->temporary, O_CLOEXEC);
    return new->file < 0 ? write_failed() : KEDGE_OK;
}

static enum kedge_rc new_file_write(struct new_file *new, struct kedge_slice bytes)
{
    kedge_sha256_update(&new->hash, bytes);
    new->size += bytes.size;
    while (bytes.size > 0) {
        ssize_t written = write(new->file, bytes.data, bytes.size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return write_failed();
        bytes = kedge_slice(bytes.data + written, bytes.size - (size_t)written);
    }
    return KEDGE_OK;
}

static void new_file_drop(struct new_file *new)
{
    if (new->file < 0)
        return;
    close(new->file);
    unlink(new->temporary);
    new->file = -1;
}

/*
 * Durable under its name: the bytes first, then the name, then the folder that holds the name. A
 * file that has the name already stays: another signature over the same manifest replaces nothing.
 * Its name is synced all the same: who gave it may have failed to.
 */
static enum kedge_rc new_file_keep(struct new_file *new, const char *name)
{
    snprintf(new->path, sizeof new->path, "%.3900s/%s", new->folder, name);
    if (access(new->path, F_OK) == 0)
        return kedge_folder_sync(new->folder);
    if (fsync(new->file) != 0 || rename(new->temporary, new->path) != 0)
        return write_failed();
    close(new->file);
    new->file = -1;
    return kedge_folder_sync(new->folder);
}

/* ---- checking ---- */

static enum kedge_rc refuse(char reason[KEDGE_PACKAGE_REASON_MAX], const char *what,
                            enum kedge_rc rc)
{
    /* Of all that is read here nothing is a device's slot: space is what the server's disk lacks.
     */
    const char *words = rc == KEDGE_E_SPACE ? "the server's disk is full" : kedge_rc_text(rc);
    snprintf(reason, KEDGE_PACKAGE_REASON_MAX, "%s: %s", what, words);
    return rc;
}

static enum kedge_rc write_to_file(void *context, uint64_t offset, struct kedge_slice bytes)
{
    (void)offset;
    return new_file_write(context, bytes);
}

/* Runs every frame through the reader that devices use; the image goes to `image` unless NULL. */
static enum kedge_rc check_payload(const struct kedge_package *package, struct new_file *image)
{
    struct kedge_payload_reader *reader = malloc(sizeof *reader);
    if (reader == NULL)
        return KEDGE_E_MEMORY;
    const struct kedge_payload_sink sink = {.context = image, .write = write_to_file};
    enum kedge_rc rc = kedge_package_expand(package, reader, image != NULL ? &sink : NULL);
    free(reader);
    return rc;
}

static void copy_text(char *to, size_t size, struct kedge_slice from)
{
    size_t length = from.size < size - 1 ? from.size : size - 1;
    if (length > 0)
        memcpy(to, from.data, length);
    to[length] = '\0';
}

static void take_words(const struct kedge_package *package, struct kedge_package_info *info)
{
    struct kedge_suit_text words;
    kedge_package_names(package, &words);
    copy_text(info->description, sizeof info->description, words.description);
    copy_text(info->vendor_domain, sizeof info->vendor_domain, words.vendor_domain);
    copy_text(info->class_name, sizeof info->class_name, words.class_name);
}

/* Trusted keys signed it, but not as many as there must be. */
static bool too_few_signers(const struct kedge_suit_trust *trust, const bool *signed_by,
                            char *reason)
{
    size_t count = 0;
    for (size_t i = 0; i < trust->key_count; i++)
        count += signed_by[i] ? 1u : 0u;
    if (count > 0)
        snprintf(
            reason, KEDGE_PACKAGE_REASON_MAX,
            "signature: %zu of the trusted keys signed it, and kedged asks for %zu (--require)",
            count, trust->required);
    return count > 0;
}

/* The revisions are copied, each to a line of its own, for they would borrow the upload's mapping
 * beyond its time. */
static void take_hardware(struct kedge_package_info *info)
{
    size_t used = 0;
    for (size_t i = 0; i < info->manifest.hardware_count; i++) {
        struct kedge_slice *revision = &info->manifest.hardware[i];
        used += (size_t)snprintf(&info->hardware[used], sizeof info->hardware - used, "%s%.*s",
                                 used > 0 ? "\n" : "", (int)revision->size,
                                 (const char *)revision->data);
        *revision = kedge_slice(NULL, 0);
    }
}

static enum kedge_rc check_package(struct kedge_slice bytes, const struct kedge_suit_trust *trust,
                                   struct kedge_package *package, struct kedge_package_info *info,
                                   char *reason)
{
    enum kedge_package_part part;
    enum kedge_rc rc = kedge_package_read(bytes, trust, info->signed_by, package, &part);
    if (rc == KEDGE_E_SIGNATURE && trust->key_count == 0) {
        snprintf(reason, KEDGE_PACKAGE_REASON_MAX,
                 "signature: the server trusts no key yet; add one with kedge trust add");
        return rc;
    }
    if (rc == KEDGE_E_SIGNATURE && too_few_signers(trust, info->signed_by, reason))
        return rc;
    if (rc != KEDGE_OK) {
        char words[KEDGE_PACKAGE_WORDS_MAX];
        kedge_package_words(package, part, rc, words);
        snprintf(reason, KEDGE_PACKAGE_REASON_MAX, "%s", words);
        return rc;
    }
    kedge_hex_encode(kedge_slice(package->envelope.manifest_digest, KEDGE_SHA256_SIZE), info->id);
    info->package_size = bytes.size;
    info->manifest = package->manifest;
    /* What would borrow the upload's mapping beyond its time. */
    for (size_t i = 0; i < info->manifest.attachment_count; i++)
        info->manifest.attachments[i].name = kedge_slice(NULL, 0);
    take_hardware(info);
    copy_text(info->version, sizeof info->version, kedge_slice_text(package->version));
    take_words(package, info);
    return KEDGE_OK;
}

/* ---- what devices are sent ---- */

static enum kedge_rc write_stripped(const struct kedge_package *package, struct new_file *file)
{
    uint8_t head_bytes[KEDGE_SUIT_HEAD_MAX];
    struct kedge_writer head = kedge_writer(head_bytes, sizeof head_bytes);
    KEDGE_TRY(kedge_package_device_head_write(package, &head));
    KEDGE_TRY(new_file_write(file, kedge_writer_slice(&head)));
    return new_file_write(file, package->payload);
}

static enum kedge_rc make_device_file(const char *data_folder, const struct kedge_package *package,
                                      struct kedge_package_info *info, char *reason)
{
    bool bare = info->manifest.delivery == KEDGE_DELIVER_PAYLOAD;
    struct new_file file = {.file = -1};
    enum kedge_rc rc = new_file_open(&file, data_folder, KEDGE_DEVICE_FOLDER);
    if (rc != KEDGE_OK)
        return refuse(reason, "storing the bytes for devices", rc);
    rc = check_payload(package, bare ? &file : NULL);
    if (rc != KEDGE_OK) {
        new_file_drop(&file);
        return refuse(reason, kedge_package_part_text(KEDGE_PART_PAYLOAD), rc);
    }
    if (!bare)
        rc = write_stripped(package, &file);
    if (rc == KEDGE_OK) {
        uint8_t digest[KEDGE_SHA256_SIZE];
        kedge_sha256_final(&file.hash, digest);
        kedge_hex_encode(kedge_slice(digest, sizeof digest), info->device_file);
        info->device_file_size = file.size;
        rc = new_file_keep(&file, info->device_file);
    }
    new_file_drop(&file);
    return rc == KEDGE_OK ? rc : refuse(reason, "storing the bytes for devices", rc);
}

static enum kedge_rc keep_package(const char *data_folder, struct kedge_slice package,
                                  const struct kedge_package_info *info, char *reason)
{
    char name[sizeof info->id + 8];
    snprintf(name, sizeof name, "%s" PACKAGE_ENDING, info->id);
    struct new_file file = {.file = -1};
    enum kedge_rc rc = new_file_open(&file, data_folder, KEDGE_PACKAGE_FOLDER);
    if (rc == KEDGE_OK)
        rc = new_file_write(&file, package);
    if (rc == KEDGE_OK)
        rc = new_file_keep(&file, name);
    new_file_drop(&file);
    return rc == KEDGE_OK ? rc : refuse(reason, "storing the package", rc);
}

static void remove_file(const char *data_folder, const char *sub, const char *name,
                        const char *ending)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s/%s%s", data_folder, sub, name, ending);
    unlink(path);
}

enum kedge_rc kedge_package_accept(const char *data_folder, const char *upload,
                                   const struct kedge_suit_trust *trust,
                                   struct kedge_package_info *info,
                                   char reason[KEDGE_PACKAGE_REASON_MAX])
{
    memset(info, 0, sizeof *info);
    reason[0] = '\0';
    if (trust->key_count > KEDGE_PACKAGE_KEYS_MAX)
        return refuse(reason, "trust records", KEDGE_E_LIMIT);
    struct kedge_slice bytes = {0};
    enum kedge_rc rc = map_file(upload, &bytes);
    if (rc != KEDGE_OK)
        return refuse(reason, "package", rc);
    struct kedge_package package;
    rc = check_package(bytes, trust, &package, info, reason);
    if (rc == KEDGE_OK)
        rc = make_device_file(data_folder, &package, info, reason);
    if (rc == KEDGE_OK) {
        rc = keep_package(data_folder, bytes, info, reason);
        if (rc != KEDGE_OK)
            remove_file(data_folder, KEDGE_DEVICE_FOLDER, info->device_file, "");
    }
    unmap(bytes);
    return rc;
}

void kedge_package_remove(const char *data_folder, const char *id, const char *device_file)
{
    if (id != NULL)
        remove_file(data_folder, KEDGE_PACKAGE_FOLDER, id, PACKAGE_ENDING);
    if (device_file != NULL)
        remove_file(data_folder, KEDGE_DEVICE_FOLDER, device_file, "");
}

/* ---- what a crash left behind ---- */

/* The digest in a name that has the form of a package's or device file's; false for any other. */
static bool split_name(const char *name, const char *ending, char digest[2 * KEDGE_SHA256_SIZE + 1])
{
    uint8_t bytes[KEDGE_SHA256_SIZE];
    size_t size = 2 * sizeof bytes;
    if (strlen(name) != size + strlen(ending) || strcmp(name + size, ending) != 0 ||
        kedge_hex_decode(kedge_slice(name, size), bytes, sizeof bytes) != KEDGE_OK)
        return false;
    memcpy(digest, name, size);
    digest[size] = '\0';
    return true;
}

static size_t sweep_folder(const char *data_folder, const char *sub, const char *ending,
                           kedge_package_known_fn *known, void *context)
{
    char path[PATH_SIZE], digest[2 * KEDGE_SHA256_SIZE + 1];
    snprintf(path, sizeof path, "%s/%s", data_folder, sub);
    DIR *folder = opendir(path);
    size_t removed = 0;
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        bool half = strncmp(entry->d_name, NEW_FILE_PREFIX, strlen(NEW_FILE_PREFIX)) == 0;
        bool ours = split_name(entry->d_name, ending, digest);
        if (!half && (!ours || known(context, digest)))
            continue;
        remove_file(data_folder, sub, entry->d_name, "");
        removed++;
    }
    if (folder != NULL)
        closedir(folder);
    return removed;
}

size_t kedge_package_sweep(const char *data_folder, kedge_package_known_fn *package_known,
                           kedge_package_known_fn *device_file_known, void *context)
{
    return sweep_folder(data_folder, KEDGE_PACKAGE_FOLDER, PACKAGE_ENDING, package_known, context) +
           sweep_folder(data_folder, KEDGE_DEVICE_FOLDER, "", device_file_known, context);
}

/* ---- serving ---- */

enum kedge_rc kedge_package_map(const char *data_folder, const char *device_file,
                                struct kedge_package_mapping *mapping)
{
    uint8_t digest[KEDGE_SHA256_SIZE];
    KEDGE_TRY(kedge_hex_decode(kedge_slice_text(device_file), digest, sizeof digest));
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/" KEDGE_DEVICE_FOLDER "/%s", data_folder, device_file);
    KEDGE_TRY(map_file(path, &mapping->bytes));
    memcpy(mapping->etag, digest, sizeof mapping->etag);
    return KEDGE_OK;
}

void kedge_package_unmap(struct kedge_package_mapping *mapping)
{
    unmap(mapping->bytes);
    mapping->bytes = kedge_slice(NULL, 0);
}
