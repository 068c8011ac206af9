/*
 * job.c: a machine (machine.h) at work on a device: jobs made, driven and ended.
 *
 * A job is freed when it is over or cancelled; a hook may do the latter, so nothing touches a job
 * after a hook before it has been found again by its id.
 */
#include "updater/lwm2m/job.h"

#include <stdlib.h>
#include <string.h>

#define CANCEL_PATH "/5/0/10"

uint64_t job_now_ms(const struct job *job)
{
    return kedge_net_now_ms(job->device->fleet->net);
}

static void on_timer(void *context)
{
    job_drive(context);
}

static void wake_at(struct job *job, uint64_t at_ms)
{
    kedge_net_timer_arm(job->device->fleet->net, &job->timer, at_ms, on_timer, job);
}

/* ---- making and ending ---- */

static struct job *job_by_id(const struct kedge_fleet *fleet, uint64_t id)
{
    struct kedge_index_link *link = kedge_index_find(&fleet->jobs, id);
    return link != NULL ? KEDGE_INDEX_THING(link, struct job, by_id) : NULL;
}

static void cancel_operation(struct job *job)
{
    if (job->operation != 0)
        kedge_device_cancel(job->device->fleet, job->operation);
    if (job->upload_asked)
        kedge_upload_cancel(&job->upload);
    job->operation = 0;
    job->upload_asked = false;
}

void job_free(struct job *job)
{
    struct kedge_fleet *fleet = job->device->fleet;
    cancel_operation(job);
    kedge_upload_cancel(&job->upload);
    for (size_t i = 0; i < 2; i++)
        if (job->observations[i] != 0)
            kedge_device_cancel(fleet, job->observations[i]);
    kedge_net_timer_cancel(fleet->net, &job->timer);
    kedge_index_remove(&fleet->jobs, &job->by_id);
    kedge_index_remove(&fleet->jobs_by_host, &job->by_host);
    job->device->job = NULL;
    free(job);
}

static void ignore_answer(void *context, enum kedge_rc rc,
                          const struct kedge_operation_answer *answer)
{
    (void)context;
    (void)rc;
    (void)answer;
}

/*
 * What is taken back when a deployment is over is cancelled where the device can be told so, which
 * leaves Result 10; else it is reset. Nobody waits for how that ends, but for that the device is
 * still there then; and another job would see for itself.
 */
static void on_canceled(void *context, enum kedge_rc rc,
                        const struct kedge_operation_answer *answer)
{
    struct device *device = context;
    bool is_done = rc != KEDGE_OK || answer->code == KEDGE_COAP_CHANGED;
    if (!is_done && device->registered && device->job == NULL)
        rc = job_take_back(device, device->pushed_to ? JOB_DELIVERY_PUSH : JOB_DELIVERY_PULL,
                           ignore_answer, NULL, NULL);
    device->pins--;
    device_release(device);
}

static enum kedge_rc cancel_or_reset(struct device *device, enum job_delivery delivery)
{
    if (!device->links.cancels)
        return job_take_back(device, delivery, ignore_answer, NULL, NULL);
    device->pushed_to = delivery == JOB_DELIVERY_PUSH;
    device->pins++;
    enum kedge_rc rc = operation_execute(device, CANCEL_PATH, "", on_canceled, device, NULL);
    if (rc != KEDGE_OK)
        device->pins--;
    return rc;
}

/* The device is told, so that it need not notify to find out. */
static void end_observations(struct job *job)
{
    for (size_t i = 0; i < 2; i++)
        if (job->observations[i] != 0)
            kedge_device_unobserve(job->device->fleet, job->observations[i]);
    job->observations[0] = job->observations[1] = 0;
}

/* Ends the job. What the device holds of it and was not told to install is taken back. */
static void finish(struct job *job, bool is_replaced)
{
    struct device *device = job->device;
    enum job_delivery delivery = job->delivery;
    bool take_back = kedge_machine_holds_package(&job->machine) && device->registered;
    bool has_risen = job->machine.phase == KEDGE_UPDATE_SUCCEEDED &&
                     device_figure(device, TEXT_SEQUENCE_FLOOR) > 0;
    end_observations(job);
    job_free(job);
    enum kedge_rc rc = KEDGE_OK;
    if (take_back && is_replaced) /* before anything that the next one asks */
        rc = job_take_back(device, delivery, ignore_answer, NULL, NULL);
    else if (take_back)
        rc = cancel_or_reset(device, delivery);
    (void)rc; /* nobody waits for it any more: the next offer finds it and resets */
    if (has_risen && device->registered) /* the sequence number that it takes: it has confirmed */
        identify_begin(device);
    device_release(device);
}

