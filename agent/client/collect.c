/* collect.c: see collect.h. */
#include "agent/client/collect.h"

#include <kedge/lwm2m_records.h>
#include <string.h>

static enum kedge_rc push(void *context, struct kedge_slice bytes)
{
    struct kedge_collect *collect = context;
    if (bytes.size > collect->capacity - collect->size)
        return KEDGE_E_SPACE;
    memcpy(collect->bytes + collect->size, bytes.data, bytes.size);
    collect->size += bytes.size;
    return KEDGE_OK;
}

static enum kedge_rc restart(void *context)
{
    ((struct kedge_collect *)context)->size = 0;
    return KEDGE_OK;
}

static bool is_of(const struct kedge_collect *collect, const struct kedge_model_request *request)
{
    return collect->method == request->method && collect->format == request->format &&
           collect->path.depth == request->path.depth &&
           kedge_lwm2m_path_shares(&collect->path, &request->path, request->path.depth);
}

static void begin(struct kedge_collect *collect, const struct kedge_model_request *request,
                  uint64_t now_ms)
{
    const struct kedge_download_sink sink = {.context = collect, .push = push, .restart = restart};
    kedge_collect_clear(collect);
    collect->method = request->method;
    collect->path = request->path;
    collect->format = request->format;
    kedge_intake_begin(&collect->intake, &sink, KEDGE_COLLECT_PATIENCE_MS, now_ms);
}

uint8_t kedge_collect_take(struct kedge_collect *collect, struct kedge_model_request *request,
                           const struct kedge_intake_block *block, uint64_t now_ms)
{
    uint64_t wait_ms = UINT64_MAX;
    bool quiet;
    (void)kedge_intake_poll(&collect->intake, now_ms, &wait_ms, &quiet); /* the end of patience */
    bool again = is_of(collect, request) && kedge_intake_knows(&collect->intake, block);
    if (again && collect->intake.finished && !block->more && collect->answered != 0)
        return collect->answered;
    /* A tag may be used again when its request was answered (RFC 9175, section 3.4); the same
     * message that comes twice does not come here. */
    if (block->number == 0 && (!again || collect->intake.finished))
        begin(collect, request, now_ms);
    if (!is_of(collect, request))
        return KEDGE_COAP_INCOMPLETE;
    if (block->number == 0 && block->total > collect->capacity) {
        kedge_collect_clear(collect);
        return KEDGE_COAP_TOO_LARGE;
    }
    uint8_t code = kedge_intake_take(&collect->intake, block, now_ms);
    request->payload = kedge_slice(collect->bytes, collect->size);
    return code == KEDGE_COAP_CHANGED ? 0 : code;
}

void kedge_collect_answered(struct kedge_collect *collect, uint8_t code)
{
    collect->answered = code;
}

void kedge_collect_clear(struct kedge_collect *collect)
{
    kedge_intake_end(&collect->intake);
    collect->size = 0;
    collect->answered = 0;
}
