/*
 * job_asks.c: what a job asks of its device, one operation at a time, and how the answers get to
 * the machine.
 */
#include "updater/lwm2m/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIRMWARE_PATH "/5/0"
#define STATE_PATH "/5/0/3"
#define RESULT_PATH "/5/0/5"
#define URI_PATH "/5/0/1"
#define UPDATE_PATH "/5/0/2"
#define SEVERITY_PATH "/5/0/11"
#define DEFER_PATH "/5/0/13"
#define PROTOCOLS_PATH "/5/0/8"
#define DELIVERY_PATH "/5/0/9"
#define WORDS_PATH "/26241/0/0"

#define ASKED_BY_IDENTIFICATION UINT64_MAX /* no operation's handle: those are counted up */

/* ---- what answers say ---- */

static bool has_number(const struct kedge_operation_answer *answer, const char *path,
                       int64_t *number)
{
    struct kedge_lwm2m_value value;
    if (operation_value(answer, path, KEDGE_LWM2M_INTEGER, &value) != KEDGE_OK ||
        value.integer < 0 || value.integer > UINT8_MAX)
        return false;
    *number = value.integer;
    return true;
}

/* Where the resource is missing, the registry says, it is CoAP. */
static void assume_coap(struct job *job)
{
    job->protocols = 1u << KEDGE_PROTOCOL_COAP | 1u << KEDGE_PROTOCOL_COAPS;
}

/*
 * The instances of /5/0/8, or one number, in an answer to a read of `path`; unknown protocols are
 * ignored. Whether there are any, known or not.
 */
static bool take_protocols(struct job *job, const struct kedge_operation_answer *answer,
                           const char *path)
{
    const struct kedge_lwm2m_path protocols = {
        {KEDGE_LWM2M_OBJECT_FIRMWARE, 0, KEDGE_FIRMWARE_PROTOCOLS}, 3};
    struct kedge_lwm2m_path asked;
    struct kedge_lwm2m_reader reader;
    struct kedge_lwm2m_record record;
    struct kedge_lwm2m_value value;
    bool said = false;
    if (answer->code != KEDGE_COAP_CONTENT ||
        kedge_lwm2m_path_parse(kedge_slice_text(path), &asked) != KEDGE_OK ||
        kedge_lwm2m_reader_open(&reader, answer->content_format, answer->payload, &asked,
                                answer->scratch) != KEDGE_OK)
        return false;
    while (kedge_lwm2m_reader_next(&reader, &record) == KEDGE_OK) {
        if (!kedge_lwm2m_path_shares(&record.path, &protocols, protocols.depth))
            continue;
        said = true;
        if (kedge_lwm2m_record_value(&record, KEDGE_LWM2M_INTEGER, NULL, &value) == KEDGE_OK &&
            value.integer >= 0 && value.integer < (int64_t)JOB_PROTOCOL_COUNT)
            job->protocols |= (uint8_t)(1u << value.integer);
    }
    return said;
}

/* What is read last of how it takes packages: then all of it is known. */
static void take_way(struct job *job, const struct kedge_operation_answer *answer)
{
    int64_t way;
    /* One that does not say, though it must, is old, or odd: by pull. */
    job->delivery = JOB_DELIVERY_PULL;
    if (!has_number(answer, DELIVERY_PATH, &way))
        return;
    if (way == KEDGE_DELIVERY_PUSH)
        job->delivery = JOB_DELIVERY_PUSH;
    if (way == KEDGE_DELIVERY_BOTH)
        job->delivery = JOB_DELIVERY_BOTH;
}

/* Both, from an answer that has all of object 5. */
static void take_delivery(struct job *job, const struct kedge_operation_answer *answer)
{
    if (!take_protocols(job, answer, FIRMWARE_PATH))
        assume_coap(job);
    take_way(job, answer);
}

/* ---- probing ---- */

static enum kedge_rc ask(struct job *job, const char *path, kedge_operation_fn *fn)
{
    return operation_read(job->device, path, fn, job, &job->operation);
}

static void probe_failed(struct job *job, const char *path, uint8_t code)
{
    kedge_machine_probe_failed(&job->machine, path, code, job_now_ms(job));
}

