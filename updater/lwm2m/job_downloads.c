/*
 * job_downloads.c: what goes out of a file is the progress of a job, and what is held back is not
 * held against it: which job it is of.
 *
 * Many clients download from a port of its own, or by HTTP. What goes to no device's address is of
 * the one device on that host that downloads this file. Where there are several, as behind a NAT,
 * nobody can tell whose it is: it only shows that they are at it.
 */
#include "updater/lwm2m/job.h"

#include <string.h>

#define SAME_HOST_MAX 64u /* jobs that are looked at for a block that went to a stranger */

static bool downloads(const struct job *job, const char *name)
{
    return job->machine.step == KEDGE_STEP_DOWNLOAD && strcmp(job->file, name) == 0;
}

/* All that download it from that host. */
static size_t find_jobs(const struct kedge_fleet *fleet, const struct kedge_address *to,
                        const char *name, struct job *found[SAME_HOST_MAX])
{
    size_t count = 0;
    struct kedge_index_link *link = kedge_index_find(&fleet->jobs_by_host, device_host(fleet, to));
    for (size_t i = 0; link != NULL && i < SAME_HOST_MAX; i++) {
        struct job *job = KEDGE_INDEX_THING(link, struct job, by_host);
        if (downloads(job, name))
            found[count++] = job;
        link = kedge_index_find_next(link);
    }
    return count;
}

/* ---- what went out ---- */

static void note_block(struct job *job, uint64_t reach)
{
    device_heard(job->device);
    kedge_machine_block(&job->machine, reach, job_now_ms(job));
    if (job->machine.report_due)
        job_wake(job);
}

void job_host_served(struct kedge_fleet *fleet, const struct kedge_address *to, const char *name,
                     uint64_t reach)
{
    struct job *found[SAME_HOST_MAX];
    size_t count = find_jobs(fleet, to, name, found);
    if (count == 1)
        note_block(found[0], reach);
    for (size_t i = 0; count > 1 && i < count; i++)
        kedge_machine_is_at_it(&found[i]->machine, job_now_ms(found[i]));
}

void job_served(struct kedge_fleet *fleet, const struct kedge_address *to, const char *name,
                uint64_t reach)
{
    struct device *device = device_by_address(fleet, to);
    if (device == NULL)
        job_host_served(fleet, to, name, reach);
    else if (device->job != NULL && strcmp(device->job->file, name) == 0)
        note_block(device->job, reach);
    else
        device_heard(device);
}

/* ---- what is held back ---- */

void job_waits(struct job *job, uint64_t wait_ms)
{
    kedge_machine_held_back(&job->machine, wait_ms, job->device->fleet->turns.pace->bytes_per_s,
                            job_now_ms(job));
    if (job->machine.report_due)
        job_wake(job);
}

void job_host_held_back(struct kedge_fleet *fleet, const struct kedge_address *to, const char *name,
                        uint64_t wait_ms)
{
    struct job *found[SAME_HOST_MAX];
    size_t count = fleet->turns.pace != NULL ? find_jobs(fleet, to, name, found) : 0;
    for (size_t i = 0; i < count; i++)
        job_waits(found[i], wait_ms);
}

void job_held_back(struct kedge_fleet *fleet, const struct kedge_address *to, const char *name,
                   uint64_t wait_ms)
{
    struct device *device = device_by_address(fleet, to);
    if (device == NULL) {
        job_host_held_back(fleet, to, name, wait_ms);
        return;
    }
    device_heard(device);
    if (device->job != NULL && strcmp(device->job->file, name) == 0)
        job_waits(device->job, wait_ms);
}
