/*
 * package.c: what the devices are offered. The manifest is the same for all of them, so it is read
 * once, and again only where they come from another version. Nobody's signature is asked for:
 * whether a package may be trusted is not what a swarm tests.
 *
 * What is pushed has no name that says its digest. So the bytes are put together once, each by the
 * first device that has it; when they are all there, the whole package is checked, frames and
 * image, and its digest is what that of every device must be.
 */
#include "tests/swarm/swarm.h"
#include "tests/swarm/uri.h"

#include <kedge/package.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_FIRST_ROOM 65536u

static bool read_digest(struct kedge_slice path, uint8_t digest[KEDGE_SHA256_SIZE])
{
    size_t hex = 2 * KEDGE_SHA256_SIZE;
    if (path.size < hex || (path.size > hex && path.data[path.size - hex - 1] != '/'))
        return false;
    return kedge_hex_decode(kedge_slice(path.data + path.size - hex, hex), digest,
                            KEDGE_SHA256_SIZE) == KEDGE_OK;
}

/* A device has one association, with the server that it is registered with. */
static enum kedge_rc read_uri(const struct swarm_options *options, struct kedge_slice text,
                              struct package *package, struct kedge_slice *path)
{
    struct swarm_uri uri;
    KEDGE_TRY(uri_read(text, &uri));
    if (uri.secure != options->secure)
        return KEDGE_E_PROTOCOL;
    if (uri.server.any.sa_family != options->server.any.sa_family ||
        (uri.secure && !address_equal(&uri.server, &options->server)) ||
        !read_digest(uri.path, package->digest))
        return KEDGE_E_URI;
    package->server = uri.server;
    *path = uri.path;
    return KEDGE_OK;
}

enum kedge_rc package_find(struct swarm *swarm, struct kedge_slice uri, struct package **out)
{
    struct kedge_slice path;
    for (size_t i = 0; i < swarm->package_count; i++) {
        *out = &swarm->packages[i];
        if (kedge_slice_equal(uri, kedge_slice_text((*out)->uri)))
            return KEDGE_OK;
    }
    if (swarm->package_count == SWARM_PACKAGES_MAX || uri.size > KEDGE_LWM2M_STRING_MAX)
        return KEDGE_E_URI;
    struct package *package = &swarm->packages[swarm->package_count];
    *package = (struct package){.head_size = 0};
    KEDGE_TRY(read_uri(swarm->options, uri, package, &path));
    memcpy(package->uri, uri.data, uri.size);
    memcpy(package->path, path.data, path.size);
    swarm->package_count++;
    *out = package;
    return KEDGE_OK;
}

struct package *package_pushed(struct swarm *swarm, uint64_t size, struct kedge_slice first)
{
    for (size_t i = 0; i < swarm->package_count; i++) {
        struct package *package = &swarm->packages[i];
        size_t known = package->image_size < first.size ? package->image_size : first.size;
        if (package->image != NULL && package->image_whole == size &&
            memcmp(package->image, first.data, known) == 0)
            return package;
    }
    if (swarm->package_count == SWARM_PACKAGES_MAX)
        return NULL;
    struct package *package = &swarm->packages[swarm->package_count];
    *package = (struct package){
        .image = malloc(IMAGE_FIRST_ROOM), .image_capacity = IMAGE_FIRST_ROOM, .image_whole = size};
    if (package->image == NULL)
        return NULL;
    swarm->package_count++;
    return package;
}

void packages_free(struct swarm *swarm)
{
    for (size_t i = 0; i < swarm->package_count; i++)
        free(swarm->packages[i].image);
    swarm->package_count = 0;
}

/* Devices differ in the size of their blocks: of a block, the part that was not known before. */
static struct kedge_slice beyond(uint64_t known, uint64_t offset, struct kedge_slice bytes)
{
    if (offset > known || offset + bytes.size <= known)
        return kedge_slice(NULL, 0);
    size_t skipped = (size_t)(known - offset);
    return kedge_slice(bytes.data + skipped, bytes.size - skipped);
}

/* What has no room is missing in the end, and then the package is not what it should be. */
static void collect_image(struct package *package, struct kedge_slice bytes)
{
    uint64_t whole = package->image_size + bytes.size;
    if (bytes.size == 0 || whole > SWARM_PUSHED_MAX)
        return;
    if (whole > package->image_capacity) {
        uint8_t *more = realloc(package->image, 2 * package->image_capacity);
        if (more == NULL)
            return;
        package->image = more;
        package->image_capacity *= 2;
    }
    memcpy(package->image + package->image_size, bytes.data, bytes.size);
    package->image_size = whole;
}

void package_collect(struct package *package, uint64_t offset, struct kedge_slice bytes)
{
    struct kedge_slice fresh = beyond(package->head_size, offset, bytes);
    size_t room = sizeof package->head - package->head_size;
    size_t taken = fresh.size < room ? fresh.size : room;
    if (package->image != NULL)
        collect_image(package, beyond(package->image_size, offset, bytes));
    if (taken == 0)
        return;
    memcpy(package->head + package->head_size, fresh.data, taken);
    package->head_size += taken;
}

static enum kedge_rc check_image(struct package *package)
{
    static struct kedge_payload_reader reader;
    struct kedge_package parts;
    enum kedge_package_part part;
    struct kedge_slice bytes = kedge_slice(package->image, package->image_size);
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes.data, bytes.size, package->digest) != 0)
        return KEDGE_E_MEMORY;
    KEDGE_TRY(kedge_package_read(bytes, NULL, NULL, &parts, &part));
    return kedge_package_expand(&parts, &reader, NULL);
}

static enum kedge_rc judge(struct package *package, const struct swarm_options *options,
                           const char *running)
{
    struct kedge_suit_envelope envelope;
    struct kedge_suit_manifest manifest;
    struct kedge_suit_device device = {.hardware = kedge_slice_text(options->hardware)};
    if (package->image != NULL && !package->image_is_whole)
        KEDGE_TRY(check_image(package));
    package->image_is_whole = true;
    KEDGE_TRY(kedge_suit_head_read(kedge_slice(package->head, package->head_size), &envelope));
    KEDGE_TRY(kedge_suit_digest_check(&envelope));
    KEDGE_TRY(kedge_suit_manifest_read(&envelope, &manifest));
    KEDGE_TRY(kedge_suit_version_text(&manifest.version, package->version));
    KEDGE_TRY(kedge_suit_version_parse(kedge_slice_text(running), &device.running));
    kedge_vendor_uuid(kedge_slice_text(options->vendor), device.vendor);
    kedge_class_uuid(device.vendor, kedge_slice_text(options->class_name), device.class_id);
    return kedge_suit_manifest_judge(&manifest, &device);
}

enum kedge_rc package_judge(struct package *package, const struct device *device)
{
    const char *running = device_version(device);
    if (strcmp(package->judged_from, running) != 0)
        package->verdict = judge(package, device->swarm->options, running);
    (void)snprintf(package->judged_from, sizeof package->judged_from, "%s", running);
    return package->verdict;
}
