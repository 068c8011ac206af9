/*
 * download.c: pulling a package block by block (RFC 7959 section 2.4), and what becomes of its
 * bytes. Each goes through SHA-256, and what comes out must be the name that the URI gave it.
 */
#include "tests/swarm/swarm.h"

#include <string.h>

#define PATIENCE_MS (300u * 1000u) /* without a new block */

void download_drop(struct device *device)
{
    if (!device->downloading)
        return;
    if (device->errand == ERRAND_BLOCK)
        exchange_drop(device);
    gnutls_hash_deinit(device->hash, NULL);
    device->downloading = false;
    device->swarm->counts.downloading--;
}

static void fail(struct device *device, int result)
{
    (void)firmware_event(device, KEDGE_FIRMWARE_DOWNLOAD_FAILED, result);
    device_end(device, OUTCOME_FAILED, result);
}

bool download_open(struct device *device)
{
    download_drop(device);
    if (gnutls_hash_init(&device->hash, GNUTLS_DIG_SHA256) != 0) {
        fail(device, KEDGE_RESULT_NO_RAM);
        return false;
    }
    device->downloading = true;
    device->swarm->counts.downloading++;
    device->offset = device->size = 0;
    device->etag_size = 0;
    device->size_exponent = device->wanted_exponent;
    device->progress_at_ms = device->swarm->now_ms;
    return true;
}

void download_begin(struct device *device)
{
    device->pushed = false;
    (void)download_open(device);
}

void download_write(const struct device *device, struct kedge_coap_builder *out)
{
    struct kedge_coap_block block = {.number =
                                         (uint32_t)(device->offset >> (device->size_exponent + 4u)),
                                     .size_exponent = device->size_exponent};
    kedge_coap_add_path(out, KEDGE_COAP_URI_PATH, device->package->path);
    kedge_coap_add_uint(out, KEDGE_COAP_BLOCK2, kedge_coap_block_value(&block));
}

void download_unanswered(struct device *device)
{
    if (device->downloading && device->swarm->now_ms > device->progress_at_ms + PATIENCE_MS)
        fail(device, KEDGE_RESULT_CONNECTION_LOST);
}

/* ---- one block ---- */

/* The bytes must not change under a transfer: each block names the same ETag. */
static bool same_representation(struct device *device, const struct kedge_coap_message *message)
{
    struct kedge_slice etag;
    if (!kedge_coap_option_find(message, KEDGE_COAP_ETAG, &etag))
        etag = kedge_slice(NULL, 0);
    if (etag.size > sizeof device->etag)
        return false;
    if (device->offset > 0)
        return kedge_slice_equal(etag, kedge_slice(device->etag, device->etag_size));
    device->etag_size = (uint8_t)etag.size;
    if (etag.size > 0)
        memcpy(device->etag, etag.data, etag.size);
    return true;
}

void download_finish(struct device *device)
{
    struct swarm *swarm = device->swarm;
    struct package *package = device->package;
    uint8_t digest[KEDGE_SHA256_SIZE];
    gnutls_hash_output(device->hash, digest);
    download_drop(device);
    enum kedge_rc verdict = package_judge(package, device);
    if (memcmp(digest, package->digest, sizeof digest) != 0)
        verdict = KEDGE_E_DIGEST;
    if (kedge_rc_update_result(verdict) == KEDGE_RESULT_INTEGRITY)
        swarm->counts.mismatches++;
    else
        swarm->counts.images++;
    if (verdict != KEDGE_OK)
        fail(device, kedge_rc_update_result(verdict));
    else
        (void)firmware_event(device, KEDGE_FIRMWARE_DOWNLOAD_DONE, 0);
}

/* Where in a download a device that is to fail with this Result does so; 0: not in a download. */
static double fails_at(int result)
{
    switch (result) {
    case KEDGE_RESULT_NO_FLASH: /* known from the first block on */
    case KEDGE_RESULT_UNSUPPORTED_PACKAGE:
        return 1e-9;
    case KEDGE_RESULT_NO_RAM:
    case KEDGE_RESULT_CONNECTION_LOST:
        return 0.5;
    case KEDGE_RESULT_INTEGRITY:
    case KEDGE_RESULT_CANCELED:
        return 1;
    default:
        return 0;
    }
}

/* What was drawn for the device to happen here; true when the download does not go on. */
static bool meets_fate(struct device *device)
{
    struct swarm *swarm = device->swarm;
    double reached = device->size > 0 ? (double)device->offset / (double)device->size : 0;
    double fails = device_fate(device) == FATE_FAIL ? fails_at(device->fate_result) : 0;
    if (reached >= device->reboot_at) {
        device->reboot_at = 2;
        swarm->counts.restarts_in_transfer++;
        device_restart(device, swarm->options->reboot_ms);
        (void)firmware_event(device, KEDGE_FIRMWARE_URI_EMPTY, 0); /* it forgets what it had */
        return true;
    }
    if (fails > 0 && reached >= fails) {
        fail(device, device->fate_result);
        return true;
    }
    if (reached >= device->move_at) {
        device->move_at = 2;
        device_move(device);
    }
    return false;
}

bool download_add(struct device *device, struct kedge_slice bytes)
{
    struct swarm_counts *counts = &device->swarm->counts;
    package_collect(device->package, device->offset, bytes);
    gnutls_hash(device->hash, bytes.data, bytes.size);
    device->offset += bytes.size;
    device->progress_at_ms = device->swarm->now_ms;
    counts->blocks++;
    counts->bytes += bytes.size;
    return !meets_fate(device);
}

static void take_block(struct device *device, const struct kedge_coap_message *message)
{
    struct kedge_coap_block block = {.size_exponent = DEVICE_LARGEST_EXPONENT};
    uint32_t size;
    enum kedge_rc rc = kedge_coap_block_find(message, KEDGE_COAP_BLOCK2, &block);
    bool fits = (rc == KEDGE_OK || rc == KEDGE_E_NOT_FOUND) &&
                (uint64_t)block.number << (block.size_exponent + 4u) == device->offset &&
                (!block.more || message->payload.size == kedge_coap_block_size(&block));
    if (!fits || !same_representation(device, message)) {
        download_begin(device); /* from the start */
        return;
    }
    if (device->offset == 0 && kedge_coap_option_uint(message, KEDGE_COAP_SIZE2, &size))
        device->size = size;
    if (!block.more)
        device->size = device->offset + message->payload.size;
    device->size_exponent = block.size_exponent;
    if (download_add(device, message->payload) && !block.more)
        download_finish(device);
}

void download_answered(struct device *device, const struct kedge_coap_message *message)
{
    if (!device->downloading)
        return;
    if (message->code == KEDGE_COAP_CONTENT)
        take_block(device, message);
    else if (message->code == KEDGE_COAP_UNAUTHORIZED || message->code == KEDGE_COAP_FORBIDDEN)
        registration_failed(device); /* the server serves those that are registered */
    else if (message->code == KEDGE_COAP_NOT_FOUND)
        fail(device, KEDGE_RESULT_INVALID_URI);
    else
        fail(device, KEDGE_RESULT_CONNECTION_LOST);
}
