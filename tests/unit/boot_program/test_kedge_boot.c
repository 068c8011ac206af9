/* kedge-boot as a process, over a real state folder, with a shell script in the agent's place. */
#define _GNU_SOURCE
#include "agent/install/install.h"
#include "agent/port/port.h"
#include "tests/unit/package_maker.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLOT_SIZE (64u * 1024u)
#define PATIENCE_MS 60000

/* RFC 8032, section 7.1, test 1: the secret, and its public half as openssl writes it. */
static const char secret_hex[] = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
static const char public_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                                 "-----END PUBLIC KEY-----\n";

struct machine {
    char folder[64];
    char state[96], trust[96], log[96], trace[96];
    struct kedge_private_key key;
    struct kedge_suit_trust keys;
    pid_t program;
};

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static struct kedge_port_state *open_port(struct machine *machine)
{
    struct kedge_port_state *port = calloc(1, sizeof *port);
    assert_non_null(port);
    const struct kedge_port_places places = {.slot_size = SLOT_SIZE};
    assert_int_equal(
        kedge_port_state_open(port, machine->state, &machine->keys, &places, KEDGE_PORT_EXCLUSIVE),
        KEDGE_OK);
    return port;
}

static void close_port(struct kedge_port_state *port)
{
    kedge_port_state_close(port);
    free(port);
}

static void install(struct machine *machine, struct kedge_port_state *port, uint8_t slot,
                    uint64_t sequence, const char *version)
{
    struct kedge_install *installing = calloc(1, sizeof *installing);
    struct kedge_install_identity identity = {0};
    uint8_t image[3000];
    assert_non_null(installing);
    memset(image, (int)sequence, sizeof image);
    struct made_package made =
        maker_package(kedge_slice(image, sizeof image), true, sequence, version, &machine->key);
    kedge_vendor_uuid(kedge_slice_text("example.com"), identity.vendor);
    kedge_class_uuid(identity.vendor, kedge_slice_text("board-a"), identity.class_id);
    assert_int_equal(kedge_install_begin(installing, &port->boot, &identity, slot), KEDGE_OK);
    assert_int_equal(kedge_install_push(installing, kedge_slice(made.bytes, made.size)), KEDGE_OK);
    assert_int_equal(kedge_install_end(installing), KEDGE_OK);
    maker_free(&made);
    free(installing);
}

/* Version 1.0.0 confirmed in slot 0, version 1.1.0 activated in slot 1. */
static int set_up(void **state)
{
    struct machine *machine = calloc(1, sizeof *machine);
    uint8_t secret[32];
    assert_non_null(machine);
    snprintf(machine->folder, sizeof machine->folder, "/tmp/kedge-boot-XXXXXX");
    assert_non_null(mkdtemp(machine->folder));
    snprintf(machine->state, sizeof machine->state, "%s/state", machine->folder);
    snprintf(machine->trust, sizeof machine->trust, "%s/trust.pem", machine->folder);
    snprintf(machine->log, sizeof machine->log, "%s/log", machine->folder);
    snprintf(machine->trace, sizeof machine->trace, "%s/trace", machine->folder);
    put_file(machine->trust, public_pem);
    assert_int_equal(kedge_hex_decode(kedge_slice_text(secret_hex), secret, sizeof secret),
                     KEDGE_OK);
    assert_int_equal(kedge_private_key_from_secret(KEDGE_ED25519, secret, &machine->key), KEDGE_OK);
    machine->keys =
        (struct kedge_suit_trust){.keys = &machine->key.public_key, .key_count = 1, .required = 1};
    struct kedge_port_state *port = open_port(machine);
    install(machine, port, 0, 1, "1.0.0");
    assert_int_equal(kedge_boot_factory(&port->boot, 0), KEDGE_OK);
    install(machine, port, 1, 2, "1.1.0");
    assert_int_equal(kedge_boot_activate(&port->boot, 1), KEDGE_OK);
    close_port(port);
    *state = machine;
    return 0;
}

