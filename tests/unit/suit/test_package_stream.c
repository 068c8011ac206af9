/*
 * test_package_stream.c: a package checked as it arrives, as verify does it: the same verdict in
 * whatever pieces, and never a good one over anything that was changed.
 */
#define _GNU_SOURCE
#include <kedge/package.h>

#include "tests/unit/package_maker.h"

static struct kedge_package_stream stream;

static enum kedge_rc check_by(struct kedge_slice bytes, size_t piece,
                              const struct kedge_suit_trust *trust,
                              const struct kedge_payload_hasher *hasher)
{
    kedge_package_stream_begin(&stream, trust, NULL, NULL, hasher);
    for (size_t at = 0; at < bytes.size; at += piece) {
        size_t size = bytes.size - at < piece ? bytes.size - at : piece;
        KEDGE_TRY(kedge_package_stream_push(&stream, kedge_slice(bytes.data + at, size)));
    }
    return kedge_package_stream_end(&stream);
}

static enum kedge_rc check(struct kedge_slice bytes, const struct kedge_suit_trust *trust)
{
    return check_by(bytes, 4096, trust, NULL);
}

static enum kedge_rc check_whole(struct kedge_slice bytes, const struct kedge_suit_trust *trust)
{
    static struct kedge_payload_reader reader;
    struct kedge_package package;
    enum kedge_package_part part;
    KEDGE_TRY(kedge_package_read(bytes, trust, NULL, &package, &part));
    return kedge_package_expand(&package, &reader, NULL);
}

/* A package of each kind, and the key that signed it. */
struct sample {
    struct kedge_private_key key;
    struct kedge_suit_trust trust;
    struct made_package made;
};

enum kind { WITH_FILES, STORED, COMPRESSED, P256, KINDS };

static void make_sample(enum kind kind, struct sample *sample)
{
    static uint8_t image[40000];
    for (size_t i = 0; i < sizeof image; i++)
        image[i] = (uint8_t)(i >> 6);
    maker_key(kind == P256 ? KEDGE_ESP256 : KEDGE_ED25519, 3, &sample->key);
    sample->trust =
        (struct kedge_suit_trust){.keys = &sample->key.public_key, .key_count = 1, .required = 1};
    sample->made = kind == WITH_FILES
                       ? maker_full_package(&sample->key, "example.com")
                       : maker_package(kedge_slice(image, kind == STORED ? 60 : sizeof image),
                                       kind != STORED, 7, "1.2.3", &sample->key);
}

static struct kedge_slice bytes_of(const struct sample *sample)
{
    return kedge_slice(sample->made.bytes, sample->made.size);
}

static void a_package_is_checked_alike_in_whatever_pieces(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 2, 31, 4096, SIZE_MAX / 2};
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct sample sample;
        make_sample(kind, &sample);
        for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
            assert_int_equal(check_by(bytes_of(&sample), pieces[i], &sample.trust, NULL), KEDGE_OK);
        assert_string_equal(stream.package.version, "1.2.3");
        assert_int_equal(check_whole(bytes_of(&sample), &sample.trust), KEDGE_OK);
        maker_free(&sample.made);
    }
}

/* All bits of the byte, or the one that its place picks. */
static void assert_change_is_refused(const struct sample *sample, size_t at, uint8_t flips)
{
    sample->made.bytes[at] ^= flips;
    if (check(bytes_of(sample), &sample->trust) == KEDGE_OK)
        fail_msg("byte %zu ^ %02x is called good", at, flips);
    sample->made.bytes[at] ^= flips;
}

/* Each byte of each kind of package: never good, never a crash. */
static void every_changed_byte_is_refused(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct sample sample;
        make_sample(kind, &sample);
        for (size_t at = 0; at < sample.made.size; at++) {
            assert_change_is_refused(&sample, at, 0xFF);
            assert_change_is_refused(&sample, at, (uint8_t)(1u << at % 8));
        }
        assert_int_equal(check(bytes_of(&sample), &sample.trust), KEDGE_OK);
        maker_free(&sample.made);
    }
}

