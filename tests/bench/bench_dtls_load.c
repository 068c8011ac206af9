/*
 * bench_dtls_load.c: devices with pre-shared keys that make associations as fast as the server
 * does, with a bounded number of handshakes under way.
 *
 *    bench_dtls_load SERVER DEVICES     then one command a line, each answered by one line
 *
 *    register WINDOW            every device makes an association and registers; answered when the
 *                               server, which asks them who they are, has gone quiet
 *    handshake COUNT WINDOW     so many devices in turn begin anew from their addresses, as after a
 *                               restart, and make another association
 *    bootstrap COUNT WINDOW     likewise, and in it they ask to be bootstrapped, and answer each
 *                               step as LwM2M 1.1 has it, until Finish
 *
 * An answer is: done, messages sent again, seconds.
 */
#define _GNU_SOURCE
#include "tests/bench/bench_dtls.h"
#include "tests/bench/load.h"

#include <inttypes.h>
#include <kedge/coap.h>
#include <kedge/lwm2m.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOST_MS 1100u /* behind GnuTLS's own time to send a flight again */

enum step { IDLE, SHAKING, REGISTERING, REQUESTING, BOOTSTRAPPING };

struct client {
    gnutls_session_t tls;
    enum step step;
    uint16_t message_id;
    uint64_t sent_ms;
};

static struct {
    struct swarm_network network;
    struct swarm_address server;
    struct client *clients;
    uint32_t client_count, next, window, under_way;
    uint64_t begun;
    struct load_progress progress;
    enum step goal; /* what follows a handshake */
    gnutls_priority_t priorities;
    gnutls_psk_client_credentials_t psk;
} load;

static uint32_t index_of(const struct client *client)
{
    return (uint32_t)(client - load.clients);
}

/* ---- GnuTLS's way in and out ---- */

static ssize_t push(gnutls_transport_ptr_t context, const void *data, size_t size)
{
    network_send(&load.network, (struct swarm_place){.index = index_of(context)}, &load.server,
                 kedge_slice(data, size));
    return (ssize_t)size;
}

static int tell_key(gnutls_session_t tls, char **identity, gnutls_datum_t *key)
{
    uint32_t index = index_of(gnutls_session_get_ptr(tls));
    *identity = gnutls_malloc(BENCH_NAME_MAX);
    key->data = gnutls_malloc(BENCH_KEY_SIZE);
    key->size = BENCH_KEY_SIZE;
    if (*identity == NULL || key->data == NULL)
        return -1;
    (void)snprintf(*identity, BENCH_NAME_MAX, BENCH_NAME "%" PRIu32, index);
    bench_key(index, key->data);
    return 0;
}

/* What it had is forgotten without a word, as by a device that restarts. */
static void begin_anew(struct client *client)
{
    if (client->tls != NULL)
        gnutls_deinit(client->tls);
    client->tls = NULL;
    if (gnutls_init(&client->tls, GNUTLS_CLIENT | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK |
                                      GNUTLS_NO_EXTENSIONS) != GNUTLS_E_SUCCESS ||
        gnutls_priority_set(client->tls, load.priorities) != GNUTLS_E_SUCCESS ||
        gnutls_credentials_set(client->tls, GNUTLS_CRD_PSK, load.psk) != GNUTLS_E_SUCCESS) {
        perror("bench_dtls_load: GnuTLS");
        exit(1);
    }
    gnutls_session_set_ptr(client->tls, client);
    bench_transport(client->tls, client, push);
}

/* ---- one device ---- */

static void send_message(struct client *client, const struct kedge_coap_builder *builder)
{
    struct kedge_slice message;
    if (kedge_coap_finish(builder, &message) == KEDGE_OK)
        (void)gnutls_record_send(client->tls, message.data, message.size);
}

