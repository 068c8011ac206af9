/* exchange_scene.h: a server that is in haste, one scripted peer, and a request to it. */
#ifndef KEDGE_TESTS_EXCHANGE_SCENE_H
#define KEDGE_TESTS_EXCHANGE_SCENE_H

#include "tests/unit/scripted_peer.h"

#define ACK_TIMEOUT_MS 40u

struct scene {
    struct kedge_net *net;
    struct scripted_peer peer;
    struct outcome outcome;
    uint64_t handle;
};

static inline int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    scene->net = server_open(ACK_TIMEOUT_MS, NULL, NULL);
    peer_open(&scene->peer, scene->net);
    *state = scene;
    return 0;
}

static inline int tear_down(void **state)
{
    struct scene *scene = *state;
    peer_close(&scene->peer);
    kedge_net_destroy(scene->net);
    free(scene);
    return 0;
}

static inline enum kedge_rc try_get(struct scene *scene, const char *path, struct outcome *outcome)
{
    struct kedge_net_request request = KEDGE_NET_REQUEST_INIT;
    request.path = path;
    request.accept = 11542;
    return kedge_net_send(scene->net, &scene->peer.address, &request, outcome_note, outcome,
                          &scene->handle);
}

static inline void get(struct scene *scene, const char *path)
{
    assert_int_equal(try_get(scene, path, &scene->outcome), KEDGE_OK);
}

/* The token of the request that came last, kept while other messages come. */
static inline struct kedge_slice keep_token(const struct scene *scene,
                                            uint8_t token[KEDGE_COAP_TOKEN_MAX])
{
    memcpy(token, scene->peer.message.token, KEDGE_COAP_TOKEN_MAX);
    return kedge_slice(token, scene->peer.message.token_size);
}

static inline enum kedge_rc try_observe(struct scene *scene, int32_t accept,
                                        struct outcome *outcome, uint64_t *handle)
{
    struct kedge_net_request request = KEDGE_NET_REQUEST_INIT;
    request.path = "5/0/3";
    request.accept = accept;
    request.observe = true;
    return kedge_net_send(scene->net, &scene->peer.address, &request, outcome_note, outcome,
                          handle);
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
