/*
 * device_download.c: the simulated device's downloads, with the agent's real code for what is asked
 * for, what is installed and what is kept; what lies between them in
 * agent/client/object5_download.c is done here as it is there.
 */
#include "tests/powercut/device_parts.h"

#include <kedge/coap.h>

#define URI "coap://server/fw/package"
#define BLOCK_SIZE 1024u
#define PATIENCE_MS 60000u

static enum kedge_rc begin(struct device *device, uint8_t slot)
{
    kedge_resumption_anew(&device->resumption, URI);
    return kedge_install_begin(&device->install, &device->boot, &device->identity, slot);
}

static bool resume(struct device *device, uint8_t slot, struct kedge_download_point *from)
{
    bool goes_on = kedge_resumption_begin(&device->resumption, &device->install, &device->boot,
                                          &device->identity, slot, URI, from);
    uint64_t behind = goes_on ? device->install.point.boundary.image_offset : 0;
    if (behind < device->promises.kept)
        device_broken(device, "what was kept of a download cannot be gone on with");
    if (goes_on && !device_holds(device, slot, device->install.manifest.sequence, behind))
        device_broken(device, "a download goes on behind bytes that are not the image's");
    return goes_on;
}

static enum kedge_rc push(void *context, struct kedge_slice bytes)
{
    struct device *device = context;
    return kedge_install_push(&device->install, bytes);
}

static enum kedge_rc restart(void *context)
{
    struct device *device = context;
    if (device->promises.kept > 0)
        device_broken(device, "a download that can be gone on with begins anew");
    kedge_install_abort(&device->install);
    return begin(device, device->install.slot);
}

/* The server's part. */
static void answer(struct device *device, uint32_t number)
{
    const struct package *package = device->served;
    const uint8_t tag = (uint8_t)package->sequence;
    size_t at = (size_t)number * BLOCK_SIZE;
    struct kedge_download_answer answer = {.code = KEDGE_COAP_BAD_REQUEST};
    if (at < package->size) {
        size_t left = package->size - at;
        answer = (struct kedge_download_answer){
            .code = KEDGE_COAP_CONTENT,
            .has_block = true,
            .number = number,
            .szx = KEDGE_DOWNLOAD_SZX,
            .more = left > BLOCK_SIZE,
            .etag = kedge_slice(&tag, 1),
            .payload = kedge_slice(package->bytes + at, left < BLOCK_SIZE ? left : BLOCK_SIZE)};
    }
    kedge_download_answer(&device->download, &answer, device->now_ms);
}

/* Time enough has passed since the last block for each new point to be kept. */
static void keep(struct device *device)
{
    uint64_t before = device->resumption.kept;
    device->now_ms += KEDGE_RESUMPTION_PAUSE_MS;
    (void)kedge_resumption_keep(&device->resumption, &device->install,
                                &device->download.transfer.etag, device->now_ms, false);
    if (device->resumption.failed)
        device_broken(device, "how far a download is could not be kept");
    if (device->resumption.kept == before || device->resumption.kept == 0)
        return;
    device->promises.kept = device->resumption.kept;
    device_mark(device);
}

/* Until it is whole, or its last frame has begun and the plan has it break off there. */
static enum kedge_rc fetch(struct device *device, const struct kedge_download_point *from,
                           uint32_t end)
{
    const struct kedge_download_sink sink = {.context = device, .push = push, .restart = restart};
    enum kedge_download_step step;
    uint64_t wait_ms;
    uint32_t number;
    kedge_download_begin(&device->download, &sink, from, PATIENCE_MS, device->now_ms);
    while ((step = kedge_download_next(&device->download, device->now_ms, &wait_ms, &number)) ==
           KEDGE_DOWNLOAD_ASK) {
        if (number >= end)
            return KEDGE_OK;
        kedge_download_asked(&device->download, device->now_ms);
        answer(device, number);
        keep(device);
    }
    if (step == KEDGE_DOWNLOAD_DONE)
        return kedge_install_end(&device->install);
    return step == KEDGE_DOWNLOAD_FAILED ? device->download.transfer.failure : KEDGE_E_STATE;
}

static enum kedge_rc attempt(struct device *device, uint8_t slot, bool may_resume, uint32_t end)
{
    struct kedge_download_point from = {.offset = 0};
    if (!may_resume || !resume(device, slot, &from))
        KEDGE_TRY(begin(device, slot));
    return fetch(device, &from, end);
}

/* Nothing is promised from here on, whether the file is gone at once or not. */
static void drop(struct device *device)
{
    device->promises.kept = 0;
    device_mark(device);
    kedge_resumption_drop(&device->resumption);
}

/* The next session is the next step's: perhaps of another package at the same place. */
static void break_off(struct device *device)
{
    const struct plan *plan = device->plan;
    uint64_t step = device->promises.step++;
    if (device->resumption.kept == 0)
        device_broken(device, "of a download of several frames nothing was kept");
    if (plan->steps[step].package != plan->steps[step + 1].package)
        device->promises.kept = 0;
    device_mark(device);
}

bool device_download(struct device *device, uint8_t slot, const struct package *package)
{
    bool breaks_off = device->plan->steps[device->promises.step].behaviour == BREAKS_OFF;
    uint32_t end = breaks_off ? (2 * KEDGE_FRAME_MAX + BLOCK_SIZE) / BLOCK_SIZE + 1 : UINT32_MAX;
    device->served = package;
    device->now_ms = 0;
    device->resumption = (struct kedge_resumption){.folder = sim_folder(&device->sim)};
    enum kedge_rc rc = attempt(device, slot, true, end);
    if (rc != KEDGE_OK && device->install.stage == KEDGE_INSTALL_FAILED &&
        device->install.resumed) {
        /* Only cells that do not hold can be why: all else was found out before. */
        if (device->promises.damaged == 0)
            device_failed(device, rc, "a download that went on failed");
        drop(device);
        rc = attempt(device, slot, false, end);
    }
    if (rc == KEDGE_OK && !device->download.transfer.finished) {
        break_off(device);
        return false;
    }
    drop(device);
    if (rc != KEDGE_OK)
        device_agent_applies(device, KEDGE_FIRMWARE_DOWNLOAD_FAILED, kedge_rc_update_result(rc),
                             kedge_rc_text(rc));
    return !device_failed(device, rc, "a download failed");
}
