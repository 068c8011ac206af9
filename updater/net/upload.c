/* upload.c: see upload.h. */
#include "updater/net/upload.h"

#include "updater/net/internal.h"

#define LARGEST_EXPONENT 6u /* 1,024 bytes: with the head still below 1,280 */

static void on_answer(void *context, enum kedge_rc rc, const struct kedge_coap_message *response);

/* Unique for this process at least, and another one has another key. */
static uint64_t new_tag(struct kedge_net *net)
{
    uint64_t tag;
    do {
        net->last_tag++;
        tag = kedge_siphash(&net->key, &net->last_tag, sizeof net->last_tag);
    } while (tag == 0);
    return tag;
}

static enum kedge_rc send_block(struct kedge_upload *upload)
{
    struct kedge_slice body;
    struct kedge_coap_block block = {.size_exponent = upload->size_exponent};
    KEDGE_TRY(upload->owner->body(upload->context, &body));
    if (body.size <= upload->offset)
        return KEDGE_E_ARGUMENT;
    size_t size = kedge_coap_block_size(&block);
    if ((body.size - 1) / size >= KEDGE_UPLOAD_BLOCKS_MAX)
        return KEDGE_E_LIMIT;
    /* Smaller blocks begin where larger ones ended, so the offset is always a multiple. */
    block.number = (uint32_t)(upload->offset / size);
    block.more = body.size - upload->offset > size;
    upload->sent_last = !block.more;
    upload->sent_size = (uint16_t)(block.more ? size : body.size - upload->offset);
    const struct kedge_net_request request = {
        .method = upload->request.method,
        .path = upload->request.path,
        .content_format = upload->request.content_format,
        .accept = -1,
        .payload = kedge_slice(body.data + upload->offset, upload->sent_size),
        .block1 = &block,
        .size1 = upload->offset == 0 ? (uint32_t)body.size : 0,
        .request_tag = upload->tag};
    return kedge_net_send(upload->net, &upload->to, &request, on_answer, upload, &upload->handle);
}

static void stop(struct kedge_upload *upload, const struct kedge_upload_stop *why)
{
    upload->running = false;
    upload->owner->stopped(upload->context, why);
}

static void stop_unless(struct kedge_upload *upload, enum kedge_rc rc)
{
    if (rc != KEDGE_OK)
        stop(upload, &(struct kedge_upload_stop){.rc = rc});
}

static void on_turn(void *context)
{
    stop_unless(context, send_block(context));
}

/* Sends the next block, when it is its turn among all that carry something to devices. */
static enum kedge_rc send_in_turn(struct kedge_upload *upload)
{
    struct kedge_pace *pace = upload->request.pace;
    const struct kedge_coap_block block = {.size_exponent = upload->size_exponent};
    if (pace == NULL)
        return send_block(upload);
    const uint64_t now_ns = kedge_net_now_ms(upload->net) * 1000000u;
    const uint64_t due_ns = kedge_pace_take(pace, kedge_coap_block_size(&block), now_ns);
    if (due_ns <= now_ns)
        return send_block(upload);
    if (upload->owner->waits != NULL)
        upload->owner->waits(upload->context, (due_ns - now_ns) / 1000000u);
    kedge_net_timer_arm(upload->net, &upload->timer, (due_ns + 999999u) / 1000000u, on_turn,
                        upload);
    return KEDGE_OK;
}

static void on_due(void *context)
{
    stop_unless(context, send_in_turn(context));
}

/* The next block leaves as soon as the pace allows. */
static void send_next(struct kedge_upload *upload)
{
    uint64_t now_us = kedge_net_now_ms(upload->net) * 1000u;
    if (upload->request.bytes_per_s == 0) {
        on_due(upload);
        return;
    }
    /* Small blocks and fast paces are far less than a millisecond apart. */
    upload->due_us += ((uint64_t)upload->sent_size * 1000000u + upload->request.bytes_per_s - 1) /
                      upload->request.bytes_per_s;
    if (upload->due_us + KEDGE_UPLOAD_LAG_MAX_MS * 1000u < now_us)
        upload->due_us = now_us - KEDGE_UPLOAD_LAG_MAX_MS * 1000u;
    if (upload->due_us <= now_us)
        on_due(upload);
    else
        kedge_net_timer_arm(upload->net, &upload->timer, (upload->due_us + 999u) / 1000u, on_due,
                            upload);
}

