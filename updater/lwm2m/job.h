/* job.h: a job, and what its files want of each other. */
#ifndef KEDGE_UPDATER_JOB_H
#define KEDGE_UPDATER_JOB_H

#include "updater/lwm2m/internal.h"
#include "updater/lwm2m/machine.h"
#include "updater/net/upload.h"

#define JOB_PACKAGE_PATH "/5/0/0"
#define JOB_PROTOCOL_COUNT (KEDGE_PROTOCOL_COAPS_TCP + 1u)

/** By what packages get to the device (/5/0/9). */
enum job_delivery {
    JOB_DELIVERY_NOT_READ,
    JOB_DELIVERY_PULL,
    JOB_DELIVERY_PUSH,
    JOB_DELIVERY_BOTH
};

struct job {
    struct device *device;
    struct kedge_index_link by_id;
    struct kedge_index_link by_host; /* while the device is registered */
    struct kedge_machine machine;
    struct kedge_net_timer timer;
    uint64_t quiet_until_ms;    /* the device wants to be asked nothing before; 0: it does not */
    uint64_t operation;         /* on its way; 0: none */
    uint64_t observations[2];   /* of State and Result; 0: none */
    enum job_delivery delivery; /* read together with the protocols */
    uint8_t protocols;          /* /5/0/8; bit by enum kedge_firmware_protocol */
    struct kedge_upload upload; /* of the Package; at work beside the operations */
    char upload_target[KEDGE_NET_PATH_MAX + 1];
    bool upload_asked; /* the machine waits for what becomes of its first block */
    struct kedge_machine_view view;
    char view_version[KEDGE_DEVICE_VERSION_MAX + 1];
    char view_uri[KEDGE_LWM2M_STRING_MAX + 1];
    char file[KEDGE_UPDATE_FILE_SIZE + 1];
    char version[KEDGE_UPDATE_VERSION_MAX + 1];
    char version_path[KEDGE_UPDATE_PATH_MAX + 1];
    char bases[JOB_PROTOCOL_COUNT][KEDGE_UPDATE_BASE_URI_MAX + 1];
};

uint64_t job_now_ms(const struct job *job);
/** Lets the machine do what is due; the job may be gone afterwards. */
void job_drive(struct job *job);
/** Asks the device for what the machine wants; the answer drives the job on. */
void job_ask(struct job *job, enum kedge_machine_action action);
/**
 * The Package URI for the device, by a protocol that it has; false: there is none.
 */
bool job_choose_uri(const struct job *job, char uri[KEDGE_LWM2M_STRING_MAX + 1]);
/** Takes back what the device holds, in the way that its delivery has for that. */
enum kedge_rc job_take_back(struct device *device, enum job_delivery delivery,
                            kedge_operation_fn *fn, void *context, uint64_t *handle) KEDGE_MUST_USE;
/** Begins to push the Package; its first block is waited for. */
void job_push(struct job *job);
/** Goes on with it where it was held up. */
void job_push_on(struct job *job);
/** Stops what the machine does not follow any more. */
void job_push_settle(struct job *job);
/** What it is to get next is held back by the server for so long. */
void job_waits(struct job *job, uint64_t wait_ms);
/** The device is gone, and may come back: the push is held up. */
void job_push_hold(struct job *job);

#endif
