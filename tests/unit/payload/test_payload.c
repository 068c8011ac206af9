/* test_payload.c: frames: packed, chained, checked before they are expanded, and damaged. */
#include <kedge/payload.h>
#include <stdlib.h>

#include "tests/unit/package_maker.h"

struct collected {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
    enum kedge_rc rc; /* what the sink answers */
};

static enum kedge_rc collect(void *context, uint64_t offset, struct kedge_slice bytes)
{
    struct collected *to = context;
    if (to->rc != KEDGE_OK)
        return to->rc;
    assert_int_equal(offset, to->size);
    assert_true(bytes.size <= to->capacity - to->size);
    memcpy(to->bytes + to->size, bytes.data, bytes.size);
    to->size += bytes.size;
    return KEDGE_OK;
}

/* An image that compresses in places and not in others. */
static struct kedge_slice make_image(size_t size)
{
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    uint32_t noise = 1;
    for (size_t i = 0; i < size; i++) {
        noise = noise * 1664525u + 1013904223u;
        bytes[i] = (i / 40000) % 2 ? (uint8_t)(noise >> 24) : (uint8_t)(i / 64);
    }
    return kedge_slice(bytes, size);
}

static void release(struct kedge_slice bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

static struct kedge_payload_reader reader;

static enum kedge_rc take(const struct kedge_payload_plan *plan, struct kedge_slice payload,
                          size_t piece, const uint8_t digest[32], struct collected *to)
{
    const struct kedge_payload_sink sink = {.context = to, .write = collect};
    KEDGE_TRY(kedge_payload_begin(&reader, plan, &sink));
    for (size_t offset = 0; offset < payload.size; offset += piece) {
        size_t size = payload.size - offset < piece ? payload.size - offset : piece;
        KEDGE_TRY(kedge_payload_push(&reader, kedge_slice(payload.data + offset, size)));
    }
    return kedge_payload_end(&reader, digest);
}

static void images_of_every_kind_of_size_come_back_in_any_pieces(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 2, 4095, 32767, 32768, 32769, 65536, 100000, 327680};
    const size_t pieces[] = {1, 7, 36, 1024, 32804, 1000000};
    uint8_t *payload = malloc(MAKER_FRAMES_MAX * KEDGE_FRAME_MAX);
    assert_non_null(payload);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct kedge_slice image = make_image(sizes[i]);
        for (size_t k = 0; k < 12; k++) {
            struct kedge_suit_manifest manifest = {0};
            maker_manifest(image, k % 2 == 0, payload, &manifest);
            struct collected to = {.bytes = malloc(sizes[i]), .capacity = sizes[i]};
            assert_non_null(to.bytes);
            size_t piece = sizes[i] > 100000 && pieces[k / 2] == 1 ? 1024 : pieces[k / 2];
            assert_int_equal(take(&manifest.payload,
                                  kedge_slice(payload, (size_t)manifest.payload.encoded_size),
                                  piece, manifest.image_digest, &to),
                             KEDGE_OK);
            assert_int_equal(to.size, sizes[i]);
            assert_memory_equal(to.bytes, image.data, sizes[i]);
            free(to.bytes);
        }
        release(image);
    }
    free(payload);
}

static void what_does_not_compress_is_stored_and_what_does_is_smaller(void **state)
{
    (void)state;
    struct kedge_slice image = make_image(120000);
    uint8_t *payload = malloc(MAKER_FRAMES_MAX * KEDGE_FRAME_MAX);
    assert_non_null(payload);
    struct kedge_suit_manifest stored = {0};
    struct kedge_suit_manifest packed = {0};
    maker_manifest(image, false, payload, &stored);
    maker_manifest(image, true, payload, &packed);
    assert_int_equal(stored.payload.encoded_size, 120000 + 4 * KEDGE_FRAME_HEAD_SIZE);
    assert_true(packed.payload.encoded_size < stored.payload.encoded_size * 3 / 4);
    assert_int_equal(payload[32], KEDGE_FRAME_ZLIB);
    free(payload);
    release(image);
}

static void packing_the_same_bytes_gives_the_same_bytes(void **state)
{
    (void)state;
    struct kedge_slice image = make_image(KEDGE_FRAME_IMAGE_SIZE);
    uint8_t *data = malloc(2 * KEDGE_FRAME_IMAGE_SIZE);
    uint8_t *arena = malloc(KEDGE_DEFLATE_ARENA_SIZE);
    assert_non_null(data);
    assert_non_null(arena);
    size_t sizes[2];
    enum kedge_frame_encoding encoding;
    for (size_t i = 0; i < 2; i++) {
        memset(arena, i == 0 ? 0x00 : 0xFF, KEDGE_DEFLATE_ARENA_SIZE);
        assert_int_equal(
            kedge_frame_pack(image, arena, data + i * KEDGE_FRAME_IMAGE_SIZE, &sizes[i], &encoding),
            KEDGE_OK);
    }
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(data, data + KEDGE_FRAME_IMAGE_SIZE, sizes[0]);
    free(arena);
    free(data);
    release(image);
}

