/*
 * attachments.c: what a package carries for people: bill of materials, provenance, notes. They are
 * read from the file in which the package is kept, as it was signed. The signed manifest has their
 * digests: each is the entity tag of what it is of, so who has that already is told so without
 * another look at the bytes; those that go out are compared with it each time.
 *
 * A browser is given them as files to keep, never as pages: whoever signs packages must not write
 * what runs as the dashboard.
 */
#define _GNU_SOURCE
#include "updater/api/conditions.h"
#include "updater/api/internal.h"

#include <kedge/package.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTES "notes"
#define DIGEST_SIZE (2u * KEDGE_SHA256_SIZE + 1u) /* in hex */
#define NOTES_TEXT_MAX 65536u /* bytes of notes that are shown beside the others' names */
#define CACHE_AND_ASK "private, no-cache" /* kept, and asked for each time whether it still holds */

/** A package's file, mapped, and taken apart. */
struct kept {
    int file;
    struct kedge_slice bytes;
    struct kedge_package package;
};

static void kept_close(struct kept *kept)
{
    if (kept->bytes.data != NULL)
        (void)munmap((void *)(uintptr_t)kept->bytes.data, kept->bytes.size);
    if (kept->file >= 0)
        (void)close(kept->file);
}

static bool map_file(struct kept *kept, const char *path)
{
    struct stat status;
    kept->file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (kept->file < 0 || fstat(kept->file, &status) != 0)
        return false;
    void *mapped = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, kept->file, 0);
    if (mapped == MAP_FAILED)
        return false;
    kept->bytes = kedge_slice(mapped, (size_t)status.st_size);
    return true;
}

static bool is_sound(struct request *request, enum kedge_rc rc, enum kedge_package_part part)
{
    if (rc != KEDGE_OK)
        refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "system", NULL,
               "the package is not any more what it was: %s", kedge_package_part_text(part));
    return rc == KEDGE_OK;
}

/* Gives the answer when it fails; close it in both cases. */
static bool kept_open(struct request *request, struct kept *kept)
{
    struct kedge_package_record record;
    enum kedge_package_part part;
    char path[PATH_MAX_BYTES];
    *kept = (struct kept){.file = -1};
    if (!reader_ok(request, kedge_reader_package(request->reader, request->parameter, &record),
                   "package"))
        return false;
    int size =
        snprintf(path, sizeof(path), "%s/packages/%s.suit", request->api->config.folder, record.id);
    if (size < 0 || (size_t)size >= sizeof(path) || !map_file(kept, path)) {
        refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "system", NULL,
               "the package cannot be read: %s", strerror(errno));
        return false;
    }
    return is_sound(request, kedge_package_take_apart(kept->bytes, &kept->package, &part), part);
}

/* Gives the answer when it fails. */
static bool attachment_check(struct request *request, const struct kept *kept, size_t index)
{
    return is_sound(request, kedge_package_check_attachment(&kept->package, index),
                    KEDGE_PART_ATTACHMENTS);
}

/* "sbom" of "#sbom". */
static struct kedge_slice name_of(const struct kedge_package *package, size_t index)
{
    struct kedge_slice name = package->manifest.attachments[index].name;
    return kedge_slice(name.data + 1, name.size - 1);
}

static void digest_of(const struct kedge_package *package, size_t index, char digest[DIGEST_SIZE])
{
    kedge_hex_encode(kedge_slice(package->manifest.attachments[index].digest, KEDGE_SHA256_SIZE),
                     digest);
}

static bool is_shown(const struct kedge_package *package, size_t index)
{
    return kedge_slice_equal(name_of(package, index), kedge_slice_text(NOTES)) &&
           package->attachments[index].size <= NOTES_TEXT_MAX;
}

