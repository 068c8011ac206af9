/*
 * filter_values.h: what an attribute is compared with.
 */
#ifndef KEDGE_UPDATER_ROLLOUT_FILTER_VALUES_H
#define KEDGE_UPDATER_ROLLOUT_FILTER_VALUES_H

#include "updater/rollout/filter_tokens.h"

/** Copies the token's text, without backslashes, to the filter's texts, which have room for it. */
void filter_text_keep(struct kedge_filter *filter, const struct filter_token *token,
                      struct kedge_filter_value *value);
/** Reads the token as what the test compares with; false, with *what was expected. */
bool filter_value_take(struct kedge_filter *filter, const struct filter_token *token,
                       const struct kedge_filter_node *test, struct kedge_filter_value *value,
                       const char **what);

#endif