static bool copy_string(char *out, size_t capacity, const char *text)
{
    size_t size = text != NULL ? strlen(text) : 0;
    if (size >= capacity)
        return false;
    memcpy(out, size > 0 ? text : "", size);
    out[size] = '\0';
    return true;
}

static bool is_file_name(const char *file)
{
    uint8_t digest[KEDGE_UPDATE_FILE_SIZE / 2];
    return file != NULL &&
           kedge_hex_decode(kedge_slice_text(file), digest, sizeof digest) == KEDGE_OK;
}

static bool is_resource(const char *path)
{
    struct kedge_lwm2m_path parsed;
    return kedge_lwm2m_path_parse(kedge_slice_text(path), &parsed) == KEDGE_OK && parsed.depth == 3;
}

static enum kedge_rc copy_plan(struct job *job, const struct kedge_update_plan *plan)
{
    const char *version_path =
        plan->version_path != NULL ? plan->version_path : KEDGE_UPDATE_VERSION_PATH;
    if (!is_file_name(plan->file) || plan->version == NULL || plan->version[0] == '\0' ||
        plan->reached > KEDGE_UPDATE_VERIFYING || plan->severity > 2 ||
        plan->success >= KEDGE_SUCCESS_COUNT || !is_resource(version_path) ||
        !copy_string(job->version_path, sizeof job->version_path, version_path) ||
        !copy_string(job->file, sizeof job->file, plan->file) ||
        !copy_string(job->version, sizeof job->version, plan->version))
        return KEDGE_E_ARGUMENT;
    struct kedge_update_plan own = *plan;
    own.file = job->file;
    own.version = job->version;
    own.version_path = job->version_path;
    for (size_t i = 0; i < JOB_PROTOCOL_COUNT; i++) {
        if (!copy_string(job->bases[i], sizeof job->bases[i], plan->base_uris[i]))
            return KEDGE_E_ARGUMENT;
        own.base_uris[i] = job->bases[i];
    }
    const struct kedge_fleet *fleet = job->device->fleet;
    kedge_machine_begin(&job->machine, &own, fleet->poll_ms, fleet->quick_poll_ms,
                        job->device->registered, job_now_ms(job));
    return KEDGE_OK;
}

static enum kedge_rc start_job(struct device *device, uint64_t id,
                               const struct kedge_update_plan *plan)
{
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL)
        return KEDGE_E_MEMORY;
    job->device = device;
    enum kedge_rc rc = copy_plan(job, plan);
    if (rc != KEDGE_OK) {
        free(job);
        return rc;
    }
    if (device->job != NULL)
        finish(device->job, true);
    device->job = job;
    kedge_index_insert(&device->fleet->jobs, &job->by_id, id);
    if (device->registered)
        job_connected(job);
    wake_at(job, job_now_ms(job));
    return KEDGE_OK;
}

enum kedge_rc kedge_fleet_offer(struct kedge_fleet *fleet, uint64_t deployment_id,
                                const char *endpoint, const struct kedge_update_plan *plan)
{
    struct kedge_slice name = kedge_slice_text(endpoint);
    if (!kedge_registration_endpoint_valid(name))
        return KEDGE_E_ARGUMENT;
    if (job_by_id(fleet, deployment_id) != NULL)
        return KEDGE_OK;
    struct device *device = device_by_endpoint(fleet, name);
    if (device == NULL)
        device = device_create(fleet, name);
    if (device == NULL)
        return KEDGE_E_MEMORY;
    device->pins++;
    enum kedge_rc rc = start_job(device, deployment_id, plan);
    device->pins--;
    device_release(device);
    return rc;
}

void kedge_fleet_let_install(struct kedge_fleet *fleet, uint64_t deployment_id, uint64_t for_ms)
{
    struct job *job = job_by_id(fleet, deployment_id);
    if (job == NULL)
        return;
    uint64_t now_ms = job_now_ms(job);
    uint64_t until_ms = for_ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + for_ms;
    kedge_machine_let_install(&job->machine, for_ms == 0 ? 0 : until_ms, now_ms);
    job_wake(job);
}

void kedge_fleet_cancel(struct kedge_fleet *fleet, uint64_t deployment_id)
{
    struct job *job = job_by_id(fleet, deployment_id);
    if (job != NULL)
        finish(job, false);
}

/* ---- the machine's turn ---- */