static void send_register(struct client *client)
{
    struct kedge_coap_builder builder;
    uint8_t buffer[256];
    char endpoint[32];
    (void)snprintf(endpoint, sizeof endpoint, "ep=" BENCH_NAME "%" PRIu32, index_of(client));
    kedge_coap_begin(&builder, buffer, sizeof buffer, KEDGE_COAP_CON, KEDGE_COAP_POST,
                     client->message_id, kedge_slice("r", 1));
    kedge_coap_add_path(&builder, KEDGE_COAP_URI_PATH, "rd");
    kedge_coap_add_uint(&builder, KEDGE_COAP_CONTENT_FORMAT, KEDGE_LWM2M_FORMAT_LINK);
    kedge_coap_add_option(&builder, KEDGE_COAP_URI_QUERY, kedge_slice_text(endpoint));
    kedge_coap_add_option(&builder, KEDGE_COAP_URI_QUERY, kedge_slice_text("lt=86400"));
    kedge_coap_add_option(&builder, KEDGE_COAP_URI_QUERY, kedge_slice_text("lwm2m=1.1"));
    kedge_coap_add_option(&builder, KEDGE_COAP_URI_QUERY, kedge_slice_text("b=U"));
    kedge_coap_add_payload(&builder, kedge_slice_text("</1/0>,</3/0>"));
    send_message(client, &builder);
}

static void send_bootstrap_request(struct client *client)
{
    struct kedge_coap_builder builder;
    uint8_t buffer[128];
    char endpoint[32];
    (void)snprintf(endpoint, sizeof endpoint, "ep=" BENCH_NAME "%" PRIu32, index_of(client));
    kedge_coap_begin(&builder, buffer, sizeof buffer, KEDGE_COAP_CON, KEDGE_COAP_POST,
                     client->message_id, kedge_slice("b", 1));
    kedge_coap_add_path(&builder, KEDGE_COAP_URI_PATH, "bs");
    kedge_coap_add_option(&builder, KEDGE_COAP_URI_QUERY, kedge_slice_text(endpoint));
    kedge_coap_add_option(&builder, KEDGE_COAP_URI_QUERY, kedge_slice_text("pct=11542"));
    send_message(client, &builder);
}

static void send_request(struct client *client)
{
    if (client->step == REGISTERING)
        send_register(client);
    else if (client->step == REQUESTING)
        send_bootstrap_request(client);
}

static void begin_more(void);

static void end(struct client *client)
{
    client->step = IDLE;
    load.under_way--;
    load.progress.done++;
    begin_more();
}

static void shake(struct client *client)
{
    int code;
    do {
        code = gnutls_handshake(client->tls);
    } while (code < 0 && code != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(code));
    if (code == GNUTLS_E_AGAIN)
        return;
    if (code != GNUTLS_E_SUCCESS) {
        if (load.progress.failed++ == 0)
            fprintf(stderr, "bench_dtls_load: device %" PRIu32 ": %s\n", index_of(client),
                    gnutls_strerror(code));
        end(client);
        return;
    }
    if (load.goal == IDLE) {
        end(client);
        return;
    }
    client->step = load.goal;
    client->message_id++;
    send_request(client);
}

static void begin_more(void)
{
    while (load.under_way < load.window && load.begun < load.progress.wanted) {
        struct client *client = &load.clients[load.next];
        if (client->step != IDLE)
            return;
        load.next = (load.next + 1) % load.client_count;
        load.under_way++;
        load.begun++;
        client->step = SHAKING;
        client->sent_ms = load_now_ms();
        begin_anew(client);
        shake(client);
    }
}

static void answer(struct client *client, const struct kedge_coap_message *request, uint8_t code,
                   uint32_t format, struct kedge_slice payload)
{
    struct kedge_coap_builder builder;
    uint8_t buffer[128];
    kedge_coap_begin(&builder, buffer, sizeof buffer, KEDGE_COAP_ACK, code, request->message_id,
                     kedge_slice(request->token, request->token_size));
    if (payload.size > 0)
        kedge_coap_add_uint(&builder, KEDGE_COAP_CONTENT_FORMAT, format);
    kedge_coap_add_payload(&builder, payload);
    send_message(client, &builder);
}

/* Whatever it is given, it takes; the server object's Short Server ID is the one that is written.
 */
static void answer_step(struct client *client, const struct kedge_coap_message *request)
{
    static const uint8_t server_id[] = {0xC1, 0, 1};
    const struct kedge_slice nothing = kedge_slice(NULL, 0);
    client->sent_ms = load_now_ms();
    client->step = BOOTSTRAPPING;
    if (request->code == KEDGE_COAP_DELETE)
        answer(client, request, KEDGE_COAP_DELETED, 0, nothing);
    else if (request->code != KEDGE_COAP_GET)
        answer(client, request, KEDGE_COAP_CHANGED, 0, nothing);
    else if (kedge_coap_path_is(request, ""))
        answer(client, request, KEDGE_COAP_CONTENT, KEDGE_LWM2M_FORMAT_LINK,
               kedge_slice_text("</>;lwm2m=1.1,</0/0>,</1/0>,</3/0>"));
    else
        answer(client, request, KEDGE_COAP_CONTENT, KEDGE_LWM2M_FORMAT_TLV,
               kedge_slice(server_id, sizeof server_id));
    if (request->code == KEDGE_COAP_POST)
        end(client);
}

