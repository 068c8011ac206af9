/* packages.c: three signed packages in memory, the same in every run. */
#include "tests/powercut/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_CAPACITY 2048u

static const struct {
    uint64_t sequence;
    const char *version;
    size_t image_size; /* several erase units, and one that ends inside a write unit */
    size_t long_size;  /* three frames */
} shapes[PACKAGES] = {{10, "1.0.0", 5000, 5000},
                      {20, "1.1.0", 4100, 2 * KEDGE_FRAME_IMAGE_SIZE + 4100},
                      {30, "1.2.0", 6007, 2 * KEDGE_FRAME_IMAGE_SIZE + 6007}};

static void must(enum kedge_rc rc)
{
    if (rc == KEDGE_OK)
        return;
    fprintf(stderr, "a package could not be made: %s\n", kedge_rc_text(rc));
    abort();
}

/* Stored frames, 36 bytes and a part of the image each; the digest of the first is for the
 * manifest.
 */
static uint8_t *make_frames(const uint8_t *image, size_t image_size, size_t *size,
                            uint8_t digest[KEDGE_SHA256_SIZE])
{
    size_t count = (image_size + KEDGE_FRAME_IMAGE_SIZE - 1) / KEDGE_FRAME_IMAGE_SIZE;
    uint8_t *frames = sim_allocate(image_size + count * KEDGE_FRAME_HEAD_SIZE);
    memset(digest, 0, KEDGE_SHA256_SIZE); /* behind the last one */
    for (size_t i = count; i-- > 0;) {
        uint8_t *frame = frames + i * KEDGE_FRAME_MAX;
        size_t at = i * KEDGE_FRAME_IMAGE_SIZE;
        size_t part =
            image_size - at < KEDGE_FRAME_IMAGE_SIZE ? image_size - at : KEDGE_FRAME_IMAGE_SIZE;
        kedge_frame_head(digest, KEDGE_FRAME_STORED, part, frame);
        memcpy(frame + KEDGE_FRAME_HEAD_SIZE, image + at, part);
        kedge_sha256(kedge_slice(frame, KEDGE_FRAME_HEAD_SIZE + part), digest);
    }
    *size = image_size + count * KEDGE_FRAME_HEAD_SIZE;
    return frames;
}

static void sign(const struct kedge_private_key *key, const struct kedge_suit_manifest *manifest,
                 struct kedge_slice payload, struct package *package)
{
    uint8_t manifest_bytes[1024], digest_bytes[64], sign1_bytes[KEDGE_COSE_SIGN1_MAX];
    uint8_t wrapper_bytes[512];
    struct kedge_writer encoded = kedge_writer(manifest_bytes, sizeof manifest_bytes);
    struct kedge_writer digest = kedge_writer(digest_bytes, sizeof digest_bytes);
    struct kedge_writer sign1 = kedge_writer(sign1_bytes, sizeof sign1_bytes);
    struct kedge_writer wrapper = kedge_writer(wrapper_bytes, sizeof wrapper_bytes);
    must(kedge_suit_manifest_write(manifest, &encoded));
    must(kedge_suit_digest_write(kedge_writer_slice(&encoded), &digest));
    must(kedge_cose_sign1_write(key, kedge_writer_slice(&digest), &sign1));
    struct kedge_slice signature = kedge_writer_slice(&sign1);
    must(kedge_suit_wrapper_write(kedge_writer_slice(&digest), &signature, 1, &wrapper));
    package->bytes = sim_allocate(HEAD_CAPACITY + payload.size);
    struct kedge_writer out = kedge_writer(package->bytes, HEAD_CAPACITY + payload.size);
    must(kedge_suit_head_write(kedge_writer_slice(&wrapper), kedge_writer_slice(&encoded),
                               kedge_slice(NULL, 0), NULL, NULL, 0, payload.size, &out));
    must(kedge_writer_put(&out, payload));
    package->size = out.size;
}

static void make(const struct kedge_private_key *key, size_t which, bool several,
                 struct package *package)
{
    size_t image_size = several ? shapes[which].long_size : shapes[which].image_size;
    struct kedge_suit_manifest manifest = {.sequence = shapes[which].sequence,
                                           .image_size = image_size};
    uint8_t *image = sim_allocate(image_size);
    for (size_t i = 0; i < image_size; i++)
        image[i] = (uint8_t)(i * 13 + i / 97 + which * 59);
    size_t frames_size;
    uint8_t *frames =
        make_frames(image, image_size, &frames_size, manifest.payload.first_frame_digest);
    must(kedge_suit_version_parse(kedge_slice_text(shapes[which].version), &manifest.version));
    kedge_vendor_uuid(kedge_slice_text("example.com"), manifest.vendor);
    kedge_class_uuid(manifest.vendor, kedge_slice_text("board-a"), manifest.class_id);
    kedge_sha256(kedge_slice(image, image_size), manifest.image_digest);
    manifest.payload.encoding = KEDGE_FRAME_STORED;
    manifest.payload.image_size = image_size;
    manifest.payload.encoded_size = frames_size;
    package->sequence = manifest.sequence;
    package->image = image;
    package->image_size = image_size;
    sign(key, &manifest, kedge_slice(frames, frames_size), package);
    free(frames);
}

void packages_make(struct package packages[PACKAGES], bool several, struct kedge_public_key *key)
{
    static const uint8_t secret[KEDGE_PRIVATE_KEY_SIZE] = {42};
    struct kedge_private_key private_key;
    must(kedge_private_key_from_secret(KEDGE_ED25519, secret, &private_key));
    for (size_t i = 0; i < PACKAGES; i++)
        make(&private_key, i, several, &packages[i]);
    *key = private_key.public_key;
}

void packages_free(struct package packages[PACKAGES])
{
    for (size_t i = 0; i < PACKAGES; i++) {
        free(packages[i].bytes);
        free(packages[i].image);
    }
}
