/*
 * test_suit_refusals.c: manifests and envelopes that a Kedge device must not take, each put
 * together from pieces of which one is wrong, and the result that says so.
 */
#include <kedge/suit.h>

#include "tests/unit/vectors.h"
#include <string.h>

#define ZEROS16 "00000000000000000000000000000000"
#define ZEROS32 ZEROS16 ZEROS16
#define VENDOR "0150" ZEROS16
#define CLASS "0250" ZEROS16
#define DIGEST "035824822f5820" ZEROS32
#define SIZE "0e05"
#define URI "1569236669726d77617265" /* 21: "#firmware" */
#define FRAMES   \
    "3901005826" \
    "83011829"   \
    "5820" ZEROS32
#define DELIVERY "39010100"

#define COMPONENTS "81814100"
#define SHARED "8614a4" VENDOR CLASS DIGEST SIZE "010f020f"
#define VALIDATE "82030f"
#define INSTALL "8614a3" URI FRAMES DELIVERY "3901000f030f"
#define VERSION "83010203"

/* The pieces of a manifest in hexadecimal; NULL leaves a piece out. */
struct pieces {
    const char *components, *shared, *version, *validate, *install;
    const char *more; /* pairs behind install, `more_pairs` of them */
    unsigned more_pairs;
    unsigned structure; /* the manifest's own version */
};

static const struct pieces good = {COMPONENTS, SHARED, VERSION, VALIDATE, INSTALL, NULL, 0, 1};

static void put_hex(struct kedge_writer *out, const char *hex)
{
    struct kedge_slice bytes = vector_hex(hex);
    assert_int_equal(kedge_writer_put(out, bytes), KEDGE_OK);
    vector_free(bytes);
}

static void put_section(struct kedge_writer *out, uint64_t key, const char *hex)
{
    if (hex == NULL)
        return;
    struct kedge_slice bytes = vector_hex(hex);
    assert_int_equal(kedge_cbor_write_uint(out, key), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_bstr(out, bytes), KEDGE_OK);
    vector_free(bytes);
}

static void put_common(struct kedge_writer *out, const struct pieces *pieces)
{
    uint8_t bytes[1024];
    struct kedge_writer common = kedge_writer(bytes, sizeof bytes);
    bool components = pieces->components != NULL;
    bool shared = pieces->shared != NULL;
    assert_int_equal(kedge_cbor_write_map(&common, (components ? 1u : 0u) + (shared ? 1u : 0u)),
                     KEDGE_OK);
    if (components) {
        put_hex(&common, "02");
        put_hex(&common, pieces->components);
    }
    put_section(&common, 4, pieces->shared);
    put_hex(out, "03");
    assert_int_equal(kedge_cbor_write_bstr(out, kedge_writer_slice(&common)), KEDGE_OK);
}

static enum kedge_rc read_pieces(const struct pieces *pieces, struct kedge_suit_manifest *manifest)
{
    static uint8_t bytes[4096];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    const char *optional[] = {pieces->version, pieces->validate, pieces->install};
    uint64_t pairs = 3 + pieces->more_pairs;
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++)
        pairs += optional[i] != NULL ? 1 : 0;
    assert_int_equal(kedge_cbor_write_map(&out, pairs), KEDGE_OK);
    put_hex(&out, "01");
    assert_int_equal(kedge_cbor_write_uint(&out, pieces->structure), KEDGE_OK);
    put_hex(&out, "0207");
    put_common(&out, pieces);
    put_section(&out, 6, pieces->version);
    put_section(&out, 7, pieces->validate);
    put_section(&out, 20, pieces->install);
    if (pieces->more != NULL)
        put_hex(&out, pieces->more);
    struct kedge_suit_envelope envelope = {.manifest = kedge_writer_slice(&out),
                                           .payload_count = 1};
    envelope.payloads[0].name = kedge_slice_text(KEDGE_SUIT_PAYLOAD_NAME);
    return kedge_suit_manifest_read(&envelope, manifest);
}

