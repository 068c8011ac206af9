/* test_lwm2m_jobs.c: devices taken through object 5, over sockets, by a scripted device. */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/fleet_scene.h"

#include "updater/net/internal.h"

static void assert_phases(const struct fleet_scene *scene, const enum kedge_update_phase *phases,
                          unsigned count)
{
    for (unsigned i = 0; i < scene->phase_count && i < count; i++)
        if (scene->phases[i] != phases[i])
            fail_msg("report %u is %s, not %s (%s)", i, kedge_update_phase_name(scene->phases[i]),
                     kedge_update_phase_name(phases[i]), scene->reason);
    assert_int_equal(scene->phase_count, count);
}

static void download(struct fleet_scene *scene)
{
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(device_gets_block(&scene->device, i), KEDGE_COAP_CONTENT);
}

static void test_a_device_is_taken_from_the_old_version_to_the_new_one(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device *device = &scene->device;
    struct kedge_update_plan plan = scene_plan();
    char uri[256];
    scene_identify(scene);
    scene_offer(scene, 7, &plan);
    device_until(device, &device->uris, 1);
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u/fw/" FILE_NAME,
             kedge_net_local_port(scene->net, 0));
    assert_string_equal(device->uri, uri);
    device_rest(device, 50);
    assert_true(device->observers[0].token_size > 0 && device->observers[1].token_size > 0);
    download(scene);
    device_becomes(device, KEDGE_FIRMWARE_DOWNLOADED, 0);
    device_until(device, &device->executes, 1);
    device_rest(device, 50);
    assert_int_equal(scene->last.phase, KEDGE_UPDATE_VERIFYING);
    /* The trial: it is back, but does not say that it has succeeded yet. */
    device_restarts(device);
    device_rest(device, 100);
    assert_int_equal(scene->ended, 0);
    device->version = "2.0.0";
    device_becomes(device, KEDGE_FIRMWARE_IDLE, KEDGE_RESULT_SUCCESS);
    device_until(device, &scene->ended, 1);
    const enum kedge_update_phase phases[] = {KEDGE_UPDATE_OFFERED,    KEDGE_UPDATE_DOWNLOADING,
                                              KEDGE_UPDATE_DOWNLOADED, KEDGE_UPDATE_INSTALLING,
                                              KEDGE_UPDATE_VERIFYING,  KEDGE_UPDATE_SUCCEEDED};
    assert_phases(scene, phases, 6);
    assert_int_equal(scene->last.deployment_id, 7);
    assert_int_equal(scene->last.update_result, KEDGE_RESULT_SUCCESS);
    assert_int_equal(scene->last.bytes_done, FILE_SIZE);
    assert_int_equal(scene->last.bytes_total, FILE_SIZE);
    assert_int_equal(device->uris, 1);
    assert_int_equal(device->executes, 1);
    assert_int_equal(device->resets, 0);
    assert_int_equal(kedge_fleet_counters(scene->fleet).jobs, 0);
}

/* To the point where the device has taken the URI and is watched. */
static void offer_and_watch(struct fleet_scene *scene, const struct kedge_update_plan *plan)
{
    scene_identify(scene);
    scene->device_offers = 7;
    scene_offer(scene, 7, plan);
    device_until(&scene->device, &scene->device.uris, 1);
    device_rest(&scene->device, 50);
    assert_int_equal(scene->last.phase, KEDGE_UPDATE_DOWNLOADING);
}

/* The same once more, to a device that has these protocols now. */
static void offer_again(struct fleet_scene *scene, const struct kedge_update_plan *plan,
                        unsigned protocols)
{
    unsigned uris = scene->device.uris, resets = scene->device.resets;
    kedge_fleet_cancel(scene->fleet, scene->device_offers);
    device_until(&scene->device, &scene->device.resets, resets + 1);
    scene->device.protocols = (uint8_t)protocols;
    scene_offer(scene, ++scene->device_offers, plan);
    device_until(&scene->device, &scene->device.uris, uris + 1);
    for (int i = 0; i < 6000 && (scene->last.deployment_id != scene->device_offers ||
                                 scene->last.phase == KEDGE_UPDATE_OFFERED);
         i++)
        device_rest(&scene->device, 10);
    assert_int_equal(scene->last.deployment_id, scene->device_offers);
    assert_int_equal(scene->last.phase, KEDGE_UPDATE_DOWNLOADING);
}

