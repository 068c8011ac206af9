/* events.c: the clients of streams of events, and the thread that serves them. */
#define _GNU_SOURCE
#include "updater/api/events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "updater/api/internal.h"

#define CHUNK 256u    /* changes that are read and handed out in one go */
#define SETTLE_MS 50u /* changes that come so close together are handed out together */
#define AGAIN_MS 500u /* until a store that could not be read is tried again */
#define STREAM_BLOCK 4096u

struct event_client {
    struct event_client *next;
    struct events *events;
    struct MHD_Connection *connection;
    struct event_wish wish;
    uint8_t token_hash[32];
    uint64_t expires_at_ms;   /* the token; Unix time, 0: never */
    uint8_t session_hash[32]; /* of_session: it ends with this session, too */
    bool of_session;
    uint64_t position; /* the change up to which it has, or did not want, all */
    char *buffer;      /* what waits to be sent: from `sent` to `size` */
    size_t size, sent, capacity;
    bool suspended; /* its connection waits until there is something to send */
    bool full;      /* its buffer has no room until half of it was sent */
    bool ended;     /* nothing more will be put into the buffer */
};

struct events {
    struct kedge_api *api;
    pthread_mutex_t lock; /* for all that follows */
    pthread_cond_t wake;  /* to the thread; on the monotonic clock */
    pthread_t thread;
    struct changes changes;
    struct event_client *clients;
    size_t client_count;
    uint64_t run;    /* of the ids: when it was started, in ms of Unix time */
    bool unreadable; /* the store was, when it was tried last */
    bool recheck;    /* somebody's token or session may be no more */
    bool ending;
};

/** Changes on their way to the clients. */
struct chunk {
    size_t count;
    uint64_t first;
    struct change changes[CHUNK];
    char *texts[CHUNK]; /* NULL: nobody wants it, or there is nothing to say */
};

/* ---- what is put into a buffer; with the lock ---- */

static void resume(struct event_client *client)
{
    if (!client->suspended)
        return;
    client->suspended = false;
    MHD_resume_connection(client->connection);
}

static bool make_room(struct event_client *client, size_t size)
{
    if (client->sent > 0) {
        memmove(client->buffer, &client->buffer[client->sent], client->size - client->sent);
        client->size -= client->sent;
        client->sent = 0;
    }
    size_t capacity = client->capacity == 0 ? STREAM_BLOCK : client->capacity;
    while (capacity - client->size < size)
        capacity *= 2;
    if (capacity == client->capacity)
        return true;
    char *grown = realloc(client->buffer, capacity);
    if (grown == NULL)
        return false;
    client->buffer = grown;
    client->capacity = capacity;
    return true;
}

/* Without memory the stream ends: the client comes again, and goes on where it was. */
static void put(struct event_client *client, const char *text)
{
    size_t size = strlen(text);
    if (client->ended)
        return;
    if (make_room(client, size)) {
        memcpy(&client->buffer[client->size], text, size);
        client->size += size;
    } else {
        client->ended = true;
    }
    resume(client);
}

static void format_id(const struct events *events, uint64_t number, char id[EVENTS_ID_SIZE])
{
    (void)snprintf(id, EVENTS_ID_SIZE, "%" PRIu64 "-%" PRIu64, events->run, number);
}

/* An event of the stream itself. */
static void put_notice(struct event_client *client, const char *name, const char *data)
{
    char text[256], id[EVENTS_ID_SIZE];
    format_id(client->events, client->position, id);
    (void)snprintf(text, sizeof(text), "id: %s\nevent: %s\ndata: %s\n\n", id, name, data);
    put(client, text);
}

static void end_stream(struct event_client *client, const char *name, const char *reason)
{
    char data[64];
    (void)snprintf(data, sizeof(data), "{\"reason\":\"%s\"}", reason);
    put_notice(client, name, data);
    client->ended = true;
    resume(client);
}

/* ---- handing out changes ---- */

static bool is_wanted(const struct event_wish *wish, const struct change *change)
{
    return (wish->kinds & (1u << change->kind)) != 0 &&
           (wish->rollout_id == 0 || change->rollout_id == wish->rollout_id) &&
           (wish->endpoint[0] == '\0' || strcmp(change->endpoint, wish->endpoint) == 0);
}

