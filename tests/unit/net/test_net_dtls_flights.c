/*
 * test_net_dtls_flights.c: the last flight of a handshake, lost, in pieces and in every order, on
 * its first two ways. Whatever became of it, both sides get through as soon as the network is good.
 *
 * The clients of one crowd are under way at once, each with a pair of orders of its own.
 */
#define _GNU_SOURCE
#include "tests/unit/net/dtls_scene.h"

#define CERTIFIED \
    "NONE:+VERS-DTLS1.2:+COMP-NULL:+ECDHE-ECDSA:+AES-128-CCM-8:+AEAD:+SIGN-ALL:+GROUP-SECP256R1"
#define RAW_KEY CERTIFIED ":+CTYPE-RAWPK"
#define X509 CERTIFIED ":+CTYPE-X509"

/* Which parts of a flight arrive, in which order: Ticket, ChangeCipherSpec, Finished. */
static const char *const ORDERS[] = {"TCF", "TFC", "CTF", "CFT", "FTC", "FCT", "TC", "CT",
                                     "TF",  "FT",  "CF",  "FC",  "T",   "C",   "F",  ""};
#define ORDER_COUNT (sizeof ORDERS / sizeof ORDERS[0])
#define CROWD 8u /* whose flights the server can have on their way all at once */

enum part { TICKET, CHANGE_CIPHER_SPEC, FINISHED, PART_COUNT, ANOTHER };

/* How the first two of one client's flights arrive; all later ones are whole. */
struct plan {
    const char *orders[2];
    unsigned flights;
    bool held[PART_COUNT];
    struct datagram parts[PART_COUNT];
};

static enum part part_of(const struct datagram *datagram)
{
    struct kedge_cursor cursor = kedge_cursor(kedge_slice(datagram->bytes, datagram->size));
    struct dtls_record record;
    assert_int_equal(dtls_record_next(&cursor, &record), KEDGE_OK);
    assert_int_equal(kedge_cursor_left(&cursor), 0); /* GnuTLS sends one at a time */
    if (record.content == 20)
        return CHANGE_CIPHER_SPEC;
    if (record.content != DTLS_HANDSHAKE)
        return ANOTHER;
    if (record.epoch > 0)
        return FINISHED;
    return record.fragment.data[0] == 4 /* NewSessionTicket */ ? TICKET : ANOTHER;
}

/* A flight is taken apart when its Finished has come, which is sent last. */
static void arrange(struct client *client, struct queue *queue, const struct datagram *datagram)
{
    struct plan *plan = client->script_state;
    enum part part = part_of(datagram);
    assert_true(client->wire->net->outgoing_count < BATCH); /* or some have gone to nowhere */
    if (part == ANOTHER) {
        queue_put(queue, datagram);
        return;
    }
    plan->parts[part] = *datagram;
    plan->held[part] = true;
    if (part != FINISHED)
        return;
    const char *order = plan->flights < 2 ? plan->orders[plan->flights] : "TCF";
    plan->flights++;
    for (; *order != '\0'; order++) {
        part = *order == 'T' ? TICKET : *order == 'C' ? CHANGE_CIPHER_SPEC : FINISHED;
        if (plan->held[part])
            queue_put(queue, &plan->parts[part]);
    }
    memset(plan->held, 0, sizeof plan->held);
}

/* ---- many clients at once ---- */

/* How a test's clients are made, and what they meet. */
struct setting {
    struct scene *scene;
    gnutls_certificate_credentials_t proof; /* NULL: a pre-shared key */
    const char *priorities;                 /* for the proof */
    wire_script_fn *to_client, *to_server;
    gnutls_datum_t ticket; /* of the session that they resume; empty: none */
};

struct crowd {
    const struct setting *setting;
    struct client clients[CROWD];
    struct plan plans[CROWD];
    bool through[CROWD];
};

static void open_client(const struct setting *setting, struct client *client, uint16_t port)
{
    if (setting->proof == NULL) {
        open_one(client, setting->scene, port);
        return;
    }
    client_begin(client, &setting->scene->wire, port, setting->priorities, GNUTLS_ENABLE_RAWPK);
    assert_int_equal(gnutls_credentials_set(client->tls, GNUTLS_CRD_CERTIFICATE, setting->proof),
                     0);
}