/* To the point where Execute has been answered. */
static void offer_and_install(struct fleet_scene *scene, const struct kedge_update_plan *plan)
{
    offer_and_watch(scene, plan);
    device_becomes(&scene->device, KEDGE_FIRMWARE_DOWNLOADED, 0);
    device_until(&scene->device, &scene->device.executes, 1);
    device_rest(&scene->device, 50);
    assert_int_equal(scene->last.phase, KEDGE_UPDATE_VERIFYING);
}

static void comes_back_updated(struct fleet_scene *scene)
{
    scene->device.version = "2.0.0";
    scene->device.state = KEDGE_FIRMWARE_IDLE;
    scene->device.result = KEDGE_RESULT_SUCCESS;
    device_restarts(&scene->device);
    device_until(&scene->device, &scene->ended, 1);
}

static void assert_end(const struct fleet_scene *scene, enum kedge_update_phase phase,
                       const char *words)
{
    if (scene->last.phase != phase || strstr(scene->reason, words) == NULL)
        fail_msg("%s: %s", kedge_update_phase_name(scene->last.phase), scene->reason);
    assert_int_equal(scene->ended, 1);
    assert_int_equal(kedge_fleet_counters(scene->fleet).jobs, 0);
}

/* ---- what is offered ---- */

static void test_the_uri_has_a_scheme_that_both_sides_have(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    plan.base_uris[KEDGE_PROTOCOL_HTTP] = "http://files.example:8080/kedge";
    scene->device.protocols = 1u << KEDGE_PROTOCOL_HTTP | 1u << 7;
    offer_and_watch(scene, &plan);
    assert_string_equal(scene->device.uri, "http://files.example:8080/kedge/fw/" FILE_NAME);
    /* Both: from where the operator wants it to come. */
    offer_again(scene, &plan, 1u << KEDGE_PROTOCOL_HTTP | 1u << KEDGE_PROTOCOL_COAP);
    assert_string_equal(scene->device.uri, "http://files.example:8080/kedge/fw/" FILE_NAME);
    offer_again(scene, &plan, 1u << KEDGE_PROTOCOL_HTTPS | 1u << KEDGE_PROTOCOL_COAP);
    assert_memory_equal(scene->device.uri, "coap://127.0.0.1:", 17);
}

static void test_without_a_base_a_device_comes_to_this_server(void **state)
{
    struct fleet_scene *scene = *state;
    const struct kedge_update_plan plan = scene_plan();
    const unsigned http = 1u << KEDGE_PROTOCOL_HTTP, https = 1u << KEDGE_PROTOCOL_HTTPS;
    const struct kedge_fleet_web nowhere = {.port = 0}, all = {.host = "", .port = 8080},
                                 here = {.host = "127.0.0.1", .port = 8443},
                                 there = {.host = "192.0.2.7", .port = 443},
                                 v6 = {.host = "2001:db8::1", .port = 443},
                                 v6_all = {.host = "::", .port = 443};
    kedge_fleet_set_web(scene->fleet, &all, &here);
    scene->device.protocols = (uint8_t)http;
    offer_and_watch(scene, &plan);
    assert_string_equal(scene->device.uri, "http://127.0.0.1:8080/fw/" FILE_NAME);
    offer_again(scene, &plan, http | https);
    assert_string_equal(scene->device.uri, "https://127.0.0.1:8443/fw/" FILE_NAME);
    /* Over the connection that is there, if it can. */
    offer_again(scene, &plan, http | https | 1u << KEDGE_PROTOCOL_COAP);
    assert_memory_equal(scene->device.uri, "coap://127.0.0.1:", 17);
    kedge_fleet_set_web(scene->fleet, &nowhere, &there);
    offer_again(scene, &plan, http | https);
    assert_string_equal(scene->device.uri, "https://192.0.2.7:443/fw/" FILE_NAME);
    kedge_fleet_set_web(scene->fleet, &nowhere, &v6);
    offer_again(scene, &plan, https);
    assert_string_equal(scene->device.uri, "https://[2001:db8::1]:443/fw/" FILE_NAME);
    /* A device that came by IPv4 cannot reach what is there for IPv6. */
    kedge_fleet_set_web(scene->fleet, &nowhere, &v6_all);
    unsigned uris = scene->device.uris, resets = scene->device.resets;
    kedge_fleet_cancel(scene->fleet, scene->device_offers);
    device_until(&scene->device, &scene->device.resets, resets + 1);
    scene_offer(scene, ++scene->device_offers, &plan);
    device_until(&scene->device, &scene->ended, 1);
    assert_end(scene, KEDGE_UPDATE_REJECTED, "/5/0/8");
    assert_int_equal(scene->device.uris, uris);
}

