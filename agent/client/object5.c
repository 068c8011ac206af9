/*
 * object5.c: see object5.h; the download is in object5_download.c, from Execute on it is in
 * object5_update.c.
 */
#include "agent/client/object5_parts.h"

#include "agent/client/log.h"
#include "agent/client/reconcile.h"

#include <errno.h>
#include <kedge/coap.h>
#include <stdio.h>
#include <string.h>

uint8_t kedge_object5_spare(const struct kedge_object5 *object)
{
    return (uint8_t)(KEDGE_SLOTS - 1 - object->slot);
}

static uint64_t now_s(const struct kedge_object5 *object)
{
    return object->clock->wall_ms(object->clock->context) / 1000;
}

uint64_t kedge_object5_now_ms(const struct kedge_object5 *object)
{
    return object->clock->monotonic_ms(object->clock->context);
}

/* When the file cannot be written, what is in memory still holds until the next start. */
static bool save(struct kedge_object5 *object)
{
    object->save_error = 0;
    if (kedge_agent_state_save(object->folder, &object->state) == KEDGE_OK) {
        object->saved_since = true;
        return true;
    }
    object->save_error = errno;
    kedge_log(KEDGE_LOG_ERROR, "%s cannot be written: %s", KEDGE_AGENT_STATE_FILE, strerror(errno));
    return false;
}

/* ---- what a server sets ---- */

void kedge_object5_hold(struct kedge_object5 *object)
{
    object->held_from = object->state;
    object->held = true;
    object->saved_since = false;
}

static bool is_changed(const struct kedge_object5 *object)
{
    const struct kedge_agent_state *now = &object->state, *before = &object->held_from;
    return now->severity != before->severity || now->defer_period_s != before->defer_period_s ||
           now->access_mark != before->access_mark ||
           memcmp(&now->access, &before->access, sizeof now->access) != 0;
}

/* Before anything is saved because the request is refused, too. */
static void take_back(struct kedge_object5 *object)
{
    if (!object->held)
        return;
    object->state.severity = object->held_from.severity;
    object->state.defer_period_s = object->held_from.defer_period_s;
    object->state.access = object->held_from.access;
    object->state.access_mark = object->held_from.access_mark;
}

uint8_t kedge_object5_release(struct kedge_object5 *object, bool keep)
{
    uint8_t code = KEDGE_COAP_CHANGED;
    /* A package that came along has put it all on the disk with itself. */
    if (keep && is_changed(object) && !object->saved_since && !save(object))
        code = KEDGE_COAP_INTERNAL_ERROR;
    if (!keep || code != KEDGE_COAP_CHANGED)
        take_back(object);
    object->held = false;
    return code;
}

void kedge_object5_unset(struct kedge_object5 *object)
{
    object->state.severity = KEDGE_SEVERITY_MANDATORY;
    object->state.defer_period_s = KEDGE_CONSENT_NO_LIMIT;
}

/* ---- the state table ---- */

/* Frees what the state before held. A whole package in the spare slot is made unbootable. */
static void drop_package(struct kedge_object5 *object, enum kedge_firmware_state from)
{
    kedge_fetch_end(&object->fetch);
    kedge_intake_end(&object->intake);
    object->package_version[0] = '\0';
    if (from == KEDGE_FIRMWARE_DOWNLOADING)
        kedge_install_abort(&object->install);
    struct kedge_slot slot;
    if (from == KEDGE_FIRMWARE_DOWNLOADED &&
        kedge_slot_open(&slot, object->boot->slots[kedge_object5_spare(object)], 1) != KEDGE_OK)
        kedge_log(KEDGE_LOG_WARNING, "slot %u could not be erased",
                  (unsigned)kedge_object5_spare(object));
}

