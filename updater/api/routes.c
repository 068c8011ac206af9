/* routes.c: the table of routes, and how a path finds its row. */
#include "updater/api/internal.h"

#include <stdio.h>
#include <string.h>

#define V1 "/api/v1"
#define PAGE "limit cursor "

#define VIEW KEDGE_RIGHT_VIEW
#define OPERATE KEDGE_RIGHT_OPERATE
#define RELEASE KEDGE_RIGHT_RELEASE
#define AUTHOR KEDGE_RIGHT_AUTHOR
#define APPROVE KEDGE_RIGHT_APPROVE
#define ADMIN KEDGE_RIGHT_ADMIN

static const struct route routes[] = {
    {"GET", "/", "", BODY_NONE, 0, true, page_show},
    {"GET", "/assets/{}", "", BODY_NONE, 0, true, page_asset},
    {"GET", "/healthz", "", BODY_NONE, 0, false, health_show},
    {"GET", "/openapi.json", "", BODY_NONE, 0, true, openapi_show},
    {"GET", "/metrics", "", BODY_NONE, VIEW, false, metrics_show},
    {"GET", "/fw/{}", "", BODY_NONE, 0, true, download_show},
    {"GET", V1 "/fleet", "", BODY_NONE, VIEW, false, fleet_show},
    {"GET", V1 "/fleet/samples", "", BODY_NONE, VIEW, false, fleet_samples},
    {"GET", V1 "/devices", PAGE "vendor class filter ", BODY_NONE, VIEW, false, devices_list},
    {"GET", V1 "/devices/{}", "", BODY_NONE, VIEW, false, device_show},
    {"GET", V1 "/devices/{}/deployments", PAGE "order ", BODY_NONE, VIEW, false, device_deployments},
    {"GET", V1 "/devices/{}/history", PAGE "order ", BODY_NONE, VIEW, false, device_history},
    {"PATCH", V1 "/devices/{}", "", BODY_JSON, OPERATE, false, device_change},
    {"POST", V1 "/devices/{}/operations", "", BODY_JSON, OPERATE, false, device_operate},
    {"GET", V1 "/classes", "", BODY_NONE, VIEW, false, classes_list},
    {"POST", V1 "/classes", "", BODY_JSON, ADMIN, false, class_set},
    {"DELETE", V1 "/classes/{}", "vendor ", BODY_NONE, ADMIN, false, class_remove},
    {"GET", V1 "/credentials", PAGE, BODY_NONE, ADMIN, false, credentials_list},
    {"POST", V1 "/credentials", "", BODY_JSON, ADMIN, false, credentials_put},
    {"DELETE", V1 "/credentials/{}", "", BODY_NONE, ADMIN, false, credentials_remove},
    {"GET", V1 "/bootstrap", PAGE, BODY_NONE, ADMIN, false, bootstraps_list},
    {"POST", V1 "/bootstrap", "", BODY_JSON, ADMIN, false, bootstraps_put},
    {"POST", V1 "/import", "dry_run ", BODY_TEXT, ADMIN, false, devices_import},
    {"DELETE", V1 "/bootstrap/{}", "", BODY_NONE, ADMIN, false, bootstrap_remove},
    {"GET", V1 "/packages", PAGE "filter ", BODY_NONE, VIEW, false, packages_list},
    {"POST", V1 "/packages", "", BODY_FILE, RELEASE, false, package_upload},
    {"GET", V1 "/packages/{}", "", BODY_NONE, VIEW, false, package_show},
    {"GET", V1 "/packages/{}/attachments", "", BODY_NONE, VIEW, false, package_attachments},
    {"GET", V1 "/packages/{}/sbom", "", BODY_NONE, VIEW, false, package_sbom},
    {"GET", V1 "/packages/{}/prov", "", BODY_NONE, VIEW, false, package_provenance},
    {"GET", V1 "/packages/{}/notes", "", BODY_NONE, VIEW, false, package_notes},
    {"DELETE", V1 "/packages/{}", "", BODY_NONE, RELEASE, false, package_remove},
    {"GET", V1 "/trust", PAGE, BODY_NONE, VIEW, false, trust_list},
    {"POST", V1 "/trust", "", BODY_JSON, ADMIN, false, trust_add},
    {"DELETE", V1 "/trust/{}", "", BODY_NONE, ADMIN, false, trust_remove},
    {"GET", V1 "/rollouts", PAGE, BODY_NONE, VIEW, false, rollouts_list},
    {"POST", V1 "/rollouts", "", BODY_JSON, AUTHOR, false, rollout_create},
    {"POST", V1 "/rollouts/plan", "", BODY_JSON, AUTHOR, false, rollout_plan},
    {"GET", V1 "/rollouts/{}", "", BODY_NONE, VIEW, false, rollout_show},
    {"POST", V1 "/rollouts/{}/start", "", BODY_JSON, AUTHOR, false, rollout_start},
    {"POST", V1 "/rollouts/{}/pause", "", BODY_JSON, OPERATE | AUTHOR, false, rollout_pause},
    {"POST", V1 "/rollouts/{}/resume", "", BODY_JSON, AUTHOR, false, rollout_resume},
    {"POST", V1 "/rollouts/{}/abort", "", BODY_JSON, AUTHOR, false, rollout_abort},
    {"POST", V1 "/rollouts/{}/close", "", BODY_JSON, AUTHOR, false, rollout_close},
    {"POST", V1 "/rollouts/{}/approve", "", BODY_JSON, APPROVE, false, rollout_approve},
    {"POST", V1 "/rollouts/{}/retry", "", BODY_JSON, AUTHOR, false, rollout_retry},
    {"POST", V1 "/rollouts/{}/roll-back", "", BODY_JSON, AUTHOR, false, rollout_roll_back},
    {"GET", V1 "/rollouts/{}/groups", "", BODY_NONE, VIEW, false, rollout_groups},
    {"GET", V1 "/rollouts/{}/deployments", PAGE "state group endpoint ", BODY_NONE, VIEW, false,
     rollout_deployments},
    {"GET", V1 "/rollouts/{}/samples", "", BODY_NONE, VIEW, false, rollout_samples},
    {"GET", V1 "/rollouts/{}/history", PAGE "endpoint order ", BODY_NONE, VIEW, false, rollout_history},
    {"GET", V1 "/tokens", PAGE, BODY_NONE, ADMIN, false, tokens_list},
    {"POST", V1 "/tokens", "", BODY_JSON, ADMIN, false, token_create},
    {"DELETE", V1 "/tokens/{}", "", BODY_NONE, ADMIN, false, token_revoke},
    {"GET", V1 "/token", "", BODY_NONE, VIEW, false, token_show},
    {"POST", V1 "/session", "", BODY_JSON, 0, false, session_begin},
    {"DELETE", V1 "/session", "", BODY_NONE, VIEW, false, session_end},
    {"GET", V1 "/audit", PAGE "subject who what order ", BODY_NONE, VIEW, false, audit_list},
    {"GET", V1 "/webhooks", "", BODY_NONE, ADMIN, false, webhooks_list},
    {"POST", V1 "/webhooks", "", BODY_JSON, ADMIN, false, webhook_create},
    {"DELETE", V1 "/webhooks/{}", "", BODY_NONE, ADMIN, false, webhook_remove},
    {"GET", V1 "/undelivered", PAGE, BODY_NONE, ADMIN, false, undelivered_list},
    {"POST", V1 "/undelivered/{}/again", "", BODY_JSON, ADMIN, false, undelivered_again},
    {"GET", V1 "/events", "kinds rollout endpoint ", BODY_NONE, VIEW, false, events_show},
};
#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))

