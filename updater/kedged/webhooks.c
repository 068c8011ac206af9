/* webhooks.c: the hooks, and the thread that delivers to them. */
#define _GNU_SOURCE
#include "updater/kedged/webhook_internal.h"

#include "updater/api/json_text.h"
#include "updater/kedged/clock.h"
#include "updater/kedged/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 500u
#define AGAIN_MS 1000u /* until a store that could not be read is tried again */
#define IDLE_MS 60000
#define NEVER UINT64_MAX

/* ---- notes ---- */

/* It may be so for long: told when it begins, and when it is over. What is not there was read. */
static bool was_read(struct kedge_webhooks *webhooks, enum kedge_rc rc)
{
    bool unreadable = rc != KEDGE_OK && rc != KEDGE_E_NOT_FOUND;
    if (unreadable && !webhooks->unreadable)
        kedge_log(KEDGE_LOG_ERROR, "webhooks wait: the store cannot be read: %s",
                  kedge_reader_error(webhooks->reader));
    else if (!unreadable && webhooks->unreadable)
        kedge_log(KEDGE_LOG_INFO, "webhooks go on: the store can be read again");
    webhooks->unreadable = unreadable;
    return !unreadable;
}

static enum kedge_rc add_note(struct kedge_batch *batch, const char *kind, const char *id,
                              const char *content)
{
    struct kedge_note *note = calloc(1, sizeof(*note));
    enum kedge_rc rc = note == NULL ? KEDGE_E_MEMORY : KEDGE_OK;
    if (rc == KEDGE_OK && strlen(content) > KEDGE_NOTE_MAX)
        rc = KEDGE_E_LIMIT;
    if (rc == KEDGE_OK) {
        (void)snprintf(note->kind, sizeof(note->kind), "%s", kind);
        (void)snprintf(note->id, sizeof(note->id), "%s", id);
        note->at_ms = kedge_wall_ms();
        note->size = strlen(content);
        memcpy(note->content, content, note->size);
        rc = kedge_batch_put_note(batch, note);
    }
    free(note);
    return rc;
}

static enum kedge_rc add_position(struct kedge_batch *batch, struct hook *hook, uint64_t position)
{
    char text[24];
    hook->position = position;
    (void)snprintf(text, sizeof(text), "%" PRIu64, position);
    return add_note(batch, "webhook_at", hook->name, text);
}

/* Takes the batch over. What does not come to the disk is delivered once more, later. */
static void submit(struct kedge_webhooks *webhooks, struct kedge_batch *batch, enum kedge_rc rc)
{
    if (rc == KEDGE_OK)
        kedge_store_submit(webhooks->store, batch, NULL, NULL);
    else
        kedge_batch_destroy(batch);
}

static void move_to(struct kedge_webhooks *webhooks, struct hook *hook, uint64_t position)
{
    struct kedge_batch *batch = kedge_batch_create();
    if (batch != NULL)
        submit(webhooks, batch, add_position(batch, hook, position));
}

static void drop_undelivered(struct kedge_webhooks *webhooks, const char *number)
{
    struct kedge_batch *batch = kedge_batch_create();
    if (batch != NULL)
        submit(webhooks, batch, kedge_batch_delete_note(batch, "undelivered", number));
}

/* KEDGE_E_NOT_FOUND: the hook was removed meanwhile. */
static enum kedge_rc stored_position(struct kedge_webhooks *webhooks, const char *name,
                                     uint64_t *position)
{
    struct kedge_note *note = malloc(sizeof(*note));
    enum kedge_rc rc = note == NULL ? KEDGE_E_MEMORY
                                    : kedge_reader_note(webhooks->reader, "webhook_at", name, note);
    if (rc == KEDGE_OK)
        *position = strtoull(note->content, NULL, 10);
    free(note);
    return rc;
}

static struct hook *find_hook(struct kedge_webhooks *webhooks, const char *name)
{
    for (size_t i = 0; i < webhooks->count; i++)
        if (strcmp(webhooks->hooks[i].name, name) == 0)
            return &webhooks->hooks[i];
    return NULL;
}