uint8_t kedge_object5_apply(struct kedge_object5 *object, enum kedge_firmware_event event,
                            int result, const char *reason, bool durable)
{
    const struct kedge_agent_state before = object->state;
    const struct kedge_firmware_transition *cell = kedge_firmware_transition(before.state, event);
    if (cell->action == KEDGE_FIRMWARE_METHOD_NOT_ALLOWED)
        return KEDGE_COAP_METHOD_NOT_ALLOWED;
    if (cell->action == KEDGE_FIRMWARE_BAD_REQUEST)
        return KEDGE_COAP_BAD_REQUEST;
    if (cell->action == KEDGE_FIRMWARE_IGNORE)
        return KEDGE_COAP_CHANGED;

    object->state.state = cell->next;
    if (cell->next != before.state)
        object->state.changed_at_s = now_s(object);
    if (event != KEDGE_FIRMWARE_UPDATE_DEFERRED)
        object->state.consent.wanted = false;
    if (cell->result != -1)
        object->state.result = cell->result == -2 ? result : cell->result;
    if (reason != NULL)
        snprintf(object->state.reason, sizeof object->state.reason, "%s", reason);
    if (!save(object) && durable) {
        object->state = before;
        return KEDGE_COAP_INTERNAL_ERROR;
    }
    if (cell->drop_package)
        drop_package(object, before.state);
    kedge_log(KEDGE_LOG_INFO, "state %s, result %d%s%s",
              kedge_firmware_state_name(object->state.state), object->state.result,
              object->state.reason[0] != '\0' ? ": " : "", object->state.reason);
    return KEDGE_COAP_CHANGED;
}

/* ---- what the server does ---- */

/* A URI that cannot be taken has a Result, but only where a URI could have been taken. */
static uint8_t refuse_uri(struct kedge_object5 *object, enum kedge_rc rc)
{
    const struct kedge_firmware_transition *cell =
        kedge_firmware_transition(object->state.state, KEDGE_FIRMWARE_URI_WRITTEN);
    if (cell->action == KEDGE_FIRMWARE_METHOD_NOT_ALLOWED)
        return KEDGE_COAP_METHOD_NOT_ALLOWED;
    if (cell->action == KEDGE_FIRMWARE_ACCEPT) {
        object->state.result = kedge_rc_update_result(rc);
        snprintf(object->state.reason, sizeof object->state.reason, "%s", kedge_rc_text(rc));
        take_back(object);
        if (!save(object))
            return KEDGE_COAP_INTERNAL_ERROR;
    }
    return KEDGE_COAP_BAD_REQUEST;
}

static uint8_t reset(struct kedge_object5 *object, enum kedge_firmware_event event)
{
    char before[sizeof object->state.uri];
    memcpy(before, object->state.uri, sizeof before);
    object->state.uri[0] = '\0';
    uint8_t code = kedge_object5_apply(object, event, KEDGE_RESULT_INITIAL, "", true);
    if (code == KEDGE_COAP_CHANGED)
        kedge_resumption_drop(&object->resumption);
    else
        memcpy(object->state.uri, before, sizeof before);
    return code;
}

/* Goes to Downloading, with what was offered; "" is a package that is pushed. */
static uint8_t begin_package(struct kedge_object5 *object, enum kedge_firmware_event event,
                             const char *uri)
{
    char before[sizeof object->state.uri];
    const uint64_t begun_before = object->state.begun, spent_before = object->state.spent;
    memcpy(before, object->state.uri, sizeof before);
    snprintf(object->state.uri, sizeof object->state.uri, "%s", uri);
    object->state.begun = 1;
    object->state.spent = 0;
    uint8_t code = kedge_object5_apply(object, event, KEDGE_RESULT_INITIAL, "", true);
    if (code != KEDGE_COAP_CHANGED) {
        memcpy(object->state.uri, before, sizeof before);
        object->state.begun = begun_before;
        object->state.spent = spent_before;
        return code;
    }
    kedge_object5_begin_download(object);
    return code;
}

