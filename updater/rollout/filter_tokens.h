/*
 * filter_tokens.h: a filter's text as words, texts and signs.
 */
#ifndef KEDGE_UPDATER_ROLLOUT_FILTER_TOKENS_H
#define KEDGE_UPDATER_ROLLOUT_FILTER_TOKENS_H

#include "updater/rollout/filter.h"

enum filter_token_kind {
    FILTER_END,
    FILTER_WORD, /* letters, digits and . _ - + : names, versions, times */
    FILTER_TEXT, /* in quotes */
    FILTER_SIGN
};

struct filter_token {
    enum filter_token_kind kind;
    size_t offset;
    struct kedge_slice bytes; /* as they stand there; of a text without its quotes */
    bool escaped;             /* a text with backslashes in it */
};

/**
 * The next token, at FILTER_END always the same. On failure the token says where it is and *why
 * what is wrong: a text that does not end, a character that has no place in a filter.
 */
enum kedge_rc filter_token_next(struct kedge_cursor *cursor, struct filter_token *token,
                                const char **why) KEDGE_MUST_USE;
bool filter_token_is(const struct filter_token *token, enum filter_token_kind kind,
                     const char *text);
/** Line and column of `offset`. */
void filter_token_place(struct kedge_slice text, size_t offset, unsigned *line, unsigned *column);

#endif
