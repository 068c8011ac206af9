/*
 * reload.c: the list of revoked certificates, read again while the server runs.
 */
#define _GNU_SOURCE
#include "updater/kedged/bridge.h"
#include "updater/kedged/log.h"

#include <stdlib.h>
#include <string.h>

/* Whose certificates do not hold any more. */
struct revoked {
    char **endpoints;
    size_t count, capacity;
    bool incomplete; /* there was no memory for all of them */
};

static bool make_room(struct revoked *revoked)
{
    if (revoked->count < revoked->capacity)
        return true;
    size_t capacity = revoked->capacity == 0 ? 64 : revoked->capacity * 2;
    char **endpoints = realloc(revoked->endpoints, capacity * sizeof(*endpoints));
    if (endpoints == NULL)
        return false;
    revoked->endpoints = endpoints;
    revoked->capacity = capacity;
    return true;
}

static void note(void *context, const char *name)
{
    struct revoked *revoked = context;
    char *copy = make_room(revoked) ? strdup(name) : NULL;
    if (copy == NULL) {
        revoked->incomplete = true;
        return;
    }
    revoked->endpoints[revoked->count++] = copy;
    kedge_log(KEDGE_LOG_INFO, "device %s: its certificate is revoked", name);
}

static int compare_endpoints(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void expel(struct kedge_bridge *bridge, struct revoked *revoked)
{
    if (revoked->count > 0) {
        qsort(revoked->endpoints, revoked->count, sizeof(revoked->endpoints[0]), compare_endpoints);
        kedge_fleet_expel(bridge->fleet, (const char *const *)revoked->endpoints, revoked->count);
    }
    for (size_t i = 0; i < revoked->count; i++)
        free(revoked->endpoints[i]);
    free(revoked->endpoints);
}

void kedge_bridge_reload(struct kedge_bridge *bridge)
{
    struct revoked revoked = {0};
    enum kedge_rc rc = kedge_net_reload_revoked(bridge->net, note, &revoked);
    expel(bridge, &revoked);
    if (rc == KEDGE_OK)
        kedge_log(KEDGE_LOG_INFO, "--coaps-crl was read again");
    else if (rc == KEDGE_E_NOT_FOUND)
        kedge_log(KEDGE_LOG_INFO, "there is no --coaps-crl to be read again");
    else
        kedge_log(KEDGE_LOG_ERROR, "--coaps-crl is not taken, the former list counts: %s",
                  rc == KEDGE_E_KEY ? "it cannot be read, or is not a list of the CA's (PEM)"
                                    : kedge_rc_text(rc));
    if (revoked.incomplete)
        kedge_log(KEDGE_LOG_ERROR,
                  "out of memory: not all revoked devices were told; reload again");
}
