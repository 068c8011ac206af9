/* An installation that was cut short goes on where it can, and a wrong point only costs a
 * beginning. */
#include "agent/install/resume.h"
#include "tests/unit/install/bench.h"

#define IMAGE_SIZE 80000u

/* What a device keeps over a restart. */
struct kept {
    bool any;
    struct kedge_install_point point;
    uint8_t head[KEDGE_SUIT_HEAD_MAX];
    size_t head_size;
};

static void keep(struct bench *bench, struct kept *kept)
{
    struct kedge_install_point point;
    if (kedge_install_checkpoint(&bench->install, &point) != KEDGE_OK)
        return;
    kept->any = true;
    kept->point = point;
    struct kedge_slice head = kedge_install_head(&bench->install);
    memcpy(kept->head, head.data, head.size);
    kept->head_size = head.size;
}

/* Pushes the envelope's bytes [from, end) in pieces; keeps what there is to keep after each one. */
static enum kedge_rc push(struct bench *bench, struct kedge_slice bytes, size_t from, size_t end,
                          size_t piece, struct kept *kept)
{
    for (size_t at = from; at < end; at += piece) {
        size_t take = end - at < piece ? end - at : piece;
        KEDGE_TRY(kedge_install_push(&bench->install, kedge_slice(bytes.data + at, take)));
        if (kept != NULL)
            keep(bench, kept);
    }
    return KEDGE_OK;
}

/* Begins, takes `size` bytes in, and is cut off: nothing is left but the flash and what was kept.
 */
static void begin_and_cut(struct bench *bench, struct kedge_slice bytes, size_t size,
                          struct kept *kept)
{
    *kept = (struct kept){.any = false};
    assert_int_equal(kedge_install_begin(&bench->install, &bench->boot, &bench->identity, 1),
                     KEDGE_OK);
    assert_int_equal(push(bench, bytes, 0, size, 1024, kept), KEDGE_OK);
    memset(&bench->install, 0xA5, sizeof bench->install);
}

static enum kedge_rc resume(struct bench *bench, const struct kept *kept)
{
    return kedge_install_resume(&bench->install, &bench->boot, &bench->identity, 1,
                                kedge_slice(kept->head, kept->head_size), &kept->point);
}

static enum kedge_rc finish(struct bench *bench, struct kedge_slice bytes, const struct kept *kept)
{
    KEDGE_TRY(push(bench, bytes, (size_t)kept->point.offset, bytes.size, 1000, NULL));
    return kedge_install_end(&bench->install);
}

static struct kedge_slice all_of(const struct made_package *made)
{
    return kedge_slice(made->bytes, made->size);
}

static bool slot_verifies(struct bench *bench)
{
    return kedge_slot_verify(bench->boot.slots[1], 1, &bench->trust, &bench->work) == KEDGE_OK;
}

static void assert_installed(struct bench *bench, size_t size)
{
    uint8_t *image = malloc(2 * size);
    assert_non_null(image);
    bench_image(image, size);
    assert_true(slot_verifies(bench));
    assert_int_equal(bench->work.image_size, size);
    assert_int_equal(kedge_slot_read(bench->boot.slots[1], &bench->work, 0, image + size, size),
                     KEDGE_OK);
    assert_memory_equal(image, image + size, size);
    free(image);
}

static const struct sim_geometry geometries[] = {
    {.name = "1", .write_size = 1, .erase_size = 4096, .erased_value = 0x00},
    {.name = "256", .write_size = 256, .erase_size = 8192, .erased_value = 0xFF},
    {.name = "frame", .write_size = 16, .erase_size = 32768, .erased_value = 0xFF, .ecc = true},
    {.name = "two frames", .write_size = 4, .erase_size = 65536, .erased_value = 0xFF},
    {.name = "no power of two", .write_size = 24, .erase_size = 480, .erased_value = 0xFF},
};

/* How far apart are the places that are boundaries of both? */
static uint64_t step_of(uint32_t erase_size)
{
    uint64_t step = erase_size;
    while (step % KEDGE_FRAME_IMAGE_SIZE != 0)
        step += erase_size;
    return step;
}

