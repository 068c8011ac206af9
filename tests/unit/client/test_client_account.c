/* test_client_account.c: which accounts a device can register with, and that they survive a cut. */
#define _POSIX_C_SOURCE 200809L
#include "agent/client/account_file.h"
#include "tests/unit/client/account_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what is an account ---- */

static void an_account_of_each_mode_is_usable(void **state)
{
    (void)state;
    struct kedge_account account;
    sample_account(&account);
    assert_null(kedge_account_flaw(&account, false));

    account.security.mode = KEDGE_ACCOUNT_CERTIFICATE;
    account.security.server_key_size = 10;
    assert_null(kedge_account_flaw(&account, false));
    account.security.certificate_usage = KEDGE_ACCOUNT_TRUST_ANCHOR;
    assert_null(kedge_account_flaw(&account, false));

    account.security.mode = KEDGE_ACCOUNT_RAW_PUBLIC_KEY;
    account.security.identity_size = 0;
    assert_null(kedge_account_flaw(&account, false));
    account.security.secret_size = 0;
    assert_null(kedge_account_flaw(&account, true));

    account.security.mode = KEDGE_ACCOUNT_NO_SECURITY;
    snprintf(account.security.uri, sizeof account.security.uri, "coap://server.example");
    assert_null(kedge_account_flaw(&account, false));
}

/* Each spoils one thing. */
static void spoil(struct kedge_account *account, unsigned what)
{
    struct kedge_account_security *security = &account->security;
    struct kedge_account_server *server = &account->server;
    switch (what) {
    case 0:
        security->present = false;
        break;
    case 1:
        server->present = false;
        break;
    case 2:
        security->server_id = 2;
        break;
    case 3:
        security->server_id = server->server_id = 0;
        break;
    case 4:
        security->uri[0] = '\0';
        break;
    case 5:
        security->uri[0] = 'x';
        break;
    case 6:
        snprintf(security->uri, sizeof security->uri, "coap://server.example");
        break;
    case 7:
        security->mode = KEDGE_ACCOUNT_NO_SECURITY;
        break;
    case 8:
        security->mode = 4;
        break;
    case 9:
        security->mode = UINT64_MAX;
        break;
    case 10:
        security->identity_size = 0;
        break;
    case 11:
        security->identity_size = 129;
        break;
    case 12:
        security->identity[3] = '\0';
        break;
    case 13:
        security->secret_size = 0;
        break;
    case 14:
        security->secret_size = 65;
        break;
    case 15:
        security->unfamiliar = true;
        break;
    case 16:
        server->lifetime_s = 0;
        break;
    case 17:
        server->lifetime_s = UINT32_MAX;
        break;
    case 18:
        server->binding[0] = 'T';
        break;
    case 19:
        snprintf(security->uri, sizeof security->uri, "coaps://host/?x=1");
        break;
    case 20:
        security->mode = KEDGE_ACCOUNT_CERTIFICATE;
        break; /* without the server's */
    case 21:
        security->mode = KEDGE_ACCOUNT_RAW_PUBLIC_KEY;
        break;
    default:
        security->mode = KEDGE_ACCOUNT_CERTIFICATE;
        security->server_key_size = 10;
        security->identity_size = what == 22 ? 0 : 8;
        security->secret_size = what == 23 ? 0 : 16;
        security->certificate_usage = what == 24 ? 1 : 3;
    }
}

static void whatever_is_missing_makes_it_unusable(void **state)
{
    (void)state;
    struct kedge_account account;
    for (unsigned what = 0; what < 25; what++) {
        sample_account(&account);
        spoil(&account, what);
        if (kedge_account_flaw(&account, false) == NULL)
            fail_msg("flaw %u is not seen", what);
    }
    sample_account(&account);
    spoil(&account, 25);
    assert_null(kedge_account_flaw(&account, false));
}

/* ---- the bytes ---- */

static size_t encode(const struct kedge_account *account, uint8_t *bytes)
{
    struct kedge_writer out = kedge_writer(bytes, KEDGE_ACCOUNT_FILE_SIZE_MAX);
    assert_int_equal(kedge_account_encode(account, &out), KEDGE_OK);
    return out.size;
}