static void the_pieces_make_a_package_when_none_is_wrong(void **state)
{
    (void)state;
    struct kedge_suit_manifest manifest;
    assert_int_equal(read_pieces(&good, &manifest), KEDGE_OK);
    assert_int_equal(manifest.sequence, 7);
    assert_int_equal(manifest.image_size, 5);
    assert_int_equal(manifest.payload.encoded_size, 41);
    assert_int_equal(manifest.payload.encoding, KEDGE_FRAME_ZLIB);
    assert_int_equal(manifest.version.count, 3);
}

struct refusal {
    const char *piece;
    enum kedge_rc rc;
};

/* Reads the good pieces with the one at `offset` of struct pieces replaced. */
static void assert_refusals(size_t offset, const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct pieces pieces = good;
        struct kedge_suit_manifest manifest;
        memcpy((char *)&pieces + offset, &refusals[i].piece, sizeof refusals[i].piece);
        enum kedge_rc rc = read_pieces(&pieces, &manifest);
        if (rc != refusals[i].rc)
            fail_msg("%s: %s", refusals[i].piece != NULL ? refusals[i].piece : "left out",
                     kedge_rc_name(rc));
    }
}

#define ASSERT_REFUSALS(member, refusals) \
    assert_refusals(offsetof(struct pieces, member), refusals, sizeof refusals / sizeof refusals[0])

static void components_other_than_the_one_are_refused(void **state)
{
    (void)state;
    const struct refusal refusals[] = {
        {NULL, KEDGE_E_MISSING},
        {"80", KEDGE_E_MISSING},
        {"81814101", KEDGE_E_UNSUPPORTED},
        {"82814100814101", KEDGE_E_UNSUPPORTED},
        {"818100", KEDGE_E_TYPE},
        {"858080808080", KEDGE_E_LIMIT},
        {"8189404040404040404040", KEDGE_E_LIMIT},
    };
    ASSERT_REFUSALS(components, refusals);
}

static void shared_sequences_that_say_too_little_or_too_much_are_refused(void **state)
{
    (void)state;
    const struct refusal refusals[] = {
        {NULL, KEDGE_E_MISSING},
        {"80", KEDGE_E_MISSING},
        {"8101", KEDGE_E_MALFORMED},                                     /* a command alone */
        {"8614a4" VENDOR CLASS DIGEST SIZE "010f010f", KEDGE_E_MISSING}, /* no class condition */
        {"8414a4" VENDOR CLASS DIGEST SIZE "010f", KEDGE_E_MISSING},
        {"8614a3" CLASS DIGEST SIZE "010f020f", KEDGE_E_MISSING}, /* no vendor to compare */
        {"8614a4" VENDOR CLASS DIGEST SIZE "0110020f", KEDGE_E_UNSUPPORTED}, /* policy 16 */
        {"8614a4" VENDOR CLASS DIGEST SIZE "0120020f", KEDGE_E_TYPE},
        {"8614a4014f000000000000000000000000000000" CLASS DIGEST SIZE "010f020f",
         KEDGE_E_MALFORMED}, /* 15 bytes of UUID */
        {"8614a4" VENDOR CLASS "035824822e5820" ZEROS32 SIZE "010f020f", KEDGE_E_UNSUPPORTED},
        {"8614a4" VENDOR CLASS "035823822f581f" ZEROS16 "000000000000000000000000000000" SIZE
         "010f020f",
         KEDGE_E_MALFORMED}, /* 31 bytes of digest */
        {"8614a4" VENDOR CLASS "035825832f5820" ZEROS32 "00" SIZE "010f020f", KEDGE_E_MALFORMED},
        {"8614a4" VENDOR CLASS "035825822f5820" ZEROS32 "00" SIZE "010f020f", KEDGE_E_TRAILING},
        {"8614a4" VENDOR CLASS DIGEST "0e00010f020f", KEDGE_E_MALFORMED}, /* an empty image */
        {"8614a4" VENDOR CLASS DIGEST "0e1b0000000100000001010f020f", KEDGE_E_LIMIT},
        {"8614a4" VENDOR CLASS DIGEST "0e40010f020f", KEDGE_E_TYPE},
        {"8614a5" VENDOR CLASS DIGEST SIZE URI "010f020f", KEDGE_E_COMMAND}, /* misplaced */
        {"8614a5" VENDOR CLASS DIGEST SIZE DELIVERY "010f020f", KEDGE_E_COMMAND},
        {"8614a5" VENDOR CLASS DIGEST "0500" SIZE "010f020f", KEDGE_E_COMMAND}, /* component-slot */
        {"8614a5" VENDOR CLASS DIGEST SIZE "617800010f020f", KEDGE_E_COMMAND},  /* "x" */
        {"8614a5" VENDOR CLASS DIGEST SIZE "1bffffffffffffffff00010f020f", KEDGE_E_COMMAND},
        {"8814a4" VENDOR CLASS DIGEST SIZE "010f020f1502", KEDGE_E_COMMAND},     /* fetch */
        {"8814a4" VENDOR CLASS DIGEST SIZE "010f020f3901000f", KEDGE_E_COMMAND}, /* ours */
        {"8614a4" VENDOR CLASS DIGEST SIZE "010f020f00", KEDGE_E_TRAILING},
    };
    ASSERT_REFUSALS(shared, refusals);
}