static int tear_down(void **state)
{
    struct machine *machine = *state;
    if (machine->program > 0) {
        kill(machine->program, SIGKILL);
        waitpid(machine->program, NULL, 0);
    }
    nftw(machine->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(machine);
    return 0;
}

static void call_off_the_trial(struct machine *machine)
{
    struct kedge_port_state *port = open_port(machine);
    assert_int_equal(kedge_boot_reject(&port->boot, KEDGE_BOOT_REASON_CANCELED, ""), KEDGE_OK);
    close_port(port);
}

/* Starts kedge-boot with `script` as the agent; $TRACE is a file that the test reads afterwards. */
static void start(struct machine *machine, const char *limit, const char *script)
{
    fflush(NULL);
    machine->program = fork();
    assert_true(machine->program >= 0);
    if (machine->program > 0)
        return;
    int log = open(machine->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    setenv("TRACE", machine->trace, 1);
    if (log >= 0 && dup2(log, STDERR_FILENO) >= 0)
        execl(KEDGE_BOOT_PROGRAM, "kedge-boot", "--state", machine->state, "--trust",
              machine->trust, "--trial-limit", limit, "--", "/bin/sh", "-c", script, (char *)NULL);
    _exit(126);
}

static void nap(void)
{
    struct timespec pause = {.tv_nsec = 5000000};
    nanosleep(&pause, NULL);
}

static int finish(struct machine *machine)
{
    int word = 0;
    for (int waited = 0; waited < PATIENCE_MS; waited += 5, nap())
        if (waitpid(machine->program, &word, WNOHANG) == machine->program) {
            machine->program = 0;
            assert_true(WIFEXITED(word));
            return WEXITSTATUS(word);
        }
    fail_msg("kedge-boot did not end");
    return -1;
}

static const char *read_file(const char *path)
{
    static char text[8192];
    FILE *file = fopen(path, "r");
    text[0] = '\0';
    if (file == NULL)
        return text;
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    fclose(file);
    return text;
}

static void wait_for(const char *path, const char *words)
{
    for (int waited = 0; waited < PATIENCE_MS; waited += 5, nap())
        if (strstr(read_file(path), words) != NULL)
            return;
    fail_msg("%s never said \"%s\" but: %s", path, words, read_file(path));
}

static struct kedge_boot_record record_of(struct machine *machine)
{
    struct kedge_boot_record record;
    struct kedge_port_state *port = open_port(machine);
    assert_int_equal(kedge_boot_record_read(&port->boot, &record), KEDGE_OK);
    close_port(port);
    return record;
}

static void the_agent_is_told_its_slot_and_may_switch_off(void **state)
{
    struct machine *machine = *state;
    call_off_the_trial(machine);
    start(machine, "60", "echo $KEDGE_SLOT $KEDGE_BOOT_TRIAL >>$TRACE");
    assert_int_equal(finish(machine), 0);
    assert_string_equal(read_file(machine->trace), "0 0\n");
    assert_non_null(strstr(read_file(machine->log), "kedge-boot: slot 0, version 1.0.0\n"));
}

static void three_boots_without_a_confirmation_and_back(void **state)
{
    struct machine *machine = *state;
    start(machine, "60",
          "echo $KEDGE_SLOT $KEDGE_BOOT_TRIAL >>$TRACE; [ $KEDGE_BOOT_TRIAL = 0 ] || exit 75");
    assert_int_equal(finish(machine), 0);
    assert_string_equal(read_file(machine->trace), "1 1\n1 1\n1 1\n0 0\n");
    struct kedge_boot_record record = record_of(machine);
    assert_int_equal(record.outcome, KEDGE_BOOT_ROLLED_BACK);
    assert_int_equal(record.reason, KEDGE_BOOT_REASON_BOOTS);
    assert_non_null(strstr(read_file(machine->log), "on trial: boot 3 of 3"));
    assert_non_null(strstr(read_file(machine->log), "three boots without being confirmed"));
}

static void a_trial_that_hangs_is_ended_at_its_limit(void **state)
{
    struct machine *machine = *state;
    start(machine, "1", "echo $KEDGE_SLOT >>$TRACE; [ $KEDGE_BOOT_TRIAL = 0 ] || exec sleep 60");
    assert_int_equal(finish(machine), 0);
    assert_string_equal(read_file(machine->trace), "1\n0\n");
    struct kedge_boot_record record = record_of(machine);
    assert_int_equal(record.outcome, KEDGE_BOOT_ROLLED_BACK);
    assert_int_equal(record.reason, KEDGE_BOOT_REASON_TIME);
    assert_string_equal(record.text, "not confirmed within 1 s");
    assert_non_null(strstr(read_file(machine->log), "the trial limit of 1 s passed"));
}

/* A confirmation that comes before the limit: the agent is left running beyond it. */
static void a_confirmed_trial_outlives_its_limit(void **state)
{
    struct machine *machine = *state;
    start(machine, "1", "echo up >>$TRACE; sleep 3; echo still up >>$TRACE");
    wait_for(machine->trace, "up");
    struct kedge_port_state *port = open_port(machine);
    assert_int_equal(kedge_boot_confirm(&port->boot), KEDGE_OK);
    close_port(port);
    assert_int_equal(finish(machine), 0);
    assert_string_equal(read_file(machine->trace), "up\nstill up\n");
    assert_int_equal(record_of(machine).outcome, KEDGE_BOOT_CONFIRMED);
}

static void a_crash_on_trial_is_a_counted_boot(void **state)
{
    struct machine *machine = *state;
    start(machine, "60", "echo boot >>$TRACE; [ $(wc -l <$TRACE) -ge 2 ] || kill -SEGV $$; exit 0");
    assert_int_equal(finish(machine), 0);
    assert_string_equal(read_file(machine->trace), "boot\nboot\n");
    assert_int_equal(record_of(machine).boots_used, 2);
    assert_non_null(strstr(read_file(machine->log), "ended by signal 11"));
    assert_non_null(strstr(read_file(machine->log), "booting again in 1 s"));
}

static void a_signal_is_passed_on_and_ends_both(void **state)
{
    struct machine *machine = *state;
    static const int signals[] = {SIGTERM, SIGINT};
    static const char *const scripts[] = {
        "trap 'echo told >>$TRACE; exit 0' TERM; echo up >>$TRACE; while :; do sleep 0.05; done",
        "trap 'echo told >>$TRACE; exit 0' INT; echo up >>$TRACE; while :; do sleep 0.05; done"};
    for (size_t i = 0; i < 2; i++) {
        unlink(machine->trace);
        start(machine, "60", scripts[i]);
        wait_for(machine->trace, "up");
        kill(machine->program, signals[i]);
        assert_int_equal(finish(machine), 0);
        assert_string_equal(read_file(machine->trace), "up\ntold\n");
    }
}

static void the_power_going_takes_the_agent_along(void **state)
{
    struct machine *machine = *state;
    start(machine, "60", "echo pid $$. >>$TRACE; exec sleep 60");
    wait_for(machine->trace, ".\n");
    int agent = atoi(read_file(machine->trace) + 4);
    assert_true(agent > 1);
    kill(machine->program, SIGKILL);
    waitpid(machine->program, NULL, 0);
    machine->program = 0;
    for (int waited = 0; waited < PATIENCE_MS; waited += 5, nap()) {
        char path[64], status[64] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", agent);
        snprintf(status, sizeof status, "%.60s", read_file(path));
        if (status[0] == '\0' || strstr(status, ") Z ") != NULL)
            return;
    }
    fail_msg("the agent outlived kedge-boot");
}

static void one_device_has_one_bootloader(void **state)
{
    struct machine *machine = *state;
    start(machine, "60", "echo up >>$TRACE; exec sleep 60");
    wait_for(machine->trace, "up");
    pid_t first = machine->program;
    start(machine, "60", "echo second >>$TRACE");
    assert_int_equal(finish(machine), 1);
    assert_non_null(strstr(read_file(machine->log), "another kedge-boot runs on it"));
    assert_string_equal(read_file(machine->trace), "up\n");
    machine->program = first;
}

/* An agent from before still holds the lock: the bootloader waits, and then boots. */
static void a_held_state_folder_is_waited_for(void **state)
{
    struct machine *machine = *state;
    struct kedge_port_state *port = open_port(machine);
    start(machine, "60", "echo up >>$TRACE");
    wait_for(machine->log, "another program has it; waiting");
    assert_string_equal(read_file(machine->trace), "");
    close_port(port);
    assert_int_equal(finish(machine), 0);
    assert_string_equal(read_file(machine->trace), "up\n");
}

static void damage(struct machine *machine, const char *name)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", machine->state, name);
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, "X", 1, 12288 + 100), 1);
    close(file);
}