/* Both are begun by memset(), so that what is between their fields is the same too. */
static void assert_same(const struct kedge_account *a, const struct kedge_account *b)
{
    uint8_t bytes[2][KEDGE_ACCOUNT_FILE_SIZE_MAX];
    size_t size = encode(a, bytes[0]);
    assert_int_equal(encode(b, bytes[1]), size);
    assert_memory_equal(bytes[0], bytes[1], size);
    assert_memory_equal(a->security.secret, b->security.secret, sizeof a->security.secret);
}

static void every_field_comes_back(void **state)
{
    (void)state;
    struct kedge_account before, after;
    uint8_t bytes[KEDGE_ACCOUNT_FILE_SIZE_MAX];
    sample_account(&before);
    before.has_hold_off = true;
    before.hold_off_s = UINT32_MAX;
    before.security.instance = 65534;
    before.server.instance = 7;
    before.server.default_pmin_s = 2;
    before.server.default_pmax_s = 3;
    before.server.disable_s = 4;
    before.server.storing = false;
    before.server.bootstrap_on_failure = false;
    before.server.retry_count = 9;
    before.server.retry_timer_s = 10;
    struct kedge_access_entry *entry = kedge_access_add(&before.access, 7);
    entry->object = 5;
    entry->owner = KEDGE_ACCESS_BOOTSTRAP;
    assert_true(kedge_access_set_list(entry, 1, KEDGE_ACCESS_READ));
    size_t size = encode(&before, bytes);
    assert_int_equal(kedge_account_decode(kedge_slice(bytes, size), false, &after), KEDGE_OK);
    assert_string_equal(after.endpoint, before.endpoint);
    assert_true(after.has_hold_off);
    assert_int_equal(after.hold_off_s, before.hold_off_s);
    assert_memory_equal(&after.security, &before.security, sizeof before.security);
    assert_memory_equal(&after.server, &before.server, sizeof before.server);
    assert_same(&before, &after);
    assert_int_equal(kedge_access_rights(&after.access, 5, 0, 1), KEDGE_ACCESS_READ);
}

static void the_largest_account_fits(void **state)
{
    (void)state;
    struct kedge_account before, after;
    uint8_t bytes[KEDGE_ACCOUNT_FILE_SIZE_MAX];
    sample_account(&before);
    struct kedge_account_security *security = &before.security;
    security->mode = KEDGE_ACCOUNT_CERTIFICATE;
    security->identity_size = sizeof security->identity;
    security->server_key_size = sizeof security->server_key;
    security->secret_size = sizeof security->secret;
    size_t host = KEDGE_URI_MAX;
    memset(security->uri + 8, 'h', host - 8);
    security->uri[host] = '\0';
    memset(security->uri + 100, '/', 1);
    memset(before.endpoint, 'e', sizeof before.endpoint - 1);
    snprintf(before.server.binding, sizeof before.server.binding, "UQSTNHM");
    while (before.access.count < KEDGE_ACCESS_ENTRIES_MAX) {
        struct kedge_access_entry *entry =
            kedge_access_add(&before.access, (uint16_t)before.access.count);
        entry->object = (uint16_t)before.access.count;
        entry->owner = 1;
        for (uint16_t i = 0; i < KEDGE_ACCESS_LISTS_MAX; i++)
            assert_true(kedge_access_set_list(entry, i, KEDGE_ACCESS_ALL));
    }
    size_t size = encode(&before, bytes);
    assert_int_equal(kedge_account_decode(kedge_slice(bytes, size), false, &after), KEDGE_OK);
    assert_same(&before, &after);
}

static void no_damaged_bit_and_no_other_length_is_believed(void **state)
{
    (void)state;
    struct kedge_account before, after;
    uint8_t bytes[KEDGE_ACCOUNT_FILE_SIZE_MAX + 1] = {0};
    sample_account(&before);
    size_t size = encode(&before, bytes);
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(kedge_account_decode(kedge_slice(bytes, size), false, &after),
                             KEDGE_OK);
        assert_false(after.security.present || after.server.present);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t cut = 0; cut < size; cut++)
        assert_int_not_equal(kedge_account_decode(kedge_slice(bytes, cut), false, &after),
                             KEDGE_OK);
    assert_int_not_equal(kedge_account_decode(kedge_slice(bytes, size + 1), false, &after),
                         KEDGE_OK);
}