static void every_changed_bit_is_refused(void **state)
{
    (void)state;
    struct sample sample;
    make_sample(STORED, &sample);
    for (size_t bit = 0; bit < 8 * sample.made.size; bit++)
        assert_change_is_refused(&sample, bit / 8, (uint8_t)(1u << bit % 8));
    maker_free(&sample.made);
}

static void every_truncation_and_every_byte_too_many_is_refused(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct sample sample;
        make_sample(kind, &sample);
        for (size_t size = 0; size < sample.made.size; size++) {
            struct kedge_slice cut = kedge_slice(sample.made.bytes, size);
            assert_int_equal(check(cut, &sample.trust), KEDGE_E_TRUNCATED);
        }
        uint8_t *longer = calloc(1, sample.made.size + 1);
        assert_non_null(longer);
        memcpy(longer, sample.made.bytes, sample.made.size);
        struct kedge_slice more = kedge_slice(longer, sample.made.size + 1);
        assert_int_equal(check(more, &sample.trust), KEDGE_E_TRAILING);
        assert_int_equal(stream.part, KEDGE_PART_ENVELOPE);
        assert_int_equal(check_by(more, 1, &sample.trust, NULL), KEDGE_E_TRAILING);
        free(longer);
        maker_free(&sample.made);
    }
}

static void every_byte_left_out_or_put_in_is_refused(void **state)
{
    (void)state;
    struct sample sample;
    uint8_t bytes[4096];
    make_sample(WITH_FILES, &sample);
    size_t size = sample.made.size;
    assert_true(size + 1 <= sizeof bytes);
    for (size_t at = 0; at < size; at++) {
        memcpy(bytes, sample.made.bytes, at);
        memcpy(bytes + at, sample.made.bytes + at + 1, size - at - 1);
        assert_int_not_equal(check(kedge_slice(bytes, size - 1), &sample.trust), KEDGE_OK);
        memcpy(bytes + at + 1, sample.made.bytes + at, size - at);
        bytes[at] = 0x40; /* an empty byte string, for one */
        assert_int_not_equal(check(kedge_slice(bytes, size + 1), &sample.trust), KEDGE_OK);
    }
    maker_free(&sample.made);
}

static void each_damage_is_named_by_its_part(void **state)
{
    (void)state;
    struct sample sample;
    make_sample(WITH_FILES, &sample);
    const struct {
        const char *text;
        enum kedge_package_part part;
    } damages[] = {{"what it does", KEDGE_PART_TEXT},
                   {"CycloneDX", KEDGE_PART_ATTACHMENTS},
                   {"what is new", KEDGE_PART_ATTACHMENTS},
                   {"a firmware", KEDGE_PART_PAYLOAD}};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        uint8_t *place =
            memmem(sample.made.bytes, sample.made.size, damages[i].text, strlen(damages[i].text));
        assert_non_null(place);
        *place ^= 1;
        assert_int_not_equal(check(bytes_of(&sample), &sample.trust), KEDGE_OK);
        assert_int_equal(stream.part, damages[i].part);
        *place ^= 1;
    }
    struct kedge_private_key other;
    maker_key(KEDGE_ED25519, 9, &other);
    sample.trust.keys = &other.public_key;
    assert_int_equal(check(bytes_of(&sample), &sample.trust), KEDGE_E_SIGNATURE);
    assert_int_equal(stream.part, KEDGE_PART_SIGNATURE);
    maker_free(&sample.made);
}

/* Puts `member` (hex) between the manifest and what follows it, as anybody could. */
static struct kedge_slice with_member(const struct sample *sample, const char *member,
                                      uint8_t *bytes, size_t capacity)
{
    struct kedge_package package;
    enum kedge_package_part part;
    struct kedge_writer out = kedge_writer(bytes, capacity);
    uint8_t added[16];
    size_t size = strlen(member) / 2;
    assert_int_equal(kedge_package_read(bytes_of(sample), NULL, NULL, &package, &part), KEDGE_OK);
    assert_int_equal(kedge_hex_decode(kedge_slice_text(member), added, size), KEDGE_OK);
    struct kedge_slice manifest = package.envelope.manifest;
    size_t end = (size_t)(manifest.data + manifest.size - sample->made.bytes);
    assert_int_equal(kedge_writer_put(&out, kedge_slice(sample->made.bytes, end)), KEDGE_OK);
    assert_int_equal(kedge_writer_put(&out, kedge_slice(added, size)), KEDGE_OK);
    assert_int_equal(
        kedge_writer_put(&out, kedge_slice(sample->made.bytes + end, sample->made.size - end)),
        KEDGE_OK);
    bytes[2]++; /* the map has one member more */
    return kedge_writer_slice(&out);
}

