/* health.c: whether the server can do its work; needs no token and tells no secrets. */
#include "updater/api/internal.h"

void health_show(struct request *request)
{
    const struct kedge_backend *backend = request->api->config.backend;
    struct kedge_backend_health health = {.ready = false};
    backend->health(backend->context, &health);
    json_t *json = json_object();
    json_put(&json, "status", json_text(health.ready ? "ready" : "not_ready"));
    json_put(&json, "version", json_text(KEDGE_VERSION));
    json_put(&json, "devices_registered", json_count(health.devices_registered));
    json_put(&json, "rollouts_running", json_count(health.rollouts_running));
    json_put(&json, "deployments_busy", json_count(health.deployments_busy));
    answer_json(request, health.ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, json);
}
