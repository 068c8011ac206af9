/*
 * figures.h: the fleet in numbers: how many devices run what, and how that came about over time.
 *
 * How many there are is counted by the database itself whenever a device changes (in the same
 * transaction), so it is never wrong and costs the same however many devices there are. What was,
 * is kept as samples: a series of texts by time, which never grows beyond its limit. When it would,
 * every second one goes: so a series reaches back to its beginning, and is the coarser the older.
 */
#ifndef KEDGE_UPDATER_STORE_FIGURES_H
#define KEDGE_UPDATER_STORE_FIGURES_H

#include "updater/store/store.h"

#define KEDGE_SERIES_FLEET 0u /* the series of the fleet; that of a rollout has its id */
#define KEDGE_SAMPLE_MAX 4095u
#define KEDGE_SAMPLES_MAX 1000u /* of a series */

/** Devices of a vendor and class that run a version; "" where they did not say. */
struct kedge_fleet_share {
    char vendor[KEDGE_VENDOR_MAX + 1];
    char class_name[KEDGE_CLASS_MAX + 1];
    char version[KEDGE_VERSION_MAX + 1];
    uint64_t devices;
    uint64_t registered; /* of them */
};

struct kedge_fleet_totals {
    uint64_t devices;
    uint64_t registered; /* of them */
    uint64_t shares;     /* how many different ones there are */
};

struct kedge_sample {
    uint64_t series;
    uint64_t at_ms;
    char figures[KEDGE_SAMPLE_MAX + 1]; /* JSON */
};

typedef bool kedge_fleet_share_fn(void *context, const struct kedge_fleet_share *share);
typedef bool kedge_sample_fn(void *context, const struct kedge_sample *sample);
typedef bool kedge_rollout_id_fn(void *context, uint64_t rollout_id);

enum kedge_rc kedge_reader_fleet_totals(struct kedge_reader *reader,
                                        struct kedge_fleet_totals *out) KEDGE_MUST_USE;
/** The largest `limit` shares, largest first; a callback that returns false ends it. */
enum kedge_rc kedge_reader_fleet_shares(struct kedge_reader *reader, uint32_t limit,
                                        kedge_fleet_share_fn *fn, void *context) KEDGE_MUST_USE;
/** A whole series, oldest first; a callback that returns false ends it. */
enum kedge_rc kedge_reader_samples(struct kedge_reader *reader, uint64_t series,
                                   kedge_sample_fn *fn, void *context) KEDGE_MUST_USE;
/** The newest of a series; KEDGE_E_NOT_FOUND when it has none. */
enum kedge_rc kedge_reader_last_sample(struct kedge_reader *reader, uint64_t series,
                                       struct kedge_sample *out) KEDGE_MUST_USE;
/** Rollouts that were started and have not ended, or not before that; a callback that returns false
 * ends it. */
enum kedge_rc kedge_reader_moving_rollouts(struct kedge_reader *reader, uint64_t ended_since_ms,
                                           kedge_rollout_id_fn *fn, void *context) KEDGE_MUST_USE;

/** Adds it, in place of one of the same time, and thins the series out where it has become too
 * long. */
enum kedge_rc kedge_batch_add_sample(struct kedge_batch *batch,
                                     const struct kedge_sample *sample) KEDGE_MUST_USE;

#endif