static void probe_done(struct job *job)
{
    job->device->firmware_state = (int16_t)job->view.state;
    job->device->firmware_result = (int16_t)job->view.result;
    kedge_machine_probed(&job->machine, &job->view, job_now_ms(job));
}

/* The text of an answer; "" when the device has none or says it in a way that cannot be. */
static void take_text(const struct kedge_operation_answer *answer, const char *path, char *out,
                      size_t capacity)
{
    struct kedge_lwm2m_value value;
    out[0] = '\0';
    if (operation_value(answer, path, KEDGE_LWM2M_STRING, &value) != KEDGE_OK ||
        value.bytes.size >= capacity)
        return;
    if (value.bytes.size > 0)
        memcpy(out, value.bytes.data, value.bytes.size);
    out[value.bytes.size] = '\0';
}

static void on_version(void *context, enum kedge_rc rc, const struct kedge_operation_answer *answer)
{
    struct job *job = context;
    job->operation = 0;
    if (rc == KEDGE_OK) {
        take_text(answer, job->version_path, job->view_version, sizeof job->view_version);
        rc = device_set_text(job->device, TEXT_VERSION, kedge_slice_text(job->view_version));
    }
    if (rc == KEDGE_OK)
        probe_done(job);
    else
        probe_failed(job, job->version_path, 0);
    job_drive(job);
}

static void on_uri(void *context, enum kedge_rc rc, const struct kedge_operation_answer *answer)
{
    struct job *job = context;
    job->operation = 0;
    if (rc == KEDGE_OK) {
        take_text(answer, URI_PATH, job->view_uri, sizeof job->view_uri);
        job->view.uri = job->view_uri;
        probe_done(job);
    } else {
        probe_failed(job, URI_PATH, 0);
    }
    job_drive(job);
}

/* An integer between 0 and 255; else the probe has failed, and the answer's code is told. */
static bool take_number(struct job *job, enum kedge_rc rc,
                        const struct kedge_operation_answer *answer, const char *path,
                        int64_t *number)
{
    if (rc == KEDGE_OK && has_number(answer, path, number))
        return true;
    probe_failed(job, path, rc == KEDGE_OK ? answer->code : 0);
    return false;
}

/* State and Result are known: what else it takes to see what the device looks like. */
static void go_on_probing(struct job *job)
{
    enum kedge_rc asked = KEDGE_OK;
    if (kedge_machine_wants_version(job->view.state))
        asked = ask(job, job->version_path, on_version);
    else if (kedge_machine_wants_uri(&job->machine, job->view.state) && job->view.uri == NULL)
        asked = ask(job, URI_PATH, on_uri);
    else
        probe_done(job);
    if (asked != KEDGE_OK)
        probe_failed(job, job->version_path, 0);
}

static void on_result(void *context, enum kedge_rc rc, const struct kedge_operation_answer *answer)
{
    struct job *job = context;
    job->operation = 0;
    if (take_number(job, rc, answer, RESULT_PATH, &job->view.result))
        go_on_probing(job);
    job_drive(job);
}

/* State before Result: a device that is idle by then stays so, and its Result is the last one. */
static void on_state(void *context, enum kedge_rc rc, const struct kedge_operation_answer *answer)
{
    struct job *job = context;
    job->operation = 0;
    if (take_number(job, rc, answer, STATE_PATH, &job->view.state) &&
        ask(job, RESULT_PATH, on_result) != KEDGE_OK)
        probe_failed(job, RESULT_PATH, 0);
    job_drive(job);
}

static void probe_singly(struct job *job)
{
    if (ask(job, STATE_PATH, on_state) != KEDGE_OK)
        probe_failed(job, STATE_PATH, 0);
}

static bool take_firmware(struct job *job, const struct kedge_operation_answer *answer)
{
    if (!operation_is_whole(answer) || !has_number(answer, STATE_PATH, &job->view.state) ||
        !has_number(answer, RESULT_PATH, &job->view.result))
        return false;
    take_text(answer, URI_PATH, job->view_uri, sizeof job->view_uri);
    job->view.uri = job->view_uri;
    if (job->delivery == JOB_DELIVERY_NOT_READ)
        take_delivery(job, answer);
    return true;
}

