/*
 * power.c: the bootloader's loop. While no agent runs, kedge-boot holds agent.lock and may write
 * the boot record; before it starts the agent it lets go, and from then on only looks.
 */
#define _GNU_SOURCE
#include "agent/boot/power.h"

#include "agent/boot/child.h"
#include "agent/boot/policy.h"
#include "agent/boot/say.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define BOOT_LOCK "boot.lock"
#define LOCK_RETRY_MS 200u
#define STOP_PATIENCE_MS 10000u /* between SIGTERM and SIGKILL */
#define REAP_MS 1000u           /* for a killed process to be gone */
#define FAILURE 1
#define USAGE 2

struct power {
    const struct kedge_boot_options *options;
    const struct kedge_clock *clock;
    struct kedge_port_trust trust;
    struct kedge_port_state port;
    struct kedge_trial_limit limit;
    struct kedge_restarts restarts;
    struct kedge_boot_decision decision; /* of the present boot */
    sigset_t mask;                       /* as it was: the agent gets it back */
    int signals;
    int lock;
    pid_t agent;
    bool told_to_end;
};

static uint64_t now_ms(const struct power *power)
{
    return power->clock->monotonic_ms(power->clock->context);
}

/* ---- waiting ---- */

static void read_signals(struct power *power)
{
    struct signalfd_siginfo info;
    while (read(power->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        power->told_to_end = true;
        if (power->agent > 0)
            kill(power->agent, (int)info.ssi_signo);
    }
}

/* Until a signal comes or `timeout_ms` have passed; UINT64_MAX: until a signal comes. */
static void wait_for_signal(struct power *power, uint64_t timeout_ms)
{
    struct pollfd wanted = {.fd = power->signals, .events = POLLIN};
    int timeout = timeout_ms > 3600000 ? 3600000 : (int)timeout_ms;
    if (poll(&wanted, 1, timeout_ms == UINT64_MAX ? -1 : timeout) > 0)
        read_signals(power);
}

/* False when it was cut short by being told to end. */
static bool pause_for(struct power *power, uint64_t wait_ms)
{
    uint64_t until_ms = now_ms(power) + wait_ms;
    while (!power->told_to_end && now_ms(power) < until_ms)
        wait_for_signal(power, until_ms - now_ms(power));
    return !power->told_to_end;
}

/* ---- the boot record ---- */

/* An agent that kedge-boot did not start may hold the lock: wait for it to go. */
static bool open_state(struct power *power)
{
    bool told = false;
    for (;;) {
        enum kedge_rc rc =
            kedge_port_state_open(&power->port, power->options->state, &power->trust.trust,
                                  &power->options->places, KEDGE_PORT_EXCLUSIVE);
        if (rc == KEDGE_OK)
            return true;
        if (rc != KEDGE_E_BUSY) {
            kedge_boot_say("--state %s: %s", power->options->state,
                           kedge_port_state_words(&power->port, rc));
            return false;
        }
        if (!told)
            kedge_boot_say("--state %s: another program has it; waiting", power->options->state);
        told = true;
        if (!pause_for(power, LOCK_RETRY_MS))
            return false;
    }
}

/* Rejects the trial whose time is up, agent or no agent. */
static void end_late_trial(struct power *power)
{
    char text[KEDGE_BOOT_TEXT_MAX + 1];
    if (kedge_trial_limit_left_ms(&power->limit, now_ms(power)) > 0)
        return;
    kedge_trial_limit_end(&power->limit);
    snprintf(text, sizeof text, "not confirmed within %" PRIu64 " s",
             power->options->trial_limit_s);
    enum kedge_rc rc = kedge_boot_reject(&power->port.boot, KEDGE_BOOT_REASON_TIME, text);
    if (rc == KEDGE_OK)
        kedge_boot_say("going back: %s", kedge_boot_reason_text(KEDGE_BOOT_REASON_TIME));
    else if (rc != KEDGE_E_STATE) /* it was confirmed or rejected in the last moment */
        kedge_boot_say("the trial could not be ended: %s", kedge_rc_text(rc));
}

static void explain(const struct power *power, enum kedge_rc rc)
{
    const struct kedge_boot_decision *decision = &power->decision;
    bool blank = decision->record_rc == KEDGE_E_NOT_FOUND && rc == KEDGE_E_NO_SLOT;
    for (unsigned slot = 0; slot < KEDGE_SLOTS; slot++)
        if (decision->slot_rc[slot] != KEDGE_OK && decision->slot_rc[slot] != KEDGE_E_NOT_FOUND)
            kedge_boot_say("slot %u may not run: %s", slot, kedge_rc_text(decision->slot_rc[slot]));
    if (blank && decision->slot_rc[0] == KEDGE_E_NOT_FOUND &&
        decision->slot_rc[1] == KEDGE_E_NOT_FOUND)
        kedge_boot_say("--state %s: no firmware here; run kedge-agent install-factory first",
                       power->options->state);
    else if (decision->record_rc != KEDGE_OK)
        kedge_boot_say("boot record: %s", kedge_rc_text(decision->record_rc));
    if (decision->reason != KEDGE_BOOT_REASON_NONE)
        kedge_boot_say("%s%s%s", kedge_boot_reason_text(decision->reason),
                       decision->text[0] != '\0' ? ": " : "", decision->text);
    if (decision->write_rc != KEDGE_OK)
        kedge_boot_say("the boot record could not be written: %s",
                       kedge_rc_text(decision->write_rc));
    if (rc != KEDGE_OK)
        kedge_boot_say("--state %s: %s", power->options->state, kedge_rc_text(rc));
}

static void announce(const struct power *power)
{
    const struct kedge_boot_decision *decision = &power->decision;
    char version[KEDGE_SUIT_VERSION_TEXT_MAX];
    if (kedge_suit_version_text(&power->port.work.manifest.version, version) != KEDGE_OK)
        snprintf(version, sizeof version, "unknown");
    if (decision->on_trial)
        kedge_boot_say("slot %u, version %s, on trial: boot %u of %u, %" PRIu64 " s left",
                       (unsigned)decision->slot, version, (unsigned)decision->boots_used,
                       KEDGE_BOOT_TRIAL_BOOTS,
                       kedge_trial_limit_left_ms(&power->limit, now_ms(power)) / 1000);
    else
        kedge_boot_say("slot %u, version %s", (unsigned)decision->slot, version);
}

/* Picks the slot, counts the boot, lets go of the lock. */
static bool pick(struct power *power)
{
    if (!open_state(power))
        return false;
    const char *trouble = kedge_port_state_trouble(&power->port);
    if (trouble != NULL)
        kedge_boot_say("%s", trouble);
    end_late_trial(power);
    enum kedge_rc rc = kedge_boot_select(&power->port.boot, &power->decision);
    explain(power, rc);
    if (rc == KEDGE_OK) {
        kedge_trial_limit_boot(&power->limit, power->decision.on_trial,
                               power->port.work.manifest.sequence, now_ms(power));
        announce(power);
    }
    kedge_port_state_close(&power->port);
    return rc == KEDGE_OK;
}

/* Looks, beside the running agent, whether its trial still runs. When in doubt it does. */
static bool still_on_trial(struct power *power)
{
    struct kedge_boot_record record;
    if (kedge_port_state_open(&power->port, power->options->state, &power->trust.trust,
                              &power->options->places, KEDGE_PORT_READ_ONLY) != KEDGE_OK)
        return true;
    enum kedge_rc rc = kedge_boot_record_read(&power->port.boot, &record);
    kedge_port_state_close(&power->port);
    return rc != KEDGE_OK || record.phase == KEDGE_BOOT_ON_TRIAL;
}

/* ---- the agent ---- */

static void kill_late(struct power *power)
{
    if (!still_on_trial(power)) {
        kedge_trial_limit_end(&power->limit);
        return;
    }
    kedge_boot_say("slot %u: the trial limit of %" PRIu64 " s passed: ending its agent",
                   (unsigned)power->decision.slot, power->options->trial_limit_s);
    kill(power->agent, SIGKILL);
}

static uint64_t left_until(uint64_t then_ms, uint64_t now)
{
    return now < then_ms ? then_ms - now : 0;
}

/* Watches the agent to its end. Told to end, it gets STOP_PATIENCE_MS before it is killed. */
static void watch(struct power *power, struct kedge_agent_end *end)
{
    uint64_t kill_at_ms = UINT64_MAX;
    while (!kedge_child_ended(power->agent, &end->status, &end->signal_number)) {
        uint64_t now = now_ms(power);
        uint64_t left_ms = kedge_trial_limit_left_ms(&power->limit, now);
        if (power->told_to_end) {
            kill_at_ms = kill_at_ms == UINT64_MAX ? now + STOP_PATIENCE_MS : kill_at_ms;
            left_ms = left_until(kill_at_ms, now);
        }
        if (left_ms == 0 && power->told_to_end)
            kill(power->agent, SIGKILL);
        else if (left_ms == 0)
            kill_late(power);
        wait_for_signal(power, left_ms > 0 ? left_ms : REAP_MS);
    }
    power->agent = 0;
}

static void report_end(const struct power *power, const struct kedge_agent_end *end)
{
    unsigned slot = power->decision.slot;
    if (end->signal_number != 0)
        kedge_boot_say("slot %u: the agent was ended by signal %d", slot, end->signal_number);
    else if (end->status == KEDGE_BOOT_EXIT_REBOOT)
        kedge_boot_say("slot %u: the agent asks for a reboot", slot);
    else
        kedge_boot_say("slot %u: the agent ended with exit status %d", slot, end->status);
}

/* One boot: returns true when another one follows, else `status` is the program's. */
static bool boot(struct power *power, int *status)
{
    struct kedge_agent_end end = {0};
    uint64_t wait_ms;
    *status = FAILURE;
    if (!pick(power)) {
        if (power->told_to_end)
            *status = 0;
        return false;
    }
    uint64_t started_at_ms = now_ms(power);
    if (kedge_child_start(power->options->command, power->decision.slot, power->decision.on_trial,
                          &power->mask, &power->agent) != KEDGE_OK) {
        kedge_boot_say("%s: %s", power->options->command[0], strerror(errno));
        return false;
    }
    end.on_trial = power->decision.on_trial;
    watch(power, &end);
    end.ran_ms = now_ms(power) - started_at_ms;
    *status = 0;
    if (power->told_to_end)
        return false;
    report_end(power, &end);
    switch (kedge_restart_after(&power->restarts, &end, KEDGE_BOOT_EXIT_REBOOT, &wait_ms)) {
    case KEDGE_AFTER_OFF:
        return false;
    case KEDGE_AFTER_USAGE:
        *status = USAGE;
        return false;
    case KEDGE_AFTER_BOOT:
        break;
    }
    if (wait_ms > 0)
        kedge_boot_say("booting again in %" PRIu64 " s", wait_ms / 1000);
    return pause_for(power, wait_ms);
}

/* ---- beginning ---- */

static bool load_trust(struct power *power)
{
    kedge_port_trust_init(&power->trust, power->options->allow_development_keys);
    power->trust.trust.required = (size_t)power->options->required;
    for (size_t i = 0; i < power->options->trust_count; i++) {
        const char *path = power->options->trust[i];
        enum kedge_rc rc = kedge_port_trust_add(&power->trust, path);
        if (rc == KEDGE_OK)
            continue;
        kedge_boot_say("--trust %s: %s", path,
                       rc == KEDGE_E_SYSTEM ? strerror(errno) : kedge_rc_text(rc));
        return false;
    }
    return true;
}

static bool take_place(struct power *power)
{
    const char *path = power->options->state;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        kedge_boot_say("--state %s: %s; run kedge-agent install-factory first", path,
                       strerror(errno));
        return false;
    }
    enum kedge_rc rc = kedge_port_lock(folder, BOOT_LOCK, &power->lock);
    int saved = errno;
    close(folder);
    if (rc != KEDGE_OK)
        kedge_boot_say("--state %s: %s", path,
                       rc == KEDGE_E_BUSY ? "another kedge-boot runs on it" : strerror(saved));
    return rc == KEDGE_OK;
}

static bool block_signals(struct power *power)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, &power->mask) == 0)
        power->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (power->signals < 0)
        kedge_boot_say("signals: %s", strerror(errno));
    return power->signals >= 0;
}

int kedge_power_run(const struct kedge_boot_options *options)
{
    int status = FAILURE;
    struct power *power = calloc(1, sizeof *power);
    if (power == NULL) {
        kedge_boot_say("%s", kedge_rc_text(KEDGE_E_MEMORY));
        return status;
    }
    power->options = options;
    power->clock = kedge_port_clock();
    power->signals = -1;
    power->lock = -1;
    kedge_trial_limit_init(&power->limit, options->trial_limit_s * 1000);
    if (!load_trust(power) || !take_place(power) || !block_signals(power))
        goto cleanup;
    while (boot(power, &status))
        ;
cleanup:
    if (power->signals >= 0)
        close(power->signals);
    if (power->lock >= 0)
        close(power->lock);
    free(power);
    return status;
}