static bool takes(const struct event_client *client, uint64_t number, const struct change *change)
{
    return !client->full && !client->ended && client->position < number &&
           is_wanted(&client->wish, change);
}

static bool any_takes(const struct events *events, uint64_t number, const struct change *change)
{
    for (const struct event_client *at = events->clients; at != NULL; at = at->next)
        if (takes(at, number, change))
            return true;
    return false;
}

/* What those who read too slowly wait for is kept no longer. */
static void end_those_behind(struct events *events)
{
    for (struct event_client *at = events->clients; at != NULL; at = at->next) {
        if (at->ended || at->position + 1 >= changes_oldest(&events->changes))
            continue;
        at->position = events->changes.newest;
        end_stream(at, "reset", "too_slow");
        api_log(events->api, "a stream of events was ended: its client reads too slowly");
    }
}

/* The first change that somebody waits for who has room; 0: none. */
static uint64_t first_due(const struct events *events)
{
    uint64_t first = 0;
    for (const struct event_client *at = events->clients; at != NULL; at = at->next)
        if (!at->full && !at->ended && at->position < events->changes.newest &&
            (first == 0 || at->position + 1 < first))
            first = at->position + 1;
    return first;
}

/* Copies what is wanted of the next changes. False: nothing is due. */
static bool take_chunk(struct events *events, struct chunk *chunk)
{
    end_those_behind(events); /* more has come while the store was read */
    chunk->first = first_due(events);
    chunk->count = 0;
    if (chunk->first == 0)
        return false;
    for (uint64_t number = chunk->first; number <= events->changes.newest && chunk->count < CHUNK;
         number++) {
        struct change *copy = &chunk->changes[chunk->count++];
        *copy = *changes_at(&events->changes, number);
        copy->superseded = copy->superseded || !any_takes(events, number, copy);
    }
    return true;
}

static void free_texts(struct chunk *chunk)
{
    for (size_t i = 0; i < chunk->count; i++)
        free(chunk->texts[i]);
}

/* Without the lock: it reads the store. All of them, or none: what was not read is still due. */
static enum kedge_rc write_texts(struct events *events, struct chunk *chunk,
                                 struct kedge_reader *reader)
{
    char id[EVENTS_ID_SIZE];
    enum kedge_rc rc = KEDGE_OK;
    memset(chunk->texts, 0, sizeof(chunk->texts));
    for (size_t i = 0; i < chunk->count && rc == KEDGE_OK; i++) {
        format_id(events, chunk->first + i, id);
        if (!chunk->changes[i].superseded)
            rc = event_text(reader, &chunk->changes[i], id, &chunk->texts[i]);
    }
    if (rc != KEDGE_OK)
        free_texts(chunk);
    return rc;
}

static void hand_out(struct event_client *client, const struct chunk *chunk)
{
    for (size_t i = 0; i < chunk->count && !client->full && !client->ended; i++) {
        uint64_t number = chunk->first + i;
        if (client->position >= number)
            continue;
        const char *text = chunk->texts[i];
        if (text != NULL && takes(client, number, &chunk->changes[i])) {
            size_t waits = client->size - client->sent;
            /* One event is taken by whoever waits for it, however long it is. */
            client->full = waits > 0 && waits + strlen(text) > EVENTS_BUFFER_MAX;
            if (client->full)
                return;
            put(client, text);
        }
        client->position = number;
    }
}

static void hand_out_all(struct events *events, struct chunk *chunk)
{
    for (struct event_client *at = events->clients; at != NULL; at = at->next)
        hand_out(at, chunk);
    free_texts(chunk);
}

/* It may be so for long: told when it begins, and when it is over. */
static void note_unreadable(struct events *events, bool unreadable, const char *error)
{
    if (unreadable && !events->unreadable)
        api_warn(events->api, "events wait: the store cannot be read: %s", error);
    else if (!unreadable && events->unreadable)
        api_log(events->api, "events go on: the store can be read again");
    events->unreadable = unreadable;
}

