/* test_frames.c: the chain that the signer writes is the one that the device's reader takes. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "signer/files/input.h"
#include "signer/package/frames.h"
#include "signer/package/image_digest.h"
#include "signer/package/steps.h"

#define MARGIN 11u /* bytes before the frames that must stay as they are */

/* A file without a name that holds `size` bytes, every other frame of them hard to compress. */
static FILE *make_image(size_t size)
{
    FILE *file = tmpfile();
    uint32_t noise = 1;
    assert_non_null(file);
    for (size_t i = 0; i < size; i++) {
        noise = noise * 1103515245u + 12345u;
        int byte = i / KEDGE_FRAME_IMAGE_SIZE % 2 == 0 ? (int)(noise >> 24) : (int)(i % 7);
        assert_int_not_equal(fputc(byte, file), EOF);
    }
    assert_int_equal(fflush(file), 0);
    return file;
}

struct comparing {
    const struct kedge_image *image;
    uint64_t compared;
};

static enum kedge_rc compare(void *context, uint64_t offset, struct kedge_slice bytes)
{
    struct comparing *comparing = context;
    uint8_t expected[KEDGE_FRAME_IMAGE_SIZE];
    assert_int_equal(offset, comparing->compared);
    assert_int_equal(kedge_image_read(comparing->image, offset, expected, bytes.size), KEDGE_OK);
    assert_memory_equal(bytes.data, expected, bytes.size);
    comparing->compared += bytes.size;
    return KEDGE_OK;
}

static void check_chain(size_t size, bool compress)
{
    static struct kedge_payload_reader reader;
    FILE *image_file = make_image(size), *frames_file = tmpfile();
    assert_non_null(frames_file);
    struct kedge_image image = {.file = fileno(image_file), .size = size};
    struct kedge_payload_plan plan;
    struct kedge_progress progress;
    uint8_t digest[KEDGE_SHA256_SIZE];
    uint64_t end = MARGIN + kedge_frames_size_stored(size);
    kedge_progress_begin(&progress, "testing", size);
    struct kedge_image_digest digesting;
    kedge_image_digest_begin(&digesting, &image);
    assert_int_equal(kedge_image_digest_end(&digesting, true, digest), KEDGE_OK);
    assert_int_equal(
        kedge_frames_write(&image, compress, fileno(frames_file), end, &progress, &plan), KEDGE_OK);
    assert_int_equal(plan.image_size, size);
    if (!compress)
        assert_int_equal(plan.encoded_size, end - MARGIN);

    struct comparing comparing = {.image = &image};
    const struct kedge_payload_sink sink = {.context = &comparing, .write = compare};
    const struct kedge_image frames = {.file = fileno(frames_file), .size = end};
    uint8_t *bytes = malloc((size_t)plan.encoded_size);
    assert_non_null(bytes);
    assert_int_equal(
        kedge_image_read(&frames, end - plan.encoded_size, bytes, (size_t)plan.encoded_size),
        KEDGE_OK);
    assert_int_equal(kedge_payload_begin(&reader, &plan, &sink), KEDGE_OK);
    assert_int_equal(kedge_payload_push(&reader, kedge_slice(bytes, (size_t)plan.encoded_size)),
                     KEDGE_OK);
    assert_int_equal(kedge_payload_end(&reader, digest), KEDGE_OK);
    assert_int_equal(comparing.compared, size);
    free(bytes);
    fclose(image_file);
    fclose(frames_file);
}

static void the_reader_takes_every_chain(void **state)
{
    (void)state;
    const size_t sizes[] = {1,
                            KEDGE_FRAME_IMAGE_SIZE - 1,
                            KEDGE_FRAME_IMAGE_SIZE,
                            KEDGE_FRAME_IMAGE_SIZE + 1,
                            2 * KEDGE_FRAME_IMAGE_SIZE,
                            7 * KEDGE_FRAME_IMAGE_SIZE + 4711};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        check_chain(sizes[i], false);
        check_chain(sizes[i], true);
    }
}

static void an_image_that_shrinks_while_it_is_read_is_a_conflict(void **state)
{
    (void)state;
    char path[] = "/tmp/kedge-test-image-XXXXXX";
    struct kedge_image image;
    uint8_t byte;
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, 1000), 0);
    assert_int_equal(kedge_image_open(&image, path), KEDGE_OK);
    assert_int_equal(ftruncate(file, 500), 0);
    assert_int_equal(kedge_image_read(&image, 499, &byte, 1), KEDGE_OK);
    assert_int_equal(kedge_image_read(&image, 500, &byte, 1), KEDGE_E_CONFLICT);
    assert_int_equal(kedge_image_close(&image), KEDGE_E_CONFLICT);
    close(file);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reader_takes_every_chain),
        cmocka_unit_test(an_image_that_shrinks_while_it_is_read_is_a_conflict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
