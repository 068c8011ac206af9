/*
 * What is left when the server is killed in the middle of commits, and when the disk is full.
 *
 * The child writes numbered batches of two rows that belong together and tells each one that is
 * durable through a pipe. After the kill: everything that was told is there, nothing is there by
 * half, and nothing has overtaken what was before it.
 */
#define _GNU_SOURCE
#include "tests/unit/store_fixture.h"
#include "updater/store/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

static int set_up(void **state)
{
    static struct folder folder;
    folder_make(&folder);
    *state = &folder;
    return 0;
}

static int tear_down(void **state)
{
    folder_remove(*state);
    return 0;
}

/* ---- kill -9 ---- */

static void write_number(int pipe_end, uint64_t number)
{
    if (write(pipe_end, &number, sizeof(number)) != (ssize_t)sizeof(number))
        _exit(3);
}

struct told {
    int pipe_end;
    uint64_t number;
};

static void tell(void *context, enum kedge_rc rc, const char *error)
{
    struct told *told = context;
    (void)error;
    if (rc != KEDGE_OK)
        _exit(4);
    write_number(told->pipe_end, told->number);
    free(told);
}

/* Batch n: device "dn" and audit row n, with a few kilobytes more so that commits take a while. */
static struct kedge_batch *numbered_batch(uint64_t number)
{
    struct kedge_batch *batch = kedge_batch_create();
    char endpoint[32];
    (void)snprintf(endpoint, sizeof(endpoint), "d%" PRIu64, number);
    struct kedge_device_record record = a_device(endpoint);
    struct kedge_audit_entry entry = an_audit(number, "test.crash");
    memset(entry.before, 'x', sizeof(entry.before) - 1);
    if (batch == NULL || kedge_batch_put_device(batch, &record) != KEDGE_OK ||
        kedge_batch_add_audit(batch, &entry) != KEDGE_OK)
        _exit(5);
    return batch;
}

__attribute__((noreturn)) static void write_until_killed(const char *folder, uint64_t first,
                                                         int pipe_end)
{
    struct kedge_store_config config = {.folder = folder};
    struct kedge_store *store;
    char error[KEDGE_STORE_ERROR_MAX];
    if (kedge_store_open(&config, &store, error) != KEDGE_OK)
        _exit(6);
    for (uint64_t number = first;; number++) {
        struct told *told = malloc(sizeof(*told));
        if (told == NULL)
            _exit(7);
        *told = (struct told){.pipe_end = pipe_end, .number = number};
        kedge_store_submit(store, numbered_batch(number), tell, told);
        if (number % 16 == 0) /* some rounds commit many batches at once, others one */
            kedge_store_flush(store);
    }
}

/* Lets a child write for a moment and kills it; returns the last number that it told. */
static uint64_t write_and_kill(const char *folder, uint64_t first, long run_ns)
{
    int ends[2];
    uint64_t last = first - 1, number;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        write_until_killed(folder, first, ends[1]);
    }
    (void)close(ends[1]);
    /* Not before the first commit; then at some moment of the work. */
    assert_int_equal(read(ends[0], &number, sizeof(number)), (ssize_t)sizeof(number));
    last = number;
    (void)nanosleep(&(struct timespec){.tv_nsec = run_ns}, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number)) {
        assert_int_equal(number, last + 1);
        last = number;
    }
    (void)close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return last;
}

struct found {
    uint8_t previous[32];
    uint64_t rows;
    bool whole;
};

static bool follow(void *context, const struct kedge_audit_entry *entry)
{
    struct found *found = context;
    uint8_t hash[32];
    kedge_audit_hash(found->previous, entry, hash);
    found->rows++;
    found->whole &= entry->sequence == found->rows && entry->at_ms == found->rows &&
                    memcmp(hash, entry->hash, sizeof(hash)) == 0;
    memcpy(found->previous, entry->hash, sizeof(found->previous));
    return true;
}

/* Returns how many batches are there, after checking that each is whole and none is left out. */
static uint64_t check_what_is_there(const struct folder *folder)
{
    struct kedge_store_config config = {.folder = folder->path, .check_integrity = true};
    struct kedge_store *store = NULL;
    char error[KEDGE_STORE_ERROR_MAX];
    if (kedge_store_open(&config, &store, error) != KEDGE_OK)
        fail_msg("%s", error);
    struct kedge_reader *reader = reader_in(folder);
    struct found found = {.whole = true};
    assert_int_equal(kedge_reader_audit(reader, NULL, NULL, follow, &found), KEDGE_OK);
    assert_true(found.whole);
    uint64_t stored = 0, registered = 0;
    assert_int_equal(kedge_reader_device_counts(reader, &stored, &registered), KEDGE_OK);
    assert_int_equal(stored, found.rows);
    kedge_reader_close(reader);
    kedge_store_close(store);
    return found.rows;
}

static void everything_that_was_reported_survives_kill_9(void **state)
{
    struct folder *folder = *state;
    uint64_t there = 0;
    for (long round = 0; round < 12; round++) {
        uint64_t told = write_and_kill(folder->path, there + 1, (round * 7 % 12) * 2500000);
        uint64_t before = there;
        there = check_what_is_there(folder);
        assert_true(told > before);
        assert_true(there >= told);
    }
}

/* ---- a full disk ---- */