uint8_t kedge_object5_write_uri(struct kedge_object5 *object, struct kedge_slice uri)
{
    if (uri.size == 0)
        return reset(object, KEDGE_FIRMWARE_URI_EMPTY);
    char text[sizeof object->state.uri];
    enum kedge_rc rc = kedge_fetch_check(&object->fetch, uri);
    if (rc == KEDGE_OK && object->delivery == KEDGE_DELIVERY_PUSH)
        rc = KEDGE_E_PROTOCOL;
    if (rc != KEDGE_OK)
        return refuse_uri(object, rc);

    snprintf(text, sizeof text, "%.*s", (int)uri.size, (const char *)uri.data);
    return begin_package(object, KEDGE_FIRMWARE_URI_WRITTEN, text);
}

uint8_t kedge_object5_take_block(struct kedge_object5 *object,
                                 const struct kedge_intake_block *block)
{
    if (block->number == 0 && !block->more && block->payload.size == 1 &&
        block->payload.data[0] == '\0')
        return reset(object, KEDGE_FIRMWARE_PACKAGE_NUL);
    if (object->delivery == KEDGE_DELIVERY_PULL)
        return KEDGE_COAP_METHOD_NOT_ALLOWED;
    struct kedge_intake *intake = &object->intake;
    bool begins = block->number == 0 && !intake->running && !kedge_intake_knows(intake, block);
    if (begins) {
        uint8_t code = begin_package(object, KEDGE_FIRMWARE_PACKAGE_WRITTEN, "");
        if (code != KEDGE_COAP_CHANGED)
            return code;
        if (!intake->running)
            return KEDGE_COAP_INTERNAL_ERROR; /* Result says why */
    }
    return kedge_object5_take_pushed(object, block);
}

bool kedge_object5_value_fits(uint16_t resource, const struct kedge_lwm2m_value *value)
{
    switch (resource) {
    case KEDGE_FIRMWARE_SEVERITY:
        return value->integer >= 0 && value->integer < KEDGE_SEVERITY_COUNT;
    case KEDGE_FIRMWARE_MAXIMUM_DEFER_PERIOD:
        return value->unsigned_integer <= KEDGE_CONSENT_S_MAX;
    default:
        return true;
    }
}

uint8_t kedge_object5_write(struct kedge_object5 *object, uint16_t resource,
                            const struct kedge_lwm2m_value *value)
{
    switch (resource) {
    case KEDGE_FIRMWARE_PACKAGE:
        return kedge_object5_write_package(object, value->bytes);
    case KEDGE_FIRMWARE_PACKAGE_URI:
        return kedge_object5_write_uri(object, value->bytes);
    case KEDGE_FIRMWARE_SEVERITY:
        object->state.severity = (uint64_t)value->integer;
        return KEDGE_COAP_CHANGED;
    default:
        object->state.defer_period_s = value->unsigned_integer;
        return KEDGE_COAP_CHANGED;
    }
}

uint8_t kedge_object5_write_package(struct kedge_object5 *object, struct kedge_slice bytes)
{
    return kedge_object5_take_block(
        object, &(struct kedge_intake_block){.szx = KEDGE_DOWNLOAD_SZX, .payload = bytes});
}

uint8_t kedge_object5_execute(struct kedge_object5 *object, uint16_t resource)
{
    if (resource == KEDGE_FIRMWARE_UPDATE)
        return kedge_object5_update(object);
    uint8_t code =
        kedge_object5_apply(object, KEDGE_FIRMWARE_CANCEL_EXECUTED, KEDGE_RESULT_CANCELED,
                            kedge_rc_text(KEDGE_E_CANCELED), true);
    if (code == KEDGE_COAP_CHANGED)
        kedge_resumption_drop(&object->resumption);
    return code;
}

static enum kedge_rc text_value(const char *text, struct kedge_lwm2m_value *value)
{
    value->bytes = kedge_slice_text(text);
    return KEDGE_OK;
}

static enum kedge_rc integer_value(int64_t integer, struct kedge_lwm2m_value *value)
{
    value->integer = integer;
    return KEDGE_OK;
}