static void test_what_is_downloaded_by_http_is_progress(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    offer_and_watch(scene, &plan);
    kedge_fleet_downloaded(scene->fleet, "127.0.0.1", FILE_NAME, 700);
    device_rest(&scene->device, 50);
    assert_int_equal(scene->last.bytes_done, 700);
    kedge_fleet_downloaded(scene->fleet, "127.0.0.1", OTHER_NAME, 900);
    kedge_fleet_downloaded(scene->fleet, "127.0.0.2", FILE_NAME, 900);
    kedge_fleet_downloaded(scene->fleet, "nonsense", FILE_NAME, 900);
    device_rest(&scene->device, 50);
    assert_int_equal(scene->last.bytes_done, 700);
}

static void test_a_device_with_none_of_our_schemes_is_not_written_to(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene->device.protocols = 1u << KEDGE_PROTOCOL_HTTPS;
    scene_identify(scene);
    scene_offer(scene, 7, &plan);
    device_until(&scene->device, &scene->ended, 1);
    assert_end(scene, KEDGE_UPDATE_REJECTED, "/5/0/8");
    assert_int_equal(scene->device.uris, 0);
}

static void test_plans_that_cannot_be_are_refused(void **state)
{
    struct fleet_scene *scene = *state;
    static char long_text[KEDGE_UPDATE_BASE_URI_MAX + 2];
    memset(long_text, 'x', sizeof long_text - 1);
    struct kedge_update_plan plans[6];
    for (size_t i = 0; i < 6; i++)
        plans[i] = scene_plan();
    plans[0].file = "short";
    plans[1].file = NULL;
    plans[2].version = "";
    plans[3].version = long_text;
    plans[4].reached = KEDGE_UPDATE_SUCCEEDED;
    plans[5].base_uris[KEDGE_PROTOCOL_HTTP] = long_text;
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(kedge_fleet_offer(scene->fleet, 7, "device-1", &plans[i]),
                         KEDGE_E_ARGUMENT);
    const struct kedge_update_plan good = scene_plan();
    assert_int_equal(kedge_fleet_offer(scene->fleet, 7, "", &good), KEDGE_E_ARGUMENT);
    assert_int_equal(kedge_fleet_counters(scene->fleet).jobs, 0);
}

static void test_an_offer_waits_for_a_device_that_is_not_there_yet(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene_offer(scene, 7, &plan);
    device_rest(&scene->device, 50);
    assert_int_equal(scene->reports, 0);
    device_registers(&scene->device);
    device_until(&scene->device, &scene->device.uris, 1);
}

static void test_an_offer_of_what_is_at_work_changes_nothing(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    offer_and_watch(scene, &plan);
    scene_offer(scene, 7, &plan);
    device_rest(&scene->device, 100);
    assert_int_equal(scene->device.uris, 1);
    assert_int_equal(scene->device.resets, 0);
    assert_int_equal(kedge_fleet_counters(scene->fleet).jobs, 1);
}

static void test_a_device_with_a_package_of_somebody_else_is_reset_first(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    strcpy(scene->device.uri, "coap://elsewhere/x");
    scene->device.state = KEDGE_FIRMWARE_DOWNLOADED;
    offer_and_watch(scene, &plan);
    assert_int_equal(scene->device.resets, 1);
    assert_int_equal(scene->device.executes, 0);
}

