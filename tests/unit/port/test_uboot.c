/* U-Boot's environment as the selector of slots, on files that libubootenv and a U-Boot of the
 * tests' own read and write. */
#define _GNU_SOURCE
#include "agent/port/uboot.h"
#include "tests/unit/package_maker.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_SIZE 4096u
#define HEAD_SIZE 5u /* CRC and flag */

struct place {
    char folder[64], copies[2][96], config[96], defaults[96];
    struct kedge_uboot uboot;
};

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static void put_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* ---- U-Boot's side: one copy, as CONFIG_SYS_REDUNDAND_ENVIRONMENT has it ---- */

static void put_copy(const struct place *place, int copy, uint8_t flag, const char *variables,
                     size_t size)
{
    uint8_t bytes[COPY_SIZE] = {0};
    assert_true(size <= COPY_SIZE - HEAD_SIZE);
    memcpy(bytes + HEAD_SIZE, variables, size);
    uint32_t crc = kedge_crc32(0, kedge_slice(bytes + HEAD_SIZE, COPY_SIZE - HEAD_SIZE));
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(crc >> (8 * i));
    bytes[4] = flag;
    FILE *file = fopen(place->copies[copy], "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, sizeof bytes, file), sizeof bytes);
    fclose(file);
}

/* The flag of a copy that is whole, or -1. */
static int look_at_copy(const struct place *place, int copy, uint8_t bytes[COPY_SIZE])
{
    FILE *file = fopen(place->copies[copy], "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, COPY_SIZE, file), COPY_SIZE);
    fclose(file);
    uint32_t crc = kedge_crc32(0, kedge_slice(bytes + HEAD_SIZE, COPY_SIZE - HEAD_SIZE));
    for (int i = 0; i < 4; i++)
        if (bytes[i] != (uint8_t)(crc >> (8 * i)))
            return -1;
    return bytes[4];
}

static bool has(const uint8_t bytes[COPY_SIZE], const char *variable)
{
    for (size_t at = HEAD_SIZE; bytes[at] != '\0'; at += strlen((const char *)bytes + at) + 1)
        if (strcmp((const char *)bytes + at, variable) == 0)
            return true;
    return false;
}

/* Flips a bit of the copy's variables, or of its flag. */
static void corrupt(const struct place *place, int copy, long at)
{
    FILE *file = fopen(place->copies[copy], "r+b");
    assert_non_null(file);
    fseek(file, at, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, at, SEEK_SET);
    fputc(byte ^ 0x01, file);
    fclose(file);
}

#define VARIABLES "BOOT_A_LEFT=3\0BOOT_B_LEFT=2\0BOOT_ORDER=B A R\0BOOT_TRIAL=B\0bootcmd=run it\0"

static int set_up(void **state)
{
    char text[256];
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    snprintf(place->folder, sizeof place->folder, "/tmp/kedge-uboot-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    for (int copy = 0; copy < 2; copy++)
        snprintf(place->copies[copy], sizeof place->copies[copy], "%s/%d.env", place->folder, copy);
    snprintf(place->config, sizeof place->config, "%s/fw_env.config", place->folder);
    snprintf(place->defaults, sizeof place->defaults, "%s/initial-env", place->folder);
    snprintf(text, sizeof text, "# device offset size\n%s 0x0 0x1000\n%s 0x0 0x1000\n",
             place->copies[0], place->copies[1]);
    put_text(place->config, text);
    put_copy(place, 0, 7, VARIABLES, sizeof VARIABLES - 1);
    put_copy(place, 1, 6, "BOOT_ORDER=A\0", 13);
    assert_int_equal(kedge_uboot_open(&place->uboot, place->config, place->defaults), KEDGE_OK);
    assert_int_equal(place->uboot.places.count, 2);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    nftw(place->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(place);
    return 0;
}

static enum kedge_rc read_it(struct place *place, struct kedge_selection *selection)
{
    return place->uboot.selector.read(place->uboot.selector.context, selection);
}

static enum kedge_rc write_it(struct place *place, struct kedge_selection selection)
{
    return place->uboot.selector.write(place->uboot.selector.context, &selection);
}

static struct kedge_selection only_a(void)
{
    return (struct kedge_selection){
        .count = 1, .order = {0}, .left = {3, 0}, .trial = KEDGE_SLOT_NONE};
}

static struct kedge_selection trial_of_b(void)
{
    return (struct kedge_selection){.count = 2, .order = {1, 0}, .left = {3, 2}, .trial = 1};
}

static void expect(struct place *place, struct kedge_selection wanted)
{
    struct kedge_selection there;
    assert_int_equal(read_it(place, &there), KEDGE_OK);
    assert_int_equal(there.count, wanted.count);
    assert_memory_equal(there.order, wanted.order, wanted.count);
    assert_memory_equal(there.left, wanted.left, sizeof wanted.left);
    assert_int_equal(there.trial, wanted.trial);
}

static void what_uboot_wrote_is_read(void **state)
{
    expect(*state, trial_of_b());
}

static void what_is_written_goes_into_the_other_copy_and_leaves_the_rest_alone(void **state)
{
    struct place *place = *state;
    uint8_t before[COPY_SIZE], bytes[COPY_SIZE];
    assert_int_equal(look_at_copy(place, 0, before), 7);
    assert_int_equal(write_it(place, only_a()), KEDGE_OK);
    expect(place, only_a());
    assert_int_equal(look_at_copy(place, 1, bytes), 8);
    assert_true(has(bytes, "BOOT_ORDER=A R")); /* the rescue system keeps its place */
    assert_true(has(bytes, "BOOT_A_LEFT=3"));
    assert_true(has(bytes, "BOOT_B_LEFT=0"));
    assert_true(has(bytes, "bootcmd=run it"));
    assert_false(has(bytes, "BOOT_TRIAL=B"));
    assert_int_equal(look_at_copy(place, 0, bytes), 7);
    assert_memory_equal(bytes, before, COPY_SIZE);
}

static void either_copy_may_be_corrupt(void **state)
{
    struct place *place = *state;
    corrupt(place, 1, 100);
    expect(place, trial_of_b());
    assert_int_equal(write_it(place, only_a()), KEDGE_OK);
    expect(place, only_a());
    corrupt(place, 1, 100); /* the one just written: what was before it is there */
    expect(place, trial_of_b());
    assert_int_equal(write_it(place, only_a()), KEDGE_OK);
    corrupt(place, 0, 100);
    expect(place, only_a());
}

static void the_flag_goes_round_at_255(void **state)
{
    struct place *place = *state;
    put_copy(place, 0, 255, VARIABLES, sizeof VARIABLES - 1);
    put_copy(place, 1, 254, "BOOT_ORDER=A\0", 13);
    assert_int_equal(write_it(place, only_a()), KEDGE_OK);
    expect(place, only_a());
    assert_int_equal(write_it(place, trial_of_b()), KEDGE_OK);
    expect(place, trial_of_b());
}

static void a_lost_environment_is_begun_from_u_boots_own_defaults_or_not_at_all(void **state)
{
    struct place *place = *state;
    struct kedge_selection selection;
    uint8_t bytes[COPY_SIZE];
    corrupt(place, 0, 100);
    corrupt(place, 1, 100);
    assert_int_equal(kedge_uboot_open(&place->uboot, place->config, place->defaults), KEDGE_OK);
    assert_int_equal(read_it(place, &selection), KEDGE_E_NOT_FOUND);
    assert_int_equal(write_it(place, only_a()), KEDGE_E_NOT_FOUND);
    assert_int_equal(look_at_copy(place, 0, bytes), -1);
    assert_int_equal(look_at_copy(place, 1, bytes), -1);
    put_text(place->defaults, "bootcmd=run defaults\nbootdelay=2\n");
    assert_int_equal(write_it(place, only_a()), KEDGE_OK);
    expect(place, only_a());
    assert_true(look_at_copy(place, 1, bytes) >= 0);
    assert_true(has(bytes, "bootcmd=run defaults"));
    assert_true(has(bytes, "bootdelay=2"));
}

static void an_environment_without_our_variables_has_no_selection(void **state)
{
    struct place *place = *state;
    struct kedge_selection selection;
    put_copy(place, 0, 9, "bootcmd=run it\0", 15);
    assert_int_equal(read_it(place, &selection), KEDGE_E_NOT_FOUND);
    assert_int_equal(write_it(place, only_a()), KEDGE_OK);
    expect(place, only_a());
}

static void an_environment_that_is_full_says_so(void **state)
{
    struct place *place = *state;
    static char variables[COPY_SIZE - HEAD_SIZE];
    int size = snprintf(variables, sizeof variables, "BOOT_ORDER=A%clong=", '\0');
    memset(variables + size, 'x', sizeof variables - (size_t)size - 2);
    put_copy(place, 0, 9, variables, sizeof variables);
    assert_int_equal(write_it(place, trial_of_b()), KEDGE_E_SPACE);
    struct kedge_selection there;
    assert_int_equal(read_it(place, &there), KEDGE_OK);
    assert_int_equal(there.count, 1);
}

static void one_copy_is_enough_and_is_told(void **state)
{
    struct place *place = *state;
    char text[128];
    snprintf(text, sizeof text, "%s\t0x0000\t0x1000\n", place->copies[0]);
    put_text(place->config, text);
    put_text(place->defaults, "bootcmd=run defaults\n");
    assert_int_equal(kedge_uboot_open(&place->uboot, place->config, place->defaults), KEDGE_OK);
    assert_int_equal(place->uboot.places.count, 1);
    assert_int_equal(write_it(place, trial_of_b()), KEDGE_OK);
    expect(place, trial_of_b());
}

static void what_cannot_be_opened_says_why(void **state)
{
    struct place *place = *state;
    struct kedge_selection selection;
    assert_int_equal(kedge_uboot_open(&place->uboot, "/nowhere/at/all", place->defaults),
                     KEDGE_E_SYSTEM);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(kedge_uboot_open(&place->uboot, place->config, place->defaults), KEDGE_OK);
    assert_int_equal(unlink(place->copies[1]), 0);
    assert_int_equal(read_it(place, &selection), KEDGE_E_SYSTEM);
    assert_int_equal(write_it(place, only_a()), KEDGE_E_SYSTEM);
    put_text(place->config, "# nothing\n\n");
    assert_int_equal(kedge_uboot_open(&place->uboot, place->config, place->defaults),
                     KEDGE_E_NOT_FOUND);
}

/* ---- the texts ---- */

static void variables_that_make_no_sense_are_no_selection(void **state)
{
    (void)state;
    static const struct {
        struct kedge_uboot_variables variables;
        enum kedge_rc rc;
        struct kedge_selection selection;
    } cases[] = {
        {{.order = "A B"}, KEDGE_OK, {.count = 2, .order = {0, 1}, .left = {3, 3}, .trial = 255}},
        {{.order = " B\t", .left = {"0", "1f"}, .trial = ""},
         KEDGE_OK,
         {.count = 1, .order = {1}, .left = {0, 31}, .trial = 255}},
        {{.order = "R B AB A", .left = {"A", "b"}, .trial = "A"},
         KEDGE_OK,
         {.count = 2, .order = {1, 0}, .left = {10, 11}, .trial = 0}},
        {{.order = NULL}, KEDGE_E_NOT_FOUND, {0}},
        {{.order = ""}, KEDGE_E_NOT_FOUND, {0}},
        {{.order = "R S"}, KEDGE_E_NOT_FOUND, {0}},
        {{.order = "A A"}, KEDGE_E_MALFORMED, {0}},
        {{.order = "A B A"}, KEDGE_E_MALFORMED, {0}},
        {{.order = "A", .left = {""}}, KEDGE_E_MALFORMED, {0}},
        {{.order = "A", .left = {"-1"}}, KEDGE_E_MALFORMED, {0}},
        {{.order = "A", .left = {"3", "100"}}, KEDGE_E_MALFORMED, {0}},
        {{.order = "A", .trial = "C"}, KEDGE_E_MALFORMED, {0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kedge_selection selection;
        const struct kedge_selection *wanted = &cases[i].selection;
        assert_int_equal(kedge_uboot_selection_read(&cases[i].variables, &selection), cases[i].rc);
        if (cases[i].rc != KEDGE_OK)
            continue;
        assert_int_equal(selection.count, wanted->count);
        assert_memory_equal(selection.order, wanted->order, wanted->count);
        assert_memory_equal(selection.left, wanted->left, sizeof wanted->left);
        assert_int_equal(selection.trial, wanted->trial);
    }
}

static void an_order_that_would_be_too_long_loses_what_is_not_ours(void **state)
{
    (void)state;
    char before[KEDGE_UBOOT_ORDER_MAX + 2], text[KEDGE_UBOOT_ORDER_MAX + 1];
    const struct kedge_selection selection = trial_of_b();
    memset(before, 'x', sizeof before - 1);
    before[sizeof before - 1] = '\0';
    kedge_uboot_order_write(&selection, before, text);
    assert_string_equal(text, "B A");
    kedge_uboot_order_write(&selection, NULL, text);
    assert_string_equal(text, "B A");
    before[KEDGE_UBOOT_ORDER_MAX - 4] = '\0'; /* "B A" and a blank just leave room for it */
    kedge_uboot_order_write(&selection, before, text);
    assert_int_equal(strlen(text), KEDGE_UBOOT_ORDER_MAX);
}

static void a_configuration_names_one_place_or_two(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum kedge_rc rc;
        size_t count;
        const char *first, *second;
    } cases[] = {
        {"/dev/mmcblk0 0x400000 0x20000\n/dev/mmcblk0 0x420000 0x20000", KEDGE_OK, 2,
         "/dev/mmcblk0", "/dev/mmcblk0"},
        {"\n  # x\n\t/dev/mtd1 0 0x4000 0x4000 2\r\n", KEDGE_OK, 1, "/dev/mtd1", ""},
        {"", KEDGE_E_NOT_FOUND, 0, NULL, NULL},
        {"#/dev/mtd1 0 0x4000", KEDGE_E_NOT_FOUND, 0, NULL, NULL},
        {"/dev/mtd1 0", KEDGE_E_MALFORMED, 0, NULL, NULL},
        {"/dev/mtd1 0 size", KEDGE_E_MALFORMED, 0, NULL, NULL},
        {"/dev/mtd1 0 0x100000000", KEDGE_E_MALFORMED, 0, NULL, NULL},
        {"/a 0 1\n/b 0 1\n/c 0 1\n", KEDGE_E_LIMIT, 0, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kedge_uboot_places places;
        assert_int_equal(kedge_uboot_places_read(kedge_slice_text(cases[i].text), &places),
                         cases[i].rc);
        if (cases[i].rc != KEDGE_OK)
            continue;
        assert_int_equal(places.count, cases[i].count);
        assert_string_equal(places.devices[0], cases[i].first);
        if (places.count == 2)
            assert_string_equal(places.devices[1], cases[i].second);
    }
}

static void the_running_slot_stands_on_the_kernels_command_line(void **state)
{
    struct place *place = *state;
    static const struct {
        const char *text;
        enum kedge_rc rc;
        uint8_t slot;
    } cases[] = {
        {"console=ttyS0 kedge.slot=A quiet\n", KEDGE_OK, 0},
        {"rauc.slot=B", KEDGE_OK, 1},
        {"rauc.slot=B kedge.slot=A", KEDGE_OK, 0},
        {"kedge.slot=A kedge.slot=B", KEDGE_OK, 1},
        {"xkedge.slot=A", KEDGE_E_NOT_FOUND, 0},
        {"", KEDGE_E_NOT_FOUND, 0},
        {"kedge.slot=", KEDGE_E_MALFORMED, 0},
        {"kedge.slot=AB rauc.slot=A", KEDGE_E_MALFORMED, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t slot = KEDGE_SLOT_NONE;
        put_text(place->defaults, cases[i].text);
        assert_int_equal(kedge_uboot_running(place->defaults, &slot), cases[i].rc);
        if (cases[i].rc == KEDGE_OK)
            assert_int_equal(slot, cases[i].slot);
    }
}

#define ON_FILES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_FILES(what_uboot_wrote_is_read),
        ON_FILES(what_is_written_goes_into_the_other_copy_and_leaves_the_rest_alone),
        ON_FILES(either_copy_may_be_corrupt),
        ON_FILES(the_flag_goes_round_at_255),
        ON_FILES(a_lost_environment_is_begun_from_u_boots_own_defaults_or_not_at_all),
        ON_FILES(an_environment_without_our_variables_has_no_selection),
        ON_FILES(an_environment_that_is_full_says_so),
        ON_FILES(one_copy_is_enough_and_is_told),
        ON_FILES(what_cannot_be_opened_says_why),
        cmocka_unit_test(variables_that_make_no_sense_are_no_selection),
        cmocka_unit_test(an_order_that_would_be_too_long_loses_what_is_not_ours),
        cmocka_unit_test(a_configuration_names_one_place_or_two),
        ON_FILES(the_running_slot_stands_on_the_kernels_command_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
