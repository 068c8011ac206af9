/* agent.c: see agent.h. */
#define _GNU_SOURCE
#include "agent/client/agent.h"

#include "agent/client/answers.h"
#include "agent/client/bootloader.h"
#include "agent/client/bootstrap.h"
#include "agent/client/command.h"
#include "agent/client/config_credentials.h"
#include "agent/client/config_places.h"
#include "agent/client/log.h"
#include "agent/client/object5.h"
#include "agent/client/resources.h"
#include "agent/client/sender.h"
#include "agent/client/trial.h"
#include "agent/port/notify.h"

#include <errno.h>
#include <kedge/crypto.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define POLL_MAX_MS 60000u
#define STOP_LIMIT_MS 2000u   /* for the De-register */
#define REBOOT_LIMIT_MS 2000u /* for the last notification to be acknowledged */
#define REBOOT_LINGER_MS 100u /* so that a repeated Execute still gets its answer */

struct agent {
    const struct kedge_agent_config *config;
    struct kedge_port_trust trust;
    struct kedge_port_state port;
    struct kedge_uboot uboot;
    struct kedge_credentials credentials;
    struct kedge_bootstrap *bootstrap; /* NULL: the server is named by an option */
    struct kedge_object5 object5;
    struct kedge_server server;
    struct kedge_trial trial;
    struct kedge_command health;
    struct kedge_resources resources;
    struct kedge_notify notify;
    struct kedge_answers answers;
    bool stopping, rebooting;
    uint64_t stop_at_ms, linger_until_ms;
    int signals;
};

static uint64_t now_ms(void)
{
    const struct kedge_clock *clock = kedge_port_clock();
    return clock->monotonic_ms(clock->context);
}

/* ---- the trial ---- */

static void confirm(struct agent *agent)
{
    enum kedge_rc rc = kedge_object5_confirm(&agent->object5);
    kedge_trial_confirmed(&agent->trial, rc == KEDGE_OK, now_ms());
    if (rc == KEDGE_OK)
        kedge_log(KEDGE_LOG_INFO, "version %s is confirmed", agent->object5.version);
    else
        kedge_log(KEDGE_LOG_ERROR, "the confirmation cannot be written: %s", kedge_rc_text(rc));
}

static void begin_trial(struct agent *agent)
{
    const struct kedge_agent_config *config = agent->config;
    const struct kedge_trial_policy policy = {
        .has_command = config->health_command[0] != '\0',
        .without_server = config->health_without_server,
        .command_limit_ms = config->health_timeout_s * 1000,
        .soak_ms = config->health_soak_s * 1000,
        .limit_ms = config->bootloader == KEDGE_BOOTLOADER_UBOOT ? config->trial_limit_s * 1000 : 0,
    };
    kedge_trial_begin(&agent->trial, &policy, now_ms());
}

static void run_health(struct agent *agent)
{
    const struct kedge_variable variables[] = {
        {"KEDGE_SLOT", agent->object5.slot == 0 ? "0" : "1"},
        {"KEDGE_VERSION", agent->object5.version},
        {"KEDGE_ENDPOINT", agent->config->endpoint},
        {NULL, NULL},
    };
    kedge_log(KEDGE_LOG_INFO, "on trial: health command: %s", agent->config->health_command);
    enum kedge_rc rc =
        kedge_command_start(&agent->health, agent->config->health_command, variables);
    kedge_trial_health_started(&agent->trial, rc == KEDGE_OK, now_ms());
}

static void mind_trial(struct agent *agent, uint64_t *wait_ms)
{
    int status, signal_number;
    if (kedge_command_ended(&agent->health, &status, &signal_number))
        kedge_trial_health_ended(&agent->trial, status, signal_number);
    if (agent->server.reached)
        kedge_trial_server_reached(&agent->trial);
    for (;;) {
        uint64_t own_wait_ms;
        switch (kedge_trial_next(&agent->trial, now_ms(), &own_wait_ms)) {
        case KEDGE_TRIAL_RUN_HEALTH:
            run_health(agent);
            break;
        case KEDGE_TRIAL_KILL_HEALTH:
            kedge_command_kill(&agent->health);
            break;
        case KEDGE_TRIAL_CONFIRM:
            confirm(agent);
            break;
        case KEDGE_TRIAL_REJECT:
            kedge_object5_reject(&agent->object5,
                                 agent->trial.out_of_time ? KEDGE_BOOT_REASON_TIME
                                                          : KEDGE_BOOT_REASON_HEALTH,
                                 agent->trial.reason);
            kedge_trial_rejected(&agent->trial);
            break;
        default:
            if (own_wait_ms < *wait_ms)
                *wait_ms = own_wait_ms;
            return;
        }
    }
}