static void test_a_device_that_speaks_tlv_is_taken_through(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene->device.speaks_tlv = true;
    scene->device.unobservable = true;
    offer_and_install(scene, &plan);
    comes_back_updated(scene);
    assert_end(scene, KEDGE_UPDATE_SUCCEEDED, "2.0.0");
}

/* ---- cancelling ---- */

static void test_cancelling_takes_the_package_back_and_says_nothing(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    offer_and_watch(scene, &plan);
    unsigned reports = scene->reports;
    kedge_fleet_cancel(scene->fleet, 7);
    kedge_fleet_cancel(scene->fleet, 7);
    device_until(&scene->device, &scene->device.resets, 1);
    device_rest(&scene->device, 50);
    assert_int_equal(scene->reports, reports);
    assert_int_equal(kedge_fleet_counters(scene->fleet).jobs, 0);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
}

static void test_what_a_device_was_told_to_install_is_not_taken_back(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    offer_and_install(scene, &plan);
    kedge_fleet_cancel(scene->fleet, 7);
    device_rest(&scene->device, 100);
    assert_int_equal(scene->device.resets, 0);
}

static void test_a_hook_may_cancel_the_job_that_reports(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene_identify(scene);
    scene->cancel_on_report = 7;
    scene_offer(scene, 7, &plan);
    device_until(&scene->device, &scene->device.resets, 1);
    assert_int_equal(scene->reports, 1);
    assert_int_equal(kedge_fleet_counters(scene->fleet).jobs, 0);
    /* And the report that is its last. */
    scene->cancel_on_report = 8;
    scene->device.version = "2.0.0";
    scene_offer(scene, 8, &plan);
    device_until(&scene->device, &scene->ended, 1);
    assert_int_equal(kedge_fleet_counters(scene->fleet).jobs, 0);
}

static void test_a_job_that_is_over_ends_what_it_observes(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    offer_and_watch(scene, &plan);
    scene->device.result = KEDGE_RESULT_INTEGRITY;
    device_becomes(&scene->device, KEDGE_FIRMWARE_IDLE, KEDGE_RESULT_INTEGRITY);
    device_until(&scene->device, &scene->ended, 1);
    device_until(&scene->device, &scene->device.unobserved, 2);
    assert_int_equal(scene->device.observers[0].token_size, 0);
    assert_int_equal(scene->device.observers[1].token_size, 0);
}

static void test_what_is_taken_back_is_cancelled_where_the_device_can(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene->device.cancels = true;
    offer_and_watch(scene, &plan);
    kedge_fleet_cancel(scene->fleet, 7);
    device_until(&scene->device, &scene->device.canceled, 1);
    device_rest(&scene->device, 100);
    assert_int_equal(scene->device.resets, 0);
    /* Of version 1.0, whatever it could do: reset. */
    scene->device.links = "</1/0>,</3/0>,</5>;ver=1.0,</5/0>";
    scene_identify(scene);
    scene_offer(scene, 8, &plan);
    device_until(&scene->device, &scene->device.uris, 2);
    device_rest(&scene->device, 100);
    kedge_fleet_cancel(scene->fleet, 8);
    device_until(&scene->device, &scene->device.resets, 1);
    assert_int_equal(scene->device.canceled, 1);
}

static void test_a_device_that_is_busy_is_left_alone_for_as_long_as_it_says(void **state)
{
    static const uint8_t codes[] = {KEDGE_COAP_UNAVAILABLE, KEDGE_COAP_TOO_MANY_REQUESTS};
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene_identify(scene);
    for (unsigned i = 0; i < 2; i++) {
        unsigned uris = scene->device.uris;
        scene->told[0] = '\0';
        scene->device.uri_code = codes[i];
        scene->device.max_age_s = 5;
        scene_offer(scene, 7 + i, &plan);
        while (strstr(scene->told, "to the Package URI\n") == NULL)
            device_turn(&scene->device, 10);
        peer_hears_nothing(&scene->device.peer, 400); /* it would be asked again after 60 ms */
        scene->device.uri_code = 0;
        device_until(&scene->device, &scene->device.uris, uris + 1);
        scene->device.max_age_s = 0;
    }
    assert_int_equal(scene->ended, 0);
}