static void it_goes_on_at_the_last_frame_boundary_that_is_an_erase_boundary(void **state)
{
    (void)state;
    for (size_t g = 0; g < sizeof geometries / sizeof geometries[0]; g++)
        for (int compress = 0; compress < 2; compress++) {
            struct bench *bench = bench_new_on(&geometries[g]);
            struct made_package made = bench_update(bench, IMAGE_SIZE, compress == 1);
            uint64_t step = step_of(geometries[g].erase_size);
            for (size_t cut = 0; cut <= made.size; cut += 5003) {
                struct kept kept;
                begin_and_cut(bench, all_of(&made), cut, &kept);
                assert_false(slot_verifies(bench));
                uint64_t whole =
                    compress == 1 || cut < made.payload_offset
                        ? 0
                        : (cut - made.payload_offset) / KEDGE_FRAME_MAX * KEDGE_FRAME_IMAGE_SIZE;
                if (compress == 0)
                    assert_int_equal(kept.any ? kept.point.boundary.image_offset : 0,
                                     whole / step * step);
                if (!kept.any)
                    continue;
                assert_int_equal(kept.point.boundary.image_offset % step, 0);
                assert_true(kept.point.offset <= cut);
                assert_int_equal(resume(bench, &kept), KEDGE_OK);
                assert_true(bench->install.resumed);
                assert_int_equal(kedge_install_manifest(&bench->install)->sequence, 20);
                assert_false(slot_verifies(bench));
                assert_int_equal(finish(bench, all_of(&made), &kept), KEDGE_OK);
                assert_installed(bench, IMAGE_SIZE);
            }
            maker_free(&made);
            bench_free(bench);
        }
}

/* Of frames that come in one piece each boundary is told, not only the last one. */
static void one_large_piece_does_not_hide_a_boundary(void **state)
{
    (void)state;
    struct bench *bench = bench_new_on(&geometries[3]);
    struct made_package made = bench_update(bench, 96u * 1024, false);
    struct kept kept = {.any = false};
    size_t cut = made.size - 1;
    assert_int_equal(kedge_install_begin(&bench->install, &bench->boot, &bench->identity, 1),
                     KEDGE_OK);
    assert_int_equal(push(bench, all_of(&made), 0, cut, cut, &kept), KEDGE_OK);
    assert_true(kept.any);
    assert_int_equal(kept.point.boundary.image_offset, 65536);
    maker_free(&made);
    bench_free(bench);
}

static void it_may_be_cut_again_and_again(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, BENCH_CAPACITY, false);
    struct kept kept;
    begin_and_cut(bench, all_of(&made), 40000, &kept);
    for (size_t cut = 45000; cut < made.size; cut += 9000) {
        assert_int_equal(resume(bench, &kept), KEDGE_OK);
        assert_int_equal(push(bench, all_of(&made), (size_t)kept.point.offset, cut, 1024, &kept),
                         KEDGE_OK);
    }
    assert_int_equal(kept.point.boundary.image_offset, 2 * KEDGE_FRAME_IMAGE_SIZE);
    assert_int_equal(resume(bench, &kept), KEDGE_OK);
    assert_int_equal(finish(bench, all_of(&made), &kept), KEDGE_OK);
    assert_installed(bench, BENCH_CAPACITY);
    maker_free(&made);
    bench_free(bench);
}

/* The point that is kept may be an older one than the writing got to. */
static void an_older_point_is_as_good(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, BENCH_CAPACITY, false);
    struct kept old, later;
    begin_and_cut(bench, all_of(&made), 36000, &old);
    begin_and_cut(bench, all_of(&made), made.size - 1, &later);
    assert_true(old.point.offset < later.point.offset);
    assert_int_equal(resume(bench, &old), KEDGE_OK);
    assert_int_equal(finish(bench, all_of(&made), &old), KEDGE_OK);
    assert_installed(bench, BENCH_CAPACITY);
    maker_free(&made);
    bench_free(bench);
}

static void a_point_is_given_out_only_once_it_would_survive(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, IMAGE_SIZE, false);
    struct kedge_install_point point;
    assert_int_equal(kedge_install_begin(&bench->install, &bench->boot, &bench->identity, 1),
                     KEDGE_OK);
    assert_int_equal(push(bench, all_of(&made), 0, 32000, 1000, NULL), KEDGE_OK);
    assert_int_equal(kedge_install_checkpoint(&bench->install, &point), KEDGE_E_NOT_FOUND);
    assert_int_equal(push(bench, all_of(&made), 32000, 50000, 1000, NULL), KEDGE_OK);
    assert_int_equal(bench->sim.log[bench->sim.log_count - 1].kind, SIM_WRITE);
    assert_int_equal(kedge_install_checkpoint(&bench->install, &point), KEDGE_OK);
    assert_int_equal(bench->sim.log[bench->sim.log_count - 1].kind, SIM_SYNC);
    bench->sim.fail_writes[SIM_SLOT(1)] = true;
    assert_int_equal(kedge_install_checkpoint(&bench->install, &point), KEDGE_E_FLASH);
    kedge_install_abort(&bench->install);
    assert_int_equal(kedge_install_checkpoint(&bench->install, &point), KEDGE_E_NOT_FOUND);
    maker_free(&made);
    bench_free(bench);
}

