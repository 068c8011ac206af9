/*
 * The data folder is there after a power cut: what is made is made durable, before anything is
 * stored in it. fsync() is watched, since no test can cut the power.
 */
#define _GNU_SOURCE
#include "updater/kedged/data_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYNCED_MAX 16u

static ino_t synced[SYNCED_MAX];
static size_t synced_count;
static bool sync_fails;

int __wrap_fsync(int file);
int __wrap_fsync(int file)
{
    struct stat status;
    if (sync_fails) {
        errno = EIO;
        return -1;
    }
    assert_int_equal(fstat(file, &status), 0);
    assert_true(synced_count < SYNCED_MAX);
    synced[synced_count++] = status.st_ino;
    return 0;
}

static bool was_synced(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    for (size_t i = 0; i < synced_count; i++)
        if (synced[i] == status.st_ino)
            return true;
    return false;
}

struct place {
    char above[64], folder[80], packages[96], fw[96];
};

static int set_up(void **state)
{
    static struct place place;
    (void)snprintf(place.above, sizeof place.above, "/tmp/kedge-data-XXXXXX");
    assert_non_null(mkdtemp(place.above));
    (void)snprintf(place.folder, sizeof place.folder, "%s/data", place.above);
    (void)snprintf(place.packages, sizeof place.packages, "%s/packages", place.folder);
    (void)snprintf(place.fw, sizeof place.fw, "%s/fw", place.folder);
    synced_count = 0;
    sync_fails = false;
    *state = &place;
    return 0;
}

static int tear_down(void **state)
{
    const struct place *place = *state;
    (void)rmdir(place->packages);
    (void)rmdir(place->fw);
    (void)rmdir(place->folder);
    (void)unlink(place->folder);
    return rmdir(place->above);
}

static void what_is_made_is_private_and_durable(void **state)
{
    const struct place *place = *state;
    char error[KEDGE_STORE_ERROR_MAX];
    struct stat status;
    assert_int_equal(kedge_data_folder_make(place->folder, error), KEDGE_OK);
    const char *made[] = {place->folder, place->packages, place->fw};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(stat(made[i], &status), 0);
        assert_int_equal(status.st_mode & 0777, 0700);
    }
    assert_true(was_synced(place->above));
    assert_true(was_synced(place->folder));
}

static void what_is_there_is_left_alone(void **state)
{
    const struct place *place = *state;
    char error[KEDGE_STORE_ERROR_MAX];
    assert_int_equal(kedge_data_folder_make(place->folder, error), KEDGE_OK);
    synced_count = 0;
    assert_int_equal(kedge_data_folder_make(place->folder, error), KEDGE_OK);
    assert_int_equal(synced_count, 0);
}

static void a_folder_that_cannot_be_made_durable_is_refused_with_its_name(void **state)
{
    const struct place *place = *state;
    char error[KEDGE_STORE_ERROR_MAX] = "";
    sync_fails = true;
    assert_int_equal(kedge_data_folder_make(place->folder, error), KEDGE_E_SYSTEM);
    assert_non_null(strstr(error, place->above));
    assert_non_null(strstr(error, strerror(EIO)));
}

static void a_file_in_its_place_is_refused_with_its_name(void **state)
{
    const struct place *place = *state;
    char error[KEDGE_STORE_ERROR_MAX] = "";
    int file = open(place->folder, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    (void)close(file);
    assert_int_equal(kedge_data_folder_make(place->folder, error), KEDGE_E_SYSTEM);
    assert_non_null(strstr(error, place->folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_made_is_private_and_durable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_there_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_folder_that_cannot_be_made_durable_is_refused_with_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_in_its_place_is_refused_with_its_name, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