static void test_what_is_sent_and_answered_is_told(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene_identify(scene);
    scene->device.uri_code = KEDGE_COAP_BAD_REQUEST;
    scene_offer(scene, 7, &plan);
    device_until(&scene->device, &scene->ended, 1);
    assert_non_null(strstr(scene->told, "the Package URI coap://127.0.0.1:"));
    assert_non_null(strstr(scene->told, FILE_NAME " is written\n"));
    assert_non_null(strstr(scene->told, "\nanswered 4.00 to the Package URI\n"));
}

static void test_another_job_on_the_same_device_replaces_the_former(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    offer_and_watch(scene, &plan);
    plan.version = "3.0.0";
    scene_offer(scene, 8, &plan);
    device_until(&scene->device, &scene->device.uris, 2);
    assert_int_equal(scene->device.resets, 1);
    device_rest(&scene->device, 50);
    assert_int_equal(scene->last.deployment_id, 8);
    assert_int_equal(kedge_fleet_counters(scene->fleet).jobs, 1);
}

/* ---- progress ---- */

static void test_progress_is_what_was_served_to_this_device(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device other;
    struct kedge_update_plan plan = scene_plan();
    offer_and_watch(scene, &plan);
    device_init(&other, scene->net, "device-2");
    strcpy(other.uri, scene->device.uri);
    device_registers(&other);
    assert_int_equal(device_gets_block(&other, 1), KEDGE_COAP_CONTENT);
    device_rest(&scene->device, 50);
    assert_int_equal(scene->last.bytes_done, 0);
    strcpy(scene->device.uri, "coap://192.0.2.1/fw/" OTHER_NAME);
    assert_int_equal(device_gets_block(&scene->device, 1), KEDGE_COAP_CONTENT);
    device_rest(&scene->device, 50);
    assert_int_equal(scene->last.bytes_done, 0);
    strcpy(scene->device.uri, other.uri);
    assert_int_equal(device_gets_block(&scene->device, 0), KEDGE_COAP_CONTENT);
    device_rest(&scene->device, 50);
    assert_int_equal(scene->last.bytes_done, 1024);
    assert_int_equal(device_gets_block(&scene->device, 2), KEDGE_COAP_CONTENT);
    device_rest(&scene->device, 50);
    assert_int_equal(scene->last.bytes_done, FILE_SIZE);
    assert_int_equal(scene->last.phase, KEDGE_UPDATE_DOWNLOADING);
    assert_null(scene->last.reason);
    peer_close(&other.peer);
}

static void test_a_download_from_another_port_is_told_by_its_host(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device second, stranger;
    struct kedge_update_plan plan = scene_plan();
    plan.download_limit_s = 8;
    offer_and_watch(scene, &plan);
    device_init(&stranger, scene->net, "nobody");
    strcpy(stranger.uri, scene->device.uri);
    assert_int_equal(device_gets_block(&stranger, 1), KEDGE_COAP_CONTENT);
    device_rest(&scene->device, 50);
    assert_int_equal(scene->last.bytes_done, 2048);
    /* Two on one host: whose it is nobody can tell, but neither stands still. */
    device_init(&second, scene->net, "device-2");
    device_registers(&second);
    assert_int_equal(kedge_fleet_offer(scene->fleet, 8, "device-2", &plan), KEDGE_OK);
    device_until(&second, &second.uris, 1);
    device_rest(&second, 50);
    for (unsigned i = 0; i < 22; i++) {
        device_rest(&scene->device, 300);
        device_rest(&second, 100);
        assert_int_equal(device_gets_block(&stranger, 2), KEDGE_COAP_CONTENT);
    }
    assert_int_equal(scene->ended, 0);
    assert_true(scene->last.bytes_done <= 2048);
    device_until(&second, &scene->ended, 1);
    assert_int_equal(scene->last.phase, KEDGE_UPDATE_TIMED_OUT);
    peer_close(&second.peer);
    peer_close(&stranger.peer);
}