static enum kedge_rc read_chunk(struct events *events, struct chunk *chunk,
                                char error[KEDGE_STORE_ERROR_MAX])
{
    struct kedge_reader *reader;
    KEDGE_TRY(readers_take(&events->api->readers, &reader, error));
    enum kedge_rc rc = write_texts(events, chunk, reader);
    if (rc != KEDGE_OK)
        (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "%s", kedge_reader_error(reader));
    readers_give_back(&events->api->readers, reader, rc == KEDGE_OK);
    return rc;
}

/* Takes the lock off meanwhile. */
static void serve_changes(struct events *events, struct chunk *chunk)
{
    char error[KEDGE_STORE_ERROR_MAX];
    while (!events->ending && take_chunk(events, chunk)) {
        pthread_mutex_unlock(&events->lock);
        bool can_read = read_chunk(events, chunk, error) == KEDGE_OK;
        pthread_mutex_lock(&events->lock);
        note_unreadable(events, !can_read, error);
        if (!can_read)
            return;
        hand_out_all(events, chunk);
    }
}

/* ---- now and then ---- */

static bool token_holds(struct kedge_reader *reader, const uint8_t hash[32])
{
    struct kedge_token_record record;
    enum kedge_rc rc = kedge_reader_token(reader, hash, &record);
    if (rc != KEDGE_OK)
        return rc != KEDGE_E_NOT_FOUND;
    return record.expires_at_ms == 0 || record.expires_at_ms > wall_now_ms();
}

/* Why the client's stream must end; NULL: it need not. */
static const char *no_more(struct events *events, struct kedge_reader *reader,
                           const struct event_client *client)
{
    if (!token_holds(reader, client->token_hash))
        return "token";
    bool stands = !client->of_session ||
                  sessions_stands(&events->api->sessions, client->session_hash, seconds_now());
    return stands ? NULL : "session";
}

/* A stream lives long: its token is looked at again; and a client that has gone without a word (no
 * FIN, no RST) shows only when something is sent. */
static void beat(struct events *events)
{
    struct kedge_reader *reader;
    char error[KEDGE_STORE_ERROR_MAX];
    if (events->clients == NULL || readers_take(&events->api->readers, &reader, error) != KEDGE_OK)
        return;
    for (struct event_client *at = events->clients; at != NULL; at = at->next) {
        const char *why = at->ended ? NULL : no_more(events, reader, at);
        if (why != NULL)
            end_stream(at, "end", why);
        else if (at->sent == at->size)
            put(at, ":\n\n");
    }
    readers_give_back(&events->api->readers, reader, true);
}

/* When the first of the clients' tokens expires, on the monotonic clock; UINT64_MAX: none does. */
static uint64_t first_expiry_ms(const struct events *events)
{
    uint64_t now = wall_now_ms(), first = UINT64_MAX;
    for (const struct event_client *at = events->clients; at != NULL; at = at->next)
        if (!at->ended && at->expires_at_ms != 0 && at->expires_at_ms < first)
            first = at->expires_at_ms;
    if (first == UINT64_MAX)
        return first;
    return clock_now_ms(CLOCK_MONOTONIC) + (first > now ? first - now : 0);
}

static void wait_until(struct events *events, uint64_t at_ms)
{
    const struct timespec until = {.tv_sec = (time_t)(at_ms / 1000),
                                   .tv_nsec = (long)(at_ms % 1000) * 1000000};
    (void)pthread_cond_timedwait(&events->wake, &events->lock, &until);
}

static void let_settle(struct events *events)
{
    const struct timespec span = {.tv_nsec = SETTLE_MS * 1000000L};
    pthread_mutex_unlock(&events->lock);
    (void)nanosleep(&span, NULL);
    pthread_mutex_lock(&events->lock);
}

/* Looks at everybody when it is time to, or was asked for; until when that is not so again. */
static uint64_t look_around(struct events *events, uint64_t *beat_at_ms)
{
    uint64_t expiry_ms = first_expiry_ms(events), at_ms = clock_now_ms(CLOCK_MONOTONIC);
    if (events->recheck || at_ms >= *beat_at_ms || at_ms >= expiry_ms) {
        events->recheck = false;
        beat(events);
        *beat_at_ms = at_ms + events->api->config.heartbeat_ms;
        expiry_ms = first_expiry_ms(events);
        if (expiry_ms <= at_ms) /* the store could not be read */
            expiry_ms = at_ms + AGAIN_MS;
    }
    return expiry_ms < *beat_at_ms ? expiry_ms : *beat_at_ms;
}

