/*
 * operations.c: operations towards devices, each kept until its answer so that it can be cancelled,
 * and asked again in another format when the device does not have the one that was chosen.
 *
 * Its records are kept as SenML CBOR, which holds whatever an operation may send, and are put into
 * the chosen format each time that it goes out.
 */
#include "updater/lwm2m/formats.h"
#include "updater/lwm2m/internal.h"
#include "updater/net/upload.h"

#include <stdlib.h>
#include <string.h>

#define PAYLOAD_MAX 1024u /* of one message */
#define SCRATCH_MAX 1024u
#define PLACE_MAX 64u /* bytes of the path of a new instance */

static const struct kind {
    uint8_t method;
    bool observe, reads, writes, composite, text_is_query;
} kinds[KEDGE_OPERATION_COUNT] = {
    [KEDGE_OPERATION_READ] = {.method = KEDGE_COAP_GET, .reads = true},
    [KEDGE_OPERATION_DISCOVER] = {.method = KEDGE_COAP_GET, .text_is_query = true},
    [KEDGE_OPERATION_OBSERVE] = {.method = KEDGE_COAP_GET,
                                 .observe = true,
                                 .reads = true,
                                 .text_is_query = true},
    [KEDGE_OPERATION_WRITE] = {.method = KEDGE_COAP_PUT, .writes = true},
    [KEDGE_OPERATION_WRITE_PARTIAL] = {.method = KEDGE_COAP_POST, .writes = true},
    [KEDGE_OPERATION_WRITE_ATTRIBUTES] = {.method = KEDGE_COAP_PUT, .text_is_query = true},
    [KEDGE_OPERATION_EXECUTE] = {.method = KEDGE_COAP_POST},
    [KEDGE_OPERATION_CREATE] = {.method = KEDGE_COAP_POST, .writes = true},
    [KEDGE_OPERATION_DELETE] = {.method = KEDGE_COAP_DELETE},
    [KEDGE_OPERATION_READ_COMPOSITE] = {.method = KEDGE_COAP_FETCH,
                                        .reads = true,
                                        .writes = true,
                                        .composite = true},
    [KEDGE_OPERATION_OBSERVE_COMPOSITE] = {.method = KEDGE_COAP_FETCH,
                                           .observe = true,
                                           .reads = true,
                                           .writes = true,
                                           .composite = true},
    [KEDGE_OPERATION_WRITE_COMPOSITE] = {.method = KEDGE_COAP_IPATCH,
                                         .writes = true,
                                         .composite = true},
};

/* A payload that goes in blocks. */
struct long_payload {
    struct kedge_upload upload;
    size_t size;
    uint8_t bytes[KEDGE_OPERATION_PAYLOAD_MAX];
};

struct operation {
    struct kedge_fleet *fleet;
    struct kedge_index_link by_id;
    uint64_t handle;              /* of the request on its way */
    struct long_payload *payload; /* on its way; NULL: it fits into that request */
    struct kedge_address to;
    const struct kind *kind;
    enum format_use use;
    uint8_t said;
    uint8_t refused;                /* formats, in answer to this one */
    int32_t accept, content_format; /* of the request on its way; -1: none */
    kedge_operation_fn *fn;
    void *context;
    struct kedge_lwm2m_path path;
    char target[KEDGE_NET_PATH_MAX + 1]; /* the path, from the device's root */
    size_t stored_size;                  /* of the records, or of the text with its NUL */
    uint8_t stored[];
};

static void drop_payload(struct operation *operation)
{
    if (operation->payload != NULL)
        kedge_upload_cancel(&operation->payload->upload);
    free(operation->payload);
    operation->payload = NULL;
}

static void operation_free(struct operation *operation)
{
    drop_payload(operation);
    kedge_index_remove(&operation->fleet->operations, &operation->by_id);
    free(operation);
}

static void on_result(void *context, enum kedge_rc rc, const struct kedge_coap_message *response);

