/*
 * bridge.c: the engine's commands become jobs, and what the jobs report becomes events.
 */
#define _GNU_SOURCE
#include "updater/kedged/bridge.h"

#include "updater/kedged/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One step of a deployment has one name on both sides. */
_Static_assert(KEDGE_UPDATE_PHASE_COUNT - KEDGE_UPDATE_OFFERED ==
                   KEDGE_DEPLOYMENT_CANCELED + 1 - KEDGE_DEPLOYMENT_OFFERED,
               "phases are the deployment states from offered to canceled");
_Static_assert(KEDGE_NET_IDENTITY_MAX == KEDGE_CREDENTIAL_IDENTITY_MAX &&
                   KEDGE_NET_KEY_MAX == KEDGE_CREDENTIAL_SECRET_MAX &&
                   KEDGE_NET_NAME_MAX == KEDGE_ENDPOINT_MAX,
               "what is stored of credentials fits where it is used");
_Static_assert(KEDGE_UPDATE_PATH_MAX == KEDGE_CLASS_PATH_MAX &&
                   (int)KEDGE_SUCCESS_COUNT == (int)KEDGE_CLASS_SUCCESS_COUNT &&
                   (int)KEDGE_SUCCESS_RESULT == (int)KEDGE_CLASS_SUCCESS_RESULT &&
                   (int)KEDGE_SUCCESS_VERSION == (int)KEDGE_CLASS_SUCCESS_VERSION,
               "what is stored of classes is what is done");
_Static_assert(KEDGE_UPDATE_NO_RESULT == KEDGE_UPDATE_RESULT_NONE, "no Update Result yet");

static enum kedge_deployment_state state_of_phase(enum kedge_update_phase phase)
{
    return (enum kedge_deployment_state)(KEDGE_DEPLOYMENT_OFFERED + (int)phase);
}

static enum kedge_update_phase phase_of_state(enum kedge_deployment_state state)
{
    return (enum kedge_update_phase)((int)state - KEDGE_DEPLOYMENT_OFFERED);
}

/* ---- reports ---- */

static void on_report(void *context, const struct kedge_update_report *report)
{
    struct kedge_bridge *bridge = context;
    struct kedge_engine_event event = {
        .kind = KEDGE_EVENT_DEPLOYMENT_REPORT,
        .report = {.deployment_id = report->deployment_id,
                   .state = state_of_phase(report->phase),
                   .update_result = report->update_result,
                   .reason = report->reason,
                   .bytes_done = report->bytes_done,
                   .bytes_total = report->bytes_total,
                   .held_bytes_per_s = report->held_bytes_per_s},
    };
    if (report->reason != NULL)
        kedge_log(KEDGE_LOG_DEBUG, "deployment %" PRIu64 ": %s: %s", report->deployment_id,
                  kedge_update_phase_name(report->phase), report->reason);
    kedge_steering_handle(bridge->steering, &event, NULL, NULL);
}

/* ---- classes ---- */

static bool find_class(struct kedge_bridge *bridge, const char *vendor, const char *class_name,
                       struct kedge_class_record *record)
{
    if (bridge->no_classes)
        return false;
    enum kedge_rc rc = kedge_reader_class_of(bridge->reader, vendor, class_name, record);
    if (rc != KEDGE_OK && rc != KEDGE_E_NOT_FOUND)
        kedge_log(KEDGE_LOG_ERROR, "cannot look the class %s up: %s", class_name,
                  kedge_reader_error(bridge->reader));
    return rc == KEDGE_OK;
}

static const char *on_version_path(void *context, const char *vendor, const char *class_name)
{
    struct kedge_bridge *bridge = context;
    return find_class(bridge, vendor, class_name, &bridge->class_found)
               ? bridge->class_found.version_path
               : KEDGE_UPDATE_VERSION_PATH;
}

static bool note_class(void *context, const struct kedge_class_record *record)
{
    struct kedge_bridge *bridge = context;
    (void)record;
    bridge->no_classes = false;
    return false;
}

static enum kedge_rc look_for_classes(struct kedge_bridge *bridge,
                                      char error[KEDGE_STORE_ERROR_MAX])
{
    bridge->no_classes = true;
    enum kedge_rc rc = kedge_reader_classes(bridge->reader, note_class, bridge);
    if (rc != KEDGE_OK)
        (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "cannot read the classes: %s",
                       kedge_reader_error(bridge->reader));
    return rc;
}

/* ---- offers ---- */

