/* test_port_facts.c: what the agent finds out about the device: storage, time zone, network. */
#define _GNU_SOURCE
#include "agent/port/facts.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of interfaces as the kernel shows them. */
struct place {
    char folder[64], wireless[96];
    struct kedge_port_network_files files;
};

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static int set_up(void **state)
{
    static struct place place;
    snprintf(place.folder, sizeof place.folder, "/tmp/kedge-facts-XXXXXX");
    assert_non_null(mkdtemp(place.folder));
    snprintf(place.wireless, sizeof place.wireless, "%s/wireless", place.folder);
    place.files = (struct kedge_port_network_files){place.folder, place.wireless};
    *state = &place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    return nftw(place->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(const struct place *place, const char *name, const char *text)
{
    char path[192];
    snprintf(path, sizeof path, "%s/%s", place->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void make(const struct place *place, const char *name)
{
    char path[192];
    snprintf(path, sizeof path, "%s/%s", place->folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void a_link_is_told_by_what_the_kernel_shows_of_it(void **state)
{
    struct place *place = *state;
    make(place, "eth0");
    put(place, "eth0/type", "1\n");
    put(place, "eth0/uevent", "INTERFACE=eth0\nIFINDEX=2\n");
    make(place, "wlan0");
    put(place, "wlan0/type", "1\n");
    make(place, "wlan0/wireless");
    make(place, "wlp2s0");
    put(place, "wlp2s0/uevent", "DEVTYPE=wlan\nINTERFACE=wlp2s0\n");
    make(place, "wwan0");
    put(place, "wwan0/type", "65534\n");
    put(place, "wwan0/uevent", "DEVTYPE=wwan\nINTERFACE=wwan0\n");
    make(place, "bnep0");
    put(place, "bnep0/uevent", "DEVTYPE=bluetooth\n");
    make(place, "wpan0");
    put(place, "wpan0/type", "804\n");
    static const struct {
        const char *name;
        enum kedge_port_bearer bearer;
    } expected[] = {{"eth0", KEDGE_BEARER_ETHERNET},     {"wlan0", KEDGE_BEARER_WLAN},
                    {"wlp2s0", KEDGE_BEARER_WLAN},       {"wwan0", KEDGE_BEARER_CELLULAR},
                    {"bnep0", KEDGE_BEARER_BLUETOOTH},   {"wpan0", KEDGE_BEARER_IEEE_802_15_4},
                    {"not-there", KEDGE_BEARER_ETHERNET}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(kedge_port_bearer(&place->files, expected[i].name), expected[i].bearer);
}

static void the_signal_is_that_of_its_own_interface(void **state)
{
    struct place *place = *state;
    assert_int_equal(kedge_port_signal_dbm(&place->files, "wlan0"), 0);
    put(place, "wireless",
        "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n"
        " face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n"
        " wlan0: 0000   54.  -56.  -256        0      0      0      0      0        0\n"
        "wlan10: 0000   44.  -66.  -256        0      0      0      0      0        0\n"
        "nonsense\n");
    assert_int_equal(kedge_port_signal_dbm(&place->files, "wlan0"), -56);
    assert_int_equal(kedge_port_signal_dbm(&place->files, "wlan10"), -66);
    assert_int_equal(kedge_port_signal_dbm(&place->files, "wlan1"), 0);
}

static void the_interface_is_the_one_with_the_sessions_address(void **state)
{
    struct place *place = *state;
    struct kedge_port_network network;
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    kedge_port_network(&place->files, (const struct sockaddr *)&local, &network);
    assert_string_equal(network.interface, "lo");
    assert_string_equal(network.addresses[0], "127.0.0.1");
    assert_int_equal(network.bearer, KEDGE_BEARER_ETHERNET);
    assert_int_equal(network.bearers[0], KEDGE_BEARER_ETHERNET);
    assert_int_equal(network.signal_dbm, 0);
    /* TEST-NET-2: nobody's. The loopback is not taken for the way to a server then. */
    local.sin_addr.s_addr = htonl(0xC6336401);
    kedge_port_network(&place->files, (const struct sockaddr *)&local, &network);
    assert_string_not_equal(network.interface, "lo");
    kedge_port_network(&place->files, NULL, &network);
    assert_string_not_equal(network.interface, "lo");
}

static void storage_is_that_of_the_folder(void **state)
{
    struct place *place = *state;
    uint64_t free_size = 1, total_size = 0;
    int folder = open(place->folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(kedge_port_storage(folder, &free_size, &total_size), KEDGE_OK);
    assert_true(total_size > 0 && free_size <= total_size);
    close(folder);
    assert_int_equal(kedge_port_storage(folder, &free_size, &total_size), KEDGE_E_SYSTEM);
}

static void the_zone_is_what_tz_says(void **state)
{
    (void)state;
    char zone[KEDGE_PORT_ZONE_MAX + 1], offset[KEDGE_PORT_UTC_OFFSET_MAX + 1];
    static const struct {
        const char *tz, *zone, *offset;
    } expected[] = {{"Asia/Kolkata", "Asia/Kolkata", "+05:30"},
                    {":America/New_York", "America/New_York", "-05:00"},
                    {"UTC", "UTC", "+00:00"},
                    {"<+0345>-3:45", NULL, "+03:45"}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        setenv("TZ", expected[i].tz, 1);
        enum kedge_rc rc = kedge_port_zone(zone);
        assert_int_equal(rc, expected[i].zone != NULL ? KEDGE_OK : KEDGE_E_NOT_FOUND);
        if (expected[i].zone != NULL)
            assert_string_equal(zone, expected[i].zone);
        kedge_port_utc_offset(1705320000, offset); /* in January 2024 */
        assert_string_equal(offset, expected[i].offset);
    }
    setenv("TZ", "America/New_York", 1);
    kedge_port_utc_offset(1720000000, offset); /* in July */
    assert_string_equal(offset, "-04:00");
    setenv("TZ", "/etc/passwd", 1);
    assert_int_equal(kedge_port_zone(zone), KEDGE_E_NOT_FOUND);
    unsetenv("TZ");
    enum kedge_rc rc = kedge_port_zone(zone);
    assert_true(rc == KEDGE_OK || rc == KEDGE_E_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_link_is_told_by_what_the_kernel_shows_of_it),
        TEST(the_signal_is_that_of_its_own_interface),
        TEST(the_interface_is_the_one_with_the_sessions_address),
        TEST(storage_is_that_of_the_folder),
        TEST(the_zone_is_what_tz_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