static void validation_that_does_not_match_the_image_is_refused(void **state)
{
    (void)state;
    const struct refusal refusals[] = {
        {NULL, KEDGE_E_MISSING},           {"80", KEDGE_E_MISSING},
        {"820e0f", KEDGE_E_COMMAND},       {"820f8180", KEDGE_E_COMMAND},
        {"8214a10e06", KEDGE_E_COMMAND}, /* another size, after the conditions */
        {"82031818", KEDGE_E_UNSUPPORTED},
    };
    ASSERT_REFUSALS(validate, refusals);
}

static void installs_that_cannot_be_run_are_refused(void **state)
{
    (void)state;
    const struct refusal refusals[] = {
        {NULL, KEDGE_E_MISSING},
        {"8414a3" URI FRAMES DELIVERY "3901000f", KEDGE_E_MISSING},     /* no match afterwards */
        {"8614a3" URI FRAMES DELIVERY "030f3901000f", KEDGE_E_MISSING}, /* a match before */
        {"8814a3" URI FRAMES DELIVERY "3901000f3901000f030f", KEDGE_E_COMMAND}, /* twice */
        {"8614a2" FRAMES DELIVERY "3901000f030f", KEDGE_E_MISSING},
        {"8614a2" URI DELIVERY "3901000f030f", KEDGE_E_MISSING},
        {"8614a2" URI FRAMES "3901000f030f", KEDGE_E_MISSING},
        {"8614a31569236669726577726170" FRAMES DELIVERY "3901000f030f", KEDGE_E_UNSUPPORTED},
        {"8614a3" URI "3901005826830218295820" ZEROS32 DELIVERY "3901000f030f",
         KEDGE_E_UNSUPPORTED}, /* encoding 2 */
        {"8614a3" URI "39010043820129" DELIVERY "3901000f030f", KEDGE_E_MALFORMED},
        {"8614a3" URI "390100582583011829581f" ZEROS16 "000000000000000000000000000000" DELIVERY
         "3901000f030f",
         KEDGE_E_MALFORMED},
        {"8614a3" URI "3901005827830118295820" ZEROS32 "00" DELIVERY "3901000f030f",
         KEDGE_E_TRAILING},
        {"8614a3" URI FRAMES "390101023901000f030f", KEDGE_E_UNSUPPORTED}, /* delivery 2 */
        {"8614a4" URI FRAMES DELIVERY "39010246a101832f40003901000f030f", KEDGE_E_TYPE},
        {"8614a4" URI FRAMES DELIVERY "39010249a1622361832f4000003901000f030f",
         KEDGE_E_MALFORMED}, /* an attachment with an empty digest */
        {"8614a3" URI FRAMES DELIVERY "39010520030f", KEDGE_E_COMMAND},
    };
    ASSERT_REFUSALS(install, refusals);
}

