/* A package in any pieces becomes a verified image in the spare slot. */
#include "tests/unit/install/bench.h"

static void any_pieces_become_the_same_slot(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 1000, 32768, 32769, 80000};
    static const size_t pieces[] = {1, 7, 64, 1024, 100000};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++)
            for (int compress = 0; compress < 2; compress++) {
                struct bench *bench = bench_new();
                struct made_package made = bench_update(bench, sizes[s], compress == 1);
                assert_int_equal(
                    bench_install(bench, 1, kedge_slice(made.bytes, made.size), pieces[p]),
                    KEDGE_OK);
                assert_int_equal(
                    kedge_slot_verify(bench->boot.slots[1], 1, &bench->trust, &bench->work),
                    KEDGE_OK);
                assert_int_equal(bench->work.manifest.sequence, 20);
                uint8_t *image = malloc(2 * sizes[s]);
                assert_non_null(image);
                bench_image(image, sizes[s]);
                assert_int_equal(kedge_slot_read(bench->boot.slots[1], &bench->work, 0,
                                                 image + sizes[s], sizes[s]),
                                 KEDGE_OK);
                assert_memory_equal(image, image + sizes[s], sizes[s]);
                assert_int_equal(kedge_boot_activate(&bench->boot, 1), KEDGE_OK);
                free(image);
                maker_free(&made);
                bench_free(bench);
            }
}

static void the_manifest_is_there_once_it_is_authenticated(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, 1000, false);
    assert_int_equal(kedge_install_begin(&bench->install, &bench->boot, &bench->identity, 1),
                     KEDGE_OK);
    size_t at = 0;
    while (kedge_install_manifest(&bench->install) == NULL) {
        assert_true(at < made.payload_offset);
        assert_int_equal(bench->sim.log_count, bench->ops);
        assert_int_equal(kedge_install_push(&bench->install, kedge_slice(made.bytes + at++, 1)),
                         KEDGE_OK);
    }
    assert_int_equal(kedge_install_manifest(&bench->install)->sequence, 20);
    /* Not even the erase has begun before the payload is announced. */
    for (; at < made.payload_offset; at++) {
        assert_int_equal(bench->sim.log_count, bench->ops);
        assert_int_equal(kedge_install_push(&bench->install, kedge_slice(made.bytes + at, 1)),
                         KEDGE_OK);
    }
    assert_true(bench->sim.log_count > bench->ops);
    maker_free(&made);
    bench_free(bench);
}

/* Text and attachments are passed over, whatever their size. */
static void text_and_attachments_are_passed_over(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, 1000, false);
    struct kedge_suit_envelope envelope;
    uint8_t sbom[70000];
    memset(sbom, 's', sizeof sbom);
    struct kedge_slice names[] = {kedge_slice_text("#prov"), kedge_slice_text("#sbom")};
    struct kedge_slice attachments[] = {kedge_slice(NULL, 0), kedge_slice(sbom, sizeof sbom)};
    assert_int_equal(kedge_suit_envelope_read(kedge_slice(made.bytes, made.size), &envelope),
                     KEDGE_OK);
    const uint8_t *wrapper = envelope.digest.data - 3; /* the array's and the bstr's heads */
    struct kedge_slice payload =
        kedge_slice(made.bytes + made.payload_offset, made.size - made.payload_offset);
    size_t wrapper_size = (size_t)(envelope.manifest_bstr.data - wrapper) - 1;
    uint8_t *bytes = malloc(made.size + sizeof sbom + 1000);
    assert_non_null(bytes);
    struct kedge_writer out = kedge_writer(bytes, made.size + sizeof sbom + 1000);
    assert_int_equal(kedge_suit_head_write(kedge_slice(wrapper, wrapper_size), envelope.manifest,
                                           kedge_slice("text", 4), names, attachments, 2,
                                           payload.size, &out),
                     KEDGE_OK);
    assert_int_equal(kedge_writer_put(&out, payload), KEDGE_OK);
    for (size_t piece = 1; piece < 5000; piece = piece * 7 + 1) {
        assert_int_equal(bench_install(bench, 1, kedge_writer_slice(&out), piece), KEDGE_OK);
        assert_int_equal(kedge_slot_verify(bench->boot.slots[1], 1, &bench->trust, &bench->work),
                         KEDGE_OK);
        /* What the slot keeps is the same as without them. */
        assert_int_equal(bench->work.head_size, made.payload_offset);
        assert_memory_equal(bench->work.head, made.bytes, made.payload_offset);
    }
    free(bytes);
    maker_free(&made);
    bench_free(bench);
}

