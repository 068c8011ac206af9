/* test_swarm_package.c: a package is put together from what devices with blocks of any size have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/swarm/swarm.h"

#define IMAGE_SIZE 20000u

static struct swarm swarm;
static uint8_t image[IMAGE_SIZE];

static int make_image(void **state)
{
    struct draw draw = {.state = 1};
    (void)state;
    for (size_t i = 0; i < IMAGE_SIZE; i++)
        image[i] = (uint8_t)draw_bits(&draw);
    return 0;
}

static void collect(struct package *package, size_t offset, size_t size)
{
    size_t left = IMAGE_SIZE - offset;
    package_collect(package, offset, kedge_slice(image + offset, size < left ? size : left));
}

static void test_blocks_of_different_sizes_that_overlap(void **state)
{
    (void)state;
    struct package *package = package_pushed(&swarm, IMAGE_SIZE, kedge_slice(image, 1024));
    assert_non_null(package);
    collect(package, 0, 1024);
    collect(package, 1024, 256);
    collect(package, 1024, 1024); /* a part of it is known */
    collect(package, 0, 1024);    /* all of it is */
    collect(package, 4096, 1024); /* and before this something is missing */
    assert_int_equal(package->image_size, 2048);
    for (size_t offset = 0; offset < IMAGE_SIZE; offset += 512)
        collect(package, offset, 512);
    assert_int_equal(package->image_size, IMAGE_SIZE);
    assert_memory_equal(package->image, image, IMAGE_SIZE);
    assert_int_equal(package->head_size, sizeof package->head);
    assert_memory_equal(package->head, image, sizeof package->head);
    packages_free(&swarm);
}

static void test_what_begins_alike_and_is_as_large_is_one_package(void **state)
{
    uint8_t other[16] = {0};
    (void)state;
    struct package *package = package_pushed(&swarm, IMAGE_SIZE, kedge_slice(image, 1024));
    collect(package, 0, 1024);
    assert_ptr_equal(package_pushed(&swarm, IMAGE_SIZE, kedge_slice(image, 16)), package);
    assert_ptr_not_equal(package_pushed(&swarm, IMAGE_SIZE + 1, kedge_slice(image, 16)), package);
    assert_ptr_not_equal(package_pushed(&swarm, IMAGE_SIZE, kedge_slice(other, 16)), package);
    packages_free(&swarm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_of_different_sizes_that_overlap),
        cmocka_unit_test(test_what_begins_alike_and_is_as_large_is_one_package),
    };
    return cmocka_run_group_tests(tests, make_image, NULL);
}