/* All of object 5 in one answer; from a device that does not do that, one by one. */
static void on_firmware(void *context, enum kedge_rc rc,
                        const struct kedge_operation_answer *answer)
{
    struct job *job = context;
    job->operation = 0;
    if (rc != KEDGE_OK) {
        probe_failed(job, FIRMWARE_PATH, 0);
    } else if (take_firmware(job, answer)) {
        go_on_probing(job);
    } else {
        job->device->singly = true;
        probe_singly(job);
    }
    job_drive(job);
}

static void probe(struct job *job)
{
    struct device *device = job->device;
    job->view_version[0] = '\0';
    job->view = (struct kedge_machine_view){.version = job->view_version};
    if (identify_is_asking(device))
        job->operation = ASKED_BY_IDENTIFICATION;
    else if (!operation_may_be_whole(device))
        probe_singly(job);
    else if (ask(job, FIRMWARE_PATH, on_firmware) != KEDGE_OK)
        probe_failed(job, FIRMWARE_PATH, 0);
}

void job_identified(struct job *job)
{
    const struct device *device = job->device;
    const char *version = device_text(device, TEXT_VERSION);
    if (job->operation != ASKED_BY_IDENTIFICATION)
        return;
    job->operation = 0;
    if (device->firmware_state < 0 || device->firmware_result < 0) {
        probe(job); /* which says what is wrong with it */
        job_drive(job);
        return;
    }
    job->view.state = device->firmware_state;
    job->view.result = device->firmware_result;
    (void)snprintf(job->view_version, sizeof job->view_version, "%s", version);
    if (kedge_machine_wants_version(job->view.state))
        probe_done(job);
    else
        go_on_probing(job);
    job_drive(job);
}

void job_not_identified(struct job *job)
{
    if (job->operation != ASKED_BY_IDENTIFICATION)
        return;
    job->operation = 0;
    probe_failed(job, STATE_PATH, 0);
    job_wake(job);
}

/* ---- writing the URI ---- */

static enum kedge_rc write_uri(struct device *device, const char *uri, kedge_operation_fn *fn,
                               void *context, uint64_t *handle)
{
    const struct kedge_lwm2m_value value = {.type = KEDGE_LWM2M_STRING,
                                            .bytes = kedge_slice_text(uri)};
    return operation_write(device, URI_PATH, &value, fn, context, handle);
}

enum kedge_rc job_take_back(struct device *device, enum job_delivery delivery,
                            kedge_operation_fn *fn, void *context, uint64_t *handle)
{
    const struct kedge_lwm2m_value zero = {.type = KEDGE_LWM2M_OPAQUE, .bytes = kedge_slice("", 1)};
    return delivery == JOB_DELIVERY_PUSH
               ? operation_write(device, JOB_PACKAGE_PATH, &zero, fn, context, handle)
               : write_uri(device, "", fn, context, handle);
}

static void on_uri_written(void *context, enum kedge_rc rc,
                           const struct kedge_operation_answer *answer)
{
    struct job *job = context;
    job->operation = 0;
    kedge_machine_uri_written(&job->machine, rc == KEDGE_OK ? answer->code : 0, job_now_ms(job));
    job_drive(job);
}

static void send_uri(struct job *job)
{
    char uri[KEDGE_LWM2M_STRING_MAX + 1];
    bool has_uri = job_choose_uri(job, uri);
    if (!has_uri && job->delivery == JOB_DELIVERY_BOTH) {
        job_push(job);
        return;
    }
    if (!has_uri) {
        kedge_machine_no_uri(
            &job->machine,
            "it downloads by none of the protocols that this server offers (/5/0/8)");
        return;
    }
    if (write_uri(job->device, uri, on_uri_written, job, &job->operation) != KEDGE_OK)
        probe_failed(job, URI_PATH, 0);
    else
        kedge_machine_note(&job->machine, "the Package URI %s is written", uri);
}

static void on_delivery(void *context, enum kedge_rc rc,
                        const struct kedge_operation_answer *answer)
{
    struct job *job = context;
    job->operation = 0;
    if (rc != KEDGE_OK) {
        probe_failed(job, DELIVERY_PATH, 0);
    } else {
        take_way(job, answer);
        job_ask(job, job->machine.next);
    }
    job_drive(job);
}

