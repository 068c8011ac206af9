/* answers.c: see answers.h. */
#define _POSIX_C_SOURCE 200809L
#include "agent/client/answers.h"

#include "agent/client/device_status.h"
#include "agent/client/log.h"

#include <errno.h>
#include <grp.h>
#include <string.h>

static void on_status(void *context, struct kedge_status *status)
{
    const struct kedge_object5 *object5 = ((struct kedge_answers *)context)->object5;
    enum kedge_rc rc = kedge_device_status(object5->boot, &object5->state, status);
    if (rc != KEDGE_OK)
        kedge_log(KEDGE_LOG_WARNING, "the boot record cannot be read: %s", kedge_rc_text(rc));
    if (status->consent_wanted)
        status->consent_left_s = kedge_object5_consent_left_s(object5);
    if (object5->state.state == KEDGE_FIRMWARE_DOWNLOADING) {
        status->downloaded_bytes = object5->downloaded_bytes;
        status->package_bytes = object5->package_bytes;
        memcpy(status->package_version, object5->package_version, sizeof status->package_version);
    }
}

static const char *on_decision(void *context, const struct kedge_local_request *request)
{
    struct kedge_object5 *object5 = ((struct kedge_answers *)context)->object5;
    if (request->command == KEDGE_LOCAL_ACCEPT)
        return kedge_object5_accept(object5);
    return kedge_object5_defer(object5,
                               request->has_seconds ? request->seconds : KEDGE_CONSENT_NO_LIMIT);
}

static bool find_group(const char *name, gid_t *group)
{
    *group = KEDGE_LOCAL_GROUP_NONE;
    if (name[0] == '\0')
        return true;
    const struct group *found = getgrnam(name);
    if (found == NULL) {
        kedge_log(KEDGE_LOG_ERROR, "--socket-group %s: there is no such group", name);
        return false;
    }
    *group = found->gr_gid;
    return true;
}

static const char *why_not(enum kedge_rc rc)
{
    switch (rc) {
    case KEDGE_E_BUSY:
        return "somebody else listens there";
    case KEDGE_E_EXISTS:
        return "there is a file that is no socket";
    case KEDGE_E_ARGUMENT:
        return "is no path of a file, or its name is too long";
    default:
        return rc == KEDGE_E_SYSTEM ? strerror(errno) : kedge_rc_text(rc);
    }
}

bool kedge_answers_begin(struct kedge_answers *answers, const struct kedge_agent_config *config,
                         struct kedge_object5 *object5)
{
    const struct kedge_local_hooks hooks = {answers, on_status, on_decision};
    struct kedge_local_place place;
    gid_t group;
    answers->object5 = object5;
    if (!find_group(config->socket_group, &group))
        return false;
    enum kedge_rc rc = kedge_local_place_open(&place, config->socket, config->state);
    if (rc == KEDGE_OK)
        rc = kedge_local_open(&answers->local, &hooks, &place, group);
    if (rc != KEDGE_OK)
        kedge_log(KEDGE_LOG_WARNING, "no local socket%s%s: %s",
                  config->socket[0] != '\0' ? " at " : "", config->socket, why_not(rc));
    return true;
}

void kedge_answers_poll(struct kedge_answers *answers, uint64_t now_ms, uint64_t *wait_ms)
{
    kedge_local_poll(&answers->local, now_ms, wait_ms);
}

int kedge_answers_fd(const struct kedge_answers *answers)
{
    return answers->local.open ? answers->local.events : -1;
}

void kedge_answers_end(struct kedge_answers *answers)
{
    kedge_local_close(&answers->local);
}