static bool take_hook(void *context, const struct kedge_note *note)
{
    struct kedge_webhooks *webhooks = context;
    json_t *settings = json_loadb(note->content, note->size, 0, NULL);
    struct hook *hook = find_hook(webhooks, note->id);
    if (settings == NULL)
        return true;
    if (hook == NULL && webhooks->count == WEBHOOKS_MAX) {
        json_decref(settings);
        return false;
    }
    if (hook == NULL) {
        hook = &webhooks->hooks[webhooks->count++];
        memset(hook, 0, sizeof(*hook));
        (void)snprintf(hook->name, sizeof(hook->name), "%.64s", note->id);
    }
    if (!json_equal(hook->settings, settings)) /* another one, of the same name */
        hook->attempts = hook->setbacks = 0;
    json_decref(hook->settings);
    hook->settings = settings;
    hook->there = true;
    return true;
}

static bool take_again(void *context, const struct kedge_note *note)
{
    struct kedge_webhooks *webhooks = context;
    json_t *content = json_loadb(note->content, note->size, 0, NULL);
    const char *name = json_string_value(json_object_get(content, "webhook"));
    if (name != NULL && json_is_true(json_object_get(content, "again"))) {
        json_t *numbers = json_object_get(webhooks->again, name);
        if (numbers == NULL) {
            numbers = json_array();
            (void)json_object_set_new(webhooks->again, name, numbers);
        }
        (void)json_array_append_new(numbers, json_string(note->id));
    }
    json_decref(content);
    return true;
}

/* ---- what is delivered next ---- */

struct search {
    const struct hook *hook;
    struct kedge_history_entry found;
    uint64_t newest, last; /* entries: the last that there is, and that was looked at */
    uint64_t skipped;
    bool is_found;
};

static bool is_wanted(const struct hook *hook, const struct kedge_history_entry *entry)
{
    size_t index;
    json_t *kind;
    json_array_foreach(json_object_get(hook->settings, "events"), index, kind)
    {
        if (strcmp(json_string_value(kind), webhook_event_name(entry)) == 0)
            return true;
    }
    return false;
}

static bool look_at(void *context, const struct kedge_history_entry *entry)
{
    struct search *search = context;
    bool wanted = is_wanted(search->hook, entry);
    bool old = entry->deployment_id != 0 && entry->id + WEBHOOK_LAG_MAX <= search->newest;
    search->last = entry->id;
    search->skipped += wanted && old;
    search->is_found = wanted && !old;
    if (search->is_found)
        search->found = *entry;
    return !search->is_found;
}

/* From behind the hook's position to the event, or to the end. */
static enum kedge_rc search_on(struct kedge_webhooks *webhooks, struct search *search)
{
    const struct kedge_history_filter all = {.rollout_id = 0};
    struct kedge_page page = {.limit = PAGE};
    KEDGE_TRY(kedge_reader_last_history(webhooks->reader, &search->newest));
    while (!search->is_found && search->last < search->newest && !atomic_load(&webhooks->ending)) {
        uint64_t before = search->last;
        (void)snprintf(page.cursor, sizeof(page.cursor), "%" PRIu64, before);
        page.cursor[before == 0 ? 0 : strlen(page.cursor)] = '\0';
        KEDGE_TRY(kedge_reader_history(webhooks->reader, &all, &page, look_at, search));
        if (search->last == before)
            break;
    }
    return KEDGE_OK;
}

/* Nothing is found: the hook has all there is. */
static enum kedge_rc find_event(struct kedge_webhooks *webhooks, struct hook *hook,
                                struct search *search)
{
    *search = (struct search){.hook = hook, .last = hook->position};
    KEDGE_TRY(search_on(webhooks, search));
    if (search->skipped > 0)
        kedge_log(KEDGE_LOG_WARNING, "webhook %s: %" PRIu64 " %s skipped: too many wait",
                  hook->name, search->skipped,
                  kedge_by_count(search->skipped, "event was", "events were"));
    if (search->is_found)
        hook->position = search->found.id - 1; /* however often it is tried, this was looked at */
    else if (search->last > hook->position)
        move_to(webhooks, hook, search->last);
    return KEDGE_OK;
}

