/* Each refusal: its result, its Update Result, and what had been done to the flash by then. */
#include "tests/unit/install/bench.h"

enum touched { UNTOUCHED, TOUCHED };

/* Installs `bytes` in pieces of several sizes; every one must be refused alike. */
static void refused(struct bench *bench, struct kedge_slice bytes, enum kedge_rc rc,
                    int update_result, enum touched touched)
{
    static const size_t pieces[] = {1, 500, SIZE_MAX / 2};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        size_t ops = bench->sim.log_count;
        assert_int_equal(bench_install(bench, 1, bytes, pieces[i]), rc);
        assert_int_equal(kedge_rc_update_result(rc), update_result);
        if (touched == UNTOUCHED)
            assert_int_equal(bench->sim.log_count, ops);
        /* The first failure is final, the slot does not boot, the device is as it was. */
        assert_int_equal(kedge_install_push(&bench->install, kedge_slice("x", 1)), rc);
        assert_int_equal(kedge_install_end(&bench->install), rc);
        assert_int_not_equal(
            kedge_slot_verify(bench->boot.slots[1], 1, &bench->trust, &bench->work), KEDGE_OK);
        struct kedge_boot_decision decision;
        assert_int_equal(kedge_boot_select(&bench->boot, &decision), KEDGE_OK);
        assert_int_equal(decision.slot, 0);
        assert_false(decision.changed);
    }
}

/* The usual manifest, changed by the test before it is signed again. */
static struct made_package resigned(const struct bench *bench, const struct made_package *made,
                                    const struct kedge_suit_manifest *manifest)
{
    return maker_assemble(
        manifest, &bench->key, 1, kedge_slice(NULL, 0),
        kedge_slice(made->bytes + made->payload_offset, made->size - made->payload_offset));
}

static void refused_manifest(void (*change)(struct kedge_suit_manifest *), enum kedge_rc rc,
                             int update_result)
{
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, 1000, false);
    struct kedge_suit_manifest manifest = made.manifest;
    change(&manifest);
    struct made_package changed = resigned(bench, &made, &manifest);
    refused(bench, kedge_slice(changed.bytes, changed.size), rc, update_result, UNTOUCHED);
    maker_free(&changed);
    maker_free(&made);
    bench_free(bench);
}

static void other_vendor(struct kedge_suit_manifest *manifest)
{
    manifest->vendor[3] ^= 1;
}

static void other_class(struct kedge_suit_manifest *manifest)
{
    manifest->class_id[3] ^= 1;
}

static void below_the_floor(struct kedge_suit_manifest *manifest)
{
    manifest->sequence = BENCH_FLOOR - 1;
}

static void another_vendor_is_refused_with_6(void **state)
{
    (void)state;
    refused_manifest(other_vendor, KEDGE_E_VENDOR, 6);
}

static void another_class_is_refused_with_6(void **state)
{
    (void)state;
    refused_manifest(other_class, KEDGE_E_CLASS, 6);
}

static void a_sequence_below_the_floor_is_refused_with_6(void **state)
{
    (void)state;
    refused_manifest(below_the_floor, KEDGE_E_SEQUENCE, 6);
}

static void outside_the_window(struct kedge_suit_manifest *manifest)
{
    assert_int_equal(kedge_suit_version_parse(kedge_slice_text("1.0.1"), &manifest->min_version),
                     KEDGE_OK);
}

static void for_another_board(struct kedge_suit_manifest *manifest)
{
    manifest->hardware[0] = kedge_slice_text("C");
    manifest->hardware_count = 1;
}

static void a_version_outside_the_window_is_refused_with_6(void **state)
{
    (void)state;
    refused_manifest(outside_the_window, KEDGE_E_VERSION, 6);
}

static void another_hardware_revision_is_refused_with_6(void **state)
{
    (void)state;
    refused_manifest(for_another_board, KEDGE_E_HARDWARE, 6);
}

static void what_does_not_fit_is_refused_with_2_before_bulk_data(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, BENCH_CAPACITY + 1, false);
    refused(bench, kedge_slice(made.bytes, made.payload_offset), KEDGE_E_SPACE, 2, UNTOUCHED);
    maker_free(&made);
    bench_free(bench);
}

static void a_strangers_signature_is_refused_with_5(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    uint8_t image[1000];
    bench_image(image, sizeof image);
    struct made_package made =
        maker_package(kedge_slice(image, sizeof image), false, 20, "1.1.0", &bench->stranger);
    refused(bench, kedge_slice(made.bytes, made.size), KEDGE_E_SIGNATURE, 5, UNTOUCHED);
    maker_free(&made);
    bench_free(bench);
}