/* Takes one step with each of them; whether both sides of all are through. */
static bool crowd_steps(struct crowd *crowd)
{
    struct wire *wire = &crowd->setting->scene->wire;
    uint8_t bytes[DATAGRAM_SIZE];
    bool all = true;
    for (size_t i = 0; i < CROWD; i++) {
        struct client *client = &crowd->clients[i];
        /* One that is through may have to repeat its last flight. */
        int code = crowd->through[i] ? (int)gnutls_record_recv(client->tls, bytes, sizeof bytes)
                                     : gnutls_handshake(client->tls);
        crowd->through[i] = crowd->through[i] || code == GNUTLS_E_SUCCESS;
        if (code < 0 && gnutls_error_is_fatal(code))
            fail_msg("%s", gnutls_strerror(code));
        wire_turn(wire);
        all = all && crowd->through[i] && kedge_net_peer_name(wire->net, &client->address) != NULL;
    }
    return all;
}

/* All get through, and can be spoken with. */
static void crowd_connects(struct crowd *crowd)
{
    uint64_t until_ms = wire_clock_ms() + WIRE_PATIENCE_MS;
    while (!crowd_steps(crowd) && wire_clock_ms() < until_ms)
        usleep(1000);
    for (size_t i = 0; i < CROWD; i++) {
        struct client *client = &crowd->clients[i];
        if (!crowd->through[i] || kedge_net_peer_name(client->wire->net, &client->address) == NULL)
            fail_msg("with %s and then %s it stands still", crowd->plans[i].orders[0],
                     crowd->plans[i].orders[1]);
        assert_int_equal(gnutls_session_is_resumed(client->tls) != 0,
                         crowd->setting->ticket.size > 0);
        client_asks(client, "rd", "device-one");
    }
}

static void meet(const struct setting *setting, const char *first_order,
                 const char *const second_orders[CROWD], uint16_t first_port)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    crowd->setting = setting;
    for (size_t i = 0; i < CROWD; i++) {
        struct client *client = &crowd->clients[i];
        open_client(setting, client, (uint16_t)(first_port + i));
        if (setting->ticket.size > 0)
            assert_int_equal(
                gnutls_session_set_data(client->tls, setting->ticket.data, setting->ticket.size),
                0);
        crowd->plans[i].orders[0] = first_order;
        crowd->plans[i].orders[1] = second_orders[i];
        client->script_state = &crowd->plans[i];
    }
    crowd_connects(crowd);
    for (size_t i = 0; i < CROWD; i++)
        client_close(&crowd->clients[i]);
    free(crowd);
}

static void meet_all(const struct setting *setting, uint16_t first_port)
{
    struct wire *wire = &setting->scene->wire;
    wire->net->config.idle_ms = 60000;
    wire->script_to_client = setting->to_client;
    wire->script_to_server = setting->to_server;
    for (size_t i = 0; i < ORDER_COUNT; i++) {
        if (setting->to_server != NULL && strchr(ORDERS[i], 'T') != NULL)
            continue; /* a client sends none */
        for (size_t j = 0; j < ORDER_COUNT; j += CROWD)
            meet(setting, ORDERS[i], &ORDERS[j], (uint16_t)(first_port + i * ORDER_COUNT + j));
    }
    wire->script_to_client = wire->script_to_server = NULL;
}

/* Meets them with each side's flight taken apart, in sessions that one has begun before. */
static void resume_all(struct setting *setting)
{
    struct client first;
    open_client(setting, &first, 6999);
    client_connects(&first);
    assert_int_equal(gnutls_session_get_data2(first.tls, &setting->ticket), 0);
    client_close(&first);
    setting->to_client = arrange;
    meet_all(setting, 7000);
    setting->to_client = NULL;
    setting->to_server = arrange;
    meet_all(setting, 8000);
    gnutls_free(setting->ticket.data);
}

/* ---- what the clients show ---- */

static void load_key(const char *file, gnutls_x509_privkey_t *key, gnutls_datum_t *pem)
{
    assert_int_equal(gnutls_load_file(file, pem), 0);
    assert_int_equal(gnutls_x509_privkey_init(key), 0);
    assert_int_equal(gnutls_x509_privkey_import(*key, pem, GNUTLS_X509_FMT_PEM), 0);
}