static void on_protocols(void *context, enum kedge_rc rc,
                         const struct kedge_operation_answer *answer)
{
    struct job *job = context;
    job->operation = 0;
    if (rc == KEDGE_OK)
        (void)take_protocols(job, answer, PROTOCOLS_PATH);
    if (rc == KEDGE_OK && job->protocols == 0 && answer->code != KEDGE_COAP_CONTENT)
        assume_coap(job);
    if (rc != KEDGE_OK || ask(job, DELIVERY_PATH, on_delivery) != KEDGE_OK)
        probe_failed(job, PROTOCOLS_PATH, 0);
    job_drive(job);
}

/* Whether it is known how packages get to the device; if not, that is asked first. */
static bool knows_delivery(struct job *job)
{
    if (job->delivery != JOB_DELIVERY_NOT_READ)
        return true;
    if (ask(job, PROTOCOLS_PATH, on_protocols) != KEDGE_OK)
        probe_failed(job, PROTOCOLS_PATH, 0);
    return false;
}

static void offer(struct job *job)
{
    if (!knows_delivery(job))
        return;
    if (job->delivery == JOB_DELIVERY_PUSH)
        job_push(job);
    else
        send_uri(job);
}

/* ---- the other requests ---- */

static void on_reset(void *context, enum kedge_rc rc, const struct kedge_operation_answer *answer)
{
    struct job *job = context;
    job->operation = 0;
    kedge_machine_reset_done(&job->machine, rc == KEDGE_OK ? answer->code : 0, job_now_ms(job));
    job_drive(job);
}

static void take_back(struct job *job)
{
    if (!knows_delivery(job))
        return;
    if (job_take_back(job->device, job->delivery, on_reset, job, &job->operation) != KEDGE_OK)
        kedge_machine_reset_done(&job->machine, 0, job_now_ms(job));
    else
        kedge_machine_note(&job->machine, "it holds something else, which is taken back by %s",
                           job->delivery == JOB_DELIVERY_PUSH ? "a Package of one zero byte"
                                                              : "an empty Package URI");
}

static void note_written(struct job *job, const char *what, uint64_t value, uint8_t code)
{
    char text[5];
    kedge_coap_code_text(code, text);
    kedge_machine_note(&job->machine, "answered %s to %s %" PRIu64, text, what, value);
}

static void on_defer(void *context, enum kedge_rc rc, const struct kedge_operation_answer *answer)
{
    struct job *job = context;
    job->operation = 0;
    if (rc != KEDGE_OK) {
        probe_failed(job, DEFER_PATH, 0);
    } else {
        note_written(job, "Maximum Defer Period", job->machine.plan.max_defer_s, answer->code);
        kedge_machine_prepared(&job->machine, job_now_ms(job));
    }
    job_drive(job);
}

/* Both are optional: a device that does not have one answers so, and is told to install anyway. */
static void write_defer(struct job *job)
{
    const struct kedge_lwm2m_value value = {.type = KEDGE_LWM2M_UNSIGNED,
                                            .unsigned_integer = job->machine.plan.max_defer_s};
    if (!job->machine.plan.tells_max_defer)
        kedge_machine_prepared(&job->machine, job_now_ms(job));
    else if (operation_write(job->device, DEFER_PATH, &value, on_defer, job, &job->operation) !=
             KEDGE_OK)
        probe_failed(job, DEFER_PATH, 0);
}

static void on_severity(void *context, enum kedge_rc rc,
                        const struct kedge_operation_answer *answer)
{
    struct job *job = context;
    job->operation = 0;
    if (rc != KEDGE_OK) {
        probe_failed(job, SEVERITY_PATH, 0);
    } else {
        note_written(job, "Severity", job->machine.plan.severity, answer->code);
        write_defer(job);
    }
    job_drive(job);
}

static void prepare(struct job *job)
{
    const struct kedge_lwm2m_value value = {.type = KEDGE_LWM2M_INTEGER,
                                            .integer = job->machine.plan.severity};
    if (!job->machine.plan.tells_severity)
        write_defer(job);
    else if (operation_write(job->device, SEVERITY_PATH, &value, on_severity, job,
                             &job->operation) != KEDGE_OK)
        probe_failed(job, SEVERITY_PATH, 0);
}

static void on_executed(void *context, enum kedge_rc rc,
                        const struct kedge_operation_answer *answer)
{
    struct job *job = context;
    job->operation = 0;
    kedge_machine_executed(&job->machine, rc == KEDGE_OK ? answer->code : 0, job_now_ms(job));
    job_drive(job);
}

