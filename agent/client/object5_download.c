/*
 * object5_download.c: object 5 while a package comes in: fetched from its URI, or pushed by the
 * server.
 */
#include "agent/client/object5_parts.h"

#include "agent/client/log.h"

#include <inttypes.h>
#include <kedge/coap.h>
#include <stdio.h>
#include <string.h>

/* When that is due; `ending`: it is the last chance to. A download that gets further at each
 * beginning may begin as often as it likes. */
static void keep_progress(struct kedge_object5 *object, bool ending)
{
    if (object->state.state != KEDGE_FIRMWARE_DOWNLOADING || !kedge_fetch_runs(&object->fetch) ||
        !kedge_resumption_keep(&object->resumption, &object->install,
                               &kedge_fetch_transfer(&object->fetch)->etag,
                               kedge_object5_now_ms(object), ending) ||
        object->state.begun <= 1)
        return;
    object->state.begun = 1;
    kedge_object5_save(object);
}

static void failed(struct kedge_object5 *object, enum kedge_rc rc, const char *words)
{
    int result = kedge_rc_update_result(rc);
    char refusal[KEDGE_SUIT_WORDS_MAX];
    if (object->install.stage == KEDGE_INSTALL_FAILED && object->install.failure == rc) {
        kedge_install_words(&object->install, refusal);
        words = refusal;
    }
    /* Where it is the way here that failed, another try may go on. */
    if (object->install.stage == KEDGE_INSTALL_FAILED)
        kedge_resumption_drop(&object->resumption);
    else
        keep_progress(object, true);
    kedge_fetch_end(&object->fetch);
    kedge_intake_end(&object->intake);
    kedge_install_abort(&object->install);
    object->package_version[0] = '\0';
    kedge_object5_apply(object, KEDGE_FIRMWARE_DOWNLOAD_FAILED,
                        result != 0 ? result : KEDGE_RESULT_FAILED, words, false);
}

static void note_version(struct kedge_object5 *object)
{
    const struct kedge_suit_manifest *manifest = kedge_install_manifest(&object->install);
    if (manifest == NULL || object->package_version[0] != '\0')
        return;
    if (kedge_suit_version_text(&manifest->version, object->package_version) != KEDGE_OK)
        object->package_version[0] = '\0';
    kedge_log(KEDGE_LOG_INFO, "the package is authentic: version %s, sequence %" PRIu64,
              object->package_version, manifest->sequence);
}

static enum kedge_rc push(void *context, struct kedge_slice bytes)
{
    struct kedge_object5 *object = context;
    KEDGE_TRY(kedge_install_push(&object->install, bytes));
    note_version(object);
    return KEDGE_OK;
}

static void forget_package(struct kedge_object5 *object)
{
    object->package_version[0] = '\0';
    object->told_tenths = 0;
    object->downloaded_bytes = object->package_bytes = 0;
    if (kedge_suit_version_parse(kedge_slice_text(object->version), &object->identity.running) !=
        KEDGE_OK)
        object->identity.running.count = 0;
}

static enum kedge_rc begin_install(struct kedge_object5 *object)
{
    forget_package(object);
    kedge_resumption_anew(&object->resumption, object->state.uri);
    return kedge_install_begin(&object->install, object->boot, &object->identity,
                               kedge_object5_spare(object));
}

static bool resume_install(struct kedge_object5 *object, struct kedge_download_point *from)
{
    forget_package(object);
    if (!kedge_resumption_begin(&object->resumption, &object->install, object->boot,
                                &object->identity, kedge_object5_spare(object), object->state.uri,
                                from))
        return false;
    note_version(object);
    return true;
}

static enum kedge_rc restart(void *context)
{
    struct kedge_object5 *object = context;
    kedge_log(KEDGE_LOG_INFO, "another package comes in now: beginning anew");
    kedge_install_abort(&object->install);
    return begin_install(object);
}

static void note_spent(void *context, uint64_t bytes)
{
    struct kedge_object5 *object = context;
    object->state.spent = bytes;
    kedge_object5_save(object);
}

/* What this very update has cost before a restart counts on. */
static void begin_budget(struct kedge_object5 *object)
{
    const struct kedge_flash *slot = object->boot->slots[kedge_object5_spare(object)];
    object->spending = (struct kedge_budget){.limit = object->budget,
                                             .most = kedge_budget_most(kedge_slot_capacity(slot)),
                                             .spent = object->state.spent,
                                             .noted = object->state.spent,
                                             .note = note_spent,
                                             .context = object};
}

static void fetch_package(struct kedge_object5 *object, bool may_resume)
{
    const struct kedge_download_sink sink = {.context = object,
                                             .push = push,
                                             .restart = restart,
                                             .budget = &object->spending,
                                             .random = object->fetch.random};
    struct kedge_download_point from = {.offset = 0};
    enum kedge_rc rc = KEDGE_OK;
    if (!may_resume || object->state.uri[0] == '\0' || !resume_install(object, &from))
        rc = begin_install(object);
    if (rc == KEDGE_OK && object->state.uri[0] == '\0')
        kedge_intake_begin(&object->intake, &sink, object->patience_ms,
                           kedge_object5_now_ms(object));
    else if (rc == KEDGE_OK)
        rc = kedge_fetch_begin(&object->fetch, object->state.uri, &sink, &from, object->patience_ms,
                               kedge_object5_now_ms(object));
    if (rc != KEDGE_OK)
        failed(object, rc, kedge_rc_text(rc));
}