/* Written by something else, with a right CRC over it. */
static void a_file_of_no_usable_account_is_none(void **state)
{
    (void)state;
    struct kedge_account before, after;
    uint8_t bytes[KEDGE_ACCOUNT_FILE_SIZE_MAX];
    sample_account(&before);
    before.security.secret_size = 0;
    size_t size = encode(&before, bytes);
    assert_int_equal(kedge_account_decode(kedge_slice(bytes, size), false, &after), KEDGE_E_STATE);
    assert_false(after.security.present || after.server.present);
}

/* ---- a folder of which the power is cut ---- */

#define FILES_MAX 2u
#define NAMES_MAX 4u

/* A file: what was written, and how much of it was synced. */
struct file {
    uint8_t bytes[KEDGE_ACCOUNT_FILE_SIZE_MAX];
    size_t size, synced;
};

/* Names in memory and on the disk; the disk's are those at the last sync of the folder. */
struct disk {
    struct file files[FILES_MAX];
    int account, temporary;          /* as programs see it; -1: no such name */
    int disk_account;                /* what the disk has for certain */
    unsigned steps, cut_at, fail_at; /* counted from 1; 0: never */
    bool off;
};

/* False when this step does not happen: the power is off, or it fails. */
static bool step(struct disk *disk)
{
    disk->steps++;
    if (disk->steps == disk->cut_at)
        disk->off = true;
    errno = EIO;
    return !disk->off && disk->steps != disk->fail_at;
}

static int disk_create(void *context, const char *name)
{
    struct disk *disk = context;
    assert_string_equal(name, KEDGE_ACCOUNT_FILE ".new");
    if (!step(disk))
        return -1;
    disk->temporary = disk->account == 0 ? 1 : 0;
    memset(&disk->files[disk->temporary], 0, sizeof disk->files[0]);
    return disk->temporary;
}

static int disk_write(void *context, int file, struct kedge_slice bytes)
{
    struct disk *disk = context;
    struct file *to = &disk->files[file];
    bool works = step(disk);
    to->size = works ? bytes.size : bytes.size / 2; /* as much as a cut lets through */
    memcpy(to->bytes, bytes.data, to->size);
    return works ? 0 : -1;
}

static int disk_sync(void *context, int file)
{
    struct disk *disk = context;
    if (!step(disk))
        return -1;
    disk->files[file].synced = disk->files[file].size;
    return 0;
}

static void disk_close(void *context, int file)
{
    (void)file;
    (void)step(context);
}

static int disk_rename(void *context, const char *from, const char *to)
{
    struct disk *disk = context;
    assert_string_equal(from, KEDGE_ACCOUNT_FILE ".new");
    assert_string_equal(to, KEDGE_ACCOUNT_FILE);
    if (!step(disk))
        return -1;
    disk->account = disk->temporary;
    disk->temporary = -1;
    return 0;
}

static int disk_sync_names(void *context)
{
    struct disk *disk = context;
    if (!step(disk))
        return -1;
    disk->disk_account = disk->account;
    return 0;
}

static struct kedge_folder folder_on(struct disk *disk)
{
    return (struct kedge_folder){.context = disk,
                                 .create = disk_create,
                                 .write = disk_write,
                                 .sync = disk_sync,
                                 .close = disk_close,
                                 .rename = disk_rename,
                                 .sync_names = disk_sync_names};
}

enum found { OLD, NEW };

/* What the agent finds under the account's name: the old account or the new one, whole. */
static enum found look(const struct disk *disk, int file, size_t size)
{
    struct kedge_account found;
    assert_true(file >= 0);
    assert_int_equal(
        kedge_account_decode(kedge_slice(disk->files[file].bytes, size), false, &found), KEDGE_OK);
    assert_true(found.security.secret[0] == 'o' || found.security.secret[0] == 'n');
    for (size_t i = 0; i < found.security.secret_size; i++)
        assert_int_equal(found.security.secret[i], found.security.secret[0]);
    assert_int_equal(found.server.lifetime_s, found.security.secret[0] == 'o' ? 1000 : 2000);
    return found.security.secret[0] == 'o' ? OLD : NEW;
}

static void make_account(struct kedge_account *account, char what)
{
    sample_account(account);
    memset(account->security.secret, what, account->security.secret_size);
    account->server.lifetime_s = what == 'o' ? 1000 : 2000;
}

