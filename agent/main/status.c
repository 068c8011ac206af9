/* status.c: where the device stands: by the running agent's word, else by its state folder. */
#include "agent/client/config_places.h"
#include "agent/client/device_status.h"
#include "agent/client/log.h"
#include "agent/main/commands.h"
#include "agent/main/running.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- the state folder ---- */

static enum kedge_rc collect(struct kedge_port_state *port, struct kedge_status *status)
{
    struct kedge_agent_state agent;
    enum kedge_rc rc = kedge_agent_state_load(port->folder, &agent);
    if (rc == KEDGE_E_NOT_FOUND)
        snprintf(agent.message, sizeof agent.message, "no agent has run here yet");
    else if (rc != KEDGE_OK)
        return rc;
    return kedge_device_status(&port->boot, &agent, status);
}

static enum kedge_rc read_folder(const struct kedge_agent_config *config,
                                 struct kedge_status *status)
{
    static struct kedge_port_state port;
    const struct kedge_suit_trust nobody = {.required = 1};
    const struct kedge_port_places places = kedge_config_places(config);
    KEDGE_TRY(kedge_port_state_open(&port, config->state, &nobody, &places, KEDGE_PORT_READ_ONLY));
    enum kedge_rc rc = collect(&port, status);
    int saved_errno = errno;
    kedge_port_state_close(&port);
    errno = saved_errno;
    return rc;
}

/* ---- saying it ---- */

static bool print_json(const struct kedge_status *status, enum kedge_status_layout layout)
{
    char text[KEDGE_STATUS_JSON_MAX];
    struct kedge_writer out = kedge_writer(text, sizeof text);
    return kedge_status_write(status, layout, &out) == KEDGE_OK &&
           printf("%.*s\n", (int)out.size, text) > 0;
}

static void print_consent(const struct kedge_status *status)
{
    if (!status->consent_wanted)
        return;
    printf("consent   wanted, severity %s", status->severity);
    if (status->consent_left_s != KEDGE_STATUS_NONE)
        printf("; goes on by itself in %" PRIu64 " s", status->consent_left_s);
    printf("\n");
}

static void print_text(const struct kedge_status *status)
{
    if (status->endpoint[0] != '\0')
        printf("endpoint  %s\n", status->endpoint);
    printf("version   %s (slot %" PRIu64 "%s)\n", status->version, status->slot,
           status->on_trial ? ", on trial" : "");
    for (size_t slot = 0; slot < KEDGE_SLOTS; slot++)
        printf("slot %zu    %s\n", slot,
               status->slot_versions[slot][0] != '\0' ? status->slot_versions[slot] : "nothing");
    printf("state     %s\n", status->state);
    if (status->package_bytes > 0)
        printf("download  %" PRIu64 " of %" PRIu64 " bytes\n", status->downloaded_bytes,
               status->package_bytes);
    if (status->package_version[0] != '\0')
        printf("package   %s\n", status->package_version);
    printf("result    %" PRIu64 ", %s\n", status->result, status->result_text);
    if (status->reason[0] != '\0')
        printf("reason    %s\n", status->reason);
    print_consent(status);
    printf("updates   %" PRIu64 " confirmed, %" PRIu64 " rolled back\n", status->updates_confirmed,
           status->updates_rolled_back);
    if (status->message[0] != '\0')
        printf("message   %s\n", status->message);
    printf("agent     %s\n", status->agent_running ? "running" : "not running");
}

static void print_change(const struct kedge_status *status)
{
    printf("%s", status->state);
    if (status->package_bytes > 0)
        printf(", %" PRIu64 " of %" PRIu64 " bytes", status->downloaded_bytes,
               status->package_bytes);
    printf(", result %" PRIu64 "%s%s, version %s%s, %s\n", status->result,
           status->reason[0] != '\0' ? ": " : "", status->reason, status->version,
           status->on_trial ? " on trial" : "", status->message);
}

static bool print(const struct kedge_agent_config *config, const struct kedge_status *status)
{
    bool good = true;
    if (config->json)
        good = print_json(status, config->follow ? KEDGE_STATUS_LINE : KEDGE_STATUS_INDENTED);
    else if (config->follow)
        print_change(status);
    else
        print_text(status);
    return fflush(stdout) == 0 && good;
}

/* ---- the running agent ---- */

/* True when an agent answered. One that hangs is said to, and the folder is asked instead. */
static bool ask_agent(const struct kedge_agent_config *config, struct kedge_status *status)
{
    struct running running;
    const struct kedge_local_request request = {.command = KEDGE_LOCAL_STATUS};
    enum kedge_rc rc = running_ask(&running, config, &request);
    bool there = rc == KEDGE_OK || rc == KEDGE_E_BUSY;
    if (rc == KEDGE_OK)
        rc = running_status(&running, KEDGE_LOCAL_ASK_LIMIT_MS, status);
    if (there && rc != KEDGE_OK)
        kedge_log(KEDGE_LOG_WARNING, "the agent: %s; by its state folder:", running.why);
    running_end(&running);
    return rc == KEDGE_OK;
}

static int follow_agent(const struct kedge_agent_config *config)
{
    struct running running;
    struct kedge_status status;
    const struct kedge_local_request request = {.command = KEDGE_LOCAL_WATCH};
    enum kedge_rc rc = running_ask(&running, config, &request);
    bool good = true;
    while (rc == KEDGE_OK && good) {
        rc = running_status(&running, KEDGE_LOCAL_ASK_WITHOUT_LIMIT, &status);
        good = rc != KEDGE_OK || print(config, &status);
    }
    running_end(&running);
    if (rc == KEDGE_E_CONNECTION) /* the agent has ended: there is nothing more to follow */
        return 0;
    if (rc != KEDGE_OK)
        kedge_log(KEDGE_LOG_ERROR, "the agent: %s", running.why);
    return 1;
}

static const char *why_not(enum kedge_rc rc)
{
    if (rc == KEDGE_E_NOT_FOUND)
        return "no firmware here; run kedge-agent install-factory first";
    return rc == KEDGE_E_SYSTEM ? strerror(errno) : kedge_rc_text(rc);
}

int kedge_command_status(const struct kedge_agent_config *config)
{
    struct kedge_status status;
    if (config->follow)
        return follow_agent(config);
    enum kedge_rc rc = KEDGE_OK;
    if (!ask_agent(config, &status))
        rc = read_folder(config, &status);
    if (rc != KEDGE_OK) {
        kedge_log(KEDGE_LOG_ERROR, "--state %s: %s", config->state, why_not(rc));
        return 1;
    }
    return print(config, &status) ? 0 : 1;
}