void kedge_object5_begin_download(struct kedge_object5 *object)
{
    const char *trouble;
    if (kedge_port_slot_ready(object->port, kedge_object5_spare(object), &trouble) != KEDGE_OK) {
        kedge_object5_apply(object, KEDGE_FIRMWARE_DOWNLOAD_FAILED, KEDGE_RESULT_FAILED, trouble,
                            false);
        return;
    }
    begin_budget(object);
    fetch_package(object, true);
}

/* What it was resumed with may be why it failed: only a beginning at the beginning can tell. */
static bool begin_anew(struct kedge_object5 *object)
{
    if (object->install.stage != KEDGE_INSTALL_FAILED || !object->install.resumed)
        return false;
    kedge_log(KEDGE_LOG_WARNING, "what was gone on with does not fit together (%s): beginning anew",
              kedge_rc_text(object->install.failure));
    kedge_fetch_end(&object->fetch);
    kedge_resumption_drop(&object->resumption);
    fetch_package(object, false);
    return true;
}

/* `total` is what whoever sends it says, if they do; the payload's size is signed. */
static void tell_progress(struct kedge_object5 *object, uint64_t offset, uint64_t total)
{
    if (total == 0)
        total = kedge_install_size(&object->install);
    object->downloaded_bytes = offset;
    object->package_bytes = total;
    if (total == 0)
        return;
    unsigned tenths = (unsigned)(offset * 10 / total);
    if (tenths <= object->told_tenths)
        return;
    object->told_tenths = tenths;
    kedge_log(KEDGE_LOG_INFO, "downloading: %u %% of %" PRIu64 " bytes", tenths * 10, total);
}

/* All bytes came. False: the package is not what it should be. */
static bool end_download(struct kedge_object5 *object)
{
    enum kedge_rc rc = kedge_install_end(&object->install);
    if (rc != KEDGE_OK && begin_anew(object))
        return false;
    if (rc != KEDGE_OK) {
        failed(object, rc, kedge_rc_text(rc));
        return false;
    }
    kedge_fetch_end(&object->fetch);
    kedge_resumption_drop(&object->resumption);
    kedge_object5_apply(object, KEDGE_FIRMWARE_DOWNLOAD_DONE, KEDGE_RESULT_INITIAL, "", false);
    return true;
}

void kedge_object5_stop_download(struct kedge_object5 *object)
{
    keep_progress(object, true);
    /* The step that was noted ahead, see budget.h, need not be forfeited. */
    if (object->state.state == KEDGE_FIRMWARE_DOWNLOADING &&
        object->spending.noted > object->spending.spent)
        note_spent(object, object->spending.spent);
    kedge_fetch_end(&object->fetch);
}

uint8_t kedge_object5_take_pushed(struct kedge_object5 *object,
                                  const struct kedge_intake_block *block)
{
    struct kedge_intake *intake = &object->intake;
    uint8_t code = kedge_intake_take(intake, block, kedge_object5_now_ms(object));
    if (object->state.state != KEDGE_FIRMWARE_DOWNLOADING)
        return code;
    tell_progress(object, intake->offset, intake->total);
    if (intake->failure != KEDGE_OK)
        failed(object, intake->failure, intake->words);
    else if (intake->finished && !end_download(object))
        code = KEDGE_COAP_BAD_REQUEST;
    return code;
}

static void poll_intake(struct kedge_object5 *object, uint64_t *wait_ms)
{
    if (kedge_intake_poll(&object->intake, kedge_object5_now_ms(object), wait_ms,
                          &object->update_wanted))
        return;
    *wait_ms = 0;
    failed(object, object->intake.failure, object->intake.words);
}

/* The address that this device had may be gone, and its socket with it: an Update, once it is not
 * answered, leads to a Register from the new one, by which the download goes on too. */
static void mind_quiet(struct kedge_object5 *object, const struct kedge_patience *patience,
                       uint64_t *wait_ms)
{
    uint64_t now_ms = kedge_object5_now_ms(object), since_ms = patience->progress_at_ms;
    if (since_ms < object->quiet_since_ms)
        since_ms = object->quiet_since_ms;
    if (now_ms - since_ms >= KEDGE_INTAKE_QUIET_MS) {
        object->update_wanted = true;
        object->quiet_since_ms = since_ms = now_ms;
    }
    if (since_ms + KEDGE_INTAKE_QUIET_MS - now_ms < *wait_ms)
        *wait_ms = since_ms + KEDGE_INTAKE_QUIET_MS - now_ms;
}

void kedge_object5_poll(struct kedge_object5 *object, const struct kedge_pull_server *server,
                        uint64_t *wait_ms)
{
    kedge_object5_poll_update(object, wait_ms);
    if (object->state.state == KEDGE_FIRMWARE_DOWNLOADING)
        poll_intake(object, wait_ms);
    if (object->state.state != KEDGE_FIRMWARE_DOWNLOADING || !kedge_fetch_runs(&object->fetch))
        return;
    uint64_t own_wait_ms;
    enum kedge_download_step step =
        kedge_fetch_poll(&object->fetch, server, kedge_object5_now_ms(object), &own_wait_ms);
    const struct kedge_transfer *transfer = kedge_fetch_transfer(&object->fetch);
    tell_progress(object, transfer->offset, transfer->total);
    if (step == KEDGE_DOWNLOAD_WAIT) {
        keep_progress(object, false);
        mind_quiet(object, &transfer->patience, wait_ms);
        if (own_wait_ms < *wait_ms)
            *wait_ms = own_wait_ms;
        return;
    }
    *wait_ms = 0;
    if (step == KEDGE_DOWNLOAD_FAILED && begin_anew(object))
        return;
    if (step == KEDGE_DOWNLOAD_FAILED) {
        char words[sizeof transfer->words];
        memcpy(words, transfer->words, sizeof words);
        failed(object, transfer->failure, words);
        return;
    }
    (void)end_download(object);
}
