/* tally.c: see tally.h. */
#include "updater/api/tally.h"

#include "updater/api/internal.h"

#include <stdio.h>
#include <stdlib.h>

/* All that the API answers with; a status that is not here counts as the last one. */
static const uint16_t statuses[] = {200, 201, 204, 206, 302, 303, 304, 400, 401, 403,
                                    404, 405, 406, 408, 409, 411, 412, 413, 415, 416, 422,
                                    428, 429, 431, 500, 503, 504, 507, 0};
#define STATUS_COUNT (sizeof(statuses) / sizeof(statuses[0]))

struct line {
    _Atomic uint64_t answers[STATUS_COUNT];
    struct kedge_histogram durations;
};

struct tally {
    _Atomic uint64_t downloaded_bytes;
    _Atomic uint64_t late[SLOWNESS_PHASE_COUNT];
    struct line lines[]; /* of each route, and of no route */
};

struct tally *tally_create(void)
{
    return calloc(1, sizeof(struct tally) + (route_count() + 1) * sizeof(struct line));
}

void tally_destroy(struct tally *tally)
{
    free(tally);
}

void tally_note(struct tally *tally, const struct route *route, unsigned status,
                uint64_t duration_us)
{
    struct line *line = &tally->lines[route == NULL ? route_count() : route_index(route)];
    size_t at = 0;
    while (at < STATUS_COUNT - 1 && statuses[at] != status)
        at++;
    atomic_fetch_add_explicit(&line->answers[at], 1, memory_order_relaxed);
    kedge_histogram_note(&line->durations, duration_us);
}

void tally_downloaded(struct tally *tally, uint64_t bytes)
{
    atomic_fetch_add_explicit(&tally->downloaded_bytes, bytes, memory_order_relaxed);
}

void tally_late(struct tally *tally, enum slowness_phase phase)
{
    atomic_fetch_add_explicit(&tally->late[phase], 1, memory_order_relaxed);
}

/* ---- writing ---- */

static void write_answers(const struct line *line, const struct route *route,
                          struct kedge_exposition *out)
{
    for (size_t i = 0; i < STATUS_COUNT; i++) {
        char code[8] = "other";
        if (statuses[i] != 0)
            (void)snprintf(code, sizeof(code), "%u", statuses[i]);
        const struct kedge_label labels[] = {{"method", route != NULL ? route->method : ""},
                                             {"route", route != NULL ? route->pattern : ""},
                                             {"code", code},
                                             {NULL, NULL}};
        if (line->answers[i] > 0)
            kedge_exposition_count(out, labels, line->answers[i]);
    }
}

static void write_durations(const struct line *line, const struct route *route,
                            struct kedge_exposition *out)
{
    const struct kedge_label labels[] = {
        {"method", route->method}, {"route", route->pattern}, {NULL, NULL}};
    for (size_t i = 0; i < STATUS_COUNT; i++) {
        if (line->answers[i] > 0) {
            kedge_exposition_histogram(out, labels, &line->durations);
            return;
        }
    }
}

/* There from the first on, so that a rise from 0 can be seen. */
static void write_late(const struct tally *tally, struct kedge_exposition *out)
{
    static const char *const names[] = {
        [SLOWNESS_HEADER] = "header", [SLOWNESS_BODY] = "body", [SLOWNESS_FILE] = "file"};
    kedge_exposition_family(out, "kedge_http_late_total", KEDGE_METRIC_COUNTER,
                            "Connections that were ended because what came was too slow.");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct kedge_label labels[] = {{"part", names[i]}, {NULL, NULL}};
        kedge_exposition_count(out, labels, tally->late[i]);
    }
}

void tally_write(const struct tally *tally, struct kedge_exposition *out)
{
    kedge_exposition_family(out, "kedge_http_requests_total", KEDGE_METRIC_COUNTER,
                            "Requests that were answered, by route and status.");
    for (size_t i = 0; i <= route_count(); i++)
        write_answers(&tally->lines[i], i < route_count() ? route_at(i) : NULL, out);
    kedge_exposition_family(out, "kedge_http_request_duration_seconds", KEDGE_METRIC_HISTOGRAM,
                            "From the request's header to the beginning of its answer.");
    for (size_t i = 0; i < route_count(); i++)
        write_durations(&tally->lines[i], route_at(i), out);
    kedge_exposition_counter(out, "kedge_http_downloaded_bytes_total",
                             "Bytes of files that went out to devices by HTTP.",
                             tally->downloaded_bytes);
    write_late(tally, out);
}