/* Whatever it answers, it is awake. */
static void note_heard(const struct operation *operation)
{
    struct device *device = device_by_address(operation->fleet, &operation->to);
    if (device != NULL)
        device_heard(device);
}

/* ---- sending ---- */

static enum kedge_rc recode(const struct operation *operation, uint32_t format,
                            struct kedge_writer *out)
{
    struct kedge_lwm2m_record records[KEDGE_OPERATION_RECORDS_MAX];
    struct kedge_lwm2m_reader reader;
    size_t count = 0;
    enum kedge_rc rc;
    KEDGE_TRY(kedge_lwm2m_reader_open(&reader, KEDGE_LWM2M_FORMAT_SENML_CBOR,
                                      kedge_slice(operation->stored, operation->stored_size),
                                      &operation->path, NULL));
    while ((rc = kedge_lwm2m_reader_next(&reader, &records[count])) == KEDGE_OK)
        if (++count == KEDGE_OPERATION_RECORDS_MAX)
            break; /* no more were stored */
    if (rc != KEDGE_OK && rc != KEDGE_E_NOT_FOUND)
        return rc;
    return kedge_lwm2m_records_write(format, &operation->path, records, count, out);
}

static uint8_t refused_by(const struct operation *operation)
{
    const struct device *device = device_by_address(operation->fleet, &operation->to);
    return device != NULL ? operation->refused | device->formats_refused : operation->refused;
}

/* What it refused of another resource may do for this one, when nothing else is left. */
static int32_t choose_to_write(const struct operation *operation)
{
    int32_t format = format_to_write(operation->use, operation->said, refused_by(operation));
    return format != FORMAT_NONE_LEFT
               ? format
               : format_to_write(operation->use, operation->said, operation->refused);
}

/* ---- in blocks ---- */

static enum kedge_rc find_payload(void *context, struct kedge_slice *body)
{
    const struct operation *operation = context;
    *body = kedge_slice(operation->payload->bytes, operation->payload->size);
    return KEDGE_OK;
}

static void on_progress(void *context, uint64_t reach, uint8_t code)
{
    (void)reach, (void)code;
    note_heard(context);
}

static void on_stopped(void *context, const struct kedge_upload_stop *stop)
{
    struct operation *operation = context;
    bool answered = stop->rc == KEDGE_OK || stop->rc == KEDGE_E_REFUSED;
    drop_payload(operation);
    on_result(operation, answered ? KEDGE_OK : stop->rc, answered ? stop->response : NULL);
}

static const struct kedge_upload_owner owner = {
    .body = find_payload, .progress = on_progress, .stopped = on_stopped};

static enum kedge_rc transmit_in_blocks(struct operation *operation)
{
    const struct kedge_upload_request request = {.method = operation->kind->method,
                                                 .path = operation->target,
                                                 .content_format =
                                                     (uint16_t)operation->content_format};
    struct kedge_writer payload;
    enum kedge_rc rc;
    operation->handle = 0;
    operation->payload = malloc(sizeof *operation->payload);
    if (operation->payload == NULL)
        return KEDGE_E_MEMORY;
    operation->payload->upload = (struct kedge_upload){0};
    payload = kedge_writer(operation->payload->bytes, sizeof operation->payload->bytes);
    rc = recode(operation, (uint32_t)operation->content_format, &payload);
    operation->payload->size = payload.size;
    if (rc == KEDGE_OK)
        rc = kedge_upload_begin(&operation->payload->upload, operation->fleet->net, &operation->to,
                                &request, &owner, operation);
    if (rc != KEDGE_OK)
        drop_payload(operation);
    return rc;
}