#define MIN "14a1181c46820283010203"
#define IN_WINDOW "181c0f"
#define HARDWARE   \
    "390103438161" \
    "41"
#define ON_HARDWARE "3901010f"
#define INSTALLED "3901000f030f"

static void windows_and_hardware_that_cannot_be_judged_are_refused(void **state)
{
    (void)state;
    const struct refusal refusals[] = {
        {"8a" MIN IN_WINDOW "14a3" URI FRAMES DELIVERY INSTALLED, KEDGE_OK},
        {"8814a4" URI FRAMES DELIVERY HARDWARE ON_HARDWARE INSTALLED, KEDGE_OK},
        {"88" MIN "14a3" URI FRAMES DELIVERY INSTALLED, KEDGE_E_MISSING},       /* not judged */
        {"88" IN_WINDOW "14a3" URI FRAMES DELIVERY INSTALLED, KEDGE_E_MISSING}, /* by nothing */
        {"8a14a3" URI FRAMES DELIVERY "3901000f" MIN IN_WINDOW "030f", KEDGE_E_COMMAND}, /* late */
        {"8e" MIN IN_WINDOW MIN IN_WINDOW "14a3" URI FRAMES DELIVERY INSTALLED, KEDGE_E_COMMAND},
        {"8a14a1181c46820183010203" IN_WINDOW "14a3" URI FRAMES DELIVERY INSTALLED,
         KEDGE_E_UNSUPPORTED}, /* greater than */
        {"8a14a1181c458302810100" IN_WINDOW "14a3" URI FRAMES DELIVERY INSTALLED,
         KEDGE_E_MALFORMED},
        {"8a14a1181c458202810100" IN_WINDOW "14a3" URI FRAMES DELIVERY INSTALLED, KEDGE_E_TRAILING},
        {"8a14a1181c458202820126" IN_WINDOW "14a3" URI FRAMES DELIVERY INSTALLED,
         KEDGE_E_UNSUPPORTED}, /* stage -7 has no name */
        {"8a" MIN IN_WINDOW "14a3" URI FRAMES "39010101" INSTALLED, KEDGE_E_UNSUPPORTED}, /* bare */
        {"8814a4" URI FRAMES "39010101" HARDWARE ON_HARDWARE INSTALLED, KEDGE_E_UNSUPPORTED},
        {"8614a4" URI FRAMES DELIVERY HARDWARE INSTALLED, KEDGE_E_MISSING},
        {"8814a3" URI FRAMES DELIVERY ON_HARDWARE INSTALLED, KEDGE_E_MISSING},
        {"8814a4" URI FRAMES DELIVERY HARDWARE "3901000f" ON_HARDWARE "030f", KEDGE_E_COMMAND},
        {"8814a4" URI FRAMES DELIVERY "3901034180" ON_HARDWARE INSTALLED, KEDGE_E_MALFORMED},
        {"8814a4" URI FRAMES DELIVERY "390103428160" ON_HARDWARE INSTALLED, KEDGE_E_LIMIT},
        {"8814a4" URI FRAMES DELIVERY "39010353896141614161416141614161416141614161"
         "41" ON_HARDWARE INSTALLED,
         KEDGE_E_LIMIT},
    };
    ASSERT_REFUSALS(install, refusals);
    const struct refusal shared[] = {
        {"8614a5" VENDOR CLASS DIGEST SIZE HARDWARE "010f020f", KEDGE_E_COMMAND},
        {"8a14a4" VENDOR CLASS DIGEST SIZE "010f020f" MIN IN_WINDOW, KEDGE_E_COMMAND},
    };
    ASSERT_REFUSALS(shared, shared);
}