static void take_answer(struct client *client, const struct kedge_coap_message *message)
{
    if (client->step == REGISTERING) {
        load.progress.failed += message->code != KEDGE_COAP_CREATED;
        load.progress.asked_ms = load_now_ms();
        end(client);
    } else if (client->step == REQUESTING && message->code == KEDGE_COAP_CHANGED) {
        client->step = BOOTSTRAPPING;
    } else if (client->step == REQUESTING) {
        load.progress.failed++;
        end(client);
    }
}

static void on_message(struct client *client, struct kedge_slice bytes)
{
    struct kedge_coap_message message;
    if (kedge_coap_parse(bytes, &message) != KEDGE_OK)
        return;
    if (message.code > 0 && message.code >> 5 == 0) {
        load.progress.asked_ms = load_now_ms();
        if (client->step == REQUESTING || client->step == BOOTSTRAPPING)
            answer_step(client, &message);
        else
            answer(client, &message, KEDGE_COAP_NOT_FOUND, 0, kedge_slice(NULL, 0));
    } else if (message.type == KEDGE_COAP_ACK && message.message_id == client->message_id) {
        take_answer(client, &message);
    }
}

static void on_datagram(void *context, struct swarm_place to, const struct swarm_address *from,
                        struct kedge_slice bytes)
{
    uint8_t plain[2048];
    (void)context;
    (void)from;
    if (to.index >= load.client_count || load.clients[to.index].tls == NULL)
        return;
    struct client *client = &load.clients[to.index];
    bench_incoming = bytes;
    if (client->step == SHAKING) {
        shake(client);
    } else {
        ssize_t size = gnutls_record_recv(client->tls, plain, sizeof plain);
        if (size > 0)
            on_message(client, kedge_slice(plain, (size_t)size));
    }
    bench_incoming = kedge_slice(NULL, 0);
}

/* ---- commands ---- */

static void ask_again(uint64_t now)
{
    for (uint32_t i = 0; i < load.client_count; i++) {
        struct client *client = &load.clients[i];
        if (client->step == IDLE || now - client->sent_ms < LOST_MS)
            continue;
        load.progress.again++;
        client->sent_ms = now;
        if (client->step == SHAKING)
            shake(client);
        else
            send_request(client);
    }
}

static bool run(uint64_t count, uint32_t window, enum step goal)
{
    load.goal = goal;
    load.progress = (struct load_progress){
        .wanted = count, .until_quiet = goal == REGISTERING, .asked_ms = load_now_ms()};
    load.begun = load.next = load.under_way = 0;
    load.window = window < load.client_count ? window : load.client_count;
    begin_more();
    return load_wait(&load.network, &load.progress, LOST_MS, ask_again);
}

static bool obey(const char *line)
{
    uint64_t count;
    uint32_t window;
    if (sscanf(line, "register %" SCNu32, &window) == 1)
        return run(load.client_count, window, REGISTERING);
    if (sscanf(line, "handshake %" SCNu64 " %" SCNu32, &count, &window) == 2)
        return run(count, window, IDLE);
    if (sscanf(line, "bootstrap %" SCNu64 " %" SCNu32, &count, &window) == 2)
        return run(count, window, REQUESTING);
    return false;
}

static bool open_keys(void)
{
    if (gnutls_priority_init(&load.priorities, BENCH_SUITE, NULL) != GNUTLS_E_SUCCESS ||
        gnutls_psk_allocate_client_credentials(&load.psk) != GNUTLS_E_SUCCESS)
        return false;
    gnutls_psk_set_client_credentials_function(load.psk, tell_key);
    return true;
}

int main(int argc, char **argv)
{
    load.client_count = load_arguments(argc, argv, &load.server);
    if (load.client_count == 0)
        return 2;
    load.clients = calloc(load.client_count, sizeof *load.clients);
    if (load.clients == NULL || !open_keys() ||
        network_open(&load.network, &load.server, load.client_count, on_datagram, NULL) !=
            KEDGE_OK) {
        perror("bench_dtls_load");
        return 1;
    }
    return load_obey(argv[0], obey);
}