/* A batch too large for what is left; every device with long tags. */
static struct kedge_batch *large_batch(int first, int count)
{
    struct kedge_batch *batch = new_batch();
    char tags[KEDGE_TAGS_MAX + 1];
    memset(tags, 'x', sizeof(tags) - 1);
    tags[sizeof(tags) - 1] = '\0';
    for (int i = first; i < first + count; i++) {
        char endpoint[16];
        (void)snprintf(endpoint, sizeof(endpoint), "d%06d", i);
        add_device(batch, endpoint);
        assert_int_equal(kedge_batch_set_tags(batch, endpoint, tags), KEDGE_OK);
    }
    return batch;
}

/* The failed batch has written nothing; what follows it is held until somebody recovers. */
static void check_full_and_go_on(const struct folder *folder, struct kedge_store *store,
                                 void (*make_room)(void *), void *context)
{
    struct answer answers[3] = {0};
    struct kedge_reader *reader = reader_in(folder);
    struct kedge_batch *small = new_batch();
    add_device(small, "early");
    add_audit(small, 1, "test.early");
    assert_int_equal(commit(store, small), KEDGE_OK);

    kedge_store_submit(store, large_batch(0, 3000), take_answer, &answers[0]);
    kedge_store_flush(store);
    assert_int_equal(answers[0].rc, KEDGE_E_SPACE);
    assert_non_null(strstr(answers[0].error, "full"));
    for (int i = 1; i < 3; i++) {
        small = new_batch();
        add_device(small, "late");
        add_audit(small, 2, "test.late");
        kedge_store_submit(store, small, take_answer, &answers[i]);
        kedge_store_flush(store);
        assert_int_equal(answers[i].rc, KEDGE_E_BUSY);
        assert_non_null(strstr(answers[i].error, "a change before it"));
    }
    assert_true(device_is_there(reader, "early"));
    assert_false(device_is_there(reader, "late"));
    assert_false(device_is_there(reader, "d000000"));
    assert_int_equal(audit_rows(reader), 1);

    make_room(context);
    kedge_store_recover(store);
    small = new_batch();
    add_device(small, "late");
    add_audit(small, 2, "test.late");
    assert_int_equal(commit(store, small), KEDGE_OK);
    assert_true(device_is_there(reader, "late"));
    assert_int_equal(audit_rows(reader), 2);
    kedge_reader_close(reader);
}

static void nothing_to_do(void *context)
{
    (void)context;
}

static void a_database_at_its_limit_refuses_holds_and_goes_on(void **state)
{
    struct folder *folder = *state;
    struct kedge_store_config config = {.folder = folder->path, .size_max_bytes = 1 << 20};
    struct kedge_store *store;
    char error[KEDGE_STORE_ERROR_MAX];
    assert_int_equal(kedge_store_open(&config, &store, error), KEDGE_OK);
    check_full_and_go_on(folder, store, nothing_to_do, NULL);
    kedge_store_close(store);
}

static void remove_ballast(void *context)
{
    assert_int_equal(unlink(context), 0);
}

/* A file system of two megabytes for this process alone; false where that is not permitted. */
static bool mount_small(const char *path)
{
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    (void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    return mount("none", path, "tmpfs", 0, "size=2m") == 0;
}

/* Leaves a few hundred kilobytes. */
static void fill_disk(const char *path)
{
    static const uint8_t zeros[4096];
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(file >= 0);
    for (int i = 0; i < 350; i++)
        assert_int_equal(write(file, zeros, sizeof(zeros)), (ssize_t)sizeof(zeros));
    (void)close(file);
}

static void run_on_full_disk(const struct folder *folder)
{
    char ballast[PATH_MAX];
    struct kedge_store *store = store_in(folder);
    folder_file(folder, "ballast", ballast);
    fill_disk(ballast);
    check_full_and_go_on(folder, store, remove_ballast, ballast);
    kedge_store_close(store);
    assert_int_equal(check_what_is_there(folder), 2);
}

/* In a child, which takes its file system with it. */
static void a_full_disk_refuses_holds_and_goes_on(void **state)
{
    struct folder *folder = *state;
    enum { NOT_PERMITTED = 77 };
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (!mount_small(folder->path))
            _exit(NOT_PERMITTED);
        run_on_full_disk(folder); /* a failed assertion ends the child with another status */
        (void)fflush(NULL);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED)
        skip();
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* What was submitted behind a lost batch, but before it was known to be lost, is lost too. */
static void nothing_overtakes_a_lost_batch(void **state)
{
    struct folder *folder = *state;
    struct kedge_store_config config = {.folder = folder->path, .size_max_bytes = 1 << 20};
    struct kedge_store *store;
    char error[KEDGE_STORE_ERROR_MAX];
    struct answer answers[20] = {0};
    assert_int_equal(kedge_store_open(&config, &store, error), KEDGE_OK);
    kedge_store_submit(store, large_batch(0, 3000), take_answer, &answers[0]);
    for (int i = 1; i < 20; i++) {
        struct kedge_batch *small = new_batch();
        add_device(small, "late");
        kedge_store_submit(store, small, take_answer, &answers[i]);
    }
    kedge_store_flush(store);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(answers[i].calls, 1);
        assert_true(answers[i].rc == KEDGE_E_SPACE || answers[i].rc == KEDGE_E_BUSY);
    }
    struct kedge_reader *reader = reader_in(folder);
    assert_false(device_is_there(reader, "late"));
    kedge_reader_close(reader);
    kedge_store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_that_was_reported_survives_kill_9),
        TEST(a_database_at_its_limit_refuses_holds_and_goes_on),
        TEST(a_full_disk_refuses_holds_and_goes_on),
        TEST(nothing_overtakes_a_lost_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