#define ATTACHED(letter) "6223" letter "832f5820" ZEROS32 "00"
#define THREE_ATTACHED ATTACHED("61") ATTACHED("62") ATTACHED("63")

static void attachments_are_counted(void **state)
{
    (void)state;
    struct kedge_suit_manifest manifest;
    struct pieces pieces = good;
    pieces.install = "8614a4" URI FRAMES DELIVERY "3901025879a3" THREE_ATTACHED "3901000f030f";
    assert_int_equal(read_pieces(&pieces, &manifest), KEDGE_OK);
    assert_int_equal(manifest.attachment_count, KEDGE_SUIT_ATTACHMENTS_MAX);
    pieces.install =
        "8614a4" URI FRAMES DELIVERY "39010258a1a4" THREE_ATTACHED ATTACHED("64") "3901000f030f";
    assert_int_equal(read_pieces(&pieces, &manifest), KEDGE_E_LIMIT);
}

static void versions_out_of_bounds_are_refused(void **state)
{
    (void)state;
    struct kedge_suit_manifest manifest;
    struct pieces without = good;
    without.version = NULL;
    assert_int_equal(read_pieces(&without, &manifest), KEDGE_OK);
    assert_int_equal(manifest.version.count, 0);
    const struct refusal refusals[] = {
        {"80", KEDGE_E_MALFORMED},
        {"89010203040506070809", KEDGE_E_LIMIT},
        {"8301021bffffffffffffffff", KEDGE_E_LIMIT},
        {"83010240", KEDGE_E_TYPE},
        {"8301020300", KEDGE_E_TRAILING},
    };
    ASSERT_REFUSALS(version, refusals);
}

static void what_a_package_never_has_is_refused(void **state)
{
    (void)state;
    struct kedge_suit_manifest manifest;
    const struct {
        const char *more;
        enum kedge_rc rc;
    } cases[] = {
        {"17822f5820" ZEROS32, KEDGE_OK}, /* severed text, the one that it may have */
        {"17822e5820" ZEROS32, KEDGE_E_UNSUPPORTED},
        {"17832f5820" ZEROS32 "00", KEDGE_E_MALFORMED},
        {"181540", KEDGE_E_NOT_CANONICAL},
        {"181840", KEDGE_E_UNSUPPORTED},   /* manifest key 24 */
        {"62787800", KEDGE_E_UNSUPPORTED}, /* "xx" */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pieces pieces = good;
        pieces.more = cases[i].more;
        pieces.more_pairs = 1;
        enum kedge_rc rc = read_pieces(&pieces, &manifest);
        if (rc != cases[i].rc)
            fail_msg("%s: %s", cases[i].more, kedge_rc_name(rc));
    }
    /* load (8) and invoke (9) stand before install, payload-fetch (16) too: written in its place.
     */
    const char *instead[] = {"0841801443" VALIDATE, "0941801443" VALIDATE, "1041801443" VALIDATE,
                             "10822f5820" ZEROS32 "1443" VALIDATE,
                             "14822f5820" ZEROS32 "17822f5820" ZEROS32};
    for (size_t i = 0; i < sizeof instead / sizeof instead[0]; i++) {
        struct pieces pieces = good;
        pieces.install = NULL;
        pieces.more = instead[i];
        pieces.more_pairs = 2;
        enum kedge_rc rc = read_pieces(&pieces, &manifest);
        if (rc != KEDGE_E_COMMAND)
            fail_msg("%s: %s", instead[i], kedge_rc_name(rc));
    }
    struct pieces other = good;
    other.structure = 2;
    assert_int_equal(read_pieces(&other, &manifest), KEDGE_E_UNSUPPORTED);
}

