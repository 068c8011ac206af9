/*
 * package_maker.h: whole packages in memory, for tests of what reads them.
 */
#ifndef KEDGE_TESTS_PACKAGE_MAKER_H
#define KEDGE_TESTS_PACKAGE_MAKER_H

#include <kedge/suit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAKER_FRAMES_MAX 16u

/* A made package; free with maker_free(). */
struct made_package {
    uint8_t *bytes;
    size_t size;
    size_t payload_offset;
    struct kedge_suit_manifest manifest;
};

static inline void maker_key(enum kedge_algorithm algorithm, uint8_t seed,
                             struct kedge_private_key *key)
{
    uint8_t secret[32];
    memset(secret, seed, sizeof secret);
    assert_int_equal(kedge_private_key_from_secret(algorithm, secret, key), KEDGE_OK);
}

/* Chains the image's frames into `out` from the last one to the first. Returns the encoded size. */
static inline size_t maker_frames(struct kedge_slice image, bool compress, uint8_t *out,
                                  uint8_t first_digest[KEDGE_SHA256_SIZE])
{
    size_t count = (image.size + KEDGE_FRAME_IMAGE_SIZE - 1) / KEDGE_FRAME_IMAGE_SIZE;
    assert_true(count > 0 && count <= MAKER_FRAMES_MAX);
    uint8_t *arena = compress ? malloc(KEDGE_DEFLATE_ARENA_SIZE) : NULL;
    uint8_t *frames = malloc(count * KEDGE_FRAME_MAX);
    size_t sizes[MAKER_FRAMES_MAX];
    uint8_t digest[KEDGE_SHA256_SIZE] = {0};
    assert_non_null(frames);
    for (size_t i = count; i-- > 0;) {
        size_t offset = i * KEDGE_FRAME_IMAGE_SIZE;
        size_t piece = image.size - offset < KEDGE_FRAME_IMAGE_SIZE ? image.size - offset
                                                                    : KEDGE_FRAME_IMAGE_SIZE;
        uint8_t *frame = frames + i * KEDGE_FRAME_MAX;
        enum kedge_frame_encoding encoding;
        size_t data_size;
        assert_int_equal(kedge_frame_pack(kedge_slice(image.data + offset, piece), arena,
                                          frame + KEDGE_FRAME_HEAD_SIZE, &data_size, &encoding),
                         KEDGE_OK);
        kedge_frame_head(digest, encoding, data_size, frame);
        sizes[i] = KEDGE_FRAME_HEAD_SIZE + data_size;
        kedge_sha256(kedge_slice(frame, sizes[i]), digest);
    }
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(out + total, frames + i * KEDGE_FRAME_MAX, sizes[i]);
        total += sizes[i];
    }
    memcpy(first_digest, digest, KEDGE_SHA256_SIZE);
    free(frames);
    free(arena);
    return total;
}

/* Fills in what follows from the image and the names; sequence and version are the caller's. */
static inline void maker_manifest(struct kedge_slice image, bool compress, uint8_t *payload,
                                  struct kedge_suit_manifest *manifest)
{
    kedge_vendor_uuid(kedge_slice_text("example.com"), manifest->vendor);
    kedge_class_uuid(manifest->vendor, kedge_slice_text("board-a"), manifest->class_id);
    kedge_sha256(image, manifest->image_digest);
    manifest->image_size = image.size;
    manifest->payload.image_size = image.size;
    manifest->payload.encoding = compress ? KEDGE_FRAME_ZLIB : KEDGE_FRAME_STORED;
    manifest->payload.encoded_size =
        maker_frames(image, compress, payload, manifest->payload.first_frame_digest);
}

/*
 * Signs the `encoded` manifest with each key and puts the package together, payload behind the head.
 * The files are those that the attachments of `manifest` name.
 */
static inline struct made_package maker_assemble_encoded(const struct kedge_suit_manifest *manifest,
                                                         struct kedge_slice encoded,
                                                         const struct kedge_private_key *keys,
                                                         size_t key_count, struct kedge_slice text,
                                                         const struct kedge_slice *files,
                                                         struct kedge_slice payload)
{
    uint8_t digest_bytes[64], wrapper_bytes[2048];
    uint8_t sign1_bytes[KEDGE_SUIT_SIGNATURES_MAX][KEDGE_COSE_SIGN1_MAX];
    struct kedge_slice signatures[KEDGE_SUIT_SIGNATURES_MAX];
    struct kedge_writer digest = kedge_writer(digest_bytes, sizeof digest_bytes);
    struct kedge_writer wrapper = kedge_writer(wrapper_bytes, sizeof wrapper_bytes);
    assert_int_equal(kedge_suit_digest_write(encoded, &digest), KEDGE_OK);
    for (size_t i = 0; i < key_count; i++) {
        struct kedge_writer sign1 = kedge_writer(sign1_bytes[i], KEDGE_COSE_SIGN1_MAX);
        assert_int_equal(kedge_cose_sign1_write(&keys[i], kedge_writer_slice(&digest), &sign1),
                         KEDGE_OK);
        signatures[i] = kedge_writer_slice(&sign1);
    }
    assert_int_equal(
        kedge_suit_wrapper_write(kedge_writer_slice(&digest), signatures, key_count, &wrapper),
        KEDGE_OK);
    struct made_package made = {.manifest = *manifest};
    size_t capacity = payload.size + 8192;
    struct kedge_slice names[KEDGE_SUIT_ATTACHMENTS_MAX];
    for (size_t i = 0; i < manifest->attachment_count; i++)
        names[i] = manifest->attachments[i].name;
    made.bytes = malloc(capacity);
    assert_non_null(made.bytes);
    struct kedge_writer out = kedge_writer(made.bytes, capacity);
    assert_int_equal(kedge_suit_head_write(kedge_writer_slice(&wrapper), encoded, text, names,
                                           files, manifest->attachment_count, payload.size, &out),
                     KEDGE_OK);
    made.payload_offset = out.size;
    assert_int_equal(kedge_writer_put(&out, payload), KEDGE_OK);
    made.size = out.size;
    return made;
}