/* Chooses the formats, as the device now stands to them, and sends it. */
static enum kedge_rc transmit(struct operation *operation)
{
    uint8_t bytes[PAYLOAD_MAX];
    struct kedge_writer payload = kedge_writer(bytes, sizeof bytes);
    struct kedge_net_request request = KEDGE_NET_REQUEST_INIT;
    const struct kind *kind = operation->kind;
    if (kind->reads)
        operation->accept = format_to_read(operation->use, operation->said, refused_by(operation));
    if (kind->writes && operation->stored_size > 0) {
        operation->content_format = choose_to_write(operation);
        if (operation->content_format == FORMAT_NONE_LEFT)
            return KEDGE_E_UNSUPPORTED;
        enum kedge_rc rc = recode(operation, (uint32_t)operation->content_format, &payload);
        if (rc == KEDGE_E_BUFFER && !kind->reads)
            return transmit_in_blocks(operation);
        KEDGE_TRY(rc);
    }
    request.method = kind->method;
    request.path = operation->target;
    request.observe = kind->observe;
    request.accept = operation->accept;
    request.content_format = operation->content_format;
    request.payload = kedge_writer_slice(&payload);
    if (kind->text_is_query)
        request.query = (const char *)operation->stored;
    else if (!kind->writes && operation->stored_size > 1)
        request.payload = kedge_slice(operation->stored, operation->stored_size - 1);
    return kedge_net_send(operation->fleet->net, &operation->to, &request, on_result, operation,
                          &operation->handle);
}

/* ---- answers ---- */

/*
 * Whether it has gone out again, in another format than the one that was refused. An answer in that
 * one shows that the device does not have those before; who takes none refuses something else, and
 * it tells nothing of other resources.
 */
static bool try_another_format(struct operation *operation, uint8_t code)
{
    struct device *device = device_by_address(operation->fleet, &operation->to);
    int32_t format = FORMAT_NONE_LEFT;
    if (code == KEDGE_COAP_NOT_ACCEPTABLE && operation->kind->reads)
        format = operation->accept;
    else if (code == KEDGE_COAP_UNSUPPORTED_FORMAT && operation->kind->writes)
        format = operation->content_format;
    else if (device != NULL)
        device->formats_refused |= operation->refused;
    if (format < 0)
        return false;
    operation->refused |= format_bit((uint32_t)format);
    return transmit(operation) == KEDGE_OK;
}

/* How long it wants to be asked nothing: RFC 7252 section 5.9.3.4, RFC 8516 section 4. */
static void note_pause(const struct operation *operation, const struct kedge_coap_message *response)
{
    const struct device *device = device_by_address(operation->fleet, &operation->to);
    uint32_t max_age_s;
    bool is_busy =
        response->code == KEDGE_COAP_UNAVAILABLE || response->code == KEDGE_COAP_TOO_MANY_REQUESTS;
    if (is_busy && device != NULL && device->job != NULL &&
        kedge_coap_option_uint(response, KEDGE_COAP_MAX_AGE, &max_age_s))
        job_quiet(device->job, max_age_s);
}

/* OMA LwM2M Core 1.1 section 6.3.6: where the instance is, when its number was left to the device.
 * A place that is no path counts as not said. */
static struct kedge_lwm2m_path created_path(const struct kedge_coap_message *response)
{
    char bytes[PLACE_MAX];
    struct kedge_writer text = kedge_writer(bytes, sizeof bytes);
    struct kedge_coap_options walk = kedge_coap_options(response);
    struct kedge_coap_option option;
    struct kedge_lwm2m_path path = {.depth = 0};
    enum kedge_rc rc = KEDGE_OK;
    while (rc == KEDGE_OK && kedge_coap_option_next(&walk, &option)) {
        if (option.number != KEDGE_COAP_LOCATION_PATH)
            continue;
        rc = kedge_writer_u8(&text, '/');
        if (rc == KEDGE_OK)
            rc = kedge_writer_put(&text, option.value);
    }
    if (rc != KEDGE_OK || kedge_lwm2m_path_parse(kedge_writer_slice(&text), &path) != KEDGE_OK)
        path.depth = 0;
    return path;
}