static void *run(void *context)
{
    struct events *events = context;
    struct chunk *chunk = calloc(1, sizeof(*chunk));
    uint64_t beat_at_ms = clock_now_ms(CLOCK_MONOTONIC) + events->api->config.heartbeat_ms;
    pthread_mutex_lock(&events->lock);
    while (chunk != NULL && !events->ending) {
        end_those_behind(events);
        uint64_t look_at_ms = look_around(events, &beat_at_ms);
        if (first_due(events) != 0) {
            let_settle(events);
            serve_changes(events, chunk);
        }
        if (!events->ending && events->unreadable)
            wait_until(events, clock_now_ms(CLOCK_MONOTONIC) + AGAIN_MS);
        else if (!events->ending && !events->recheck && first_due(events) == 0)
            wait_until(events, look_at_ms);
    }
    pthread_mutex_unlock(&events->lock);
    free(chunk);
    return NULL;
}

/* ---- libmicrohttpd's side of a stream ---- */

static ssize_t on_read(void *context, uint64_t offset, char *buffer, size_t size)
{
    struct event_client *client = context;
    struct events *events = client->events;
    ssize_t taken = 0;
    (void)offset;
    pthread_mutex_lock(&events->lock);
    size_t left = client->size - client->sent;
    if (left > 0) {
        size = size < left ? size : left;
        memcpy(buffer, &client->buffer[client->sent], size);
        client->sent += size;
        taken = (ssize_t)size;
        if (client->full && client->size - client->sent < EVENTS_BUFFER_MAX / 2) {
            client->full = false;
            pthread_cond_signal(&events->wake);
        }
    } else if (client->ended) {
        taken = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        client->suspended = true;
        MHD_suspend_connection(client->connection);
    }
    pthread_mutex_unlock(&events->lock);
    return taken;
}

static void on_gone(void *context)
{
    struct event_client *client = context;
    struct events *events = client->events;
    pthread_mutex_lock(&events->lock);
    struct event_client **link = &events->clients;
    while (*link != NULL && *link != client)
        link = &(*link)->next;
    if (*link != NULL)
        *link = client->next;
    events->client_count--;
    pthread_mutex_unlock(&events->lock);
    free(client->buffer);
    free(client);
}

/* ---- coming in ---- */

static bool parse_number(const char **text, uint64_t *out)
{
    size_t digits = strspn(*text, "0123456789");
    if (digits == 0 || digits > 18)
        return false;
    *out = strtoull(*text, NULL, 10);
    *text += digits;
    return true;
}

/* Where the client goes on; NULL, or why it cannot. */
static const char *find_position(const struct events *events, const char *last_id,
                                 uint64_t *position)
{
    uint64_t run, number;
    *position = events->changes.newest;
    if (last_id == NULL || last_id[0] == '\0')
        return NULL;
    if (!parse_number(&last_id, &run) || *last_id++ != '-' || !parse_number(&last_id, &number) ||
        *last_id != '\0' || (run == events->run && number > events->changes.newest))
        return "unknown";
    if (run != events->run)
        return "restarted";
    if (number + 1 < changes_oldest(&events->changes))
        return "too_old";
    *position = number;
    return NULL;
}

static size_t count_of_token(const struct events *events, const uint8_t hash[32])
{
    size_t count = 0;
    for (const struct event_client *at = events->clients; at != NULL; at = at->next)
        count += memcmp(at->token_hash, hash, sizeof(at->token_hash)) == 0;
    return count;
}

static void begin_stream(struct event_client *client, const char *last_id)
{
    char data[64];
    const char *reason = find_position(client->events, last_id, &client->position);
    put(client, "retry: 2000\n\n");
    if (reason == NULL) {
        put_notice(client, "ready", "{}");
        return;
    }
    (void)snprintf(data, sizeof(data), "{\"reason\":\"%s\"}", reason);
    put_notice(client, "reset", data);
}