static void
any_flipped_byte_or_cut_is_refused_and_nothing_of_its_frame_reaches_the_sink(void **state)
{
    (void)state;
    struct kedge_slice image = make_image(40000);
    uint8_t *payload = malloc(2 * KEDGE_FRAME_MAX);
    assert_non_null(payload);
    struct kedge_suit_manifest manifest = {0};
    maker_manifest(image, true, payload, &manifest);
    size_t size = (size_t)manifest.payload.encoded_size;
    struct collected to = {.bytes = malloc(40000), .capacity = 40000};
    assert_non_null(to.bytes);
    for (size_t i = 0; i < size; i++) {
        payload[i] ^= 0x04;
        to.size = 0;
        enum kedge_rc rc =
            take(&manifest.payload, kedge_slice(payload, size), 5000, manifest.image_digest, &to);
        /* A size that became larger waits for bytes that never come. */
        assert_true(rc == KEDGE_E_FRAME || (rc == KEDGE_E_TRUNCATED));
        assert_true(to.size == 0 || to.size == KEDGE_FRAME_IMAGE_SIZE);
        payload[i] ^= 0x04;
    }
    for (size_t cut = 0; cut < size; cut += 11) {
        to.size = 0;
        assert_int_equal(
            take(&manifest.payload, kedge_slice(payload, cut), 5000, manifest.image_digest, &to),
            KEDGE_E_TRUNCATED);
    }
    free(to.bytes);
    free(payload);
    release(image);
}

static void bytes_after_the_last_frame_are_refused(void **state)
{
    (void)state;
    uint8_t payload[KEDGE_FRAME_HEAD_SIZE + 8];
    struct kedge_suit_manifest manifest = {0};
    struct collected to = {.bytes = (uint8_t[8]){0}, .capacity = 8};
    maker_manifest(kedge_slice("1234567", 7), false, payload, &manifest);
    assert_int_equal(take(&manifest.payload, kedge_slice(payload, sizeof payload), 4,
                          manifest.image_digest, &to),
                     KEDGE_E_TRAILING);
}

static void an_image_digest_that_differs_is_refused(void **state)
{
    (void)state;
    uint8_t payload[KEDGE_FRAME_HEAD_SIZE + 7];
    struct kedge_suit_manifest manifest = {0};
    struct collected to = {.bytes = (uint8_t[8]){0}, .capacity = 8};
    maker_manifest(kedge_slice("1234567", 7), false, payload, &manifest);
    manifest.image_digest[0] ^= 1;
    assert_int_equal(take(&manifest.payload, kedge_slice(payload, sizeof payload), 4,
                          manifest.image_digest, &to),
                     KEDGE_E_DIGEST);
}

/* A frame whose digest is right and whose compressed data expands to more than it may. */
static void a_bomb_ends_at_the_byte_that_is_too_many(void **state)
{
    (void)state;
    static uint8_t zeros[KEDGE_FRAME_IMAGE_SIZE];
    uint8_t frame[KEDGE_FRAME_MAX];
    uint8_t *arena = malloc(KEDGE_DEFLATE_ARENA_SIZE);
    const uint8_t none[KEDGE_SHA256_SIZE] = {0};
    enum kedge_frame_encoding encoding;
    size_t data_size;
    assert_non_null(arena);
    assert_int_equal(kedge_frame_pack(kedge_slice(zeros, sizeof zeros), arena,
                                      frame + KEDGE_FRAME_HEAD_SIZE, &data_size, &encoding),
                     KEDGE_OK);
    kedge_frame_head(none, encoding, data_size, frame);
    struct kedge_payload_plan plan = {.encoding = KEDGE_FRAME_ZLIB,
                                      .image_size = 5000,
                                      .encoded_size = KEDGE_FRAME_HEAD_SIZE + data_size};
    kedge_sha256(kedge_slice(frame, (size_t)plan.encoded_size), plan.first_frame_digest);
    uint8_t digest[32] = {0};
    struct collected to = {.bytes = malloc(5000), .capacity = 5000};
    assert_non_null(to.bytes);
    assert_int_equal(
        take(&plan, kedge_slice(frame, (size_t)plan.encoded_size), 100000, digest, &to),
        KEDGE_E_FRAME);
    assert_true(to.size <= 5000);
    free(to.bytes);
    free(arena);
}

