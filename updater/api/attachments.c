/*
 * attachments.c: what a package carries for people: bill of materials, provenance, notes. They are
 * read from the file in which the package is kept, as it was signed; the signed manifest has their
 * digests, which are checked anew each time.
 *
 * A browser is given them as files to keep, never as pages: whoever signs packages must not write
 * what runs as the dashboard.
 */
#define _GNU_SOURCE
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
#define NOTES_TEXT_MAX 65536u /* bytes of notes that are shown beside the others' names */

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
    enum kedge_rc rc = kedge_package_read(kept->bytes, NULL, NULL, &kept->package, &part);
    if (rc != KEDGE_OK)
        refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "system", NULL,
               "the package is not any more what it was: %s", kedge_package_part_text(part));
    return rc == KEDGE_OK;
}

/* "sbom" of "#sbom". */
static struct kedge_slice name_of(const struct kedge_package *package, size_t index)
{
    struct kedge_slice name = package->manifest.attachments[index].name;
    return kedge_slice(name.data + 1, name.size - 1);
}

static json_t *attachment_json(const struct kedge_package *package, size_t index)
{
    const struct kedge_slice name = name_of(package, index), bytes = package->attachments[index];
    char digest[2 * KEDGE_SHA256_SIZE + 1];
    kedge_hex_encode(kedge_slice(package->manifest.attachments[index].digest, KEDGE_SHA256_SIZE),
                     digest);
    bool shown = kedge_slice_equal(name, kedge_slice_text(NOTES)) && bytes.size <= NOTES_TEXT_MAX;
    json_t *text = shown ? json_stringn((const char *)bytes.data, bytes.size) : NULL;
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
        for (size_t i = 0; i < kept.package.manifest.attachment_count; i++)
            json_add(&items, attachment_json(&kept.package, i));
        answer_list(request, true, "attachments", items, &all);
    }
    kept_close(&kept);
}

/* Takes the file over. */
static void answer_attachment(struct request *request, struct kept *kept, struct kedge_slice bytes,
                              const char *name)
{
    char disposition[128];
    struct MHD_Response *response = MHD_create_response_from_fd_at_offset64(
        bytes.size, kept->file, (uint64_t)(bytes.data - kept->bytes.data));
    if (response != NULL)
        kept->file = -1;
    (void)snprintf(disposition, sizeof(disposition), "attachment; filename=\"%.16s-%s\"",
                   request->parameter, name);
    answer_bytes(request, MHD_HTTP_OK, response, "application/octet-stream", "no-store");
    (void)answer_header(request, MHD_HTTP_HEADER_CONTENT_DISPOSITION, disposition);
    (void)answer_header(request, "Content-Security-Policy", "sandbox");
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
            answer_attachment(request, &kept, package->attachments[i], name);
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