static void on_words(void *context, enum kedge_rc rc, const struct kedge_operation_answer *answer)
{
    struct job *job = context;
    char words[KEDGE_UPDATE_REASON_MAX + 1] = "";
    job->operation = 0;
    if (rc == KEDGE_OK)
        take_text(answer, WORDS_PATH, words, sizeof words);
    kedge_machine_explained(&job->machine, words);
    job_drive(job);
}

/* ---- observing ---- */

static void notice(struct job *job, size_t which, const struct kedge_operation_answer *answer)
{
    struct kedge_lwm2m_value value;
    const char *path = which == 0 ? STATE_PATH : RESULT_PATH;
    if (operation_value(answer, path, KEDGE_LWM2M_INTEGER, &value) != KEDGE_OK)
        return;
    if (which == 0)
        kedge_machine_state_noticed(&job->machine, value.integer, job_now_ms(job));
    else
        kedge_machine_result_noticed(&job->machine, value.integer, job_now_ms(job));
}

static enum kedge_rc observe(struct job *job, size_t which);

/* The first answer of an observation, which was waited for, or a notification. */
static void on_observed(struct job *job, size_t which, enum kedge_rc rc,
                        const struct kedge_operation_answer *answer)
{
    uint64_t handle = job->observations[which];
    bool observing = rc == KEDGE_OK && answer->observing;
    bool first = job->operation == handle;
    if (first)
        job->operation = 0;
    if (!observing)
        job->observations[which] = 0;
    if (observing && which == 0)
        kedge_machine_fresh_for(&job->machine, answer->max_age_s, job_now_ms(job));
    if (rc == KEDGE_OK)
        notice(job, which, answer);
    if (!first && !observing)
        kedge_machine_observation_lost(&job->machine, job_now_ms(job));
    if (first && observing && which == 0)
        observing = observe(job, 1) == KEDGE_OK;
    if (first && (which == 1 || !observing))
        kedge_machine_observed(&job->machine, observing, job_now_ms(job));
    job_drive(job);
}

static void on_state_observed(void *context, enum kedge_rc rc,
                              const struct kedge_operation_answer *answer)
{
    on_observed(context, 0, rc, answer);
}

static void on_result_observed(void *context, enum kedge_rc rc,
                               const struct kedge_operation_answer *answer)
{
    on_observed(context, 1, rc, answer);
}

static enum kedge_rc observe(struct job *job, size_t which)
{
    if (job->observations[which] != 0)
        kedge_device_cancel(job->device->fleet, job->observations[which]);
    job->observations[which] = 0;
    KEDGE_TRY(operation_observe(job->device, which == 0 ? STATE_PATH : RESULT_PATH,
                                which == 0 ? on_state_observed : on_result_observed, job,
                                &job->observations[which]));
    job->operation = job->observations[which];
    return KEDGE_OK;
}

/* ---- whatever it is ---- */

void job_ask(struct job *job, enum kedge_machine_action action)
{
    uint64_t now_ms = job_now_ms(job);
    switch (action) {
    case KEDGE_MACHINE_PROBE:
        probe(job);
        return;
    case KEDGE_MACHINE_OFFER:
        offer(job);
        return;
    case KEDGE_MACHINE_GO_ON:
        job_push_on(job);
        return;
    case KEDGE_MACHINE_RESET:
        take_back(job);
        return;
    case KEDGE_MACHINE_OBSERVE:
        if (observe(job, 0) != KEDGE_OK)
            kedge_machine_observed(&job->machine, false, now_ms);
        return;
    case KEDGE_MACHINE_PREPARE:
        prepare(job);
        return;
    case KEDGE_MACHINE_EXECUTE:
        if (operation_execute(job->device, UPDATE_PATH, "", on_executed, job, &job->operation) !=
            KEDGE_OK)
            kedge_machine_executed(&job->machine, 0, now_ms);
        return;
    case KEDGE_MACHINE_EXPLAIN:
        if (ask(job, WORDS_PATH, on_words) != KEDGE_OK)
            kedge_machine_explained(&job->machine, NULL);
        return;
    case KEDGE_MACHINE_WAIT:
    case KEDGE_MACHINE_OVER:
        return;
    }
}