static void members_that_nobody_signed_are_refused_even_empty_ones(void **state)
{
    (void)state;
    static const char *const members[] = {"1040",
                                          "104100",
                                          "1440",
                                          "144100",
                                          "1740",
                                          "174100",
                                          "622361"
                                          "40",
                                          "622361"
                                          "4100"};
    struct sample sample;
    uint8_t bytes[2048];
    make_sample(STORED, &sample);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        struct kedge_slice more = with_member(&sample, members[i], bytes, sizeof bytes);
        assert_int_equal(check(more, &sample.trust), KEDGE_E_MISSING);
        assert_int_equal(check_whole(more, &sample.trust), KEDGE_E_MISSING);
    }
    maker_free(&sample.made);
}

/* What devices are sent lacks the files that the manifest vouches for: good for them, not whole. */
static void a_package_without_its_files_is_refused(void **state)
{
    (void)state;
    struct sample sample;
    struct kedge_package package;
    enum kedge_package_part part;
    uint8_t bytes[2048];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    make_sample(WITH_FILES, &sample);
    assert_int_equal(kedge_package_read(bytes_of(&sample), NULL, NULL, &package, &part), KEDGE_OK);
    assert_int_equal(kedge_package_device_head_write(&package, &out), KEDGE_OK);
    assert_int_equal(kedge_writer_put(&out, package.payload), KEDGE_OK);
    assert_int_equal(check(kedge_writer_slice(&out), &sample.trust), KEDGE_E_MISSING);
    assert_int_equal(stream.part, KEDGE_PART_ATTACHMENTS);
    assert_int_equal(check_whole(kedge_writer_slice(&out), &sample.trust), KEDGE_E_MISSING);
    maker_free(&sample.made);
}

/* ---- the image hashed by somebody else ---- */

struct other_hash {
    struct kedge_sha256 hash;
    bool lies;
};

static void other_update(void *context, struct kedge_slice bytes)
{
    struct other_hash *other = context;
    kedge_sha256_update(&other->hash, bytes);
}

static void other_final(void *context, uint8_t digest[KEDGE_SHA256_SIZE])
{
    struct other_hash *other = context;
    struct kedge_sha256 hash = other->hash;
    kedge_sha256_final(&hash, digest);
    digest[0] ^= other->lies ? 1 : 0;
}

static void the_hasher_is_given_the_image_and_its_word_counts(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct other_hash other = {.lies = false};
        const struct kedge_payload_hasher hasher = {&other, other_update, other_final};
        struct sample sample;
        make_sample(kind, &sample);
        kedge_sha256_init(&other.hash);
        assert_int_equal(check_by(bytes_of(&sample), 100, &sample.trust, &hasher), KEDGE_OK);
        kedge_sha256_init(&other.hash);
        other.lies = true;
        assert_int_equal(check_by(bytes_of(&sample), 100, &sample.trust, &hasher), KEDGE_E_DIGEST);
        maker_free(&sample.made);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_package_is_checked_alike_in_whatever_pieces),
        cmocka_unit_test(every_changed_byte_is_refused),
        cmocka_unit_test(every_changed_bit_is_refused),
        cmocka_unit_test(every_truncation_and_every_byte_too_many_is_refused),
        cmocka_unit_test(every_byte_left_out_or_put_in_is_refused),
        cmocka_unit_test(each_damage_is_named_by_its_part),
        cmocka_unit_test(members_that_nobody_signed_are_refused_even_empty_ones),
        cmocka_unit_test(a_package_without_its_files_is_refused),
        cmocka_unit_test(the_hasher_is_given_the_image_and_its_word_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