/* ---- bootstrapping ---- */

static bool has_server(const struct agent *agent)
{
    return agent->server.uri.text[0] != '\0';
}

static void begin_access(struct agent *agent, const struct kedge_access *given,
                         struct kedge_slice uri)
{
    kedge_access_object_begin(&agent->resources.access, &agent->object5.state, given,
                              agent->server.short_server_id, uri);
}

/* What an account holds is what its server is told of object 1, and how it is spoken to. */
static bool take_account(struct agent *agent)
{
    const struct kedge_account *account = &agent->bootstrap->account;
    struct kedge_server *server = &agent->server;
    server->short_server_id = account->server.server_id;
    server->default_pmin_s = account->server.default_pmin_s;
    server->default_pmax_s = account->server.default_pmax_s;
    agent->resources.disable_s = account->server.disable_s;
    agent->resources.storing = account->server.storing;
    server->attributes = (struct kedge_attributes){0};
    begin_access(agent, &account->access, kedge_slice_text(account->security.uri));
    return kedge_uri_parse(kedge_slice_text(account->security.uri), &server->uri) == KEDGE_OK;
}

/* A context of libcoap keeps to one kind of credentials: with another account it is another one. */
static bool change_account(struct agent *agent)
{
    agent->bootstrap->renewed = false;
    agent->object5.state.access.count = 0; /* of the account before */
    kedge_object5_attach(&agent->object5, NULL);
    kedge_server_end(&agent->server);
    if (!take_account(agent) ||
        kedge_server_begin(&agent->server, agent->bootstrap->account.server.lifetime_s) != KEDGE_OK)
        return false;
    kedge_object5_attach(&agent->object5, agent->server.context);
    return true;
}

/* False when it cannot go on. */
static bool mind_bootstrap(struct agent *agent, uint64_t *wait_ms)
{
    if (agent->bootstrap == NULL || agent->stopping)
        return true;
    kedge_bootstrap_look(agent->bootstrap, &agent->server.registration);
    kedge_bootstrap_poll(agent->bootstrap, wait_ms);
    return !agent->bootstrap->renewed || change_account(agent);
}

/* ---- the loop ---- */

static void take_signals(struct agent *agent)
{
    struct signalfd_siginfo info;
    while (read(agent->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD || agent->stopping)
            continue; /* the trial asks for its child's end itself */
        kedge_log(KEDGE_LOG_INFO, "ending");
        agent->stopping = true;
        agent->stop_at_ms = now_ms() + STOP_LIMIT_MS;
        kedge_registration_stop(&agent->server.registration);
    }
}

static void tell_status(struct agent *agent, uint64_t *wait_ms)
{
    char message[KEDGE_LWM2M_STRING_MAX + 1];
    char status[KEDGE_NOTIFY_STATUS_MAX + 1];
    if (has_server(agent))
        snprintf(message, sizeof message, "%s %.200s",
                 kedge_registration_is_up(&agent->server.registration) ? "registered with"
                                                                       : "not registered with",
                 agent->server.uri.text);
    else
        snprintf(message, sizeof message, "no account from %.80s yet%s%.120s",
                 agent->bootstrap->uri.text, agent->bootstrap->words[0] != '\0' ? ": " : "",
                 agent->bootstrap->words);
    kedge_object5_message(&agent->object5, message);
    snprintf(status, sizeof status, "version %.64s%s, %.160s", agent->object5.version,
             agent->trial.running ? ", on trial" : "", message);
    kedge_notify_poll(&agent->notify, status, now_ms(), wait_ms);
}

