/* webhooks.c: the hooks, and the thread that delivers to them. */
#define _GNU_SOURCE
#include "updater/kedged/webhooks.h"

#include "updater/api/json_text.h"
#include "updater/kedged/clock.h"
#include "updater/kedged/log.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ANSWER_MAX 65536u /* bytes of an answer, which nobody reads */
#define PAGE 500u
#define IDLE_MS 60000
#define NEVER UINT64_MAX

struct hook {
    char name[KEDGE_NAME_MAX + 1];
    json_t *settings;  /* its note */
    uint64_t position; /* the entry up to which it has delivered, or put aside */
    unsigned attempts; /* of the event whose turn it is */
    unsigned setbacks; /* attempts that failed since one succeeded */
    uint64_t due_ms;   /* monotonic; NEVER: until it is woken up */
    bool there;        /* while notes are read again */
    /* what is on its way; `easy` is NULL when nothing is */
    CURL *easy;
    struct curl_slist *header;
    char *body;
    uint64_t event_id;
    char number[WEBHOOK_NUMBER_SIZE]; /* of what is delivered again; "" for a new event */
    size_t answered;
    char error[CURL_ERROR_SIZE];
};

struct kedge_webhooks {
    struct kedge_store *store;
    struct kedge_reader *reader;
    CURLM *multi;
    pthread_t thread;
    struct hook hooks[WEBHOOKS_MAX];
    size_t count;
    json_t *again; /* numbers of what is to be delivered again, by hook */
    uint32_t numbered;
    atomic_bool ending, woken, changed;
};

static uint64_t monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static const char *setting(const struct hook *hook, const char *name)
{
    const char *text = json_string_value(json_object_get(hook->settings, name));
    return text == NULL ? "" : text;
}

/* ---- notes ---- */

static void put_note(struct kedge_webhooks *webhooks, const char *kind, const char *id,
                     const char *content, uint64_t keep)
{
    struct kedge_note *note = calloc(1, sizeof(*note));
    struct kedge_batch *batch = kedge_batch_create();
    if (note != NULL && batch != NULL && strlen(content) <= KEDGE_NOTE_MAX) {
        (void)snprintf(note->kind, sizeof(note->kind), "%s", kind);
        (void)snprintf(note->id, sizeof(note->id), "%s", id);
        note->at_ms = kedge_wall_ms();
        note->size = strlen(content);
        memcpy(note->content, content, note->size);
        if (kedge_batch_put_note(batch, note) == KEDGE_OK &&
            (keep == 0 || kedge_batch_trim_notes(batch, kind, 0, keep) == KEDGE_OK)) {
            kedge_store_submit(webhooks->store, batch, NULL, NULL);
            batch = NULL;
        }
    }
    kedge_batch_destroy(batch);
    free(note);
}

static void delete_note(struct kedge_webhooks *webhooks, const char *kind, const char *id)
{
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return;
    if (kedge_batch_delete_note(batch, kind, id) == KEDGE_OK)
        kedge_store_submit(webhooks->store, batch, NULL, NULL);
    else
        kedge_batch_destroy(batch);
}

static void move_to(struct kedge_webhooks *webhooks, struct hook *hook, uint64_t position)
{
    char text[24];
    hook->position = position;
    (void)snprintf(text, sizeof(text), "%" PRIu64, position);
    put_note(webhooks, "webhook_at", hook->name, text, 0);
}

static uint64_t stored_position(struct kedge_webhooks *webhooks, const char *name)
{
    struct kedge_note *note = malloc(sizeof(*note));
    uint64_t position = 0;
    if (note != NULL && kedge_reader_note(webhooks->reader, "webhook_at", name, note) == KEDGE_OK)
        position = strtoull(note->content, NULL, 10);
    free(note);
    return position;
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

/* ---- a request ---- */

static void let_go(struct kedge_webhooks *webhooks, struct hook *hook)
{
    if (hook->easy != NULL) {
        (void)curl_multi_remove_handle(webhooks->multi, hook->easy);
        curl_easy_cleanup(hook->easy);
    }
    curl_slist_free_all(hook->header);
    free(hook->body);
    hook->easy = NULL;
    hook->header = NULL;
    hook->body = NULL;
}

static size_t skip_answer(char *bytes, size_t one, size_t count, void *context)
{
    struct hook *hook = context;
    (void)bytes;
    hook->answered += one * count;
    return hook->answered > ANSWER_MAX ? 0 : one * count;
}

static void add_header(struct hook *hook, const char *name, const char *value)
{
    char line[256];
    (void)snprintf(line, sizeof(line), "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(hook->header, line);
    if (longer != NULL)
        hook->header = longer;
}

/* Takes the body over. */
static void post(struct kedge_webhooks *webhooks, struct hook *hook, char *body)
{
    char signature[128], id[24];
    hook->body = body;
    hook->answered = 0;
    hook->error[0] = '\0';
    hook->easy = body == NULL ? NULL : curl_easy_init();
    if (hook->easy == NULL) {
        let_go(webhooks, hook);
        hook->due_ms = monotonic_ms() + 1000;
        return;
    }
    webhook_sign(setting(hook, "secret"), kedge_wall_ms() / 1000, body, signature);
    (void)snprintf(id, sizeof(id), "%" PRIu64, hook->event_id);
    add_header(hook, "Content-Type", "application/json");
    add_header(hook, "Kedge-Webhook", hook->name);
    add_header(hook, "Kedge-Event-Id", id);
    add_header(hook, "Kedge-Signature", signature);
    add_header(hook, "Expect", "");
    CURL *easy = hook->easy;
    (void)curl_easy_setopt(easy, CURLOPT_URL, setting(hook, "url"));
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "kedged/" KEDGE_VERSION);
    /* A name that nobody answers for is not waited for: not at the end, nor by the other hooks. */
    (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)WEBHOOK_LIMIT_S);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, hook->header);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, skip_answer);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, hook);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, hook->error);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, hook);
    (void)curl_multi_add_handle(webhooks->multi, easy);
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