/* Of what is to be delivered again; the body is NULL when it is there no more. */
static enum kedge_rc read_undelivered(struct kedge_webhooks *webhooks, struct hook *hook,
                                      const char *number, char **body)
{
    struct kedge_note *note = malloc(sizeof(*note));
    json_t *content = NULL;
    enum kedge_rc rc = note == NULL
                           ? KEDGE_E_MEMORY
                           : kedge_reader_note(webhooks->reader, "undelivered", number, note);
    if (rc == KEDGE_OK)
        content = json_loadb(note->content, note->size, 0, NULL);
    const char *text = json_string_value(json_object_get(content, "body"));
    *body = text == NULL ? NULL : strdup(text);
    hook->event_id = (uint64_t)json_integer_value(json_object_get(content, "event_id"));
    json_decref(content);
    free(note);
    return rc == KEDGE_E_NOT_FOUND ? KEDGE_OK : rc;
}

/* `body` is NULL when the hook has nothing to be delivered again. */
static enum kedge_rc find_again(struct kedge_webhooks *webhooks, struct hook *hook, char **body)
{
    json_t *numbers = json_object_get(webhooks->again, hook->name);
    *body = NULL;
    while (*body == NULL && json_array_size(numbers) > 0) {
        (void)snprintf(hook->number, sizeof(hook->number), "%s",
                       json_string_value(json_array_get(numbers, 0)));
        KEDGE_TRY(read_undelivered(webhooks, hook, hook->number, body));
        (void)json_array_remove(numbers, 0);
    }
    return KEDGE_OK;
}

static void begin_next(struct kedge_webhooks *webhooks, struct hook *hook)
{
    struct search search = {.is_found = false};
    char *again;
    enum kedge_rc rc = find_again(webhooks, hook, &again);
    if (rc == KEDGE_OK && again != NULL) {
        webhook_post(webhooks, hook, again);
        return;
    }
    hook->number[0] = '\0';
    if (rc == KEDGE_OK)
        rc = find_event(webhooks, hook, &search);
    if (!was_read(webhooks, rc)) {
        hook->due_ms = webhook_monotonic_ms() + AGAIN_MS;
        return;
    }
    if (!search.is_found) {
        hook->due_ms = NEVER;
        return;
    }
    hook->event_id = search.found.id;
    webhook_post(webhooks, hook, webhook_body(hook->name, &search.found));
}

/* ---- how it ended ---- */

static enum kedge_rc add_undelivered(struct kedge_batch *batch, const struct hook *hook,
                                     const char *number, unsigned attempts, const char *why)
{
    json_t *content =
        json_pack("{s:s, s:I, s:i, s:o, s:s, s:I, s:b}", "webhook", hook->name, "event_id",
                  (json_int_t)hook->event_id, "attempts", (int)attempts, "error", json_text(why),
                  "body", hook->body, "at_ms", (json_int_t)kedge_wall_ms(), "again", 0);
    char *text = content == NULL ? NULL : json_dumps(content, JSON_COMPACT);
    enum kedge_rc rc = text == NULL ? KEDGE_E_MEMORY : add_note(batch, "undelivered", number, text);
    if (rc == KEDGE_OK)
        rc = kedge_batch_trim_notes(batch, "undelivered", "", 0, WEBHOOK_UNDELIVERED_MAX);
    free(text);
    json_decref(content);
    return rc;
}

/* That it was put aside, and that the next one's turn has come, is one change: none is lost. */
static void put_aside(struct kedge_webhooks *webhooks, struct hook *hook, const char *number,
                      unsigned attempts, const char *why)
{
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return;
    enum kedge_rc rc = add_undelivered(batch, hook, number, attempts, why);
    if (rc == KEDGE_OK && hook->number[0] == '\0')
        rc = add_position(batch, hook, hook->event_id);
    submit(webhooks, batch, rc);
}

static uint64_t pause_ms(unsigned setbacks)
{
    uint64_t pause = setbacks > 6 ? WEBHOOK_PAUSE_MAX_MS : UINT64_C(1000) << (setbacks - 1);
    return pause < WEBHOOK_PAUSE_MAX_MS ? pause : WEBHOOK_PAUSE_MAX_MS;
}