static void on_result(void *context, enum kedge_rc rc, const struct kedge_coap_message *response)
{
    struct operation *operation = context;
    uint8_t bytes[SCRATCH_MAX];
    struct kedge_writer scratch = kedge_writer(bytes, sizeof bytes);
    struct kedge_operation_answer answer = {.scratch = &scratch};
    uint32_t number;
    if (rc == KEDGE_OK)
        note_heard(operation);
    if (rc == KEDGE_OK)
        note_pause(operation, response);
    if (rc == KEDGE_OK && try_another_format(operation, response->code))
        return;
    if (rc == KEDGE_OK) {
        answer.code = response->code;
        answer.payload = response->payload;
        answer.content_format = KEDGE_LWM2M_FORMAT_NONE;
        if (kedge_coap_option_uint(response, KEDGE_COAP_CONTENT_FORMAT, &number))
            answer.content_format = number;
        if (response->code == KEDGE_COAP_CREATED)
            answer.created = created_path(response);
        answer.observing = kedge_net_observes(operation->fleet->net, operation->handle);
        answer.max_age_s = UINT32_MAX;
        if (kedge_coap_option_uint(response, KEDGE_COAP_MAX_AGE, &number))
            answer.max_age_s = number;
    }
    kedge_operation_fn *fn = operation->fn;
    void *fn_context = operation->context;
    if (!answer.observing)
        operation_free(operation);
    fn(fn_context, rc, rc == KEDGE_OK ? &answer : NULL);
}

/* ---- what is asked ---- */

static enum kedge_rc check_request(const struct kedge_operation_request *request,
                                   const struct kedge_lwm2m_path *path)
{
    bool has_records = request->record_count > 0;
    bool may_be_empty = request->kind == KEDGE_OPERATION_CREATE; /* the device fills it */
    return kedge_operation_reaches(request->kind, path->depth) &&
                   (has_records == kinds[request->kind].writes || may_be_empty) &&
                   request->record_count <= KEDGE_OPERATION_RECORDS_MAX
               ? KEDGE_OK
               : KEDGE_E_ARGUMENT;
}

static enum format_use use_of(const struct kedge_operation_request *request,
                              const struct kedge_lwm2m_path *path)
{
    if (kinds[request->kind].composite)
        return FORMAT_USE_COMPOSITE;
    if (path->depth < 3 ||
        (request->record_count > 0 && request->records[0].path.depth > path->depth))
        return FORMAT_USE_RECORDS;
    bool bytes = request->record_count > 0 && request->records[0].value.type == KEDGE_LWM2M_OPAQUE;
    return bytes ? FORMAT_USE_BYTES : FORMAT_USE_VALUE;
}

/* The records as they are kept, or the text. */
static enum kedge_rc store(const struct kedge_operation_request *request,
                           const struct kedge_lwm2m_path *path, struct kedge_writer *out)
{
    if (kinds[request->kind].writes && request->record_count == 0)
        return KEDGE_OK;
    if (kinds[request->kind].writes)
        return kedge_lwm2m_records_write(KEDGE_LWM2M_FORMAT_SENML_CBOR, path, request->records,
                                         request->record_count, out);
    struct kedge_slice text = kedge_slice_text(request->text != NULL ? request->text : "");
    if (text.size > KEDGE_OPERATION_TEXT_MAX)
        return KEDGE_E_BUFFER;
    return kedge_writer_put(
        out, kedge_slice(text.size > 0 ? (const char *)text.data : "", text.size + 1));
}

enum kedge_rc device_target(const struct device *device, const struct kedge_lwm2m_path *path,
                            char target[KEDGE_NET_PATH_MAX + 1])
{
    char text[25];
    const char *root = device_text(device, TEXT_ROOT);
    kedge_lwm2m_path_text(path, text);
    if (strlen(root) + strlen(text) > KEDGE_NET_PATH_MAX)
        return KEDGE_E_BUFFER;
    strcpy(target, root);
    /* Option by option: without the slash in front, and none at all for the root. */
    strcat(target, path->depth == 0 ? "" : root[0] != '\0' ? text : text + 1);
    return KEDGE_OK;
}