/* False: the hook has all there is. */
static bool find_event(struct kedge_webhooks *webhooks, struct hook *hook, struct search *search)
{
    *search = (struct search){.hook = hook, .last = hook->position};
    if (search_on(webhooks, search) != KEDGE_OK)
        return false;
    if (search->skipped > 0)
        kedge_log(KEDGE_LOG_WARNING, "webhook %s: %" PRIu64 " events were skipped: too many wait",
                  hook->name, search->skipped);
    if (search->is_found)
        hook->position = search->found.id - 1; /* however often it is tried, this was looked at */
    else if (search->last > hook->position)
        move_to(webhooks, hook, search->last);
    return search->is_found;
}

static bool begin_again(struct kedge_webhooks *webhooks, struct hook *hook)
{
    json_t *numbers = json_object_get(webhooks->again, hook->name);
    struct kedge_note *note = malloc(sizeof(*note));
    char *body = NULL;
    while (note != NULL && body == NULL && json_array_size(numbers) > 0) {
        (void)snprintf(hook->number, sizeof(hook->number), "%s",
                       json_string_value(json_array_get(numbers, 0)));
        (void)json_array_remove(numbers, 0);
        if (kedge_reader_note(webhooks->reader, "undelivered", hook->number, note) != KEDGE_OK)
            continue;
        json_t *content = json_loadb(note->content, note->size, 0, NULL);
        const char *text = json_string_value(json_object_get(content, "body"));
        body = text == NULL ? NULL : strdup(text);
        hook->event_id = (uint64_t)json_integer_value(json_object_get(content, "event_id"));
        json_decref(content);
    }
    free(note);
    if (body == NULL)
        return false;
    post(webhooks, hook, body);
    return true;
}

static void begin_next(struct kedge_webhooks *webhooks, struct hook *hook)
{
    struct search search;
    if (begin_again(webhooks, hook))
        return;
    hook->number[0] = '\0';
    if (!find_event(webhooks, hook, &search)) {
        hook->due_ms = NEVER;
        return;
    }
    hook->event_id = search.found.id;
    post(webhooks, hook, webhook_body(hook->name, &search.found));
}

/* ---- how it ended ---- */

static void put_aside(struct kedge_webhooks *webhooks, const struct hook *hook, const char *number,
                      unsigned attempts, const char *why)
{
    json_t *content =
        json_pack("{s:s, s:I, s:i, s:o, s:s, s:I, s:b}", "webhook", hook->name, "event_id",
                  (json_int_t)hook->event_id, "attempts", (int)attempts, "error", json_text(why),
                  "body", hook->body, "at_ms", (json_int_t)kedge_wall_ms(), "again", 0);
    char *text = content == NULL ? NULL : json_dumps(content, JSON_COMPACT);
    if (text != NULL)
        put_note(webhooks, "undelivered", number, text, WEBHOOK_UNDELIVERED_MAX);
    free(text);
    json_decref(content);
}

static uint64_t pause_ms(unsigned setbacks)
{
    uint64_t pause = setbacks > 6 ? WEBHOOK_PAUSE_MAX_MS : UINT64_C(1000) << (setbacks - 1);
    return pause < WEBHOOK_PAUSE_MAX_MS ? pause : WEBHOOK_PAUSE_MAX_MS;
}