static inline struct made_package maker_assemble_with(const struct kedge_suit_manifest *manifest,
                                                      const struct kedge_private_key *keys,
                                                      size_t key_count, struct kedge_slice text,
                                                      const struct kedge_slice *files,
                                                      struct kedge_slice payload)
{
    uint8_t bytes[2048];
    struct kedge_writer encoded = kedge_writer(bytes, sizeof bytes);
    assert_int_equal(kedge_suit_manifest_write(manifest, &encoded), KEDGE_OK);
    return maker_assemble_encoded(manifest, kedge_writer_slice(&encoded), keys, key_count, text,
                                  files, payload);
}

static inline struct made_package maker_assemble(const struct kedge_suit_manifest *manifest,
                                                 const struct kedge_private_key *keys,
                                                 size_t key_count, struct kedge_slice text,
                                                 struct kedge_slice payload)
{
    return maker_assemble_with(manifest, keys, key_count, text, NULL, payload);
}

/* The usual package: one key, a version, a sequence number. */
static inline struct made_package maker_package(struct kedge_slice image, bool compress,
                                                uint64_t sequence, const char *version,
                                                const struct kedge_private_key *key)
{
    struct kedge_suit_manifest manifest = {.sequence = sequence};
    uint8_t *payload = malloc(MAKER_FRAMES_MAX * KEDGE_FRAME_MAX);
    assert_non_null(payload);
    assert_int_equal(kedge_suit_version_parse(kedge_slice_text(version), &manifest.version),
                     KEDGE_OK);
    maker_manifest(image, compress, payload, &manifest);
    struct made_package made =
        maker_assemble(&manifest, key, 1, kedge_slice(NULL, 0),
                       kedge_slice(payload, (size_t)manifest.payload.encoded_size));
    free(payload);
    return made;
}

static const char maker_image_text[] = "a firmware whose package carries text and two files";
static const char maker_sbom[] = "{\"bomFormat\": \"CycloneDX\"}";
static const char maker_notes[] = "what is new";

static inline void maker_attach(struct kedge_suit_manifest *manifest, const char *name,
                                struct kedge_slice file)
{
    struct kedge_suit_attachment *attachment = &manifest->attachments[manifest->attachment_count++];
    attachment->name = kedge_slice_text(name);
    attachment->size = file.size;
    kedge_sha256(file, attachment->digest);
}

/* Text, two attachments, one signature. */
static inline struct made_package maker_full_package(const struct kedge_private_key *key,
                                                     const char *vendor_domain)
{
    struct kedge_suit_manifest manifest = {.sequence = 3, .has_text = true};
    const struct kedge_slice files[] = {kedge_slice_text(maker_sbom),
                                        kedge_slice_text(maker_notes)};
    uint8_t payload[256], text_bytes[256];
    struct kedge_writer text = kedge_writer(text_bytes, sizeof text_bytes);
    assert_int_equal(kedge_suit_version_parse(kedge_slice_text("1.2.3"), &manifest.version),
                     KEDGE_OK);
    maker_manifest(kedge_slice(maker_image_text, sizeof maker_image_text), false, payload,
                   &manifest);
    assert_int_equal(
        kedge_suit_text_write(kedge_slice_text("what it does"), kedge_slice_text(vendor_domain),
                              kedge_slice_text("board-a"), kedge_slice_text("1.2.3"), &text),
        KEDGE_OK);
    assert_int_equal(kedge_suit_bstr_digest(kedge_writer_slice(&text), manifest.text_digest),
                     KEDGE_OK);
    maker_attach(&manifest, "#sbom", files[0]);
    maker_attach(&manifest, "#notes", files[1]);
    return maker_assemble_with(&manifest, key, 1, kedge_writer_slice(&text), files,
                               kedge_slice(payload, (size_t)manifest.payload.encoded_size));
}

static inline void maker_free(struct made_package *made)
{
    free(made->bytes);
    made->bytes = NULL;
}

#endif