static enum kedge_rc create_with(struct device *device,
                                 const struct kedge_operation_request *request,
                                 struct kedge_writer *stored, struct operation **out)
{
    struct kedge_lwm2m_path path;
    KEDGE_TRY(kedge_lwm2m_path_parse(kedge_slice_text(request->path), &path));
    KEDGE_TRY(check_request(request, &path));
    KEDGE_TRY(store(request, &path, stored));
    struct operation *operation = calloc(1, sizeof *operation + stored->size);
    if (operation == NULL)
        return KEDGE_E_MEMORY;
    *operation = (struct operation){.fleet = device->fleet,
                                    .to = device->address,
                                    .kind = &kinds[request->kind],
                                    .use = use_of(request, &path),
                                    .said = device->links.formats,
                                    .accept = -1,
                                    .content_format = -1,
                                    .path = path,
                                    .stored_size = stored->size};
    if (request->kind == KEDGE_OPERATION_DISCOVER)
        operation->accept = (int32_t)KEDGE_LWM2M_FORMAT_LINK;
    if (request->kind == KEDGE_OPERATION_EXECUTE && stored->size > 1)
        operation->content_format = (int32_t)KEDGE_LWM2M_FORMAT_TEXT;
    memcpy(operation->stored, stored->data, stored->size);
    enum kedge_rc rc = device_target(device, &path, operation->target);
    if (rc == KEDGE_OK)
        *out = operation;
    else
        free(operation);
    return rc;
}

static enum kedge_rc create(struct device *device, const struct kedge_operation_request *request,
                            struct operation **out)
{
    uint8_t bytes[PAYLOAD_MAX];
    struct kedge_writer stored = kedge_writer(bytes, sizeof bytes);
    enum kedge_rc rc = create_with(device, request, &stored, out);
    if (rc != KEDGE_E_BUFFER)
        return rc;
    uint8_t *many = malloc(KEDGE_OPERATION_PAYLOAD_MAX);
    if (many == NULL)
        return KEDGE_E_MEMORY;
    stored = kedge_writer(many, KEDGE_OPERATION_PAYLOAD_MAX);
    rc = create_with(device, request, &stored, out);
    free(many);
    return rc;
}

enum kedge_rc operation_ask(struct device *device, const struct kedge_operation_request *request,
                            kedge_operation_fn *fn, void *context, uint64_t *handle)
{
    struct operation *operation;
    KEDGE_TRY(device_check_way(device));
    if (device_asleep(device))
        return KEDGE_E_STATE;
    KEDGE_TRY(create(device, request, &operation));
    operation->fn = fn;
    operation->context = context;
    kedge_index_insert(&device->fleet->operations, &operation->by_id,
                       ++device->fleet->last_operation);
    enum kedge_rc rc = transmit(operation);
    if (rc != KEDGE_OK)
        operation_free(operation);
    else if (handle != NULL)
        *handle = operation->by_id.hash;
    return rc;
}

/* ---- one resource ---- */

static enum kedge_rc ask_at(struct device *device, enum kedge_operation_kind kind, const char *path,
                            kedge_operation_fn *fn, void *context, uint64_t *handle)
{
    const struct kedge_operation_request request = {.kind = kind, .path = path};
    return operation_ask(device, &request, fn, context, handle);
}

enum kedge_rc operation_read(struct device *device, const char *path, kedge_operation_fn *fn,
                             void *context, uint64_t *handle)
{
    return ask_at(device, KEDGE_OPERATION_READ, path, fn, context, handle);
}

enum kedge_rc operation_observe(struct device *device, const char *path, kedge_operation_fn *fn,
                                void *context, uint64_t *handle)
{
    return ask_at(device, KEDGE_OPERATION_OBSERVE, path, fn, context, handle);
}