static void a_development_key_is_refused_with_5_unless_allowed(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, 1000, false);
    bench->trusted.development = true;
    bench->trust.allow_development_keys = true;
    assert_int_equal(bench_install(bench, 1, kedge_slice(made.bytes, made.size), 100), KEDGE_OK);
    bench->trust.allow_development_keys = false;
    size_t ops = bench->sim.log_count;
    assert_int_equal(bench_install(bench, 1, kedge_slice(made.bytes, made.size), 100),
                     KEDGE_E_DEVELOPMENT_KEY);
    assert_int_equal(kedge_rc_update_result(KEDGE_E_DEVELOPMENT_KEY), 5);
    assert_int_equal(bench->sim.log_count, ops);
    maker_free(&made);
    bench_free(bench);
}

/* Whatever byte of the head is changed, flash stays as it was: nothing there is believed unsigned.
 */
static void every_tampered_byte_of_the_head_is_refused_untouched(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, 100, false);
    size_t ops = bench->sim.log_count;
    for (size_t at = 0; at < made.payload_offset; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            made.bytes[at] ^= (uint8_t)(1u << bit);
            enum kedge_rc rc =
                bench_install(bench, 1, kedge_slice(made.bytes, made.size), SIZE_MAX / 2);
            assert_int_not_equal(rc, KEDGE_OK);
            assert_true(kedge_rc_update_result(rc) == 5 || kedge_rc_update_result(rc) == 6);
            assert_int_equal(bench->sim.log_count, ops);
            made.bytes[at] ^= (uint8_t)(1u << bit);
        }
    assert_int_equal(bench_install(bench, 1, kedge_slice(made.bytes, made.size), 64), KEDGE_OK);
    maker_free(&made);
    bench_free(bench);
}

static void a_tampered_frame_is_refused_with_5(void **state)
{
    (void)state;
    for (int compress = 0; compress < 2; compress++) {
        struct bench *bench = bench_new();
        struct made_package made = bench_update(bench, 70000, compress == 1);
        size_t payload = made.size - made.payload_offset;
        size_t places[] = {0, 31, 36, payload / 2, payload - 1};
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            made.bytes[made.payload_offset + places[i]] ^= 0x40;
            refused(bench, kedge_slice(made.bytes, made.size), KEDGE_E_FRAME, 5, TOUCHED);
            made.bytes[made.payload_offset + places[i]] ^= 0x40;
        }
        maker_free(&made);
        bench_free(bench);
    }
}

/* Frames that are in order among themselves, under a manifest that was signed for another image. */
static void an_image_with_another_digest_is_refused_with_5(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, 1000, false);
    struct kedge_suit_manifest manifest = made.manifest;
    manifest.image_digest[0] ^= 1;
    struct made_package changed = resigned(bench, &made, &manifest);
    refused(bench, kedge_slice(changed.bytes, changed.size), KEDGE_E_DIGEST, 5, TOUCHED);
    maker_free(&changed);
    maker_free(&made);
    bench_free(bench);
}

static void every_truncation_is_refused_with_5(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, 300, false);
    for (size_t size = 0; size < made.size; size++) {
        size_t ops = bench->sim.log_count;
        assert_int_equal(bench_install(bench, 1, kedge_slice(made.bytes, size), 64),
                         KEDGE_E_TRUNCATED);
        if (size < made.payload_offset)
            assert_int_equal(bench->sim.log_count, ops);
    }
    refused(bench, kedge_slice(made.bytes, made.size - 1), KEDGE_E_TRUNCATED, 5, TOUCHED);
    maker_free(&made);
    bench_free(bench);
}

static void trailing_bytes_are_refused_with_5(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, 1000, false);
    uint8_t *bytes = calloc(1, made.size + 1);
    assert_non_null(bytes);
    memcpy(bytes, made.bytes, made.size);
    refused(bench, kedge_slice(bytes, made.size + 1), KEDGE_E_TRAILING, 5, TOUCHED);
    free(bytes);
    maker_free(&made);
    bench_free(bench);
}

/* The unsigned length of the payload is held against the signed one before the slot is opened. */
static void a_payload_of_another_length_is_refused_untouched(void **state)
{
    (void)state;
    static const struct {
        size_t image_size;
        int change;
        enum kedge_rc rc;
    } cases[] = {{1000, -1, KEDGE_E_TRUNCATED},
                 {1000, 1, KEDGE_E_TRAILING},
                 {40000, -1, KEDGE_E_TRUNCATED}, /* whole frames come all the same */
                 {40000, -7000, KEDGE_E_TRUNCATED},
                 {40000, 1, KEDGE_E_TRAILING}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench *bench = bench_new();
        struct made_package made = bench_update(bench, cases[i].image_size, false);
        size_t size = made.size - made.payload_offset;
        uint8_t *payload = calloc(1, size + 1);
        assert_non_null(payload);
        memcpy(payload, made.bytes + made.payload_offset, size);
        struct made_package changed =
            maker_assemble(&made.manifest, &bench->key, 1, kedge_slice(NULL, 0),
                           kedge_slice(payload, (size_t)((int)size + cases[i].change)));
        refused(bench, kedge_slice(changed.bytes, changed.size), cases[i].rc, 5, UNTOUCHED);
        free(payload);
        maker_free(&changed);
        maker_free(&made);
        bench_free(bench);
    }
}