static enum kedge_rc protocol_value(const struct kedge_object5 *object, size_t index,
                                    struct kedge_lwm2m_value *value)
{
    enum kedge_firmware_protocol protocol;
    KEDGE_TRY(kedge_fetch_protocol(&object->fetch, index, &protocol));
    return integer_value((int64_t)protocol, value);
}

enum kedge_rc kedge_object5_read(const struct kedge_object5 *object, uint16_t resource,
                                 size_t index, struct kedge_lwm2m_value *value)
{
    switch (resource) {
    case KEDGE_FIRMWARE_PACKAGE_URI:
        return text_value(object->state.uri, value);
    case KEDGE_FIRMWARE_STATE:
        return integer_value((int64_t)object->state.state, value);
    case KEDGE_FIRMWARE_RESULT:
        return integer_value(object->state.result, value);
    case KEDGE_FIRMWARE_PACKAGE_NAME: /* packages have no other name: what they are for */
        return text_value(object->package_version[0] != '\0' ? object->class_name : "", value);
    case KEDGE_FIRMWARE_PACKAGE_VERSION:
        return text_value(object->package_version, value);
    case KEDGE_FIRMWARE_PROTOCOLS:
        return protocol_value(object, index, value);
    case KEDGE_FIRMWARE_DELIVERY:
        return integer_value((int64_t)object->delivery, value);
    case KEDGE_FIRMWARE_SEVERITY:
        return integer_value((int64_t)object->state.severity, value);
    case KEDGE_FIRMWARE_MAXIMUM_DEFER_PERIOD:
        value->unsigned_integer = object->state.defer_period_s;
        return object->state.defer_period_s != KEDGE_CONSENT_NO_LIMIT ? KEDGE_OK
                                                                      : KEDGE_E_NOT_FOUND;
    case KEDGE_FIRMWARE_LAST_STATE_CHANGE_TIME:
        return integer_value((int64_t)object->state.changed_at_s, value);
    default:
        return KEDGE_E_NOT_FOUND;
    }
}

unsigned kedge_object5_percent(const struct kedge_object5 *object)
{
    if (object->state.state == KEDGE_FIRMWARE_IDLE)
        return 0;
    if (object->state.state != KEDGE_FIRMWARE_DOWNLOADING)
        return 100;
    if (object->package_bytes == 0 || object->downloaded_bytes > object->package_bytes)
        return 0;
    return (unsigned)(object->downloaded_bytes * 100 / object->package_bytes);
}

/* ---- start, trial, stop ---- */

/* A package that was complete before a restart counts only if the slot still says so. */
static void check_downloaded(struct kedge_object5 *object)
{
    struct kedge_slot_image *image = object->boot->work;
    enum kedge_rc rc = kedge_slot_verify(object->boot->slots[kedge_object5_spare(object)],
                                         kedge_object5_spare(object), object->boot->trust, image);
    if (rc == KEDGE_OK)
        rc = kedge_suit_version_text(&image->manifest.version, object->package_version);
    if (rc == KEDGE_OK)
        return;
    int result = kedge_rc_update_result(rc);
    object->state.state = KEDGE_FIRMWARE_IDLE;
    object->state.changed_at_s = now_s(object);
    object->state.result = result != 0 ? result : KEDGE_RESULT_FAILED;
    snprintf(object->state.reason, sizeof object->state.reason,
             "the downloaded package was lost over a restart: %s", kedge_rc_text(rc));
}

static void load(struct kedge_object5 *object)
{
    char endpoint[sizeof object->state.endpoint];
    memcpy(endpoint, object->state.endpoint, sizeof endpoint);
    enum kedge_rc rc = kedge_agent_state_load(object->folder, &object->state);
    memcpy(object->state.endpoint, endpoint, sizeof endpoint);
    if (rc == KEDGE_OK || rc == KEDGE_E_NOT_FOUND)
        return;
    snprintf(object->state.reason, sizeof object->state.reason,
             "the agent's state file was damaged and was begun anew (%s)", kedge_rc_text(rc));
    kedge_log(KEDGE_LOG_WARNING, "%s: %s", KEDGE_AGENT_STATE_FILE, object->state.reason);
}

