/*
 * dtls_scene.h: a server at the end of a wire, two devices that are enrolled there, and what the
 * server has seen of them.
 */
#ifndef KEDGE_TESTS_DTLS_SCENE_H
#define KEDGE_TESTS_DTLS_SCENE_H

#include "tests/unit/net/dtls_wire.h"

struct scene {
    struct wire wire;
    bool gone;         /* nobody is enrolled any more */
    unsigned requests; /* that were handled */
    unsigned lookups;
    unsigned failures; /* that were reported */
    struct kedge_net_certificates files;
    char key_name[40], certificate_name[40];
    char name[KEDGE_NET_NAME_MAX + 1]; /* of who asked last */
};

static inline enum kedge_rc find_key(void *context, const char *identity,
                                     struct kedge_net_secret *secret)
{
    struct scene *scene = context;
    static const char *const rows[][3] = {{"id-one", "device-one", "key-of-device-one"},
                                          {"id-two", "device-two", "key-of-device-two"}};
    scene->lookups++;
    for (size_t i = 0; !scene->gone && i < 2; i++) {
        if (strcmp(rows[i][0], identity) != 0)
            continue;
        *secret = (struct kedge_net_secret){.key_size = strlen(rows[i][2])};
        strcpy(secret->name, rows[i][1]);
        memcpy(secret->key, rows[i][2], secret->key_size);
        return KEDGE_OK;
    }
    return KEDGE_E_NOT_FOUND;
}

/* Every raw public key is that of device-one. */
static inline enum kedge_rc find_raw_key(void *context, const char *digest,
                                         char name[KEDGE_NET_NAME_MAX + 1])
{
    struct scene *scene = context;
    assert_int_equal(strlen(digest), 64);
    if (scene->gone)
        return KEDGE_E_NOT_FOUND;
    strcpy(name, "device-one");
    return KEDGE_OK;
}

static inline void report(void *context, const struct kedge_address *peer, const char *name,
                          const char *words)
{
    struct scene *scene = context;
    assert_true(peer->secure);
    assert_null(strstr(words, "key-of"));
    scene->failures += name == NULL;
}

/* Answers with the name of who asks. */
static inline void answer(void *context, const struct kedge_address *from,
                          const struct kedge_coap_message *request, struct kedge_net_reply *reply)
{
    struct scene *scene = context;
    const char *name = kedge_net_peer_name(scene->wire.net, from);
    (void)request;
    scene->requests++;
    strcpy(scene->name, name != NULL ? name : "");
    kedge_coap_add_payload(kedge_net_reply(reply, KEDGE_COAP_CHANGED),
                           kedge_slice_text(scene->name));
}

static inline int open_scene(struct scene *scene, void **state)
{
    const struct kedge_net_security security = {
        .context = scene, .find_key = find_key, .find_raw_key = find_raw_key, .report = report};
    wire_open(&scene->wire, 1, answer, scene, &security, &scene->files);
    *state = scene;
    return 0;
}

static inline int set_up(void **state)
{
    return open_scene(calloc(1, sizeof(struct scene)), state);
}

/* One that gives tickets, since it shows a raw public key. */
static inline struct scene *scene_with_key(void)
{
    struct scene *scene = calloc(1, sizeof *scene);
    strcpy(scene->key_name, "/tmp/kedge-dtls-key-XXXXXX");
    wire_make_key(scene->key_name);
    scene->files.key_file = scene->key_name;
    return scene;
}

static inline int set_up_with_tickets(void **state)
{
    return open_scene(scene_with_key(), state);
}

static inline int tear_down(void **state)
{
    struct scene *scene = *state;
    wire_close(&scene->wire);
    if (scene->files.key_file != NULL)
        (void)unlink(scene->files.key_file);
    if (scene->files.ca_file != NULL)
        (void)unlink(scene->files.ca_file);
    free(scene);
    return 0;
}

static inline void open_one(struct client *client, struct scene *scene, uint16_t port)
{
    client_open(client, &scene->wire, port, CCM8, "id-one", "key-of-device-one");
}

#endif
