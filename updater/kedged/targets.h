/*
 * targets.h: the devices that a new rollout is meant for, read from the store.
 */
#ifndef KEDGE_UPDATER_TARGETS_H
#define KEDGE_UPDATER_TARGETS_H

#include "updater/lwm2m/fleet.h"
#include "updater/rollout/steps.h"
#include "updater/store/store.h"

/** Zero it first. The strings are its own. */
struct kedge_targets {
    struct kedge_rollout_target *items;
    size_t count, capacity;
    char vendor[KEDGE_VENDOR_MAX + 1]; /* what the package is for, as its devices say it */
    char class_name[KEDGE_CLASS_MAX + 1];
    const char *spread_by; /* borrowed: the tag whose value is a target's place; NULL: none */
    /* Borrowed: packages that are offered first to whom the package itself does not replace; and
     * how many go through each, the package itself behind them. */
    const struct kedge_package_record *intermediates;
    uint32_t intermediate_count;
    uint64_t through[KEDGE_STEPS_MAX];
    char through_example[KEDGE_STEPS_MAX][KEDGE_ENDPOINT_MAX + 1];
    /* Those that cannot take the package, by reason, and one of each to name; of devices that were
     * asked for by their names, they are among the items. */
    uint64_t left_out[KEDGE_FIT_COUNT];
    char example[KEDGE_FIT_COUNT][KEDGE_ENDPOINT_MAX + 1];
    char words[KEDGE_FIT_COUNT][KEDGE_FIT_WORDS_MAX]; /* with the figures of that one */
    uint64_t unmatched;                               /* that a filter does not mean */
    uint64_t already; /* among the items: they run the version already */
};

/**
 * Takes all devices that the package is for, and counts the others. Vendor and class are the
 * package's UUIDs; where its text names them too (which was checked against the UUIDs at upload)
 * those names are compared.
 */
enum kedge_rc kedge_targets_take_all(struct kedge_targets *targets, struct kedge_reader *reader,
                                     const struct kedge_package_record *package) KEDGE_MUST_USE;
/** The same of those that the filter means, as of `now_ms`. */
enum kedge_rc kedge_targets_take_matching(struct kedge_targets *targets,
                                          struct kedge_reader *reader,
                                          const struct kedge_package_record *package,
                                          const struct kedge_filter *filter,
                                          uint64_t now_ms) KEDGE_MUST_USE;
/**
 * Whether the package is for the device, which is counted; of `targets`, the names must be there:
 * those of the package, or "", and then the first device that it is for gives them.
 */
enum kedge_fit kedge_targets_judge(struct kedge_targets *targets,
                                   const struct kedge_package_record *package,
                                   const struct kedge_device_record *record);
/** The packages as a chain, the intermediate ones first; how many there are. */
size_t kedge_targets_steps(const struct kedge_package_record *intermediates, uint32_t count,
                           const struct kedge_package_record *package,
                           struct kedge_step steps[KEDGE_STEPS_MAX]);
/**
 * Takes the devices listed, whoever they are: the engine says which of them do not fit. One that
 * is not stored is taken as not known.
 */
enum kedge_rc kedge_targets_take_listed(struct kedge_targets *targets, struct kedge_reader *reader,
                                        const struct kedge_package_record *package,
                                        const char *const *endpoints, size_t count) KEDGE_MUST_USE;
/** Whether the target's device is there now, on the network thread. */
void kedge_targets_look(struct kedge_fleet *fleet, struct kedge_rollout_target *target);
void kedge_targets_clear(struct kedge_targets *targets);

#endif
