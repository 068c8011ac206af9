/*
 * bench_fleet_load.c: asks as many devices would, as fast as it is answered, with a bounded number
 * of requests under way. What the server asks of its devices is answered with 4.04.
 *
 *    bench_fleet_load SERVER DEVICES     then one command a line, each answered by one line
 *
 *    register WINDOW            every device registers; answered when the server has gone quiet
 *    update COUNT WINDOW        so many registration updates, over the devices in turn
 *    block COUNT WINDOW PATH BLOCKS    so many GETs of PATH, each of the first WINDOW devices
 * walking over its BLOCKS blocks of 1 KiB again and again
 *    push COUNT WINDOW          so many blocks that the floor pushes to the first WINDOW devices
 *
 * An answer is: requests answered, requests sent again, seconds.
 */
#define _GNU_SOURCE
#include "tests/bench/load.h"

#include <inttypes.h>
#include <kedge/coap.h>
#include <kedge/lwm2m.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOST_MS 1000u /* an answer that takes longer is asked for again */
#define LOCATION_MAX 63u
#define WINDOW_MAX 4096u

enum what { REGISTER, UPDATE, BLOCK, PUSH };

struct client {
    char location[LOCATION_MAX + 1];
    uint16_t message_id;
    bool waiting;
    uint32_t block;
    uint64_t sent_ms;
};

static struct {
    struct swarm_network network;
    struct swarm_address server;
    struct client *clients;
    uint32_t client_count;
    enum what what;
    char path[128];
    uint32_t blocks;
    uint64_t begun;
    struct load_progress progress;
    uint32_t next, window, under_way;
} load;

static void send_message(uint32_t index, const struct kedge_coap_builder *builder)
{
    struct kedge_slice message;
    if (kedge_coap_finish(builder, &message) == KEDGE_OK)
        network_send(&load.network, (struct swarm_place){.index = index}, &load.server, message);
}

static void add_register(struct kedge_coap_builder *out, uint32_t index)
{
    char endpoint[32];
    (void)snprintf(endpoint, sizeof endpoint, "ep=load-%" PRIu32, index);
    kedge_coap_add_path(out, KEDGE_COAP_URI_PATH, "rd");
    kedge_coap_add_uint(out, KEDGE_COAP_CONTENT_FORMAT, KEDGE_LWM2M_FORMAT_LINK);
    kedge_coap_add_option(out, KEDGE_COAP_URI_QUERY, kedge_slice_text(endpoint));
    kedge_coap_add_option(out, KEDGE_COAP_URI_QUERY, kedge_slice_text("lt=86400"));
    kedge_coap_add_option(out, KEDGE_COAP_URI_QUERY, kedge_slice_text("lwm2m=1.1"));
    kedge_coap_add_option(out, KEDGE_COAP_URI_QUERY, kedge_slice_text("b=U"));
    kedge_coap_add_payload(out, kedge_slice_text("</1/0>,</3/0>"));
}

static void ask(uint32_t index)
{
    static const uint8_t codes[] = {KEDGE_COAP_POST, KEDGE_COAP_POST, KEDGE_COAP_GET,
                                    KEDGE_COAP_PUT};
    struct client *client = &load.clients[index];
    struct kedge_coap_block block = {.number = client->block, .size_exponent = 6};
    struct kedge_coap_builder builder;
    uint8_t buffer[SWARM_SEND_MAX];
    client->sent_ms = load_now_ms();
    kedge_coap_begin(&builder, buffer, sizeof buffer, KEDGE_COAP_CON, codes[load.what],
                     client->message_id,
                     kedge_slice(&client->message_id, sizeof client->message_id));
    if (load.what == REGISTER)
        add_register(&builder, index);
    else
        kedge_coap_add_path(&builder, KEDGE_COAP_URI_PATH,
                            load.what == UPDATE ? client->location : load.path);
    if (load.what == BLOCK)
        kedge_coap_add_uint(&builder, KEDGE_COAP_BLOCK2, kedge_coap_block_value(&block));
    send_message(index, &builder);
}

static void begin_more(void)
{
    uint32_t among = load.what == BLOCK || load.what == PUSH ? load.window : load.client_count;
    while (load.under_way < load.window && load.begun < load.progress.wanted) {
        struct client *client = &load.clients[load.next];
        if (client->waiting)
            return; /* the slowest one is as far behind as the window is wide */
        client->waiting = true;
        client->message_id++;
        load.under_way++;
        load.begun++;
        ask(load.next);
        load.next = (load.next + 1) % among;
    }
}

static void take_location(struct client *client, const struct kedge_coap_message *message)
{
    struct kedge_coap_options walk = kedge_coap_options(message);
    struct kedge_coap_option option;
    size_t size = 0;
    while (kedge_coap_option_next(&walk, &option)) {
        if (option.number != KEDGE_COAP_LOCATION_PATH ||
            size + option.value.size + 1 > LOCATION_MAX)
            continue;
        if (size > 0)
            client->location[size++] = '/';
        memcpy(client->location + size, option.value.data, option.value.size);
        size += option.value.size;
    }
    client->location[size] = '\0';
}

