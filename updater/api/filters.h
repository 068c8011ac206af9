/*
 * filters.h: which devices or packages a request means.
 */
#ifndef KEDGE_UPDATER_API_FILTERS_H
#define KEDGE_UPDATER_API_FILTERS_H

#include "updater/api/internal.h"

/**
 * Parses `text` into a filter of devices, to be freed; NULL, and the request is refused with the
 * place where it is none, or for want of memory.
 */
struct kedge_filter *filter_read(struct request *request, const char *text);
/** Whether it is a filter; if not, the request is refused by the name of the `field`. */
bool filter_check(struct request *request, const char *field, const char *text);
/** The query's `filter`, to be freed: *out is NULL when it is not given; false: refused. */
bool query_filter(struct request *request, enum kedge_filter_of of, struct kedge_filter **out);

#endif