static void what_the_slot_holds_is_hashed_again(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, IMAGE_SIZE, false);
    const struct kedge_flash *flash = bench->boot.slots[1];
    uint32_t image = flash->size - kedge_slot_capacity(flash);
    struct kept kept;
    for (uint32_t at = 0; at < 2 * KEDGE_FRAME_IMAGE_SIZE; at += 4999) {
        begin_and_cut(bench, all_of(&made), made.size - 1, &kept);
        assert_int_equal(resume(bench, &kept), KEDGE_OK);
        sim_bytes(&bench->sim, SIM_SLOT(1))[image + at] ^= 0x10;
        assert_int_equal(resume(bench, &kept), KEDGE_E_DIGEST);
        assert_int_equal(kedge_install_push(&bench->install, kedge_slice("x", 1)), KEDGE_E_DIGEST);
        assert_false(slot_verifies(bench));
    }
    bench->sim.fail_reads[SIM_SLOT(1)] = true;
    assert_int_equal(resume(bench, &kept), KEDGE_E_FLASH);
    bench->sim.fail_reads[SIM_SLOT(1)] = false;
    assert_int_equal(bench_install(bench, 1, all_of(&made), 1024), KEDGE_OK);
    assert_installed(bench, IMAGE_SIZE);
    maker_free(&made);
    bench_free(bench);
}

/* Whatever was kept is judged as if it came from the network. */
static void the_head_is_authenticated_and_judged_again(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, IMAGE_SIZE, false);
    struct kept kept;
    begin_and_cut(bench, all_of(&made), 70000, &kept);

    bench->trusted = bench->stranger.public_key;
    assert_int_equal(resume(bench, &kept), KEDGE_E_SIGNATURE);
    bench->trusted = bench->key.public_key;
    bench->identity.class_id[0] ^= 1;
    assert_int_equal(resume(bench, &kept), KEDGE_E_CLASS);
    bench->identity.class_id[0] ^= 1;

    struct made_package later =
        maker_package(kedge_slice(made.bytes, 1000), false, 30, "2.0.0", &bench->key);
    struct kept other;
    begin_and_cut(bench, all_of(&made), 70000, &kept);
    begin_and_cut(bench, all_of(&later), later.payload_offset, &other);
    memcpy(kept.head, later.bytes, later.payload_offset);
    kept.head_size = later.payload_offset;
    assert_int_equal(resume(bench, &kept), KEDGE_E_DIGEST);
    maker_free(&later);

    /* The device has gone on meanwhile: this package is below its floor now. */
    begin_and_cut(bench, all_of(&made), 70000, &kept);
    struct kedge_boot_record record;
    uint8_t bytes[KEDGE_BOOT_RECORD_SIZE];
    assert_int_equal(kedge_boot_record_read(&bench->boot, &record), KEDGE_OK);
    record.number++;
    record.floor = 21;
    kedge_boot_record_encode(&record, bytes);
    for (uint32_t copy = 0; copy < 2; copy++)
        memcpy(sim_bytes(&bench->sim, SIM_RECORD) + copy * bench->sim.flash[SIM_RECORD].size / 2,
               bytes, sizeof bytes);
    assert_int_equal(resume(bench, &kept), KEDGE_E_SEQUENCE);
    maker_free(&made);
    bench_free(bench);
}

/* Resumes by something damaged; when that is not found out at once, the rest of the package
 * follows. What must never be: another image. */
static void try_damaged(struct bench *bench, struct kedge_slice bytes, const struct kept *kept,
                        unsigned *resumed)
{
    if (resume(bench, kept) != KEDGE_OK || kept->point.offset > bytes.size)
        return;
    ++*resumed;
    if (finish(bench, bytes, kept) == KEDGE_OK)
        assert_installed(bench, IMAGE_SIZE);
    else
        assert_false(slot_verifies(bench));
}

static void a_point_that_is_wrong_at_any_bit_only_costs_a_beginning(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, IMAGE_SIZE, false);
    struct kept kept;
    unsigned resumed = 0, tried = 0;
    begin_and_cut(bench, all_of(&made), made.size - 1, &kept);
    const uint8_t *known = (const uint8_t *)&kept.point;
    for (size_t at = 0; at < sizeof kept.point; at++, tried++) {
        struct kept damaged = kept;
        ((uint8_t *)&damaged.point)[at] = (uint8_t)(known[at] ^ 1u << at % 8);
        try_damaged(bench, all_of(&made), &damaged, &resumed);
        begin_and_cut(bench, all_of(&made), made.size - 1, &kept);
    }
    /* The next frame's digest cannot be checked before that frame is there, nor the offset. */
    assert_in_range(resumed, KEDGE_SHA256_SIZE, KEDGE_SHA256_SIZE + 8);
    assert_int_equal(bench_install(bench, 1, all_of(&made), 1024), KEDGE_OK);
    assert_installed(bench, IMAGE_SIZE);
    maker_free(&made);
    bench_free(bench);
}