static void the_same_sequence_may_be_installed_again(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    uint8_t image[500];
    bench_image(image, sizeof image);
    struct made_package made =
        maker_package(kedge_slice(image, sizeof image), false, BENCH_FLOOR, "1.0.0", &bench->key);
    assert_int_equal(bench_install(bench, 1, kedge_slice(made.bytes, made.size), 100), KEDGE_OK);
    maker_free(&made);
    bench_free(bench);
}

static void ending_twice_changes_nothing(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, 1000, false);
    assert_int_equal(bench_install(bench, 1, kedge_slice(made.bytes, made.size), 100), KEDGE_OK);
    size_t ops = bench->sim.log_count;
    assert_int_equal(kedge_install_end(&bench->install), KEDGE_OK);
    kedge_install_abort(&bench->install);
    assert_int_equal(kedge_install_end(&bench->install), KEDGE_OK);
    assert_int_equal(bench->sim.log_count, ops);
    assert_int_equal(kedge_slot_verify(bench->boot.slots[1], 1, &bench->trust, &bench->work),
                     KEDGE_OK);
    maker_free(&made);
    bench_free(bench);
}

static void an_aborted_installation_cannot_be_booted(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, 1000, false);
    assert_int_equal(kedge_install_begin(&bench->install, &bench->boot, &bench->identity, 1),
                     KEDGE_OK);
    assert_int_equal(kedge_install_push(&bench->install, kedge_slice(made.bytes, made.size - 1)),
                     KEDGE_OK);
    kedge_install_abort(&bench->install);
    assert_int_equal(kedge_install_push(&bench->install, kedge_slice(made.bytes, 1)),
                     KEDGE_E_CANCELED);
    assert_int_equal(kedge_install_end(&bench->install), KEDGE_E_CANCELED);
    assert_int_equal(kedge_slot_verify(bench->boot.slots[1], 1, &bench->trust, &bench->work),
                     KEDGE_E_NOT_FOUND);
    assert_int_equal(bench_install(bench, 1, kedge_slice(made.bytes, made.size), 100), KEDGE_OK);
    maker_free(&made);
    bench_free(bench);
}

static void only_the_spare_slot_of_a_steady_device_is_installed_into(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, 1000, false);
    struct kedge_slice bytes = kedge_slice(made.bytes, made.size);
    struct kedge_boot_decision decision;
    assert_int_equal(bench_install(bench, 0, bytes, 100), KEDGE_E_STATE);
    assert_int_equal(bench_install(bench, 2, bytes, 100), KEDGE_E_ARGUMENT);
    assert_int_equal(bench_install(bench, 1, bytes, 100), KEDGE_OK);
    assert_int_equal(kedge_boot_activate(&bench->boot, 1), KEDGE_OK);
    assert_int_equal(bench_install(bench, 1, bytes, 100), KEDGE_E_STATE);
    assert_int_equal(kedge_boot_select(&bench->boot, &decision), KEDGE_OK);
    assert_int_equal(bench_install(bench, 0, bytes, 100), KEDGE_E_STATE);
    assert_int_equal(bench_install(bench, 1, bytes, 100), KEDGE_E_STATE);
    assert_int_equal(kedge_boot_confirm(&bench->boot), KEDGE_OK);
    assert_int_equal(bench_install(bench, 0, bytes, 100), KEDGE_OK);
    maker_free(&made);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_pieces_become_the_same_slot),
        cmocka_unit_test(the_manifest_is_there_once_it_is_authenticated),
        cmocka_unit_test(text_and_attachments_are_passed_over),
        cmocka_unit_test(the_same_sequence_may_be_installed_again),
        cmocka_unit_test(ending_twice_changes_nothing),
        cmocka_unit_test(an_aborted_installation_cannot_be_booted),
        cmocka_unit_test(only_the_spare_slot_of_a_steady_device_is_installed_into),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