/* One frame of `data`, as its head says it is kept, for an image of `image_size` bytes. */
static enum kedge_rc take_frame(uint8_t kept_as, struct kedge_slice data, uint64_t image_size,
                                struct collected *to)
{
    uint8_t frame[KEDGE_FRAME_HEAD_SIZE + 64];
    const uint8_t none[KEDGE_SHA256_SIZE] = {0};
    kedge_frame_head(none, (enum kedge_frame_encoding)kept_as, data.size, frame);
    memcpy(frame + KEDGE_FRAME_HEAD_SIZE, data.data, data.size);
    struct kedge_payload_plan plan = {.encoding = KEDGE_FRAME_ZLIB,
                                      .image_size = image_size,
                                      .encoded_size = KEDGE_FRAME_HEAD_SIZE + data.size};
    struct kedge_slice bytes = kedge_slice(frame, (size_t)plan.encoded_size);
    kedge_sha256(bytes, plan.first_frame_digest);
    to->size = 0;
    return take(&plan, bytes, 7, none, to);
}

/* The chain holds, so whoever signed the package made these; they are refused all the same. */
static void frames_whose_data_is_not_what_the_head_says_are_refused(void **state)
{
    (void)state;
    /* zlib.compress(b"0123456789" * 4, 9) */
    static const uint8_t whole[] = {0x78, 0xda, 0x33, 0x30, 0x34, 0x32, 0x36,
                                    0x31, 0x35, 0x33, 0xb7, 0xb0, 0x34, 0xc0,
                                    0xcb, 0x02, 0x00, 0xa7, 0x08, 0x08, 0x35};
    uint8_t bytes[sizeof whole + 1];
    struct collected to = {.bytes = (uint8_t[64]){0}, .capacity = 64};
    memcpy(bytes, whole, sizeof whole);
    bytes[sizeof whole] = 0;
    struct kedge_slice zlib = kedge_slice(bytes, sizeof whole);
    /* Whole, it fails only by the digest of the image, which nobody gave here. */
    assert_int_equal(take_frame(1, zlib, 40, &to), KEDGE_E_DIGEST);
    assert_true(to.size == 40 &&
                memcmp(to.bytes, "0123456789012345678901234567890123456789", 40) == 0);
    assert_int_equal(take_frame(1, zlib, 41, &to), KEDGE_E_FRAME); /* too little comes out */
    assert_int_equal(take_frame(1, zlib, 39, &to), KEDGE_E_FRAME); /* too much */
    assert_int_equal(take_frame(1, kedge_slice(bytes, sizeof whole - 1), 40, &to), KEDGE_E_FRAME);
    assert_int_equal(take_frame(1, kedge_slice(bytes, sizeof whole + 1), 40, &to), KEDGE_E_FRAME);
    assert_int_equal(take_frame(2, zlib, 40, &to), KEDGE_E_FRAME); /* kept in no known way */
    assert_int_equal(take_frame(0, zlib, 40, &to), KEDGE_E_FRAME); /* stored, of another size */
    bytes[1] ^= 0x20;                                              /* a preset dictionary */
    assert_int_equal(take_frame(1, zlib, 40, &to), KEDGE_E_FRAME);
    bytes[1] ^= 0x20;
    bytes[sizeof whole - 1] ^= 1; /* zlib's own checksum */
    assert_int_equal(take_frame(1, zlib, 40, &to), KEDGE_E_FRAME);
}

/* Two stored frames of an image of 32,778 bytes, `next` in each place where a digest stands. */
static enum kedge_rc take_two(const uint8_t *next_of_first, const uint8_t *next_of_second,
                              uint64_t encoded_size, struct collected *to)
{
    static uint8_t frames[KEDGE_FRAME_MAX + KEDGE_FRAME_HEAD_SIZE + 10];
    uint8_t *second = frames + KEDGE_FRAME_MAX;
    uint8_t digest[KEDGE_SHA256_SIZE];
    struct kedge_payload_plan plan = {.encoding = KEDGE_FRAME_ZLIB,
                                      .image_size = KEDGE_FRAME_IMAGE_SIZE + 10,
                                      .encoded_size = encoded_size};
    kedge_frame_head(next_of_second, KEDGE_FRAME_STORED, 10, second);
    kedge_sha256(kedge_slice(second, KEDGE_FRAME_HEAD_SIZE + 10), digest);
    kedge_frame_head(next_of_first != NULL ? next_of_first : digest, KEDGE_FRAME_STORED,
                     KEDGE_FRAME_IMAGE_SIZE, frames);
    kedge_sha256(kedge_slice(frames, KEDGE_FRAME_MAX), plan.first_frame_digest);
    to->size = 0;
    return take(&plan, kedge_slice(frames, sizeof frames), 30000, digest, to);
}

