/* token_changes.c: tokens of the API are made and revoked. */
#define _GNU_SOURCE
#include "updater/kedged/access_token.h"
#include "updater/kedged/backend.h"
#include "updater/kedged/clock.h"

#include <kedge/crypto.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

/* What is there of a name, and of what must not become nothing. */
struct survey {
    const char *name;
    uint64_t now_ms;
    struct kedge_token_record found; /* of that name; "" when there is none */
    size_t count;
    size_t lasting_admins; /* admins' tokens without an end, but for the one of that name */
};

static bool take_token(void *context, const struct kedge_token_record *record)
{
    struct survey *survey = context;
    bool is_it = strcmp(record->name, survey->name) == 0;
    survey->count++;
    if (is_it)
        survey->found = *record;
    survey->lasting_admins +=
        !is_it && record->role == KEDGE_ROLE_ADMIN && record->expires_at_ms == 0;
    return true;
}

static enum kedge_rc look(struct kedge_backend_state *state, struct survey *survey, char *text)
{
    struct kedge_reader *reader;
    KEDGE_TRY(kedge_backend_reader(state, &reader, text));
    enum kedge_rc rc = kedge_reader_tokens(reader, NULL, take_token, survey);
    if (rc != KEDGE_OK)
        (void)kedge_backend_refuse(text, rc, "the tokens cannot be read: %s",
                                   kedge_reader_error(reader));
    kedge_reader_close(reader);
    return rc;
}

static bool has_expired(const struct kedge_token_record *record, uint64_t now_ms)
{
    return record->expires_at_ms != 0 && record->expires_at_ms <= now_ms;
}

static void describe(const struct kedge_token_record *record, char text[KEDGE_REASON_MAX + 1])
{
    const time_t end_s = (time_t)(record->expires_at_ms / 1000);
    char end[32] = "for ever";
    struct tm utc;
    if (record->expires_at_ms != 0 && gmtime_r(&end_s, &utc) != NULL)
        (void)strftime(end, sizeof(end), "until %Y-%m-%dT%H:%M:%SZ", &utc);
    (void)snprintf(text, KEDGE_REASON_MAX + 1, "%s, %s", kedge_role_name(record->role), end);
}

/* What authors and approvers are told apart by must not change hands. */
static enum kedge_rc check_new(const struct survey *survey, char *text)
{
    if (survey->found.name[0] != '\0' && !has_expired(&survey->found, survey->now_ms))
        return kedge_backend_refuse(text, KEDGE_E_EXISTS,
                                    "there is a token of the name %s already; revoke it first, or "
                                    "choose another name",
                                    survey->name);
    if (survey->count >= KEDGE_TOKENS_MAX)
        return kedge_backend_refuse(text, KEDGE_E_LIMIT,
                                    "there are %zu tokens already; revoke those that nobody uses",
                                    survey->count);
    return KEDGE_OK;
}

static enum kedge_rc put_token(struct kedge_backend_state *state, const char *who,
                               const struct kedge_token_record *record, char *text)
{
    char after[KEDGE_REASON_MAX + 1];
    const struct kedge_change change = {
        .who = who, .what = "token.create", .subject = record->name, .after = after};
    describe(record, after);
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    return kedge_backend_commit(state, batch, kedge_batch_put_token(batch, record), &change, text);
}

enum kedge_rc kedge_backend_token_create(void *context, const char *who,
                                         struct kedge_token_record *record, uint32_t lifetime_s,
                                         char token[KEDGE_TOKEN_SIZE + 1], char *text)
{
    struct kedge_backend_state *state = context;
    struct survey survey = {.name = record->name, .now_ms = kedge_wall_ms()};
    record->created_at_ms = survey.now_ms;
    record->expires_at_ms = lifetime_s == 0 ? 0 : survey.now_ms + (uint64_t)lifetime_s * 1000;
    (void)snprintf(record->creator, sizeof(record->creator), "%s", who);
    (void)pthread_mutex_lock(&state->token_lock);
    enum kedge_rc rc = look(state, &survey, text);
    if (rc == KEDGE_OK)
        rc = check_new(&survey, text);
    if (rc == KEDGE_OK)
        rc = kedge_access_token_make(token, record->hash);
    if (rc == KEDGE_OK)
        rc = put_token(state, who, record, text);
    (void)pthread_mutex_unlock(&state->token_lock);
    if (rc != KEDGE_OK)
        kedge_wipe(token, KEDGE_TOKEN_SIZE + 1);
    return rc;
}

/* ---- revoking ---- */

static enum kedge_rc check_old(const struct survey *survey, char *text)
{
    if (survey->found.name[0] == '\0')
        return kedge_backend_refuse(text, KEDGE_E_NOT_FOUND, "there is no token of the name %.64s",
                                    survey->name);
    if (survey->found.role == KEDGE_ROLE_ADMIN && survey->found.expires_at_ms == 0 &&
        survey->lasting_admins == 0)
        return kedge_backend_refuse(text, KEDGE_E_STATE,
                                    "this is the last token of an admin that does not expire; make "
                                    "another one first");
    return KEDGE_OK;
}

static enum kedge_rc remove_token(struct kedge_backend_state *state, const char *who,
                                  const struct kedge_token_record *record, char *text)
{
    char before[KEDGE_REASON_MAX + 1];
    const struct kedge_change change = {
        .who = who, .what = "token.revoke", .subject = record->name, .before = before};
    describe(record, before);
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    return kedge_backend_commit(state, batch, kedge_batch_delete_token(batch, record->name),
                                &change, text);
}

enum kedge_rc kedge_backend_token_revoke(void *context, const char *who, const char *name,
                                         char *text)
{
    struct kedge_backend_state *state = context;
    struct survey survey = {.name = name, .now_ms = kedge_wall_ms()};
    (void)pthread_mutex_lock(&state->token_lock);
    enum kedge_rc rc = look(state, &survey, text);
    if (rc == KEDGE_OK)
        rc = check_old(&survey, text);
    if (rc == KEDGE_OK)
        rc = remove_token(state, who, &survey.found, text);
    (void)pthread_mutex_unlock(&state->token_lock);
    return rc;
}