enum event_join events_join(struct events *events, struct MHD_Connection *connection,
                            const struct event_wish *wish,
                            const struct kedge_token_record *token,
                            const uint8_t session_hash[32], const char *last_id,
                            struct MHD_Response **out)
{
    struct event_client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        return EVENT_JOIN_ENDING;
    client->events = events;
    client->connection = connection;
    client->wish = *wish;
    memcpy(client->token_hash, token->hash, sizeof(client->token_hash));
    client->expires_at_ms = token->expires_at_ms;
    client->of_session = session_hash != NULL;
    if (client->of_session)
        memcpy(client->session_hash, session_hash, sizeof(client->session_hash));
    enum event_join joined = EVENT_JOINED;
    pthread_mutex_lock(&events->lock);
    if (events->ending)
        joined = EVENT_JOIN_ENDING;
    else if (events->client_count >= EVENTS_CLIENTS_MAX ||
             count_of_token(events, token->hash) >= EVENTS_PER_TOKEN_MAX)
        joined = EVENT_JOIN_FULL;
    else
        *out = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_read, client,
                                                 on_gone);
    if (joined == EVENT_JOINED && *out == NULL)
        joined = EVENT_JOIN_ENDING;
    if (joined == EVENT_JOINED) {
        client->next = events->clients;
        events->clients = client;
        events->client_count++;
        begin_stream(client, last_id);
        pthread_cond_signal(&events->wake);
    }
    pthread_mutex_unlock(&events->lock);
    if (joined != EVENT_JOINED)
        free(client);
    return joined;
}

void events_let_go(struct events *events)
{
    pthread_mutex_lock(&events->lock);
    for (struct event_client *at = events->clients; at != NULL; at = at->next) {
        if (!connection_left(at->connection))
            continue;
        at->ended = true;
        resume(at);
    }
    pthread_mutex_unlock(&events->lock);
}

void events_recheck(struct events *events)
{
    pthread_mutex_lock(&events->lock);
    events->recheck = true;
    pthread_cond_signal(&events->wake);
    pthread_mutex_unlock(&events->lock);
}

/* ---- the whole ---- */

void kedge_api_committed(void *api, const struct kedge_committed *what)
{
    struct events *events = ((struct kedge_api *)api)->events;
    pthread_mutex_lock(&events->lock);
    changes_add(&events->changes, what);
    /* The counts of a rollout are those of its groups. */
    if (what->kind == KEDGE_COMMITTED_GROUP)
        changes_add(&events->changes, &(struct kedge_committed){.kind = KEDGE_COMMITTED_ROLLOUT,
                                                                .rollout_id = what->rollout_id,
                                                                .endpoint = ""});
    if (events->clients != NULL)
        pthread_cond_signal(&events->wake);
    pthread_mutex_unlock(&events->lock);
}

int events_start(struct kedge_api *api)
{
    struct events *events = calloc(1, sizeof(*events));
    if (events == NULL)
        return ENOMEM;
    events->api = api;
    events->run = wall_now_ms();
    pthread_mutex_init(&events->lock, NULL);
    condition_init(&events->wake);
    int failed = changes_init(&events->changes) == KEDGE_OK ? 0 : ENOMEM;
    if (failed == 0)
        failed = pthread_create(&events->thread, NULL, run, events);
    if (failed == 0) {
        api->events = events;
        return 0;
    }
    changes_clear(&events->changes);
    pthread_cond_destroy(&events->wake);
    pthread_mutex_destroy(&events->lock);
    free(events);
    return failed;
}

void events_end(struct events *events)
{
    if (events == NULL)
        return;
    pthread_mutex_lock(&events->lock);
    events->ending = true;
    for (struct event_client *at = events->clients; at != NULL; at = at->next)
        if (!at->ended)
            end_stream(at, "end", "ending");
    pthread_cond_signal(&events->wake);
    pthread_mutex_unlock(&events->lock);
    (void)pthread_join(events->thread, NULL);
}

void events_close(struct events *events)
{
    if (events == NULL)
        return;
    changes_clear(&events->changes);
    pthread_cond_destroy(&events->wake);
    pthread_mutex_destroy(&events->lock);
    free(events);
}
