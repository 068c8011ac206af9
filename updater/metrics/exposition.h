/*
 * exposition.h: figures in the text format of Prometheus, version 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats).
 *
 * Say the family, then its samples. Names, help and label names are ours; the values of labels may
 * be anybody's: what is special in them is escaped, and what is no UTF-8 becomes "?".
 */
#ifndef KEDGE_UPDATER_EXPOSITION_H
#define KEDGE_UPDATER_EXPOSITION_H

#include <stddef.h>

#include <kedge/base.h>

#include "updater/metrics/histogram.h"

#define KEDGE_EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8" /* for Content-Type */

struct kedge_exposition;

/** NULL: no memory. */
struct kedge_exposition *kedge_exposition_create(void);
/** Frees it and gives its text, for the caller to free(); NULL: there was no memory for it. */
char *kedge_exposition_end(struct kedge_exposition *exposition, size_t *size);

enum kedge_metric_type { KEDGE_METRIC_COUNTER, KEDGE_METRIC_GAUGE, KEDGE_METRIC_HISTOGRAM };

/** What the samples that follow are of; once for each name, which is kept for them, borrowed. */
void kedge_exposition_family(struct kedge_exposition *exposition, const char *name,
                             enum kedge_metric_type type, const char *help);

/** A label of a sample; both borrowed for the call. */
struct kedge_label {
    const char *name, *value;
};
#define KEDGE_LABELS_MAX 4u

/** A sample of the family. Labels end with the first without a name; NULL: none. */
void kedge_exposition_count(struct kedge_exposition *exposition, const struct kedge_label *labels,
                            uint64_t value);
/** The same of a value that is no whole number: of seconds, mostly. */
void kedge_exposition_number(struct kedge_exposition *exposition, const struct kedge_label *labels,
                             double value);
/** The samples of a histogram, in seconds; the labels leave one of KEDGE_LABELS_MAX for `le`. */
void kedge_exposition_histogram(struct kedge_exposition *exposition,
                                const struct kedge_label *labels,
                                const struct kedge_histogram *histogram);

/** A family of one sample without labels. */
void kedge_exposition_counter(struct kedge_exposition *exposition, const char *name,
                              const char *help, uint64_t value);
void kedge_exposition_gauge(struct kedge_exposition *exposition, const char *name, const char *help,
                            uint64_t value);

#endif
