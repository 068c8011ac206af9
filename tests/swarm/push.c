/*
 * push.c: a Package that is written to /5/0/0 by Block1 (RFC 7959 section 2.5). The device keeps no
 * more of it than its hash and how far it has got.
 */
#include "tests/swarm/swarm.h"

#define QUIET_MS 10000u

/* Who pushes and has gone quiet may have restarted, and have no way here until it hears something.
 */
static void on_quiet(void *context)
{
    struct device *device = context;
    if (!device->pushed || !device->downloading || !device->registered)
        return;
    device->wants_update = true;
    device_next(device);
}

/* Nothing is installed as long as blocks come, so the timer of that is free. */
static void expect_next(struct device *device)
{
    struct swarm *swarm = device->swarm;
    (void)timers_arm(&swarm->timers, &device->install_timer, swarm->now_ms + QUIET_MS, on_quiet,
                     device);
}

/* A lost answer makes the server send again what is there already. */
static uint8_t code_of_taken(const struct kedge_coap_block *block)
{
    return block->more ? KEDGE_COAP_CONTINUE : KEDGE_COAP_CHANGED;
}

/* What is the package's fault is the request's; the rest is the device's own. */
static uint8_t code_of_failure(int result)
{
    switch (result) {
    case KEDGE_RESULT_NO_FLASH:
        return KEDGE_COAP_TOO_LARGE;
    case KEDGE_RESULT_UNSUPPORTED_PACKAGE:
        return KEDGE_COAP_BAD_REQUEST;
    default:
        return KEDGE_COAP_INTERNAL_ERROR;
    }
}

/* In the size that the device wants from now on; the number stays what it was in the request. */
static void name_block(const struct device *device, const struct kedge_coap_block *block,
                       struct kedge_coap_block *answer, bool *has_answer)
{
    *has_answer = true;
    *answer = *block;
    if (device->wanted_exponent < answer->size_exponent)
        answer->size_exponent = device->wanted_exponent;
}

static uint8_t begin(struct device *device, const struct kedge_coap_message *request)
{
    struct swarm *swarm = device->swarm;
    uint32_t size = 0;
    if (kedge_coap_option_uint(request, KEDGE_COAP_SIZE1, &size) && size > SWARM_PUSHED_MAX)
        return KEDGE_COAP_TOO_LARGE;
    struct package *package = package_pushed(swarm, size, request->payload);
    if (package == NULL)
        return KEDGE_COAP_INTERNAL_ERROR;
    /* Block 0 of a transfer under way begins it anew (section 2.5). */
    if (device->state != KEDGE_FIRMWARE_DOWNLOADING || !device->pushed) {
        uint8_t code = firmware_event(device, KEDGE_FIRMWARE_PACKAGE_WRITTEN, 0);
        if (code != KEDGE_COAP_CHANGED)
            return code;
    }
    device->pushed = true;
    device->package = package;
    if (!download_open(device))
        return KEDGE_COAP_INTERNAL_ERROR;
    device->size = size;
    return KEDGE_COAP_CONTINUE;
}

static uint8_t take(struct device *device, const struct kedge_coap_block *block,
                    struct kedge_slice bytes)
{
    if (!block->more)
        device->size = device->offset + bytes.size;
    if (!download_add(device, bytes))
        return code_of_failure(device->result);
    if (block->more)
        expect_next(device);
    else
        download_finish(device);
    return code_of_taken(block);
}

static uint8_t take_next(struct device *device, const struct kedge_coap_block *block,
                         struct kedge_slice bytes)
{
    struct swarm_counts *counts = &device->swarm->counts;
    uint64_t offset = (uint64_t)block->number << (block->size_exponent + 4u);
    bool whole = device->pushed && device->state == KEDGE_FIRMWARE_DOWNLOADED;
    bool known = device->pushed && (device->downloading || whole);
    if (known && offset + bytes.size <= device->offset) {
        counts->blocks_again++;
        return code_of_taken(block);
    }
    if (known && !whole && offset == device->offset)
        return take(device, block, bytes);
    counts->gaps++;
    return KEDGE_COAP_INCOMPLETE;
}

/* The byte that resets, in whichever format it is written. */
static bool is_nul(const struct kedge_coap_message *request)
{
    static const struct kedge_lwm2m_path path = {.ids = {5, 0, KEDGE_FIRMWARE_PACKAGE}, .depth = 3};
    uint8_t buffer[8];
    struct kedge_writer scratch = kedge_writer(buffer, sizeof buffer);
    struct kedge_lwm2m_value value;
    uint32_t format = KEDGE_LWM2M_FORMAT_NONE;
    (void)kedge_coap_option_uint(request, KEDGE_COAP_CONTENT_FORMAT, &format);
    if (kedge_slice_equal(request->payload, kedge_slice("", 1)))
        return true;
    return kedge_lwm2m_value_read(format, request->payload, &path, KEDGE_LWM2M_OPAQUE, &scratch,
                                  &value) == KEDGE_OK &&
           kedge_slice_equal(value.bytes, kedge_slice("", 1));
}

uint8_t push_take(struct device *device, const struct kedge_coap_message *request,
                  struct kedge_coap_block *answer, bool *has_answer)
{
    struct kedge_coap_block block = {.size_exponent = DEVICE_LARGEST_EXPONENT};
    enum kedge_rc rc = kedge_coap_block_find(request, KEDGE_COAP_BLOCK1, &block);
    uint8_t code;
    if (rc == KEDGE_E_NOT_FOUND && is_nul(request))
        return firmware_event(device, KEDGE_FIRMWARE_PACKAGE_NUL, 0);
    if (device->swarm->options->delivery != SWARM_PUSH)
        return KEDGE_COAP_METHOD_NOT_ALLOWED;
    if ((rc != KEDGE_OK && rc != KEDGE_E_NOT_FOUND) || request->payload.size == 0 ||
        (block.more && request->payload.size != kedge_coap_block_size(&block)))
        return KEDGE_COAP_BAD_REQUEST;
    if (device->refuses_large && block.size_exponent > device->wanted_exponent && block.more) {
        name_block(device, &block, answer, has_answer); /* a hint (section 2.9.3) */
        return KEDGE_COAP_TOO_LARGE;
    }
    code = block.number > 0 ? take_next(device, &block, request->payload) : begin(device, request);
    if (block.number == 0 && code == KEDGE_COAP_CONTINUE)
        code = take(device, &block, request->payload);
    if (rc == KEDGE_OK && code >> 5 == 2)
        name_block(device, &block, answer, has_answer);
    return code;
}
