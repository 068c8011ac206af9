/* job_push.c: a Package that is pushed, between the upload (updater/net/upload.h) and the machine.
 */
#include "updater/lwm2m/job.h"

#include <string.h>

/* The mapping that downloads are served from. Each block is for whoever is at the address then. */
static enum kedge_rc find_body(void *context, struct kedge_slice *body)
{
    const struct job *job = context;
    const struct kedge_fleet *fleet = job->device->fleet;
    struct kedge_blob blob;
    KEDGE_TRY(device_check_way(job->device));
    if (fleet->hooks.blob == NULL || !fleet->hooks.blob(fleet->hooks.context, job->file, &blob))
        return KEDGE_E_NOT_FOUND;
    *body = blob.bytes;
    return KEDGE_OK;
}

static void on_progress(void *context, uint64_t reach, uint8_t code)
{
    struct job *job = context;
    uint64_t now_ms = job_now_ms(job);
    device_heard(job->device);
    if (reach == 0)
        kedge_machine_push_restarted(&job->machine, code, now_ms);
    else if (job->upload_asked)
        kedge_machine_push_taken(&job->machine, code, now_ms);
    if (reach > 0)
        job->upload_asked = false;
    kedge_machine_block(&job->machine, reach, now_ms);
    if (job->machine.report_due)
        job_wake(job);
}

static void on_stopped(void *context, const struct kedge_upload_stop *stop)
{
    struct job *job = context;
    job->upload_asked = false;
    kedge_machine_push_stopped(&job->machine, stop->rc, stop->code, stop->size_max,
                               job_now_ms(job));
    job_drive(job);
}

static void on_waits(void *context, uint64_t wait_ms)
{
    job_waits(context, wait_ms);
}

static const struct kedge_upload_owner owner = {
    .body = find_body, .progress = on_progress, .stopped = on_stopped, .waits = on_waits};

static enum kedge_rc find_target(struct job *job)
{
    static const struct kedge_lwm2m_path package = {.ids = {5, 0, 0}, .depth = 3};
    return device_target(job->device, &package, job->upload_target);
}

static enum kedge_rc begin(struct job *job)
{
    const struct device *device = job->device;
    const struct kedge_upload_request request = {.method = KEDGE_COAP_PUT,
                                                 .path = job->upload_target,
                                                 .content_format = KEDGE_LWM2M_FORMAT_OPAQUE,
                                                 .bytes_per_s = job->machine.plan.push_bytes_per_s,
                                                 .pace = device->fleet->turns.pace};
    KEDGE_TRY(find_target(job));
    return kedge_upload_begin(&job->upload, device->fleet->net, &device->address, &request, &owner,
                              job);
}

void job_push(struct job *job)
{
    enum kedge_rc rc = begin(job);
    job->upload_asked = rc == KEDGE_OK;
    if (rc == KEDGE_E_LIMIT)
        kedge_machine_push_stopped(&job->machine, rc, 0, 0, job_now_ms(job));
    else if (rc == KEDGE_OK && job->upload.handle != 0)
        kedge_machine_note(&job->machine, "the first block of the Package is sent");
    else if (rc != KEDGE_OK)
        kedge_machine_probe_failed(&job->machine, JOB_PACKAGE_PATH, 0, job_now_ms(job));
}

void job_push_on(struct job *job)
{
    enum kedge_rc rc = find_target(job);
    if (rc == KEDGE_OK)
        rc = kedge_upload_go_on(&job->upload, &job->device->address);
    if (rc == KEDGE_OK)
        kedge_machine_push_going_on(&job->machine, job_now_ms(job));
    else
        kedge_machine_push_stopped(&job->machine, rc, 0, 0, job_now_ms(job));
}

void job_push_settle(struct job *job)
{
    bool followed = job->machine.push == KEDGE_PUSH_RUNNING && !job->machine.ended;
    if (!job->upload_asked && !followed)
        kedge_upload_cancel(&job->upload);
}

void job_push_hold(struct job *job)
{
    if (!job->upload.running)
        return;
    kedge_upload_cancel(&job->upload);
    job->upload_asked = false;
    kedge_machine_push_stopped(&job->machine, KEDGE_E_CANCELED, 0, 0, job_now_ms(job));
}
