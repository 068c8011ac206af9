/* report.c: a line while it runs, and what came of it, for people and for machines. */
#define _GNU_SOURCE
#include "tests/swarm/swarm.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static double seconds(const struct swarm *swarm)
{
    return (double)(swarm->now_ms - swarm->began_ms) / 1000;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static uint32_t failed_count(const struct swarm_counts *counts)
{
    uint32_t sum = 0;
    for (size_t i = 0; i <= SWARM_RESULT_MAX; i++)
        sum += counts->failed[i];
    return sum;
}

static double updates_per_minute(const struct swarm *swarm)
{
    uint64_t took_ms = swarm->last_end_ms - swarm->began_ms;
    return took_ms > 0 ? (double)swarm->counts.updated * 60000 / (double)took_ms : 0;
}

static bool is_good(const struct swarm *swarm)
{
    const struct swarm_counts *counts = &swarm->counts;
    return counts->mismatches == 0 && counts->unexpected == 0 &&
           counts->ended == swarm->options->devices;
}

void report_progress(const struct swarm *swarm, bool last)
{
    const struct swarm_counts *counts = &swarm->counts;
    if (!isatty(STDERR_FILENO))
        return;
    fprintf(stderr,
            "\rregistered %" PRIu32 "/%" PRIu32 "  downloading %" PRIu32 "  updated %" PRIu32
            "  failed %" PRIu32 "  %.1f MB  %.0f s \033[K%s",
            counts->registered, swarm->options->devices, counts->downloading, counts->updated,
            failed_count(counts) + counts->vanished + counts->wrong_version,
            (double)counts->bytes / 1e6, seconds(swarm), last ? "\n" : "");
}

static int print_json(const struct swarm *swarm)
{
    const struct swarm_counts *counts = &swarm->counts;
    const struct swarm_options *options = swarm->options;
    json_t *failed = json_object(), *summary = json_object();
    for (int i = 0; i <= SWARM_RESULT_MAX; i++) {
        char name[12];
        (void)snprintf(name, sizeof name, "%d", i);
        if (counts->failed[i] > 0)
            (void)json_object_set_new(failed, name, json_integer(counts->failed[i]));
    }
    (void)json_object_set_new(summary, "ok", json_boolean(is_good(swarm)));
    (void)json_object_set_new(summary, "failed", failed);
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"devices", options->devices},
        {"registered", counts->registered},
        {"updated", counts->updated},
        {"wrong_version", counts->wrong_version},
        {"vanished", counts->vanished},
        {"unfinished", options->devices - counts->ended},
        {"unexpected", counts->unexpected},
        {"mismatches", counts->mismatches},
        {"offers_taken", counts->offers_taken},
        {"images", counts->images},
        {"installations", counts->installations},
        {"blocks", counts->blocks},
        {"bytes", counts->bytes},
        {"registers", counts->registers},
        {"registration_updates", counts->updates},
        {"notifications", counts->notifications},
        {"refusals", counts->refusals},
        {"handshakes", counts->handshakes},
        {"handshakes_resumed", counts->handshakes_resumed},
        {"handshakes_failed", counts->handshakes_failed},
        {"associations_ended", counts->associations_ended},
        {"restarts_in_transfer", counts->restarts_in_transfer},
        {"address_changes", counts->address_changes},
        {"sleeps", counts->sleeps},
        {"datagrams_unheard", counts->unheard},
        {"blocks_again", counts->blocks_again},
        {"block_gaps", counts->gaps},
        {"datagrams_in", swarm->network.datagrams_in},
        {"datagrams_out", swarm->network.datagrams_out},
        {"datagrams_lost", counts->lost},
        {"datagrams_duplicated", counts->duplicated},
        {"datagrams_reordered", counts->reordered},
        {"datagrams_malformed", counts->malformed},
        {"retransmissions", counts->retransmissions},
        {"timeouts", counts->timeouts},
        {"seed", options->seed},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        (void)json_object_set_new(summary, numbers[i].name,
                                  json_integer((json_int_t)numbers[i].value));
    (void)json_object_set_new(summary, "elapsed_s", json_real(seconds(swarm)));
    (void)json_object_set_new(summary, "cpu_s", json_real(cpu_seconds()));
    (void)json_object_set_new(summary, "updates_per_minute", json_real(updates_per_minute(swarm)));
    int printed = json_dumpf(summary, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    json_decref(summary);
    putchar('\n');
    return printed;
}

static void print_text(const struct swarm *swarm)
{
    const struct swarm_counts *counts = &swarm->counts;
    printf("%" PRIu32 " %s: %" PRIu32 " registered, %" PRIu32 " updated\n",
           swarm->options->devices, kedge_by_count(swarm->options->devices, "device", "devices"),
           counts->registered, counts->updated);
    for (int i = 0; i <= SWARM_RESULT_MAX; i++)
        if (counts->failed[i] > 0)
            printf("  %" PRIu32 " failed with Result %d, %s\n", counts->failed[i], i,
                   kedge_firmware_result_name(i));
    if (counts->wrong_version > 0)
        printf("  %" PRIu32 " ran the old version after the restart\n", counts->wrong_version);
    if (counts->vanished > 0)
        printf("  %" PRIu32 " never came back\n", counts->vanished);
    if (counts->ended < swarm->options->devices)
        printf("  %" PRIu32 " had not ended\n", swarm->options->devices - counts->ended);
    printf("%" PRIu64 " images with the right digest, %" PRIu64 " with a wrong one\n",
           counts->images, counts->mismatches);
    printf("%.1f MB in %" PRIu64 " blocks; %.1f s, %.0f updates a minute, %.1f s of CPU here\n",
           (double)counts->bytes / 1e6, counts->blocks, seconds(swarm), updates_per_minute(swarm),
           cpu_seconds());
    printf("datagrams: %" PRIu64 " out, %" PRIu64 " in; %" PRIu64 " sent again\n",
           swarm->network.datagrams_out, swarm->network.datagrams_in, counts->retransmissions);
    if (swarm->options->secure)
        printf("DTLS: %" PRIu64 " handshakes, %" PRIu64 " of them resumed; %" PRIu64 " failed\n",
               counts->handshakes, counts->handshakes_resumed, counts->handshakes_failed);
    if (counts->unexpected > 0)
        printf("NOT AS MEANT: %" PRIu32 " %s ended otherwise than was drawn for them\n",
               counts->unexpected, kedge_by_count(counts->unexpected, "device", "devices"));
    if (counts->mismatches > 0)
        printf("MISMATCH: %" PRIu64 " images were not what they should be\n", counts->mismatches);
}

int report_summary(const struct swarm *swarm)
{
    if (swarm->options->json)
        (void)print_json(swarm);
    else
        print_text(swarm);
    return is_good(swarm) && fflush(stdout) == 0 ? 0 : 1;
}