static void a_chain_that_ends_too_early_too_late_or_at_another_size_is_refused(void **state)
{
    (void)state;
    const uint8_t zeros[KEDGE_SHA256_SIZE] = {0};
    const uint8_t more[KEDGE_SHA256_SIZE] = {1};
    const uint64_t size = KEDGE_FRAME_MAX + KEDGE_FRAME_HEAD_SIZE + 10;
    struct collected to = {.bytes = malloc(40000), .capacity = 40000};
    assert_non_null(to.bytes);
    assert_int_equal(take_two(NULL, zeros, size, &to),
                     KEDGE_E_DIGEST); /* of the image, not given */
    assert_int_equal(to.size, KEDGE_FRAME_IMAGE_SIZE + 10);
    assert_int_equal(take_two(zeros, zeros, size, &to), KEDGE_E_FRAME); /* the first is the last */
    assert_int_equal(take_two(NULL, more, size, &to), KEDGE_E_FRAME);   /* the last has a next */
    assert_int_equal(take_two(NULL, zeros, size - 1, &to), KEDGE_E_FRAME);
    free(to.bytes);
}

static void pieces_that_are_no_frame_are_not_packed(void **state)
{
    (void)state;
    static uint8_t image[KEDGE_FRAME_IMAGE_SIZE + 1];
    static uint8_t data[KEDGE_FRAME_IMAGE_SIZE];
    enum kedge_frame_encoding encoding;
    size_t size;
    assert_int_equal(kedge_frame_pack(kedge_slice(image, 0), NULL, data, &size, &encoding),
                     KEDGE_E_ARGUMENT);
    assert_int_equal(
        kedge_frame_pack(kedge_slice(image, sizeof image), NULL, data, &size, &encoding),
        KEDGE_E_ARGUMENT);
}

static void impossible_plans_are_refused_before_anything_flows(void **state)
{
    (void)state;
    const struct kedge_payload_sink sink = {.write = collect};
    const struct {
        struct kedge_payload_plan plan;
        enum kedge_rc rc;
    } bad[] = {
        {{.image_size = 0, .encoded_size = 37}, KEDGE_E_MALFORMED},
        {{.image_size = 0, .encoded_size = 0}, KEDGE_E_MALFORMED},
        {{.image_size = KEDGE_IMAGE_SIZE_MAX + 1, .encoded_size = UINT64_MAX}, KEDGE_E_LIMIT},
        {{.image_size = UINT64_MAX, .encoded_size = 37}, KEDGE_E_LIMIT},
        {{.image_size = 100, .encoded_size = 137}, KEDGE_E_MALFORMED},
        {{.image_size = 100, .encoded_size = 36}, KEDGE_E_MALFORMED},
        {{.encoding = KEDGE_FRAME_STORED, .image_size = 100, .encoded_size = 135},
         KEDGE_E_MALFORMED},
        {{.encoding = (enum kedge_frame_encoding)2, .image_size = 100, .encoded_size = 136},
         KEDGE_E_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(kedge_payload_begin(&reader, &bad[i].plan, &sink), bad[i].rc);
}

static void the_sinks_own_failure_is_handed_on(void **state)
{
    (void)state;
    uint8_t payload[KEDGE_FRAME_HEAD_SIZE + 7];
    struct kedge_suit_manifest manifest = {0};
    struct collected to = {.rc = KEDGE_E_FLASH};
    maker_manifest(kedge_slice("1234567", 7), false, payload, &manifest);
    assert_int_equal(take(&manifest.payload, kedge_slice(payload, sizeof payload), 100,
                          manifest.image_digest, &to),
                     KEDGE_E_FLASH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_of_every_kind_of_size_come_back_in_any_pieces),
        cmocka_unit_test(what_does_not_compress_is_stored_and_what_does_is_smaller),
        cmocka_unit_test(packing_the_same_bytes_gives_the_same_bytes),
        cmocka_unit_test(
            any_flipped_byte_or_cut_is_refused_and_nothing_of_its_frame_reaches_the_sink),
        cmocka_unit_test(bytes_after_the_last_frame_are_refused),
        cmocka_unit_test(an_image_digest_that_differs_is_refused),
        cmocka_unit_test(a_bomb_ends_at_the_byte_that_is_too_many),
        cmocka_unit_test(frames_whose_data_is_not_what_the_head_says_are_refused),
        cmocka_unit_test(a_chain_that_ends_too_early_too_late_or_at_another_size_is_refused),
        cmocka_unit_test(pieces_that_are_no_frame_are_not_packed),
        cmocka_unit_test(impossible_plans_are_refused_before_anything_flows),
        cmocka_unit_test(the_sinks_own_failure_is_handed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