/* An offer that could not be made, told once the engine's own call is over. */
struct failed_offer {
    struct kedge_bridge *bridge;
    uint64_t deployment_id;
    char reason[KEDGE_REASON_MAX + 1];
};

static void tell_failed_offer(void *context)
{
    struct failed_offer *failed = context;
    struct kedge_update_report report = {.deployment_id = failed->deployment_id,
                                         .phase = KEDGE_UPDATE_FAILED,
                                         .update_result = KEDGE_UPDATE_NO_RESULT,
                                         .reason = failed->reason};
    if (!failed->bridge->ended)
        on_report(failed->bridge, &report);
    free(failed);
}

static void offer_failed(struct kedge_bridge *bridge, uint64_t deployment_id, const char *why)
{
    struct failed_offer *failed = calloc(1, sizeof(*failed));
    kedge_log(KEDGE_LOG_ERROR, "deployment %" PRIu64 " cannot be offered: %s", deployment_id, why);
    if (failed == NULL)
        return; /* the deployment stays offered, and is offered again at the next start */
    failed->bridge = bridge;
    failed->deployment_id = deployment_id;
    (void)snprintf(failed->reason, sizeof(failed->reason), "the server cannot offer it: %s", why);
    if (kedge_net_post(bridge->net, tell_failed_offer, failed) != KEDGE_OK)
        free(failed);
}

/*
 * A rollout offers one package to all of its devices. What an id names never changes, and reading
 * it from the database for each device was 5 % of what an update costs.
 */
static enum kedge_rc find_package(struct kedge_bridge *bridge, const char *id,
                                  const struct kedge_package_record **out)
{
    struct kedge_package_record *package = &bridge->offered;
    *out = package;
    if (package->id[0] != '\0' && strcmp(package->id, id) == 0)
        return KEDGE_OK;
    enum kedge_rc rc = kedge_reader_package(bridge->reader, id, package);
    if (rc != KEDGE_OK)
        package->id[0] = '\0';
    return rc;
}

/* As /5/0/11 has it; of what is not told, anything. */
static uint8_t severity_code(enum kedge_severity severity)
{
    return severity == KEDGE_SEVERITY_UNSET ? 0 : (uint8_t)(severity - KEDGE_SEVERITY_CRITICAL);
}

static void offer(void *context, const struct kedge_deployment *deployment,
                  const struct kedge_rollout *rollout)
{
    struct kedge_bridge *bridge = context;
    const struct kedge_package_record *package;
    if (find_package(bridge, kedge_rollout_step_package(rollout, deployment->step), &package) !=
        KEDGE_OK) {
        offer_failed(bridge, deployment->id, kedge_reader_error(bridge->reader));
        return;
    }
    struct kedge_update_plan plan = {
        .file = package->device_digest,
        .file_size = package->device_size,
        .version = kedge_rollout_step_version(rollout, deployment->step),
        .reached = phase_of_state(deployment->state),
        .soak_s = rollout->policy.deployment_soak_s,
        .offer_limit_s = rollout->policy.offer_limit_s,
        .download_limit_s = rollout->policy.download_limit_s,
        .install_limit_s = rollout->policy.install_limit_s,
        .verify_limit_s = rollout->policy.verify_limit_s,
        .tells_severity = rollout->policy.severity != KEDGE_SEVERITY_UNSET,
        .severity = severity_code(rollout->policy.severity),
        .tells_max_defer = rollout->policy.max_defer_s != KEDGE_DEFER_UNSET,
        .max_defer_s = rollout->policy.max_defer_s,
        .hold_install = rollout->windows[0] != '\0',
        .push_bytes_per_s = bridge->push_bytes_per_s,
    };
    struct kedge_class_record class_record;
    if (find_class(bridge, rollout->vendor, rollout->class_name, &class_record)) {
        plan.version_path = class_record.version_path;
        plan.success = (enum kedge_update_success)class_record.success;
    }
    if (bridge->base_url != NULL)
        plan.base_uris[strncmp(bridge->base_url, "https:", 6) == 0 ? KEDGE_PROTOCOL_HTTPS
                                                                   : KEDGE_PROTOCOL_HTTP] =
            bridge->base_url;
    enum kedge_rc rc =
        kedge_fleet_offer(bridge->fleet, deployment->id, deployment->endpoint, &plan);
    if (rc != KEDGE_OK)
        offer_failed(bridge, deployment->id, kedge_rc_text(rc));
}

static void cancel(void *context, uint64_t deployment_id)
{
    struct kedge_bridge *bridge = context;
    kedge_fleet_cancel(bridge->fleet, deployment_id);
}