/* Saves the old account, and then the new one with the power cut, or an error, at one step. */
static enum kedge_rc save_with(struct disk *disk, unsigned cut_at, unsigned fail_at)
{
    struct kedge_account account;
    *disk = (struct disk){.account = -1, .temporary = -1, .disk_account = -1};
    const struct kedge_folder folder = folder_on(disk);
    make_account(&account, 'o');
    assert_int_equal(kedge_account_save(&folder, &account), KEDGE_OK);
    disk->steps = 0;
    disk->cut_at = cut_at;
    disk->fail_at = fail_at;
    make_account(&account, 'n');
    return kedge_account_save(&folder, &account);
}

/*
 * After kill -9 the files are as the program left them. After a power cut the disk has the names of
 * the last sync or later ones, and of a file what was synced, or more of it.
 */
static void a_cut_at_any_step_leaves_the_old_account_or_the_new_one(void **state)
{
    (void)state;
    static struct disk disk;
    bool both[2] = {false, false};
    assert_int_equal(save_with(&disk, 0, 0), KEDGE_OK);
    unsigned steps = disk.steps;
    assert_int_equal(steps, 6);
    assert_int_equal(look(&disk, disk.disk_account, disk.files[disk.disk_account].synced), NEW);
    for (unsigned cut = 1; cut <= steps; cut++) {
        assert_int_equal(save_with(&disk, cut, 0), KEDGE_E_SYSTEM);
        both[look(&disk, disk.account, disk.files[disk.account].size)] = true;
        both[look(&disk, disk.account, disk.files[disk.account].synced)] = true;
        both[look(&disk, disk.disk_account, disk.files[disk.disk_account].synced)] = true;
    }
    assert_true(both[OLD] && both[NEW]);
}

static void an_error_at_any_step_is_told_and_leaves_one_of_them(void **state)
{
    (void)state;
    static struct disk disk;
    for (unsigned failing = 1; failing <= 6; failing++) {
        bool closes = failing == 4; /* of which nothing is asked */
        assert_int_equal(save_with(&disk, 0, failing), closes ? KEDGE_OK : KEDGE_E_SYSTEM);
        enum found found = look(&disk, disk.account, disk.files[disk.account].synced);
        assert_int_equal(found, failing < 6 && !closes ? OLD : NEW);
    }
}

/* ---- a folder of the system ---- */

static void the_file_is_for_its_owner_alone_and_replaced_as_a_whole(void **state)
{
    (void)state;
    char path[] = "client-account-XXXXXX";
    struct kedge_account before, after;
    struct stat info;
    assert_non_null(mkdtemp(path));
    int number = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct kedge_folder folder = kedge_folder_of(&number);
    assert_int_equal(kedge_account_load(number, false, &after), KEDGE_E_NOT_FOUND);
    for (char what = 'n'; what <= 'o'; what++) {
        make_account(&before, what);
        assert_int_equal(kedge_account_save(&folder, &before), KEDGE_OK);
        assert_int_equal(kedge_account_load(number, false, &after), KEDGE_OK);
        assert_same(&before, &after);
    }
    assert_int_equal(fstatat(number, KEDGE_ACCOUNT_FILE, &info, 0), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_not_equal(faccessat(number, KEDGE_ACCOUNT_FILE ".new", F_OK, 0), 0);
    int file = openat(number, KEDGE_ACCOUNT_FILE, O_WRONLY);
    assert_int_equal(ftruncate(file, 1 << 20), 0);
    assert_int_equal(kedge_account_load(number, false, &after), KEDGE_E_LIMIT);
    assert_int_equal(ftruncate(file, 100), 0);
    assert_int_not_equal(kedge_account_load(number, false, &after), KEDGE_OK);
    assert_false(after.security.present);
    close(file);
    assert_int_equal(unlinkat(number, KEDGE_ACCOUNT_FILE, 0), 0);
    close(number);
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_of_each_mode_is_usable),
        cmocka_unit_test(whatever_is_missing_makes_it_unusable),
        cmocka_unit_test(every_field_comes_back),
        cmocka_unit_test(the_largest_account_fits),
        cmocka_unit_test(no_damaged_bit_and_no_other_length_is_believed),
        cmocka_unit_test(a_file_of_no_usable_account_is_none),
        cmocka_unit_test(a_cut_at_any_step_leaves_the_old_account_or_the_new_one),
        cmocka_unit_test(an_error_at_any_step_is_told_and_leaves_one_of_them),
        cmocka_unit_test(the_file_is_for_its_owner_alone_and_replaced_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