/* A reboot waits for the answer and the last notification to be taken, but not for long. */
static bool reboot_is_due(struct agent *agent, uint64_t *wait_ms)
{
    if (!agent->object5.reboot_wanted)
        return false;
    uint64_t now = now_ms();
    if (!agent->rebooting) {
        agent->rebooting = true;
        agent->stop_at_ms = now + REBOOT_LIMIT_MS;
        agent->linger_until_ms = now + REBOOT_LINGER_MS;
    }
    if (now >= agent->stop_at_ms ||
        (now >= agent->linger_until_ms && coap_can_exit(agent->server.context) != 0))
        return true;
    if (*wait_ms > 10)
        *wait_ms = 10;
    return false;
}

/* A device that sleeps hears nothing of its server. */
static bool sleeps(struct agent *agent, uint64_t *wait_ms)
{
    bool busy = agent->object5.state.state == KEDGE_FIRMWARE_DOWNLOADING || agent->stopping ||
                agent->object5.reboot_wanted;
    return kedge_server_sleeps(&agent->server, busy, wait_ms);
}

static void wait_for_events(struct agent *agent, uint64_t wait_ms)
{
    bool deaf = agent->server.queue.asleep;
    struct pollfd files[] = {
        {.fd = deaf ? -1 : coap_context_get_coap_fd(agent->server.context), .events = POLLIN},
        {.fd = agent->signals, .events = POLLIN},
        {.fd = kedge_answers_fd(&agent->answers), .events = POLLIN},
        {.fd = agent->bootstrap != NULL ? kedge_bootstrap_file(agent->bootstrap) : -1,
         .events = POLLIN}};
    int timeout_ms = (int)(wait_ms < POLL_MAX_MS ? wait_ms : POLL_MAX_MS);
    if (kedge_fetch_wait(&agent->object5.fetch, files, sizeof files / sizeof files[0], timeout_ms) <
            0 &&
        errno != EINTR)
        kedge_log(KEDGE_LOG_ERROR, "poll: %s", strerror(errno));
}

/* A server that pushes and has gone quiet may have restarted, or lost this address. */
static void see_whether_server_is_there(struct agent *agent)
{
    if (agent->object5.update_wanted)
        kedge_registration_trigger(&agent->server.registration, now_ms());
    agent->object5.update_wanted = false;
}

static void fetch(struct agent *agent, uint64_t *wait_ms)
{
    const struct kedge_registration *registration = &agent->server.registration;
    bool up = kedge_registration_is_up(registration);
    const struct kedge_pull_server server = {
        .session = up ? agent->server.session : NULL,
        .awaited = kedge_registration_is_under_way(registration, now_ms()),
        .uri = &agent->server.uri};
    kedge_object5_poll(&agent->object5, &server, wait_ms);
}

static int loop(struct agent *agent)
{
    for (;;) {
        uint64_t wait_ms = POLL_MAX_MS;
        take_signals(agent);
        kedge_resources_look(&agent->resources);
        if (!agent->server.queue.asleep)
            kedge_server_process(&agent->server);
        mind_trial(agent, &wait_ms);
        fetch(agent, &wait_ms);
        see_whether_server_is_there(agent);
        if (!mind_bootstrap(agent, &wait_ms))
            return 1;
        bool on = kedge_server_poll(&agent->server, &wait_ms);
        kedge_server_notify(&agent->server, &wait_ms);
        kedge_sender_poll(&agent->server, &wait_ms);
        tell_status(agent, &wait_ms);
        kedge_answers_poll(&agent->answers, now_ms(), &wait_ms);
        if (reboot_is_due(agent, &wait_ms))
            return KEDGE_BOOT_EXIT_REBOOT;
        if (agent->stopping) {
            uint64_t now = now_ms();
            if (!on || now >= agent->stop_at_ms)
                return 0;
            if (wait_ms > agent->stop_at_ms - now)
                wait_ms = agent->stop_at_ms - now;
        }
        bool due = agent->bootstrap != NULL && kedge_bootstrap_arm(agent->bootstrap);
        if (sleeps(agent, &wait_ms) || !kedge_server_arm(&agent->server))
            wait_for_events(agent, due ? 0 : wait_ms);
    }
}