static void install(void *context, uint64_t deployment_id, uint64_t for_ms)
{
    struct kedge_bridge *bridge = context;
    kedge_fleet_let_install(bridge->fleet, deployment_id, for_ms);
}

static void reloaded(void *context)
{
    kedge_bridge_tell_all(context);
}

/* ---- a store that could not be written ---- */

struct failure {
    struct kedge_bridge *bridge;
    char error[KEDGE_STORE_ERROR_MAX];
};

static void tell_failure(void *context)
{
    struct failure *failure = context;
    if (!failure->bridge->ended)
        kedge_steering_store_failed(failure->bridge->steering, failure->error);
    free(failure);
}

void kedge_bridge_store_failed(struct kedge_bridge *bridge, const char *error)
{
    struct failure *failure = calloc(1, sizeof(*failure));
    if (failure == NULL)
        return; /* the steering's own next change will run into it */
    failure->bridge = bridge;
    (void)snprintf(failure->error, sizeof(failure->error), "%s", error);
    if (kedge_net_post(bridge->net, tell_failure, failure) != KEDGE_OK)
        free(failure);
}

/* ---- what devices download ---- */

static bool on_blob(void *context, const char *name, struct kedge_blob *blob)
{
    struct kedge_bridge *bridge = context;
    return kedge_device_files_find(&bridge->files, name, blob);
}

/* ---- who is let in by DTLS ---- */

static enum kedge_rc find_credential(struct kedge_bridge *bridge, enum kedge_credential_kind kind,
                                     const char *identity, struct kedge_credential_record *record)
{
    enum kedge_rc rc = kedge_reader_credential(bridge->reader, kind, identity, record);
    if (rc != KEDGE_OK && rc != KEDGE_E_NOT_FOUND)
        kedge_log(KEDGE_LOG_ERROR, "cannot look credentials up: %s",
                  kedge_reader_error(bridge->reader));
    return rc;
}

static enum kedge_rc find_key(void *context, const char *identity, struct kedge_net_secret *secret)
{
    struct kedge_credential_record record;
    struct kedge_bridge *bridge = context;
    enum kedge_rc rc = find_credential(bridge, KEDGE_CREDENTIAL_PSK, identity, &record);
    if (rc == KEDGE_E_NOT_FOUND && bridge->somebody_issued)
        rc = kedge_reader_issued(bridge->reader, identity, &record);
    if (rc == KEDGE_OK) {
        memcpy(secret->name, record.endpoint, sizeof(record.endpoint));
        memcpy(secret->key, record.secret, record.secret_size);
        secret->key_size = record.secret_size;
    }
    kedge_wipe(&record, sizeof(record));
    return rc;
}

static enum kedge_rc find_raw_key(void *context, const char *digest,
                                  char name[KEDGE_NET_NAME_MAX + 1])
{
    struct kedge_credential_record record;
    KEDGE_TRY(find_credential(context, KEDGE_CREDENTIAL_RAW_KEY, digest, &record));
    memcpy(name, record.endpoint, sizeof(record.endpoint));
    return KEDGE_OK;
}

static bool note_one(void *context, const struct kedge_credential_record *record)
{
    struct kedge_bridge *bridge = context;
    (void)record;
    bridge->nobody_enrolled = false;
    return false;
}

static bool note_bootstrap(void *context, const struct kedge_bootstrap_record *record)
{
    return note_one(context, &record->credential);
}

static enum kedge_rc look_who_is_enrolled(struct kedge_bridge *bridge,
                                          char error[KEDGE_STORE_ERROR_MAX])
{
    bridge->nobody_enrolled = true;
    enum kedge_rc rc = kedge_reader_credentials(bridge->reader, NULL, note_one, bridge);
    if (rc == KEDGE_OK)
        rc = kedge_reader_bootstraps(bridge->reader, NULL, note_bootstrap, bridge);
    if (rc == KEDGE_OK)
        rc = kedge_reader_any_issued(bridge->reader);
    bridge->somebody_issued = rc == KEDGE_OK;
    if (rc == KEDGE_OK)
        bridge->nobody_enrolled = false;
    if (rc == KEDGE_E_NOT_FOUND)
        rc = KEDGE_OK;
    if (rc != KEDGE_OK)
        (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "cannot read the credentials: %s",
                       kedge_reader_error(bridge->reader));
    return rc;
}

static bool on_enrolled(void *context, const char *endpoint)
{
    struct kedge_bridge *bridge = context;
    /* Asked for each request of a device without security: the database would double its cost. */
    if (bridge->nobody_enrolled)
        return false;
    /* In doubt it is: better a device that has to try again than one that is somebody else. */
    return kedge_reader_is_enrolled(bridge->reader, endpoint) != KEDGE_E_NOT_FOUND;
}