static void a_head_that_is_wrong_at_any_byte_is_refused(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, IMAGE_SIZE, false);
    struct kept kept;
    begin_and_cut(bench, all_of(&made), 70000, &kept);
    for (size_t at = 0; at < kept.head_size; at++) {
        kept.head[at] = (uint8_t)(kept.head[at] ^ 1u << at % 8);
        assert_int_not_equal(resume(bench, &kept), KEDGE_OK);
        kept.head[at] = (uint8_t)(kept.head[at] ^ 1u << at % 8);
    }
    for (size_t size = 0; size < kept.head_size; size++) {
        struct kept cut = kept;
        cut.head_size = size;
        assert_int_not_equal(resume(bench, &cut), KEDGE_OK);
    }
    kept.head[kept.head_size++] = 0; /* a byte of the payload */
    assert_int_equal(resume(bench, &kept), KEDGE_E_STATE);
    kept.head_size--;
    assert_int_equal(resume(bench, &kept), KEDGE_OK);
    maker_free(&made);
    bench_free(bench);
}

/* The offset counts in the envelope that is served, with all that the slot's head leaves out. */
static void an_envelope_with_more_in_it_is_gone_on_with_too(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct made_package made = bench_update(bench, IMAGE_SIZE, false);
    struct kedge_suit_envelope envelope;
    uint8_t sbom[3000];
    memset(sbom, 's', sizeof sbom);
    struct kedge_slice name = kedge_slice_text("#sbom");
    struct kedge_slice attachment = kedge_slice(sbom, sizeof sbom);
    assert_int_equal(kedge_suit_envelope_read(all_of(&made), &envelope), KEDGE_OK);
    const uint8_t *wrapper = envelope.digest.data - 3;
    struct kedge_slice payload =
        kedge_slice(made.bytes + made.payload_offset, made.size - made.payload_offset);
    size_t wrapper_size = (size_t)(envelope.manifest_bstr.data - wrapper) - 1;
    uint8_t *bytes = malloc(made.size + sizeof sbom + 1000);
    assert_non_null(bytes);
    struct kedge_writer out = kedge_writer(bytes, made.size + sizeof sbom + 1000);
    assert_int_equal(kedge_suit_head_write(kedge_slice(wrapper, wrapper_size), envelope.manifest,
                                           kedge_slice("text", 4), &name, &attachment, 1,
                                           payload.size, &out),
                     KEDGE_OK);
    assert_int_equal(kedge_writer_put(&out, payload), KEDGE_OK);
    struct kept kept;
    begin_and_cut(bench, kedge_writer_slice(&out), 50000, &kept);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(resume(bench, &kept), KEDGE_OK);
        assert_int_equal(
            push(bench, kedge_writer_slice(&out), (size_t)kept.point.offset, 75000, 1024, &kept),
            KEDGE_OK);
    }
    assert_int_equal(kept.point.boundary.image_offset, 65536);
    assert_int_equal(kept.point.offset - kept.point.boundary.encoded_offset,
                     out.size - payload.size);
    assert_int_equal(resume(bench, &kept), KEDGE_OK);
    assert_int_equal(finish(bench, kedge_writer_slice(&out), &kept), KEDGE_OK);
    assert_installed(bench, IMAGE_SIZE);
    free(bytes);
    maker_free(&made);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_on_at_the_last_frame_boundary_that_is_an_erase_boundary),
        cmocka_unit_test(one_large_piece_does_not_hide_a_boundary),
        cmocka_unit_test(it_may_be_cut_again_and_again),
        cmocka_unit_test(an_older_point_is_as_good),
        cmocka_unit_test(a_point_is_given_out_only_once_it_would_survive),
        cmocka_unit_test(what_the_slot_holds_is_hashed_again),
        cmocka_unit_test(the_head_is_authenticated_and_judged_again),
        cmocka_unit_test(a_point_that_is_wrong_at_any_bit_only_costs_a_beginning),
        cmocka_unit_test(a_head_that_is_wrong_at_any_byte_is_refused),
        cmocka_unit_test(an_envelope_with_more_in_it_is_gone_on_with_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