enum kedge_rc operation_write(struct device *device, const char *path,
                              const struct kedge_lwm2m_value *value, kedge_operation_fn *fn,
                              void *context, uint64_t *handle)
{
    struct kedge_lwm2m_record record = {.encoding = KEDGE_LWM2M_TYPED, .value = *value};
    KEDGE_TRY(kedge_lwm2m_path_parse(kedge_slice_text(path), &record.path));
    const struct kedge_operation_request request = {
        .kind = KEDGE_OPERATION_WRITE, .path = path, .records = &record, .record_count = 1};
    return operation_ask(device, &request, fn, context, handle);
}

enum kedge_rc operation_execute(struct device *device, const char *path, const char *arguments,
                                kedge_operation_fn *fn, void *context, uint64_t *handle)
{
    const struct kedge_operation_request request = {
        .kind = KEDGE_OPERATION_EXECUTE, .path = path, .text = arguments};
    return operation_ask(device, &request, fn, context, handle);
}

enum kedge_rc operation_value(const struct kedge_operation_answer *answer, const char *path,
                              enum kedge_lwm2m_type type, struct kedge_lwm2m_value *value)
{
    struct kedge_lwm2m_path parsed;
    if (answer->code != KEDGE_COAP_CONTENT)
        return KEDGE_E_NOT_FOUND;
    KEDGE_TRY(kedge_lwm2m_path_parse(kedge_slice_text(path), &parsed));
    return kedge_lwm2m_value_read(answer->content_format, answer->payload, &parsed, type,
                                  answer->scratch, value);
}

bool operation_may_be_whole(const struct device *device)
{
    return !device->singly && format_to_read(FORMAT_USE_RECORDS, device->links.formats,
                                             device->formats_refused) != FORMAT_NONE_LEFT;
}

bool operation_is_whole(const struct kedge_operation_answer *answer)
{
    return answer->code == KEDGE_COAP_CONTENT && format_holds_records(answer->content_format);
}

/* ---- by endpoint ---- */

enum kedge_rc kedge_device_ask(struct kedge_fleet *fleet, const char *endpoint,
                               const struct kedge_operation_request *request,
                               kedge_operation_fn *fn, void *context, uint64_t *handle)
{
    struct device *device = device_by_endpoint(fleet, kedge_slice_text(endpoint));
    if (device == NULL || !device->registered)
        return KEDGE_E_NOT_FOUND;
    return operation_ask(device, request, fn, context, handle);
}

static void cancel(struct kedge_fleet *fleet, uint64_t handle,
                   void (*end)(struct kedge_net *net, uint64_t handle))
{
    struct kedge_index_link *link = kedge_index_find(&fleet->operations, handle);
    if (link == NULL)
        return;
    struct operation *operation = KEDGE_INDEX_THING(link, struct operation, by_id);
    end(fleet->net, operation->handle);
    operation_free(operation);
}

void kedge_device_cancel(struct kedge_fleet *fleet, uint64_t handle)
{
    cancel(fleet, handle, kedge_net_cancel);
}

void kedge_device_unobserve(struct kedge_fleet *fleet, uint64_t handle)
{
    struct kedge_index_link *link = kedge_index_find(&fleet->operations, handle);
    if (link == NULL)
        return;
    const struct operation *operation = KEDGE_INDEX_THING(link, struct operation, by_id);
    const struct device *device = device_by_address(fleet, &operation->to);
    bool may_be_asked = device != NULL && !device_asleep(device);
    cancel(fleet, handle, may_be_asked ? kedge_net_unobserve : kedge_net_cancel);
}

void operations_free(struct kedge_fleet *fleet)
{
    struct kedge_index_link *link;
    while ((link = kedge_index_walk(&fleet->operations, NULL)) != NULL)
        kedge_device_cancel(fleet, link->hash);
}
