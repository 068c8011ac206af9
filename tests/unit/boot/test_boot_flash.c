/* Which flash geometries are possible. */
#include <kedge/boot.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum kedge_rc read_none(void *context, uint32_t offset, void *out, size_t size)
{
    (void)context, (void)offset, (void)out, (void)size;
    return KEDGE_E_FLASH;
}

static enum kedge_rc write_none(void *context, uint32_t offset, const void *data, size_t size)
{
    (void)context, (void)offset, (void)data, (void)size;
    return KEDGE_E_FLASH;
}

static enum kedge_rc erase_none(void *context, uint32_t offset, uint32_t size)
{
    (void)context, (void)offset, (void)size;
    return KEDGE_E_FLASH;
}

static enum kedge_rc sync_none(void *context)
{
    (void)context;
    return KEDGE_E_FLASH;
}

static const struct kedge_flash good = {.size = 65536,
                                        .erase_size = 4096,
                                        .write_size = 8,
                                        .erased_value = 0xFF,
                                        .read = read_none,
                                        .write = write_none,
                                        .erase = erase_none,
                                        .sync = sync_none};

static void possible_geometries_are_taken(void **state)
{
    (void)state;
    struct kedge_flash flash = good;
    assert_int_equal(kedge_flash_check(&flash), KEDGE_OK);
    flash.erased_value = 0x00;
    flash.write_size = 256;
    assert_int_equal(kedge_flash_check(&flash), KEDGE_OK);
    flash.write_size = 24;
    flash.erase_size = 240;
    flash.size = 240 * 100;
    assert_int_equal(kedge_flash_check(&flash), KEDGE_OK);
}

#define REFUSED(field, value)                                          \
    do {                                                               \
        struct kedge_flash flash = good;                               \
        flash.field = value;                                           \
        assert_int_equal(kedge_flash_check(&flash), KEDGE_E_ARGUMENT); \
    } while (0)

static void impossible_geometries_are_refused(void **state)
{
    (void)state;
    REFUSED(size, 0);
    REFUSED(size, 4095);
    REFUSED(erase_size, 0);
    REFUSED(erase_size, 4097);
    REFUSED(write_size, 0);
    REFUSED(write_size, 512);
    REFUSED(write_size, 7);
    REFUSED(erased_value, 0x7F);
    REFUSED(read, NULL);
    REFUSED(write, NULL);
    REFUSED(erase, NULL);
    REFUSED(sync, NULL);
}

static void the_capacity_is_what_is_left_behind_the_header(void **state)
{
    (void)state;
    struct kedge_flash flash = good;
    /* 32 + 8192 bytes of header and head take three erase units of 4096. */
    assert_int_equal(kedge_slot_capacity(&flash), 65536 - 3 * 4096);
    flash.size = 3 * 4096;
    assert_int_equal(kedge_slot_capacity(&flash), 0);
    flash.erase_size = 0;
    assert_int_equal(kedge_slot_capacity(&flash), 0);
    flash = good;
    flash.erase_size = UINT32_C(1) << 31;
    flash.size = UINT32_C(1) << 31;
    assert_int_equal(kedge_slot_capacity(&flash), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(possible_geometries_are_taken),
        cmocka_unit_test(impossible_geometries_are_refused),
        cmocka_unit_test(the_capacity_is_what_is_left_behind_the_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