static void on_failure(struct kedge_webhooks *webhooks, struct hook *hook, const char *why,
                       uint64_t asked_pause_ms)
{
    char number[WEBHOOK_NUMBER_SIZE];
    unsigned most = (unsigned)json_integer_value(json_object_get(hook->settings, "attempts"));
    uint64_t now_ms = webhook_monotonic_ms();
    hook->due_ms = now_ms + asked_pause_ms;
    if (hook->number[0] != '\0') {
        put_aside(webhooks, hook, hook->number, 1, why);
        return;
    }
    hook->attempts++;
    hook->setbacks++;
    if (hook->due_ms < now_ms + pause_ms(hook->setbacks))
        hook->due_ms = now_ms + pause_ms(hook->setbacks);
    /* Once one was put aside, each has one attempt until one arrives. */
    if (hook->setbacks < most)
        return;
    (void)snprintf(number, sizeof(number), "%014" PRIu64 "%06u", kedge_wall_ms(),
                   webhooks->numbered++ % 1000000u);
    kedge_log(KEDGE_LOG_WARNING, "webhook %s: event %" PRIu64 " was put aside: %s", hook->name,
              hook->event_id, why);
    put_aside(webhooks, hook, number, hook->attempts, why);
    hook->attempts = 0;
}

static void on_success(struct kedge_webhooks *webhooks, struct hook *hook)
{
    if (hook->number[0] != '\0') {
        drop_undelivered(webhooks, hook->number);
        return;
    }
    hook->attempts = hook->setbacks = 0;
    move_to(webhooks, hook, hook->event_id);
}

static void end_request(struct kedge_webhooks *webhooks, CURL *easy, CURLcode code)
{
    struct hook *hook = NULL;
    char why[CURL_ERROR_SIZE + 32];
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&hook);
    hook->due_ms = 0;
    if (webhook_outcome(easy, code, hook, why, sizeof(why)) == KEDGE_OK)
        on_success(webhooks, hook);
    else
        on_failure(webhooks, hook, why, webhook_asked_pause_ms(easy));
    webhook_let_go(webhooks, hook);
}

/* ---- the thread ---- */

/* What was on its way is posted again at once: nothing else may come for long. */
static void cut_off(struct kedge_webhooks *webhooks, struct hook *hook)
{
    hook->there = false;
    if (hook->easy != NULL)
        hook->due_ms = 0;
    webhook_let_go(webhooks, hook);
}

/* What it has delivered just now may not be in the store yet. */
static enum kedge_rc find_position(struct kedge_webhooks *webhooks, struct hook *hook)
{
    uint64_t stored = 0;
    enum kedge_rc rc = stored_position(webhooks, hook->name, &stored);
    if (stored > hook->position)
        hook->position = stored;
    if (rc == KEDGE_E_NOT_FOUND)
        hook->there = false;
    return rc == KEDGE_E_NOT_FOUND ? KEDGE_OK : rc;
}

static enum kedge_rc read_hooks(struct kedge_webhooks *webhooks)
{
    KEDGE_TRY(kedge_reader_notes(webhooks->reader, "webhook", NULL, take_hook, webhooks));
    for (size_t i = 0; i < webhooks->count; i++)
        if (webhooks->hooks[i].there)
            KEDGE_TRY(find_position(webhooks, &webhooks->hooks[i]));
    (void)json_object_clear(webhooks->again);
    return kedge_reader_notes(webhooks->reader, "undelivered", NULL, take_again, webhooks);
}

/* Those that are gone leave, and an array without gaps is left. */
static void drop_those_gone(struct kedge_webhooks *webhooks)
{
    size_t kept = 0;
    for (size_t i = 0; i < webhooks->count; i++) {
        if (webhooks->hooks[i].there)
            webhooks->hooks[kept++] = webhooks->hooks[i];
        else
            json_decref(webhooks->hooks[i].settings);
    }
    webhooks->count = kept;
}

/* Nothing is on its way meanwhile. False: they could not be read, and nothing begins until then. */
static bool read_notes(struct kedge_webhooks *webhooks)
{
    for (size_t i = 0; i < webhooks->count; i++)
        cut_off(webhooks, &webhooks->hooks[i]);
    if (!was_read(webhooks, read_hooks(webhooks)))
        return false;
    drop_those_gone(webhooks);
    for (size_t i = 0; i < webhooks->count; i++)
        if (json_object_get(webhooks->again, webhooks->hooks[i].name) != NULL)
            webhooks->hooks[i].due_ms = 0;
    return true;
}

