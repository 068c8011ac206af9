/*
 * package.c: what the devices are offered. The manifest is the same for all of them, so it is read
 * once. Nobody's signature is asked for: whether a package may be trusted is not what a swarm
 * tests.
 */
#include "tests/swarm/swarm.h"
#include "tests/swarm/uri.h"

#include <string.h>

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

void package_collect(struct package *package, uint64_t offset, struct kedge_slice bytes)
{
    size_t room = sizeof package->head - package->head_size;
    if (offset != package->head_size)
        return;
    size_t taken = bytes.size < room ? bytes.size : room;
    memcpy(package->head + package->head_size, bytes.data, taken);
    package->head_size += taken;
}

static enum kedge_rc judge(struct package *package, const struct swarm_options *options)
{
    struct kedge_suit_envelope envelope;
    struct kedge_suit_manifest manifest;
    struct kedge_suit_device device = {.hardware = kedge_slice_text(options->hardware)};
    KEDGE_TRY(kedge_suit_head_read(kedge_slice(package->head, package->head_size), &envelope));
    KEDGE_TRY(kedge_suit_digest_check(&envelope));
    KEDGE_TRY(kedge_suit_manifest_read(&envelope, &manifest));
    KEDGE_TRY(kedge_suit_version_text(&manifest.version, package->version));
    KEDGE_TRY(kedge_suit_version_parse(kedge_slice_text(options->version), &device.running));
    kedge_vendor_uuid(kedge_slice_text(options->vendor), device.vendor);
    kedge_class_uuid(device.vendor, kedge_slice_text(options->class_name), device.class_id);
    return kedge_suit_manifest_judge(&manifest, &device);
}

enum kedge_rc package_judge(struct package *package, const struct swarm_options *options)
{
    if (!package->judged)
        package->verdict = judge(package, options);
    package->judged = true;
    return package->verdict;
}
