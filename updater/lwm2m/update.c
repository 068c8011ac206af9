/* update.c: the names of how far a deployment has come. */
#include "updater/lwm2m/update.h"

const char *kedge_update_phase_name(enum kedge_update_phase phase)
{
    static const char *const names[KEDGE_UPDATE_PHASE_COUNT] = {
        [KEDGE_UPDATE_OFFERED] = "offered",       [KEDGE_UPDATE_DOWNLOADING] = "downloading",
        [KEDGE_UPDATE_DOWNLOADED] = "downloaded", [KEDGE_UPDATE_INSTALLING] = "installing",
        [KEDGE_UPDATE_VERIFYING] = "verifying",   [KEDGE_UPDATE_SUCCEEDED] = "succeeded",
        [KEDGE_UPDATE_FAILED] = "failed",         [KEDGE_UPDATE_REJECTED] = "rejected",
        [KEDGE_UPDATE_TIMED_OUT] = "timed_out",   [KEDGE_UPDATE_CANCELED] = "canceled"};
    return (unsigned)phase < KEDGE_UPDATE_PHASE_COUNT ? names[phase] : "unknown";
}