/* ---- ends ---- */

static void test_a_rollback_is_reported_with_the_words_of_the_device(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    offer_and_install(scene, &plan);
    scene->device.words = "the health command exited with 1";
    scene->device.state = KEDGE_FIRMWARE_IDLE;
    scene->device.result = KEDGE_RESULT_FAILED;
    device_restarts(&scene->device);
    device_until(&scene->device, &scene->ended, 1);
    assert_end(scene, KEDGE_UPDATE_FAILED, "Result 8 (");
    assert_non_null(strstr(scene->reason, ": the health command exited with 1"));
    assert_int_equal(scene->last.update_result, 8);
}

static void test_a_device_without_words_of_its_own_is_not_asked_for_them(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene->device.links = "</1/0>,</3/0>,</5/0>";
    scene->device.words = "never read";
    offer_and_watch(scene, &plan);
    device_becomes(&scene->device, KEDGE_FIRMWARE_IDLE, KEDGE_RESULT_INTEGRITY);
    device_until(&scene->device, &scene->ended, 1);
    assert_end(scene, KEDGE_UPDATE_REJECTED, "Result 5 (");
    assert_null(strstr(scene->reason, "never read"));
}

static void test_a_silent_device_times_out_and_its_limit_does_not_wait_for_an_answer(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    plan.offer_limit_s = 1;
    scene_identify(scene);
    scene->device.deaf = true;
    scene->net->config.ack_timeout_ms = 3600000; /* the question outlasts the test's patience */
    scene_offer(scene, 7, &plan);
    uint64_t began_ms = test_clock_ms();
    device_until(&scene->device, &scene->ended, 1);
    assert_end(scene, KEDGE_UPDATE_TIMED_OUT, "within 1 s");
    assert_true(test_clock_ms() - began_ms >= 990);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
}

static void test_a_download_that_stands_still_is_taken_back(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    plan.download_limit_s = 1;
    offer_and_watch(scene, &plan);
    device_until(&scene->device, &scene->ended, 1);
    assert_end(scene, KEDGE_UPDATE_TIMED_OUT, "no progress");
    device_until(&scene->device, &scene->device.resets, 1);
}

/* ---- devices that come and go ---- */

static void test_a_device_that_restarts_in_mid_download_is_followed_on(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    offer_and_watch(scene, &plan);
    device_restarts(&scene->device);
    device_rest(&scene->device, 50);
    assert_int_equal(scene->device.uris, 1);
    assert_true(scene->device.observers[0].token_size > 0);
    assert_int_equal(device_gets_block(&scene->device, 1), KEDGE_COAP_CONTENT);
    device_rest(&scene->device, 50);
    assert_int_equal(scene->last.bytes_done, 2048);
}

static void test_a_device_that_moves_in_mid_download_is_followed_on(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device *device = &scene->device;
    struct kedge_update_plan plan = scene_plan();
    offer_and_watch(scene, &plan);
    peer_close(&device->peer);
    peer_open(&device->peer, scene->net);
    device->observers[0].token_size = 0;
    assert_int_equal(device_to_location(device, KEDGE_COAP_POST, NULL), KEDGE_COAP_CHANGED);
    device_rest(device, 100);
    assert_true(device->observers[0].token_size > 0);
    device_becomes(device, KEDGE_FIRMWARE_DOWNLOADED, 0);
    device_until(device, &device->executes, 1);
}

static void test_a_device_that_leaves_is_waited_for(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    offer_and_watch(scene, &plan);
    assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_DELETE, NULL),
                     KEDGE_COAP_DELETED);
    device_rest(&scene->device, 100);
    assert_int_equal(scene->ended, 0);
    assert_int_equal(kedge_fleet_counters(scene->fleet).jobs, 1);
    scene->device.state = KEDGE_FIRMWARE_DOWNLOADED;
    device_registers(&scene->device);
    device_until(&scene->device, &scene->device.executes, 1);
}