/* ---- beginning and end ---- */

bool kedge_agent_trust(const struct kedge_agent_config *config, struct kedge_port_trust *trust)
{
    kedge_port_trust_init(trust, config->allow_development_keys);
    for (size_t i = 0; i < config->trust_count; i++) {
        enum kedge_rc rc = kedge_port_trust_add(trust, config->trust[i]);
        if (rc != KEDGE_OK) {
            kedge_log(KEDGE_LOG_ERROR, "--trust %s: %s", config->trust[i],
                      rc == KEDGE_E_SYSTEM ? strerror(errno) : kedge_rc_text(rc));
            return false;
        }
    }
    trust->trust.required = (size_t)config->required;
    if (config->required > trust->trust.key_count) {
        kedge_log(KEDGE_LOG_ERROR, "--require %u needs that many different keys; there are %zu",
                  (unsigned)config->required, trust->trust.key_count);
        return false;
    }
    return true;
}

static bool check_download_ca(const struct kedge_agent_config *config)
{
    enum kedge_rc rc =
        config->download_ca[0] != '\0' ? kedge_fetch_ca_check(config->download_ca) : KEDGE_OK;
    if (rc != KEDGE_OK)
        kedge_log(KEDGE_LOG_ERROR, "--download-ca %s: has no certificate in PEM that can be read",
                  config->download_ca);
    return rc == KEDGE_OK;
}

static bool take_server_uri(struct agent *agent, const char *option, const char *text,
                            struct kedge_uri *uri)
{
    enum kedge_rc rc = kedge_uri_parse(kedge_slice_text(text), uri);
    if (rc == KEDGE_OK && uri->query.size > 0)
        rc = KEDGE_E_URI;
    if (rc == KEDGE_OK && uri->secure && agent->credentials.proof == KEDGE_PROOF_NONE) {
        kedge_log(KEDGE_LOG_ERROR,
                  "%s %s: coaps needs --psk-identity and --psk-file, or --private-key", option,
                  text);
        return false;
    }
    if (rc != KEDGE_OK)
        kedge_log(KEDGE_LOG_ERROR, "%s %s: %s (coap://HOST[:PORT] or coaps://HOST[:PORT])", option,
                  text, kedge_rc_text(rc));
    return rc == KEDGE_OK;
}

/* With a bootstrap server, the credentials that the options name are for that one. */
static bool prepare_bootstrap(struct agent *agent)
{
    const struct kedge_agent_config *config = agent->config;
    if (config->bootstrap_server[0] == '\0')
        return take_server_uri(agent, "--server", config->server, &agent->server.uri);
    agent->bootstrap = calloc(1, sizeof *agent->bootstrap);
    if (agent->bootstrap == NULL) {
        kedge_log(KEDGE_LOG_ERROR, "%s", kedge_rc_text(KEDGE_E_MEMORY));
        return false;
    }
    struct kedge_bootstrap *bootstrap = agent->bootstrap;
    if (!take_server_uri(agent, "--bootstrap-server", config->bootstrap_server, &bootstrap->uri))
        return false;
    bootstrap->clock = kedge_port_clock();
    bootstrap->random = kedge_port_random();
    bootstrap->endpoint = config->endpoint;
    bootstrap->hold_off_s = (uint32_t)config->bootstrap_hold_off_s;
    bootstrap->credentials = &agent->credentials;
    bootstrap->own = agent->credentials;
    kedge_wipe(&agent->credentials, sizeof agent->credentials);
    return true;
}

static bool begin_bootstrap(struct agent *agent)
{
    struct kedge_bootstrap *bootstrap = agent->bootstrap;
    if (bootstrap == NULL)
        return true;
    bootstrap->folder = agent->port.folder;
    enum kedge_rc rc = kedge_bootstrap_begin(bootstrap, agent->config->bootstrap_patience_s * 1000);
    if (rc != KEDGE_OK)
        kedge_log(KEDGE_LOG_ERROR, "--state %s: %s: %s", agent->config->state, KEDGE_ACCOUNT_FILE,
                  strerror(errno));
    return rc == KEDGE_OK && (!kedge_bootstrap_has_account(bootstrap) || take_account(agent));
}