/* Signs a certificate for the key; by itself when there is no `ca`. */
static gnutls_x509_crt_t issue(gnutls_x509_privkey_t key, gnutls_x509_crt_t ca, const char *name)
{
    gnutls_x509_crt_t certificate;
    const uint8_t serial = ca == NULL ? 1 : 2;
    assert_int_equal(gnutls_x509_crt_init(&certificate), 0);
    assert_int_equal(gnutls_x509_crt_set_version(certificate, 3), 0);
    assert_int_equal(gnutls_x509_crt_set_serial(certificate, &serial, 1), 0);
    assert_int_equal(gnutls_x509_crt_set_activation_time(certificate, time(NULL) - 3600), 0);
    assert_int_equal(gnutls_x509_crt_set_expiration_time(certificate, time(NULL) + 36000), 0);
    assert_int_equal(gnutls_x509_crt_set_key(certificate, key), 0);
    assert_int_equal(gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0,
                                                   name, (unsigned)strlen(name)),
                     0);
    assert_int_equal(gnutls_x509_crt_set_basic_constraints(certificate, ca == NULL, -1), 0);
    if (ca != NULL)
        assert_int_equal(
            gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_CLIENT, 0), 0);
    assert_int_equal(gnutls_x509_crt_sign2(certificate, ca != NULL ? ca : certificate, key,
                                           GNUTLS_DIG_SHA256, 0),
                     0);
    return certificate;
}

/* A server whose own certificate is that of the fleet's CA: one key is enough here. */
static int set_up_with_certificates(void **state)
{
    struct scene *scene = scene_with_key();
    gnutls_x509_privkey_t key;
    gnutls_datum_t pem = {0}, certificate = {0};
    load_key(scene->key_name, &key, &pem);
    gnutls_x509_crt_t ca = issue(key, NULL, "the fleet's CA");
    assert_int_equal(gnutls_x509_crt_export2(ca, GNUTLS_X509_FMT_PEM, &certificate), 0);
    strcpy(scene->certificate_name, "/tmp/kedge-dtls-ca-XXXXXX");
    int file = mkstemp(scene->certificate_name);
    assert_true(file >= 0);
    assert_int_equal(write(file, certificate.data, certificate.size), certificate.size);
    close(file);
    scene->files.certificate_file = scene->files.ca_file = scene->certificate_name;
    gnutls_free(certificate.data);
    gnutls_free(pem.data);
    gnutls_x509_crt_deinit(ca);
    gnutls_x509_privkey_deinit(key);
    return open_scene(scene, state);
}

static gnutls_certificate_credentials_t certificate_of_device_one(const struct scene *scene)
{
    gnutls_certificate_credentials_t proof;
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t ca;
    gnutls_datum_t pem = {0}, ca_pem = {0};
    load_key(scene->key_name, &key, &pem);
    assert_int_equal(gnutls_load_file(scene->certificate_name, &ca_pem), 0);
    assert_int_equal(gnutls_x509_crt_init(&ca), 0);
    assert_int_equal(gnutls_x509_crt_import(ca, &ca_pem, GNUTLS_X509_FMT_PEM), 0);
    gnutls_x509_crt_t certificate = issue(key, ca, "device-one");
    assert_int_equal(gnutls_certificate_allocate_credentials(&proof), 0);
    assert_int_equal(gnutls_certificate_set_x509_key(proof, &certificate, 1, key), 0);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_crt_deinit(ca);
    gnutls_x509_privkey_deinit(key);
    gnutls_free(ca_pem.data);
    gnutls_free(pem.data);
    return proof;
}

static gnutls_certificate_credentials_t raw_key(const struct scene *scene)
{
    gnutls_certificate_credentials_t proof;
    gnutls_x509_privkey_t key;
    gnutls_pubkey_t public_key;
    gnutls_privkey_t private_key;
    gnutls_datum_t pem = {0}, spki = {0};
    load_key(scene->key_name, &key, &pem);
    assert_int_equal(gnutls_privkey_init(&private_key), 0);
    assert_int_equal(gnutls_privkey_import_x509(private_key, key, 0), 0);
    assert_int_equal(gnutls_pubkey_init(&public_key), 0);
    assert_int_equal(gnutls_pubkey_import_privkey(public_key, private_key, 0, 0), 0);
    assert_int_equal(gnutls_pubkey_export2(public_key, GNUTLS_X509_FMT_PEM, &spki), 0);
    assert_int_equal(gnutls_certificate_allocate_credentials(&proof), 0);
    assert_int_equal(gnutls_certificate_set_rawpk_key_mem(proof, &spki, &pem, GNUTLS_X509_FMT_PEM,
                                                          NULL, 0, NULL, 0, 0),
                     0);
    gnutls_pubkey_deinit(public_key);
    gnutls_privkey_deinit(private_key);
    gnutls_x509_privkey_deinit(key);
    gnutls_free(spki.data);
    gnutls_free(pem.data);
    return proof;
}

