/* status.c: where the device stands: by the running agent's word, else by its state folder. */
#include "agent/client/device_status.h"
#include "agent/client/log.h"
#include "agent/local/ask.h"
#include "agent/main/commands.h"

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

static enum kedge_rc read_folder(const char *path, struct kedge_status *status)
{
    static struct kedge_port_state port;
    const struct kedge_suit_trust nobody = {.required = 1};
    KEDGE_TRY(kedge_port_state_open(&port, path, &nobody, 0, KEDGE_PORT_READ_ONLY));
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

/* Takes one status; an answer that is none is an error with its words in `why`. */
static enum kedge_rc take_status(struct kedge_local_ask *ask, int limit_ms,
                                 struct kedge_status *status, char why[KEDGE_LOCAL_WORDS_MAX + 1])
{
    struct kedge_slice line;
    enum kedge_rc rc = kedge_local_ask_line(ask, limit_ms, &line);
    snprintf(why, KEDGE_LOCAL_WORDS_MAX + 1, "%s",
             rc == KEDGE_E_SYSTEM ? strerror(errno) : kedge_rc_text(rc));
    if (rc != KEDGE_OK)
        return rc;
    if (kedge_local_error_read(line, why))
        return KEDGE_E_REFUSED;
    rc = kedge_status_read(line, status);
    snprintf(why, KEDGE_LOCAL_WORDS_MAX + 1, "its answer: %s", kedge_rc_text(rc));
    return rc;
}

static int follow(const struct kedge_agent_config *config, struct kedge_local_ask *ask)
{
    struct kedge_status status;
    char why[KEDGE_LOCAL_WORDS_MAX + 1];
    enum kedge_rc rc;
    while ((rc = take_status(ask, KEDGE_LOCAL_ASK_WITHOUT_LIMIT, &status, why)) == KEDGE_OK)
        if (!print(config, &status))
            return 1;
    if (rc == KEDGE_E_CONNECTION) /* the agent has ended: there is nothing more to follow */
        return 0;
    kedge_log(KEDGE_LOG_ERROR, "the agent: %s", why);
    return 1;
}

static enum kedge_rc connect_to_agent(const struct kedge_agent_config *config,
                                      struct kedge_local_place *place, struct kedge_local_ask *ask)
{
    const struct kedge_local_request request = {.command = config->follow ? KEDGE_LOCAL_WATCH
                                                                          : KEDGE_LOCAL_STATUS};
    ask->socket = -1;
    KEDGE_TRY(kedge_local_place_open(place, config->socket, config->state));
    return kedge_local_ask_begin(ask, place, &request);
}

/* True when an agent answered. One that hangs is said to, and the folder is asked instead. */
static bool ask_agent(const struct kedge_agent_config *config, struct kedge_status *status)
{
    struct kedge_local_place place = {.folder = -1};
    struct kedge_local_ask ask;
    char why[KEDGE_LOCAL_WORDS_MAX + 1];
    enum kedge_rc rc = connect_to_agent(config, &place, &ask);
    bool there = rc == KEDGE_OK || rc == KEDGE_E_BUSY;
    if (rc == KEDGE_OK)
        rc = take_status(&ask, KEDGE_LOCAL_ASK_LIMIT_MS, status, why);
    else
        snprintf(why, sizeof why, "%s", kedge_rc_text(rc));
    if (there && rc != KEDGE_OK)
        kedge_log(KEDGE_LOG_WARNING, "the agent does not say: %s; by its state folder:", why);
    kedge_local_ask_end(&ask);
    kedge_local_place_close(&place);
    return rc == KEDGE_OK;
}

static int follow_agent(const struct kedge_agent_config *config)
{
    struct kedge_local_place place = {.folder = -1};
    struct kedge_local_ask ask;
    int status = 1;
    enum kedge_rc rc = connect_to_agent(config, &place, &ask);
    if (rc == KEDGE_OK)
        status = follow(config, &ask);
    else
        kedge_log(KEDGE_LOG_ERROR, "--follow: %s",
                  rc == KEDGE_E_NOT_FOUND ? "no agent runs here"
                  : rc == KEDGE_E_SYSTEM  ? strerror(errno)
                                          : kedge_rc_text(rc));
    kedge_local_ask_end(&ask);
    kedge_local_place_close(&place);
    return status;
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
        rc = read_folder(config->state, &status);
    if (rc != KEDGE_OK) {
        kedge_log(KEDGE_LOG_ERROR, "--state %s: %s", config->state, why_not(rc));
        return 1;
    }
    return print(config, &status) ? 0 : 1;
}