enum kedge_rc kedge_object5_start(struct kedge_object5 *object, enum kedge_object5_start *start)
{
    struct kedge_boot_record record;
    bool later;
    KEDGE_TRY(kedge_boot_record_in(object->boot, object->slot, &record, &later));
    KEDGE_TRY(
        kedge_slot_manifest(object->boot->slots[object->slot], object->slot, object->boot->work));
    KEDGE_TRY(kedge_suit_version_text(&object->boot->work->manifest.version, object->version));
    load(object);
    object->resumption.folder = kedge_folder_of(&object->folder);

    *start = KEDGE_OBJECT5_RUNS;
    enum kedge_start how = kedge_reconcile(&object->state, &record, object->slot, now_s(object));
    if (later)
        snprintf(object->state.reason, sizeof object->state.reason, "%s", KEDGE_LATER_RECORD_WORDS);
    if (how == KEDGE_START_REBOOT)
        *start = KEDGE_OBJECT5_MUST_REBOOT;
    if (how == KEDGE_START_TRIAL) {
        *start = KEDGE_OBJECT5_ON_TRIAL;
        memcpy(object->package_version, object->version, sizeof object->package_version);
    }
    if (how == KEDGE_START_DOWNLOADED)
        check_downloaded(object);
    if (how == KEDGE_START_DOWNLOAD)
        object->state.begun++;
    kedge_object5_resume_consent(object);
    save(object);
    if (how == KEDGE_START_DOWNLOAD) {
        kedge_log(KEDGE_LOG_INFO, "a download was cut short: %s",
                  object->state.uri[0] != '\0' ? "taking it up again" : "waiting for it again");
        kedge_object5_begin_download(object);
    }
    return KEDGE_OK;
}

/* So that the end of this trial is not news to the next start. */
static void note_record(struct kedge_object5 *object)
{
    struct kedge_boot_record record;
    if (kedge_boot_record_read(object->boot, &record) == KEDGE_OK)
        object->state.boot_number = record.number;
}

enum kedge_rc kedge_object5_confirm(struct kedge_object5 *object)
{
    KEDGE_TRY(kedge_boot_confirm(object->boot));
    note_record(object);
    object->state.uri[0] = '\0';
    kedge_object5_apply(object, KEDGE_FIRMWARE_TRIAL_CONFIRMED, KEDGE_RESULT_SUCCESS, "", false);
    return KEDGE_OK;
}

void kedge_object5_reject(struct kedge_object5 *object, enum kedge_boot_reason reason,
                          const char *text)
{
    /* Should the record not take it, the reboot still ends this boot of a counted trial. */
    enum kedge_rc rc = kedge_boot_reject(object->boot, reason, text);
    kedge_log(KEDGE_LOG_ERROR, "the trial has failed: %s%s%s", text,
              rc != KEDGE_OK ? "; the boot record: " : "", rc != KEDGE_OK ? kedge_rc_text(rc) : "");
    kedge_object5_reboot(object);
}

void kedge_object5_message(struct kedge_object5 *object, const char *message)
{
    if (strcmp(object->state.message, message) == 0)
        return;
    snprintf(object->state.message, sizeof object->state.message, "%s", message);
    save(object);
}

void kedge_object5_save(struct kedge_object5 *object)
{
    save(object);
}

void kedge_object5_attach(struct kedge_object5 *object, coap_context_t *context)
{
    kedge_fetch_attach(&object->fetch, context, kedge_object5_now_ms(object));
}

void kedge_object5_stop(struct kedge_object5 *object)
{
    kedge_hooks_kill(&object->hooks);
    kedge_object5_stop_download(object);
}