/* At debug only: whoever can reach the port can bring failures about. */
static void on_association(void *context, const struct kedge_address *peer, const char *name,
                           const char *words)
{
    char address[KEDGE_ADDRESS_TEXT_MAX];
    (void)context;
    kedge_address_text(peer, address);
    kedge_log(KEDGE_LOG_DEBUG, "%s (%s): %s", address, name != NULL ? name : "not known", words);
}

/* ---- making and ending ---- */

static enum kedge_rc make_fleet(struct kedge_bridge *bridge,
                                const struct kedge_bridge_limits *limits,
                                char error[KEDGE_STORE_ERROR_MAX])
{
    struct kedge_fleet_config config = {.net = bridge->net,
                                        .pace = limits->pace,
                                        .unproven_max = limits->unproven_max,
                                        .unproven_told_rate = limits->unproven_stored};
    kedge_bridge_set_hooks(bridge, &config.hooks);
    config.hooks.report = on_report;
    config.hooks.blob = on_blob;
    config.hooks.enrolled = on_enrolled;
    config.hooks.version_path = on_version_path;
    const struct kedge_net_security security = {.context = bridge,
                                                .find_key = find_key,
                                                .find_raw_key = find_raw_key,
                                                .report = on_association};
    kedge_net_set_security(bridge->net, &security);
    enum kedge_rc rc = kedge_fleet_create(&config, &bridge->fleet);
    if (rc != KEDGE_OK)
        (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "cannot serve devices: %s", kedge_rc_text(rc));
    return rc;
}

static enum kedge_rc make_steering(struct kedge_bridge *bridge, char error[KEDGE_STORE_ERROR_MAX])
{
    const struct kedge_steering_crew crew = {.context = bridge,
                                             .offer = offer,
                                             .cancel = cancel,
                                             .install = install,
                                             .reloaded = reloaded};
    return kedge_steering_create(bridge->net, bridge->store, bridge->folder, &crew,
                                 &bridge->steering, error);
}

enum kedge_rc kedge_bridge_open(struct kedge_bridge *bridge, struct kedge_net *net,
                                struct kedge_store *store, const char *folder,
                                const struct kedge_bridge_limits *limits,
                                char error[KEDGE_STORE_ERROR_MAX])
{
    *bridge = (struct kedge_bridge){
        .net = net, .store = store, .folder = folder, .push_bytes_per_s = limits->push_bytes_per_s};
    bridge->files.folder = folder;
    enum kedge_rc rc = kedge_reader_open(folder, &bridge->reader, error);
    if (rc == KEDGE_OK)
        rc = look_who_is_enrolled(bridge, error);
    if (rc == KEDGE_OK)
        rc = look_for_classes(bridge, error);
    if (rc == KEDGE_OK)
        rc = make_fleet(bridge, limits, error);
    if (rc == KEDGE_OK)
        rc = make_steering(bridge, error);
    if (rc == KEDGE_OK)
        rc = kedge_bridge_restore(bridge, error);
    if (rc == KEDGE_OK)
        kedge_pressure_watch(bridge);
    if (rc != KEDGE_OK)
        kedge_bridge_end(bridge);
    return rc;
}

void kedge_bridge_set_web(struct kedge_bridge *bridge, const char *base_url,
                          const struct kedge_fleet_web *http, const struct kedge_fleet_web *https)
{
    bridge->base_url = base_url[0] != '\0' ? base_url : NULL;
    kedge_fleet_set_web(bridge->fleet, http, https);
}

void kedge_bridge_end(struct kedge_bridge *bridge)
{
    bridge->ended = true;
    if (bridge->steering != NULL)
        kedge_steering_end(bridge->steering);
    kedge_net_timer_cancel(bridge->net, &bridge->pressure.timer);
    kedge_rekeying_clear(bridge);
    kedge_joining_clear(&bridge->joining);
    kedge_fleet_destroy(bridge->fleet);
    bridge->fleet = NULL;
    kedge_device_files_clear(&bridge->files);
    kedge_reader_close(bridge->reader);
    bridge->reader = NULL;
}

void kedge_bridge_close(struct kedge_bridge *bridge)
{
    kedge_steering_destroy(bridge->steering);
    bridge->steering = NULL;
    while (bridge->lost != NULL) {
        struct kedge_lost_device *lost = bridge->lost;
        bridge->lost = lost->next;
        free(lost);
    }
}