static void on_failure(struct kedge_webhooks *webhooks, struct hook *hook, const char *why)
{
    char number[WEBHOOK_NUMBER_SIZE];
    unsigned most = (unsigned)json_integer_value(json_object_get(hook->settings, "attempts"));
    if (hook->number[0] != '\0') {
        put_aside(webhooks, hook, hook->number, 1, why);
        return;
    }
    hook->attempts++;
    hook->setbacks++;
    hook->due_ms = monotonic_ms() + pause_ms(hook->setbacks);
    /* Once one was put aside, each has one attempt until one arrives. */
    if (hook->setbacks < most)
        return;
    (void)snprintf(number, sizeof(number), "%014" PRIu64 "%06u", kedge_wall_ms(),
                   webhooks->numbered++ % 1000000u);
    kedge_log(KEDGE_LOG_WARNING, "webhook %s: event %" PRIu64 " was put aside: %s", hook->name,
              hook->event_id, why);
    put_aside(webhooks, hook, number, hook->attempts, why);
    hook->attempts = 0;
    move_to(webhooks, hook, hook->event_id);
}

static void on_success(struct kedge_webhooks *webhooks, struct hook *hook)
{
    if (hook->number[0] != '\0') {
        delete_note(webhooks, "undelivered", hook->number);
        return;
    }
    hook->attempts = hook->setbacks = 0;
    move_to(webhooks, hook, hook->event_id);
}

static void end_request(struct kedge_webhooks *webhooks, CURL *easy, CURLcode code)
{
    struct hook *hook = NULL;
    long status = 0;
    char why[CURL_ERROR_SIZE + 32];
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&hook);
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    hook->due_ms = 0;
    if (code != CURLE_OK)
        (void)snprintf(why, sizeof(why), "%s",
                       hook->error[0] != '\0' ? hook->error : curl_easy_strerror(code));
    else
        (void)snprintf(why, sizeof(why), "the answer was %ld", status);
    if (code == CURLE_OK && status / 100 == 2)
        on_success(webhooks, hook);
    else
        on_failure(webhooks, hook, why);
    let_go(webhooks, hook);
}

/* ---- the thread ---- */

/* What was on its way is posted again at once: nothing else may come for long. */
static void cut_off(struct kedge_webhooks *webhooks, struct hook *hook)
{
    hook->there = false;
    if (hook->easy != NULL)
        hook->due_ms = 0;
    let_go(webhooks, hook);
}

/* What it has delivered just now may not be in the store yet. */
static void find_position(struct kedge_webhooks *webhooks, struct hook *hook)
{
    uint64_t stored = stored_position(webhooks, hook->name);
    if (stored > hook->position)
        hook->position = stored;
}

/* Those that are gone leave; an array without gaps is left. Nothing is on its way meanwhile. */
static void read_notes(struct kedge_webhooks *webhooks)
{
    for (size_t i = 0; i < webhooks->count; i++)
        cut_off(webhooks, &webhooks->hooks[i]);
    if (kedge_reader_notes(webhooks->reader, "webhook", NULL, take_hook, webhooks) != KEDGE_OK)
        return;
    for (size_t i = 0; i < webhooks->count; i++)
        find_position(webhooks, &webhooks->hooks[i]);
    size_t kept = 0;
    for (size_t i = 0; i < webhooks->count; i++) {
        if (webhooks->hooks[i].there)
            webhooks->hooks[kept++] = webhooks->hooks[i];
        else
            json_decref(webhooks->hooks[i].settings);
    }
    webhooks->count = kept;
    (void)json_object_clear(webhooks->again);
    if (kedge_reader_notes(webhooks->reader, "undelivered", NULL, take_again, webhooks) != KEDGE_OK)
        kedge_log(KEDGE_LOG_ERROR, "what is to be delivered again cannot be read: %s",
                  kedge_reader_error(webhooks->reader));
    for (size_t i = 0; i < webhooks->count; i++)
        if (json_object_get(webhooks->again, webhooks->hooks[i].name) != NULL)
            webhooks->hooks[i].due_ms = 0;
}

static int wait_ms(const struct kedge_webhooks *webhooks)
{
    uint64_t now_ms = monotonic_ms(), least = IDLE_MS;
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
        if (hook->easy == NULL && ((woken && hook->due_ms == NEVER) ||
                                   (hook->due_ms != NEVER && monotonic_ms() >= hook->due_ms)))
            begin_next(webhooks, hook);
    }
}

static void *run(void *context)
{
    struct kedge_webhooks *webhooks = context;
    while (!atomic_load(&webhooks->ending)) {
        int running, left;
        CURLMsg *message;
        if (atomic_exchange(&webhooks->changed, false))
            read_notes(webhooks);
        begin_those_due(webhooks);
        (void)curl_multi_perform(webhooks->multi, &running);
        while ((message = curl_multi_info_read(webhooks->multi, &left)) != NULL)
            if (message->msg == CURLMSG_DONE)
                end_request(webhooks, message->easy_handle, message->data.result);
        (void)curl_multi_poll(webhooks->multi, NULL, 0, wait_ms(webhooks), NULL);
    }
    return NULL;
}

/* ---- the whole ---- */

static void webhooks_free(struct kedge_webhooks *webhooks)
{
    for (size_t i = 0; i < webhooks->count; i++) {
        let_go(webhooks, &webhooks->hooks[i]);
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