/* Whether the hooks are as their notes have them. */
static bool are_current(struct kedge_webhooks *webhooks)
{
    if (!atomic_load(&webhooks->changed))
        return true;
    if (webhook_monotonic_ms() < webhooks->notes_ms)
        return false;
    atomic_store(&webhooks->changed, false);
    if (read_notes(webhooks))
        return true;
    webhooks->notes_ms = webhook_monotonic_ms() + AGAIN_MS;
    atomic_store(&webhooks->changed, true);
    return false;
}

static int wait_ms(const struct kedge_webhooks *webhooks)
{
    uint64_t now_ms = webhook_monotonic_ms(), least = IDLE_MS;
    for (size_t i = 0; i < webhooks->count; i++) {
        const struct hook *hook = &webhooks->hooks[i];
        if (hook->easy != NULL || hook->due_ms == NEVER)
            continue;
        uint64_t left = hook->due_ms > now_ms ? hook->due_ms - now_ms : 0;
        least = left < least ? left : least;
    }
    return (int)least;
}

static void begin_those_due(struct kedge_webhooks *webhooks)
{
    bool woken = atomic_exchange(&webhooks->woken, false);
    for (size_t i = 0; i < webhooks->count; i++) {
        struct hook *hook = &webhooks->hooks[i];
        if (hook->easy == NULL &&
            ((woken && hook->due_ms == NEVER) ||
             (hook->due_ms != NEVER && webhook_monotonic_ms() >= hook->due_ms)))
            begin_next(webhooks, hook);
    }
}

static void *run(void *context)
{
    struct kedge_webhooks *webhooks = context;
    while (!atomic_load(&webhooks->ending)) {
        int running, left;
        CURLMsg *message;
        bool current = are_current(webhooks);
        if (current)
            begin_those_due(webhooks);
        (void)curl_multi_perform(webhooks->multi, &running);
        while ((message = curl_multi_info_read(webhooks->multi, &left)) != NULL)
            if (message->msg == CURLMSG_DONE)
                end_request(webhooks, message->easy_handle, message->data.result);
        (void)curl_multi_poll(webhooks->multi, NULL, 0, current ? wait_ms(webhooks) : (int)AGAIN_MS,
                              NULL);
    }
    return NULL;
}

/* ---- the whole ---- */

static void webhooks_free(struct kedge_webhooks *webhooks)
{
    for (size_t i = 0; i < webhooks->count; i++) {
        webhook_let_go(webhooks, &webhooks->hooks[i]);
        json_decref(webhooks->hooks[i].settings);
    }
    json_decref(webhooks->again);
    (void)curl_multi_cleanup(webhooks->multi);
    kedge_reader_close(webhooks->reader);
    free(webhooks);
}

enum kedge_rc kedge_webhooks_start(struct kedge_store *store, const char *folder,
                                   struct kedge_webhooks **out)
{
    char error[KEDGE_STORE_ERROR_MAX];
    struct kedge_webhooks *webhooks = calloc(1, sizeof(*webhooks));
    if (webhooks == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(webhooks);
        return KEDGE_E_MEMORY;
    }
    webhooks->store = store;
    webhooks->multi = curl_multi_init();
    webhooks->again = json_object();
    atomic_store(&webhooks->changed, true);
    enum kedge_rc rc = webhooks->multi == NULL || webhooks->again == NULL
                           ? KEDGE_E_MEMORY
                           : kedge_reader_open(folder, &webhooks->reader, error);
    if (rc == KEDGE_OK && pthread_create(&webhooks->thread, NULL, run, webhooks) != 0)
        rc = KEDGE_E_SYSTEM;
    if (rc == KEDGE_OK)
        *out = webhooks;
    else
        webhooks_free(webhooks);
    return rc;
}

void kedge_webhooks_stop(struct kedge_webhooks *webhooks)
{
    if (webhooks == NULL)
        return;
    atomic_store(&webhooks->ending, true);
    (void)curl_multi_wakeup(webhooks->multi);
    (void)pthread_join(webhooks->thread, NULL);
    webhooks_free(webhooks);
}

void kedge_webhooks_wake(struct kedge_webhooks *webhooks)
{
    if (webhooks != NULL && !atomic_exchange(&webhooks->woken, true))
        (void)curl_multi_wakeup(webhooks->multi);
}

void kedge_webhooks_reload(struct kedge_webhooks *webhooks)
{
    if (webhooks == NULL)
        return;
    atomic_store(&webhooks->changed, true);
    (void)curl_multi_wakeup(webhooks->multi);
}