static bool open_state(struct agent *agent)
{
    const char *path = agent->config->state;
    if (access(path, F_OK) != 0) {
        kedge_log(KEDGE_LOG_ERROR, "--state %s: %s; run kedge-agent install-factory first", path,
                  strerror(errno));
        return false;
    }
    const struct kedge_port_places places = kedge_config_places(agent->config);
    enum kedge_rc rc = kedge_port_state_open(&agent->port, path, &agent->trust.trust, &places,
                                             KEDGE_PORT_EXCLUSIVE);
    if (rc != KEDGE_OK) {
        kedge_log(KEDGE_LOG_ERROR, "--state %s: %s", path,
                  rc == KEDGE_E_BUSY ? "another agent runs on it"
                                     : kedge_port_state_words(&agent->port, rc));
        return false;
    }
    const char *trouble = kedge_port_state_trouble(&agent->port);
    if (trouble != NULL)
        kedge_log(KEDGE_LOG_WARNING, "%s", trouble);
    return true;
}

static bool block_signals(struct agent *agent)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        agent->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (agent->signals < 0)
        kedge_log(KEDGE_LOG_ERROR, "signals: %s", strerror(errno));
    return agent->signals >= 0;
}

/* A service manager that cannot be told is no reason not to run. */
static void find_manager(struct agent *agent)
{
    enum kedge_rc rc = kedge_notify_open(&agent->notify);
    if (rc != KEDGE_OK)
        kedge_log(KEDGE_LOG_WARNING, "the service manager cannot be told of this agent: %s",
                  rc == KEDGE_E_SYSTEM ? strerror(errno)
                                       : "NOTIFY_SOCKET or WATCHDOG_USEC makes no sense");
}

static bool begin_server(struct agent *agent)
{
    agent->server.clock = kedge_port_clock();
    agent->server.random = kedge_port_random();
    agent->server.credentials = &agent->credentials;
    agent->server.endpoint = agent->config->endpoint;
    kedge_send_begin(&agent->server.send, !agent->config->send);
    agent->server.queue.on = agent->config->queue_mode;
    agent->server.queue.awake_ms = agent->config->awake_s * 1000;
    agent->resources.config = agent->config;
    agent->resources.object5 = &agent->object5;
    agent->resources.server = &agent->server;
    agent->resources.bootstrap = agent->bootstrap;
    agent->resources.device.clock = agent->server.clock;
    agent->resources.device.files = &kedge_port_network_files;
    agent->resources.device.folder = agent->port.folder;
    agent->server.hooks = kedge_resources_hooks(&agent->resources);
    agent->server.take_block = kedge_resources_take_block;
    agent->server.pull = &agent->object5.fetch.pull;
    coap_startup();
    coap_set_log_level(LOG_CRIT);
    coap_dtls_set_log_level(LOG_CRIT);
    uint32_t lifetime_s = (uint32_t)agent->config->lifetime_s;
    agent->server.short_server_id = KEDGE_SHORT_SERVER_ID;
    begin_access(agent, &(const struct kedge_access){.count = 0},
                 kedge_slice_text(agent->server.uri.text));
    if (!begin_bootstrap(agent))
        return false;
    if (agent->bootstrap != NULL && kedge_bootstrap_has_account(agent->bootstrap))
        lifetime_s = agent->bootstrap->account.server.lifetime_s;
    return kedge_server_begin(&agent->server, lifetime_s) == KEDGE_OK;
}

