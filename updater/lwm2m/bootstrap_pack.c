/*
 * bootstrap_pack.c: all that a device is given in one answer (OMA LwM2M Core 1.2, section 6.1.7.5),
 * block by block when it is large. It is kept as long as a session may last, since each block is
 * asked for by itself, and an answer that was lost is asked for again.
 */
#include <string.h>

#include "updater/lwm2m/bootstrap_internal.h"
#include "updater/lwm2m/formats.h"
#include "updater/net/blob.h"

static void on_limit(void *context)
{
    bootstrap_session_end(context);
}

enum kedge_rc bootstrap_pack_make(struct bootstrap_session *session)
{
    struct kedge_bootstrap *bootstrap = session->bootstrap;
    uint8_t bytes[BOOTSTRAP_PAYLOAD_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    enum kedge_rc rc = bootstrap_write_pack(&session->account, session->pack_format, &out);
    if (rc == KEDGE_OK)
        rc = bootstrap_keep(&out, &session->pack, &session->pack_size);
    kedge_wipe(bytes, sizeof bytes);
    KEDGE_TRY(rc);
    session->begun = true;
    bootstrap_trace(bootstrap, session->endpoint, KEDGE_BOOTSTRAP_PACKED, "%zu bytes of %s",
                    out.size, format_name(session->pack_format));
    kedge_net_timer_arm(bootstrap->net, &session->timer,
                        kedge_net_now_ms(bootstrap->net) + bootstrap->limit_ms, on_limit, session);
    return KEDGE_OK;
}

void bootstrap_pack_serve(const struct bootstrap_session *session,
                          const struct kedge_coap_message *request, struct kedge_net_reply *reply)
{
    uint64_t etag = kedge_siphash(&session->bootstrap->key, session->pack, session->pack_size);
    uint8_t etag_bytes[sizeof etag];
    memcpy(etag_bytes, &etag, sizeof etag);
    const struct kedge_blob blob = {.bytes = kedge_slice(session->pack, session->pack_size),
                                    .etag = kedge_slice(etag_bytes, sizeof etag_bytes),
                                    .content_format = (uint16_t)session->pack_format};
    (void)kedge_blob_serve(&blob, request, reply);
}