/* ---- a whole handshake: the server's flight is the last ---- */

static void test_with_a_pre_shared_key_it_may_arrive_anyhow(void **state)
{
    const struct setting setting = {.scene = *state, .to_client = arrange};
    meet_all(&setting, 7000);
}

static void test_with_a_raw_public_key_it_may_arrive_anyhow(void **state)
{
    const struct setting setting = {
        .scene = *state, .proof = raw_key(*state), .priorities = RAW_KEY, .to_client = arrange};
    meet_all(&setting, 7000);
    gnutls_certificate_free_credentials(setting.proof);
}

static void test_with_a_certificate_it_may_arrive_anyhow(void **state)
{
    const struct setting setting = {.scene = *state,
                                    .proof = certificate_of_device_one(*state),
                                    .priorities = X509,
                                    .to_client = arrange};
    meet_all(&setting, 7000);
    gnutls_certificate_free_credentials(setting.proof);
}

/* The server is deaf until it has repeated itself to the device three times. */
static void count(struct client *client, struct queue *queue, const struct datagram *datagram)
{
    ++*(unsigned *)client->script_state;
    queue_put(queue, datagram);
}

static void lose_until_three_came(struct client *client, struct queue *queue,
                                  const struct datagram *datagram)
{
    if (*(const unsigned *)client->script_state >= 3)
        queue_put(queue, datagram);
}

static void test_a_device_that_begins_anew_is_not_held_up_by_what_is_repeated(void **state)
{
    struct scene *scene = *state;
    struct client before, after;
    unsigned came = 0;
    scene->wire.net->config.idle_ms = 60000;
    open_one(&before, scene, 7001);
    client_connects(&before); /* and says nothing */
    client_close(&before);
    open_one(&after, scene, 7001);
    after.script_state = &came;
    scene->wire.script_to_client = count;
    scene->wire.script_to_server = lose_until_three_came;
    client_connects(&after);
    client_asks(&after, "rd", "device-one");
    client_close(&after);
}

/* ---- one that is resumed: the client's flight is the last ---- */

static void test_resumed_with_a_pre_shared_key_both_flights_may_arrive_anyhow(void **state)
{
    struct setting setting = {.scene = *state};
    resume_all(&setting);
}

static void test_resumed_with_a_raw_public_key_both_flights_may_arrive_anyhow(void **state)
{
    struct setting setting = {.scene = *state, .proof = raw_key(*state), .priorities = RAW_KEY};
    resume_all(&setting);
    gnutls_certificate_free_credentials(setting.proof);
}

static void test_resumed_with_a_certificate_both_flights_may_arrive_anyhow(void **state)
{
    struct setting setting = {
        .scene = *state, .proof = certificate_of_device_one(*state), .priorities = X509};
    resume_all(&setting);
    gnutls_certificate_free_credentials(setting.proof);
}

#define FLIGHT_TEST(name, set_up_scene) \
    cmocka_unit_test_setup_teardown(name, set_up_scene, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLIGHT_TEST(test_with_a_pre_shared_key_it_may_arrive_anyhow, set_up_with_tickets),
        FLIGHT_TEST(test_with_a_raw_public_key_it_may_arrive_anyhow, set_up_with_tickets),
        FLIGHT_TEST(test_with_a_certificate_it_may_arrive_anyhow, set_up_with_certificates),
        FLIGHT_TEST(test_a_device_that_begins_anew_is_not_held_up_by_what_is_repeated,
                    set_up_with_tickets),
        FLIGHT_TEST(test_resumed_with_a_pre_shared_key_both_flights_may_arrive_anyhow,
                    set_up_with_tickets),
        FLIGHT_TEST(test_resumed_with_a_raw_public_key_both_flights_may_arrive_anyhow,
                    set_up_with_tickets),
        FLIGHT_TEST(test_resumed_with_a_certificate_both_flights_may_arrive_anyhow,
                    set_up_with_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