static json_t *attachment_json(const struct kedge_package *package, size_t index)
{
    const struct kedge_slice name = name_of(package, index), bytes = package->attachments[index];
    char digest[DIGEST_SIZE];
    digest_of(package, index, digest);
    json_t *text = is_shown(package, index)
                       ? json_stringn((const char *)bytes.data, bytes.size)
                       : NULL;
    json_t *json = json_object();
    json_put(&json, "name", json_stringn((const char *)name.data, name.size));
    json_put(&json, "size", json_count(bytes.size));
    json_put(&json, "sha256", json_text(digest));
    json_put(&json, "text", text != NULL ? text : json_null());
    return json;
}

void package_attachments(struct request *request)
{
    struct kept kept;
    if (kept_open(request, &kept)) {
        struct kedge_page all = {.next = ""};
        json_t *items = json_array();
        bool sound = true;
        for (size_t i = 0; i < kept.package.manifest.attachment_count && sound; i++) {
            sound = !is_shown(&kept.package, i) || attachment_check(request, &kept, i);
            json_add(&items, attachment_json(&kept.package, i));
        }
        answer_list(request, sound, "attachments", items, &all);
    }
    kept_close(&kept);
}

/* Takes the file over. With 304 the body stays here, but its length is told (RFC 9110, 8.6). */
static void answer_attachment(struct request *request, unsigned status, struct kept *kept,
                              struct kedge_slice bytes, const char *digest, const char *name)
{
    char disposition[128], tag[DIGEST_SIZE + 2];
    (void)snprintf(tag, sizeof(tag), "\"%s\"", digest);
    struct MHD_Response *response = MHD_create_response_from_fd_at_offset64(
        bytes.size, kept->file, (uint64_t)(bytes.data - kept->bytes.data));
    if (response != NULL)
        kept->file = -1;
    (void)snprintf(disposition, sizeof(disposition), "attachment; filename=\"%.16s-%s\"",
                   request->parameter, name);
    answer_bytes(request, status, response, "application/octet-stream", CACHE_AND_ASK);
    (void)answer_header(request, MHD_HTTP_HEADER_ETAG, tag);
    (void)answer_header(request, MHD_HTTP_HEADER_CONTENT_DISPOSITION, disposition);
    (void)answer_header(request, "Content-Security-Policy", "sandbox");
}

static void show_one(struct request *request, struct kept *kept, size_t index, const char *name)
{
    const struct kedge_slice bytes = kept->package.attachments[index];
    char digest[DIGEST_SIZE];
    struct byte_range none;
    digest_of(&kept->package, index, digest);
    struct conditions conditions = {.tag = kedge_slice_text(digest)};
    request_conditions(request, &conditions);
    /* As a HEAD: it is given as a whole only. */
    switch (conditions_judge(&conditions, true, bytes.size, &none)) {
    case CONDITIONS_NOT_MODIFIED:
        answer_attachment(request, MHD_HTTP_NOT_MODIFIED, kept, bytes, digest, name);
        return;
    case CONDITIONS_FAILED:
        refuse(request, MHD_HTTP_PRECONDITION_FAILED, "precondition", "If-Match",
               "what is served here has the entity tag \"%s\"", digest);
        return;
    default:
        if (attachment_check(request, kept, index))
            answer_attachment(request, MHD_HTTP_OK, kept, bytes, digest, name);
    }
}

static void show(struct request *request, const char *name)
{
    struct kept kept;
    if (kept_open(request, &kept)) {
        const struct kedge_package *package = &kept.package;
        size_t i = 0;
        while (i < package->manifest.attachment_count &&
               !kedge_slice_equal(name_of(package, i), kedge_slice_text(name)))
            i++;
        if (i < package->manifest.attachment_count && package->attachments[i].size > 0)
            show_one(request, &kept, i, name);
        else
            refuse(request, MHD_HTTP_NOT_FOUND, "not_found", NULL,
                   "the package has nothing attached that is called %s", name);
    }
    kept_close(&kept);
}

void package_sbom(struct request *request)
{
    show(request, "sbom");
}

void package_provenance(struct request *request)
{
    show(request, "prov");
}

void package_notes(struct request *request)
{
    show(request, NOTES);
}
