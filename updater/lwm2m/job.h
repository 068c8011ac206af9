/* job.h: a job, and what its two files want of each other. */
#ifndef KEDGE_UPDATER_JOB_H
#define KEDGE_UPDATER_JOB_H

#include "updater/lwm2m/internal.h"
#include "updater/lwm2m/machine.h"

#define JOB_PROTOCOL_COUNT (KEDGE_PROTOCOL_COAPS_TCP + 1u)

struct job {
    struct device *device;
    struct kedge_index_link by_id;
    struct kedge_index_link by_host; /* while the device is registered */
    struct kedge_machine machine;
    struct kedge_net_timer timer;
    uint64_t operation;       /* on its way; 0: none */
    uint64_t observations[2]; /* of State and Result; 0: none */
    bool knows_delivery;      /* the two below have been read */
    bool push_only;           /* /5/0/9 */
    uint8_t protocols;        /* /5/0/8; bit by enum kedge_firmware_protocol */
    struct kedge_machine_view view;
    char view_version[KEDGE_DEVICE_VERSION_MAX + 1];
    char view_uri[KEDGE_LWM2M_STRING_MAX + 1];
    char file[KEDGE_UPDATE_FILE_SIZE + 1];
    char version[KEDGE_UPDATE_VERSION_MAX + 1];
    char bases[JOB_PROTOCOL_COUNT][KEDGE_UPDATE_BASE_URI_MAX + 1];
};

uint64_t job_now_ms(const struct job *job);
/** Lets the machine do what is due; the job may be gone afterwards. */
void job_drive(struct job *job);
/** Has job_drive() called soon, but not from here. */
void job_wake(struct job *job);
/** Asks the device for what the machine wants; the answer drives the job on. */
void job_ask(struct job *job, enum kedge_machine_action action);
/**
 * The Package URI for the device, by a protocol that it has; false: there is none.
 */
bool job_choose_uri(const struct job *job, char uri[KEDGE_LWM2M_STRING_MAX + 1]);
/** Writes the Package URI; "" takes back what the device holds. */
enum kedge_rc job_write_uri(struct device *device, const char *uri, kedge_operation_fn *fn,
                            void *context, uint64_t *handle) KEDGE_MUST_USE;

#endif
