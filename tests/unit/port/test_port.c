/* Linux under the agent: files as flash, one lock, keys from PEM files, what kedge-boot told it. */
#define _GNU_SOURCE
#include "agent/install/install.h"
#include "agent/port/port.h"
#include "tests/unit/package_maker.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOT_SIZE (64u * 1024u)

struct place {
    char folder[64];
    char state[96];
};

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    snprintf(place->folder, sizeof place->folder, "/tmp/kedge-port-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->state, sizeof place->state, "%s/state", place->folder);
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

static const char *put_file(const struct place *place, const char *name, const char *text)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", place->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static void trusted(struct kedge_private_key *key, struct kedge_suit_trust *trust)
{
    maker_key(KEDGE_ED25519, 1, key);
    *trust = (struct kedge_suit_trust){.keys = &key->public_key, .key_count = 1, .required = 1};
}

static struct kedge_port_state *open_state(const struct place *place,
                                           const struct kedge_suit_trust *trust,
                                           enum kedge_port_access access, enum kedge_rc expected)
{
    struct kedge_port_state *state = calloc(1, sizeof *state);
    assert_non_null(state);
    const struct kedge_port_places places = {.slot_size = SLOT_SIZE};
    assert_int_equal(kedge_port_state_open(state, place->state, trust, &places, access),
                     expected);
    return state;
}

static void close_state(struct kedge_port_state *state)
{
    kedge_port_state_close(state);
    kedge_port_state_close(state);
    free(state);
}

static void a_new_folder_is_blank_flash_that_takes_no_room(void **state)
{
    struct place *place = *state;
    struct kedge_private_key key;
    struct kedge_suit_trust trust;
    struct kedge_boot_record record;
    trusted(&key, &trust);
    struct kedge_port_state *port = open_state(place, &trust, KEDGE_PORT_EXCLUSIVE, KEDGE_OK);
    assert_int_equal(kedge_flash_check(port->boot.record), KEDGE_OK);
    assert_int_equal(kedge_flash_check(port->boot.slots[0]), KEDGE_OK);
    assert_int_equal(port->boot.slots[1]->size, SLOT_SIZE);
    assert_int_equal(kedge_boot_record_read(&port->boot, &record), KEDGE_E_NOT_FOUND);
    struct stat status;
    assert_int_equal(fstatat(port->folder, "slot0.img", &status, 0), 0);
    assert_int_equal(status.st_size, SLOT_SIZE);
    assert_int_equal(status.st_blocks, 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    close_state(port);
}

static enum kedge_rc install(struct kedge_port_state *port, const struct made_package *made,
                             uint8_t slot)
{
    struct kedge_install *installing = calloc(1, sizeof *installing);
    struct kedge_install_identity identity = {0};
    assert_non_null(installing);
    kedge_vendor_uuid(kedge_slice_text("example.com"), identity.vendor);
    kedge_class_uuid(identity.vendor, kedge_slice_text("board-a"), identity.class_id);
    enum kedge_rc rc = kedge_install_begin(installing, &port->boot, &identity, slot);
    if (rc == KEDGE_OK)
        rc = kedge_install_push(installing, kedge_slice(made->bytes, made->size));
    if (rc == KEDGE_OK)
        rc = kedge_install_end(installing);
    free(installing);
    return rc;
}

static void an_update_survives_closing_and_opening_again(void **state)
{
    struct place *place = *state;
    struct kedge_private_key key;
    struct kedge_suit_trust trust;
    struct kedge_boot_decision decision;
    uint8_t image[5000];
    memset(image, 0x5A, sizeof image);
    trusted(&key, &trust);
    for (uint8_t slot = 0; slot < KEDGE_SLOTS; slot++) {
        struct made_package made =
            maker_package(kedge_slice(image, sizeof image), true, slot + 1u, "1.0.0", &key);
        struct kedge_port_state *port = open_state(place, &trust, KEDGE_PORT_EXCLUSIVE, KEDGE_OK);
        assert_int_equal(install(port, &made, slot), KEDGE_OK);
        if (slot == 0)
            assert_int_equal(kedge_boot_factory(&port->boot, 0), KEDGE_OK);
        else
            assert_int_equal(kedge_boot_activate(&port->boot, 1), KEDGE_OK);
        maker_free(&made);
        close_state(port);
    }
    struct kedge_port_state *port = open_state(place, &trust, KEDGE_PORT_EXCLUSIVE, KEDGE_OK);
    assert_int_equal(kedge_boot_select(&port->boot, &decision), KEDGE_OK);
    assert_int_equal(decision.slot, 1);
    assert_true(decision.on_trial);
    assert_int_equal(kedge_boot_confirm(&port->boot), KEDGE_OK);
    close_state(port);
}

static void an_erase_gives_the_room_back(void **state)
{
    struct place *place = *state;
    struct kedge_port_flash flash;
    struct stat status;
    uint8_t bytes[3 * KEDGE_PORT_ERASE_SIZE];
    int folder = open(place->folder, O_RDONLY | O_DIRECTORY);
    assert_true(folder >= 0);
    memset(bytes, 1, sizeof bytes);
    assert_int_equal(kedge_port_flash_open(&flash, folder, "flash", sizeof bytes, false), KEDGE_OK);
    assert_int_equal(flash.flash.write(flash.flash.context, 0, bytes, sizeof bytes), KEDGE_OK);
    assert_int_equal(flash.flash.sync(flash.flash.context), KEDGE_OK);
    assert_int_equal(flash.flash.erase(flash.flash.context, 0, sizeof bytes), KEDGE_OK);
    assert_int_equal(flash.flash.sync(flash.flash.context), KEDGE_OK);
    assert_int_equal(flash.flash.read(flash.flash.context, 0, bytes, sizeof bytes), KEDGE_OK);
    for (size_t i = 0; i < sizeof bytes; i++)
        assert_int_equal(bytes[i], 0);
    assert_int_equal(fstat(flash.file, &status), 0);
    assert_int_equal(status.st_size, sizeof bytes);
    assert_int_equal(status.st_blocks, 0);
    /* Beyond the end there is nothing. */
    assert_int_equal(flash.flash.read(flash.flash.context, sizeof bytes, bytes, 1), KEDGE_E_FLASH);
    kedge_port_flash_close(&flash);
    close(folder);
}

static void a_file_keeps_its_size_and_a_half_made_one_gets_it(void **state)
{
    struct place *place = *state;
    struct kedge_port_flash flash;
    int folder = open(place->folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(kedge_port_flash_open(&flash, folder, "flash", 8192, false), KEDGE_OK);
    kedge_port_flash_close(&flash);
    assert_int_equal(kedge_port_flash_open(&flash, folder, "flash", 65536, false), KEDGE_OK);
    assert_int_equal(flash.flash.size, 8192);
    kedge_port_flash_close(&flash);
    put_file(place, "cut", "");
    assert_int_equal(kedge_port_flash_open(&flash, folder, "cut", 8192, false), KEDGE_OK);
    assert_int_equal(flash.flash.size, 8192);
    kedge_port_flash_close(&flash);
    close(folder);
}

static void the_lock_keeps_a_second_agent_out(void **state)
{
    struct place *place = *state;
    struct kedge_private_key key;
    struct kedge_suit_trust trust;
    trusted(&key, &trust);
    struct kedge_port_state *first = open_state(place, &trust, KEDGE_PORT_EXCLUSIVE, KEDGE_OK);
    free(open_state(place, &trust, KEDGE_PORT_EXCLUSIVE, KEDGE_E_BUSY));
    close_state(first);
    close_state(open_state(place, &trust, KEDGE_PORT_EXCLUSIVE, KEDGE_OK));
}

/* A program that the agent starts (its health command) must not keep the lock when the agent dies.
 */
static void the_lock_does_not_pass_to_programs_it_starts(void **state)
{
    struct place *place = *state;
    struct kedge_private_key key;
    struct kedge_suit_trust trust;
    trusted(&key, &trust);
    struct kedge_port_state *port = open_state(place, &trust, KEDGE_PORT_EXCLUSIVE, KEDGE_OK);
    pid_t child = fork();
    if (child == 0) {
        execlp("sleep", "sleep", "30", (char *)NULL);
        _exit(127);
    }
    assert_true(child > 0);
    char link[64], target[64];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)child);
    ssize_t size;
    do {
        size = readlink(link, target, sizeof target - 1);
        target[size > 0 ? size : 0] = '\0';
    } while (strstr(target, "sleep") == NULL && strstr(target, "coreutils") == NULL);
    close_state(port);
    close_state(open_state(place, &trust, KEDGE_PORT_EXCLUSIVE, KEDGE_OK));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void looking_needs_no_lock_and_makes_nothing(void **state)
{
    struct place *place = *state;
    struct kedge_private_key key;
    struct kedge_suit_trust trust;
    struct kedge_boot_record record;
    trusted(&key, &trust);
    free(open_state(place, &trust, KEDGE_PORT_READ_ONLY, KEDGE_E_SYSTEM));
    assert_int_equal(errno, ENOENT);
    assert_int_equal(access(place->state, F_OK), -1);
    struct kedge_port_state *owner = open_state(place, &trust, KEDGE_PORT_EXCLUSIVE, KEDGE_OK);
    struct kedge_port_state *looker = open_state(place, &trust, KEDGE_PORT_READ_ONLY, KEDGE_OK);
    assert_int_equal(kedge_boot_record_read(&looker->boot, &record), KEDGE_E_NOT_FOUND);
    const struct kedge_flash *flash = looker->boot.slots[0];
    assert_int_equal(flash->write(flash->context, 0, "x", 1), KEDGE_E_SYSTEM);
    assert_int_equal(flash->erase(flash->context, 0, KEDGE_PORT_ERASE_SIZE), KEDGE_E_SYSTEM);
    close_state(looker);
    close_state(owner);
}

/* RFC 8032 test 1's public key, as openssl writes it. */
static const char good_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                               "-----END PUBLIC KEY-----\n";

static void keys_come_from_pem_files_once_each(void **state)
{
    struct place *place = *state;
    struct kedge_port_trust trust;
    kedge_port_trust_init(&trust, false);
    const char *path = put_file(place, "key.pem", good_pem);
    assert_int_equal(kedge_port_trust_add(&trust, path), KEDGE_OK);
    assert_int_equal(kedge_port_trust_add(&trust, path), KEDGE_OK);
    assert_int_equal(trust.trust.key_count, 1);
    assert_int_equal(trust.trust.required, 1);
    assert_ptr_equal(trust.trust.keys, trust.keys);
    assert_int_equal(kedge_port_trust_add(&trust, put_file(place, "bad.pem", "no key\n")),
                     KEDGE_E_KEY);
    assert_int_equal(kedge_port_trust_add(&trust, "/nonexistent/key.pem"), KEDGE_E_SYSTEM);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(kedge_port_trust_add(&trust, place->folder), KEDGE_E_SYSTEM);
    char *big = malloc(KEDGE_PORT_PEM_MAX + 2);
    assert_non_null(big);
    memset(big, '\n', KEDGE_PORT_PEM_MAX + 1);
    big[KEDGE_PORT_PEM_MAX + 1] = '\0';
    assert_int_equal(kedge_port_trust_add(&trust, put_file(place, "big.pem", big)), KEDGE_E_KEY);
    free(big);
}

static void no_more_keys_than_there_is_room_for(void **state)
{
    struct place *place = *state;
    struct kedge_port_trust trust;
    kedge_port_trust_init(&trust, false);
    const char *path = put_file(place, "key.pem", good_pem);
    for (uint8_t i = 0; i < KEDGE_PORT_TRUST_MAX; i++) {
        struct kedge_private_key key;
        maker_key(KEDGE_ED25519, (uint8_t)(i + 1), &key);
        trust.keys[trust.trust.key_count++] = key.public_key;
    }
    assert_int_equal(kedge_port_trust_add(&trust, path), KEDGE_E_LIMIT);
}

static void the_environment_says_which_slot_runs(void **state)
{
    (void)state;
    static const struct {
        const char *slot, *trial;
        enum kedge_rc rc;
    } cases[] = {
        {NULL, NULL, KEDGE_E_NOT_FOUND},
        {NULL, "1", KEDGE_E_NOT_FOUND},
        {"0", "0", KEDGE_OK},
        {"1", "1", KEDGE_OK},
        {"1", NULL, KEDGE_E_ARGUMENT},
        {"2", "0", KEDGE_E_ARGUMENT},
        {"", "0", KEDGE_E_ARGUMENT},
        {"0", "yes", KEDGE_E_ARGUMENT},
        {"01", "0", KEDGE_E_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t slot = 9;
        bool on_trial = false;
        unsetenv(KEDGE_BOOT_ENV_SLOT);
        unsetenv(KEDGE_BOOT_ENV_TRIAL);
        if (cases[i].slot != NULL)
            setenv(KEDGE_BOOT_ENV_SLOT, cases[i].slot, 1);
        if (cases[i].trial != NULL)
            setenv(KEDGE_BOOT_ENV_TRIAL, cases[i].trial, 1);
        assert_int_equal(kedge_port_running(&slot, &on_trial), cases[i].rc);
        if (cases[i].rc == KEDGE_OK) {
            assert_int_equal(slot, cases[i].slot[0] - '0');
            assert_int_equal(on_trial, cases[i].trial[0] == '1');
        }
    }
    unsetenv(KEDGE_BOOT_ENV_SLOT);
    unsetenv(KEDGE_BOOT_ENV_TRIAL);
}

static void clock_and_random_are_alive(void **state)
{
    (void)state;
    const struct kedge_clock *clock = kedge_port_clock();
    uint64_t before = clock->monotonic_ms(clock->context);
    usleep(3000);
    assert_true(clock->monotonic_ms(clock->context) >= before + 2);
    assert_true(clock->wall_ms(clock->context) > UINT64_C(1700000000000));
    uint8_t a[32] = {0}, b[32] = {0};
    const struct kedge_random *random = kedge_port_random();
    assert_int_equal(random->fill(random->context, a, sizeof a), KEDGE_OK);
    assert_int_equal(random->fill(random->context, b, sizeof b), KEDGE_OK);
    assert_memory_not_equal(a, b, sizeof a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_folder_is_blank_flash_that_takes_no_room),
        TEST(an_update_survives_closing_and_opening_again),
        TEST(an_erase_gives_the_room_back),
        TEST(a_file_keeps_its_size_and_a_half_made_one_gets_it),
        TEST(the_lock_keeps_a_second_agent_out),
        TEST(the_lock_does_not_pass_to_programs_it_starts),
        TEST(looking_needs_no_lock_and_makes_nothing),
        TEST(keys_come_from_pem_files_once_each),
        TEST(no_more_keys_than_there_is_room_for),
        cmocka_unit_test(the_environment_says_which_slot_runs),
        cmocka_unit_test(clock_and_random_are_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