static void manifests_without_common_or_with_more_in_it_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *hex;
        enum kedge_rc rc;
    } cases[] = {
        {"a201010207", KEDGE_E_MISSING},
        {"a3010102070346a10281814100", KEDGE_OK},
        {"a301010207034aa2028181410062787800", KEDGE_E_UNSUPPORTED}, /* "xx" in common */
        {"a3010102070348a202818141000300", KEDGE_E_UNSUPPORTED},     /* key 3: dependencies */
        {"a3010102070347a1028181410000", KEDGE_E_TRAILING},
        {"a3010102070346a1028181410000", KEDGE_E_TRAILING},
        {"a3010102400346a10281814100", KEDGE_E_TYPE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kedge_suit_parts parts;
        struct kedge_slice bytes = vector_hex(cases[i].hex);
        const struct kedge_suit_envelope envelope = {.manifest = bytes};
        enum kedge_rc rc = kedge_suit_parts_read(&envelope, &parts);
        if (rc != cases[i].rc)
            fail_msg("%s: %s", cases[i].hex, kedge_rc_name(rc));
        vector_free(bytes);
    }
}

static void steps_are_counted(void **state)
{
    (void)state;
    uint8_t bytes[132] = {0x98, 128};
    struct kedge_suit_steps steps;
    assert_int_equal(kedge_suit_steps_begin(kedge_slice(bytes, 130), &steps), KEDGE_OK);
    assert_int_equal(steps.left, 64);
    bytes[1] = 130;
    assert_int_equal(kedge_suit_steps_begin(kedge_slice(bytes, 132), &steps), KEDGE_E_LIMIT);
}