/* Envelopes that are wrong in their structure; none of them gets as far as the flash. */
static void what_is_no_envelope_of_ours_is_refused_with_6(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum kedge_rc rc;
    } cases[] = {
        {"\x00", 1, KEDGE_E_UNSUPPORTED},                   /* no tag */
        {"\xd8\x12\xa3", 3, KEDGE_E_UNSUPPORTED},           /* COSE_Sign1's tag */
        {"\xd8\x6b\x83", 3, KEDGE_E_TYPE},                  /* an array */
        {"\xd8\x6b\xa0", 3, KEDGE_E_MISSING},               /* an empty map */
        {"\xd8\x6b\xbf", 3, KEDGE_E_NOT_CANONICAL},         /* an indefinite map */
        {"\xd8\x6b\xb8\xff", 4, KEDGE_E_LIMIT},             /* 255 pairs */
        {"\xd8\x6b\xa3\x03\x41\x00", 6, KEDGE_E_MISSING},   /* manifest without wrapper */
        {"\xd8\x6b\xa3\x17\x41\x00", 6, KEDGE_E_MISSING},   /* text before both */
        {"\xd8\x6b\xa3\x02\x61", 5, KEDGE_E_TYPE},          /* wrapper is no byte string */
        {"\xd8\x6b\xa3\x02\x59\xff\xff", 7, KEDGE_E_LIMIT}, /* wrapper of 65535 bytes */
        {"\xd8\x6b\xa3\x02\x5b\xff\xff\xff\xff\xff\xff\xff\xff", 13, KEDGE_E_LIMIT},
        {"\xd8\x6b\xa3\x02\x58\x01", 6, KEDGE_E_NOT_CANONICAL},         /* a length in two bytes */
        {"\xd8\x6b\xa3\x02\x41\x00\x02\x41", 8, KEDGE_E_NOT_CANONICAL}, /* a key twice */
        {"\xd8\x6b\xa3\x05\x41", 5, KEDGE_E_UNSUPPORTED},               /* an unknown key */
        {"\xd8\x6b\xa3\x69#firmware\x41", 14, KEDGE_E_MISSING},         /* payload first of all */
        {"\xd8\x6b\xa3\x78\x40"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         37, KEDGE_E_LIMIT},
        {"\xd8\x6b\xa1\x02\x41\x00", 6, KEDGE_E_MISSING}, /* nothing but a wrapper */
    };
    struct bench *bench = bench_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refused(bench, kedge_slice(cases[i].bytes, cases[i].size), cases[i].rc, 6, UNTOUCHED);
    bench_free(bench);
}

static void a_signature_checked_before_an_attachment_spares_its_download(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    uint8_t image[100];
    bench_image(image, sizeof image);
    struct made_package made =
        maker_package(kedge_slice(image, sizeof image), false, 20, "1.1.0", &bench->stranger);
    assert_int_equal(kedge_install_begin(&bench->install, &bench->boot, &bench->identity, 1),
                     KEDGE_OK);
    size_t at = 0;
    while (kedge_install_push(&bench->install, kedge_slice(made.bytes + at, 1)) == KEDGE_OK)
        at++;
    /* Refused with the manifest's last byte: "#firmware" and its head had not been read yet. */
    assert_int_equal(at + 1 + 10 + 2, made.payload_offset);
    maker_free(&made);
    bench_free(bench);
}

static void flash_that_refuses_ends_it_with_8(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, 1000, false);
    bench->sim.fail_writes[SIM_SLOT(1)] = true;
    refused(bench, kedge_slice(made.bytes, made.size), KEDGE_E_FLASH, 8, UNTOUCHED);
    maker_free(&made);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_vendor_is_refused_with_6),
        cmocka_unit_test(another_class_is_refused_with_6),
        cmocka_unit_test(a_sequence_below_the_floor_is_refused_with_6),
        cmocka_unit_test(a_version_outside_the_window_is_refused_with_6),
        cmocka_unit_test(another_hardware_revision_is_refused_with_6),
        cmocka_unit_test(what_does_not_fit_is_refused_with_2_before_bulk_data),
        cmocka_unit_test(a_strangers_signature_is_refused_with_5),
        cmocka_unit_test(a_development_key_is_refused_with_5_unless_allowed),
        cmocka_unit_test(every_tampered_byte_of_the_head_is_refused_untouched),
        cmocka_unit_test(a_tampered_frame_is_refused_with_5),
        cmocka_unit_test(an_image_with_another_digest_is_refused_with_5),
        cmocka_unit_test(every_truncation_is_refused_with_5),
        cmocka_unit_test(trailing_bytes_are_refused_with_5),
        cmocka_unit_test(a_payload_of_another_length_is_refused_untouched),
        cmocka_unit_test(what_is_no_envelope_of_ours_is_refused_with_6),
        cmocka_unit_test(a_signature_checked_before_an_attachment_spares_its_download),
        cmocka_unit_test(flash_that_refuses_ends_it_with_8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
