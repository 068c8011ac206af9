/* consent.c: what the device's own software says to an update that waits for it. */
#include "agent/client/log.h"
#include "agent/main/commands.h"
#include "agent/main/running.h"

static int decide(const struct kedge_agent_config *config,
                  const struct kedge_local_request *request)
{
    struct running running;
    struct kedge_status status;
    enum kedge_rc rc = running_ask(&running, config, request);
    if (rc == KEDGE_OK)
        rc = running_status(&running, KEDGE_LOCAL_ASK_LIMIT_MS, &status);
    if (rc != KEDGE_OK)
        kedge_log(KEDGE_LOG_ERROR, "the agent: %s", running.why);
    running_end(&running);
    return rc == KEDGE_OK ? 0 : 1;
}

int kedge_command_accept(const struct kedge_agent_config *config)
{
    return decide(config, &(struct kedge_local_request){.command = KEDGE_LOCAL_ACCEPT});
}

int kedge_command_defer(const struct kedge_agent_config *config)
{
    const bool has_seconds = config->defer_for_s != KEDGE_CONSENT_NO_LIMIT;
    return decide(config,
                  &(struct kedge_local_request){.command = KEDGE_LOCAL_DEFER,
                                                .has_seconds = has_seconds,
                                                .seconds = has_seconds ? config->defer_for_s : 0});
}