static void a_manifest_is_not_written_beyond_its_limits(void **state)
{
    (void)state;
    uint8_t bytes[2048];
    const struct kedge_suit_manifest bad[] = {
        {.attachment_count = KEDGE_SUIT_ATTACHMENTS_MAX + 1},
        {.version.count = KEDGE_SUIT_VERSION_PARTS_MAX + 1},
        {.min_version.count = KEDGE_SUIT_VERSION_PARTS_MAX + 1},
        {.max_version.count = KEDGE_SUIT_VERSION_PARTS_MAX + 1},
        {.hardware_count = KEDGE_SUIT_HARDWARE_MAX + 1},
        {.hardware_count = 1},
        {.attachment_count = 1, .attachments[0].name = {(const uint8_t *)"#9--bytes", 9}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
        assert_int_equal(kedge_suit_manifest_write(&bad[i], &out), KEDGE_E_LIMIT);
    }
}

static void text_that_is_no_map_of_languages_is_refused(void **state)
{
    (void)state;
    const struct {
        const char *hex;
        enum kedge_rc rc;
    } cases[] = {
        {"a0", KEDGE_OK}, /* nothing is said */
        {"a162656ea0", KEDGE_OK},
        {"a162656ea10100", KEDGE_OK}, /* a number where words should be: passed over */
        {"a162656e01", KEDGE_E_TYPE},
        {"80", KEDGE_E_TYPE},
        {"a162656ea1804100", KEDGE_E_TYPE}, /* a component without its map */
        {"a162656ea000", KEDGE_E_TRAILING},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kedge_suit_text text;
        struct kedge_slice bytes = vector_hex(cases[i].hex);
        enum kedge_rc rc = kedge_suit_text_read(bytes, &text);
        if (rc != cases[i].rc)
            fail_msg("%s: %s", cases[i].hex, kedge_rc_name(rc));
        assert_int_equal(rc == KEDGE_OK ? text.description.size : 0, 0);
        vector_free(bytes);
    }
}

static void a_manifest_without_its_payload_is_refused(void **state)
{
    (void)state;
    struct kedge_suit_manifest manifest;
    struct kedge_suit_envelope envelope = {0};
    struct kedge_slice bytes = vector_hex("a3010102070346a10281814100");
    envelope.manifest = kedge_slice(bytes.data, bytes.size);
    assert_int_equal(kedge_suit_manifest_read(&envelope, &manifest), KEDGE_E_MISSING);
    envelope.payload_count = 1;
    envelope.payloads[0].name = kedge_slice_text("#other");
    assert_int_equal(kedge_suit_manifest_read(&envelope, &manifest), KEDGE_E_MISSING);
    vector_free(bytes);
}

/* ---- envelopes ---- */

#define WRAPPER "025827815824822f5820" ZEROS32
#define MANIFEST "0341a0"

static void envelopes_that_are_none_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *hex;
        enum kedge_rc whole, head;
    } cases[] = {
        {"d86ba2" WRAPPER MANIFEST, KEDGE_OK, KEDGE_E_MISSING},
        {"d86ba3" WRAPPER MANIFEST "6223614100", KEDGE_OK, KEDGE_OK},
        {"d86ba1" WRAPPER, KEDGE_E_MISSING, KEDGE_E_MISSING},
        {"d86ba1" MANIFEST, KEDGE_E_MISSING, KEDGE_E_MISSING},
        {"d86ba2" WRAPPER "0340", KEDGE_E_MISSING, KEDGE_E_MISSING},
        {"a2" WRAPPER MANIFEST, KEDGE_E_UNSUPPORTED, KEDGE_E_UNSUPPORTED},
        {"d86aa2" WRAPPER MANIFEST, KEDGE_E_UNSUPPORTED, KEDGE_E_UNSUPPORTED},
        {"", KEDGE_E_TRUNCATED, KEDGE_E_TRUNCATED},
        {"d86b", KEDGE_E_TRUNCATED, KEDGE_E_TRUNCATED},
        {"d86ba2" MANIFEST WRAPPER, KEDGE_E_NOT_CANONICAL, KEDGE_E_NOT_CANONICAL},
        {"d86ba3" WRAPPER MANIFEST "0440", KEDGE_E_UNSUPPORTED, KEDGE_E_UNSUPPORTED},
        {"d86ba3" WRAPPER MANIFEST "2040", KEDGE_E_UNSUPPORTED, KEDGE_E_UNSUPPORTED},
        {"d86ba3" WRAPPER MANIFEST "6223615bffffffffffffffff", KEDGE_E_LIMIT, KEDGE_E_LIMIT},
        {"d86ba3" WRAPPER MANIFEST "62236142000000", KEDGE_E_TRAILING, KEDGE_OK},
        {"d86ba3" WRAPPER MANIFEST "6223614200", KEDGE_E_TRUNCATED, KEDGE_OK},
        {"d86ba3" WRAPPER MANIFEST "782123" ZEROS32 "40", KEDGE_E_LIMIT, KEDGE_E_LIMIT},
        {"d86ba2024180" MANIFEST, KEDGE_E_MALFORMED, KEDGE_E_MALFORMED},
        {"d86ba2025828815825832f5820" ZEROS32 "00" MANIFEST, KEDGE_E_MALFORMED, KEDGE_E_MALFORMED},
        {"d86ba2025826815823822f581f" ZEROS16 "000000000000000000000000000000" MANIFEST,
         KEDGE_E_MALFORMED, KEDGE_E_MALFORMED}, /* 31 bytes of digest */
        {"d86ba2025827815824822e5820" ZEROS32 MANIFEST, KEDGE_E_UNSUPPORTED, KEDGE_E_UNSUPPORTED},
        {"d86ba2024b8a40404040404040404040" MANIFEST, KEDGE_E_LIMIT, KEDGE_E_LIMIT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kedge_suit_envelope envelope;
        struct kedge_slice bytes = vector_hex(cases[i].hex);
        enum kedge_rc whole = kedge_suit_envelope_read(bytes, &envelope);
        enum kedge_rc head = kedge_suit_head_read(bytes, &envelope);
        if (whole != cases[i].whole || head != cases[i].head)
            fail_msg("%s: %s, head %s", cases[i].hex, kedge_rc_name(whole), kedge_rc_name(head));
        vector_free(bytes);
    }
}