/* Whether `path` is one of `pattern`; the segment that stands at "{}" goes to `segment`. */
static bool pattern_fits(const char *pattern, const char *path, struct kedge_slice *segment)
{
    while (*pattern != '\0') {
        if (strncmp(pattern, "{}", 2) == 0) {
            size_t size = strcspn(path, "/");
            if (size == 0)
                return false;
            *segment = kedge_slice(path, size);
            pattern += 2;
            path += size;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

static bool method_fits(const struct route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

static bool is_served_at(const struct kedge_api_listener *place, const struct route *route)
{
    return !place->downloads_only || route->handle == download_show;
}

size_t route_count(void)
{
    return ROUTE_COUNT;
}

const struct route *route_at(size_t index)
{
    return &routes[index];
}

size_t route_index(const struct route *route)
{
    return (size_t)(route - routes);
}

bool find_route(struct request *request, const char *url, const char *method)
{
    char allowed[64] = "";
    bool by_name = false; /* a resource of just this path: no name of another is meant */
    struct kedge_slice segment = kedge_slice(NULL, 0);
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        segment = kedge_slice(NULL, 0);
        if (!is_served_at(request->place, &routes[i]) ||
            !pattern_fits(routes[i].pattern, url, &segment) || (by_name && segment.size > 0))
            continue;
        by_name = segment.size == 0;
        if (method_fits(&routes[i], method)) {
            request->route = &routes[i];
            break;
        }
        size_t used = strlen(allowed);
        (void)snprintf(&allowed[used], sizeof(allowed) - used, "%s%s%s", used > 0 ? ", " : "",
                       routes[i].method, strcmp(routes[i].method, "GET") == 0 ? ", HEAD" : "");
    }
    if (request->route == NULL && allowed[0] != '\0') {
        refuse(request, MHD_HTTP_METHOD_NOT_ALLOWED, "method", NULL, "here goes %s, not %.16s",
               allowed, method);
        (void)answer_header(request, MHD_HTTP_HEADER_ALLOW, allowed);
        return false;
    }
    if (request->route == NULL) {
        refuse(request, MHD_HTTP_NOT_FOUND, "not_found", NULL, "there is no such resource");
        return false;
    }
    if (!percent_decode(segment, request->parameter, sizeof(request->parameter))) {
        refuse(request, MHD_HTTP_NOT_FOUND, "not_found", NULL, "no name of anything here is so");
        return false;
    }
    return true;
}