static void an_image_that_does_not_verify_is_not_run(void **state)
{
    struct machine *machine = *state;
    damage(machine, "slot1.img");
    start(machine, "60", "echo $KEDGE_SLOT >>$TRACE");
    assert_int_equal(finish(machine), 0);
    assert_string_equal(read_file(machine->trace), "0\n");
    assert_non_null(strstr(read_file(machine->log), "slot 1 may not run: a digest does not match"));
    unlink(machine->trace);
    damage(machine, "slot0.img");
    start(machine, "60", "echo $KEDGE_SLOT >>$TRACE");
    assert_int_equal(finish(machine), 1);
    assert_string_equal(read_file(machine->trace), "");
    assert_non_null(strstr(read_file(machine->log), "no slot holds a verified image"));
}

static void an_agent_that_cannot_be_started_is_named(void **state)
{
    struct machine *machine = *state;
    fflush(NULL);
    machine->program = fork();
    if (machine->program == 0) {
        int log = open(machine->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (log >= 0 && dup2(log, STDERR_FILENO) >= 0)
            execl(KEDGE_BOOT_PROGRAM, "kedge-boot", "--state", machine->state, "--trust",
                  machine->trust, "--", "/nonexistent/agent", (char *)NULL);
        _exit(126);
    }
    assert_int_equal(finish(machine), 1);
    assert_non_null(
        strstr(read_file(machine->log), "/nonexistent/agent: No such file or directory"));
}

static void a_wrong_command_line_is_not_tried_again(void **state)
{
    struct machine *machine = *state;
    call_off_the_trial(machine);
    start(machine, "60", "echo up >>$TRACE; exit 2");
    assert_int_equal(finish(machine), 2);
    assert_string_equal(read_file(machine->trace), "up\n");
    start(machine, "0", "true");
    assert_int_equal(finish(machine), 2);
    assert_non_null(strstr(read_file(machine->log), "--trial-limit 0: not a number"));
}

static void a_folder_without_firmware_says_what_to_do(void **state)
{
    struct machine *machine = *state;
    nftw(machine->state, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    start(machine, "60", "true");
    assert_int_equal(finish(machine), 1);
    assert_non_null(strstr(read_file(machine->log), "run kedge-agent install-factory first"));
    assert_int_equal(mkdir(machine->state, 0700), 0);
    unlink(machine->log);
    start(machine, "60", "true");
    assert_int_equal(finish(machine), 1);
    assert_non_null(strstr(read_file(machine->log), "run kedge-agent install-factory first"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_agent_is_told_its_slot_and_may_switch_off),
        TEST(three_boots_without_a_confirmation_and_back),
        TEST(a_trial_that_hangs_is_ended_at_its_limit),
        TEST(a_confirmed_trial_outlives_its_limit),
        TEST(a_crash_on_trial_is_a_counted_boot),
        TEST(a_signal_is_passed_on_and_ends_both),
        TEST(the_power_going_takes_the_agent_along),
        TEST(one_device_has_one_bootloader),
        TEST(a_held_state_folder_is_waited_for),
        TEST(an_image_that_does_not_verify_is_not_run),
        TEST(an_agent_that_cannot_be_started_is_named),
        TEST(a_wrong_command_line_is_not_tried_again),
        TEST(a_folder_without_firmware_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