static void envelopes_are_not_written_beyond_their_limits_or_out_of_order(void **state)
{
    (void)state;
    uint8_t bytes[512];
    const struct kedge_slice one = {(const uint8_t *)"x", 1};
    const struct kedge_slice signatures[KEDGE_SUIT_SIGNATURES_MAX + 1] = {one};
    const struct {
        const char *names[KEDGE_SUIT_ATTACHMENTS_MAX + 1];
        size_t count;
        enum kedge_rc rc;
    } cases[] = {
        {{"#prov", "#sbom", "#notes"}, 3, KEDGE_OK},
        {{"#sbom", "#prov"}, 2, KEDGE_E_ARGUMENT},
        {{"#sbom", "#sbom"}, 2, KEDGE_E_ARGUMENT},
        {{"#zzzzzzzz"}, 1, KEDGE_E_ARGUMENT}, /* behind "#firmware" */
        {{"#a", "#b", "#c", "#d"}, 4, KEDGE_E_LIMIT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kedge_slice names[KEDGE_SUIT_ATTACHMENTS_MAX + 1];
        const struct kedge_slice files[KEDGE_SUIT_ATTACHMENTS_MAX + 1] = {one, one, one, one};
        struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
        for (size_t k = 0; k < cases[i].count; k++)
            names[k] = kedge_slice_text(cases[i].names[k]);
        assert_int_equal(kedge_suit_head_write(one, one, kedge_slice(NULL, 0), names, files,
                                               cases[i].count, 1, &out),
                         cases[i].rc);
    }
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    assert_int_equal(kedge_suit_wrapper_write(one, signatures, KEDGE_SUIT_SIGNATURES_MAX, &out),
                     KEDGE_OK);
    assert_int_equal(kedge_suit_wrapper_write(one, signatures, KEDGE_SUIT_SIGNATURES_MAX + 1, &out),
                     KEDGE_E_LIMIT);
}

static void payloads_are_counted(void **state)
{
    (void)state;
    for (unsigned count = KEDGE_SUIT_PAYLOADS_MAX; count <= KEDGE_SUIT_PAYLOADS_MAX + 1; count++) {
        uint8_t bytes[256];
        struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
        struct kedge_suit_envelope envelope;
        put_hex(&out, "d86b");
        assert_int_equal(kedge_cbor_write_map(&out, 2 + count), KEDGE_OK);
        put_hex(&out, WRAPPER MANIFEST);
        for (unsigned i = 0; i < count; i++) {
            const char name[2] = {'#', (char)('a' + i)};
            assert_int_equal(kedge_cbor_write_tstr(&out, kedge_slice(name, 2)), KEDGE_OK);
            assert_int_equal(kedge_cbor_write_bstr(&out, kedge_slice(NULL, 0)), KEDGE_OK);
        }
        assert_int_equal(kedge_suit_envelope_read(kedge_writer_slice(&out), &envelope),
                         count > KEDGE_SUIT_PAYLOADS_MAX ? KEDGE_E_LIMIT : KEDGE_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pieces_make_a_package_when_none_is_wrong),
        cmocka_unit_test(components_other_than_the_one_are_refused),
        cmocka_unit_test(shared_sequences_that_say_too_little_or_too_much_are_refused),
        cmocka_unit_test(validation_that_does_not_match_the_image_is_refused),
        cmocka_unit_test(installs_that_cannot_be_run_are_refused),
        cmocka_unit_test(windows_and_hardware_that_cannot_be_judged_are_refused),
        cmocka_unit_test(attachments_are_counted),
        cmocka_unit_test(versions_out_of_bounds_are_refused),
        cmocka_unit_test(what_a_package_never_has_is_refused),
        cmocka_unit_test(manifests_without_common_or_with_more_in_it_are_refused),
        cmocka_unit_test(steps_are_counted),
        cmocka_unit_test(a_manifest_is_not_written_beyond_its_limits),
        cmocka_unit_test(text_that_is_no_map_of_languages_is_refused),
        cmocka_unit_test(a_manifest_without_its_payload_is_refused),
        cmocka_unit_test(envelopes_that_are_none_are_refused),
        cmocka_unit_test(envelopes_are_not_written_beyond_their_limits_or_out_of_order),
        cmocka_unit_test(payloads_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