static void answer_server(uint32_t index, const struct kedge_coap_message *request)
{
    struct kedge_coap_builder builder;
    uint8_t buffer[32];
    load.progress.asked_ms = load_now_ms();
    kedge_coap_begin(&builder, buffer, sizeof buffer, KEDGE_COAP_ACK, KEDGE_COAP_NOT_FOUND,
                     request->message_id, kedge_slice(request->token, request->token_size));
    send_message(index, &builder);
}

/* The next block comes upon the answer to this one: a device asks once, and then only answers. */
static void take_block(uint32_t index, const struct kedge_coap_message *request,
                       const struct kedge_coap_block *block)
{
    struct client *client = &load.clients[index];
    struct kedge_coap_builder builder;
    uint8_t buffer[32];
    if (!client->waiting || load.progress.done >= load.progress.wanted)
        return;
    client->sent_ms = load_now_ms();
    load.progress.done++;
    kedge_coap_begin(&builder, buffer, sizeof buffer, KEDGE_COAP_ACK, KEDGE_COAP_CONTINUE,
                     request->message_id, kedge_slice(request->token, request->token_size));
    kedge_coap_add_uint(&builder, KEDGE_COAP_BLOCK1, kedge_coap_block_value(block));
    send_message(index, &builder);
}

static void on_request(uint32_t index, const struct kedge_coap_message *request)
{
    struct kedge_coap_block block;
    if (load.what == PUSH && kedge_coap_block_find(request, KEDGE_COAP_BLOCK1, &block) == KEDGE_OK)
        take_block(index, request, &block);
    else
        answer_server(index, request);
}

static void on_datagram(void *context, struct swarm_place to, const struct swarm_address *from,
                        struct kedge_slice bytes)
{
    struct kedge_coap_message message;
    (void)context;
    (void)from;
    if (to.index >= load.client_count || kedge_coap_parse(bytes, &message) != KEDGE_OK)
        return;
    struct client *client = &load.clients[to.index];
    if (message.code > 0 && message.code >> 5 == 0) {
        on_request(to.index, &message);
        return;
    }
    if (!client->waiting || message.message_id != client->message_id ||
        message.type != KEDGE_COAP_ACK)
        return;
    client->waiting = false;
    load.under_way--;
    load.progress.done++;
    if (message.code >> 5 != 2)
        load.progress.failed++;
    if (message.code == KEDGE_COAP_CREATED)
        take_location(client, &message);
    if (load.what == BLOCK)
        client->block = (client->block + 1) % load.blocks;
    begin_more();
}

static void ask_again(uint64_t now)
{
    for (uint32_t i = 0; i < load.client_count; i++) {
        if (!load.clients[i].waiting || now - load.clients[i].sent_ms < LOST_MS)
            continue;
        load.progress.again++;
        ask(i);
    }
}

static bool run(uint64_t count, uint32_t window)
{
    load.progress = (struct load_progress){
        .wanted = count, .until_quiet = load.what == REGISTER, .asked_ms = load_now_ms()};
    load.begun = load.next = load.under_way = 0;
    for (uint32_t i = 0; i < load.client_count; i++)
        load.clients[i].waiting = false;
    load.window = window < load.client_count ? window : load.client_count;
    begin_more();
    return load_wait(&load.network, &load.progress, LOST_MS, ask_again);
}

static bool obey(const char *line)
{
    uint64_t count;
    uint32_t window;
    if (sscanf(line, "register %" SCNu32, &window) == 1) {
        load.what = REGISTER;
        return window <= WINDOW_MAX && run(load.client_count, window);
    }
    if (sscanf(line, "update %" SCNu64 " %" SCNu32, &count, &window) == 2) {
        load.what = UPDATE;
        return window <= WINDOW_MAX && run(count, window);
    }
    if (sscanf(line, "block %" SCNu64 " %" SCNu32 " %127s %" SCNu32, &count, &window, load.path,
               &load.blocks) == 4 &&
        load.blocks > 0) {
        load.what = BLOCK;
        return window <= WINDOW_MAX && run(count, window);
    }
    if (sscanf(line, "push %" SCNu64 " %" SCNu32, &count, &window) == 2) {
        load.what = PUSH;
        return window <= WINDOW_MAX && run(count, window);
    }
    return false;
}

int main(int argc, char **argv)
{
    load.client_count = load_arguments(argc, argv, &load.server);
    if (load.client_count == 0)
        return 2;
    load.clients = calloc(load.client_count, sizeof *load.clients);
    if (load.clients == NULL || network_open(&load.network, &load.server, load.client_count,
                                             on_datagram, NULL) != KEDGE_OK) {
        perror("bench_fleet_load");
        return 1;
    }
    return load_obey(argv[0], obey);
}