static bool begin_object5(struct agent *agent, enum kedge_object5_start *start)
{
    struct kedge_object5 *object = &agent->object5;
    const struct kedge_agent_config *config = agent->config;
    object->boot = &agent->port.boot;
    object->port = &agent->port;
    object->clock = kedge_port_clock();
    object->fetch.random = kedge_port_random();
    object->fetch.credentials = &agent->credentials;
    object->fetch.context = agent->server.context;
    object->fetch.ca_file = kedge_fetch_ca_file(config->download_ca);
    object->class_name = config->class_name;
    object->folder = agent->port.folder;
    object->patience_ms = config->download_patience_s * 1000;
    object->budget = config->download_budget;
    object->delivery = config->delivery;
    object->asks_consent = config->consent;
    for (size_t i = 0; i < KEDGE_HOOK_COUNT; i++)
        object->hooks.commands[i] = config->hooks[i];
    object->hooks.limit_ms = config->hook_timeout_s * 1000;
    kedge_vendor_uuid(kedge_slice_text(config->vendor), object->identity.vendor);
    kedge_class_uuid(object->identity.vendor, kedge_slice_text(config->class_name),
                     object->identity.class_id);
    object->identity.hardware = kedge_slice_text(config->hardware);
    snprintf(object->state.endpoint, sizeof object->state.endpoint, "%s", config->endpoint);
    enum kedge_rc rc = kedge_object5_start(object, start);
    if (rc != KEDGE_OK)
        kedge_log(KEDGE_LOG_ERROR, "--state %s: slot %u: %s", config->state, (unsigned)object->slot,
                  kedge_rc_text(rc));
    return rc == KEDGE_OK;
}

static int serve(struct agent *agent)
{
    enum kedge_object5_start start;
    if (!begin_server(agent) || !begin_object5(agent, &start))
        return 1;
    kedge_log(KEDGE_LOG_INFO, "%s runs version %s in slot %u%s", agent->config->endpoint,
              agent->object5.version, (unsigned)agent->object5.slot,
              start == KEDGE_OBJECT5_ON_TRIAL ? ", on trial" : "");
    if (start == KEDGE_OBJECT5_MUST_REBOOT) {
        kedge_log(KEDGE_LOG_WARNING, "a trial waits for the bootloader: asking for a reboot");
        return KEDGE_BOOT_EXIT_REBOOT;
    }
    if (!kedge_answers_begin(&agent->answers, agent->config, &agent->object5))
        return KEDGE_AGENT_EXIT_USAGE;
    if (start == KEDGE_OBJECT5_ON_TRIAL)
        begin_trial(agent);
    return loop(agent);
}

static int boot(struct agent *agent)
{
    if (!kedge_bootloader_attach(agent->config, &agent->uboot, &agent->port))
        return 1;
    switch (kedge_bootloader_start(agent->config, &agent->port, &agent->object5.slot)) {
    case KEDGE_BOOTLOADER_RUN:
        return block_signals(agent) ? serve(agent) : 1;
    case KEDGE_BOOTLOADER_REBOOT:
        return KEDGE_BOOT_EXIT_REBOOT;
    case KEDGE_BOOTLOADER_FAILED:
        break;
    }
    return 1;
}

int kedge_agent_run(const struct kedge_agent_config *config)
{
    struct agent *agent = calloc(1, sizeof *agent);
    if (agent == NULL) {
        kedge_log(KEDGE_LOG_ERROR, "%s", kedge_rc_text(KEDGE_E_MEMORY));
        return 1;
    }
    agent->config = config;
    agent->signals = -1;
    find_manager(agent);
    int status = KEDGE_AGENT_EXIT_USAGE;
    if (!kedge_config_credentials(config, &agent->credentials) || !check_download_ca(config) ||
        !prepare_bootstrap(agent) || !kedge_agent_trust(config, &agent->trust))
        goto cleanup;
    status = 1;
    if (!open_state(agent))
        goto cleanup;
    status = boot(agent);
    kedge_answers_end(&agent->answers);
    kedge_command_kill(&agent->health);
    kedge_object5_stop(&agent->object5);
    kedge_server_end(&agent->server);
    if (agent->bootstrap != NULL)
        kedge_bootstrap_end(agent->bootstrap);
    coap_cleanup();
    if (agent->signals >= 0)
        close(agent->signals);
    kedge_port_state_close(&agent->port);
cleanup:
    kedge_notify_close(&agent->notify);
    kedge_wipe(&agent->credentials, sizeof agent->credentials);
    if (agent->bootstrap != NULL)
        kedge_wipe(agent->bootstrap, sizeof *agent->bootstrap);
    free(agent->bootstrap);
    free(agent);
    return status;
}