/* Hands on the report that is due. False: the hook ended the job. */
static bool tell(struct job *job)
{
    struct kedge_fleet *fleet = job->device->fleet;
    struct kedge_update_report report;
    if (!kedge_machine_report(&job->machine, &report))
        return true;
    report.deployment_id = job->by_id.hash;
    if (fleet->hooks.report == NULL)
        return true;
    fleet->hooks.report(fleet->hooks.context, &report);
    return job_by_id(fleet, report.deployment_id) == job;
}

/*
 * Before anything can be sent to it, a lifetime may pass for a device in queue mode, which sleeps,
 * and for one that has no association, which only its next Update makes. Either can begin and end
 * at any time.
 */
static void review_reach(struct job *job)
{
    struct device *device = job->device;
    bool may_be_away =
        device->registered && (device->queue_mode || device_check_way(device) != KEDGE_OK);
    kedge_machine_may_be_away(&job->machine, may_be_away ? device_lifetime_s(device) : 0,
                              job_now_ms(job));
    device_review(device);
}

static bool waits_for_answer(const struct job *job)
{
    return job->operation != 0 || job->upload_asked;
}

/*
 * Whether nothing is to be sent to the device: it sleeps, and the job goes on when it is heard of,
 * or it has asked for a pause. Until then at most.
 */
static bool keeps_quiet(struct job *job, uint64_t *until_ms)
{
    bool is_asleep = device_asleep(job->device);
    if (job->machine.ended || waits_for_answer(job) || !job->device->registered ||
        (!is_asleep && job->quiet_until_ms <= job_now_ms(job)))
        return false;
    *until_ms = job->machine.limit_at_ms;
    if (!is_asleep && job->quiet_until_ms < *until_ms)
        *until_ms = job->quiet_until_ms;
    return true;
}

void job_quiet(struct job *job, uint32_t seconds)
{
    job->quiet_until_ms = job_now_ms(job) + (uint64_t)seconds * 1000u;
}

/* Lets the machine do what is due until it waits for an answer or for the time, or is over. */
void job_drive(struct job *job)
{
    uint64_t wait_ms = 0, quiet_until_ms;
    enum kedge_machine_action action = KEDGE_MACHINE_WAIT;
    do {
        job->machine.words_wanted = job->device->links.words;
        review_reach(job);
        kedge_machine_check_limit(&job->machine, job_now_ms(job));
        if (!tell(job))
            return;
        if (keeps_quiet(job, &quiet_until_ms)) {
            wake_at(job, quiet_until_ms);
            return;
        }
        if (!job->machine.asking) {
            cancel_operation(job);
            action = kedge_machine_next(&job->machine, job_now_ms(job), &wait_ms);
        }
        if (!tell(job))
            return;
        job_push_settle(job);
        if (!waits_for_answer(job))
            job_ask(job, action);
        if (!tell(job))
            return;
    } while (action != KEDGE_MACHINE_WAIT && action != KEDGE_MACHINE_OVER &&
             !waits_for_answer(job));
    if (action == KEDGE_MACHINE_OVER)
        finish(job, false);
    else
        wake_at(job, action == KEDGE_MACHINE_WAIT && !waits_for_answer(job)
                         ? job_now_ms(job) + wait_ms
                         : job->machine.limit_at_ms);
}

/* ---- what happens to the device ---- */

void job_wake(struct job *job)
{
    wake_at(job, job_now_ms(job));
}

void job_registered(struct job *job)
{
    job->quiet_until_ms = 0;
    kedge_machine_registered(&job->machine, job_now_ms(job));
    job_wake(job);
}

void job_touched(struct job *job)
{
    kedge_machine_touched(&job->machine, job_now_ms(job));
    job_wake(job);
}

void job_noticed(struct job *job, int state, int result)
{
    if (state >= 0)
        kedge_machine_state_noticed(&job->machine, state, job_now_ms(job));
    if (result >= 0)
        kedge_machine_result_noticed(&job->machine, result, job_now_ms(job));
    job_wake(job);
}

void job_gone(struct job *job)
{
    kedge_index_remove(&job->device->fleet->jobs_by_host, &job->by_host);
    job_push_hold(job);
    kedge_machine_gone(&job->machine);
    job_wake(job);
}

void job_connected(struct job *job)
{
    struct kedge_fleet *fleet = job->device->fleet;
    kedge_index_remove(&fleet->jobs_by_host, &job->by_host);
    kedge_index_insert(&fleet->jobs_by_host, &job->by_host,
                       device_host(fleet, &job->device->address));
}