static void test_an_execute_whose_answer_was_lost_in_the_restart_counts(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    offer_and_watch(scene, &plan);
    scene->device.execute_unanswered = true;
    device_becomes(&scene->device, KEDGE_FIRMWARE_DOWNLOADED, 0);
    device_until(&scene->device, &scene->device.executes, 1);
    comes_back_updated(scene);
    assert_end(scene, KEDGE_UPDATE_SUCCEEDED, "2.0.0");
}

static void test_a_restarted_server_takes_a_device_up_where_it_is(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    plan.reached = KEDGE_UPDATE_VERIFYING;
    scene->device.state = KEDGE_FIRMWARE_UPDATING;
    snprintf(scene->device.uri, sizeof scene->device.uri, "coap://old.example/fw/" FILE_NAME);
    scene_identify(scene);
    scene_offer(scene, 7, &plan);
    device_rest(&scene->device, 100);
    assert_int_equal(scene->ended, 0);
    scene->device.version = "2.0.0";
    device_becomes(&scene->device, KEDGE_FIRMWARE_IDLE, KEDGE_RESULT_SUCCESS);
    device_until(&scene->device, &scene->ended, 1);
    assert_end(scene, KEDGE_UPDATE_SUCCEEDED, "2.0.0");
    assert_int_equal(scene->device.uris + scene->device.resets + scene->device.executes, 0);
}

static void test_a_fleet_may_end_with_jobs_at_work(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    offer_and_watch(scene, &plan);
    assert_int_equal(kedge_fleet_offer(scene->fleet, 9, "never seen", &plan), KEDGE_OK);
    kedge_device_cancel(scene->fleet, 12345);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_device_is_taken_from_the_old_version_to_the_new_one),
        SCENE_TEST(test_the_uri_has_a_scheme_that_both_sides_have),
        SCENE_TEST(test_without_a_base_a_device_comes_to_this_server),
        SCENE_TEST(test_what_is_downloaded_by_http_is_progress),
        SCENE_TEST(test_a_device_with_none_of_our_schemes_is_not_written_to),
        SCENE_TEST(test_plans_that_cannot_be_are_refused),
        SCENE_TEST(test_an_offer_waits_for_a_device_that_is_not_there_yet),
        SCENE_TEST(test_an_offer_of_what_is_at_work_changes_nothing),
        SCENE_TEST(test_a_device_with_a_package_of_somebody_else_is_reset_first),
        SCENE_TEST(test_a_device_that_speaks_tlv_is_taken_through),
        SCENE_TEST(test_cancelling_takes_the_package_back_and_says_nothing),
        SCENE_TEST(test_what_a_device_was_told_to_install_is_not_taken_back),
        SCENE_TEST(test_a_hook_may_cancel_the_job_that_reports),
        SCENE_TEST(test_a_job_that_is_over_ends_what_it_observes),
        SCENE_TEST(test_what_is_taken_back_is_cancelled_where_the_device_can),
        SCENE_TEST(test_a_device_that_is_busy_is_left_alone_for_as_long_as_it_says),
        SCENE_TEST(test_what_is_sent_and_answered_is_told),
        SCENE_TEST(test_another_job_on_the_same_device_replaces_the_former),
        SCENE_TEST(test_progress_is_what_was_served_to_this_device),
        SCENE_TEST(test_a_download_from_another_port_is_told_by_its_host),
        SCENE_TEST(test_a_rollback_is_reported_with_the_words_of_the_device),
        SCENE_TEST(test_a_device_without_words_of_its_own_is_not_asked_for_them),
        SCENE_TEST(test_a_silent_device_times_out_and_its_limit_does_not_wait_for_an_answer),
        SCENE_TEST(test_a_download_that_stands_still_is_taken_back),
        SCENE_TEST(test_a_device_that_restarts_in_mid_download_is_followed_on),
        SCENE_TEST(test_a_device_that_moves_in_mid_download_is_followed_on),
        SCENE_TEST(test_a_device_that_leaves_is_waited_for),
        SCENE_TEST(test_an_execute_whose_answer_was_lost_in_the_restart_counts),
        SCENE_TEST(test_a_restarted_server_takes_a_device_up_where_it_is),
        SCENE_TEST(test_a_fleet_may_end_with_jobs_at_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