/* ---- answers ---- */

static void take_confirmation(struct kedge_upload *upload, uint8_t code,
                              const struct kedge_coap_block *said)
{
    upload->offset += upload->sent_size;
    if (said->size_exponent < upload->size_exponent)
        upload->size_exponent = said->size_exponent;
    upload->owner->progress(upload->context, upload->offset, code);
    send_next(upload);
}

static void begin_anew(struct kedge_upload *upload, uint8_t code)
{
    upload->offset = 0;
    upload->tag = new_tag(upload->net);
    upload->owner->progress(upload->context, 0, code);
    send_next(upload);
}

static void take_answer(struct kedge_upload *upload, const struct kedge_coap_message *response)
{
    struct kedge_coap_block said = {.size_exponent = upload->size_exponent};
    struct kedge_upload_stop end = {
        .rc = KEDGE_E_REFUSED, .code = response->code, .response = response};
    enum kedge_rc block_rc = kedge_coap_block_find(response, KEDGE_COAP_BLOCK1, &said);
    bool goes_on = response->code == KEDGE_COAP_CONTINUE;
    bool taken = response->code >> 5 == 2;
    if (taken && !goes_on && upload->sent_last) {
        upload->offset += upload->sent_size;
        upload->owner->progress(upload->context, upload->offset, response->code);
        end.rc = KEDGE_OK;
        stop(upload, &end);
        return;
    }
    if (taken && (block_rc == KEDGE_OK || (goes_on && block_rc == KEDGE_E_NOT_FOUND)) &&
        !upload->sent_last) {
        take_confirmation(upload, response->code, &said);
        return;
    }
    if (taken) {
        /* It waits for more when there is none, or does not know that this was a part. */
        end.rc = KEDGE_E_MALFORMED;
        stop(upload, &end);
        return;
    }
    if (response->code == KEDGE_COAP_INCOMPLETE && upload->restarts < KEDGE_UPLOAD_RESTARTS_MAX) {
        upload->restarts++;
        begin_anew(upload, response->code);
        return;
    }
    if (response->code == KEDGE_COAP_TOO_LARGE && block_rc == KEDGE_OK &&
        said.size_exponent < upload->size_exponent) {
        upload->size_exponent = said.size_exponent;
        begin_anew(upload, response->code);
        return;
    }
    if (response->code == KEDGE_COAP_TOO_LARGE &&
        !kedge_coap_option_uint(response, KEDGE_COAP_SIZE1, &end.size_max))
        end.size_max = 0;
    stop(upload, &end);
}

static void on_answer(void *context, enum kedge_rc rc, const struct kedge_coap_message *response)
{
    struct kedge_upload *upload = context;
    upload->handle = 0;
    if (rc == KEDGE_OK) {
        take_answer(upload, response);
        return;
    }
    /* An RST: it has lost what it knew of us, and will be asked what it looks like now. */
    struct kedge_upload_stop held_up = {.rc = rc == KEDGE_E_REFUSED ? KEDGE_E_CONNECTION : rc};
    stop(upload, &held_up);
}

/* ---- beginning, going on, ending ---- */

enum kedge_rc kedge_upload_begin(struct kedge_upload *upload, struct kedge_net *net,
                                 const struct kedge_address *to,
                                 const struct kedge_upload_request *request,
                                 const struct kedge_upload_owner *owner, void *context)
{
    kedge_upload_cancel(upload);
    *upload = (struct kedge_upload){.net = net,
                                    .owner = owner,
                                    .context = context,
                                    .request = *request,
                                    .tag = new_tag(net),
                                    .size_exponent = LARGEST_EXPONENT};
    return kedge_upload_go_on(upload, to);
}

enum kedge_rc kedge_upload_go_on(struct kedge_upload *upload, const struct kedge_address *to)
{
    kedge_upload_cancel(upload);
    upload->to = *to;
    upload->due_us = kedge_net_now_ms(upload->net) * 1000u;
    KEDGE_TRY(send_in_turn(upload));
    upload->running = true;
    return KEDGE_OK;
}

void kedge_upload_cancel(struct kedge_upload *upload)
{
    if (upload->net == NULL)
        return;
    if (upload->handle != 0)
        kedge_net_cancel(upload->net, upload->handle);
    kedge_net_timer_cancel(upload->net, &upload->timer);
    upload->handle = 0;
    upload->running = false;
}
